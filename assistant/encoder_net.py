"""The sentence encoder MiniLM with a low-rank change to every layer and a class for each piece.

BERT (Devlin et al. 2019) as all-MiniLM-L6-v2 has it, written out: importing transformers takes
more than a second by itself. The change is LoRA (Hu et al. 2021) on every linear map; what was
learned is the change, the norms, an embedding of a mark that each piece carries (how it is
capitalised, who says it), and the last map to classes. Import this module only where a network is
needed.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache, partial
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional

from assistant.errors import ModelUnavailable

if TYPE_CHECKING:
    from tokenizers import Tokenizer

RANK = 32
Net = TypeVar("Net", bound=nn.Module)
PAD = 0
_PIECES_PER_BATCH = 4_096


@dataclass(frozen=True, slots=True, kw_only=True)
class Shape:
    """The sizes of the encoder, from its `config.json`."""

    width: int
    n_layers: int
    n_heads: int
    inner: int
    eps: float


def read_shape(folder: Path) -> Shape:
    config = json.loads((folder / "config.json").read_text("utf-8"))
    return Shape(
        width=config["hidden_size"], n_layers=config["num_hidden_layers"],
        n_heads=config["num_attention_heads"], inner=config["intermediate_size"],
        eps=config["layer_norm_eps"],
    )  # fmt: skip


class ChangedLinear(nn.Module):  # type: ignore[misc] # torch has no types here
    """A frozen linear map and a learned change of low rank; `settle` makes one map of both."""

    def __init__(
        self, n_in: int, n_out: int, *, rank: int = RANK, has_bias: bool = True,
        dtype: torch.dtype = torch.float32,
    ) -> None:  # fmt: skip
        super().__init__()
        self.weight = nn.Parameter(torch.empty(n_out, n_in, dtype=dtype), requires_grad=False)
        self.bias = nn.Parameter(torch.zeros(n_out)) if has_bias else None
        self.down = nn.Parameter(torch.empty(rank, n_in))
        self.up = nn.Parameter(torch.zeros(n_out, rank))
        nn.init.kaiming_uniform_(self.down, a=5**0.5)
        self.is_settled = False

    def settle(self) -> None:
        """Make one map of both; a new one, since nets share the frozen weights."""
        with torch.no_grad():
            whole = torch.addmm(self.weight.float(), self.up, self.down)
        self.weight = nn.Parameter(whole.to(self.weight.dtype), requires_grad=False)
        self.is_settled = True

    def forward(self, x: Tensor) -> Tensor:
        y = functional.linear(x, self.weight, self.bias)
        if self.is_settled:
            return y
        down, up = self.down.to(x.dtype), self.up.to(x.dtype)
        return y + functional.linear(functional.linear(x, down), up)


class Layer(nn.Module):  # type: ignore[misc] # torch has no types here
    def __init__(self, shape: Shape) -> None:
        super().__init__()
        width = shape.width
        self.n_heads = shape.n_heads
        self.query = ChangedLinear(width, width)
        self.key = ChangedLinear(width, width)
        self.value = ChangedLinear(width, width)
        self.joined = ChangedLinear(width, width)
        self.first_norm = nn.LayerNorm(width, eps=shape.eps)
        self.widen = ChangedLinear(width, shape.inner)
        self.narrow = ChangedLinear(shape.inner, width)
        self.second_norm = nn.LayerNorm(width, eps=shape.eps)

    def forward(self, x: Tensor, mask: Tensor, dropout: float) -> Tensor:
        n, length, width = x.shape

        def split(y: Tensor) -> Tensor:
            return y.view(n, length, self.n_heads, width // self.n_heads).transpose(1, 2)

        attended = functional.scaled_dot_product_attention(
            split(self.query(x)), split(self.key(x)), split(self.value(x)), attn_mask=mask
        )
        joined = self.joined(attended.transpose(1, 2).reshape(n, length, width))
        x = self.first_norm(x + functional.dropout(joined, dropout, self.training))
        inner = self.narrow(functional.gelu(self.widen(x)))
        out: Tensor = self.second_norm(x + functional.dropout(inner, dropout, self.training))
        return out


class TagNet(nn.Module):  # type: ignore[misc] # torch has no types here
    """Word pieces to classes. `dropout` counts in training only."""

    def __init__(
        self, shape: Shape, *, n_pieces: int, n_positions: int, n_marks: int, n_classes: int,
        dropout: float,
    ) -> None:  # fmt: skip
        super().__init__()
        width = shape.width
        self.dropout = dropout
        self.words = nn.Embedding(n_pieces, width)
        self.positions = nn.Embedding(n_positions, width)
        self.kinds = nn.Embedding(2, width)
        for table in (self.words, self.positions, self.kinds):
            table.weight.requires_grad_(requires_grad=False)
        self.shapes = nn.Embedding(n_marks, width)
        nn.init.zeros_(self.shapes.weight)
        self.norm = nn.LayerNorm(width, eps=shape.eps)
        self.layers = nn.ModuleList(Layer(shape) for _ in range(shape.n_layers))
        self.out = nn.Linear(width, n_classes)

    def read(self, pieces: Tensor, shapes: Tensor, is_there: Tensor) -> Tensor:
        """Return the last hidden state (batch, length, width).

        `pieces` and `shapes` are ids (batch, length); `is_there` is True where a piece stands.
        """
        places = torch.arange(pieces.shape[1])
        x = self.words(pieces) + self.positions(places) + self.kinds.weight[0] + self.shapes(shapes)
        x = functional.dropout(self.norm(x), self.dropout, self.training)
        mask = is_there[:, None, None, :]
        for layer in self.layers:
            x = layer(x, mask, self.dropout)
        return x

    def forward(self, pieces: Tensor, shapes: Tensor, is_there: Tensor) -> Tensor:
        """Return class scores (batch, length, n_classes) before softmax; takes what `read` does."""
        x = functional.dropout(self.read(pieces, shapes, is_there), self.dropout, self.training)
        scores: Tensor = self.out(x)
        return scores


def pad(rows: Sequence[NDArray[np.int64]], *, filler: int = PAD) -> NDArray[np.int64]:
    """Put rows under one another, shape (rows, longest), filled up at their ends."""
    padded = np.full((len(rows), max(map(len, rows))), filler, dtype=np.int64)
    for row, values in zip(padded, rows, strict=True):
        row[: len(values)] = values
    return padded


def score_rows(
    net: nn.Module, pieces: Sequence[NDArray[np.int64]], marks: Sequence[NDArray[np.int64]]
) -> Tensor:
    """Score rows of pieces together, each with its mark; shape (rows, longest, n_classes)."""
    padded = torch.from_numpy(pad(pieces))
    scores: Tensor = net(padded, torch.from_numpy(pad(marks)), padded != PAD)
    return scores


def run_rows(
    net: nn.Module, rows: Sequence[tuple[NDArray[np.int64], NDArray[np.int64]]]
) -> list[NDArray[np.float32]]:
    """Score rows of any number, (pieces, marks) each; per row (length, n_classes), in order.

    Rows of like length go together, so that little is read that is only filler.
    """
    found: list[NDArray[np.float32]] = [np.empty(0, dtype=np.float32)] * len(rows)
    order = sorted(range(len(rows)), key=lambda i: len(rows[i][0]))
    at = 0
    while at < len(order):
        n = 1
        while at + n < len(order) and len(rows[order[at + n]][0]) * (n + 1) <= _PIECES_PER_BATCH:
            n += 1
        group = order[at : at + n]
        with torch.inference_mode():
            scores = score_rows(net, [rows[i][0] for i in group], [rows[i][1] for i in group])
        for i, values in zip(group, scores.numpy(), strict=True):
            found[i] = values[: len(rows[i][0])]
        at += n
    return found


def softmax(scores: NDArray[np.float32]) -> NDArray[np.float32]:
    """Shares along the last axis, which sum to 1."""
    lifted = np.exp(scores - scores.max(axis=-1, keepdims=True))
    shares: NDArray[np.float32] = lifted / lifted.sum(axis=-1, keepdims=True)
    return shares


_OWN_NAMES = {
    "attention.self.query": "query", "attention.self.key": "key", "attention.self.value": "value",
    "attention.output.dense": "joined", "attention.output.LayerNorm": "first_norm",
    "intermediate.dense": "widen", "output.dense": "narrow", "output.LayerNorm": "second_norm",
}  # fmt: skip
_OWN_TABLES = {
    "embeddings.word_embeddings": "words", "embeddings.position_embeddings": "positions",
    "embeddings.token_type_embeddings": "kinds", "embeddings.LayerNorm": "norm",
}  # fmt: skip


def build_net(
    folder: Path, *, n_marks: int, n_classes: int, dropout: float = 0.1, is_empty: bool = False
) -> TagNet:
    """Build the network over the encoder in `folder`, nothing learned yet.

    With `is_empty` what is to be learned has no values until `put_learned`; that loads faster.
    Raises `OSError`, `KeyError`, `RuntimeError` or `ValueError` if the files do not fit.
    """
    weights = _frozen_weights(folder)
    with torch.device("meta" if is_empty else "cpu"):
        net = TagNet(
            read_shape(folder), n_pieces=len(weights["embeddings.word_embeddings.weight"]),
            n_positions=len(weights["embeddings.position_embeddings.weight"]), n_marks=n_marks,
            n_classes=n_classes, dropout=dropout,
        )  # fmt: skip
    renamed = {
        own: weight for name, weight in weights.items() if (own := _own_name(name)) is not None
    }
    frozen = {name for name, weight in net.named_parameters() if not weight.requires_grad}
    weights = {name: w if name in frozen else w.clone() for name, w in renamed.items()}
    missing = net.load_state_dict(weights, strict=False, assign=True).missing_keys
    new = {"shapes.weight", "out.weight", "out.bias"}
    if any(name not in new and not name.endswith((".down", ".up")) for name in missing):
        raise ValueError("weights of the encoder are missing")
    return net


@lru_cache(maxsize=1)
def _frozen_weights(folder: Path) -> dict[str, Tensor]:
    """The encoder's weights, read once and shared by every net over it; never written to."""
    from safetensors.torch import load_file

    return dict(load_file(folder / "model.safetensors"))


