"""The first layers of the small language model SmolLM2, read both ways, with a low-rank change.

Llama (Touvron et al. 2023) as SmolLM2 has it, written out, without its causal mask: the change
(LoRA, Hu et al. 2021) learns to make use of what comes after a piece as well (as in LLM2Vec,
BehnamGhader et al. 2024). It misses other things than the sentence encoder, and takes a little more
than twice its time. What was learned is the change, an embedding of a mark that each piece carries,
and the last map to classes. Import this module only where a network is needed.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from functools import lru_cache, partial
from pathlib import Path

import torch
from torch import Tensor, nn
from torch.nn import functional

from assistant.encoder_net import ChangedLinear, with_learned

RANK = 16
N_LAYERS = 12  # of 30: as many as read a sentence of 25 pieces in less than 20 ms on two cores


@dataclass(frozen=True, slots=True, kw_only=True)
class Shape:
    """The sizes of the language model, from its `config.json`."""

    width: int
    n_heads: int
    n_shared: int  # heads of keys and values
    inner: int
    eps: float
    theta: float

    @property
    def head(self) -> int:
        return self.width // self.n_heads


def read_shape(folder: Path) -> Shape:
    config = json.loads((folder / "config.json").read_text("utf-8"))
    return Shape(
        width=config["hidden_size"], n_heads=config["num_attention_heads"],
        n_shared=config["num_key_value_heads"], inner=config["intermediate_size"],
        eps=config["rms_norm_eps"], theta=config["rope_parameters"]["rope_theta"],
    )  # fmt: skip


def best_type() -> torch.dtype:
    """Half precision where the processor multiplies in it (AMX); elsewhere it would be slow."""
    has_tiles = bool(torch.cpu._is_amx_tile_supported())
    return torch.bfloat16 if has_tiles else torch.float32


class Layer(nn.Module):  # type: ignore[misc] # torch has no types here
    def __init__(self, shape: Shape, *, rank: int, dtype: torch.dtype) -> None:
        super().__init__()
        self.shape = shape

        def linear(n_in: int, n_out: int) -> ChangedLinear:
            return ChangedLinear(n_in, n_out, rank=rank, has_bias=False, dtype=dtype)

        def norm() -> nn.Parameter:
            return nn.Parameter(torch.empty(shape.width, dtype=dtype), requires_grad=False)

        shared = shape.n_shared * shape.head
        self.first_norm, self.second_norm = norm(), norm()
        self.query = linear(shape.width, shape.width)
        self.key = linear(shape.width, shared)
        self.value = linear(shape.width, shared)
        self.joined = linear(shape.width, shape.width)
        self.gate = linear(shape.width, shape.inner)
        self.widen = linear(shape.width, shape.inner)
        self.narrow = linear(shape.inner, shape.width)

    def forward(self, x: Tensor, mask: Tensor, turns: tuple[Tensor, Tensor]) -> Tensor:
        n, length, width = x.shape

        def split(y: Tensor) -> Tensor:
            return y.view(n, length, -1, self.shape.head).transpose(1, 2)

        normed = functional.rms_norm(x, (width,), self.first_norm, self.shape.eps)
        attended = functional.scaled_dot_product_attention(
            _turn(split(self.query(normed)), turns), _turn(split(self.key(normed)), turns),
            split(self.value(normed)), attn_mask=mask, enable_gqa=True,
        )  # fmt: skip
        x = x + self.joined(attended.transpose(1, 2).reshape(n, length, width))
        normed = functional.rms_norm(x, (width,), self.second_norm, self.shape.eps)
        out: Tensor = x + self.narrow(functional.silu(self.gate(normed)) * self.widen(normed))
        return out


def _turn(x: Tensor, turns: tuple[Tensor, Tensor]) -> Tensor:
    """Rotary places (Su et al. 2021), the halves of a head turned together."""
    cos, sin = turns
    first, second = x.chunk(2, dim=-1)
    return x * cos + torch.cat((-second, first), dim=-1) * sin


class DecoderNet(nn.Module):  # type: ignore[misc] # torch has no types here
    """Pieces to classes, called as `encoder_net.TagNet` is. `dropout` counts in training only."""

    def __init__(
        self, shape: Shape, *, n_pieces: int, n_layers: int, rank: int, n_marks: int,
        n_classes: int, dropout: float, dtype: torch.dtype,
    ) -> None:  # fmt: skip
        super().__init__()
        self.shape, self.dropout, self.dtype = shape, dropout, dtype
        self.words = nn.Embedding(n_pieces, shape.width, dtype=dtype)
        self.words.weight.requires_grad_(requires_grad=False)
        self.marks = nn.Embedding(n_marks, shape.width)
        nn.init.zeros_(self.marks.weight)
        self.layers = nn.ModuleList(Layer(shape, rank=rank, dtype=dtype) for _ in range(n_layers))
        self.norm = nn.Parameter(torch.empty(shape.width, dtype=dtype), requires_grad=False)
        self.out = nn.Linear(shape.width, n_classes)

    def forward(self, pieces: Tensor, marks: Tensor, is_there: Tensor) -> Tensor:
        """Return class scores (batch, length, n_classes) before softmax.

        `pieces` and `marks` are ids (batch, length); `is_there` is True where a piece stands.
        """
        x = self.words(pieces) + self.marks(marks).to(self.dtype)
        turns = _turns(pieces.shape[1], self.shape, self.dtype)
        mask = is_there[:, None, None, :]
        for layer in self.layers:
            x = layer(x, mask, turns)
        x = functional.rms_norm(x, (self.shape.width,), self.norm, self.shape.eps).float()
        scores: Tensor = self.out(functional.dropout(x, self.dropout, self.training))
        return scores


def _turns(length: int, shape: Shape, dtype: torch.dtype) -> tuple[Tensor, Tensor]:
    steps = shape.theta ** -(torch.arange(0, shape.head, 2) / shape.head)
    angles = torch.outer(torch.arange(length), steps)
    angles = torch.cat((angles, angles), dim=-1)
    return angles.cos().to(dtype), angles.sin().to(dtype)


_OWN_NAMES = {
    "input_layernorm": "first_norm", "post_attention_layernorm": "second_norm",
    "self_attn.q_proj": "query.weight", "self_attn.k_proj": "key.weight",
    "self_attn.v_proj": "value.weight", "self_attn.o_proj": "joined.weight",
    "mlp.gate_proj": "gate.weight", "mlp.up_proj": "widen.weight", "mlp.down_proj": "narrow.weight",
}  # fmt: skip


@lru_cache(maxsize=1)
def _frozen_weights(folder: Path, n_layers: int, dtype: torch.dtype) -> dict[str, Tensor]:
    """The model's weights by our names, read once and shared by every net; never written to."""
    from safetensors import safe_open

    with safe_open(folder / "model.safetensors", framework="pt") as file:
        weights = {
            f"layers.{at}.{own}": file.get_tensor(f"model.layers.{at}.{name}.weight")
            for at in range(n_layers)
            for name, own in _OWN_NAMES.items()
        }
        weights["words.weight"] = file.get_tensor("model.embed_tokens.weight")
        weights["norm"] = file.get_tensor("model.norm.weight")
    return {name: weight.to(dtype) for name, weight in weights.items()}


