"""What loading does and does not do: no network, no words in logs, clear errors."""

from __future__ import annotations

import logging
import subprocess
import sys

import pytest

from assistant.deidentify import Detector, hide_identifiers
from assistant.deidentify.rules import load_rules
from assistant.deidentify.spoken import read_runs
from assistant.errors import SettingError
from assistant.resources import resource_path


def test_importing_the_stage_loads_nothing_heavy():
    code = (
        "import sys, assistant.deidentify;"
        "print([m for m in ('spacy', 'presidio_analyzer', 'torch') if m in sys.modules])"
    )
    out = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert out.stdout.strip() == "[]"


def test_logs_carry_no_words(detector, caplog):
    with caplog.at_level(logging.DEBUG):
        hide_identifiers("Zdenka's mail is quill@post.test.", detector=detector)
    assert "Zdenka" not in caplog.text
    assert "quill" not in caplog.text


def test_presidio_s_own_address_recognizer_stays_offline(detector):
    # Sockets are closed in tests: a fetch of the suffix list would raise here.
    from presidio_analyzer.predefined_recognizers import EmailRecognizer

    assert detector.engine.nlp_engine.is_loaded()
    results = EmailRecognizer().analyze("quill@post.com", entities=["EMAIL_ADDRESS"])
    assert len(results) == 1


@pytest.mark.parametrize(
    ("old", "new", "named"),
    [
        ("\n[agency]\n", "\n[agencies]\n", "agenc"),  # a table misspelled
        ("oldest_age_kept = 89", 'oldest_age_kept = "old"', "limits.oldest_age_kept"),  # wrong kind
        ("programmes = []", "programs = []", "agency.program"),  # a key misspelled
        ("[limits]", "[limits", "TOML"),  # not TOML
    ],
)
def test_a_wrong_word_list_names_the_key(tmp_path, old, new, named):
    text = resource_path("policies/identifiers.toml").read_text(encoding="utf-8")
    file = tmp_path / "identifiers.toml"
    file.write_text(text.replace(old, new, 1), encoding="utf-8")
    with pytest.raises(SettingError, match=named.replace(".", r"\.")):
        load_rules(file)


@pytest.mark.parametrize(
    ("said", "value"),
    [
        ("five five five, oh one four two", "5550142"),
        ("double four seven", "447"),
        ("forty-two", "42"),
        ("forty, two", "402"),  # a comma parts the tens from the digit
        ("triple zero nineteen", "00019"),
        ("eight hundred 555", "800555"),
    ],
)
def test_said_numbers_are_read_as_digits(said, value):
    assert [run.value for run in read_runs(said)] == [value]


def test_said_letters_join_when_asked():
    (run,) = read_runs("two four dash T R dash oh three", letters=True)
    assert run.value == "24TR03"


@pytest.mark.parametrize(
    "loads",
    [
        "from assistant.deidentify import load_detector as load; load(settings=load_settings())",
        "from assistant.app.checking import load_check_parts as load; load(load_settings())",
    ],
    ids=["detector", "checks"],
)
def test_loading_does_not_bring_transformers(loads: str) -> None:
    code = (
        f"import sys; from assistant.settings import load_settings; {loads}; "
        "print('transformers' in sys.modules)"
    )
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert run.stdout.strip() == "False"


@pytest.mark.parametrize(
    ("text", "hidden"),
    [
        ("My brother Jesus drove me.", True),
        ("Jesus Maldonado called.", True),
        ("Thank you Jesus.", False),
        ("Jesus, it's cold in this garage.", False),
    ],
)
def test_a_name_that_people_also_pray_to(detector: Detector, text: str, hidden: bool) -> None:
    assert ("Jesus" not in hide_identifiers(text, detector=detector)[0]) == hidden
