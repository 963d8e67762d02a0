"""Every format gives the same session: same words, same turns, times where it has them."""

from __future__ import annotations

import io
from datetime import UTC, datetime
from pathlib import Path

import docx
import pytest

from assistant.ingest import parse_transcript, read_transcript
from assistant.records import Transcript
from assistant.settings import Settings

DATA = Path(__file__).parent / "data"
PEER, PERSON = "Imani Okoro", "Theo Lindqvist"
REFERENCE = [
    tuple(line.split(": ", 1)) for line in (DATA / "plain.txt").read_text("utf-8").splitlines()
]
STARTS = [0.0, 4.5, 12.0, 15.25, 23.0, 26.0, 33.5, 37.0]
WHOLE = [float(int(start)) for start in STARTS]


def read(name: str, *, person: str = PERSON, peer: str = "") -> Transcript:
    return read_transcript(DATA / name, settings=Settings(), person=person, peer=peer)


def parse(text: str | bytes, *, person: str = "", peer: str = "") -> Transcript:
    data = text if isinstance(text, bytes) else text.encode()
    return parse_transcript(data, name="x", settings=Settings(), person=person, peer=peer)


def said(transcript: Transcript) -> list[tuple[str, str]]:
    return [(turn.speaker, turn.text) for turn in transcript.turns]


@pytest.mark.parametrize(
    ("name", "source_format", "n_unread"),
    [
        ("plain.txt", "plain", 0),
        ("plain_wrapped.txt", "plain", 1),  # a heading; a line that goes on
        ("plain_cp1252.txt", "plain", 0),  # Windows, with its line ends
        ("plain_utf16.txt", "plain", 0),
        ("voices.vtt", "vtt", 1),  # a NOTE; a sentence cut into two cues
        ("zoom.vtt", "vtt", 0),
        ("labels.srt", "srt", 0),
        ("whisperx.json", "whisper-json", 0),
        ("openai_whisper.json", "whisper-json", 0),  # labels inside the text
        ("zoom_captions.txt", "blocks", 0),
        ("zoom_chat.txt", "stamped", 0),
        ("teams.txt", "blocks", 5),  # title, date, length, started, stopped
        ("teams_arrows.txt", "srt", 0),
        ("otter.txt", "blocks", 0),
        ("meet.txt", "plain", 6),  # title, two headings, names, two closing lines
        ("whatsapp_android.txt", "chat", 2),  # encryption notice, media
        ("whatsapp_android_us.txt", "chat", 2),
        ("whatsapp_ios.txt", "chat", 2),
        ("signal.txt", "signal", 2),  # conversation heading, attachment
        ("signal_short.txt", "chat", 1),
        ("stamped_dates.txt", "chat", 0),
        ("stamped_clock.txt", "stamped", 0),
        ("stamped_offsets.txt", "stamped", 0),
    ],
)
def test_every_format_gives_the_same_turns(name: str, source_format: str, n_unread: int) -> None:
    transcript = read(name)
    assert said(transcript) == REFERENCE
    assert [turn.number for turn in transcript.turns] == list(range(1, len(REFERENCE) + 1))
    assert [turn.role for turn in transcript.turns] == ["peer", "person"] * 4
    assert transcript.source_format == source_format
    assert len(transcript.unread) == n_unread


@pytest.mark.parametrize("name", ["whisper_cpp.json", "whisper_cpp.txt"])
def test_whisper_cpp_channels_are_speakers(name: str) -> None:
    transcript = read(name, person="speaker 1")
    assert [turn.text for turn in transcript.turns] == [words for _, words in REFERENCE]
    assert [turn.role for turn in transcript.turns] == ["peer", "person"] * 4


@pytest.mark.parametrize(
    ("name", "starts"),
    [
        ("voices.vtt", STARTS),
        ("labels.srt", STARTS),
        ("whisperx.json", STARTS),
        ("teams_arrows.txt", STARTS),
        ("teams.txt", WHOLE),
        ("stamped_offsets.txt", WHOLE),
        ("stamped_clock.txt", [None] * 8),  # two in the afternoon is no offset
        ("zoom_captions.txt", [None] * 8),
        ("meet.txt", [0.0, None, None, None, 23.0, None, None, None]),
    ],
)
def test_recording_times_are_kept(name: str, starts: list[float | None]) -> None:
    assert [turn.start_s for turn in read(name).turns] == starts


@pytest.mark.parametrize(
    ("name", "first"),
    [
        ("whatsapp_android.txt", datetime(2026, 3, 13, 14, 2)),  # noqa: DTZ001 - exports carry none
        ("whatsapp_android_us.txt", datetime(2026, 3, 13, 14, 2)),  # noqa: DTZ001
        ("whatsapp_ios.txt", datetime(2026, 3, 13, 14, 2, 5)),  # noqa: DTZ001
        ("stamped_dates.txt", datetime(2026, 3, 13, 14, 2)),  # noqa: DTZ001
        ("signal.txt", datetime(2026, 3, 13, 14, 2, tzinfo=UTC)),
    ],
)
def test_chats_keep_their_clock(name: str, first: datetime) -> None:
    assert read(name).turns[0].said_at == first


