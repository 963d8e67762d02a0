"""Speed and memory: `make bench`, or `python -m evals.speed [--runs N] [--out FILE]`.

`--profile FILE` measures nothing of this: it writes where the time of drafting the long session
goes, function by function (`make profile`). The profiler itself costs time, most of it in Python
code; shares are to be believed, seconds are not.

Method. Each command is run as a whole process, once to warm the disk cache and then `--runs` times;
the figure is the median of wall time, and the peak resident memory is the largest of the runs (from
the operating system's accounting of the finished child). `draft` on twice the length compares the
first half of the long session with all of it, in the seconds the stages themselves report (without
start-up and loading, which would flatter the ratio). Figures depend on the machine; the limits
beside them are the ones this project promises for two cores.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import statistics
import subprocess
import sys
import tempfile
import time
from dataclasses import asdict, dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
DEMO = ROOT / "assistant" / "data" / "demo_session.txt"
LONG = ROOT / "tests" / "data" / "long_session.txt"
DEMO_NAMES = ("Senait", "Dana")


@dataclass(frozen=True, slots=True, kw_only=True)
class Figure:
    """One measured figure and the limit it is held against."""

    name: str
    value: float
    unit: str
    limit: float
    runs: int

    @property
    def is_met(self) -> bool:
        return self.value <= self.limit


def time_command(arguments: list[str], *, runs: int) -> tuple[float, float, str]:
    """Return (median wall seconds, peak resident MB, standard output of the last run)."""
    walls: list[float] = []
    peak_kb = 0
    output = ""
    for run in range(runs + 1):
        with tempfile.TemporaryFile() as out:
            started = time.perf_counter()
            child = subprocess.Popen(
                [sys.executable, "-m", "assistant.cli", *arguments],
                stdout=out, stderr=subprocess.DEVNULL, cwd=ROOT,
            )  # fmt: skip
            _pid, status, usage = os.wait4(child.pid, 0)
            wall = time.perf_counter() - started
            child.returncode = os.waitstatus_to_exitcode(status)
            if child.returncode:
                raise SystemExit(f"ownwords {arguments[0]} failed with exit {child.returncode}")
            out.seek(0)
            output = out.read().decode()
        if run:  # the first run only warms up
            walls.append(wall)
            peak_kb = max(peak_kb, usage.ru_maxrss)
    return statistics.median(walls), peak_kb / 1024, output


def measure_all(*, runs: int) -> tuple[Figure, ...]:
    """Measure every figure; minutes."""
    person, peer = DEMO_NAMES
    draft_demo = ["draft", str(DEMO), "--person", person, "--peer", peer, "--json"]
    figures: list[Figure] = []

    def add(name: str, value: float, unit: str, limit: float) -> None:
        figure = Figure(name=name, value=round(value, 3), unit=unit, limit=limit, runs=runs)
        figures.append(figure)
        verdict = "met" if figure.is_met else "NOT MET"
        print(f"{name:58} {figure.value:9.2f} {unit:3} (limit {limit:g}, {verdict})", flush=True)

    wall, _peak, _out = time_command(["deidentify", str(DEMO), "--format", "json"], runs=runs)
    add("deidentify, demo session, whole process", wall, "s", 10)
    wall, peak, _out = time_command(draft_demo, runs=runs)
    add("draft, demo session, whole process", wall, "s", 30)
    add("draft, demo session, peak memory", peak, "MB", 3072)
    wall, _peak, _out = time_command(["demo"], runs=runs)
    add("demo, whole process", wall, "s", 45)
    seconds, n_left = time_withdrawal(runs=runs)
    add("withdrawal of a note with every derivative", seconds, "s", 1)
    add("files that hold words of the session afterwards", n_left, "", 0)
    if LONG.exists():
        lines = LONG.read_text("utf-8").splitlines(keepends=True)
        long_person, long_peer = _two_speakers(lines)
        names = ["--person", long_person, "--peer", long_peer, "--json"]
        wall, peak, whole = time_command(["draft", str(LONG), *names], runs=runs)
        n_words = sum(len(line.split()) for line in lines)
        add(f"draft, {n_words} words, whole process", wall, "s", 120)
        add(f"draft, {n_words} words, peak memory", peak, "MB", 3072)
        with tempfile.TemporaryDirectory() as folder:
            half = Path(folder) / "half.txt"
            half.write_text("".join(_first_half(lines)), "utf-8")
            _wall, _peak, part = time_command(["draft", str(half), *names], runs=runs)
        add(
            "draft, twice the words: ratio of stage times",
            _stages_s(whole) / _stages_s(part),
            "x",
            2.2,
        )
    return tuple(figures)


def time_withdrawal(*, runs: int) -> tuple[float, int]:
    """Return (median seconds of a withdrawal, files of the data folder that hold its words after).

    The note has every derivative there is: transcript, de-identified session, names, draft, note,
    released files in every format, the person's own copy.
    """
    import re
    from typing import get_args

    from assistant.canonical import note_digest
    from assistant.ingest import read_transcript
    from assistant.policy import Actor
    from assistant.records import Purpose
    from assistant.release import RELEASE_FORMATS
    from assistant.settings import load_settings
    from assistant.store import MasterKey
    from assistant.workspace import open_workspace

    seconds: list[float] = []
    n_left = 0
    with tempfile.TemporaryDirectory() as folder:
        settings = load_settings(data_dir=Path(folder) / "data", keep_transcript=True)
        transcript = read_transcript(
            DEMO, settings=settings, person=DEMO_NAMES[0], peer=DEMO_NAMES[1]
        )
        said = " ".join(turn.text for turn in transcript.turns).lower()
        words = [word.encode() for word in set(re.findall("[a-z]{6,}", said))]
        peer = Actor(actor_id="peer-00000000000000aa", role="peer")
        with open_workspace(settings, key=MasterKey.generate()) as workspace:
            for _run in range(runs):
                person = Actor(actor_id=workspace.add_person(), role="person")
                session_id = workspace.start_session(peer, person_id=person.actor_id)
                for purpose in get_args(Purpose):
                    workspace.record_consent(
                        person, session_id, purpose=purpose, given=True, recipients=("team",),
                        information="notes", discloser="bench", mode="written", text_version="1",
                    )  # fmt: skip
                workspace.import_transcript(peer, session_id, transcript)
                for number in range(len(workspace.draft(peer, session_id).safety)):
                    workspace.acknowledge_safety(
                        peer, session_id, prompt_no=number, answer="not_applicable"
                    )
                note = workspace.hand_over(peer, session_id)
                workspace.approve(person, session_id, digest=note_digest(note))
                workspace.release(peer, session_id, to="team", formats=RELEASE_FORMATS)
                workspace.export_own_copy(person, session_id)
                started = time.perf_counter()
                workspace.withdraw(person, session_id)
                seconds.append(time.perf_counter() - started)
            for path in settings.data_dir.rglob("*"):
                if path.is_file() and path.name not in ("audit.jsonl", "key.json"):
                    content = path.read_bytes().lower()
                    n_left += any(word in content for word in words)
    return statistics.median(seconds), n_left


def profile_command(arguments: list[str], out: Path, *, n_rows: int = 40) -> None:
    """Run a command in this process under the profiler; write its dearest functions to `out`."""
    import cProfile
    import io
    import pstats
    from contextlib import redirect_stdout

    from assistant.cli import app

    profile = cProfile.Profile()
    with redirect_stdout(io.StringIO()):
        profile.runcall(app, arguments, standalone_mode=False)
    written = io.StringIO()
    stats = pstats.Stats(profile, stream=written).strip_dirs()
    for order in ("cumulative", "tottime"):
        stats.sort_stats(order).print_stats(n_rows)
    out.parent.mkdir(parents=True, exist_ok=True)
    out.write_text(written.getvalue(), "utf-8")


def _two_speakers(lines: list[str]) -> tuple[str, str]:
    """The long session's person speaks most; the other label is the peer."""
    n_words: dict[str, int] = {}
    for line in lines:
        label, _colon, words = line.partition(":")
        n_words[label] = n_words.get(label, 0) + len(words.split())
    first, second, *_rest = sorted(n_words, key=lambda label: -n_words[label])
    return first, second


