"""The practice corpus: its compiler, its checks, its loaders, and the corpus itself."""

from __future__ import annotations

import json
import math
import random
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.corpus import (
    claim_rows,
    identifier_rows,
    language_rows,
    load_session,
    load_sessions,
    statement_rows,
    swap_session,
    tidy_rows,
)
from models.corpus.__main__ import main
from models.corpus.agreement import kappa, measure_agreement, read_sheet, save_second, write_sheet
from models.corpus.checks import check_corpus, near_duplicates
from models.corpus.decompile import write_source
from models.corpus.export import export_corpus
from models.corpus.files import read_pair, session_ids, write_pair
from models.corpus.lint import added_words, lint_session
from models.corpus.scheme import SPLITS
from models.corpus.source import compile_source, strip_marks

HEAD = """\
id {id}
P person {person}
D peer {peer}
K other Beto Llanes
setting reentry
place a sewing table in her garage
modality in_person
form spoken
dialect Latino English
gender woman
ethnicity Mexican American
age_band 35-44
name_origin Mexican
---
"""
BODY = """\
D: Hey Itzayana. @t14,16 You carried the market home. @. Sit. [?label|Addict] is a band.
P: @-talk Ay, my feet. @h2 The, um, the bracelet beeps at {{ORG|Telares Vega}}. @m2 I want quiet.
  = The bracelet beeps at Telares Vega.
  =
  + My bracelet goes off at Telares Vega.
  -neg My bracelet never beeps.
D: So did you [!blame|fail to charge it]?
K: Telares Vega says hi.
P: No, no.
P: @-off Don't write \\Telares Vega, leave that out.
  +^2 I want a dress that stays quiet.
NOTES
Itzayana [!doubt|claims] it beeps.
"""


def source(body: str = BODY, **head: str) -> str:
    values = {"id": "901", "person": "Itzayana Robledo", "peer": "Thaddeus Brightwater", **head}
    return HEAD.format(**values) + body


def long_body(filler: str) -> str:
    """A body that passes the checker: 42 lines, 14 claims, half unsupported, 7 kinds.

    The words are letters drawn from a seed, so that no two fillers share a sentence.
    """
    letters = random.Random(filler)

    def words(n: int) -> str:
        return " ".join("".join(letters.choices("bcdfgklmnprstvz", k=5)) for _ in range(n))

    lines = []
    kinds = ["neg", "who", "num", "time", "over", "diag", "quote"]
    for i in range(20):
        lines.append(f"D: {words(5)} {filler}?")
        lines.append(f"P: @w1 I {words(5)} {filler}.\n  =")
        if i < 7:
            lines.append(f"  + My {words(4)}.\n  -{kinds[i]} I {words(4)}.")
    return "\n".join(lines) + "\nD: Good.\nP: Thanks.\n"


@pytest.fixture
def small_corpus(tmp_path: Path) -> Path:
    people = [("901", "Itzayana Robledo", "Thaddeus Brightwater", "bobbins"),
              ("902", "Wilmot Achterberg", "Nkiru Ezeani", "lanterns"),
              ("903", "Solveig Nakasone", "Dov Pellegrin", "trumpets")]  # fmt: skip
    for number, person, peer, filler in people:
        compiled = compile_source(source(long_body(filler), id=number, person=person, peer=peer))
        assert compiled.problems == ()
        write_pair(compiled.text, compiled.gold, tmp_path)
    splits = {"train": ["901"], "dev": ["902"], "test": ["903"]}
    (tmp_path / "splits.json").write_text(json.dumps(splits), encoding="utf-8")
    return tmp_path


# ---------------------------------------------------------------- compiling


def test_compile_marks_a_surface_everywhere_but_where_a_backslash_spares_it() -> None:
    text = compile_source(source()).text.splitlines()
    assert text[0].startswith("{{PERSON|Thaddeus}}: Hey {{PERSON|Itzayana}}. You carried")
    assert text[3] == "{{PERSON|Beto}}: {{ORG|Telares Vega}} says hi."
    assert text[5].endswith("Don't write Telares Vega, leave that out.")


