"""The default way of tidying: which words may go, and where marks belong, read off in one pass.

The sentence encoder with a learned change (`encoder_net`) looks at a whole statement, what comes
after a word as well as what stands before it, and says of each word how likely it was left out by
hand in writing, and which mark follows. What it proposes can only be the statement with words left
out. `models/train_tidier.py` learns it; `models/cards/tidier.md` holds what was measured.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from assistant.bundled import locate_model
from assistant.draft.copying import strip_markup
from assistant.draft.disfluency import find_disfluencies, looks_transcribed, without
from assistant.draft.model import RewriteJob
from assistant.draft.session import text_for_meaning
from assistant.draft.speech import Word, join_words, split_words, with_ending, word_set
from assistant.draft.verify import find_faults
from assistant.errors import ModelUnavailable
from assistant.records import ModelInfo
from assistant.resources import resource_path
from assistant.signs import CLS

if TYPE_CHECKING:
    from tokenizers import Tokenizer

    from assistant.encoder_net import TagNet
    from assistant.settings import Settings

ADAPTER = "models/heads/tidier.safetensors"
MARKS = ("", ",", ".", "?")  # that may follow a word
N_CLASSES = 2 + len(MARKS)  # keep, leave out; then the marks
N_MARKS = 3  # nothing, a word of talk with marks, a word of talk without any
_MARKED, _BARE = 1, 2
_UNKNOWN = 100  # what the tokenizer makes nothing of
LEAVE_OUT = 0.5  # how likely, at least; chosen on dev (models/cards/tidier.md)
SURE_OF_END, SURE_OF_MARK = 0.9, 0.85  # high, because a wrong mark can change the sense
TITLES = word_set("mr mrs ms miss dr st auntie uncle sister brother father mother")
MAX_WORDS = 150


@dataclass(frozen=True, slots=True, kw_only=True)
class WordSays:
    """For each word: how likely it is left out, and the row of chances of each of `MARKS`."""

    left_out: NDArray[np.float32]
    marks: NDArray[np.float32]


def lay_out(
    words: Sequence[Word], tokenizer: Tokenizer
) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.int64]]:
    """Return pieces, marks, and where each word begins among the pieces."""
    mark = _BARE if looks_transcribed(words) else _MARKED
    ids, starts = [CLS], []
    for word in words[:MAX_WORDS]:
        starts.append(len(ids))
        text = text_for_meaning(word.text) + word.after
        ids += tokenizer.encode(text, add_special_tokens=False).ids or [_UNKNOWN]
    marks = [0] + [mark] * (len(ids) - 1)
    return np.array(ids), np.array(marks), np.array(starts, dtype=np.int64)


class Tidier:
    """Proposes a tidied form for each statement; a `LanguageModel`."""

    def __init__(self, net: TagNet, tokenizer: Tokenizer, *, digest: str) -> None:
        self._net = net
        self._tokenizer = tokenizer
        self.info = ModelInfo(name="tidier", backend="tagger", digest=digest)

    def rewrite(self, jobs: Sequence[RewriteJob]) -> tuple[str, ...]:
        """Tidy each statement; one with nothing to tidy comes back as it is."""
        statements = [strip_markup(job.statement) for job in jobs]
        rows = [find_disfluencies(statement).words for statement in statements]
        said = self.read(rows)
        return tuple(
            _settle(statement, words, says) if words else statement
            for statement, words, says in zip(statements, rows, said, strict=True)
        )

    def read(self, rows: Sequence[Sequence[Word]]) -> list[WordSays]:
        """Say of each word of each row what `WordSays` holds."""
        from assistant.encoder_net import run_rows, softmax

        laid = [lay_out(words, self._tokenizer) for words in rows]
        scored = run_rows(self._net, [(pieces, marks) for pieces, marks, _ in laid])
        return [
            WordSays(left_out=softmax(scores[starts, :2])[:, 1], marks=softmax(scores[starts, 2:]))
            for scores, (_, _, starts) in zip(scored, laid, strict=True)
        ]


def _settle(statement: str, words: Sequence[Word], says: WordSays) -> str:
    """Leave out what is open and likely left out, then set marks where there were none."""
    rest = list(words)
    likely = [*says.left_out, *[0.0] * (len(words) - len(says.left_out))]
    marked = _with_marks(rest, says) if looks_transcribed(split_words(statement)) else rest
    for start, stop in reversed(find_disfluencies(statement).open_spans):
        # "like" without commas around it mostly compares, and no net that small tells.
        if float(np.mean(likely[start:stop])) < LEAVE_OUT or words[start].key == "like":
            continue
        shorter = without(marked, start, stop)
        if start and stop < len(words) and not shorter[start - 1].after:
            shorter[start - 1] = replace(shorter[start - 1], after=",")  # a pause was there
        if shorter and not find_faults(_written(shorter), source=_written(marked)):
            marked = shorter
    tidied = _written(marked)
    return tidied if not find_faults(tidied, source=statement) else _written(rest)


def _written(words: list[Word]) -> str:
    return join_words(with_ending(words))


def _with_marks(words: list[Word], says: WordSays) -> list[Word]:
    """Set marks where they are likely. A full stop parts what may belong together ("no charity that
    looks like charity"), so it must be surer than a comma; a mark that is likely but not which one
    is a comma."""
    marked = list(words)
    last = len(words) - 1
    for at, chances in enumerate(says.marks[:last]):
        if words[at].after or words[at].key in TITLES:
            continue
        best = int(chances.argmax())
        if MARKS[best] in {".", "?"} and chances[best] >= SURE_OF_END:
            marked[at] = replace(words[at], after=MARKS[best])
        elif 1 - chances[0] >= SURE_OF_MARK:
            marked[at] = replace(words[at], after=",")
    if len(says.marks) > last and MARKS[int(says.marks[last].argmax())] == "?":
        marked[last] = replace(words[last], after="?")
    return marked


def load_tidier(*, settings: Settings) -> Tidier:
    """Load the encoder with what was learned. Raises `ModelUnavailable`."""
    return read_tidier(locate_model("encoder", settings=settings), adapter=resource_path(ADAPTER))


def read_tidier(folder: Path, *, adapter: Path) -> Tidier:
    """Load from files. Raises `ModelUnavailable` if they are missing, broken or do not fit."""
    from assistant.encoder_net import load_net, load_tokenizer

    net = load_net(folder, adapter, n_marks=N_MARKS, n_classes=N_CLASSES)
    try:
        digest = hashlib.sha256(adapter.read_bytes()).hexdigest()
    except OSError:
        raise ModelUnavailable(f"{adapter.name} cannot be read. Install Own Words again.") from None
    return Tidier(net, load_tokenizer(folder), digest=digest)
