from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from assistant.errors import StoreCorrupt
from assistant.store.sealing import derive_key, new_key, seal, unseal

CONTEXT = ("record-1", "person-1", "draft")


def test_what_was_sealed_opens_with_the_same_context() -> None:
    key = new_key()
    assert unseal(seal(b"words", key=key, context=CONTEXT), key=key, context=CONTEXT) == b"words"


@pytest.mark.parametrize(
    "context",
    [
        ("record-2", "person-1", "draft"),  # moved to another record
        ("record-1", "person-2", "draft"),  # moved to another person
        ("record-1", "person-1", "note"),  # passed off as another kind
        ("record-1", "person-1"),  # a part left out
        ("record-1", "person-1|draft", ""),  # parts that join to the same text
    ],
)
def test_a_sealed_value_does_not_open_in_another_context(context: tuple[str, ...]) -> None:
    key = new_key()
    sealed = seal(b"words", key=key, context=CONTEXT)
    with pytest.raises(StoreCorrupt):
        unseal(sealed, key=key, context=context)


@given(data=st.binary(max_size=60), position=st.integers(min_value=0), bit=st.integers(0, 7))
def test_one_changed_bit_never_opens(data: bytes, position: int, bit: int) -> None:
    key = new_key()
    sealed = bytearray(seal(data, key=key, context=CONTEXT))
    sealed[position % len(sealed)] ^= 1 << bit
    with pytest.raises(StoreCorrupt):
        unseal(bytes(sealed), key=key, context=CONTEXT)


@given(sealed=st.binary(max_size=40))
def test_bytes_that_were_never_sealed_are_refused(sealed: bytes) -> None:
    with pytest.raises(StoreCorrupt):
        unseal(sealed, key=bytes(32), context=CONTEXT)


def test_keys_for_two_purposes_differ() -> None:
    secret = new_key()
    assert derive_key(secret, purpose="a") != derive_key(secret, purpose="b")
    assert derive_key(secret, purpose="a") == derive_key(secret, purpose="a")