def test_compile_cuts_statements_at_tags_with_exact_offsets() -> None:
    compiled = compile_source(source())
    plain = [strip_marks(line.split(": ", 1)[1]) for line in compiled.text.splitlines()]
    statements = compiled.gold["statements"]
    assert [(s["section"], s["salience"]) for s in statements] == [
        ("none", 0), ("hard", 2), ("matters", 2), ("none", 0), ("none", 0),
    ]  # fmt: skip
    assert [s.get("reason") for s in statements if s["section"] == "none"] == [
        "small_talk", "social_reply", "asked_not_to_record",
    ]  # fmt: skip
    for entry in (*statements, *compiled.gold["together"], *compiled.gold["language"]):
        assert plain[entry["turn"] - 1][entry["start"] : entry["end"]] == entry["text"]


def test_compile_keeps_marks_in_tidied_forms_and_claims() -> None:
    gold = compile_source(source()).gold
    tidied = [s["tidied"] for s in gold["statements"] if "tidied" in s]
    assert tidied == ["The bracelet beeps at {{ORG|Telares Vega}}.", "I want quiet."]
    assert [(c["turns"], c["supported"], c["kind"]) for c in gold["claims"]] == [
        ([2], True, "paraphrase"),
        ([2], False, "negation_flip"),
        ([2, 5, 6], True, "paraphrase"),
    ]


def test_compile_reads_language_in_turns_and_notes() -> None:
    gold = compile_source(source()).gold
    found = [(x["text"], x["category"], x["flagged"]) for x in gold["language"]]
    assert found == [("Addict", "label", False), ("fail to charge it", "blame", True)]
    assert gold["peer_notes"][0]["language"] == [
        {"start": 9, "end": 15, "text": "claims", "category": "doubt", "flagged": True}
    ]


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("P: well @m2 I want it.\n  =", "words before the first tag"),
        ("P: I want it very much indeed.", "no tag"),
        ("P: @x2 I want it.\n  =", "unknown tag @x2"),
        ("P: @-bored I want it.", "unknown reason"),
        ("P: @m2 I want it.", "1 statements to tidy, 0 '=' lines"),
        ("P: @m0\n", "no words after @m0"),
        ("P: @m0 I want {{NAME|Beto}}.", "unknown identifier type NAME"),
        ("P: @m0 I want {{PERSON|Beto}.", "stray"),
        ("P: @m0 I want it.\n  -bad I do not.", "unknown kind of claim"),
        ("P: @m0 I want it.\n  +^9 I want it.", "no 9 turns before"),
        ("D: @t20 I made a list.", "unknown tag @t20"),
        ("D: You [!rude|never] did.", "unknown language category"),
        ("D: You [!blame|never did.", "not closed"),
        ("K: @m2 I want it.", "tags belong to the person and the peer"),
        ("Z: hello", "a speaker's code"),
        ("  * what", "an indented line starts with"),
    ],
)
def test_compile_names_the_line_that_is_wrong(line: str, message: str) -> None:
    compiled = compile_source(source(f"D: Hello there.\n{line}\n"))
    hits = [p for p in compiled.problems if message in p.message]
    assert hits, compiled.problems
    assert not compiled.is_sound
    assert hits[0].line >= len(HEAD.splitlines()) + 2


@pytest.mark.parametrize("key", ["setting", "modality", "form", "gender", "age_band"])
def test_compile_refuses_a_head_value_outside_the_scheme(key: str) -> None:
    lines = [
        f"{key} nonsense" if line.startswith(f"{key} ") else line for line in source().splitlines()
    ]
    assert any(p.message.startswith(f"{key} is not one of") for p in
               compile_source("\n".join(lines)).problems)  # fmt: skip


WORDS = st.lists(st.sampled_from(["yes", "um", "the", "Itzayana", "box,", "née", "🙂"]), min_size=1)


@given(
    pieces=st.lists(st.tuples(st.sampled_from(["m0", "h0", "-joke", "-off"]), WORDS), min_size=1)
)
def test_compile_gives_back_every_piece_whatever_the_words(
    pieces: list[tuple[str, list[str]]],
) -> None:
    line = "P: " + " ".join(f"@{tag} {' '.join(words)}" for tag, words in pieces)
    compiled = compile_source(source(f"{line}\nD: Okay.\n"))
    assert compiled.is_sound
    assert [s["text"] for s in compiled.gold["statements"]] == [" ".join(w) for _, w in pieces]
    compiled_line = compiled.text.splitlines()[0]
    assert strip_marks(compiled_line) == "Itzayana: " + " ".join(" ".join(w) for _, w in pieces)


