"""assistant/cli.py: the fields of the interfaces, exit statuses, and what is never printed."""

from __future__ import annotations

import io
import json
import sys
from pathlib import Path
from typing import Any

import pytest

from assistant import cli, workbench
from assistant.doctor import Finding
from assistant.resources import resource_path
from assistant.review import rules

DEMO = resource_path("assistant/data/demo_session.txt")
SECRET = "plommerick"


def run(
    capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, *arguments: str,
    stdin: bytes = b"",
) -> tuple[int, str, str]:  # fmt: skip
    """Run the command in this process; returns (exit status, standard output, standard error)."""
    monkeypatch.setattr(sys, "argv", ["ownwords", *arguments])
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(stdin)))
    status: Any = 0
    try:
        cli.main()
    except SystemExit as leave:
        status = leave.code
    captured = capfd.readouterr()
    return int(status or 0), captured.out, captured.err


def rows(output: str) -> list[dict[str, Any]]:
    return [json.loads(line) for line in output.splitlines()]


def test_deidentify_lines_have_the_promised_fields(
    capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    lines = [
        {"id": "a", "text": "My sister Oyinkansola lives at 14 Alder Street, call 555-0142."},
        {"id": "b", "text": "Ninety-four days, and I slept on Tuesday."},
    ]
    stdin = "\n".join(json.dumps(line) for line in lines).encode()
    status, out, _err = run(capfd, monkeypatch, "deidentify", "-", "--format", "jsonl", stdin=stdin)
    first, second = rows(out)
    assert status == 0
    assert set(first) == {"id", "text", "spans"}
    assert "Oyinkansola" not in first["text"]
    assert "0142" not in first["text"]
    for span in first["spans"]:
        assert set(span) == {"start", "end", "type", "surrogate", "score"}
        assert span["surrogate"] in first["text"]
    assert second == {"id": "b", "text": lines[1]["text"], "spans": []}


def test_deidentify_json_replaces_speakers_and_points_into_original_words(
    capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    status, out, _err = run(capfd, monkeypatch, "deidentify", str(DEMO), "--format", "json")
    turns = json.loads(out)["turns"]
    original = [line.partition(": ") for line in DEMO.read_text("utf-8").splitlines()]
    assert status == 0
    assert len(turns) == len(original)
    for turn, (label, _colon, words) in zip(turns, original, strict=True):
        assert label not in turn["speaker"]
        for span in turn["spans"]:
            assert 0 <= span["start"] < span["end"] <= len(words)
            assert words[span["start"] : span["end"]].strip()


@pytest.mark.model
def test_draft_json_is_as_promised(
    capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    status, out, err = run(
        capfd, monkeypatch, "draft", str(DEMO), "--person", "Senait", "--peer", "Dana", "--json"
    )
    draft = json.loads(out)
    assert status == 0
    assert "not saved" in err
    words = {
        number: line.partition(": ")[2]
        for number, line in enumerate(DEMO.read_text("utf-8").splitlines(), start=1)
    }
    n_words = 0
    for section in draft["sections"]:
        for sentence in section["sentences"]:
            assert {"text", "origin", "evidence", "own_words"} <= set(sentence)
            for activity in sentence.get("may_be", ()):  # suggestions, for what was done together
                assert section["name"] == "together"
                assert set(activity) == {"number", "name", "kind"}
            assert sentence["evidence"]
            assert 0 <= sentence["own_words"] <= 1
            n_words += len(sentence["text"].split())
            for place in sentence["evidence"]:
                assert words[place["turn"]][place["start"] : place["end"]].strip()
    assert 0 < n_words <= 300
    assert all(set(held) == {"turn", "reason"} for held in draft["held_back"])
    assert {"name", "backend", "digest"} <= set(draft["model"])
    assert draft["timings_s"]


@pytest.mark.model
def test_check_tells_said_from_not_said(
    capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    claims = [
        {"id": "said", "text": "I want the day shift."},
        {"id": "not", "text": "I was diagnosed with depression in hospital."},
    ]
    path = tmp_path / "claims.jsonl"
    path.write_text("\n".join(json.dumps(claim) for claim in claims))
    status, out, _err = run(
        capfd, monkeypatch, "check", str(DEMO), "--person", "Senait", "--claims", str(path)
    )
    said, unsaid = rows(out)
    assert status == 0
    assert set(said) == {"id", "supported", "score", "evidence", "why"}
    assert said["supported"] is True
    assert unsaid["supported"] is False
    assert unsaid["why"]


def test_review_flags_with_the_promised_fields(
    capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    line = {"id": "1", "text": "He refused his meds and lacks insight.", "voice": "peer"}
    own = {"id": "2", "text": "I am a crazy lady.", "voice": "peer",
           "own_words": ["I am a crazy lady."]}  # fmt: skip
    stdin = f"{json.dumps(line)}\n{json.dumps(own)}\n".encode()
    status, out, _err = run(capfd, monkeypatch, "review", "-", stdin=stdin)
    flagged, unflagged = rows(out)
    assert status == 0
    assert unflagged["flags"] == []
    for flag in flagged["flags"]:
        assert {"start", "end", "text", "category", "rule", "why", "alternatives", "source"} <= set(
            flag
        )
        assert line["text"][flag["start"] : flag["end"]] == flag["text"]
    assert flagged["flags"]


@pytest.mark.parametrize(
    ("arguments", "stdin", "tells"),
    [
        (["deidentify", "missing.txt"], b"", "missing.txt"),
        (["deidentify", "."], b"", "not a file"),
        (["deidentify", "-"], b"", "empty"),
        (["deidentify", "-"], b"\x00\x01\x02\xff\xfe" * 50, ""),
        (["deidentify", "-"], f"{SECRET} and no speaker here".encode(), "speaker"),
        (["deidentify", "-", "--format", "jsonl"], b'{"id": 1}', "line 1"),
        (["deidentify", "-", "--format", "jsonl"], f'{{"id": "{SECRET}"'.encode(), "line 1"),
        (["deidentify", "-", "--format", "jsonl"], b"[" * 100_000, "line 1"),
        (["deidentify", "-", "--format", "jsonl"], b"\xff\xfe\x00", "UTF-8"),
        (["deidentify", "-", "--format", "xml"], b"", "xml"),
        (["draft", "-"], b"", "person"),
        (["draft", "-", "--person", "Ana"], f"Bo: {SECRET}\nCy: yes\n".encode(), "name"),
        (["check", "-", "--person", "A", "--claims", "missing.jsonl"], b"A: hm", "missing.jsonl"),
        (["review", "-"], f'{{"id":"1","text":"{SECRET}","voice":"x"}}'.encode(), "voice"),
        (["audit", "verify", "missing.jsonl"], b"", "missing.jsonl"),
        (["serve", "--host", "0.0.0.0"], b"", "TLS"),
        (["serve", "--host", "192.0.2.7"], b"", "127.0.0.1"),
        (["serve", "--port", "99999"], b"", "port"),
        (["frobnicate"], b"", "frobnicate"),
    ],
)
def test_bad_input_is_one_sentence_and_exit_2(
    capfd: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
    arguments: list[str],
    stdin: bytes,
    tells: str,
) -> None:
    status, out, err = run(capfd, monkeypatch, *arguments, stdin=stdin)
    assert (status, out) == (2, "")
    assert tells in err
    assert SECRET not in err
    assert "Traceback" not in err


def test_an_unforeseen_error_tells_its_place_and_no_words(
    capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    from assistant import workbench

    def fail(*_arguments: object, **_options: object) -> None:
        raise RuntimeError(SECRET)

    monkeypatch.setattr(workbench, "deidentify_rows", fail)
    status, out, err = run(
        capfd, monkeypatch, "deidentify", "-", "--format", "jsonl", stdin=b'{"id":"1","text":"x"}'
    )
    assert (status, out) == (2, "")
    assert "RuntimeError at test_cli.py" in err
    assert SECRET not in err


def test_a_cut_audit_log_is_exit_1(
    capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    from tests.test_audit import anchor_text, as_log, make_lines

    lines = make_lines(4)
    (tmp_path / "anchor").write_text(anchor_text(lines))
    (tmp_path / "log").write_bytes(as_log(lines))
    verify = ("audit", "verify", str(tmp_path / "log"), "--anchor", str(tmp_path / "anchor"))
    assert run(capfd, monkeypatch, *verify)[0] == 0
    (tmp_path / "log").write_bytes(as_log(lines[:3]))
    status, _out, err = run(capfd, monkeypatch, *verify)
    assert status == 1
    assert "entry 4" in err


def test_a_wrong_setting_is_named_and_not_shown(
    capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OWNWORDS_MAX_TURNS", SECRET)
    status, _out, err = run(capfd, monkeypatch, "deidentify", str(DEMO))
    assert status == 2
    assert "max_turns" in err
    assert SECRET not in err


def test_a_session_is_kept_decided_and_withdrawn_at_the_terminal(
    capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("OWNWORDS_DATA_DIR", str(tmp_path / "data"))
    monkeypatch.setenv("OWNWORDS_PASSPHRASE", "four quiet green lamps")
    answers: list[str] = []
    monkeypatch.setattr("typer.prompt", lambda *_a, **_k: answers.pop(0))

    def session(*arguments: str, say: tuple[str, ...] = ()) -> tuple[int, str, str]:
        answers[:] = say
        return run(capfd, monkeypatch, "session", *arguments)

    consents = ("no", "no", "yes", "no")
    status, session_id, _err = session("new", say=(*consents, "4711-a"))
    session_id = session_id.strip()
    assert status == 0
    lines = (f"I want the {SECRET} back.", "I kept at it.", *[""] * 8)
    assert session("write", session_id, say=lines)[0] == 0
    assert session("draft", session_id)[0] == 3  # no consent to AI
    assert session("hand-over", session_id)[0] == 0
    status, _out, err = session("decide", session_id, say=("wrong",))
    assert (status, SECRET in err) == (2, False)
    status, _out, err = session("release", session_id, "--to", "this agency")
    assert status == 3
    assert "peer-releases-approved-text" in err
    assert session("decide", session_id, say=("4711-a", "3", "2", "1"))[0] == 0
    status, files, _err = session("release", session_id, "--to", "this agency")
    assert status == 0
    note = next(
        Path(name) for name in files.splitlines() if name.endswith("8.md") or "note" in name
    )
    assert SECRET in note.read_text()
    backup = tmp_path / "notes.backup"
    assert run(capfd, monkeypatch, "backup", str(backup))[0] == 0
    status, out, _err = session("withdraw", session_id, say=("4711-a",))
    assert (status, "this agency" in out) == (0, True)
    assert not note.exists()
    status, out, _err = run(capfd, monkeypatch, "restore", str(backup))
    assert (status, out) == (0, "0 records came back\n")
    assert "withdrawn" in session("list")[1]
    data = tmp_path / "data"
    anchors = str(data / "anchors.txt")
    assert run(capfd, monkeypatch, "audit", "verify", str(data), "--anchor", anchors)[0] == 0
    monkeypatch.setenv("OWNWORDS_PASSPHRASE", "another one")
    status, _out, err = session("list")
    assert (status, "another" in err) == (2, False)


@pytest.mark.slow
@pytest.mark.model
def test_a_transcript_becomes_a_decided_note_at_the_terminal(
    capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("OWNWORDS_DATA_DIR", str(tmp_path / "data"))
    monkeypatch.setenv("OWNWORDS_PASSPHRASE", "four quiet green lamps")
    answers: list[str] = []
    monkeypatch.setattr("typer.prompt", lambda *_a, **_k: answers.pop(0))

    def session(*arguments: str, say: tuple[str, ...] = ()) -> tuple[int, str, str]:
        answers[:] = say
        return run(capfd, monkeypatch, "session", *arguments)

    session_id = session("new", say=("yes", "yes", "yes", "no", "4711-a"))[1].strip()
    import_demo = ("import", session_id, str(DEMO), "--person", "Senait", "--peer", "Dana")
    assert session(*import_demo)[1].startswith("98 turns kept, 0 lines not read")
    status, shown, _err = session("draft", session_id)
    assert status == 0
    assert "Senait" not in shown
    if "To look at yourself first" in shown:
        refused, _out, err = session("hand-over", session_id)
        assert (refused, "peer-hands-over" in err) == (3, True)
    assert session("safety", session_id, say=("1",) * 30)[0] == 0
    assert session("hand-over", session_id)[0] == 0
    status, out, err = session("decide", session_id, say=("4711-a", "7", "5"))
    assert (status, "It is not used" in out) == (0, True)
    assert "Letebrhan" in err  # names were shown to the person who asked for them
    assert "refused" in session("list")[1]
    assert session("decide", session_id, say=("4711-a",))[0] == 3


def test_a_failed_check_ends_with_its_status(
    capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    assert run(capfd, monkeypatch, "eval", "nonsense", "--out", str(tmp_path))[0] == 2
    monkeypatch.setattr(workbench, "run_evals", lambda *_, **__: 1)
    assert run(capfd, monkeypatch, "eval", "gate")[0] == 1
    monkeypatch.setattr(workbench, "run_evals", lambda *_, **__: 0)
    assert run(capfd, monkeypatch, "eval", "gate")[0] == 0
    bad = (Finding(what="x", is_fine=False, remedy="y"),)
    monkeypatch.setattr("assistant.doctor.examine", lambda _settings: bad)
    assert run(capfd, monkeypatch, "doctor")[0] == 1


def test_models_are_listed_and_one_that_is_none_is_not_chosen(
    capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("OWNWORDS_DATA_DIR", str(tmp_path))
    _, out, _ = run(capfd, monkeypatch, "models", "list")
    assert "* tidier" in out
    assert "smollm2-135m-instruct" in out
    status, _, err = run(capfd, monkeypatch, "models", "use", str(tmp_path / "nowhere"))
    assert status == 2
    assert "not a model" in err
    assert list(tmp_path.iterdir()) == []


def test_an_impact_page_that_cannot_be_written_is_one_sentence(
    capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    out = tmp_path / "none" / "page.html"
    status, _, err = run(capfd, monkeypatch, "impact", "--out", str(out))
    assert status == 2
    assert "cannot be written" in err


@pytest.mark.model
def test_review_uses_the_reader_and_goes_on_without_models(
    capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    row = {
        "id": "a",
        "text": "She knows better than that and went out. He is a schizophrenic.",
        "voice": "peer",
    }
    stdin = json.dumps(row).encode()
    _, out, _ = run(capfd, monkeypatch, "review", "-", "--format", "jsonl", stdin=stdin)
    assert {flag["rule"] for flag in rows(out)[0]["flags"]} == {"lrn-002", "lbl-001"}
    monkeypatch.setattr(rules, "_in_use", [])
    monkeypatch.setenv("OWNWORDS_MODELS_DIR", str(tmp_path))
    _, out, _ = run(capfd, monkeypatch, "review", "-", "--format", "jsonl", stdin=stdin)
    assert [flag["rule"] for flag in rows(out)[0]["flags"]] == ["lbl-001"]
