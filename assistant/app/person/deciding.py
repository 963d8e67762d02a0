"""The decision: five answers of equal weight, and the yes that holds for one exact text only."""

from __future__ import annotations

import hmac

from anyio import to_thread
from fastapi import APIRouter
from fastapi.responses import Response

from assistant.app.pages import field, read_form
from assistant.app.person.plain import named_recipients, peer_name, shown_agency
from assistant.app.person.visit import SETTLED, NoteRoute, Reader, Visit
from assistant.canonical import note_digest
from assistant.decide import REASONS
from assistant.errors import Refused

router = APIRouter(route_class=NoteRoute)
ANSWERS = ("yes", "change", "leave_out", "no", "later")
REASON_CHIPS = ("wrong", "not_my_words", "too_private", "too_much", "not_needed", "other")


@router.get("/note/{handle}/decide")
def show_decide(visit: Reader) -> Response:
    if visit.row.state in SETTLED:  # nothing is open; the home page says what can be done
        return visit.go()
    return _show_decide(visit)


@router.post("/note/{handle}/decide")
async def decide(visit: Reader) -> Response:
    form = await read_form(visit.request)
    answer = field(form, "answer")
    if visit.row.state in SETTLED:
        return visit.go()
    if answer in ("change", "leave_out"):
        return visit.go("outline")
    if answer == "no":
        return await _say_no(visit, field(form, "reason"))
    if answer == "later":
        visit.workspace.decide_later(visit.actor, visit.session_id)
        return visit.go("receipt")
    if answer != "yes":
        return _show_decide(visit, problem="no_answer", status=400)
    return await _say_yes(visit, field(form, "digest"))


async def _say_no(visit: Visit, reason: str) -> Response:
    if visit.row.state == "amending":  # an earlier text is out; taking it back is another page
        return visit.go("withdraw")
    chip = reason if reason in REASONS else ""
    await to_thread.run_sync(
        lambda: visit.workspace.refuse(visit.actor, visit.session_id, reason=chip)
    )
    return visit.go("receipt")


async def _say_yes(visit: Visit, digest: str) -> Response:
    note = visit.note()
    if not any(s.text.strip() for section in note.sections for s in section.sentences):
        return _show_decide(visit, problem="no_words_left", status=409)
    if not hmac.compare_digest(digest.encode("utf-8", "replace"), note_digest(note).encode()):
        return _show_decide(visit, problem="text_changed", status=409)
    viewed_s = visit.house.looks.seconds(visit.session_id)
    try:
        await to_thread.run_sync(
            lambda: visit.workspace.approve(
                visit.actor, visit.session_id, digest=digest, viewed_s=viewed_s
            )
        )
    except Refused:  # it changed in this very moment
        return _show_decide(visit, problem="text_changed", status=409)
    return visit.go("receipt")


def _show_decide(visit: Visit, *, problem: str = "", status: int = 200) -> Response:
    note = visit.note()
    return visit.show(
        "decide", status=status, step=6, problem=problem, digest=note_digest(note),
        sections=note.sections, statements=note.statements, answers=ANSWERS,
        reasons=REASON_CHIPS, recipients=named_recipients(visit), names=note.names,
        has_next=any(section.name == "next_step" for section in note.sections),
        is_amending=visit.row.state == "amending", peer=peer_name(visit),
        agency=shown_agency(visit), keeps_talk=visit.house.settings.keep_transcript,
        n_days=visit.house.settings.undecided_days,
    )  # fmt: skip