# ---------------------------------------------------------------- checking


def test_check_accepts_a_sound_corpus(small_corpus: Path) -> None:
    assert check_corpus(small_corpus, with_targets=False) == []


def spoil_offset(gold: dict) -> None:
    gold["statements"][3]["end"] -= 1


def spoil_turn(gold: dict) -> None:
    gold["statements"][3]["turn"] = 99


def spoil_tidied(gold: dict) -> None:
    del gold["statements"][3]["tidied"]


def spoil_claims(gold: dict) -> None:
    for claim in gold["claims"]:
        claim["supported"] = True


def spoil_speaker(gold: dict) -> None:
    gold["statements"][3]["turn"] = 1
    gold["statements"][3].update(start=0, end=4)


@pytest.mark.parametrize(
    ("spoil", "message"),
    [
        (spoil_offset, "offsets and text differ"),
        (spoil_turn, "a span outside its turn"),
        (spoil_tidied, "go together"),
        (spoil_claims, "unsupported"),
        (spoil_speaker, "not a turn of the person"),
    ],
)
def test_check_finds_gold_that_was_edited_wrongly(small_corpus: Path, spoil, message: str) -> None:
    text, gold = read_pair("901", small_corpus)
    spoil(gold)
    write_pair(text, gold, small_corpus)
    findings = check_corpus(small_corpus, with_targets=False)
    assert any(message in f.message and f.session == "901" for f in findings), findings


def test_check_finds_an_unbalanced_mark(small_corpus: Path) -> None:
    text, gold = read_pair("901", small_corpus)
    problems = lint_session(text.replace(" bobbins?", " {bobbins?", 1), gold)
    assert any("not balanced" in p.message for p in problems)


def test_check_finds_a_session_in_two_splits_and_one_in_none(small_corpus: Path) -> None:
    splits = {"train": ["901"], "dev": ["901"], "test": ["903"]}
    (small_corpus / "splits.json").write_text(json.dumps(splits), encoding="utf-8")
    messages = {(f.session, f.message) for f in check_corpus(small_corpus, with_targets=False)}
    assert ("901", "stands in more than one split") in messages
    assert ("902", "is in no split") in messages


def test_check_finds_a_name_shared_between_splits(small_corpus: Path) -> None:
    body = long_body("kettles").replace("D: Good.", "D: Good, {{PERSON|Solveig}}.")
    compiled = compile_source(source(body))
    write_pair(compiled.text, compiled.gold, small_corpus)
    findings = check_corpus(small_corpus, with_targets=False)
    assert any("shares a name with 903 (test): solveig" in f.message for f in findings)


def test_check_finds_a_sentence_shared_between_splits_but_no_greeting(small_corpus: Path) -> None:
    shared = "D: Good morning.\nD: The ferry to the island leaves before the bakery opens.\n"
    for number, person, peer, filler in (
        ("901", "Itzayana Robledo", "Thaddeus Brightwater", "bobbins"),
        ("903", "Solveig Nakasone", "Dov Pellegrin", "trumpets"),
    ):
        body = shared + long_body(filler)
        compiled = compile_source(source(body, id=number, person=person, peer=peer))
        write_pair(compiled.text, compiled.gold, small_corpus)
    assert near_duplicates(load_sessions(folder=small_corpus)) == [("901", 2, "903", 2)]


def test_check_says_which_promise_is_not_met(small_corpus: Path) -> None:
    messages = [f.message for f in check_corpus(small_corpus)]
    assert "sessions: 3, at least 80 promised" in messages
    assert "setting inpatient: 0 sessions, 3 promised" in messages


def test_tidied_forms_may_add_only_words_that_hold_a_sentence_together() -> None:
    assert added_words("I ain't going to the big market.", "ain't goin nowhere, market") == [
        "going", "big",
    ]  # fmt: skip


# ---------------------------------------------------------------- loading and exporting


def test_load_sessions_keeps_to_the_split(small_corpus: Path) -> None:
    assert [s.id for s in load_sessions("test", folder=small_corpus)] == ["903"]
    assert [s.id for s in load_sessions(folder=small_corpus)] == ["901", "902", "903"]


