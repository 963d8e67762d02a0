"""Reading: what this is, what is in it, part by part, and whole."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import date

from fastapi import APIRouter
from fastapi.responses import Response

from assistant.app.person.plain import (
    ALOUD_WORDS,
    SILENT_WORDS,
    copies_of,
    count_words,
    hidden_words,
    named_recipients,
    passage,
    peer_name,
    say_day,
    say_minutes,
    shown_agency,
    with_names,
    written_by,
)
from assistant.app.person.visit import NoteRoute, Reader, Visit, Visitor, not_there
from assistant.canonical import note_digest
from assistant.deidentify import Detail, report_details
from assistant.records import (
    DeidentifiedTurn,
    Note,
    NoteSection,
    NoteSentence,
    Origin,
    SurrogateMap,
)

router = APIRouter(route_class=NoteRoute)
PER_PAGE = 10  # sentences; with their sources a page stays under 60 kB


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """One sentence as a page shows it. `number` is its 0-based place in the part."""

    number: int
    text: str = field(repr=False)
    origin: Origin
    sources: tuple[str, ...] = field(repr=False)
    has_source: bool  # it was said, even if the words are deleted by now
    may_point: bool  # it holds a detail that, with others in the note, could show who they are


@router.get("/note/{handle}/")
def show_home(visit: Visitor) -> Response:
    if not visit.is_open:
        return show_what_became(visit)
    if visit.row.state != "handed_over":
        return visit.show(
            "come_back", peer=peer_name(visit), day=service_day(visit),
            recipients=named_recipients(visit), copies=copies_of(visit),
        )  # fmt: skip
    note = visit.note()
    n_words = count_words(note)
    return visit.show(
        "ready", step=1, n_words=n_words, written=written_by(note), peer=peer_name(visit),
        silent=say_minutes(visit.say, n_words, per_minute=SILENT_WORDS),
        aloud=say_minutes(visit.say, n_words, per_minute=ALOUD_WORDS),
        agency=shown_agency(visit), day=service_day(visit),
        n_days=visit.house.settings.undecided_days, n_minutes=visit.house.settings.idle_minutes,
        come_back=come_back_address(visit),
    )  # fmt: skip


def show_what_became(visit: Visit) -> Response:
    """Return the page of a session that holds no words (any more): what happened, and what now."""
    return visit.show(
        "what_became", day=service_day(visit), agency=shown_agency(visit),
        copies=copies_of(visit), has_note=visit.row.state not in ("new", "transcribed", "drafted"),
    )  # fmt: skip


@router.get("/note/{handle}/outline")
def show_outline(visit: Reader) -> Response:
    note = visit.note()
    parts = tuple((section.name, len(section.sentences)) for section in note.sections)
    return visit.show(
        "outline", step=2, parts=parts, n_statements=len(note.statements),
        has_own_words=has_own_words(visit), digest=note_digest(note),
        can_undo=visit.workspace.can_undo(visit.actor, visit.session_id),
    )  # fmt: skip


@router.get("/note/{handle}/part/{section}")
def show_part(visit: Reader, section: str) -> Response:
    note = visit.note()
    place, part = find_part(visit, note, section)
    lines = lines_of(visit, note, part)
    page = page_number(visit.request.query_params.get("page", ""), len(lines))
    n_pages = -(-len(lines) // PER_PAGE)
    names = [one.name for one in note.sections]
    before, after = names[:place][-1:], names[place + 1 :][:1]
    return visit.show(
        "part", step=3, section=part.name, digest=note_digest(note), page=page, n_pages=n_pages,
        lines=lines[(page - 1) * PER_PAGE : page * PER_PAGE],
        previous_part=before[0] if before else "", next_part=after[0] if after else "",
        after_parts="my-words" if has_own_words(visit) else "who",
        can_undo=visit.workspace.can_undo(visit.actor, visit.session_id),
    )  # fmt: skip


@router.get("/note/{handle}/read")
def show_whole(visit: Reader) -> Response:
    """Show the whole note to read: as others will see it, or with real names while kept."""
    note = visit.note()
    surrogates = hidden_words(visit)
    wants_names = visit.request.query_params.get("names") == "in"
    shown = restored(note, surrogates) if wants_names else note
    return visit.show(
        "read", sections=shown.sections, statements=shown.statements, names=note.names,
        can_restore=surrogates is not None and note.names == "out",
        is_restored=wants_names and surrogates is not None and note.names == "out",
        is_too_late=wants_names and surrogates is None and note.names == "out",
    )  # fmt: skip


def restored(note: Note, surrogates: SurrogateMap | None) -> Note:
    """Return a note with the real names in it, for the person's eyes; it is not kept."""
    return replace(
        note,
        sections=tuple(
            replace(
                section,
                sentences=tuple(
                    replace(s, text=with_names(s.text, surrogates, s.evidence))
                    for s in section.sentences
                ),
            )
            for section in note.sections
        ),
        statements=tuple(with_names(one, surrogates, ()) for one in note.statements),
    )


