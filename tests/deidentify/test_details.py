"""Details that together point to one person: found, counted, said more generally."""

from __future__ import annotations

from pathlib import Path

import pytest

from assistant.deidentify.details import load_detail_rules, report_details
from assistant.errors import SettingError


def kinds(*texts: str) -> list[str]:
    return [one.kind for one in report_details(texts).details]


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        ("I'm 52 and tired of it.", "age"),
        ("im sixty three in may", "age"),
        ("She sees a 34-year-old woman.", "age"),
        ("I worked as a piano tuner back then.", "work"),
        ("I was a beekeeper.", "work"),
        ("When I served, we slept standing.", "service"),
        ("I came from Eritrea.", "origin"),
        ("My twins start school.", "family"),
        ("I buried my daughter in spring.", "family"),
        ("Dialysis is on Mondays.", "health"),
        ("It was in the paper, all of it.", "event"),
    ],
)
def test_a_detail_is_found(text: str, kind: str) -> None:
    (one,) = report_details([text]).details
    assert one.kind == kind
    assert text[one.start : one.end].strip()


@pytest.mark.parametrize(
    "text",
    [
        "I'm 94 days on Friday.", "I'm at 30 percent.", "I am 20 minutes late.", "I'm good.",
        "I have two kids.", "I read the paper.", "I'm from here.", "I was a mess.", "",
        "I'm forty days in.",
    ],
)  # fmt: skip
def test_what_many_share_is_left_alone(text: str) -> None:
    assert kinds(text) == []


def test_one_detail_is_not_rare_and_several_together_are() -> None:
    assert not report_details(["I was a beekeeper."]).is_rare
    report = report_details(["I was a beekeeper.", "I'm 52.", "I came from Tonga, it was hard."])
    assert report.is_rare
    assert report.fits == pytest.approx(200_000 * 0.002 * 0.013 * 0.005)
    assert [one.text for one in report.details] == [0, 1, 2]


def test_it_says_what_to_say_more_generally_and_no_more_than_needed() -> None:
    report = report_details(["I was a beekeeper, and I'm 52."])
    assert report.is_rare
    assert report.to_generalise == ("work",)
    assert report.fits_generally >= load_detail_rules().rare_below


def test_the_same_kind_twice_counts_once() -> None:
    once, twice = report_details(["I'm 52."]), report_details(["I'm 52.", "I turned 52."])
    assert once.fits == twice.fits


@pytest.mark.parametrize(
    "text",
    ["not toml [", "population = 5", 'population = 500\nrare_below = 11\n[[detail]]\nkind = "x"',
     "population = 500\nrare_below = 11\n[[detail]]\nkind='x'\nshare=1\ngeneral_share=1\n"
     "patterns=['(']"],
)  # fmt: skip
def test_a_broken_file_is_named(tmp_path: Path, text: str) -> None:
    path = tmp_path / "details.toml"
    path.write_text(text)
    with pytest.raises(SettingError, match=r"details\.toml"):
        load_detail_rules(path)
