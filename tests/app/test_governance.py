"""The governance screens: charts that say what is in them, and nobody's words anywhere."""

from __future__ import annotations

import json
import random
import re
import xml.etree.ElementTree as ElementTree
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from fastapi import FastAPI
from pydantic import SecretStr
from starlette.testclient import TestClient

from assistant.app.catalogue import LANGUAGES, load_catalogue
from assistant.app.governance.audit_pages import audit_page, hide_small
from assistant.app.governance.charts import axis_top, draw_chart
from assistant.app.governance.eval_pages import evals_page, find_report
from assistant.app.governance.figure_pages import (
    ALL_FIGURES,
    FIGURE_IDS,
    FigureDesk,
    figures_page,
    show_value,
)
from assistant.app.governance.groups import EVERYONE, VIEWS
from assistant.app.governance.policy_pages import (
    PURPOSES,
    UNUSED_PURPOSES,
    consents_page,
    read_cases,
    rules_page,
)
from assistant.app.house import STAFF_COOKIE, House
from assistant.audit import verify_audit
from assistant.canonical import note_digest
from assistant.figures import Cell, Figure, SessionFigures, compute_figures
from assistant.policy import Actor
from assistant.records import Transcript
from assistant.workspace import Workspace
from tests.app.live import (
    axe_problems,
    keep_screen,
    live_server,
    open_browser,
    open_page,
    sign_in,
)
from tests.app.staff import Staff, hire
from tests.scenery import GATE, make_canary, make_transcript, open_test_workspace

RANDOMNESS = random.Random(41)
CANARIES = tuple(make_canary(RANDOMNESS) for _ in range(12))
SAY = load_catalogue("en")
SVG = "{http://www.w3.org/2000/svg}"


def a_cell(label: str, value: float | None = 0.5, **more: Any) -> Cell:
    values = {"n": 20, "low": 0.4, "high": 0.6, "is_suppressed": value is None, **more}
    if value is None:
        values |= {"n": 0, "low": None, "high": None}
    return Cell(label=label, value=value, **values)


def a_figure(*cells: Cell, **more: Any) -> Figure:
    about: dict[str, Any] = {"id": "changed", "title": "T", "explanation": "E", "unit": "share"}
    return Figure(cells=cells, **(about | more))


def draw(figure: Figure) -> ElementTree.Element:
    svg = draw_chart(figure, hidden="few, not shown", description="D", show=lambda v: f"{v:.2f}")
    return ElementTree.fromstring(svg)  # noqa: S314 - our own


# ---------------------------------------------------------------- charts


def test_a_chart_names_itself_and_says_each_value_in_text() -> None:
    root = draw(a_figure(a_cell("Everyone"), a_cell("<b>A & B</b>", 0.25)))
    assert root.get("role") == "img"
    ids = {part.get("id") for part in root if part.tag in (f"{SVG}title", f"{SVG}desc")}
    assert ids == set((root.get("aria-labelledby") or "").split())
    texts = [text.text for text in root.iter(f"{SVG}text")]
    assert {"Everyone", "0.50", "<b>A & B</b>", "0.25"} <= set(texts)
    assert all(float(text.get("font-size") or 0) >= 12 for text in root.iter(f"{SVG}text"))


def test_bars_and_whiskers_lie_where_the_values_are() -> None:
    root = draw(a_figure(a_cell("Everyone", 0.5, low=0.4, high=0.6)))
    (bar,) = root.iter(f"{SVG}rect")
    assert bar.get("width") == "50.00%"
    whiskers = [line for line in root.iter(f"{SVG}line") if line.get("class") == "gov-whisker"]
    assert {line.get("x1") for line in whiskers} == {"40.00%", "60.00%"}


def test_a_hidden_cell_has_no_bar_and_says_so() -> None:
    root = draw(a_figure(a_cell("Everyone"), a_cell("Few", None)))
    assert len(list(root.iter(f"{SVG}rect"))) == 1
    assert "few, not shown" in [text.text for text in root.iter(f"{SVG}text")]


def test_a_chart_without_cells_is_nothing() -> None:
    assert draw_chart(a_figure(), hidden="", description="", show=str) == ""