def _own_name(name: str) -> str | None:
    stem, _, last = name.rpartition(".")
    if stem in _OWN_TABLES:
        return f"{_OWN_TABLES[stem]}.{last}"
    parts = stem.split(".", 3)
    if parts[:2] != ["encoder", "layer"] or parts[3] not in _OWN_NAMES:
        return None
    return f"layers.{parts[2]}.{_OWN_NAMES[parts[3]]}.{last}"


def load_tokenizer(folder: Path) -> Tokenizer:
    """Load the tokenizer of the encoder, without cutting or padding of its own."""
    from tokenizers import Tokenizer

    tokenizer = Tokenizer.from_file(str(folder / "tokenizer.json"))
    tokenizer.no_truncation()
    tokenizer.no_padding()
    return tokenizer


def learned_weights(net: nn.Module) -> dict[str, Tensor]:
    """Return what training changed, in half precision."""
    return {
        name: weight.detach().half().contiguous()
        for name, weight in net.named_parameters()
        if weight.requires_grad
    }


def load_plain(folder: Path) -> TagNet:
    """Build the encoder as its authors made it; only `read` is of use, with every mark 0.

    Raises what `build_net` raises.
    """
    net = build_net(folder, n_marks=1, n_classes=1, is_empty=True)
    net.shapes = nn.Embedding.from_pretrained(torch.zeros(1, net.words.embedding_dim))
    for module in net.modules():
        if isinstance(module, ChangedLinear):
            module.is_settled = True  # there is no change to add
    net.eval()
    return net