def test_encodings_are_told_apart() -> None:
    assert read("plain.txt").encoding == "utf-8"
    assert read("plain_cp1252.txt").encoding == "cp1252"
    assert read("plain_utf16.txt").encoding == "utf-16-le"


# ---------------------------------------------------------------- Word


def word_bytes(document: docx.document.Document) -> bytes:
    buffer = io.BytesIO()
    document.save(buffer)
    return buffer.getvalue()


def test_word_paragraphs_read_like_the_plain_form() -> None:
    document = docx.Document()
    document.add_heading("Check-in")
    for speaker, words in REFERENCE:
        paragraph = document.add_paragraph()
        paragraph.add_run(f"{speaker}: ").bold = True
        paragraph.add_run(words)
    transcript = parse(word_bytes(document), person=PERSON)
    assert said(transcript) == REFERENCE
    assert transcript.source_format == "docx/plain"
    assert [item.reason for item in transcript.unread] == ["before the first speaker"]


def test_word_documents_of_teams_read_like_its_text() -> None:
    document = docx.Document()
    document.add_paragraph(f"{PEER} started transcription")
    for (speaker, words), start in zip(REFERENCE, WHOLE, strict=True):
        paragraph = document.add_paragraph()
        paragraph.add_run(speaker)
        run = paragraph.add_run(f"   0:{start:02.0f}")
        run.add_break()
        paragraph.add_run(words)
    transcript = parse(word_bytes(document), person=PERSON)
    assert said(transcript) == REFERENCE
    assert [turn.start_s for turn in transcript.turns] == WHOLE


def test_word_tables_of_names_and_words_are_turns() -> None:
    document = docx.Document()
    table = document.add_table(rows=0, cols=2)
    for speaker, words in REFERENCE:
        row = table.add_row().cells
        row[0].text, row[1].text = speaker, words
    assert said(parse(word_bytes(document), person=PERSON)) == REFERENCE


def test_word_headers_are_counted_not_lost() -> None:
    document = docx.Document()
    document.sections[0].header.paragraphs[0].text = "Kept in the office"
    document.add_paragraph("Ana: hello")
    transcript = parse(word_bytes(document))
    assert [item.reason for item in transcript.unread] == ["a footnote, comment, header or footer"]


# ---------------------------------------------------------------- what is a speaker


@pytest.mark.parametrize(
    ("text", "turns"),
    [
        # a sentence with a colon goes on with the turn above
        (
            "Ana: hi\nTheo: right.\nNote to self: call\nAna: ok\n",
            [("Ana", "hi"), ("Theo", "right. Note to self: call"), ("Ana", "ok")],
        ),
        # a clock and a link are no speakers, and stay exactly
        (
            "Ana: from\n10:30 to 11:00\nhttps://bus.example/a:b\nTheo: ok\n",
            [("Ana", "from 10:30 to 11:00 https://bus.example/a:b"), ("Theo", "ok")],
        ),
        # somebody who speaks once is a speaker if written like a name
        (
            "Ana: hi\nDr. van Dijk: come in\nwhen ready\nAna: ok\n",
            [("Ana", "hi"), ("Dr. van Dijk", "come in when ready"), ("Ana", "ok")],
        ),
        # lower-case labels of a whole file
        ("peer: hi\nperson: hello\n", [("peer", "hi"), ("person", "hello")]),
        # every line labelled: nobody's sentence was wrapped
        (
            "Ana: hi\nnurse: time for a break\nAna and Theo: ok\n",
            [("Ana", "hi"), ("nurse", "time for a break"), ("Ana and Theo", "ok")],
        ),
        # other scripts, full-width colon, apostrophes, digits
        (
            "李雷：你好\nO'Neil: fine\nSPEAKER_00: yes\n",
            [("李雷", "你好"), ("O'Neil", "fine"), ("SPEAKER_00", "yes")],
        ),
        # bold labels and bracketed labels
        (
            "**Ana:** hi\n**Theo**: yes\n[Ana]: bye\n",
            [("Ana", "hi"), ("Theo", "yes"), ("Ana", "bye")],
        ),
        # colons and inner spaces of the words are kept
        ("Ana: one:  two : 3:4\n", [("Ana", "one:  two : 3:4")]),
        # words before a speaker, then a label on its own line
        ("Ana:\nhi there\nTheo:\nyes\n", [("Ana", "hi there"), ("Theo", "yes")]),
        # "Well, Ana" and "I said" are no labels
        (
            "Theo: so\nWell, Ana: I went\nI said: no\nand left\nTheo: ok\n",
            [("Theo", "so Well, Ana: I went I said: no and left"), ("Theo", "ok")],
        ),
        # surrogates of our own output
        ("<PERSON_1>: hi\n<PERSON_2>: yo\n", [("<PERSON_1>", "hi"), ("<PERSON_2>", "yo")]),
    ],
)
def test_plain_labels(text: str, turns: list[tuple[str, str]]) -> None:
    assert said(parse(text)) == turns