def find_part(visit: Visit, note: Note, section: str) -> tuple[int, NoteSection]:
    """Return a part and its place in the note; raises the way back to the outline."""
    for place, part in enumerate(note.sections):
        if part.name == section:
            return place, part
    raise not_there(visit)


def lines_of(visit: Visit, note: Note, part: NoteSection) -> tuple[Line, ...]:
    """Return the sentences of a part with the words each came from, names as in the note."""
    said = visit.workspace.view_said(visit.actor, visit.session_id)
    pointing = pointing_sentences(note, said)
    surrogates = hidden_words(visit) if note.names == "in" else None
    return tuple(
        Line(
            number=number,
            text=sentence.text,
            origin=sentence.origin,
            sources=_sources(sentence, said, surrogates),
            has_source=bool(sentence.evidence),
            may_point=sentence.text in pointing,
        )
        for number, sentence in enumerate(part.sentences)
    )


def pointing_sentences(note: Note, said: Mapping[int, DeidentifiedTurn]) -> frozenset[str]:
    """Return the sentences with details that few people have together; none if many do.

    A drafted sentence holds the small facts of the words it came from; one that somebody changed
    may have left them out, so that only its own words count.
    """
    sentences = [s for section in note.sections for s in section.sentences]
    found = [
        Detail(text=number, start=0, end=len(sentence.text), kind=one.kind)
        for number, sentence in enumerate(sentences)
        if sentence.origin != "written"
        for place in sentence.evidence
        if place.turn in said
        for one in said[place.turn].details
        if one.start < place.end and place.start < one.end
    ]
    texts = [sentence.text for sentence in sentences]
    report = report_details(texts, found=found)
    return frozenset(texts[one.text] for one in report.details) if report.is_rare else frozenset()


def _sources(
    sentence: NoteSentence, said: Mapping[int, DeidentifiedTurn], surrogates: SurrogateMap | None
) -> tuple[str, ...]:
    places = {place.turn: place for place in reversed(sentence.evidence)}
    return tuple(
        with_names(passage(said[turn].text, place), surrogates, (place,))
        for turn, place in sorted(places.items())
        if turn in said
    )


def has_own_words(visit: Visit) -> bool:
    return bool(visit.workspace.own_words(visit.actor, visit.session_id))


def page_number(wanted: str, n_items: int, *, per_page: int = PER_PAGE) -> int:
    """Return the page asked for, 1-based, within what there is."""
    n_pages = max(1, -(-n_items // per_page))
    is_number = wanted.isascii() and wanted.isdigit() and len(wanted) <= 4
    return min(max(1, int(wanted)), n_pages) if is_number else 1


def service_day(visit: Visit) -> str:
    try:
        return say_day(visit.say, date.fromisoformat(visit.row.service_date))
    except ValueError:  # a date somebody typed another way
        return visit.row.service_date


def come_back_address(visit: Visit) -> str:
    return f"{visit.request.base_url}note/{visit.handle}/"