@pytest.mark.parametrize(
    ("high", "top"),
    [(0.0, 1.0), (0.4, 0.5), (3.2, 5.0), (10.0, 10.0), (140.0, 200.0)],
)
def test_an_axis_ends_at_a_round_number_above_everything(high: float, top: float) -> None:
    figure = a_figure(a_cell("Everyone", high, low=0.0, high=high), unit="hours")
    assert axis_top(figure) == pytest.approx(top)


def test_a_long_label_is_broken_into_lines_and_not_cut() -> None:
    label = "African American, African American English"
    root = draw(a_figure(a_cell(label)))
    lines = [t.text for t in root.iter(f"{SVG}text") if t.get("class") == "gov-label"]
    assert label in " ".join(line or "" for line in lines)


# ---------------------------------------------------------------- pages


def sessions_of(counts: dict[str, int], *, changed: dict[str, float]) -> list[SessionFigures]:
    now = datetime(2026, 3, 2, tzinfo=UTC)
    return [
        SessionFigures(
            session_id=f"{group}-{i}", state="approved", with_ai=True, groups={"gender": group},
            facts={"changes": float(i < changed[group] * n), "left_out": 0.0}, verbs=(),
            handed_over_at=now, decided_at=now, withdrawn_at=None,
        )
        for group, n in counts.items()
        for i in range(n)
    ]  # fmt: skip


def page_of(sessions: list[SessionFigures], view: str, only: str, language: str = "en") -> str:
    names, figures = FigureDesk().compute(sessions)
    return figures_page(names, figures, view=view, only=only, say=load_catalogue(language))


def test_the_table_beside_a_chart_holds_n_value_and_interval() -> None:
    page = page_of(
        sessions_of({"woman": 40, "man": 40}, changed={"woman": 0.5, "man": 0.5}),
        "gender", "changed",
    )  # fmt: skip
    row = re.search(r'<th scope="row">Woman</th>(.*?)</tr>', page)
    assert row is not None
    assert re.findall(r"<td>(.*?)</td>", row.group(1)) == [
        "40",
        "50\u00a0%",
        "35\u00a0% to 65\u00a0%",
    ]


def test_a_gap_is_said_in_words_and_without_a_cause() -> None:
    far = page_of(
        sessions_of({"woman": 40, "man": 40}, changed={"woman": 0.9, "man": 0.1}),
        "gender", "changed",
    )  # fmt: skip
    assert "Woman has 90\u00a0%, Man has 10\u00a0%" in far
    assert SAY("governance.gap_apart") in far
    assert SAY("governance.gap_no_cause") in far
    near = page_of(
        sessions_of({"woman": 40, "man": 40}, changed={"woman": 0.5, "man": 0.4}),
        "gender", "changed",
    )  # fmt: skip
    assert SAY("governance.gap_may_be_chance") in near


def test_a_small_group_is_hidden_and_so_is_the_one_that_gives_it_away() -> None:
    page = page_of(
        sessions_of({"woman": 30, "man": 3}, changed={"woman": 0.5, "man": 0.5}),
        "gender", "changed",
    )  # fmt: skip
    rows = re.findall(r'<th scope="row">(Woman|Man)</th>(<td.*?)</tr>', page)
    assert len(rows) == 2
    assert all("fewer than 11, not shown" in cells for _name, cells in rows)
    assert "30" not in "".join(cells for _name, cells in rows)


def test_every_note_approved_is_called_a_warning() -> None:
    sessions = sessions_of({"woman": 20}, changed={"woman": 0.0})
    page = page_of(sessions, EVERYONE, "approval_mix")
    assert SAY("governance.all_approved") in page
    sessions[0] = replace(sessions[0], state="refused")
    assert SAY("governance.all_approved") not in page_of(sessions, EVERYONE, "approval_mix")


def test_a_typed_answer_gets_into_no_chart() -> None:
    sessions = [
        replace(session, groups={"gender": CANARIES[0], CANARIES[1]: "woman"})
        for session in sessions_of({"woman": 20}, changed={"woman": 0.5})
    ]
    for view in VIEWS:
        page = page_of(sessions, view, ALL_FIGURES)
        assert not any(canary in page for canary in CANARIES)


