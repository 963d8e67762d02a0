"""Texts with their identifiers marked, public sets too, and ways to hide them.

A gold file holds `Name: words` lines with every identifier marked `{{TYPE|surface}}`. Public sets
are read where they lie (`../shared/data` of a checkout).
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from assistant.deidentify import Detector, load_pipeline
from assistant.records import Transcript, Turn

ROOT = Path(__file__).resolve().parent.parent
SESSIONS = ROOT / "tests" / "data" / "sessions"
DEMO = ROOT / "models" / "data" / "corpus" / "demo.txt"
PUBLIC = ROOT.parent / "shared" / "data"

_MARK = re.compile(r"\{\{([A-Z]+)\|(.*?)\}\}")
_LINE = re.compile(r"^((?:\{\{[^}]*\}\}|[^:{}])+?):\s?(.*)$")
_TITLE = re.compile(r"^(?:Dr|Mr|Mrs|Ms|Miss|Judge|Officer|Doctor|Nurse|the|The|a|in|on|at)\.?\s+")
_PUBLIC_TYPES = {
    "name": "PERSON",
    "geo": "LOCATION",
    "mrn": "ID",
    "ssn": "ID",
    "date": "DATE",
    "phone": "PHONE",
    "fax": "PHONE",
    "email": "EMAIL",
    "url": "URL",
    "ip": "ID",
    "device": "ID",
    "account": "ID",
    "health_plan": "ID",
    "license": "ID",
    "vehicle": "ID",
    "biometric": "ID",
    "photo": "OTHER",
    "other": "ID",
    "geographic_location": "LOCATION",
    "phone_number": "PHONE",
    "fax_number": "PHONE",
    "email_address": "EMAIL",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Marked:
    """One identifier marked by hand; offsets into the words of its line."""

    start: int
    end: int
    type: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    text: str
    marked: tuple[Marked, ...]
    speaker: str = ""


Spans = Sequence[Sequence[tuple[int, int]]]
Hider = Callable[[Sequence[Line]], Spans]


def read_gold(path: Path) -> tuple[Transcript, tuple[Line, ...]]:
    """Read a gold session: the plain transcript, and the lines with their marks."""
    lines = []
    for raw in path.read_text(encoding="utf-8").splitlines():
        match = _LINE.match(raw)
        if match:
            text, marked = _unmark(match.group(2))
            lines.append(Line(text=text, marked=marked, speaker=_unmark(match.group(1))[0]))
    turns = tuple(
        Turn(number=number, speaker=line.speaker, text=line.text)
        for number, line in enumerate(lines, 1)
    )
    return Transcript(turns=turns, source_format="plain"), tuple(lines)


def _unmark(text: str) -> tuple[str, tuple[Marked, ...]]:
    out, marked, position, length = [], [], 0, 0
    for match in _MARK.finditer(text):
        before, surface = text[position : match.start()], match.group(2)
        out += [before, surface]
        start = length + len(before)
        length = start + len(surface)
        marked.append(Marked(start=start, end=length, type=match.group(1)))
        position = match.end()
    return "".join(out) + text[position:], tuple(marked)


def read_seed() -> tuple[Line, ...]:
    """Read the seed of deid-gate, each text with its own values marked."""
    path = PUBLIC / "deidgate_seed" / "safeharbor_seed.jsonl"
    rows = [json.loads(row) for row in path.read_text(encoding="utf-8").splitlines() if row]
    return tuple(
        _marked_line(row["text"], [(item["value"], item["category"]) for item in row["phi"]])
        for row in rows
    )


def read_asq() -> tuple[Line, ...]:
    """Read the half of ASQ-PHI that lies there."""
    path = PUBLIC / "asq_phi" / "queries.txt"
    return tuple(
        _asq_line(block) for block in path.read_text(encoding="utf-8").split("===QUERY===")[1:]
    )


def _asq_line(block: str) -> Line:
    query, _, tags = block.partition("===PHI_TAGS===")
    items = [json.loads(row) for row in tags.splitlines() if row.strip()]
    return _marked_line(query.strip(), [(item["value"], item["identifier_type"]) for item in items])


def _marked_line(text: str, values: Iterable[tuple[str, str]]) -> Line:
    marked = tuple(
        Marked(start=at.start(), end=at.end(), type=_PUBLIC_TYPES.get(kind.lower(), "ID"))
        for value, kind in values
        for at in re.finditer(re.escape(value), text)
    )
    return Line(text=text, marked=marked)


def read_research(*, without: frozenset[str] = frozenset()) -> tuple[Line, ...]:
    """Read presidio_research, leaving out marks of some of its types."""
    path = PUBLIC / "presidio_research" / "synth_dataset_v2.json"
    return tuple(
        Line(
            text=row["full_text"],
            marked=tuple(
                Marked(start=s["start_position"], end=s["end_position"], type=s["entity_type"])
                for s in row["spans"]
                if s["entity_type"] not in without
            ),
        )
        for row in json.loads(path.read_text("utf-8"))
    )


def read_wnut() -> tuple[Line, ...]:
    """Read the WNUT 2017 test set: people in posts of strangers."""
    path = PUBLIC / "wnut17" / "emerging.test.annotated"
    lines = []
    for block in path.read_text("utf-8").split("\n\n"):
        text, marked = "", []
        for row in block.splitlines():
            word, _, label = row.partition("\t")
            if text:
                text += " "
            if label.endswith("person"):
                if label.startswith("I") and marked:
                    marked[-1] = Marked(
                        start=marked[-1].start, end=len(text) + len(word), type="PERSON"
                    )
                else:
                    marked.append(Marked(start=len(text), end=len(text) + len(word), type="PERSON"))
            text += word
        if text:
            lines.append(Line(text=text, marked=tuple(marked)))
    return tuple(lines)


def needed_characters(text: str, mark: Marked) -> set[int]:
    title = _TITLE.match(text[mark.start : mark.end])
    start = mark.start + (title.end() if title else 0)
    return {index for index in range(start, mark.end) if text[index].isalnum()}


def hide_lines(lines: Sequence[Line], detector: Detector) -> Spans:
    """Hide each line by itself, as `ownwords deidentify --format jsonl` does."""
    from assistant.deidentify import hide_identifiers

    return [
        [(span.start, span.end) for span in hide_identifiers(line.text, detector=detector)[1]]
        for line in lines
    ]


def load_stock() -> Hider:
    """Return Presidio as it comes (its recognizers, its defaults) over the whole of the pipeline
    that ours takes its words from. Load ours first: that keeps Presidio off the network."""
    from presidio_analyzer import AnalyzerEngine, RecognizerRegistry
    from presidio_analyzer.nlp_engine import NerModelConfiguration, SpacyNlpEngine

    nlp_engine = SpacyNlpEngine(ner_model_configuration=NerModelConfiguration())
    nlp_engine.nlp = {"en": load_pipeline()}
    registry = RecognizerRegistry()
    registry.load_predefined_recognizers(nlp_engine=nlp_engine)
    engine = AnalyzerEngine(registry=registry, nlp_engine=nlp_engine)

    def hide(lines: Sequence[Line]) -> Spans:
        return [_merged(engine.analyze(line.text, language="en")) for line in lines]

    return hide


def _merged(results: Iterable[Any]) -> list[tuple[int, int]]:
    merged: list[tuple[int, int]] = []
    for start, end in sorted((result.start, result.end) for result in results):
        if merged and start < merged[-1][1]:
            merged[-1] = (merged[-1][0], max(end, merged[-1][1]))
        else:
            merged.append((start, end))
    return merged