def build_net(
    folder: Path, *, n_marks: int, n_classes: int, n_layers: int = N_LAYERS, rank: int = RANK,
    dropout: float = 0.1, is_empty: bool = False,
) -> DecoderNet:  # fmt: skip
    """Build the network over the language model in `folder`, nothing learned yet.

    With `is_empty` what is to be learned has no values until `put_learned`; that loads faster.
    Raises `OSError`, `KeyError`, `RuntimeError` or `SafetensorError` if the files do not fit.
    """
    dtype = best_type()
    weights = _frozen_weights(folder, n_layers, dtype)
    with torch.device("meta" if is_empty else "cpu"):
        net = DecoderNet(
            read_shape(folder), n_pieces=len(weights["words.weight"]), n_layers=n_layers,
            rank=rank, n_marks=n_marks, n_classes=n_classes, dropout=dropout, dtype=dtype,
        )  # fmt: skip
    net.load_state_dict(weights, strict=False, assign=True)
    for name, weight in net.named_parameters():
        weight.requires_grad_(name not in weights)
    return net


def load_net(folder: Path, adapter: Path, *, n_marks: int, n_classes: int) -> DecoderNet:
    """Build the network over the model in `folder` with what `adapter` holds, for use.

    Raises `ModelUnavailable` if a file is missing, broken or does not fit.
    """
    build = partial(build_net, folder, n_marks=n_marks, n_classes=n_classes, is_empty=True)
    return with_learned(build, adapter)
