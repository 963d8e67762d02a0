"""What the person changes in their note: another wording, less, more, another view, and undo.

Each form carries the digest of the text it was made from. If the note changed since (a second tap,
an old page) nothing is done and the note is shown as it is: a sentence is found by its place, and
the place may hold another one by now.
"""

from __future__ import annotations

from collections.abc import Mapping

from fastapi import APIRouter
from fastapi.responses import Response
from starlette.datastructures import FormData

from assistant.app.pages import field, fields, read_form
from assistant.app.person.plain import (
    hidden_words,
    one_line,
    typed_problem,
    with_names,
)
from assistant.app.person.reading import PER_PAGE, find_part, page_number
from assistant.app.person.visit import NoteRoute, Reader, Visit, not_there
from assistant.canonical import note_digest
from assistant.decide import MAX_SENTENCE_CHARS, MAX_STATEMENT_CHARS, MAX_STATEMENTS
from assistant.errors import DecisionError, InputError
from assistant.records import SECTION_NAMES, Note, NoteSection, SectionName
from assistant.workspace.deciding import OwnWords

router = APIRouter(route_class=NoteRoute)
WORDS_PER_PAGE = 15  # candidate sentences


# ---------------------------------------------------------------- one sentence


@router.get("/note/{handle}/part/{section}/{number}/change")
def show_change(visit: Reader, section: str, number: str) -> Response:
    note = visit.note()
    part, place = _find_sentence(visit, note, section, number)
    return _show_change(visit, note, part, place, text=part.sentences[place].text)


@router.post("/note/{handle}/part/{section}/{number}/change")
async def change(visit: Reader, section: str, number: str) -> Response:
    form = await read_form(visit.request)
    note = visit.note()
    if is_stale(form, note):
        return visit.go("outline", said="stale")
    part, place = _find_sentence(visit, note, section, number)
    text = one_line(field(form, "text"))
    try:
        visit.workspace.change(
            visit.actor, visit.session_id, section=part.name, sentence=place, text=text
        )
    except InputError:
        problem = typed_problem(text, max_chars=MAX_SENTENCE_CHARS)
        return _show_change(
            visit, note, part, place, text=field(form, "text"), problem=problem, status=400
        )
    return _to_sentence(visit, part.name, place, said="changed")


@router.post("/note/{handle}/part/{section}/{number}/leave-out")
async def leave_out(visit: Reader, section: str, number: str) -> Response:
    form = await read_form(visit.request)
    note = visit.note()
    if is_stale(form, note):
        return visit.go("outline", said="stale")
    part, place = _find_sentence(visit, note, section, number)
    visit.workspace.leave_out(visit.actor, visit.session_id, section=part.name, sentence=place)
    if len(part.sentences) == 1:
        return visit.go("outline", said="left_out")
    return _to_sentence(visit, part.name, min(place, len(part.sentences) - 2), said="left_out")


@router.post("/note/{handle}/undo")
async def undo(visit: Reader) -> Response:
    form = await read_form(visit.request)
    section = field(form, "section")
    if is_stale(form, visit.note()):
        return visit.go("outline", said="stale")
    try:
        note = visit.workspace.undo_change(visit.actor, visit.session_id)
    except DecisionError:
        return visit.go("outline", said="nothing_to_undo")
    if any(part.name == section for part in note.sections):
        return visit.go(f"part/{section}", said="undone")
    return visit.go("outline", said="undone")


def is_stale(form: FormData, note: Note) -> bool:
    """Whether the note is another text than the one the form was made from."""
    return field(form, "digest") != note_digest(note)


def _show_change(
    visit: Visit, note: Note, part: NoteSection, place: int, *, text: str, problem: str = "",
    status: int = 200,
) -> Response:  # fmt: skip
    return visit.show(
        "change", status=status, step=3, section=part.name, number=place, text=text,
        digest=note_digest(note), problem=problem, max_chars=MAX_SENTENCE_CHARS,
        page=place // PER_PAGE + 1, hides_names=note.names == "out",
    )  # fmt: skip


def _find_sentence(visit: Visit, note: Note, section: str, number: str) -> tuple[NoteSection, int]:
    _place, part = find_part(visit, note, section)
    is_there = number.isascii() and number.isdigit() and len(number) <= 4
    if not is_there or int(number) >= len(part.sentences):
        raise not_there(visit)
    return part, int(number)


def _to_sentence(visit: Visit, section: SectionName, place: int, *, said: str) -> Response:
    page = place // PER_PAGE + 1
    query = f"&page={page}" if page > 1 else ""
    return visit.go(f"part/{section}", said=said + query)


# ---------------------------------------------------------------- a sentence of one's own


@router.get("/note/{handle}/add")
def show_add(visit: Reader) -> Response:
    # From inside a part that part is offered; elsewhere none is.
    return _show_add(visit, section=visit.request.query_params.get("part", ""))


@router.post("/note/{handle}/add")
async def add(visit: Reader) -> Response:
    form = await read_form(visit.request)
    section, text = _section(field(form, "section")), one_line(field(form, "text"))
    typed = field(form, "text")
    if is_stale(form, visit.note()):
        return _show_add(visit, section=section or "", text=typed, problem="stale", status=409)
    if section is None:
        return _show_add(visit, text=typed, problem="no_part_chosen", status=400)
    try:
        note = visit.workspace.add_sentence(
            visit.actor, visit.session_id, section=section, text=text
        )
    except InputError:
        problem = typed_problem(text, max_chars=MAX_SENTENCE_CHARS)
        return _show_add(visit, section=section, text=typed, problem=problem, status=400)
    n_there = next(len(part.sentences) for part in note.sections if part.name == section)
    return _to_sentence(visit, section, n_there - 1, said="added")


