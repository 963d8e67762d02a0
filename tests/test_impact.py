"""`ownwords impact`: facts of the installation, no words, nothing loaded from elsewhere."""

from __future__ import annotations

import json
from dataclasses import fields
from pathlib import Path

from assistant.impact import _read_text, format_impact
from assistant.records import Consent
from assistant.settings import Settings


def test_the_page_says_what_is_here_and_asks_nothing_of_anybody(tmp_path: Path) -> None:
    (tmp_path / "words.db").write_bytes(b"x")
    (tmp_path / "reports").mkdir()
    figure = {"name": "gate.cases_as_promised", "value": 1.0, "n": 308}
    (tmp_path / "reports" / "report.json").write_text(json.dumps({"figures": [figure]}))
    page = format_impact(Settings(data_dir=tmp_path, undecided_days=17, _env_file=None))
    assert not any(mark in page for mark in ("<script", "http", "src="))
    assert "17 days" in page
    assert "all-minilm-l6-v2" in page
    assert "gate.cases_as_promised" in page
    assert "not legal advice" in page
    assert str(tmp_path) not in page


def test_without_a_report_it_says_how_to_make_one(tmp_path: Path) -> None:
    assert "ownwords eval" in format_impact(Settings(data_dir=tmp_path, _env_file=None))


def test_every_consent_element_names_fields_that_exist() -> None:
    known = {field.name for field in fields(Consent)}
    for row in _read_text()["consent"]:
        named = {word for word in known if word in row["field"]}
        assert named or "printed" in row["field"], row