@pytest.mark.parametrize(
    ("person", "peer", "roles"),
    [
        ("theo lindqvist", "", "per"),  # case; the other of two is the peer
        ("  Theo ", "", "per"),  # first name, spaces
        ("Theo", "Imani", "per"),
        ("Theo L.", "Okoro, Imani", "per"),  # an initial; the last name first
        ("", "Imani", "poo"),  # only the peer is known
        ("", "", "ooo"),
    ],
)
def test_roles_follow_the_names_given(person: str, peer: str, roles: str) -> None:
    text = "Imani Okoro: hi\nTheo Lindqvist (Guest): hello\n"
    expected = {"per": ["peer", "person"], "poo": ["peer", "other"], "ooo": ["other", "other"]}
    assert [turn.role for turn in parse(text, person=person, peer=peer).turns] == expected[roles]


def test_a_third_speaker_leaves_the_peer_open() -> None:
    text = "Ana: hi\nTheo: yes\nRosa: I came along\n"
    assert [turn.role for turn in parse(text, person="Theo").turns] == ["other", "person", "other"]


# ---------------------------------------------------------------- cues


def test_a_finished_sentence_starts_a_new_turn_and_a_cut_one_goes_on() -> None:
    text = (
        "WEBVTT\n\n00:01.000 --> 00:02.000\n<v Ana>I was going to\n\n"
        "00:02.500 --> 00:03.000\n<v Ana>ask you.\n\n00:03.100 --> 00:04.000\n<v Ana>Ready?\n\n"
        "00:04.000 --> 00:05.000\n<v Theo>um\n\n00:30.000 --> 00:31.000\n<v Theo>yes\n"
    )
    assert said(parse(text)) == [
        ("Ana", "I was going to ask you."),
        ("Ana", "Ready?"),
        ("Theo", "um"),
        ("Theo", "yes"),
    ]


def test_a_cue_without_voice_is_nobodys_among_voices() -> None:
    text = (
        "WEBVTT\n\n00:01.000 --> 00:02.000\n<v Ana>Hi.\n\n00:02.000 --> 00:03.000\nWho was that?\n"
    )
    assert said(parse(text))[1] == ("Unknown speaker", "Who was that?")


def test_labels_only_at_a_change_carry_on() -> None:
    text = (
        "1\n00:00:01,000 --> 00:00:02,000\nAna: One.\n\n2\n00:00:02,000 --> 00:00:03,000\nTwo.\n\n"
        "3\n00:00:03,000 --> 00:00:04,000\nTheo: Three.\n"
    )
    assert said(parse(text)) == [("Ana", "One."), ("Ana", "Two."), ("Theo", "Three.")]


def test_tags_and_entities_go_and_other_angle_brackets_stay() -> None:
    text = "WEBVTT\n\n00:01.000 --> 00:02.000\n<v Ana><i>1 &lt; 2</i> and 3 < 4 <3 &amp; so on\n"
    assert said(parse(text)) == [("Ana", "1 < 2 and 3 < 4 <3 & so on")]


def test_times_that_cannot_be_are_left_out() -> None:
    text = (
        '{"segments": [{"start": NaN, "end": 2, "text": "a.", "speaker": "A"},'
        '{"start": 9, "end": 4, "text": "b.", "speaker": "B"},'
        '{"start": -1, "end": 1e400, "text": "c.", "speaker": "A"},'
        '{"start": true, "end": "x", "text": "d.", "speaker": "B"},'
        '{"start": 1e18, "end": [], "text": "e.", "speaker": "A"}]}'
    )
    assert [(turn.start_s, turn.end_s) for turn in parse(text).turns] == [
        (None, 2.0),
        (9.0, None),
        (None, None),
        (None, None),
        (None, None),
    ]


# ---------------------------------------------------------------- nothing is lost silently


def test_hidden_characters_are_taken_out_and_counted() -> None:
    transcript = parse("Ana: Ma\u200bri\u202ea said\x07 so\nTheo: fine\n")
    assert said(transcript)[0] == ("Ana", "Maria said so")
    assert [(item.line, item.reason) for item in transcript.unread] == [
        (1, "hidden control characters were taken out of this line")
    ]


def test_words_become_nfc() -> None:
    assert said(parse("Rene\u0301: cafe\u0301\n")) == [("René", "café")]


def test_damaged_bytes_are_counted() -> None:
    transcript = parse("Ana: café é\nTheo: naïve".encode()[:-1] + b"\xc3")
    assert transcript.encoding == "utf-8"
    assert [item.reason for item in transcript.unread] == ["characters that could not be read"]


def test_remarks_in_brackets_are_counted_not_spoken() -> None:
    transcript = parse("Ana: hi\n[door closes]\nTheo: yes [smiles]\n")
    assert said(transcript) == [("Ana", "hi"), ("Theo", "yes [smiles]")]
    assert [item.line for item in transcript.unread] == [2]


def test_a_caption_below_a_picture_is_kept() -> None:
    text = "13/03/2026, 14:02 - Ana: <Media omitted>\nthe garden\n13/03/2026, 14:03 - Theo: nice\n"
    transcript = parse(text)
    assert said(transcript) == [("Ana", "the garden"), ("Theo", "nice")]
    assert len(transcript.unread) == 1
