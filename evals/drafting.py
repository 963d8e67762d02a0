"""What a draft holds of what it should, and nothing of what it must not.

    python -m evals.drafting [SESSION.txt ...] [--show] [--out FILE]

A session `NAME.txt` comes with `NAME.json`: `person`, `peer`, `must` (items with their turns and
section) and `must_not` (turns with the reason). Without arguments the demo session, on which the
rules were developed, and the test sessions, on which nothing was tuned, are reported apart.

Definitions. An item is *found* if a sentence cites one of its turns, and its *section agrees* if
such a sentence stands in the section named. A *violation* is a must-not turn that a sentence cites;
for `asked_not_to_record` it must be 0. `own_words` is the share defined in
`assistant.draft.ownwords`; `together` is left out of it, since it cites the peer.
Baselines: the same draft word for word, and every statement of the person as said.
"""

from __future__ import annotations

import json
import sys
import time
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from assistant.deidentify import Detector, load_detector, load_pipeline, remove_identifiers
from assistant.draft import write_draft
from assistant.draft.encoder import SentenceEncoder, load_encoder
from assistant.draft.model import LanguageModel, load_language_model
from assistant.draft.words import count_words
from assistant.ingest import read_transcript
from assistant.pipeline import is_held
from assistant.records import Deidentified, Draft, HoldReason
from assistant.review import load_safety_rules, surface_topics
from assistant.settings import Settings, load_settings

ROOT = Path(__file__).resolve().parent.parent
SESSIONS = ROOT / "tests" / "data" / "sessions"
DEMO = ROOT / "assistant" / "data" / "demo_session.txt"
DEMO_GOLD = ROOT / "models" / "data" / "corpus" / "demo.json"


@dataclass(frozen=True, slots=True, kw_only=True)
class Parts:
    """What drafting needs, loaded once."""

    detector: Detector
    encoder: SentenceEncoder
    model: LanguageModel
    settings: Settings


@dataclass(frozen=True, slots=True, kw_only=True)
class Drafted:
    """Figures of one draft. Times in seconds, shares in 0..1."""

    name: str
    n_must: int
    n_found: int
    n_section_agrees: int
    violations: Mapping[str, int]
    n_sentences: int
    n_rewritten: int
    n_words: int
    n_words_said: int
    own_words_mean: float
    own_words_min: float
    seconds: float
    missed: tuple[str, ...] = field(default=(), repr=False)
    cited_wrongly: tuple[str, ...] = field(default=(), repr=False)


def load_parts() -> Parts:
    settings = load_settings()
    return Parts(
        detector=load_detector(settings=settings, nlp=load_pipeline()),
        encoder=load_encoder(settings=settings),
        model=load_language_model(settings=settings),
        settings=settings,
    )


def measure_session(path: Path, gold_path: Path, *, parts: Parts) -> tuple[Drafted, ...]:
    """Draft a session tidied and word for word, and set both beside the whole of what was said."""
    gold = json.loads(gold_path.read_text(encoding="utf-8"))
    transcript = read_transcript(
        path, settings=parts.settings, person=gold["person"], peer=gold["peer"]
    )
    session, _ = remove_identifiers(transcript, detector=parts.detector)
    topics = surface_topics(session, rules=load_safety_rules(), encoder=parts.encoder)
    held: dict[int, HoldReason] = {p.turn: "safety" for p in topics if is_held(p)}
    found = []
    for name, model in (("tidied", parts.model), ("word for word", None)):
        began = time.perf_counter()
        draft = write_draft(
            session, model=model, encoder=parts.encoder, nlp=parts.detector.nlp, held=held,
            max_words=parts.settings.max_note_words,
        )  # fmt: skip
        seconds = time.perf_counter() - began
        found.append(
            count_draft(f"{path.stem}, {name}", draft, gold, session=session, seconds=seconds)
        )
    return (*found, _count_everything(path.stem, gold, session))