def _show_add(
    visit: Visit, *, section: str = "", text: str = "", problem: str = "", status: int = 200
) -> Response:
    note = visit.note()
    return visit.show(
        "add", status=status, step=3, section=section, text=text, problem=problem,
        digest=note_digest(note), names=SECTION_NAMES, max_chars=MAX_SENTENCE_CHARS,
        hides_names=note.names == "out",
    )  # fmt: skip


def _section(name: str) -> SectionName | None:
    return next((known for known in SECTION_NAMES if known == name), None)


# ---------------------------------------------------------------- another view


@router.get("/note/{handle}/disagree")
def show_disagree(visit: Reader) -> Response:
    return _show_disagree(visit)


@router.post("/note/{handle}/disagree")
async def disagree(visit: Reader) -> Response:
    form = await read_form(visit.request)
    typed = field(form, "text")
    text = typed.replace("\r\n", "\n").replace("\r", "\n").strip()
    note = visit.note()
    if is_stale(form, note):
        return _show_disagree(visit, text=typed, problem="stale", status=409)
    try:
        visit.workspace.disagree(visit.actor, visit.session_id, statement=text)
    except InputError:
        problem = typed_problem(text, max_chars=MAX_STATEMENT_CHARS)
        if len(note.statements) >= MAX_STATEMENTS:
            problem = "too_many_statements"
        return _show_disagree(visit, text=typed, problem=problem, status=400)
    return visit.go("disagree", said="stated")


def _show_disagree(
    visit: Visit, *, text: str = "", problem: str = "", status: int = 200
) -> Response:
    note = visit.note()
    return visit.show(
        "disagree", status=status, step=3, text=text, problem=problem,
        statements=note.statements, digest=note_digest(note), max_chars=MAX_STATEMENT_CHARS,
        can_undo=visit.workspace.can_undo(visit.actor, visit.session_id),
    )  # fmt: skip


# ---------------------------------------------------------------- more of their own words


@router.get("/note/{handle}/my-words")
def show_my_words(visit: Reader) -> Response:
    return _show_my_words(visit, page=visit.request.query_params.get("page", ""))


@router.post("/note/{handle}/my-words")
async def pick_my_words(visit: Reader) -> Response:
    form = await read_form(visit.request)
    ticked = fields(form, "words")
    chosen = {key: _section(field(form, f"section-{key}")) for key in ticked}
    problem = ""
    if is_stale(form, visit.note()):
        problem = "stale"
    elif not ticked:
        problem = "none_ticked"
    elif any(section is None for section in chosen.values()):
        problem = "no_part_chosen"
    if problem:
        kept = {key: section or "" for key, section in chosen.items()}
        return _show_my_words(
            visit, page=field(form, "page"), problem=problem, chosen=kept, status=400
        )
    offered = {_key(words): words for words in _candidates(visit)}
    for key, section in chosen.items():
        words = offered.get(key)
        if words is not None and section is not None:
            _add_own(visit, words, section)
    return visit.go("my-words", said="picked")


def _add_own(visit: Visit, words: OwnWords, section: SectionName) -> None:
    try:
        note = visit.workspace.add_own_words(
            visit.actor, visit.session_id, section=section, turn=words.turn,
            start=words.evidence.start,
        )  # fmt: skip
    except DecisionError:  # said twice in the same words, and the first is in by now
        return
    if note.names == "in":  # candidates carry stand-ins; this note does not
        visit.workspace.choose_names(visit.actor, visit.session_id, names="in")


def _candidates(visit: Visit) -> tuple[OwnWords, ...]:
    """Return the sentences to pick from; what stands in the note with real names is there too."""
    words = visit.workspace.own_words(visit.actor, visit.session_id)
    note = visit.note()
    if note.names == "out":
        return words
    surrogates = hidden_words(visit)
    inside = {s.text for part in note.sections for s in part.sentences}
    return tuple(
        one for one in words if with_names(one.text, surrogates, (one.evidence,)) not in inside
    )


def _show_my_words(
    visit: Visit, *, page: str = "", problem: str = "", chosen: Mapping[str, str] | None = None,
    status: int = 200,
) -> Response:  # fmt: skip
    note = visit.note()
    words = _candidates(visit)
    number = page_number(page, len(words), per_page=WORDS_PER_PAGE)
    surrogates = hidden_words(visit) if note.names == "in" else None
    on_page = words[(number - 1) * WORDS_PER_PAGE : number * WORDS_PER_PAGE]
    return visit.show(
        "my_words", status=status, step=4, problem=problem, chosen=chosen or {},
        words=tuple(
            (_key(one), with_names(one.text, surrogates, (one.evidence,))) for one in on_page
        ),
        page=number, n_pages=-(-len(words) // WORDS_PER_PAGE), n_words=len(words),
        names=SECTION_NAMES, digest=note_digest(note),
        can_undo=visit.workspace.can_undo(visit.actor, visit.session_id),
    )  # fmt: skip


def _key(words: OwnWords) -> str:
    return f"{words.turn}-{words.evidence.start}"
