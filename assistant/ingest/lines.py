"""What every format reads from (`Line`) and writes to (`Collector`)."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime

from assistant.errors import TranscriptError
from assistant.ingest.characters import clean_text
from assistant.ingest.clock import ordered_end
from assistant.records import Unread
from assistant.settings import Settings

UNKNOWN_SPEAKER = "Unknown speaker"

# Reasons a line was not taken over; a fixed vocabulary, so that they can be counted and shown.
BEFORE_FIRST = "before the first speaker"
HIDDEN = "hidden control characters were taken out of this line"
NO_WORDS = "a speaker label with no words"
SYSTEM = "written by the program, not said by anyone"
MEDIA = "a picture, sound or file that is not in the export"
BRACKETED = "a remark in brackets, not something said"
UNREADABLE = "characters that could not be read"
HEADING = "a heading, not something said"

# Speech recognisers cut one sentence into several cues. A cue joins the one above when the same
# speaker goes on within this pause and the sentence above had not ended.
JOIN_GAP_S = 3.0
JOIN_MAX_CHARS = 2000  # raw recogniser text without punctuation would never end otherwise
_SENTENCE_END = (".", "?", "!", "…", "。", "？", "！", "؟", "।")  # fmt: skip
_CLOSING = "\"'”’»)]"


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """One line of the file; `number` is 1-based."""

    number: int
    text: str = field(repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Utterance:
    """One utterance as a format gave it; `line` is where it begins."""

    line: int
    speaker: str = field(repr=False)
    text: str = field(repr=False)
    start_s: float | None = None
    end_s: float | None = None
    said_at: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Parsed:
    source_format: str
    utterances: tuple[Utterance, ...] = field(repr=False)
    unread: tuple[Unread, ...] = ()


@dataclass(slots=True, kw_only=True)
class _Open:
    line: int
    speaker: str = field(repr=False)
    start_s: float | None
    end_s: float | None
    said_at: datetime | None
    parts: list[str] = field(default_factory=list, repr=False)
    n_chars: int = 0


class Collector:
    """Gathers utterances and unread lines while a format walks its file.

    Raises `TranscriptError` as soon as a limit of the settings is passed.
    """

    def __init__(self, *, file: str, settings: Settings) -> None:
        self._file = file
        self._max_turns = settings.max_turns
        self._max_chars = settings.max_line_chars
        self._turns: list[_Open] = []
        self._unread: list[Unread] = []

    def start_turn(
        self,
        line: int,
        *,
        speaker: str,
        words: str = "",
        start_s: float | None = None,
        end_s: float | None = None,
        said_at: datetime | None = None,
    ) -> None:
        """Begin an utterance; `speaker` is a label as the file writes it."""
        if len(self._turns) >= self._max_turns:
            raise TranscriptError(
                file=self._file,
                line=line,
                problem=f"there are more than {self._max_turns} turns",
                remedy="Split the file, or raise OWNWORDS_MAX_TURNS.",
            )
        self._turns.append(
            _Open(
                line=line,
                speaker=self._clean(line, speaker) or UNKNOWN_SPEAKER,
                start_s=start_s,
                end_s=end_s,
                said_at=said_at,
            )
        )
        self.add_words(line, words)

    def add_cue(
        self, line: int, *, speaker: str, words: str, start_s: float | None, end_s: float | None
    ) -> None:
        """Begin an utterance, or go on with the sentence that the cue above left open."""
        if self._goes_on(speaker, words, start_s):
            self.add_words(line, words)
            self._turns[-1].end_s = ordered_end(self._turns[-1].start_s, end_s)
        else:
            self.start_turn(line, speaker=speaker, words=words, start_s=start_s, end_s=end_s)

    def add_words(self, line: int, words: str) -> None:
        """Add words to the utterance that is open; without one they are counted as unread."""
        words = self._clean(line, words)
        if not words:
            return
        if not self._turns:
            self.skip(line, BEFORE_FIRST)
            return
        turn = self._turns[-1]
        turn.parts.append(words)
        turn.n_chars += len(words) + (len(turn.parts) > 1)
        if turn.n_chars > self._max_chars:
            raise TranscriptError(
                file=self._file,
                line=line,
                problem=f"one turn is longer than {self._max_chars} characters",
                remedy="Put a speaker's name before each turn, or raise OWNWORDS_MAX_LINE_CHARS.",
            )

    def skip(self, line: int, reason: str) -> None:
        """Count a line that held something and is not taken over."""
        self._unread.append(Unread(line=line, reason=reason))

    def close(self, source_format: str) -> Parsed:
        utterances = []
        for turn in self._turns:
            if not turn.parts:
                self.skip(turn.line, NO_WORDS)
                continue
            utterances.append(
                Utterance(
                    line=turn.line,
                    speaker=turn.speaker,
                    text=" ".join(turn.parts),
                    start_s=turn.start_s,
                    end_s=turn.end_s,
                    said_at=turn.said_at,
                )
            )
        return Parsed(
            source_format=source_format, utterances=tuple(utterances), unread=tuple(self._unread)
        )

    def _clean(self, line: int, text: str) -> str:
        cleaned, n_hidden = clean_text(text)
        if n_hidden:
            self.skip(line, HIDDEN)
        return cleaned.strip()

    def _goes_on(self, speaker: str, words: str, start_s: float | None) -> bool:
        if not self._turns:
            return False
        above = self._turns[-1]
        if above.speaker != speaker or not above.parts:
            return False
        if above.parts[-1].rstrip(_CLOSING).endswith(_SENTENCE_END):
            return False
        if above.n_chars + len(words) + 1 > min(JOIN_MAX_CHARS, self._max_chars):
            return False
        if start_s is not None and above.start_s is not None and start_s < above.start_s:
            return False
        if above.end_s is None or start_s is None:
            return True
        return start_s - above.end_s <= JOIN_GAP_S
