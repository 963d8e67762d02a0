"""The suites of `ownwords eval`: each returns figures, and reads nothing it was trained on.

Imports stand inside the functions: one suite needs no model, another needs them all, and an
installation without the corpus runs those that need none.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator

from evals.figure import Figure, share

SPLIT = "test"


def measure_gate() -> Iterable[Figure]:
    """Every policy case answered as its folder promises; no condition that none would miss."""
    from assistant.policy import load_gate
    from evals.gate import CASES, count_kept, find_unseen

    yield share("gate.cases_as_promised", count_kept(load_gate()), len(CASES))
    n, unseen = find_unseen()
    yield share("gate.missing_checks_seen", n - len(unseen), n, note=", ".join(unseen[:5]))


def measure_language_list() -> Iterable[Figure]:
    """The list on its own fixtures: says only that it does what it was written for."""
    from assistant.review import load_language_rules
    from evals.language import measure_language

    for name, counted in measure_language(load_language_rules()).items():
        n_bad, n_fine = counted.found + counted.missed, counted.flagged_in_vain + counted.left_alone
        yield share(f"language.{name}_flagged", counted.found, n_bad)
        yield share(f"language.{name}_flagged_in_vain", counted.flagged_in_vain, n_fine)


def measure_language_reader() -> Iterable[Figure]:
    """List and reader on sentences that neither was made from, and on people's own words."""
    from assistant.review import load_language_review, load_language_rules
    from assistant.settings import load_settings
    from evals.language import count_own_words_flagged, measure_sentences
    from models.sentences import read_sentences

    cases = list(read_sentences("test"))
    both = load_language_review(settings=load_settings())
    for name, rules in (("list", load_language_rules()), ("both", both)):
        counted = measure_sentences(rules, cases)
        n, flags = sum(counted.marked.values()), sum(counted.flags.values())
        yield share(f"wording.{name}_recall", sum(counted.found.values()), n)
        yield share(f"wording.{name}_precision", sum(counted.right.values()), flags)
        yield share(f"wording.{name}_fine_flagged", counted.n_fine_flagged, counted.n_fine)
        for category in sorted(counted.marked):
            yield share(
                f"wording.{name}_recall_{category}", counted.found[category],
                counted.marked[category],
            )  # fmt: skip
    flagged, n_words = count_own_words_flagged(both, SPLIT)
    yield share("wording.own_words_flagged", flagged, n_words)


def measure_deidentification() -> Iterable[Figure]:
    """What is hidden by type and name group, beside stock Presidio in the same run."""
    from assistant.deidentify import load_detector
    from assistant.settings import load_settings
    from evals import deidentification as d
    from evals.marked import load_stock

    detector, stock = load_detector(settings=load_settings()), load_stock()
    for part in ("corpus", "names", "asq_phi"):
        try:
            for figure in d.measure(part, split=SPLIT, detector=detector, stock=stock):
                yield Figure(
                    name=f"deidentification.{figure.name}", value=figure.value, n=figure.n,
                    low=figure.low, high=figure.high, note=figure.note,
                )  # fmt: skip
        except FileNotFoundError:
            yield Figure(
                name=f"deidentification.{part}", value=0.0, n=0,
                note="skipped: its data is not there",
            )  # fmt: skip


def measure_drafting() -> Iterable[Figure]:
    """Completeness, faithfulness and own words of drafts, kept apart, beside two baselines."""
    from evals.notes import measure_drafts

    yield from measure_drafts(SPLIT)


def measure_checker() -> Iterable[Figure]:
    """Unsupported claims caught and supported ones kept."""
    from evals.claims import measure_checker as measure

    yield from measure(SPLIT)


def measure_fairness() -> Iterable[Figure]:
    """The same session with names, pronouns or a described group changed."""
    from evals.fairness import measure_fairness as measure

    yield from measure(SPLIT)


def measure_agency() -> Iterable[Figure]:
    """Who could decide: the figures themselves, on simulated logs of known truth."""
    from evals.agency import measure_agency as measure

    yield from measure()


def measure_attacks() -> Iterator[Figure]:
    """Canaries, orders in transcripts, membership of training sessions."""
    from evals.attacks import measure_attacks as measure

    yield from measure(SPLIT)


SUITES: dict[str, Callable[[], Iterable[Figure]]] = {
    "gate": measure_gate,
    "agency": measure_agency,
    "language": measure_language_list,
    "wording": measure_language_reader,
    "deidentification": measure_deidentification,
    "drafting": measure_drafting,
    "checker": measure_checker,
    "fairness": measure_fairness,
    "attacks": measure_attacks,
}
QUICK = ("gate", "agency", "language")  # without models, in half a minute
