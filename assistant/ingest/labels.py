"""Which `Name:` at the start of a line is a speaker, and which is a sentence with a colon.

A label is at most 40 characters and five words, holds a letter and no sentence punctuation, and
ends at the first colon. Then the whole file decides:

1. a name given for the person or the peer is always a speaker;
2. words that open sentences, headings and links (`Note`, `Date`, `https`) are not, unless they come
   back often enough to be somebody's label, as `Question` and `Answer` do;
3. a label written like a name (`Ana`, `Speaker 1`, `Dr. van Dijk`, `P2`) is a speaker even once;
4. a lower-case label is a speaker if it comes back: twice for one or two words, three times for
   more. `Note to self: call`, seen once, stays part of what was said;
5. where every line has a label, no sentence was wrapped: then up to four lower-case words that do
   not read like a sentence are a speaker even once (`nurse: time for a break`);
6. a colon with no space after it counts only for labels that are known or come back.

Where this errs it makes a separate speaker, whose words nobody takes for the person's.
"""

from __future__ import annotations

import re
import unicodedata
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

MAX_LABEL_CHARS = 40
MAX_LABEL_WORDS = 5

_COLONS = re.compile("[:：]")
_LEAD = re.compile(r"(?:[-*•>]{1,2}[ \t]{1,4}|\d{1,5}[.)][ \t]{1,4}|>{1,3}[ \t]{0,4})")
_FORBIDDEN = re.compile(r"[?!;\"“”„«»{}|\\/=@#%…<>]")
_SURROGATE_LABEL = re.compile(r"<[A-Z]{2,12}_\d{1,4}>")  # our own output, read again
_WHISPER_CPP = re.compile(r"\((?P<label>speaker \d{1,3}|speaker \?)\)[ \t]{0,4}")
_TAIL = re.compile(r"[ \t]*[\[(][^\[\]()]{0,40}[\])]$")


def _phrases(text: str) -> frozenset[str]:
    return frozenset(text.split("|"))


