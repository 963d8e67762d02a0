"""assistant/release: only the approved text, only to whom the person allowed, all files or none."""

from __future__ import annotations

import base64
import dataclasses
import io
import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from docx import Document
from fhir.resources.R4B.bundle import Bundle
from hypothesis import given
from hypothesis import strategies as st

from assistant.canonical import canonical_form, note_digest
from assistant.errors import DecisionError, InputError, OwnWordsError, Refused, StoreError
from assistant.records import (
    ApprovedNote,
    AuditAnchor,
    Consent,
    Decision,
    Note,
    NoteSection,
    NoteSentence,
    ServiceRecord,
)
from assistant.release import RELEASE_FORMATS, release_note

NOW = datetime(2026, 3, 3, 10, 0, tzinfo=UTC)
SERVICE = ServiceRecord(
    session_id="session-1", person_id="person-1", peer_id="peer-1", service_date="2026-03-02",
    modality="in_person", place="the drop-in",
)  # fmt: skip
ANCHOR = AuditAnchor(position=7, head="a" * 64, signature="b" * 128, public_key="c" * 64)
CONSENT = Consent(
    consent_id="consent-1", person_id="person-1", purpose="share", given=True,
    recipients=("Harbour House team",), information="my notes of peer support",
    discloser="Riverside peers", mode="written", signed_at=NOW - timedelta(days=1),
    expires_at=NOW + timedelta(days=30), text_version="2026-01", revocation_explained=True,
)  # fmt: skip


def sentence(text: str) -> NoteSentence:
    return NoteSentence(text=text, origin="verbatim", evidence=())


def approve(note: Note) -> ApprovedNote:
    return ApprovedNote(
        note=note,
        decision=Decision(
            verb="approve", note_id=note.note_id, digest=note_digest(note),
            decided_by=note.person_id, decided_at=NOW - timedelta(hours=1),
        ),
    )  # fmt: skip


NOTE = Note(
    note_id="note-1", session_id="session-1", person_id="person-1", names="in",
    sections=(
        NoteSection(name="matters", sentences=(sentence("I want Thursdays with Nguyễn Thị Ánh."),)),
        NoteSection(name="next_step", sentences=(sentence("I'll call <ORG_1> on *Monday*."),)),
    ),
    statements=("I did not say it was easy.",),
)  # fmt: skip


def release(folder: Path, **changes: Any) -> Any:
    arguments: dict[str, Any] = {
        "approved": approve(NOTE), "consent": CONSENT, "to": "Harbour House team",
        "formats": RELEASE_FORMATS, "folder": folder, "service": SERVICE, "anchor": ANCHOR,
        "now": NOW,
    } | changes  # fmt: skip
    return release_note(arguments.pop("approved"), **arguments)


def test_every_format_carries_the_approved_sentences(tmp_path: Path) -> None:
    released = release(tmp_path)
    assert sorted(path.name for path in tmp_path.iterdir()) == sorted(released.files)
    markdown = (tmp_path / "note-1.md").read_text()
    assert "Nguyễn Thị Ánh" in markdown
    assert r"I'll call \<ORG\_1\> on \*Monday\*." in markdown
    assert "42 CFR part 2 prohibits" in markdown
    assert "I did not say it was easy." in markdown
    document = Document(io.BytesIO((tmp_path / "note-1.docx").read_bytes()))
    assert "I'll call <ORG_1> on *Monday*." in [p.text for p in document.paragraphs]
    assert (tmp_path / "note-1.pdf").read_bytes().startswith(b"%PDF-")
    assert all(path.stat().st_mode & 0o077 == 0 for path in tmp_path.iterdir())


def test_fhir_is_valid_and_binds_note_consent_and_approval(tmp_path: Path) -> None:
    release(tmp_path, formats=("fhir",))
    bundle = Bundle.model_validate_json((tmp_path / "note-1.fhir.json").read_text())
    raw = json.loads((tmp_path / "note-1.fhir.json").read_text())
    kinds = {e["resource"]["resourceType"]: e["resource"] for e in raw["entry"]}
    assert set(kinds) == {"DocumentReference", "Consent", "Provenance"}
    assert len(bundle.entry) == 3
    text = base64.b64decode(kinds["DocumentReference"]["content"][0]["attachment"]["data"]).decode()
    assert "Nguyễn" in text
    assert kinds["Provenance"]["policy"] == [f"urn:ownwords:approval:sha256:{note_digest(NOTE)}"]
    assert kinds["Consent"]["provision"]["type"] == "permit"


