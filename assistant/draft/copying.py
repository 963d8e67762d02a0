"""Copy-constrained writing: what may follow what, so that a model can choose but not invent.

A statement becomes a small graph. Each edge writes one whole word of the statement (with its own
punctuation) and moves on; some edges step over a span that may be left out. A model walks the graph
token by token and never sees a choice outside it. So an output is the statement, in order, less
some disfluencies: no word can be new, repeated, moved or glued together from pieces.

For models that write freely (a server), `keeps_the_words` is the same promise as a check.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, replace

from assistant.draft.disfluency import Tidying, tidy_plainly
from assistant.draft.speech import (
    NUMBER_WORDS,
    Word,
    is_negation,
    split_words,
    word_set,
    written_form,
)

SURROGATE = re.compile(r"<[A-Z]+_\d+>")
_MARKUP = re.compile(r"<[^<>\n]{1,60}>|\[/?(?:INST|SYS)\]", re.IGNORECASE)
_CORE = re.compile(r"<[A-Z]+_\d+>|[^\W_]+(?:['’.:,/-][^\W_]+)*")

PERSONS = word_set(
    "i me my mine you your we us our he him his she her they them their i'm i've i'd i'll"
)
# Words a freely writing model may use although nobody said them. No negations, no numbers.
FUNCTION_WORDS = PERSONS | word_set(
    "it its a an the this that these those and or but so because if when while as than then at by "
    "for from in into of on to with about after before be am is are was were been being do does "
    "did have has had will would can could should may might it's that's who which what where how "
    "there"
)
MAX_ADDED_WORDS = 10  # room for the clause a short answer leaves out: "I do want to ..."

Encode = Callable[[str, bool], tuple[int, ...]]  # token ids of a word; True for the first word


def strip_markup(text: str) -> str:
    """Take out what could pass for chat control (`<|im_start|>`, `</s>`, `[INST]`) and line breaks.

    Surrogates such as `<PERSON_1>` stay. Nested tricks (`<|im_<|x|>start|>`) come apart too.
    """
    before = None
    while before != text:
        before = text
        text = _MARKUP.sub(lambda m: m[0] if SURROGATE.fullmatch(m[0]) else " ", text)
    return " ".join(text.split())


def content_words(text: str) -> frozenset[str]:
    """The words that carry meaning: everything but `FUNCTION_WORDS`, in lower case."""
    return frozenset(word for word in _cores(text) if word not in FUNCTION_WORDS)


def keeps_the_words(output: str, *, statement: str, question: str) -> bool:
    """Whether a free rewriting stays within what was said.

    Content words come from the statement or its question, those of the statement in their order and
    nearly all of them. Who is spoken of (pronouns) does not change. Numbers, negations and
    surrogates come from the statement alone, each as often as in its plainly tidied form.
    """
    written, plain = _cores(output), _cores(tidy_plainly(statement))
    if not written or len(written) > len(plain) + MAX_ADDED_WORDS:
        return False
    said, asked = content_words(statement), content_words(question)
    if content_words(output) - said - asked:
        return False
    if Counter(filter(_is_binding, written)) != Counter(filter(_is_binding, plain)):
        return False
    if len(content_words(tidy_plainly(statement)) - content_words(output)) > max(2, len(said) // 4):
        return False
    rest = iter(word for word in plain if word in said | PERSONS)
    return all(word in rest for word in written if word in said | PERSONS)


def _cores(text: str) -> list[str]:
    return [m[0].lower().replace("’", "'") for m in _CORE.finditer(text)]


def _is_binding(word: str) -> bool:
    number = word in NUMBER_WORDS or any(c.isdigit() for c in word)  # surrogates hold a digit too
    return number or is_negation(Word(text=word))


@dataclass(frozen=True, slots=True)
class _Path:
    """One way to go on: tokens still to write, then the position reached, and the words so far."""

    pending: tuple[int, ...]
    position: int
    words: tuple[str, ...]
    starts_sentence: bool
    n_skips: int = 0


class CopyGraph:
    """The ways a statement may be written. `advance` moves along; `allowed` says what may come.

    Several paths may share tokens ("I was gonna", "I wanted"); all are kept until they part.
    """

    def __init__(self, tidying: Tidying, *, encode: Encode, stop_token: int) -> None:
        self._words = tidying.words
        self._skips = dict(tidying.open_spans)
        self._may_mark = dict(tidying.may_mark)
        self._encode = encode
        self._stop = stop_token
        self._paths = self._open(_Path((), 0, (), True))
        self._done: str | None = None

    @property
    def text(self) -> str | None:
        """The written statement once the walk has ended."""
        return self._done

    def allowed(self) -> tuple[int, ...]:
        """Token ids that may come next; empty once the walk has ended."""
        if self._done is not None:
            return ()
        return tuple(dict.fromkeys(path.pending[0] for path in self._paths))

    def skips(self) -> tuple[int, ...]:
        """For each allowed token, how many spans the paths through it have left out at most."""
        return tuple(
            max(path.n_skips for path in self._paths if path.pending[0] == token)
            for token in self.allowed()
        )

    def advance(self, token: int) -> None:
        """Write one allowed token."""
        moved: dict[tuple[tuple[int, ...], int], _Path] = {}
        for path in self._paths:
            if path.pending[0] != token:
                continue
            rest = replace(path, pending=path.pending[1:])
            if rest.position > len(self._words):
                self._done = " ".join(rest.words)
                return
            for option in [rest] if rest.pending else self._open(rest):
                moved.setdefault((option.pending, option.position), option)
        self._paths = list(moved.values())

    def _open(self, path: _Path) -> list[_Path]:
        """Every next word from where a path stands."""
        at = path.position
        if at == len(self._words):
            return [replace(path, pending=(self._stop,), position=at + 1)]
        options = [self._write(path, at, after) for after in self._marks(at)]
        if at in self._skips and (path.words or self._skips[at] < len(self._words)):
            beyond = replace(path, position=self._skips[at], n_skips=path.n_skips + 1)
            options += self._open(beyond)
        return options

    def _marks(self, at: int) -> tuple[str, ...]:
        return (self._words[at].after, *self._may_mark.get(at, ""))

    def _write(self, path: _Path, at: int, after: str) -> _Path:
        word = Word(text=self._words[at].text, after=after)
        text = written_form(word.text, starts_sentence=path.starts_sentence) + word.after
        tokens = self._encode(text, not path.words)
        return _Path(tokens, at + 1, (*path.words, text), word.ends_sentence, path.n_skips)


def same_words(output: str, statement: str) -> bool:
    """Whether the output is the statement with words left out, none added, none moved."""
    rest = iter(word.key for word in split_words(statement))
    return all(word.key in rest for word in split_words(output))
