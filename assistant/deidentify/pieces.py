"""Texts cut into word pieces for the tagger, several turns of a session in one window."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from assistant.signs import CLS, SEP

if TYPE_CHECKING:
    from tokenizers import Tokenizer

MAX_PIECES = 160  # of a window; longer ones found less on dev (models/cards/identifiers.md)
MAX_BEFORE = 40  # pieces of the turns before that a window begins with
PAD = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Pieces:
    """The word pieces of one text: ids, offsets into the text, and how each is capitalised."""

    ids: list[int]
    offsets: list[tuple[int, int]] = field(repr=False)
    shapes: list[int]


@dataclass(frozen=True, slots=True, kw_only=True)
class Window:
    """Pieces for one pass. `owners[i]` is (text, piece) where a class is wanted, else None."""

    ids: list[int]
    shapes: list[int]
    owners: list[tuple[int, int] | None]


def cut_text(text: str, tokenizer: Tokenizer, *, has_case: bool) -> Pieces:
    """Cut a text. Without meaningful capitals every shape is unknown."""
    found = tokenizer.encode(text, add_special_tokens=False)
    offsets = list(found.offsets)
    shapes = [shape_of(text, start, end) if has_case else 0 for start, end in offsets]
    return Pieces(ids=list(found.ids), offsets=offsets, shapes=shapes)


def shape_of(text: str, start: int, end: int) -> int:
    """Number how the word around a piece is capitalised; see `tagger.N_SHAPES`."""
    while start > 0 and text[start - 1].isalnum():
        start -= 1
    while end < len(text) and text[end].isalnum():
        end += 1
    letters = [char for char in text[start:end] if char.isalpha()]
    if not letters:
        return 5
    n_upper = sum(map(str.isupper, letters))
    if n_upper == 0:
        return 1
    if letters[0].isupper() and n_upper == 1:
        return 2
    return 3 if n_upper == len(letters) else 4


def make_windows(texts: Sequence[Pieces], *, together: bool) -> Iterator[Window]:
    """Pack the texts, in order, into windows of at most `MAX_PIECES`.

    `together`: they are the turns of one session, so that a window begins with what was said
    before; a text longer than a window is cut, and overlaps itself.
    """
    ids: list[int] = [CLS]
    shapes: list[int] = [0]
    owners: list[tuple[int, int] | None] = [None]

    def close(n_before: int) -> Window:
        nonlocal ids, shapes, owners
        done = Window(ids=ids, shapes=shapes, owners=owners)
        ids = [CLS, *ids[max(1, len(ids) - n_before) :]]
        shapes = [0, *shapes[max(1, len(shapes) - n_before) :]]
        owners = [None] * len(ids)
        return done

    for number, text in enumerate(texts):
        room = MAX_PIECES - len(ids) - 1
        if any(owners) and (not together or len(text.ids) > room):
            yield close(MAX_BEFORE if together else 0)
        at = 0
        while at < len(text.ids):
            room = MAX_PIECES - len(ids) - 1
            if room < 8:
                yield close(MAX_BEFORE)
                continue
            part = text.ids[at : at + room]
            ids += part
            shapes += text.shapes[at : at + room]
            owners += [(number, at + i) for i in range(len(part))]
            at += len(part)
        ids.append(SEP)
        shapes.append(0)
        owners.append(None)
    if any(owners):
        yield close(0)