def test_rows_hide_names_the_same_way_in_every_field(tmp_path: Path) -> None:
    compiled = compile_source(source())
    write_pair(compiled.text, compiled.gold, tmp_path)
    (tmp_path / "splits.json").write_text('{"train": ["901"], "dev": [], "test": []}')
    row = next(iter(tidy_rows("train", folder=tmp_path)))
    assert row.statement == "The, um, the bracelet beeps at <ORG_1>."
    assert row.tidied == "The bracelet beeps at <ORG_1>."
    assert row.question.startswith("Hey <PERSON_2>.")  # the peer spoke first
    claim = next(iter(claim_rows("train", folder=tmp_path)))
    assert claim.claim == "My bracelet goes off at <ORG_1>."
    assert claim.evidence_plain[0].startswith("Ay, my feet.")
    first, *_ = identifier_rows("train", folder=tmp_path)
    assert [first.plain[m.start : m.end] for m in first.marks] == ["Itzayana"]
    statement = next(iter(statement_rows("train", folder=tmp_path)))
    assert (statement.reason, statement.after) == ("small_talk", row.statement)
    spans = [(r.plain[s.start : s.end], s.flagged) for r in language_rows("train", folder=tmp_path)
             for s in r.spans]  # fmt: skip
    assert spans == [("Addict", False), ("fail to charge it", True), ("claims", True)]


def test_swap_session_gives_exact_marks_and_one_name_to_one_person(tmp_path: Path) -> None:
    body = BODY.replace(
        "Ay, my feet.", "Ay. Itzayana Robledo at your feet, call {{PHONE|555-0142}}."
    )
    compiled = compile_source(source(body))
    write_pair(compiled.text, compiled.gold, tmp_path)
    session = load_session("901", folder=tmp_path)
    rows = swap_session(session, rng=random.Random(3))
    assert rows == swap_session(session, rng=random.Random(3))
    for row, turn in zip(rows, session.turns, strict=True):
        assert [row.plain[m.start : m.end] for m in row.marks] == [m.surface for m in row.marks]
        assert [m.type for m in row.marks] == [m.type for m in turn.marks]
        assert not any(m.surface in row.plain for m in turn.marks)
    assert rows[1].marks[0].surface.startswith(rows[0].marks[0].surface + " ")
    assert rows[1].speaker == rows[0].marks[0].surface


def test_swap_keeps_speech_recognition_in_lower_case(tmp_path: Path) -> None:
    text = source("D: hey itzayana\nP: @m0 i want to be at {{ORG|telares vega}}\n",
                  person="itzayana robledo", peer="thaddeus brightwater")  # fmt: skip
    compiled = compile_source(text)
    write_pair(compiled.text, compiled.gold, tmp_path)
    rows = swap_session(load_session("901", folder=tmp_path), rng=random.Random(5))
    assert all(row.plain.islower() and row.speaker.islower() for row in rows)


def test_export_writes_every_table_and_split_as_json_lines(
    small_corpus: Path, tmp_path: Path
) -> None:
    written = export_corpus(tmp_path / "out", folder=small_corpus)
    assert len(written) == 7 * len(SPLITS)
    for name, n in written.items():
        rows = (tmp_path / "out" / f"{name}.jsonl").read_text(encoding="utf-8").splitlines()
        assert len([json.loads(row) for row in rows]) == n
    assert written["sessions/train"] == 1
    assert written["claims/test"] == 14


# ---------------------------------------------------------------- second labelling


@pytest.mark.parametrize(
    ("pairs", "expected"),
    [
        # Cohen's textbook table: 20 yes/yes, 5 yes/no, 10 no/yes, 15 no/no
        ([("y", "y")] * 20 + [("y", "n")] * 5 + [("n", "y")] * 10 + [("n", "n")] * 15, 0.4),
        ([("a", "a"), ("b", "b")], 1.0),  # full agreement
        ([("a", "b"), ("b", "a")], -1.0),  # full disagreement
    ],
)
def test_kappa_matches_known_values(pairs: list[tuple[str, str]], expected: float) -> None:
    assert kappa(pairs) == pytest.approx(expected)


def test_kappa_is_undefined_without_variation_or_items() -> None:
    assert math.isnan(kappa([]))
    assert math.isnan(kappa([("a", "a")]))


