"""Sentences into vectors: all-MiniLM-L6-v2, mean-pooled over its tokens and scaled to length 1.

The same recipe as the model's authors give (mean of the last hidden state under the attention mask,
then L2 norm; 256 tokens at most), without the library they wrapped it in.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from assistant.bundled import locate_model
from assistant.errors import ModelUnavailable
from assistant.settings import Settings

DIMENSIONS = 384
MAX_TOKENS = 256  # what the model was trained with; longer text is cut


class SentenceEncoder(Protocol):
    def encode(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """Return shape (n, 384), rows of length 1, in the order given."""
        ...


def load_encoder(*, settings: Settings) -> SentenceEncoder:
    """Load the bundled encoder (under a second once torch is imported).

    Raises `ModelUnavailable` if it is missing or altered.
    """
    folder = locate_model("encoder", settings=settings)
    return LocalEncoder(folder, batch_size=settings.batch_size)


class LocalEncoder:
    """MiniLM on the CPU in float32; its weights are shared with everything learned over it."""

    def __init__(self, folder: Path, *, batch_size: int) -> None:
        from safetensors import SafetensorError

        from assistant.encoder_net import load_plain, load_tokenizer

        self._batch_size = batch_size
        try:
            self._net = load_plain(folder)
            self._tokenizer = load_tokenizer(folder)
        except (OSError, KeyError, ValueError, RuntimeError, SafetensorError):
            raise ModelUnavailable(
                f"The encoder in {folder} cannot be loaded. Run `ownwords models fetch`."
            ) from None
        self._tokenizer.enable_truncation(MAX_TOKENS)

    def encode(self, texts: Sequence[str]) -> NDArray[np.float32]:
        vectors = np.zeros((len(texts), DIMENSIONS), dtype=np.float32)
        # Texts of one length together: little padding, and the same batches on every run.
        order = sorted(range(len(texts)), key=lambda i: (len(texts[i]), i))
        for at in range(0, len(order), self._batch_size):
            rows = order[at : at + self._batch_size]
            vectors[rows] = self._encode_batch([texts[i] for i in rows])
        return vectors

    def _encode_batch(self, texts: list[str]) -> NDArray[np.float32]:
        import torch

        rows = [self._tokenizer.encode(text).ids for text in texts]
        pieces = torch.zeros((len(rows), max(map(len, rows))), dtype=torch.long)  # 0 pads
        for row, ids in zip(pieces, rows, strict=True):
            row[: len(ids)] = torch.tensor(ids)
        with torch.inference_mode():
            is_there = pieces != 0
            hidden = self._net.read(pieces, torch.zeros_like(pieces), is_there)
            mask = is_there.unsqueeze(-1).to(hidden.dtype)  # (batch, tokens, 1)
            mean = (hidden * mask).sum(dim=1) / mask.sum(dim=1).clamp(min=1)
            unit = torch.nn.functional.normalize(mean, dim=1)
        vectors: NDArray[np.float32] = unit.numpy()
        return vectors
