"""Suggestions of what the two did together: at most three, never set."""

from __future__ import annotations

import numpy as np
import pytest

from assistant.draft.activities import MIN_LIKELY, MOST, ActivityHead, load_activity_head
from assistant.draft.encoder import load_encoder
from assistant.settings import load_settings


def test_the_likeliest_come_first_and_the_unlikely_not_at_all() -> None:
    head = ActivityHead(np.zeros((19, 2), dtype=np.float32), np.linspace(-9, 1, 19))
    (numbers,) = head.suggest(np.zeros((1, 2), dtype=np.float32))
    assert numbers == (19, 18, 17)[:MOST]
    low = ActivityHead(np.zeros((19, 2), dtype=np.float32), np.full(19, -9.0))
    assert low.suggest(np.zeros((1, 2), dtype=np.float32)) == ((),)
    assert 0 < MIN_LIKELY < 0.5


@pytest.mark.model
def test_plain_cases_are_suggested() -> None:
    encoder = load_encoder(settings=load_settings())
    said = ["I can walk to the food bank with you and show you where it is."]
    (numbers,) = load_activity_head().suggest(encoder.encode(said))
    assert {9, 11} & set(numbers)
