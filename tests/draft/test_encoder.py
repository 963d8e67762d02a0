"""The sentence encoder on the bundled weights."""

from __future__ import annotations

import numpy as np
import pytest

from assistant.draft.encoder import load_encoder
from assistant.errors import ModelUnavailable
from assistant.settings import Settings


@pytest.fixture(scope="module")
def encoder():
    return load_encoder(settings=Settings())


def test_missing_encoder_says_how_to_get_it(tmp_path):
    with pytest.raises(ModelUnavailable, match="ownwords models fetch"):
        load_encoder(settings=Settings(models_dir=tmp_path))


@pytest.mark.model
def test_rows_have_length_one_and_the_order_given(encoder):
    texts = ["I walked to the river with my brother, twice, before it rained.", "Yes.", "The bus."]

    together = encoder.encode(texts)

    assert together.shape == (3, 384)
    assert together.dtype == np.float32
    np.testing.assert_allclose(np.linalg.norm(together, axis=1), 1, atol=1e-5)
    one_by_one = np.concatenate([encoder.encode([text]) for text in texts])
    np.testing.assert_allclose(together, one_by_one, atol=1e-5)


@pytest.mark.model
def test_the_same_texts_give_the_same_vectors(encoder):
    texts = [f"Number {n} on my list is the bike." for n in range(40)]
    np.testing.assert_array_equal(encoder.encode(texts), encoder.encode(texts))


@pytest.mark.model
def test_nearness_follows_meaning(encoder):
    quiet, calm, bus = encoder.encode(
        ["It is quiet in the garden.", "The garden is a calm place.", "My bus was late again."]
    )
    assert quiet @ calm > 0.6 > 0.3 > quiet @ bus


@pytest.mark.model
@pytest.mark.parametrize(
    "texts",
    [
        (),
        ("",),
        ("   \n",),
        ("word " * 5000,),  # far beyond 256 tokens: cut
        ("мой брат", "母", "🙂", "\x00"),
    ],
)
def test_odd_texts_still_give_unit_rows(encoder, texts):
    vectors = encoder.encode(texts)
    assert vectors.shape == (len(texts), 384)
    np.testing.assert_allclose(np.linalg.norm(vectors, axis=1), 1, atol=1e-5)
