"""Sentences into vectors: all-MiniLM-L6-v2, mean-pooled over its tokens and scaled to length 1.

The same recipe as the model's authors give (mean of the last hidden state under the attention mask,
then L2 norm; 256 tokens at most), without the library they wrapped it in.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np
from numpy.typing import NDArray

from assistant.bundled import locate_model
from assistant.errors import ModelUnavailable
from assistant.settings import Settings

if TYPE_CHECKING:
    from torch import Tensor

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
    """MiniLM on the CPU in float32."""

    def __init__(self, folder: Path, *, batch_size: int) -> None:
        from assistant.draft.weights import load_quietly

        self._batch_size = batch_size
        try:
            self._tokenizer, self._model = load_quietly(folder, kind="encoder")
        except (OSError, ValueError, ImportError):
            raise ModelUnavailable(
                f"The encoder in {folder} cannot be loaded. Run `ownwords models fetch`."
            ) from None

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

        inputs: dict[str, Any] = dict(
            self._tokenizer(
                texts, padding=True, truncation=True, max_length=MAX_TOKENS, return_tensors="pt"
            )
        )
        with torch.inference_mode():
            hidden: Tensor = self._model(**inputs).last_hidden_state  # (batch, tokens, 384)
            mask = inputs["attention_mask"].unsqueeze(-1).to(hidden.dtype)
            mean = (hidden * mask).sum(dim=1) / mask.sum(dim=1).clamp(min=1)
            unit = torch.nn.functional.normalize(mean, dim=1)
        vectors: NDArray[np.float32] = unit.numpy()
        return vectors