_PARTICLES = _phrases(
    "al|and|ap|as|ben|bin|bint|d|da|das|de|degli|dei|del|della|der|di|do|dos|du|e|el|ibn|la|las|le|"
    "los|mac|of|ten|ter|the|van|vom|von|y|zu"
)
_HEADINGS = _phrases(
    "date|time|start|end|start time|end time|duration|location|place|topic|subject|title|attendees|"
    "participants|present|invited|session|session id|meeting|meeting id|recording|recorded|"
    "language|transcript|transcribed by|file|kind|to|cc"
)
# Never a speaker unless given by name: headings, links, notes.
_NEVER = _HEADINGS | _phrases(
    "re|fw|fwd|http|https|ftp|mailto|tel|note|notes|note to self|nb|n.b|ps|p.s|todo|to do|e.g|i.e|"
    "eg|ie"
)
# Sentence openers; a speaker only if the label comes back three times.
_OPENERS = _phrases(
    "so|anyway|anyways|well|but|and|or|because|plus|also|then|now|look|listen|like|okay|ok|yes|no|"
    "honestly|remember|first|second|third|last|next|finally|today|tomorrow|yesterday|tonight|"
    "monday|tuesday|wednesday|thursday|friday|saturday|sunday|goal|goals|plan|step|steps|part|day|"
    "week|number|reminder|warning|update|example|for example|rule|lesson|idea|option|reason|"
    "problem|question|answer|truth|fact|point|bottom line|long story short|the thing is|thing is|"
    "the point is|point is|the good news|good news|bad news|in short|in other words"
)
_SENTENCE_WORDS = _phrases(
    "i|i'm|i’m|me|my|we|our|you|your|he|she|it|it's|it’s|they|is|was|are|were|be|said|says|say|"
    "told|tell|to|that|that's|that’s|this|what|when|why|how|if|not|no|had|have|did|do|because|like"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Label:
    """A possible label and the words behind its colon."""

    name: str = field(repr=False)
    words: str = field(repr=False)
    is_spaced: bool  # a space or the end of the line follows the colon


@dataclass(frozen=True, slots=True, kw_only=True)
class Speakers:
    """The labels of one file that are speakers."""

    known: frozenset[str] = field(repr=False)

    def split(self, text: str) -> Label | None:
        """Split a line into its speaker and words, or None if it has no speaker."""
        label = split_label(text)
        if label is None or fold_name(label.name) not in self.known:
            return None
        return label


def split_label(text: str) -> Label | None:
    """Split a line at its first colon if what stands before could be a label."""
    text = text.strip()
    lead = _LEAD.match(text)
    if lead is not None:
        text = text[lead.end() :]
    cpp = _WHISPER_CPP.match(text)
    if cpp is not None:
        return Label(name=cpp["label"], words=text[cpp.end() :], is_spaced=True)
    head = text[: MAX_LABEL_CHARS + 8]
    colon = _COLONS.search(head)
    if colon is None or colon.start() == 0:
        return None
    name, words = text[: colon.start()], text[colon.end() :]
    name, words = _unwrap(name.strip(), words)
    if not is_label(name):
        return None
    # A clock ("at 10:30") or a link is no label.
    if words.startswith("//") or (words[:1].isdigit() and name[-1:].isdigit()):
        return None
    is_spaced = not words or words[0].isspace() or words[0] in "*_" or colon.group() == "："
    return Label(name=name, words=words.strip(), is_spaced=is_spaced)


def is_label(name: str) -> bool:
    """Whether a text has the shape of a label."""
    if not name or len(name) > MAX_LABEL_CHARS or len(name.split()) > MAX_LABEL_WORDS:
        return False
    if _SURROGATE_LABEL.fullmatch(name):
        return True
    if _FORBIDDEN.search(name):
        return False
    return any(unicodedata.category(char).startswith("L") for char in name)


def is_name_like(name: str) -> bool:
    """Whether a label is written like a name: capitals, digits or a script without case."""
    words = _TAIL.sub("", name).split()
    if not words or _starts_lower(words[-1]) or words[-1][-1] in "'’":
        return False
    return all(not _starts_lower(word) or word.lower() in _PARTICLES for word in words)


def find_speakers(lines: Iterable[str], *, named: Sequence[str] = ()) -> Speakers:
    """Decide which labels of a file are speakers. `named` are the person and the peer."""
    counts: Counter[str] = Counter()
    n_spaced: Counter[str] = Counter()
    spelled: dict[str, str] = {}
    n_unlabelled = 0
    for line in lines:
        label = split_label(line)
        if label is None:
            n_unlabelled += bool(line.strip())
            continue
        key = fold_name(label.name)
        counts[key] += 1
        n_spaced[key] += label.is_spaced
        if key not in spelled or not is_name_like(spelled[key]):
            spelled[key] = label.name
    wanted = {fold_name(name) for name in named if name.strip()}
    wanted |= {name.split()[0] for name in wanted if name}
    known = {
        key
        for key, count in counts.items()
        if _comes_back(key, count=count, n_spaced=n_spaced[key], is_name=is_name_like(spelled[key]))
    }
    if not known or not n_unlabelled:
        known |= {key for key in counts if n_spaced[key] and _could_be_anyone(key)}
    return Speakers(known=frozenset(known | (wanted & counts.keys())))


def is_heading(text: str) -> bool:
    """Whether a line is a heading such as `Date: 1 March`."""
    label = split_label(text)
    return label is not None and fold_name(label.name) in _HEADINGS


def fold_name(name: str) -> str:
    """The form in which names are compared: NFC, no case, no spare spaces, no `(Guest)`."""
    name = unicodedata.normalize("NFC", name).replace("\u200e", "").replace("\u200f", "")
    bare = _TAIL.sub("", name.strip())
    bare = " ".join((bare or name).split()).lstrip("~").strip(" *_")
    return unicodedata.normalize("NFC", bare.casefold())


def _could_be_anyone(key: str) -> bool:
    """Whether a lower-case label such as `nurse` or `woman at the desk` reads like a speaker."""
    if key in _NEVER | _OPENERS or "," in key:
        return False
    words = key.split()
    return len(words) == 1 or (len(words) <= 4 and not _SENTENCE_WORDS.intersection(words))


def _comes_back(key: str, *, count: int, n_spaced: int, is_name: bool) -> bool:
    n_words = len(key.split())
    if key in _NEVER:
        return False
    if key in _OPENERS or key.rstrip("0123456789 ") in _OPENERS:
        return count >= 3 and n_spaced > 0
    if "," in key:  # "Reyes, Ana" comes back; "Well, Ana" does not
        return is_name and count >= 2
    if is_name:
        return n_spaced > 0 or count >= 2
    return count >= (2 if n_words <= 2 else 3) and n_spaced > 0


def _unwrap(name: str, words: str) -> tuple[str, str]:
    """Take markdown stars and brackets off a label: `**Ana:** hi`, `[SPEAKER_00]: hi`."""
    for mark in ("**", "__", "*", "_"):
        if name.startswith(mark):
            if name.endswith(mark) and len(name) > 2 * len(mark):
                return name[len(mark) : -len(mark)].strip(), words
            if words.startswith(mark):
                return name[len(mark) :].strip(), words[len(mark) :]
            break
    if len(name) > 2 and (name[0], name[-1]) in (("[", "]"), ("(", ")")):
        return name[1:-1].strip(), words
    return name, words


def _starts_lower(word: str) -> bool:
    first = next((char for char in word if char.isalnum()), "")
    return first.islower()