def test_weighted_kappa_forgives_near_misses() -> None:
    near = [(0, 0), (1, 1), (2, 1), (2, 2)]
    far = [(0, 0), (1, 1), (2, 0), (2, 2)]
    assert kappa(near, is_ordered=True) > kappa(far, is_ordered=True)


def test_sheet_for_a_second_labeller_shows_no_label_and_no_mark(small_corpus: Path) -> None:
    sheet = write_sheet("901", folder=small_corpus)
    assert "{{" not in sheet
    assert "@w1" not in sheet
    assert sheet.count("@?") == len(read_pair("901", small_corpus)[1]["statements"])
    assert sheet.count("  ? ") == 14


def test_sheet_does_not_tell_what_was_asked_of_the_writer(tmp_path: Path) -> None:
    compiled = compile_source(source().replace("---\n", "features humour\n---\n", 1))
    write_pair(compiled.text, compiled.gold, tmp_path)
    (tmp_path / "splits.json").write_text('{"train": ["901"], "dev": [], "test": []}')
    assert "features humour" in write_source(load_session("901", folder=tmp_path))
    assert "humour" not in write_sheet("901", folder=tmp_path)


def test_agreement_of_a_sheet_filled_like_the_first_is_perfect(small_corpus: Path) -> None:
    filled = write_source(load_session("901", folder=small_corpus))
    second, problems = read_sheet(filled, folder=small_corpus)
    assert problems == []
    save_second(second, folder=small_corpus)
    ids, results = measure_agreement(folder=small_corpus)
    assert ids == ("901",)
    assert all(row.observed == 1 for row in results if row.n_items)
    by_label = {row.label: row for row in results}
    assert by_label["claim supported"].kappa == 1
    assert by_label["section"].n_items == 21


def test_sheet_whose_words_were_changed_is_refused(small_corpus: Path) -> None:
    filled = write_source(load_session("901", folder=small_corpus)).replace("D: Good.", "D: Bad.")
    _, problems = read_sheet(filled, folder=small_corpus)
    assert [p.message for p in problems] == ["the words differ from the session's"]


def test_blank_sheet_is_refused(small_corpus: Path) -> None:
    _, problems = read_sheet(write_sheet("901", folder=small_corpus), folder=small_corpus)
    assert any("unknown tag @?" in p.message for p in problems)


# ---------------------------------------------------------------- the command line


def test_compile_command_writes_both_files_or_none(
    small_corpus: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (small_corpus / "splits.json").write_text(
        '{"train": ["901", "904"], "dev": ["902"], "test": ["903"]}', encoding="utf-8"
    )
    path = tmp_path / "904.src"
    names = {"id": "904", "person": "Ondine Marchetto", "peer": "Pius Hallworth"}
    path.write_text(source(long_body("kites").replace("@w1", "@z1", 1), **names), encoding="utf-8")
    assert main(["--corpus", str(small_corpus), "compile", str(path)]) == 1
    assert "unknown tag @z1" in capsys.readouterr().out
    assert not (small_corpus / "904.txt").exists()
    path.write_text(source(long_body("kites"), **names), encoding="utf-8")
    assert main(["--corpus", str(small_corpus), "compile", str(path)]) == 0
    assert session_ids(small_corpus) == ("901", "902", "903", "904")


def test_check_command_fails_on_an_error(
    small_corpus: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["--corpus", str(small_corpus), "check", "--partial"]) == 0
    assert main(["--corpus", str(small_corpus), "check"]) == 1
    assert "at least 80 promised" in capsys.readouterr().out


def test_stats_command_prints_every_axis(
    small_corpus: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["--corpus", str(small_corpus), "stats"]) == 0
    out = capsys.readouterr().out
    for title in ("Totals", "Sessions by setting", "Claims by kind", "words per setting"):
        assert title in out


# ---------------------------------------------------------------- the corpus itself


def test_corpus_is_sound_and_keeps_its_promises() -> None:
    assert [f for f in check_corpus() if f.is_error] == []


@pytest.mark.parametrize("session_id", session_ids())
def test_session_goes_back_to_its_source_and_returns_the_same(session_id: str) -> None:
    text, gold = read_pair(session_id)
    compiled = compile_source(write_source(load_session(session_id)))
    assert compiled.is_sound
    assert (compiled.text, compiled.gold) == (text, gold)
