"""How near tidied sentences are to those that the corpus's writers made by hand.

    python -m evals.tidying [--split dev] [--model NAME ...] [--first N] [--show 20]
    python -m evals.tidying --sheet FILE     100 for people to read, seeded, of the excerpts
    ownwords models compare [NAME ...]

For each gold statement of some salience, the words of its hand-made tidied form are laid beside
those of each wording: word for word, by rule alone, and of each model what it proposes and what
stands in a note once the checks have passed. Names are hidden as the gold marks them.

- *same*: the same words in the same order, whatever the marks and capitals.
- *dropped of*: of the words the gold form leaves out, how many were left out.
- *rightly*: of the words left out, how many the gold form leaves out too.
- *kept of*: of the words the gold form keeps, how many were kept.
- *marks*: of the places where the gold form or ours has a comma, full stop or question mark, how
  many have the same one, in statements that came without any mark.

Gold forms leave out asides and side matters too, and may add a joining word, so 1.0 is out of
reach. What it cannot tell: whether somebody would read the sentence aloud and mean the same.
"""

from __future__ import annotations

import argparse
import random
import sys
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from difflib import SequenceMatcher
from pathlib import Path

from assistant.draft.disfluency import looks_transcribed, tidy_plainly
from assistant.draft.model import TIDIER, RewriteJob, load_language_model
from assistant.draft.speech import Word, split_words
from assistant.draft.verify import find_faults
from assistant.errors import OwnWordsError
from assistant.settings import load_settings
from evals.figure import share
from models.corpus import load_sessions
from models.excerpts import REQUESTS, read_excerpts

N_JUDGED, SEED = 100, 28
_SHOWN = ("same", "dropped of", "rightly", "kept of", "marks")


def read_pairs(split: str) -> list[tuple[str, str]]:
    """What was said, and its tidied form, both with names hidden."""
    return [
        (
            session.hide(
                session.marked_slice(statement["turn"], statement["start"], statement["end"])
            ),
            session.hide(statement["tidied"]),
        )
        for session in load_sessions(split)
        for statement in session.gold["statements"]
        if statement.get("tidied")
    ]


def read_unseen() -> Iterator[str]:
    """Statements of some salience that the tidier learned nothing of."""
    for excerpt in (*read_excerpts(), *read_excerpts(REQUESTS)):
        for line in excerpt.lines:
            yield from (text.strip() for _, salience, text in line.statements if salience > 0)


def compare(said: str, gold: str, ours: str) -> tuple[Counter[str], Counter[str]]:
    """Hits and cases of each measure, for one statement."""
    words, wanted, done = split_words(said), split_words(gold), split_words(ours)
    gone, left_out = _dropped(words, wanted), _dropped(words, done)
    same = [w.key for w in wanted] == [w.key for w in done]
    hits = Counter({"same": int(same), "dropped of": len(gone & left_out)})
    cases = Counter({"same": 1, "dropped of": len(gone), "rightly": len(left_out)})
    hits["rightly"] = len(gone & left_out)
    cases["kept of"] = len(words) - len(gone)
    hits["kept of"] = len(words) - len(gone | left_out)
    if looks_transcribed(words):
        theirs, mine = _marked(words, wanted), _marked(words, done)
        cases["marks"], hits["marks"] = len(theirs.keys() | mine.keys()), len(theirs & mine)
    return hits, cases


def _blocks(said: Sequence[Word], kept: Sequence[Word]) -> list[tuple[int, int]]:
    """Positions in both of the words that are the same, in order."""
    matcher = SequenceMatcher(None, [w.key for w in said], [w.key for w in kept], autojunk=False)
    return [(b.a + i, b.b + i) for b in matcher.get_matching_blocks() for i in range(b.size)]


def _dropped(said: Sequence[Word], kept: Sequence[Word]) -> set[int]:
    return set(range(len(said))) - {at for at, _ in _blocks(said, kept)}


def _marked(said: Sequence[Word], kept: Sequence[Word]) -> Counter[tuple[int, str]]:
    found = ((at, kept[to].after[:1]) for at, to in _blocks(said, kept) if to + 1 < len(kept))
    return Counter((at, mark) for at, mark in found if mark in {",", ".", "?"})


def measure(pairs: Sequence[tuple[str, str]], texts: Sequence[str]) -> tuple[str, ...]:
    hits: Counter[str] = Counter()
    cases: Counter[str] = Counter()
    for (said, gold), text in zip(pairs, texts, strict=True):
        these = compare(said, gold, text)
        hits.update(these[0])
        cases.update(these[1])
    rows = []
    for name in _SHOWN:
        one = share(name, hits[name], cases[name])
        rows.append(f"{name:10} {hits[name]:6} of {cases[name]:6} = {one.value:.3f} "
                    f"({one.low:.3f} to {one.high:.3f})")  # fmt: skip
    return tuple(rows)


def write_sheet(path: Path, said: Sequence[str], ours: Sequence[str]) -> None:
    """Write sentences in which a word or a mark changed, each below what was said, to be judged.

    The first capital and the last mark do not count.
    """

    def inside(text: str) -> list[str]:
        return [word.key + word.after for word in split_words(text)[:-1]]

    rows = [
        (one, other) for one, other in zip(said, ours, strict=True) if inside(one) != inside(other)
    ]
    chosen = random.Random(SEED).sample(rows, min(N_JUDGED, len(rows)))
    path.write_text(
        "".join(
            f"{n}\n  said: {one}\n  note: {other}\n" for n, (one, other) in enumerate(chosen, 1)
        ),
        "utf-8",
    )


def main(arguments: Sequence[str]) -> int:
    parser = argparse.ArgumentParser(prog="evals.tidying")
    parser.add_argument("--split", choices=["dev", "test"], default="dev")
    parser.add_argument("--model", action="append", default=[])
    parser.add_argument("--first", type=int, default=0)
    parser.add_argument("--show", type=int, default=0)
    parser.add_argument("--sheet", type=Path)
    options = parser.parse_args(arguments)
    pairs = read_pairs(options.split)
    pairs = pairs[: options.first or len(pairs)]
    plain = {"word for word": [said for said, _ in pairs],
             "by rule alone": [tidy_plainly(said) for said, _ in pairs]}  # fmt: skip
    for name, texts in plain.items():
        print(f"{name}, {len(pairs)} statements", *measure(pairs, texts), sep="\n  ")
    for name in options.model or [TIDIER]:
        try:
            model = load_language_model(settings=load_settings().model_copy(update={"model": name}))
        except OwnWordsError as error:
            sys.stderr.write(f"{error}\n")
            return 2
        began = time.perf_counter()
        proposed = model.rewrite([RewriteJob(statement=said) for said, _ in pairs])
        took = time.perf_counter() - began
        standing = [
            said if find_faults(text, source=said) else text
            for (said, _), text in zip(pairs, proposed, strict=True)
        ]
        print(f"{model.info.name}, as proposed, {took:.1f} s", *measure(pairs, proposed),
              sep="\n  ")  # fmt: skip
        print(f"{model.info.name}, as it stands", *measure(pairs, standing), sep="\n  ")
    if options.sheet:
        said = list(read_unseen())
        proposed = model.rewrite([RewriteJob(statement=one) for one in said])
        write_sheet(options.sheet, said, [
            one if find_faults(text, source=one) else text
            for one, text in zip(said, proposed, strict=True)
        ])  # fmt: skip
    shown = 0
    for (said, gold), text in zip(pairs, standing, strict=True):
        if shown < options.show and text != gold:
            print(f"\nsaid {said}\ngold {gold}\nours {text}")
            shown += 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
