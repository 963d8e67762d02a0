"""evals/fairness.py, agency.py, attacks.py: the statistics, and faults planted to be found."""

from __future__ import annotations

import random

import pytest

from assistant.draft.rules import load_draft_rules
from assistant.draft.select import find_instructions
from assistant.records import (
    Deidentified,
    DeidentifiedTurn,
    Draft,
    Evidence,
    ModelInfo,
    Section,
    Sentence,
)
from evals import agency, attacks, fairness
from evals.fairness import (
    DESCRIBED,
    Outcome,
    bootstrap,
    compare,
    discoveries,
    measure_fairness,
    sign_test,
    swap_pronouns,
)
from evals.report import broken_limits


@pytest.mark.parametrize(
    ("said", "swapped"),
    [
        ("He took her coat.", "She took his coat."),
        ("I told her and she left.", "I told him and he left."),
        ("She's got hers.", "He's got his."),
        ("Theirs, ours, sheriff.", "Theirs, ours, sheriff."),
    ],
)
def test_pronouns_are_exchanged(said: str, swapped: str) -> None:
    assert swap_pronouns(said) == swapped


def test_a_pair_that_differs_in_nothing_is_the_same() -> None:
    one = Outcome(
        sections={3: frozenset({"hard"})}, n_words=10, n_flags=0, names_left=0.0,
        accepted=(True, True),
    )  # fmt: skip
    assert compare(one, one) == {
        "same_turns": 1.0, "same_section": 1.0, "words": 0.0, "flags": 0.0, "names_left": 0.0,
        "same_verdict": 1.0, "accepted": 0.0,
    }  # fmt: skip
    other = Outcome(
        sections={3: frozenset({"ask"}), 5: frozenset({"ask"})}, n_words=14, n_flags=1,
        names_left=0.5, accepted=(True, False),
    )  # fmt: skip
    assert compare(one, other) == {
        "same_turns": 0.5, "same_section": 0.0, "words": 4.0, "flags": 1.0, "names_left": 0.5,
        "same_verdict": 0.5, "accepted": -1.0,
    }  # fmt: skip


def test_the_statistics_know_chance_from_a_pattern() -> None:
    assert bootstrap([1.0] * 12) == (1.0, 1.0, 1.0)
    assert sign_test([0.0, 0.0]) == 1.0
    assert sign_test([1.0] * 12) == pytest.approx(2 / 2**12)
    assert sign_test([1.0, -1.0] * 6) == 1.0
    assert discoveries({"a": 0.001, "b": 0.2, "c": 0.04}) == {"a"}
    assert discoveries({"a": 0.5}) == frozenset()


def test_a_selector_that_hears_some_people_less_breaks_the_limit(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    everything = {turn: frozenset({"hard"}) for turn in range(10)}
    few = {turn: frozenset({"hard"}) for turn in range(4)}

    def tell(session, told, parts, *, is_biased=True):
        text = " ".join(told.texts)
        heard_less = is_biased and DESCRIBED["trans"] in text
        return Outcome(
            sections=few if heard_less else everything, n_words=50 if heard_less else 100,
            n_flags=0, names_left=0.0,
        )  # fmt: skip

    monkeypatch.setattr(fairness, "load_parts", lambda *_, **__: None)
    monkeypatch.setattr(fairness, "tell", tell)
    figures = {figure.name: figure for figure in measure_fairness("dev")}
    assert figures["fairness.described.trans.words"].note == "stands out"
    assert any("described.worst_same_turns" in one for one in broken_limits(figures.values()))
    monkeypatch.setattr(fairness, "tell", lambda *a: tell(*a, is_biased=False))
    assert not broken_limits(measure_fairness("dev"))


def test_a_checker_that_believes_some_people_less_stands_out(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def tell(session, told, parts):
        believed_less = DESCRIBED["an immigrant"] in " ".join(told.texts)
        return Outcome(
            sections={}, n_words=0, n_flags=0, names_left=0.0,
            accepted=(not believed_less, True, False),
        )  # fmt: skip

    monkeypatch.setattr(fairness, "load_parts", lambda *_, **__: None)
    monkeypatch.setattr(fairness, "tell", tell)
    figures = {figure.name: figure for figure in measure_fairness("dev")}
    assert figures["fairness.described.an immigrant.accepted"].note == "stands out"
    assert figures["fairness.described.an immigrant.same_verdict"].value == pytest.approx(2 / 3)
    assert figures["fairness.described.trans.same_verdict"].value == 1.0


def test_few_sessions_are_said_to_tell_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    same = Outcome(sections={}, n_words=0, n_flags=0, names_left=0.0)
    monkeypatch.setattr(fairness, "load_parts", lambda *_, **__: None)
    monkeypatch.setattr(fairness, "tell", lambda *_: same)
    figures = list(measure_fairness("dev", 3))
    assert all("insufficient n" in f.note for f in figures if f.low is not None)


# ---------------------------------------------------------------- who could decide


def test_figures_say_what_was_planted_and_faults_are_seen() -> None:
    figures = {figure.name: figure for figure in agency.measure_agency()}
    assert figures["agency.figures_as_planted"].value == 1.0, figures
    assert figures["agency.faults_seen"].value == 1.0, figures
    assert not broken_limits(figures.values())


def test_a_log_that_loses_rows_breaks_the_limit(monkeypatch: pytest.MonkeyPatch) -> None:
    lossy = agency.compute_figures

    def forget(log, **options):
        return lossy([s for n, s in enumerate(log) if n % 50], **options)

    monkeypatch.setattr(agency, "compute_figures", forget)
    figures = list(agency.measure_agency())
    assert any("figures_as_planted" in one for one in broken_limits(figures))


# ---------------------------------------------------------------- attacks


def test_canaries_are_known_in_what_is_left_of_them() -> None:
    name, _, _, spelled, mail, number = attacks.make_canaries(random.Random(1))
    assert attacks.is_told(name, f"so {name.lower()} came")
    assert attacks.is_told(spelled, f"That is {spelled}.")
    assert attacks.is_told(mail, f"at {mail.split()[0]} I think")
    assert attacks.is_told(number, " ".join(number.split()[2:5]))
    assert not attacks.is_told(number, "two buses and three stops")
    assert not attacks.is_told(name, "my sister came")


def test_a_drafter_that_adds_a_feeling_is_counted() -> None:
    turn = DeidentifiedTurn(
        number=1, speaker="<PERSON_1>", role="person", text="I called my brother.",
        n_chars_original=20,
    )  # fmt: skip
    place = (Evidence(turn=1, start=0, end=20),)
    draft = Draft(
        sections=(
            Section(
                name="support",
                sentences=(
                    Sentence(
                        text="I called my brother.", origin="verbatim", evidence=place, own_words=1
                    ),
                    Sentence(
                        text="I proudly called my brother.", origin="rewritten", evidence=place,
                        own_words=0.7,
                    ),
                ),
            ),
        ),
        held_back=(), model=ModelInfo(name="none", backend="none"), voice="tidied",
    )  # fmt: skip
    assert attacks.count_unheld(draft, Deidentified(turns=(turn,))) == (1, 2)
    broken = broken_limits(
        [attacks.share("attacks.sentences_not_in_their_evidence", 1, 2),
         attacks.share("attacks.canaries_in_note", 9, 66),
         attacks.share("attacks.injections_obeyed", 1, 11)]
    )  # fmt: skip
    assert len(broken) == 3


def test_every_planted_order_is_known_as_one() -> None:
    said = {number: text for number, (_, text) in enumerate(attacks.INJECTIONS)}
    assert find_instructions(said, rules=load_draft_rules()) == set(said)
