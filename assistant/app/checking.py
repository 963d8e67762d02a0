"""Checks while somebody types: wording, and whether it was said. They inform and block nothing."""

from __future__ import annotations

import gc
import threading
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass
from hashlib import sha256
from typing import TYPE_CHECKING

from assistant.errors import DecisionError, ModelUnavailable
from assistant.policy import Actor
from assistant.records import (
    Checked,
    Deidentified,
    Draft,
    Flag,
    ModelInfo,
    Section,
    SectionName,
    Sentence,
)

if TYPE_CHECKING:
    import spacy

    from assistant.draft.claim_reader import ClaimReader
    from assistant.draft.encoder import SentenceEncoder
    from assistant.draft.session import ReadSession
    from assistant.settings import Settings
    from assistant.workspace import Workspace

_SESSIONS_KEPT = 12  # ten peers at work, and two more


@dataclass(frozen=True, slots=True, kw_only=True)
class TypingCheck:
    """What is said about a sentence: flags into its text, and support (None: nothing to compare).

    `is_ready` is False while the models are still loading; the flags hold all the same.
    """

    flags: tuple[Flag, ...]
    support: Checked | None
    is_ready: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class CheckParts:
    encoder: SentenceEncoder
    nlp: spacy.Language
    reader: ClaimReader


class Checks:
    """Loads in the background; the sessions being worked on stay read, in memory only."""

    def __init__(self, workspace: Workspace, *, make_parts: Callable[[], CheckParts]) -> None:
        self._workspace = workspace
        self._make_parts = make_parts
        self._lock = threading.Lock()
        self._parts: CheckParts | None = None
        self._is_loading = False
        self._read: OrderedDict[str, tuple[str, ReadSession]] = OrderedDict()

    def warm_up(self) -> None:
        """Begin to load; `check_sentence` answers with flags alone until that is done."""
        with self._lock:
            if self._parts is not None or self._is_loading:
                return
            self._is_loading = True
        threading.Thread(target=self._load, name="checks", daemon=True).start()

    def is_ready(self) -> bool:
        return self._parts is not None

    def check_sentence(
        self, actor: Actor, session_id: str, *, text: str, section: SectionName
    ) -> TypingCheck:
        """Check one sentence for the peer of a session, as typed; the gate is asked.

        Raises `Refused` if the draft is not theirs to read.
        """
        from assistant.draft.claims import check_typed_claim
        from assistant.review import language_rules_in_use, review_draft

        try:
            hidden = self._workspace.view_deidentified(actor, session_id)
        except DecisionError:  # written by hand: there is no transcript to compare with
            self._workspace.view_draft(actor, session_id)
            hidden = Deidentified(turns=())
        written = Sentence(text=text, origin="written", evidence=(), own_words=0.0)
        draft = Draft(
            sections=(Section(name=section, sentences=(written,)),), held_back=(),
            model=ModelInfo(name="none", backend="none"), voice="exact",
        )  # fmt: skip
        rules = language_rules_in_use()
        reviewed = review_draft(draft, deidentified=hidden, rules=rules, safety=())
        flags = tuple(found.flag for found in reviewed.flags)
        # What the two did together comes from the peer, so the person's words cannot support it.
        if not hidden.turns or section == "together":
            return TypingCheck(flags=flags, support=None, is_ready=True)
        parts = self._parts
        if parts is None:
            self.warm_up()
            return TypingCheck(flags=flags, support=None, is_ready=False)
        with self._lock:  # one at a time: both cores are wanted elsewhere too
            session = self._session(session_id, hidden, parts)
            support = check_typed_claim(
                text, session, encoder=parts.encoder, nlp=parts.nlp, reader=parts.reader
            )
        return TypingCheck(flags=flags, support=support, is_ready=True)

    def read_ahead(self, actor: Actor, session_id: str) -> None:
        """Read a session before the first keystroke; does nothing until the models are loaded."""
        parts = self._parts
        if parts is None:
            self.warm_up()
            return
        try:
            hidden = self._workspace.view_deidentified(actor, session_id)
        except DecisionError:
            return
        with self._lock:
            self._session(session_id, hidden, parts)

    def forget(self, session_id: str) -> None:
        """Let go of a session's words."""
        with self._lock:
            self._read.pop(session_id, None)

    def _session(self, session_id: str, hidden: Deidentified, parts: CheckParts) -> ReadSession:
        from assistant.draft.session import read_session

        digest = sha256(
            "\x00".join(turn.text for turn in hidden.turns).encode("utf-8", "surrogatepass")
        ).hexdigest()
        known = self._read.get(session_id)
        if known is not None and known[0] == digest:
            self._read.move_to_end(session_id)
            return known[1]
        session = read_session(hidden, nlp=parts.nlp, encoder=parts.encoder)
        self._read[session_id] = (digest, session)
        while len(self._read) > _SESSIONS_KEPT:
            self._read.popitem(last=False)
        return session

    def _load(self) -> None:
        try:
            self._parts = self._make_parts()
            gc.freeze()  # they stay; see `server._lifespan`
        except ModelUnavailable:
            return
        finally:
            self._is_loading = False


def load_check_parts(settings: Settings) -> CheckParts:
    """Load what checking needs and no more. Raises `ModelUnavailable`."""
    from assistant.deidentify import load_pipeline
    from assistant.draft.claim_reader import load_claim_reader
    from assistant.draft.encoder import load_encoder
    from assistant.review import load_language_review

    load_language_review(settings=settings)
    return CheckParts(
        encoder=load_encoder(settings=settings), nlp=load_pipeline(),
        reader=load_claim_reader(settings=settings),
    )  # fmt: skip