def test_figures_are_computed_again_when_a_session_changed() -> None:
    desk = FigureDesk()
    sessions = sessions_of({"woman": 20}, changed={"woman": 0.0})
    _, before = desk.compute(sessions)
    assert desk.compute(list(sessions))[1] is before
    _, after = desk.compute([replace(sessions[0], state="refused"), *sessions[1:]])
    assert after != before


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_figure_group_purpose_and_view_has_its_words(language: str) -> None:
    say = load_catalogue(language)
    own = (
        Path(__file__).parents[2] / f"assistant/app/words/{language}/governance.toml"
    ).read_text()
    for figure in compute_figures(()):
        assert show_value(1.5, figure.unit, say)
        assert f"\nfigure_{figure.id} = " in own
        assert f"\nfigure_{figure.id}_explained = " in own
    for purpose in PURPOSES:
        assert say(f"governance.purpose_{purpose}") in consents_page(say)
        assert (f"purpose_{purpose}_taken_back = " in own) == (purpose not in UNUSED_PURPOSES)
    both = sessions_of({"woman": 12, "nonbinary": 12}, changed={"woman": 1.0, "nonbinary": 0.0})
    for view in VIEWS:
        assert page_of(both, view, ALL_FIGURES, language)


def test_each_rule_is_shown_with_its_sentence_and_every_case_is_found() -> None:
    page = rules_page(GATE.rules, search="", say=SAY)
    assert page.count("<details>") == len(GATE.rules) + 1  # and the one for unclear questions
    shown = {
        sentence for cases in read_cases().values() for sentence in cases.allowed + cases.refused
    }
    assert (
        len(re.findall("<li>", page))
        == len(shown)
        == sum(len(cases.allowed + cases.refused) for cases in read_cases().values())
    )
    assert set(read_cases()) <= {*GATE.rules, "gate-unclear"}


def test_a_search_finds_rules_by_their_words_and_does_not_repeat_what_was_typed() -> None:
    page = rules_page(GATE.rules, search="Co-Sign  supervisor", say=SAY)
    assert "supervisor-co-signs-shared-note" in page
    assert "<details open>" in page
    assert "peer-starts-session" not in page
    nothing = rules_page(GATE.rules, search=f"<i>{CANARIES[0]}", say=SAY)
    assert SAY("governance.rules_none") in nothing
    assert CANARIES[0] not in nothing


@pytest.mark.parametrize(
    ("counts", "shown"),
    [
        ({}, {}),
        ({"a": 11, "b": 30}, {"b": 30, "a": 11}),
        ({"a": 5, "b": 30, "c": 12}, {"b": 30, "c": None, "a": None}),  # 12 would give 5 away
        ({"a": 6, "b": 6, "c": 30}, {"c": 30, "a": None, "b": None}),
    ],
)
def test_small_counts_are_hidden_and_cannot_be_worked_out(
    counts: dict[str, int], shown: dict[str, int | None]
) -> None:
    assert list(hide_small(counts).items()) == list(shown.items())


def test_a_report_is_shown_with_its_date_and_versions_and_the_latest_wins(tmp_path: Path) -> None:
    assert SAY("governance.evals_none") in evals_page(find_report((tmp_path,)), SAY)
    about = {
        "version": "9.9.9", "python": "3.11.2", "machine": "m", "skipped": {"x": "why"},
        "broken": [], "measured_at": "2026-03-02T10:00:00+00:00",
        "figures": [
            {"name": "gate.cases", "value": 0.5, "n": 3, "low": 0.1, "high": 0.9, "note": "<i>"},
            {"name": "odd", "value": "text", "n": 1},
        ],
    }  # fmt: skip
    for folder, version, day in (("a", "1.1.1", "01"), ("b", "9.9.9", "02")):
        (tmp_path / folder).mkdir()
        raw = about | {"version": version, "measured_at": f"2026-03-{day}T10:00:00+00:00"}
        (tmp_path / folder / "report.json").write_text(json.dumps(raw))
    page = evals_page(find_report((tmp_path / "a", tmp_path / "b")), SAY)
    assert "2026-03-02 10:00" in page
    assert "9.9.9" in page
    assert "1.1.1" not in page
    assert "gate: cases (&lt;i&gt;)" in page
    assert "odd" not in page
    (tmp_path / "b" / "report.json").write_text("[1]")
    assert find_report((tmp_path / "b",)) is None


# ---------------------------------------------------------------- nobody's words


@dataclass(frozen=True, slots=True, kw_only=True)
class Scene:
    house: House
    staff: Staff

    def request(self, login: str | None) -> Any:
        cookies = {STAFF_COOKIE: self.staff.tokens[login]} if login else {}
        return SimpleNamespace(cookies=cookies)


