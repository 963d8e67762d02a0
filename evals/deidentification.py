"""How much of what should be hidden is hidden, beside stock Presidio on the same text.

    python -m evals.deidentification [FILE.txt ...] [--split dev] [--show]

A gold file holds `Name: words` lines with every identifier marked `{{TYPE|surface}}`. Public sets
(ASQ-PHI, deid-gate seed) are read where they lie and named as skipped where they do not.

Definitions. A marked identifier is *found* if every letter and digit of it is hidden, titles
("Dr.") aside, under whatever type; anything less is a *leak*. Recall is found / marked (best 1,
1.0 where nothing is marked). Precision is the share of hidden stretches that touch a marked
identifier (best 1). Speaker labels are always replaced and are left out of every count.
"""

from __future__ import annotations

import json
import re
import sys
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from assistant.deidentify import Detector, load_detector, remove_identifiers
from assistant.records import Transcript, Turn
from assistant.settings import load_settings

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


@dataclass(frozen=True, slots=True, kw_only=True)
class Recall:
    """Counts for one set. `leaks` holds (line number, start, end, type), 1-based lines."""

    name: str
    marked: Mapping[str, int]
    found: Mapping[str, int]
    n_hidden: int
    n_hidden_for_nothing: int
    n_lines_clean: int
    n_lines_clean_touched: int
    leaks: tuple[tuple[int, int, int, str], ...]
    for_nothing: tuple[tuple[int, int, int], ...]

    @property
    def recall(self) -> float:
        n_marked = sum(self.marked.values())
        return sum(self.found.values()) / n_marked if n_marked else 1.0

    @property
    def precision(self) -> float:
        return 1 - self.n_hidden_for_nothing / self.n_hidden if self.n_hidden else 1.0


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


def read_public_sets(folder: Path = PUBLIC) -> dict[str, tuple[Line, ...]]:
    """Read the public sets that are there; each line stands alone."""
    sets: dict[str, tuple[Line, ...]] = {}
    seed = folder / "deidgate_seed" / "safeharbor_seed.jsonl"
    if seed.exists():
        rows = [json.loads(row) for row in seed.read_text(encoding="utf-8").splitlines() if row]
        sets["deidgate_seed"] = tuple(
            _marked_line(row["text"], [(item["value"], item["category"]) for item in row["phi"]])
            for row in rows
        )
    asq = folder / "asq_phi" / "queries.txt"
    if asq.exists():
        blocks = asq.read_text(encoding="utf-8").split("===QUERY===")[1:]
        sets["asq_phi"] = tuple(_asq_line(block) for block in blocks)
    return sets


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


def count_leaks(name: str, lines: Sequence[Line], spans: Spans) -> Recall:
    """Compare hidden stretches with the marks of the same lines."""
    marked: Counter[str] = Counter()
    found: Counter[str] = Counter()
    leaks, for_nothing = [], []
    n_hidden = n_clean = n_touched = 0
    for number, (line, hidden) in enumerate(zip(lines, spans, strict=True), 1):
        covered = {index for start, end in hidden for index in range(start, end)}
        for mark in line.marked:
            marked[mark.type] += 1
            if needed_characters(line.text, mark) <= covered:
                found[mark.type] += 1
            else:
                leaks.append((number, mark.start, mark.end, mark.type))
        idle = [
            (number, start, end)
            for start, end in hidden
            if not any(start < mark.end and mark.start < end for mark in line.marked)
        ]
        for_nothing += idle
        n_hidden += len(hidden)
        n_clean += not line.marked
        n_touched += bool(not line.marked and hidden)
    return Recall(
        name=name,
        marked=dict(marked),
        found=dict(found),
        n_hidden=n_hidden,
        n_hidden_for_nothing=len(for_nothing),
        n_lines_clean=n_clean,
        n_lines_clean_touched=n_touched,
        leaks=tuple(leaks),
        for_nothing=tuple(for_nothing),
    )


def needed_characters(text: str, mark: Marked) -> set[int]:
    title = _TITLE.match(text[mark.start : mark.end])
    start = mark.start + (title.end() if title else 0)
    return {index for index in range(start, mark.end) if text[index].isalnum()}


def measure_recall(gold_path: Path, *, detector: Detector | None = None) -> Recall:
    """Measure our detector on one gold session, as one conversation."""
    detector = detector or load_detector(settings=load_settings())
    _, lines = read_gold(gold_path)
    return count_leaks(gold_path.name, lines, hide_session(lines, detector))


