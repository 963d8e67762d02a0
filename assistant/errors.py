"""Every error Own Words raises on purpose.

OwnWordsError
├── InputError             what was given cannot be used (exit 2)
│   ├── TranscriptError      a transcript file cannot be read
│   ├── SpanError            an offset lies outside its text
│   └── SettingError         a setting or a policy file is wrong
├── Refused                a policy rule says no (exit 3)
├── ModelUnavailable       a model is missing, altered or not allowed
├── DecisionError          a decision does not fit the note it names
├── StoreError             the vault cannot be used
│   ├── WrongKey             the key or passphrase does not open it
│   ├── StoreCorrupt         the file is damaged
│   ├── StoreBusy            another process holds it
│   ├── StoreFull            no space left
│   ├── StoreNewer           written by a newer version
│   └── WordsGone            these words were withdrawn or deleted
└── AuditError             the audit log was altered

A message says what happened, to what, and what to do. It carries ids, file names, line numbers,
offsets, counts and rule names, and never anybody's words.
"""

from __future__ import annotations


class OwnWordsError(Exception):
    """Base of the tree; catch this to catch everything Own Words raises on purpose."""

    exit_status = 2


class InputError(OwnWordsError):
    """What was given cannot be used; the message names the file, the line and the remedy."""


class TranscriptError(InputError):
    """A transcript cannot be read.

    `line` is 1-based, or 0 where the whole file is meant.
    """

    def __init__(self, *, file: str, line: int, problem: str, remedy: str) -> None:
        self.file = file
        self.line = line
        self.problem = problem
        self.remedy = remedy
        where = f"{file}, line {line}" if line else file
        super().__init__(f"{where}: {problem}. {remedy}")


class SpanError(InputError):
    """An offset lies outside the text it points into."""


class SettingError(InputError):
    """A setting or a policy file is wrong; nothing was started."""


class Refused(OwnWordsError):
    """A policy rule says no. `rule` is the `@id` of the rule that was not met."""

    exit_status = 3

    def __init__(self, *, rule: str, action: str, reason: str) -> None:
        self.rule = rule
        self.action = action
        self.reason = reason
        super().__init__(f"{action} refused by rule '{rule}': {reason}")


class ModelUnavailable(OwnWordsError):
    """A model is missing, altered or not allowed; the message says how to get it."""


class DecisionError(OwnWordsError):
    """A decision does not fit the note it names (digest, person or state differ)."""


class StoreError(OwnWordsError):
    """The vault cannot be used; nothing was lost."""


class WrongKey(StoreError):
    """The key or passphrase does not open this vault."""


class StoreCorrupt(StoreError):
    """A file of the vault is damaged."""


class StoreBusy(StoreError):
    """Another process holds the vault."""


class StoreFull(StoreError):
    """The disk has no space left; the last change was not made."""


class StoreNewer(StoreError):
    """The vault was written by a newer version."""


class WordsGone(StoreError):
    """These words were withdrawn or deleted and cannot be read again."""


class AuditError(OwnWordsError):
    """The audit log was edited, cut, reordered or extended.

    `position` is the 1-based number of the first bad entry.
    """

    exit_status = 1

    def __init__(self, *, position: int, problem: str) -> None:
        self.position = position
        self.problem = problem
        super().__init__(f"audit log, entry {position}: {problem}")