def fill(workspace: Workspace, staff: Staff) -> None:
    """Twelve sessions to an approved note, and one with a transcript; canaries in every field."""
    peer, admin = staff.actors["peer"], staff.actors["admin"]
    workspace.set_agency(admin, protocol=CANARIES[0], supervisor_contact=CANARIES[1])
    workspace.invite(admin, role="peer", login=CANARIES[2], display=CANARIES[2])
    for number in range(12):
        person, session_id = begin(workspace, peer, "save_note", "evaluation")
        workspace.record_groups(person, session_id, values={"gender": "woman"})
        sentence = f"I want the {CANARIES[4]} back."
        workspace.write_by_hand(peer, session_id, sentences=(("matters", sentence),))
        workspace.hand_over(peer, session_id)
        note = workspace.disagree(person, session_id, statement=f"It was {CANARIES[5]}.")
        workspace.approve(person, session_id, digest=note_digest(note))
        if number == 0:
            workspace.set_code(person, session_id, code=SecretStr(CANARIES[6]))
            workspace.release(peer, session_id, to=CANARIES[3], formats=("markdown",))
    _, session_id = begin(workspace, peer, "transcribe")
    transcript: Transcript = make_transcript(CANARIES[7])
    workspace.import_transcript(peer, session_id, transcript)


def begin(workspace: Workspace, peer: Actor, *purposes: Any) -> tuple[Actor, str]:
    person = Actor(actor_id=workspace.add_person(), role="person")
    session_id = workspace.start_session(
        peer, person_id=person.actor_id, modality="in_person", place=CANARIES[8]
    )
    workspace.name_person(peer, session_id, name=CANARIES[9])
    for purpose in purposes:
        workspace.record_consent(
            person, session_id, purpose=purpose, given=True, recipients=(CANARIES[3],),
            information=CANARIES[10], discloser=CANARIES[11], mode="spoken", text_version="1",
        )  # fmt: skip
    return person, session_id


@pytest.fixture(scope="module")
def scene(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Scene]:
    folder = tmp_path_factory.mktemp("governance") / "data"
    workspace = open_test_workspace(folder, clock=lambda: datetime.now(UTC))
    staff = hire(workspace)
    fill(workspace, staff)
    yield Scene(house=House(workspace=workspace, settings=workspace.settings), staff=staff)
    workspace.close()


def every_answer(scene: Scene, login: str | None) -> list[str]:
    from assistant.app.governance.screens import Answers

    request, pages = scene.request(login), []
    for language in LANGUAGES:
        answers = Answers(scene.house, load_catalogue(language), FigureDesk())
        pages += [answers.show_figures(view, ALL_FIGURES, request) for view in VIEWS]
        pages += [answers.show_figures(EVERYONE, only, request) for only in FIGURE_IDS]
        pages += [answers.show_rules(words, request) for words in ("", CANARIES[4])]
        pages += [answers.show_consents(request), answers.show_evals(request)]
        pages.append(answers.show_audit(request))
    return pages


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_no_answer_holds_a_word_of_anybody(scene: Scene) -> None:
    pages = every_answer(scene, "governance")
    assert not any(canary in page.lower() for page in pages for canary in CANARIES)
    assert any("<svg" in page for page in pages)  # twelve sessions: there was something to show
    assert any("it is whole" in page for page in pages)
    assert not any("\n" in page for page in pages)  # a blank line would end the HTML in Markdown


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
@pytest.mark.parametrize("login", ["peer", "supervisor", "admin", None])
def test_handlers_ask_the_policy_again_whoever_holds_the_page(
    scene: Scene, login: str | None
) -> None:
    for page in every_answer(scene, login):
        is_refused = 'role="alert"' in page
        # An admin may check the log, so what the log holds is no secret from them.
        is_log = login == "admin" and (
            SAY("governance.refusals_title") in page or "entradas" in page
        )
        assert is_refused != is_log
        assert "<svg" not in page


