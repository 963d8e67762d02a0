"""Suggests which service activities a peer's words may be: at most three, for the peer to confirm.

A linear map over the vector of the sentence, learned by `models/train_activities.py`. In six cases
of ten one of the three is right (`models/cards/activities.md`), so nothing is ever set from it.
"""

from __future__ import annotations

import tomllib
from dataclasses import dataclass
from functools import cache
from typing import Literal, get_args

import numpy as np
from numpy.typing import NDArray

from assistant.draft.session import Vectors
from assistant.errors import ModelUnavailable, SettingError
from assistant.resources import resource_path

ADAPTER = "models/heads/activities.safetensors"
N_ACTIVITIES = 19
MOST = 3
MIN_LIKELY = 0.10  # chosen on dev (models/cards/activities.md)
Kind = Literal["emotional", "informational", "instrumental", "affiliational"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Activity:
    number: int
    name: str
    kind: Kind


@cache
def load_activities() -> dict[int, Activity]:
    """Read `policies/activities.toml`, by number. Raises `SettingError`."""
    rows = tomllib.loads(resource_path("policies/activities.toml").read_text("utf-8"))["activity"]
    found = {row["number"]: Activity(**row) for row in rows}
    if sorted(found) != list(range(1, N_ACTIVITIES + 1)) or any(
        one.kind not in get_args(Kind) for one in found.values()
    ):
        raise SettingError("policies/activities.toml must name activities 1 to 19, each of a kind.")
    return found


class ActivityHead:
    """`weights` has shape (activities, vector length), `bias` (activities,)."""

    def __init__(self, weights: NDArray[np.float32], bias: NDArray[np.float32]) -> None:
        self._weights = weights
        self._bias = bias

    def suggest(self, vectors: Vectors) -> tuple[tuple[int, ...], ...]:
        """For each row the numbers of the likeliest activities, at most `MOST`."""
        likely = 1 / (1 + np.exp(-(vectors @ self._weights.T + self._bias)))
        order = np.argsort(-likely, axis=1)[:, :MOST]
        return tuple(
            tuple(int(at) + 1 for at in row if chances[at] >= MIN_LIKELY)
            for row, chances in zip(order, likely, strict=True)
        )


def load_activity_head() -> ActivityHead:
    """Raises `ModelUnavailable` if the file is missing or broken."""
    from safetensors import SafetensorError
    from safetensors.numpy import load_file

    try:
        held = load_file(resource_path(ADAPTER))
        return ActivityHead(held["weights"].astype(np.float32), held["bias"].astype(np.float32))
    except (OSError, KeyError, SafetensorError):
        raise ModelUnavailable(
            "activities.safetensors cannot be read. Install Own Words again."
        ) from None
