"""How well the safety topics are surfaced, by cues alone and with meaning beside them.

    python -m evals.safety    held-out and unseen sentences, then prompts in whole sessions

Whole sessions show every prompt as a count; which of them are false only a reader can say, and
`models/cards/safety.md` says what a reader found. The public sets in `../shared/data` are read if
they are there. A small set by one writer: the intervals are wide, and other people's words will
do worse.
"""

from __future__ import annotations

import json
import math
import re
import sys
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from assistant.draft.encoder import load_encoder
from assistant.records import Deidentified, DeidentifiedTurn, SafetyPrompt
from assistant.review import load_safety_rules, surface_topics
from assistant.review.safety_list import SafetyRules
from assistant.review.safety_meaning import Encoder
from assistant.settings import load_settings

ROOT = Path(__file__).resolve().parent.parent
HELD_OUT = ROOT / "tests" / "review" / "data" / "safety_heldout.yaml"
CASES = ROOT / "tests" / "review" / "data" / "safety_cases.yaml"
SESSIONS = (
    ROOT / "assistant" / "data" / "demo_session.txt",
    *sorted(p for p in (ROOT / "tests/data/sessions").glob("*.txt") if ".gold." not in p.name),
    ROOT / "tests" / "data" / "long_session.txt",
)
SHARED = ROOT.parent / "shared" / "data"
_SPEAKER = re.compile(r"^[^:]{1,40}: ")


@dataclass(frozen=True, slots=True, kw_only=True)
class Share:
    """`part` of `whole`, with Wilson's 95 % interval."""

    part: int
    whole: int

    @property
    def interval(self) -> tuple[float, float]:
        z, n = 1.96, self.whole
        if not n:
            return 0.0, 1.0
        share = self.part / n
        middle = (share + z * z / (2 * n)) / (1 + z * z / n)
        half = z / (1 + z * z / n) * math.sqrt(share * (1 - share) / n + z * z / (4 * n * n))
        return max(0.0, middle - half), min(1.0, middle + half)

    def __str__(self) -> str:
        low, high = self.interval
        share = self.part / self.whole if self.whole else 0.0
        return f"{self.part}/{self.whole} = {share:.3f} ({low:.2f} to {high:.2f})"


def surface_texts(
    texts: Sequence[str], *, rules: SafetyRules, encoder: Encoder | None
) -> tuple[SafetyPrompt, ...]:
    """Surface what lies in the texts, each a turn of the person; numbers begin at 1."""
    turns = tuple(
        DeidentifiedTurn(
            number=number, speaker="<PERSON_1>", role="person", text=text,
            n_chars_original=len(text),
        )
        for number, text in enumerate(texts, start=1)
    )  # fmt: skip
    return surface_topics(Deidentified(turns=turns), rules=rules, encoder=encoder)


def measure_recall(
    positive: Mapping[str, Sequence[str]], *, rules: SafetyRules, encoder: Encoder | None
) -> dict[str, Share]:
    """By topic, "all" (the named topic was surfaced) and "any" (some topic was)."""
    shares: dict[str, Share] = {}
    n_any = 0
    for topic, texts in positive.items():
        prompts = surface_texts(texts, rules=rules, encoder=encoder)
        shares[topic] = Share(
            part=len({p.turn for p in prompts if p.topic == topic}), whole=len(texts)
        )
        n_any += len({p.turn for p in prompts})
    whole = sum(len(texts) for texts in positive.values())
    shares["all"] = Share(part=sum(share.part for share in shares.values()), whole=whole)
    shares["any"] = Share(part=n_any, whole=whole)
    return shares


def measure_vain(
    negative: Mapping[str, Sequence[str]], *, rules: SafetyRules, encoder: Encoder | None
) -> dict[str, tuple[Share, Share]]:
    """By group: the sentences with any prompt, and those with a plain one."""
    shares = {}
    for group, texts in negative.items():
        prompts = surface_texts(texts, rules=rules, encoder=encoder)
        plain = {p.turn for p in prompts if p.prominence == "plain"}
        shares[group] = (
            Share(part=len({p.turn for p in prompts}), whole=len(texts)),
            Share(part=len(plain), whole=len(texts)),
        )
    return shares


def read_turns(path: Path) -> list[str]:
    """The words of each turn of a transcript in the plain text form."""
    lines = path.read_text("utf-8").splitlines()
    return [_SPEAKER.sub("", line) for line in lines if line.strip()]


def main() -> int:
    from ruamel.yaml import YAML

    rules = load_safety_rules()
    encoder = load_encoder(settings=load_settings())
    held_out = YAML(typ="safe").load(HELD_OUT)
    unseen = YAML(typ="safe").load(CASES)["unseen"]
    for name, finder in (("cues alone", None), ("cues and meaning", encoder)):
        print(f"\n{name}")
        for label, positive in (("held out", held_out["positive"]), ("set 3", unseen["positive"])):
            for topic, share in measure_recall(positive, rules=rules, encoder=finder).items():
                print(f"  {label:9} {topic:30} {share}")
        vain = {**held_out["negative"], "set 3": unseen["negative"]["silent"]}
        for group, (shown, plain) in measure_vain(vain, rules=rules, encoder=finder).items():
            print(f"  in vain   {group:30} {shown}, plain {plain}")
        for path in SESSIONS:
            prompts = surface_texts(read_turns(path), rules=rules, encoder=finder)
            print(f"  {path.stem:40} {_tally(prompts)}")
        _print_public(rules, finder)
    return 0


def _tally(prompts: Sequence[SafetyPrompt]) -> str:
    counted = Counter(prompt.prominence for prompt in prompts)
    return f"{len(prompts)} prompts ({counted['plain']} plain, {counted['low']} low)"


def _print_public(rules: SafetyRules, encoder: Encoder | None) -> None:
    """Consultations about the body and questions in two dialects: rates, not recall."""
    consultations = SHARED / "primock57" / "sessions.jsonl"
    if consultations.is_file():
        sessions = [json.loads(line) for line in consultations.read_text("utf-8").splitlines()]
        turns = [turn["text"] for session in sessions for turn in session["turns"]]
        prompts = surface_texts(turns, rules=rules, encoder=encoder)
        medical = sum(prompt.topic == "overdose_medical" for prompt in prompts)
        print(
            f"  primock57: {len(prompts) / len(sessions):.2f} prompts a consultation, "
            f"{(len(prompts) - medical) / len(sessions):.2f} of them not medical"
        )
    pairs = SHARED / "redial_aave" / "pairs.jsonl"
    if pairs.is_file():
        rows = [json.loads(line) for line in pairs.read_text("utf-8").splitlines()]
        for dialect in ("standard", "aave"):
            prompts = surface_texts([r[dialect] for r in rows], rules=rules, encoder=encoder)
            share = Share(part=len({prompt.turn for prompt in prompts}), whole=len(rows))
            print(f"  redial_aave, {dialect}: with a prompt {share}")


if __name__ == "__main__":
    sys.exit(main())
