"""Whether two statements say the same: by meaning, and by the telling words they share."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field

from assistant.draft.session import ReadSession, Vectors
from assistant.draft.statements import Statement
from assistant.draft.words import word_set

_SAME = 0.60  # a statement that says what was asked to stay out
_SAME_WITH_WORD = 0.50  # the same when a telling word is shared
_SAME_WITH_WORDS = 0.35  # the same when two are
_SAME_WITH_RARE_WORD = 0.28  # the same when a word is shared that hardly occurs elsewhere
_TELLING_STATEMENTS = 6  # a word is telling when no more statements than this hold it
_RARE_STATEMENTS = 3
# Words that turn up in any session; sharing one says little about the topic.
COMMON = word_set(
    "day week month year night morning evening today tomorrow time work job home house room "
    "place people person group meeting shift phone call money kid mum mom dad brother sister "
    "mother father friend son daughter boss supervisor manager worker doctor nurse cousin "
    "uncle aunt wife husband partner family one two three four five six seven eight nine ten "
    "good bad nice help feel want talk ask take make see look keep put give find start stop "
    "let live leave come back"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Telling:
    """Lemmas that name something particular in this session, and the rarest among them."""

    telling: frozenset[str] = field(repr=False)
    rare: frozenset[str] = field(repr=False)


def telling_words(statements: Sequence[Statement]) -> Telling:
    """Find the words that few statements of the session hold."""
    counts = Counter(lemma for s in statements for lemma in specific_lemmas(s))
    telling = {lemma for lemma, n in counts.items() if n <= _TELLING_STATEMENTS}
    names = {w.lemma for s in statements for w in s.words if w.pos in {"NOUN", "PROPN"}}
    rare = {lemma for lemma in telling & names if counts[lemma] <= _RARE_STATEMENTS}
    return Telling(telling=frozenset(telling), rare=frozenset(rare - COMMON))


def specific_lemmas(statement: Statement) -> frozenset[str]:
    """What a statement names: lemmas of nouns, names, verbs and adjectives that are not vague."""
    return frozenset(
        w.lemma for w in statement.words if w.is_specific and w.pos not in {"INTJ", "ADV"}
    )


def alikeness(
    session: ReadSession,
    rows: Sequence[int],
    lemmas: Sequence[frozenset[str]],
    telling: Telling,
    *,
    stricter_by: float = 0.0,
) -> list[bool]:
    """For every statement, whether it says what the statements at `rows` say."""
    if not rows or not len(session.statements):
        return [False] * len(session.statements)
    alike = session.vectors @ session.vectors[list(rows)].T - stricter_by  # (statements, rows)
    return [
        any(
            _says_the_same(float(value), lemmas[i] & lemmas[row], telling)
            for row, value in zip(rows, line, strict=True)
        )
        for i, line in enumerate(alike)
    ]


def is_about(
    words: frozenset[str],
    vector: Vectors,
    *,
    session: ReadSession,
    rows: Sequence[int],
    telling: Telling,
) -> bool:
    """Whether a sentence of the peer is about what the statements at `rows` say."""
    if not rows:
        return False
    alike = session.vectors[list(rows)] @ vector
    return any(
        _says_the_same(float(value), words & specific_lemmas(session.statements[row]), telling)
        for row, value in zip(rows, alike, strict=True)
    )


def _says_the_same(alike: float, shared: frozenset[str], telling: Telling) -> bool:
    if alike >= _SAME:
        return True
    if not shared or alike < _SAME_WITH_RARE_WORD:
        return False
    if shared & telling.rare:
        return True
    n_shared = len(shared & telling.telling)
    needed = {0: _SAME, 1: _SAME_WITH_WORD}.get(n_shared, _SAME_WITH_WORDS)
    return alike >= needed