def count_draft(
    name: str,
    draft: Draft,
    gold: Mapping[str, Any],
    *,
    session: Deidentified,
    seconds: float,
) -> Drafted:
    """Compare one draft with its gold."""
    cited: dict[int, set[str]] = {}
    for section in draft.sections:
        for sentence in section.sentences:
            for place in sentence.evidence:
                cited.setdefault(place.turn, set()).add(section.name)
    items = gold["must"]
    hits = [item for item in items if any(turn in cited for turn in item["turns"])]
    agrees = [i for i in hits if any(i["section"] in cited.get(turn, ()) for turn in i["turns"])]
    wrong = [
        (rule["why"], turn) for rule in gold["must_not"] for turn in rule["turns"] if turn in cited
    ]
    own = [x.own_words for s in draft.sections if s.name != "together" for x in s.sentences]
    sentences = [x for s in draft.sections for x in s.sentences]
    return Drafted(
        name=name,
        n_must=len(items),
        n_found=len(hits),
        n_section_agrees=len(agrees),
        violations=Counter(why for why, _ in wrong),
        n_sentences=len(sentences),
        n_rewritten=sum(x.origin == "rewritten" for x in sentences),
        n_words=sum(count_words(x.text) for x in sentences),
        n_words_said=_words_said(session),
        own_words_mean=sum(own) / len(own) if own else 1.0,
        own_words_min=min(own, default=1.0),
        seconds=seconds,
        missed=tuple(f"{i['section']}: {i['item']} {i['turns']}" for i in items if i not in hits),
        cited_wrongly=tuple(f"{why}: turn {turn}" for why, turn in wrong),
    )


def format_drafted(figures: Drafted) -> str:
    violations = ", ".join(f"{why} {n}" for why, n in sorted(figures.violations.items())) or "none"
    return (
        f"{figures.name:34} found {figures.n_found}/{figures.n_must}"
        f"  section {figures.n_section_agrees}/{figures.n_found}"
        f"  sentences {figures.n_sentences} ({figures.n_rewritten} tidied)"
        f"  words {figures.n_words}/{figures.n_words_said}"
        f"  own words {figures.own_words_mean:.3f} min {figures.own_words_min:.3f}"
        f"  {figures.seconds:.1f} s  violations: {violations}"
    )


def _count_everything(name: str, gold: Mapping[str, Any], session: Deidentified) -> Drafted:
    """The note that leaves nothing out: every turn of the person, word for word."""
    said = {turn.number for turn in session.turns if turn.role == "person"}
    hits = [i for i in gold["must"] if said & set(i["turns"])]
    wrong = [rule["why"] for rule in gold["must_not"] for turn in rule["turns"] if turn in said]
    n_words = _words_said(session)
    return Drafted(
        name=f"{name}, everything said",
        n_must=len(gold["must"]),
        n_found=len(hits),
        n_section_agrees=0,
        violations=Counter(wrong),
        n_sentences=len(said),
        n_rewritten=0,
        n_words=n_words,
        n_words_said=n_words,
        own_words_mean=1.0,
        own_words_min=1.0,
        seconds=0.0,
    )


def _words_said(session: Deidentified) -> int:
    return sum(count_words(turn.text) for turn in session.turns if turn.role == "person")


def main(arguments: Sequence[str]) -> int:
    """Print the figures; returns 1 if anything is cited that the person asked to keep out."""
    options = [item for item in arguments if item.startswith("--")]
    out = Path(arguments[arguments.index("--out") + 1]) if "--out" in options else None
    paths = [Path(item) for item in arguments if item.endswith(".txt")]
    sets: dict[str, list[tuple[Path, Path]]] = {
        "demo session (developed on)": [(DEMO, DEMO_GOLD)],
        "test sessions (nothing tuned on them)": [
            (path.with_suffix(".txt"), path) for path in sorted(SESSIONS.glob("*.json"))
        ],
    }
    if paths:
        sets = {"given": [(path, path.with_suffix(".json")) for path in paths]}
    parts = load_parts()
    figures: list[Drafted] = []
    for title, sessions in sets.items():
        print(title)
        for path, gold_path in sessions:
            for drafted in measure_session(path, gold_path, parts=parts):
                figures.append(drafted)
                print("  " + format_drafted(drafted))
                if "--show" in options:
                    for line in (*drafted.missed, *drafted.cited_wrongly):
                        print(f"      {line}")
    if out:
        rows = [asdict(drafted) for drafted in figures]
        out.write_text(json.dumps(rows, indent=2) + "\n", encoding="utf-8")
    drafts = [drafted for drafted in figures if not drafted.name.endswith("everything said")]
    return 1 if any(d.violations.get("asked_not_to_record") for d in drafts) else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
