"""What a released note and its receipt say, as blocks that every format lays out its own way."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from typing import Literal

from assistant.canonical import note_digest
from assistant.records import ApprovedNote, AuditAnchor, Consent, Note, ServiceRecord
from assistant.wording import SECTION_TITLES

PART2_NOTICE = (
    "42 CFR part 2 prohibits unauthorized use or disclosure of these records."  # 42 CFR 2.32(a)(2)
)
_MODALITIES = {
    "in_person": "in person",
    "phone": "by phone",
    "video": "by video",
    "text": "by text",
    "group": "in a group",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Block:
    """One paragraph. `item` is a bullet, `small` is set smaller, `code` is kept unbroken."""

    kind: Literal["title", "heading", "text", "item", "small", "code"]
    text: str = field(repr=False)


def note_blocks(
    approved: ApprovedNote, *, service: ServiceRecord, to: str, consent: Consent | None
) -> tuple[Block, ...]:
    """Return the note for a recipient: service line, sections, statements, notices, digest.

    `consent` None: the person's own copy.
    """
    note = approved.note
    blocks = [Block(kind="title", text="Session note"), Block(kind="text", text=_met(service))]
    for section in note.sections:
        if not section.sentences:
            continue
        blocks.append(Block(kind="heading", text=SECTION_TITLES[section.name]))
        blocks += [Block(kind="item", text=sentence.text) for sentence in section.sentences]
    if note.statements:
        blocks.append(Block(kind="heading", text="I see this differently"))
        blocks += [Block(kind="item", text=statement) for statement in note.statements]
    decided = approved.decision.decided_at
    blocks += [
        Block(
            kind="small",
            text="The person this note is about approved this exact text on "
            f"{decided:%Y-%m-%d} at {decided:%H:%M %Z}. {_names_line(note)}",
        ),
        Block(kind="small", text=f"For: {to}. {_scope_line(consent)}".rstrip()),
        Block(kind="small", text=PART2_NOTICE),
        Block(kind="code", text=f"Note {note.note_id}, SHA-256 {note_digest(note)}"),
    ]
    return tuple(blocks)


def receipt_blocks(
    approved: ApprovedNote,
    *,
    to: str,
    consent: Consent | None,
    anchor: AuditAnchor,
    now: datetime,
) -> tuple[Block, ...]:
    """Return the person's receipt: what it says, who sees it, how to change or withdraw, anchor."""
    note = approved.note
    n_sentences = sum(len(section.sentences) for section in note.sections)
    titles = [SECTION_TITLES[section.name] for section in note.sections if section.sentences]
    blocks = [
        Block(kind="title", text="Your receipt"),
        Block(kind="text", text=_happened(consent, now)),
        Block(kind="heading", text="What the note says"),
        Block(kind="text", text=f"{n_sentences} sentences, in these parts:"),
        *(Block(kind="item", text=title) for title in titles),
        Block(kind="text", text=_names_line(note)),
        Block(kind="heading", text="Who can read it"),
        *_who_reads(consent, to),
        Block(kind="heading", text="You can change your mind"),
        Block(
            kind="text",
            text="You can ask to change it, add your own view, or take it back at any time. "
            "Tell your peer supporter. You use the code you chose. "
            "You do not have to say why. You still get the same help.",
        ),
        Block(
            kind="text",
            text="If you take it back, we delete our copy and tell you when it is done. "
            "We cannot pull back a copy that someone already has. We will tell you who has one.",
        ),
        Block(kind="heading", text="Proof"),
        Block(
            kind="small",
            text="These lines show that your yes was logged, and for which exact text. "
            "They hold none of your words. Keep them with this receipt.",
        ),
        Block(kind="code", text=f"Note {note.note_id}"),
        Block(kind="code", text=f"SHA-256 {note_digest(note)}"),
        Block(
            kind="code",
            text=f"owa1:{anchor.position}:{anchor.head}:{anchor.public_key}:{anchor.signature}",
        ),
    ]
    return tuple(blocks)


def _happened(consent: Consent | None, now: datetime) -> str:
    what = "You asked for your own copy" if consent is None else "It was shared"
    return f"You said yes to a note. {what} on {now:%Y-%m-%d}."


def _who_reads(consent: Consent | None, to: str) -> tuple[Block, ...]:
    if consent is None:
        return (Block(kind="text", text="This copy is yours. Keep it where only you can read it."),)
    until = f"until {consent.expires_at:%Y-%m-%d}" if consent.expires_at else "until you say stop"
    return (
        Block(kind="item", text=to),
        Block(kind="text", text=f"You said yes to this {until}."),
        Block(kind="text", text="We give it to no one else unless you say yes to that too."),
    )


def _met(service: ServiceRecord) -> str:
    modality = _MODALITIES.get(service.modality, service.modality)
    parts = [f"We met on {service.service_date}"]
    if service.start and service.end:
        parts.append(f"from {service.start} to {service.end}")
    if modality:
        parts.append(modality)
    if service.place:
        parts.append(f"at {service.place}" if modality else f", {service.place}")
    return " ".join(parts) + "."


def _names_line(note: Note) -> str:
    if note.names == "in":
        return "Names stay in, as the person chose."
    return (
        "Names and other details were taken out to lower the risk that someone is recognised. "
        "The risk is lower, not gone."
    )


def _scope_line(consent: Consent | None) -> str:
    if consent is None:
        return ""
    until = f" until {consent.expires_at:%Y-%m-%d}" if consent.expires_at else ""
    return (
        f"Shared under a {consent.mode} consent for {consent.information}{until}. "
        "The person can take this consent back."
    )