def load_net(folder: Path, adapter: Path, *, n_marks: int, n_classes: int) -> TagNet:
    """Build the network over the encoder in `folder` with what `adapter` holds, for use.

    Raises `ModelUnavailable` if a file is missing, broken or does not fit.
    """
    build = partial(build_net, folder, n_marks=n_marks, n_classes=n_classes, is_empty=True)
    return with_learned(build, adapter)


def with_learned(build: Callable[[], Net], adapter: Path) -> Net:
    """Build a network and put in what `adapter` holds. Raises `ModelUnavailable`."""
    from safetensors import SafetensorError
    from safetensors.torch import load_file

    try:
        net = build()
        put_learned(net, load_file(adapter))
    except (OSError, KeyError, ValueError, RuntimeError, SafetensorError):
        raise ModelUnavailable(
            f"{adapter.name} cannot be loaded or does not fit its model. Run `ownwords models "
            "fetch`; if that does not help, install Own Words again."
        ) from None
    return net


def put_learned(net: nn.Module, learned: Mapping[str, Tensor]) -> None:
    """Put what was learned into a net, for use: the changes become part of the maps.

    Raises `ValueError` if something is missing or too much.
    """
    wanted = {name for name, weight in net.named_parameters() if weight.requires_grad}
    if wanted != set(learned):
        raise ValueError("the adapter does not fit the network")
    net.load_state_dict({name: w.float() for name, w in learned.items()}, strict=False, assign=True)
    for module in net.modules():
        if isinstance(module, ChangedLinear):
            module.settle()
    net.eval()
