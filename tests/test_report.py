"""evals/report.py: intervals, limits, and a page that stands alone."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from evals import report, suites
from evals.report import Figure, broken_limits, format_page, main, share


@pytest.mark.parametrize(
    ("hits", "n", "low", "high"),
    [
        (0, 0, 0.0, 1.0),  # no cases tell nothing
        (10, 10, 0.722, 1.0),  # Wilson 1927; R's binom.confint agrees to three digits
        (0, 10, 0.0, 0.278),
        (50, 100, 0.404, 0.596),
    ],
)
def test_share_has_a_wilson_interval(hits: int, n: int, low: float, high: float) -> None:
    figure = share("x", hits, n)
    assert figure.low == pytest.approx(low, abs=5e-4)
    assert figure.high == pytest.approx(high, abs=5e-4)


def test_a_figure_beyond_its_limit_is_named() -> None:
    fine = Figure(name="gate.cases_as_promised", value=1.0, n=9)
    worse = Figure(name="gate.cases_as_promised", value=0.9, n=9)
    cited = Figure(name="drafting.asked_not_to_record_cited", value=1, n=9)
    assert broken_limits([fine]) == []
    assert len(broken_limits([worse, cited])) == 2


def test_the_page_asks_nothing_of_anybody_and_escapes_what_it_shows() -> None:
    page = format_page([Figure(name="<b>", value=1, n=1)], {"<i>": "why"}, ["<u>"])
    assert not any(mark in page for mark in ("<script", "http", "src=", "<b>", "<i>", "<u>"))


def test_a_broken_limit_is_exit_1_and_the_report_is_still_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(report, "SUITES", {
        "gate": lambda: [Figure(name="gate.cases_as_promised", value=0.5, n=2)],
        "absent": lambda: [][0:0] if (tmp_path / "x").read_text() else [],
    })  # fmt: skip
    assert main(["--out", str(tmp_path)]) == 1
    written = json.loads((tmp_path / "report.json").read_text())
    assert written["skipped"].keys() == {"absent"}
    assert written["figures"][0]["value"] == 0.5
    assert "gate.missing_checks_seen has a limit and was not measured" in written["broken"]
    assert main(["nonsense", "--out", str(tmp_path)]) == 2


def test_the_gate_suite_keeps_its_promises() -> None:
    figures = list(suites.measure_gate())
    assert [(figure.value, figure.n > 40) for figure in figures] == [(1.0, True)] * 2


def test_a_report_says_of_what_it_tells_and_two_runs_agree(tmp_path: Path) -> None:
    written = []
    for name in ("one", "two"):
        assert main(["--quick", "--out", str(tmp_path / name)]) == 0
        raw = json.loads((tmp_path / name / "report.json").read_text())
        assert raw.pop("measured_at")
        written.append(raw)
    assert written[0] == written[1]
    assert written[0]["digests"]["policies"]
    assert written[0]["libraries"]["torch"]


def test_an_earlier_report_is_laid_beside(tmp_path: Path) -> None:
    earlier = tmp_path / "report.json"
    earlier.write_text(json.dumps({"figures": [{"name": "gate.cases_as_promised", "value": 0.25}]}))
    assert main(["gate", "--out", str(tmp_path / "now"), "--against", str(earlier)]) == 0
    assert "0.250" in (tmp_path / "now" / "report.html").read_text()
    earlier.write_text("[]")
    assert main(["gate", "--out", str(tmp_path), "--against", str(earlier)]) == 2


def test_every_limit_names_a_figure_that_somebody_set_for_a_reason() -> None:
    for limit in report.read_limits():
        assert limit["figure"].partition(".")[0] in suites.SUITES
        assert {"at_least", "at_most"} & limit.keys()
        assert limit["set_by"]
        assert limit["why"]