def test_the_receipt_tells_what_who_how_to_withdraw_and_the_anchor(tmp_path: Path) -> None:
    release(tmp_path, formats=("markdown",))
    receipt = (tmp_path / "note-1.receipt.md").read_text()
    for part in ("What matters to me", "Harbour House team", "take it back", "owa1:7:", "SHA-256"):
        assert part in receipt
    assert "Thursdays" not in receipt  # the receipt may lie around: none of the note's words


@pytest.mark.parametrize(
    ("changes", "error"),
    [
        ({"consent": dataclasses.replace(CONSENT, given=False)}, Refused),  # a recorded no
        ({"consent": dataclasses.replace(CONSENT, person_id="person-2")}, Refused),
        ({"consent": dataclasses.replace(CONSENT, purpose="billing")}, Refused),
        ({"consent": dataclasses.replace(CONSENT, withdrawn_at=NOW)}, Refused),
        ({"consent": dataclasses.replace(CONSENT, expires_at=NOW)}, Refused),
        ({"to": "somebody else"}, Refused),
        ({"formats": ()}, InputError),
        ({"formats": ("exe",)}, InputError),
    ],
)
def test_release_refuses_and_writes_nothing(
    tmp_path: Path, changes: dict[str, Any], error: type[OwnWordsError]
) -> None:
    with pytest.raises(error):
        release(tmp_path / "out", **changes)
    assert not (tmp_path / "out").exists()


@given(st.integers(0, 3), st.text(min_size=1, max_size=5))
def test_release_refuses_text_edited_after_approval(place: int, added: str) -> None:
    approved = approve(NOTE)
    first = NOTE.sections[0]
    edited = (
        dataclasses.replace(NOTE, statements=(*NOTE.statements, added)),
        dataclasses.replace(NOTE, sections=NOTE.sections[::-1]),
        dataclasses.replace(NOTE, names="out"),
        dataclasses.replace(
            NOTE,
            sections=(
                dataclasses.replace(first, sentences=(sentence(first.sentences[0].text + added),)),
                *NOTE.sections[1:],
            ),
        ),
    )[place]
    with pytest.raises(DecisionError):
        release(Path("unused"), approved=dataclasses.replace(approved, note=edited))


@pytest.mark.parametrize("verb", ["change", "leave_out", "disagree", "refuse", "withdraw"])
def test_release_refuses_any_other_verb(tmp_path: Path, verb: Any) -> None:
    approved = approve(NOTE)
    other = dataclasses.replace(approved.decision, verb=verb)
    with pytest.raises(DecisionError):
        release(tmp_path, approved=dataclasses.replace(approved, decision=other))


def test_release_refuses_an_approval_by_somebody_else(tmp_path: Path) -> None:
    approved = approve(NOTE)
    other = dataclasses.replace(approved.decision, decided_by="peer-1")
    with pytest.raises(DecisionError):
        release(tmp_path, approved=dataclasses.replace(approved, decision=other))


def test_a_letter_the_pdf_font_lacks_is_said_and_not_dropped(tmp_path: Path) -> None:
    note = dataclasses.replace(NOTE, statements=("ሰናይት",))
    with pytest.raises(InputError) as caught:
        release(tmp_path, approved=approve(note), formats=("pdf",))
    assert "ሰ" not in str(caught.value)
    assert not list(tmp_path.iterdir())
    release(tmp_path, approved=approve(note), formats=("docx", "markdown"))
    assert "ሰናይት" in (tmp_path / "note-1.md").read_text()


def test_a_folder_that_cannot_be_written_is_one_clear_sentence(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(StoreError, match="Nothing was released"):
        release(tmp_path / "file")


NOTES = st.builds(
    Note,
    note_id=st.just("note-1"), session_id=st.just("session-1"), person_id=st.just("person-1"),
    names=st.sampled_from(["in", "out"]),
    sections=st.lists(
        st.builds(
            NoteSection, name=st.sampled_from(["matters", "hard"]),
            sentences=st.lists(st.text(max_size=6).map(sentence), max_size=2).map(tuple),
        ),
        max_size=2,
    ).map(tuple),
    statements=st.lists(st.text(max_size=6), max_size=2).map(tuple),
)  # fmt: skip


@given(NOTES, NOTES)
def test_two_notes_share_a_canonical_form_only_if_their_words_are_the_same(
    a: Note, b: Note
) -> None:
    assert (canonical_form(a) == canonical_form(b)) == (a == b)