def hide_session(lines: Sequence[Line], detector: Detector) -> Spans:
    """Hide the lines as the turns of one conversation."""
    turns = tuple(
        Turn(number=number, speaker=line.speaker, text=line.text)
        for number, line in enumerate(lines, 1)
    )
    hidden, _ = remove_identifiers(
        Transcript(turns=turns, source_format="plain"), detector=detector
    )
    return [[(span.start, span.end) for span in turn.spans] for turn in hidden.turns]


def hide_lines(lines: Sequence[Line], detector: Detector) -> Spans:
    """Hide each line by itself, as `ownwords deidentify --format jsonl` does."""
    from assistant.deidentify import hide_identifiers

    return [
        [(span.start, span.end) for span in hide_identifiers(line.text, detector=detector)[1]]
        for line in lines
    ]


def load_stock(detector: Detector) -> Hider:
    """Return Presidio as it comes (its recognizers, its defaults) over the same pipeline."""
    from presidio_analyzer import AnalyzerEngine, RecognizerRegistry
    from presidio_analyzer.nlp_engine import NerModelConfiguration, SpacyNlpEngine

    nlp_engine = SpacyNlpEngine(ner_model_configuration=NerModelConfiguration())
    nlp_engine.nlp = {"en": detector.nlp}
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


def format_recall(recall: Recall) -> str:
    """One row of figures, then recall by type."""
    types = "  ".join(
        f"{kind} {recall.found.get(kind, 0)}/{count}"
        for kind, count in sorted(recall.marked.items())
    )
    touched = recall.n_lines_clean_touched / recall.n_lines_clean if recall.n_lines_clean else 0.0
    return (
        f"{recall.name:34} recall {recall.recall:.3f}  leaks {len(recall.leaks):4d}  "
        f"precision {recall.precision:.3f}  clean lines touched {touched:.3f}\n    {types}"
    )


def main(arguments: Sequence[str]) -> None:
    """Print every set, ours above stock; `--show` lists line numbers and offsets of the leaks."""
    detector = load_detector(settings=load_settings())
    stock = load_stock(detector)
    paths = [Path(item) for item in arguments if item.endswith(".txt")]
    if "--split" in arguments:
        split = arguments[arguments.index("--split") + 1]
        names = json.loads((DEMO.parent / "splits.json").read_text("utf-8"))[split]
        paths = [DEMO.parent / f"{name}.txt" for name in names]
    measured: list[Recall] = []
    for path in paths or [DEMO, *sorted(SESSIONS.glob("*.gold.txt"))]:
        _, lines = read_gold(path)
        measured += _report(
            path.stem,
            lines,
            hide_session(lines, detector),
            stock(lines),
            show="--show" in arguments,
        )
    for name, some in (("ours", measured[::2]), ("stock Presidio", measured[1::2])):
        print(_format_together(name, some))
    if paths:
        return
    public = read_public_sets()
    for name in ("deidgate_seed", "asq_phi"):
        if name not in public:
            print(f"{name}: skipped, not in {PUBLIC}")
            continue
        lines = public[name]
        _report(name, lines, hide_lines(lines, detector), stock(lines), show="--show" in arguments)


def _report(
    name: str, lines: Sequence[Line], ours: Spans, stock: Spans, *, show: bool
) -> tuple[Recall, Recall]:
    recall = count_leaks(f"{name} (ours)", lines, ours)
    beside = count_leaks(f"{name} (stock Presidio)", lines, stock)
    print(format_recall(recall))
    print(format_recall(beside))
    if show:  # the sets are fictional: their words may be shown
        for number, start, end, kind in recall.leaks:
            text = lines[number - 1].text
            print(f"      leak {number}: {kind} {text[start:end]!r} in {text!r}")
        for number, start, end in recall.for_nothing:
            text = lines[number - 1].text
            around = text[max(0, start - 30) : end + 30]
            print(f"      idle {number}: {text[start:end]!r} in {around!r}")
    return recall, beside


def _format_together(name: str, recalls: Sequence[Recall]) -> str:
    found = sum(sum(recall.found.values()) for recall in recalls)
    marked = sum(sum(recall.marked.values()) for recall in recalls)
    hidden = sum(recall.n_hidden for recall in recalls)
    idle = sum(recall.n_hidden_for_nothing for recall in recalls)
    leaky = sum(bool(recall.leaks) for recall in recalls)
    return (
        f"together ({name}): recall {found}/{marked} = {found / max(marked, 1):.3f}, "
        f"precision {(hidden - idle) / max(hidden, 1):.3f}, "
        f"sessions with a leak {leaky} of {len(recalls)}"
    )


if __name__ == "__main__":
    main(sys.argv[1:])
