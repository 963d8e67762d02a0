"""Sessions of the practice corpus, brought and drafted as the product does it."""

from __future__ import annotations

from assistant.draft import write_draft
from assistant.pipeline import Parts, is_held
from assistant.records import Deidentified, Draft, HoldReason, Transcript, Turn, Voice
from assistant.review import surface_topics
from models.corpus.rows import Session


def read_session(session: Session) -> Transcript:
    """Return a corpus session as the transcript a peer would bring."""
    return Transcript(
        turns=tuple(
            Turn(number=turn.number, speaker=turn.speaker, text=turn.plain, role=turn.role)
            for turn in session.turns
        ),
        source_format="corpus",
    )


def draft_session(hidden: Deidentified, parts: Parts, *, voice: Voice = "exact") -> Draft:
    """Draft with safety topics held back as in the app; word for word unless asked otherwise."""
    topics = surface_topics(hidden, rules=parts.safety, encoder=parts.encoder)
    held: dict[int, HoldReason] = {topic.turn: "safety" for topic in topics if is_held(topic)}
    return write_draft(
        hidden, model=parts.model, encoder=parts.encoder, nlp=parts.detector.nlp, held=held,
        voice=voice, max_words=parts.max_words, reader=parts.reader, requests=parts.requests,
    )  # fmt: skip
