"""Figures of a report in the model cards: what is replaced, what stays, what is refused."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path

import pytest

from evals.cards import CARDS, fill_card, main
from evals.figure import Figure, share

FIGURES = [share("drafting.items_found", 3, 4), Figure(name="speed.words", value=8000, n=1)]
CARD = "before\n<!-- figures: drafting. -->\nold\n<!-- end of figures -->\nafter\n"


def test_a_table_is_made_anew_and_nothing_around_it_is_touched() -> None:
    filled = fill_card(CARD, FIGURES)
    assert filled.startswith("before\n")
    assert filled.endswith("after\n")
    assert "| items found | 0.750 | 0.301 to 0.954 | 4 |" in filled
    assert "old" not in filled
    assert "8000" not in filled
    assert fill_card(filled, FIGURES) == filled


def test_a_table_the_report_has_nothing_for_stays() -> None:
    assert fill_card(CARD, FIGURES[1:]) == CARD


def test_a_figure_without_an_interval_has_an_empty_cell() -> None:
    card = CARD.replace("drafting.", "speed. drafting.")
    assert "| words | 8000.000 |  | 1 |" in fill_card(card, FIGURES)


def test_the_command_fills_and_checks(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    report, card = tmp_path / "report.json", tmp_path / "card.md"
    report.write_text(json.dumps({"figures": [asdict(one) for one in FIGURES]}))
    card.write_text(CARD)
    assert main([str(report), "--check"], folder=tmp_path) == 1
    assert card.read_text() == CARD
    assert main([str(report)], folder=tmp_path) == 0
    assert main([str(report), "--check"], folder=tmp_path) == 0
    assert "0 cards hold other figures: none" in capsys.readouterr().out


@pytest.mark.parametrize("content", ["", "[]", "{}", '{"figures": [{"name": 1}]}', "\xff"])
def test_what_is_no_report_is_refused(
    content: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "other.json"
    path.write_text(content, "latin-1")
    assert main([str(path)], folder=tmp_path) == 2
    assert "other.json is not a report" in capsys.readouterr().err
    assert main([str(tmp_path / "none.json")], folder=tmp_path) == 2
    assert "cannot be read" in capsys.readouterr().err


def test_every_table_of_a_card_is_closed() -> None:
    for path in CARDS.glob("*.md"):
        text = path.read_text("utf-8")
        assert text.count("<!-- figures: ") == text.count("<!-- end of figures -->"), path.name