def test_an_altered_log_is_named_by_its_first_bad_entry(scene: Scene, tmp_path: Path) -> None:
    files = scene.house.workspace.log_files
    lines = files.log.read_text().splitlines()
    lines[4] = lines[4].replace('"event":"', '"event":"x', 1)
    (tmp_path / "audit.jsonl").write_text("\n".join(lines) + "\n")
    page = audit_page(
        files.entries(), check=lambda: verify_audit(tmp_path, anchor=files.anchors),
        rules=GATE.rules, say=SAY,
    )  # fmt: skip
    assert "First bad entry: 5" in page


# ---------------------------------------------------------------- as mounted


@pytest.fixture(scope="module")
def client(scene: Scene) -> Iterator[TestClient]:
    from assistant.app.governance import mount_governance
    from assistant.app.guard import Guard

    app = FastAPI(openapi_url=None)
    mount_governance(app, scene.house)
    with TestClient(Guard(app, house=scene.house), base_url="http://localhost") as found:
        yield found


def as_login(scene: Scene, login: str) -> dict[str, str]:
    return {"cookie": f"{STAFF_COOKIE}={scene.staff.tokens[login]}"}


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_other_roles_find_nothing_here(scene: Scene, client: TestClient) -> None:
    for path in ("/governance/", "/governance/config", "/governance/es/"):
        for login in ("peer", "supervisor", "admin"):
            assert client.get(path, headers=as_login(scene, login)).status_code == 404
        assert client.get(path).status_code == 401
        assert client.get(path, headers=as_login(scene, "governance")).status_code == 200


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore::DeprecationWarning")
@pytest.mark.parametrize("area", ["/governance", "/governance/es"])
def test_no_page_setting_or_queue_answer_holds_a_word_of_anybody(
    scene: Scene, client: TestClient, area: str
) -> None:
    headers = as_login(scene, "governance")
    config = client.get(f"{area}/config", headers=headers)
    seen = [client.get(f"{area}/", headers=headers).text, config.text]
    for number, dependency in enumerate(config.json()["dependencies"]):
        stream = f"stream{number}{area.count('/')}"
        data = [EVERYONE, ALL_FIGURES, ""][-len(dependency["inputs"]) :]
        if len(dependency["inputs"]) == 2:
            data = [EVERYONE, ALL_FIGURES]
        joined = client.post(
            f"{area}/gradio_api/queue/join", headers=headers,
            json={"data": data[: len(dependency["inputs"])], "fn_index": dependency["id"],
                  "session_hash": stream},
        )  # fmt: skip
        assert joined.status_code == 200
        answer = client.get(
            f"{area}/gradio_api/queue/data", headers=headers, params={"session_hash": stream}
        )
        assert '"success":true' in answer.text.replace(" ", "")
        assert dependency["api_visibility"] == "private"
        seen.append(answer.text)
    assert len(seen) > 8
    assert not any(canary in text.lower() for text in seen for canary in CANARIES)


@pytest.fixture(scope="module")
def live(scene: Scene) -> Iterator[tuple[str, Any]]:
    with live_server(scene.house) as address, open_browser() as browser:
        yield address, browser


@pytest.mark.slow
@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("size", ["desktop", "phone"])
def test_each_tab_opens_in_a_browser(live: tuple[str, Any], language: str, size: str) -> None:
    address, browser = live
    say = load_catalogue(language)
    watched = open_page(browser, size=size, language=language)
    page = watched.page
    sign_in(page, address, "governance")
    page.goto(f"{address}/governance/{'' if language == 'en' else language + '/'}")
    page.locator("#gov-figures svg").first.wait_for(timeout=60_000)
    assert page.evaluate("document.documentElement.lang") == language
    page.get_by_label(say("governance.view_gender"), exact=True).check()
    page.get_by_role("rowheader", name=say("governance.group_gender_woman")).first.wait_for()
    for tab in ("figures", "rules", "consents", "audit", "evals"):
        page.get_by_role("tab", name=say(f"governance.tab_{tab}"), exact=True).click()
        pane = page.locator(f"#gov-{tab} .gov")
        pane.get_by_text(say("governance.waiting")).wait_for(state="detached")
        pane.wait_for()
        assert axe_problems(page) == []
        width = page.evaluate("document.documentElement.scrollWidth")
        assert width <= page.viewport_size["width"]
        keep_screen(page, f"governance {tab} {language} {size}")
    assert watched.outside(address) == []
    assert not [message for message in watched.messages if "Content Security" in message]
    text = page.content().lower()
    assert not any(canary in text for canary in CANARIES)
    page.context.close()
