"""Faults planted in what the suites measure, and the limits that must break for them.

Others stand beside the tests of their suite: a drafter that adds a feeling, a selector that hears
some people less and a log that loses a row in `test_fairness.py`.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from types import SimpleNamespace

import pytest

from assistant.deidentify import Detector, load_detector
from assistant.deidentify.tagger import Tagged
from assistant.settings import load_settings
from evals import deidentification, gate, suites
from evals.deidentification import lines_of, measure_corpus
from evals.gate import find_unseen, weaken
from evals.marked import Line, Marked
from evals.report import broken_limits
from models.corpus import load_sessions

# ---------------------------------------------------------------- the gate


def test_a_condition_taken_out_of_any_rule_is_noticed() -> None:
    n, unseen = find_unseen()
    assert n > 100
    assert not unseen, "add a case to policies/cases that needs each of these conditions"


def test_a_gate_with_one_missing_check_breaks_the_limit(
    tmp_path, monkeypatch: pytest.MonkeyPatch
) -> None:
    policies = gate.resource_path("policies")
    for path in [*policies.glob("*.cedar"), *policies.glob("*.cedarschema")]:
        (tmp_path / path.name).write_bytes(path.read_bytes())
    of_release = policies / "release.cedar"
    n_digests = of_release.read_text(encoding="utf-8").count("approved_digest")
    weakest = next(
        fault for fault in weaken(policies)
        if fault.file == of_release.name and fault.text.count("approved_digest") < n_digests
    )  # fmt: skip
    (tmp_path / weakest.file).write_text(weakest.text, encoding="utf-8")
    weak = gate.load_gate(folder=tmp_path)
    monkeypatch.setattr("assistant.policy.load_gate", lambda **_: weak)
    monkeypatch.setattr(gate, "find_unseen", lambda: (1, []))
    assert any("gate.cases_as_promised" in one for one in broken_limits(suites.measure_gate()))


# ---------------------------------------------------------------- hiding identifiers


def _hide(wanted: Callable[[Marked], bool]) -> Callable[..., SimpleNamespace]:
    """A de-identifier that knows every mark and hides those it is told to."""

    def hide(lines: Sequence[Line], _: object) -> SimpleNamespace:
        return SimpleNamespace(turns=[
            SimpleNamespace(spans=[
                SimpleNamespace(start=m.start, end=m.end, surrogate=f"<{m.type}_1>")
                for m in line.marked if wanted(m)
            ])
            for line in lines
        ])  # fmt: skip

    return hide


@pytest.mark.parametrize(
    ("wanted", "is_broken"),
    [(lambda _: True, False), (lambda mark: mark.type not in {"PERSON", "NICKNAME"}, True)],
    ids=["hides all", "leaks names"],
)
def test_a_recognizer_that_leaks_breaks_the_limit(
    wanted: Callable[[Marked], bool], is_broken: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("assistant.deidentify.load_detector", lambda **_: None)
    monkeypatch.setattr("evals.marked.load_stock", lambda: lambda lines: [[] for _ in lines])
    monkeypatch.setattr(deidentification, "hide_conversation", _hide(wanted))
    monkeypatch.setattr(
        deidentification, "hide_lines",
        lambda lines, _: [[(m.start, m.end) for m in line.marked if wanted(m)] for line in lines],
    )  # fmt: skip
    figures = list(suites.measure_deidentification())
    broken = broken_limits(figures)
    assert any("ours.corpus_test.recall" in one for one in broken) == is_broken, broken


def test_the_product_without_its_tagger_finds_less(monkeypatch: pytest.MonkeyPatch) -> None:
    whole = load_detector(settings=load_settings())

    class Blind:
        def tag(self, texts: Sequence[str], **_: object) -> list[Tagged]:
            return [Tagged(text=text, words=()) for text in texts]

    few = list(load_sessions("dev"))[:2]
    monkeypatch.setattr(deidentification, "load_sessions", lambda _: few)

    def recall(detector: Detector) -> float:
        figures = measure_corpus(
            "dev", detector, lambda lines: [[] for _ in lines], show=False
        )  # fmt: skip
        return next(f.value for f in figures if f.name == "ours.corpus_dev.recall")

    assert any(line.marked for session in few for line in lines_of(session))
    assert recall(replace(whole, tagger=Blind())) < recall(whole) - 0.1
