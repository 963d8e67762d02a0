"""Spans of a statement that may be left out, where only the sense can tell: a model chooses.

Listed with restraint. Leaving a span in costs a little polish; leaving out the wrong one costs what
the person said. So nothing is listed that holds the only negation, that reports what somebody said,
or that hedges a number.
"""

from __future__ import annotations

from itertools import pairwise

from assistant.draft.speech import PRONOUNS, STUMBLES, Word, is_negation, is_number, word_set

UNFINISHED = STUMBLES | word_set("gotta wanna trying going supposed that so not just")
OPENERS = word_set("so well okay ok right alright anyway basically and but then yeah yep")
LIKE_IS_MEANT = PRONOUNS | word_set(
    "don't didn't doesn't dont didnt would i'd we'd they'd you'd to not never really feel feels "
    "felt look looks looked sound sounds sounded seem seems smell taste tastes act acting acts "
    "more something anything nothing stuff things people do did does be was were is just that's "
    "am i'm he's she's it's they're exactly much kids always still also"
)
COMPARING = word_set("treat treats treated treating see saw seen talk talks talked live")
PHRASES = (
    ("you", "know", "what", "i'm", "saying"),
    ("you", "know", "what", "i", "mean"),
    ("know", "what", "i'm", "saying"),
    ("know", "what", "i", "mean"),
    ("how", "to", "say"),
    ("you", "know"),
    ("i", "mean"),
)
KNOWING = word_set("do did if what that as let want wanna to don't didn't would how when")
KNOWN = word_set("how what to where when who why that if")  # "you know to be quiet" is meant
CUES = (("no",), ("no", "wait"), ("wait",), ("sorry",), ("or", "rather"))
TELLING = word_set("said say says saying told tell tells telling asked ask goes")
SUBJECTS = word_set("i we he she they")
LINKS = word_set("but and because cause so then")
LEADS_ON = word_set(  # a clause is not over behind one of these
    "and but or so because cause if when while till until before after since that what how who "
    "where to the a an my no not then like as than said say told of for with in on at"
)
CLAUSE_OPENINGS = PRONOUNS | word_set(
    "my our the this that there nobody everybody his her their when if"
)
MAX_FALSE_START_WORDS = 6


def find_open_spans(words: list[Word]) -> tuple[tuple[int, int], ...]:
    """Half-open ranges of words that may go, none inside another, never all the words."""
    spans = [(0, stop) for stop in _openers(words)]
    for at, word in enumerate(words):
        stop = phrase_end(words, at)
        if word.key == "like":
            if not _like_is_meant(words, at):
                spans.append((at, at + 1))
        elif stop and _phrase_is_filler(words, at, stop):
            spans.append((at, stop))
        if at + 1 < len(words) and word.key == words[at + 1].key == "that":
            spans.append((at, at + 1))
        begun = _false_start(words, at)
        if begun:
            spans.append(begun)
    return _outermost([span for span in spans if span[1] - span[0] < len(words)])


def _openers(words: list[Word]) -> list[int]:
    """End of a run of "so", "and then", "yeah yeah" in front of a clause ("so far" is none)."""
    stop = 0
    while stop < len(words) - 3 and words[stop].key in OPENERS and not words[stop].ends_sentence:
        stop += 1
    if not stop:
        return []
    clause = words[stop].key.split("'")[0] in CLAUSE_OPENINGS or words[stop - 1].after == ","
    return [stop] if clause else []


def _like_is_meant(words: list[Word], at: int) -> bool:
    before = words[at - 1].key if at else ""
    following = words[at + 1] if at + 1 < len(words) else Word(text="")
    quantity = is_number(following) or following.key in {"a", "an"}
    compares = any(word.key in COMPARING for word in words[max(0, at - 4) : at])
    # "like eight months" is "about eight months": without it the number would claim too much.
    # "like a ..." is mostly a comparison.
    if quantity or compares or before in LIKE_IS_MEANT:
        return True
    return not following.key or not before


def _phrase_is_filler(words: list[Word], at: int, stop: int) -> bool:
    before = words[at - 1].key if at else ""
    if words[at].key == "i":  # "I mean": open only at the start; elsewhere it may correct
        meant = tuple(w.key for w in words[stop : stop + 2])
        return at == 0 and meant[0] not in {"what", "that", "to"} and meant != ("it", "when")
    return before not in KNOWING and (stop == len(words) or words[stop].key not in KNOWN)


def phrase_end(words: list[Word], at: int) -> int:
    """Where the filler phrase that starts at `at` ends, 0 if there is none."""
    for phrase in PHRASES:
        stop = at + len(phrase)
        if tuple(w.key for w in words[at:stop]) == phrase:
            return stop
    return at + 1 if words[at].key == "like" else 0


def _false_start(words: list[Word], at: int) -> tuple[int, int] | None:
    """The words up to a break behind `at`, if they were left unfinished or taken back.

    "She never called - I did" is neither. What follows must take the place of what is left out: it
    says some of it again, or starts over with a subject, or puts a number for a number.
    """
    marks = words[at].after
    cue = _cue_end(words, at + 1) if marks.strip() and not words[at].ends_sentence else 0
    dash = any(mark in marks for mark in ("—", "–", "-", "…", "..."))
    if not cue and not (dash and words[at].key in UNFINISHED):
        return None
    start = at
    while start > 0 and words[start - 1].after == "" and at - start < MAX_FALSE_START_WORDS:
        start -= 1
    stop = max(at + 1, cue)
    begun, again = words[start : at + 1], words[stop : stop + 5]
    if not again or (cue and any(word.key in TELLING for word in begun)):
        return None
    if any(map(is_negation, begun)) and not any(map(is_negation, again)):
        return None
    if is_number(words[at]) and is_number(again[0]):
        return at, stop
    for back in range(at, start - 1, -1):  # "in May, no, in June": from where it is said again
        if words[back].key == again[0].key:
            return back, stop
    return (start, stop) if _starts_over(begun, again) else None


def _starts_over(begun: list[Word], again: list[Word]) -> bool:
    shared = {w.key for w in begun} & {w.key for w in again}
    subject = again[0].key.split("'")[0] in PRONOUNS
    asks = tuple(w.key for w in again[:2]) == ("you", "know")
    return bool(shared) or (subject and not asks)


def _cue_end(words: list[Word], at: int) -> int:
    """End of "no," / "wait," / "sorry," standing at `at`, else 0."""
    for cue in sorted(CUES, key=len, reverse=True):
        stop = at + len(cue)
        if tuple(w.key for w in words[at:stop]) == cue and words[stop - 1].after == ",":
            return stop
    return 0


def _outermost(spans: list[tuple[int, int]]) -> tuple[tuple[int, int], ...]:
    kept: list[tuple[int, int]] = []
    for span in sorted(set(spans), key=lambda s: (s[0], -s[1])):
        if not kept or span[1] > kept[-1][1]:
            kept.append(span)
    return tuple(kept)


def find_open_marks(words: list[Word]) -> list[tuple[int, str]]:
    """Words that a new clause may follow: "," in front of "and", also "." in front of "I"."""
    marks: list[tuple[int, str]] = []
    for at, (word, following) in enumerate(pairwise(words)):
        if at == 0 or word.key in LEADS_ON or is_number(word):
            continue
        if following.key.split("'")[0] in SUBJECTS:
            marks.append((at, ",."))
        elif following.key in LINKS:
            marks.append((at, ","))
    return marks