def _first_half(lines: list[str]) -> list[str]:
    total, so_far = sum(len(line.split()) for line in lines), 0
    for number, line in enumerate(lines):
        so_far += len(line.split())
        if so_far * 2 >= total:
            return lines[: number + 1]
    return lines


def _stages_s(output: str) -> float:
    timings = json.loads(output)["timings_s"]
    return sum(float(seconds) for stage, seconds in timings.items() if stage != "load")


def main() -> None:
    parser = argparse.ArgumentParser(description="Measure speed and memory of the commands.")
    parser.add_argument("--runs", type=int, default=3, help="counted runs of each command")
    parser.add_argument("--out", type=Path, help="write the figures as JSON too")
    parser.add_argument("--profile", type=Path, help="write where the time goes, and stop")
    arguments = parser.parse_args()
    if arguments.profile:
        person, peer = _two_speakers(LONG.read_text("utf-8").splitlines(keepends=True))
        long = ["draft", str(LONG), "--person", person, "--peer", peer, "--json"]
        profile_command(long, arguments.profile)
        return
    print(f"{platform.machine()}, {os.cpu_count()} cores, Python {platform.python_version()}, "
          f"median of {arguments.runs} runs after one to warm up")  # fmt: skip
    figures = measure_all(runs=arguments.runs)
    if arguments.out:
        arguments.out.write_text(json.dumps([asdict(f) for f in figures], indent=2) + "\n")
    sys.exit(0 if all(figure.is_met for figure in figures) else 1)


if __name__ == "__main__":
    main()
