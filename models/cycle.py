"""One cycle of learning over the encoder, shared by the commands that train a net."""

from __future__ import annotations

import argparse
import math
import random
import sys
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

from assistant.bundled import locate_model
from assistant.settings import load_settings

if TYPE_CHECKING:
    from tokenizers import Tokenizer
    from torch import Tensor

    from assistant.decoder_net import DecoderNet
    from assistant.encoder_net import TagNet

    Net = TagNet | DecoderNet

WARM_UP = 0.06
One = TypeVar("One")


def group_by_length(
    items: Sequence[One], length: Callable[[One], int], rng: random.Random, *, most: int
) -> list[list[One]]:
    """Put items of like length together, `most` pieces a group with the padding, and mix groups."""
    groups: list[list[One]] = [[]]
    for one in sorted(items, key=lambda item: (length(item), rng.random())):
        if groups[-1] and (len(groups[-1]) + 1) * length(one) > most:
            groups.append([])
        groups[-1].append(one)
    rng.shuffle(groups)
    return groups


def run_cycle(
    net: Net,
    passes: Iterable[Sequence[One]],
    loss_of: Callable[[One], Tensor],
    *,
    n_passes: int,
    rate: float,
    kept: Path,
) -> None:
    """Learn through one cycle of a falling rate; a pass is a row of groups. What was learned is
    written to `kept` each time a pass is done."""
    import torch

    learned = [weight for weight in net.parameters() if weight.requires_grad]
    optimizer = torch.optim.AdamW(learned, lr=rate, weight_decay=0.01)
    for number, groups in enumerate(passes):
        began, total = time.monotonic(), 0.0
        for step, group in enumerate(groups):
            done = (number + step / len(groups)) / n_passes
            scale = min(1.0, done / WARM_UP) * 0.5 * (1 + math.cos(math.pi * done))
            for settings in optimizer.param_groups:
                settings["lr"] = rate * max(scale, 0.01)
            loss = loss_of(group)
            loss.backward()
            torch.nn.utils.clip_grad_norm_(learned, 1.0)
            optimizer.step()
            optimizer.zero_grad()
            total += loss.item()
        print(f"pass {number + 1} of {n_passes}: loss {total / len(groups):.4f}, "
              f"{time.monotonic() - began:.0f} s", file=sys.stderr, flush=True)  # fmt: skip
        write_adapter(net, kept)


def read_options(name: str, arguments: Sequence[str]) -> tuple[Path | None, int]:
    """Return the file of `--begun`, if any, and the cycle of `--from`, counted from 0."""
    parser = argparse.ArgumentParser(prog=f"python -m models.{name}")
    parser.add_argument("--begun", type=Path, help="what the cycle before learned")
    parser.add_argument("--from", type=int, default=1, dest="first", help="the cycle to begin with")
    options = parser.parse_args(arguments)
    if (options.begun is None) != (options.first == 1):
        parser.error("--begun and --from (2 or later) belong together")
    return options.begun, options.first - 1


def begin_net(
    *, seed: int, n_marks: int, n_classes: int, begun: Path | None = None
) -> tuple[TagNet, Tokenizer]:
    """A net over the encoder, with what `begun` holds or nothing learned yet, and its tokenizer."""
    import torch
    from safetensors.torch import load_file

    from assistant.encoder_net import build_net, load_tokenizer

    torch.manual_seed(seed)
    folder = locate_model("encoder", settings=load_settings())
    net = build_net(folder, n_marks=n_marks, n_classes=n_classes)
    if begun is not None:
        net.load_state_dict({n: w.float() for n, w in load_file(begun).items()}, strict=False)
    net.train()
    return net, load_tokenizer(folder)


def begin_deep_net(*, seed: int, n_marks: int, n_classes: int) -> tuple[DecoderNet, Tokenizer]:
    """A net over the first layers of the language model, nothing learned yet, and its tokenizer."""
    import torch

    from assistant.decoder_net import build_net
    from assistant.encoder_net import load_tokenizer

    torch.manual_seed(seed)
    folder = locate_model("drafter", settings=load_settings())
    net = build_net(folder, n_marks=n_marks, n_classes=n_classes)
    net.train()
    return net, load_tokenizer(folder)


def keep_learned(net: Net, adapter: Path) -> None:
    """Write what was learned, and take away what the passes left."""
    write_adapter(net, adapter)
    adapter.with_suffix(".partial").unlink(missing_ok=True)


def write_adapter(net: Net, path: Path) -> None:
    from assistant.encoder_net import learned_weights

    write_weights(learned_weights(net), path)


def write_weights(learned: Mapping[str, Tensor], path: Path) -> None:
    from safetensors.torch import save_file

    path.parent.mkdir(parents=True, exist_ok=True)
    save_file(dict(learned), path)
    path.chmod(0o644)  # written owner-only; it is shipped for everyone
