"""Splits what a person said into statements, punctuated or straight from speech recognition.

A statement is the smallest piece that can stand in a note on its own, and always an exact
substring of the de-identified turn. Fillers at its edges stay outside its span.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from assistant.draft.words import ReadText, Word, word_set
from assistant.records import DeidentifiedTurn, Evidence
from assistant.spans import original_offsets

MAX_WORDS = 40  # longer than any sentence a reader takes in at once; cut at a clause before this
_LONG_CLAUSE_WORDS = 18  # a run-on longer than this is cut where a new clause begins
_MAX_FRAGMENT_WORDS = 8
_MIN_SIDE_WORDS = 4  # neither side of a soft cut may be shorter

_STOPS = word_set(". ? ! … ?! !? !! .. ... ....")
_JOINERS = word_set("and but so then plus also or")
_SUBJECTS = word_set(
    "i i'm i'd im ive id ill we he she they it it's its my our that that's thats there there's "
    "theres this what you your the his her"
)
_LEADS = word_set("um uh uhm umm erm er ah oh hmm mm okay ok yeah yep well and but anyway")
_LEADS_WITH_COMMA = word_set("like right see so then also plus yes basically look hey")
_TAILS = word_set("um uh erm er like so and but or yeah because cos cause cuz anyway")


@dataclass(frozen=True, slots=True, kw_only=True)
class Statement:
    """One thing somebody said. `start`/`end` point into the de-identified text of the turn."""

    turn: int
    start: int
    end: int
    text: str = field(repr=False)
    question: str = field(repr=False)  # what the peer said just before; empty if nothing
    words: tuple[Word, ...] = field(repr=False)
    first_word: int  # position of words[0] among the words of the turn (heads count from there)

    def root(self) -> Word:
        """The word the rest of the statement hangs on."""
        last = self.first_word + len(self.words)
        for position, word in enumerate(self.words, start=self.first_word):
            if word.kind == "mark":
                continue
            if word.head == position or not self.first_word <= word.head < last:
                return word
        return self.words[0]

    def children(self, parent: Word) -> tuple[Word, ...]:
        """Words that hang directly on `parent`."""
        at = self.words.index(parent) + self.first_word
        return tuple(w for i, w in enumerate(self.words, self.first_word) if w.head == at != i)


def split_statements(
    turns: Sequence[DeidentifiedTurn],
    *,
    read: Mapping[int, ReadText],
    questions: Mapping[int, str],
) -> tuple[Statement, ...]:
    """Split turns into statements, in order. `read` and `questions` are keyed by turn number."""
    found: list[Statement] = []
    for turn in turns:
        words = read[turn.number].words
        trimmed = [_trim(words, *piece) for piece in _pieces(read[turn.number])]
        for low, high in _join_fragments(
            words, [piece for piece in trimmed if piece[0] < piece[1]]
        ):
            start, end = words[low].start, words[high - 1].end
            found.append(
                Statement(
                    turn=turn.number, start=start, end=end, text=turn.text[start:end],
                    question=questions.get(turn.number, ""), words=words[low:high], first_word=low,
                )
            )  # fmt: skip
    return tuple(found)


def preceding_questions(turns: Sequence[DeidentifiedTurn]) -> dict[int, str]:
    """For every turn of the person, what the peer said directly before (or an empty string)."""
    questions: dict[int, str] = {}
    before = ""
    for turn in turns:
        if turn.role == "peer":
            before = turn.text
        elif turn.role == "person":
            questions[turn.number] = before
            before = ""
        else:
            before = ""
    return questions


def cite(statement: Statement, turns: Mapping[int, DeidentifiedTurn]) -> Evidence:
    """The statement as evidence: offsets into the original words of its turn."""
    start, end = original_offsets(turns[statement.turn], statement.start, statement.end)
    return Evidence(turn=statement.turn, start=start, end=end)


def _pieces(read: ReadText) -> list[tuple[int, int]]:
    """Word ranges [low, high) that cover the turn, cut at stops and then at clauses."""
    pieces: list[tuple[int, int]] = []
    low = 0
    for at, word in enumerate(read.words):
        if _is_stop(read, at, word):
            pieces.append((low, at + 1))
            low = at + 1
    if low < len(read.words):
        pieces.append((low, len(read.words)))
    cut: list[tuple[int, int]] = []
    for begin, end in pieces:
        for part in _at_parser_sentences(read, begin, end):
            cut.extend(_at_clauses(read.words, *part))
    return cut


def _is_stop(read: ReadText, at: int, word: Word) -> bool:
    if "\n" in read.text[word.start : word.end]:
        return True
    if word.form not in _STOPS:
        return False
    after = read.words[at + 1] if at + 1 < len(read.words) else None
    if after is None or after.form in _STOPS or after.form in {'"', "”", "'", "’", ")"}:
        return False  # the closing mark belongs to this piece
    if word.form in {"…", "..", "...", "...."}:  # a pause, unless a new sentence follows
        return read.text[after.start].isupper() and after.form != "i"
    return True


def _at_parser_sentences(read: ReadText, low: int, high: int) -> list[tuple[int, int]]:
    """Cut where the parser begins a sentence and the words look like a new clause."""
    parts: list[tuple[int, int]] = []
    starts = [s for s in read.sentence_starts if low < s < high]
    begin = low
    for start in starts:
        sides_ok = _n_words(read.words, begin, start) >= _MIN_SIDE_WORDS
        sides_ok = sides_ok and _n_words(read.words, start, high) >= _MIN_SIDE_WORDS - 1
        if sides_ok and _opens_clause(read.words, start, high) and not _is_bound(read.words, start):
            parts.append((begin, start))
            begin = start
    parts.append((begin, high))
    return parts


def _at_clauses(words: Sequence[Word], low: int, high: int) -> list[tuple[int, int]]:
    """Cut a run-on where a joiner or a bare subject opens a clause; cap what is left."""
    parts: list[tuple[int, int]] = []
    begin = low
    while _n_words(words, begin, high) > _LONG_CLAUSE_WORDS:
        at = _best_cut(words, begin, high)
        if at is None:
            break
        parts.append((begin, at))
        begin = at
    parts.append((begin, high))
    return [piece for part in parts for piece in _capped(words, *part)]


def _best_cut(words: Sequence[Word], low: int, high: int) -> int | None:
    for at in range(low + 1, high):
        before, after = _n_words(words, low, at), _n_words(words, at, high)
        if before < _MIN_SIDE_WORDS + 2 or after < _MIN_SIDE_WORDS:
            continue
        if words[at].form in _JOINERS and _opens_clause(words, at + 1, high):
            return at
    return None


def _capped(words: Sequence[Word], low: int, high: int) -> list[tuple[int, int]]:
    parts: list[tuple[int, int]] = []
    while _n_words(words, low, high) > MAX_WORDS:
        window = range(low + MAX_WORDS // 2, min(low + MAX_WORDS, high))
        at = next((i for i in reversed(window) if words[i].form in _JOINERS | {","}), window.stop)
        parts.append((low, at))
        low = at
    parts.append((low, high))
    return parts


def _opens_clause(words: Sequence[Word], at: int, high: int) -> bool:
    """Whether a joiner and a subject, or a subject alone, stands at `at` with a verb after it."""
    while at < high and (words[at].kind == "mark" or words[at].form in _JOINERS | _LEADS):
        at += 1
    if at >= high:
        return False
    has_subject = words[at].form in _SUBJECTS or words[at].kind == "surrogate"
    return has_subject and any(w.pos in {"VERB", "AUX"} for w in words[at + 1 : at + 6])


def _is_bound(words: Sequence[Word], at: int) -> bool:
    """Whether the word before `at` needs what follows ("because | I", "when | we")."""
    before = words[at - 1]
    bound = before.pos in {"SCONJ", "ADP", "DET", "AUX", "PART"} or before.form in _JOINERS
    return bound and before.kind != "mark"


def _join_fragments(words: Sequence[Word], pieces: list[tuple[int, int]]) -> list[tuple[int, int]]:
    """Join pieces without a verb to their neighbour: "I rang her. Quarter past three." is one.

    A fragment that opens the turn names what the next piece is about; any other one adds to the
    piece before it.
    """
    joined: list[tuple[int, int]] = []
    opening: int | None = None  # where a fragment that opens the turn begins
    for low, high in pieces:
        short = _n_words(words, low, high) <= _MAX_FRAGMENT_WORDS
        if short and _is_fragment(words, low, high):
            if joined and _n_words(words, joined[-1][0], high) <= MAX_WORDS:
                joined[-1] = (joined[-1][0], high)
                continue
            if not joined and (low, high) != pieces[-1]:
                opening = low if opening is None else opening
                continue
        if opening is not None:
            low, opening = opening, None
        joined.append((low, high))
    if opening is not None:
        joined.append((opening, pieces[-1][1]))
    return joined


def _is_fragment(words: Sequence[Word], low: int, high: int) -> bool:
    inside = [word for word in words[low:high] if word.kind != "mark"]
    if any(word.pos in {"VERB", "AUX"} for word in inside):
        return False
    return any(word.is_specific and word.pos != "INTJ" for word in inside)


def _trim(words: Sequence[Word], low: int, high: int) -> tuple[int, int]:
    """Leave fillers and joiners at both edges outside, as long as something is left."""
    while low < high:
        word = words[low]
        after = words[low + 1] if low + 1 < high else None
        comma = after is not None and after.kind == "mark"
        pair = (word.form, after.form) if after else ("", "")
        if pair in {("i", "mean"), ("you", "know")} and _n_words(words, low, high) > 4:
            # "I mean it" and "you know what" are not fillers
            nxt = words[low + 2].form if low + 2 < high else ""
            if nxt in {"it", "that", "what", "how", "the", "him", "her", "to", "where"}:
                break
            low += 2
        elif word.form in {"(", "["} and (close := _aside(words, low, high)):
            low = close
        elif (
            (word.kind == "mark" and word.form not in {'"', "“", "‘", "$", "£", "€"})
            or (word.form in _LEADS and (comma or _n_words(words, low, high) > 1))
            or (word.form in _LEADS_WITH_COMMA and comma)
            or _is_bare_so(word, after)
        ):
            low += 1
        else:
            break
    while high > low:
        word = words[high - 1]
        pair = (words[high - 2].form, word.form) if high - low > 4 else ("", "")
        if pair == ("you", "know"):
            high -= 2
        elif (
            (word.form in _TAILS and high - low > 2)
            or word.form in {",", "-", "–", "—", ";", ":"}
            or (word.kind == "mark" and high - 2 > low and _trails(words, low, high - 1))
        ):
            high -= 1
        else:
            break
    return low, high


def _aside(words: Sequence[Word], low: int, high: int) -> int:
    """Where a short aside such as "(laughs)" that opens at `low` is over, or 0."""
    for at in range(low + 1, min(low + 5, high)):
        if words[at].form in {")", "]"}:
            return at + 1
    return 0


def _is_bare_so(word: Word, after: Word | None) -> bool:
    """ "So I went", "so without it": a joiner; "so tired", "so that": part of what is said."""
    if word.form not in {"so", "then", "plus"} or after is None or after.form in {"that", "far"}:
        return False
    return after.form in _SUBJECTS | _LEADS or after.pos in {
        "ADP",
        "SCONJ",
        "PRON",
        "DET",
        "PROPN",
        "NOUN",
    }


def _trails(words: Sequence[Word], low: int, high: int) -> bool:
    """Whether fillers stand before the closing mark, so that the mark belongs to them."""
    if high - low > 4 and (words[high - 2].form, words[high - 1].form) == ("you", "know"):
        return True
    return words[high - 1].form in _TAILS


def _n_words(words: Sequence[Word], low: int, high: int) -> int:
    return sum(1 for word in words[low:high] if word.kind != "mark")
