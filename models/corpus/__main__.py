"""The practice corpus: compile, check, describe, export, label a second time."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import Any

from models.corpus.agreement import (
    KAPPA_FLOOR,
    disagreements,
    measure_agreement,
    read_sheet,
    save_second,
    write_sheet,
)
from models.corpus.checks import check_corpus, person_names, shared_sentences
from models.corpus.decompile import write_source
from models.corpus.export import export_corpus
from models.corpus.files import read_splits, session_ids, write_pair
from models.corpus.lint import lint_session
from models.corpus.report import describe_corpus
from models.corpus.rows import build_session, load_session, load_sessions
from models.corpus.scheme import CORPUS
from models.corpus.source import Problem, compile_source


def main(argv: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m models.corpus", description=__doc__)
    parser.add_argument("--corpus", type=Path, default=CORPUS, help="folder of the corpus")
    commands = parser.add_subparsers(dest="command", required=True)
    compile_ = commands.add_parser("compile", help="turn sources into session files")
    compile_.add_argument("sources", nargs="+", type=Path)
    compile_.add_argument("--dry-run", action="store_true", help="report, write nothing")
    check = commands.add_parser("check", help="prove the corpus sound")
    check.add_argument("--partial", action="store_true", help="skip the promised sizes")
    commands.add_parser("stats", help="tables over every axis")
    export = commands.add_parser("export", help="JSON lines, one file per table and split")
    export.add_argument("--out", type=Path, required=True)
    source = commands.add_parser("source", help="print a session in the source form")
    source.add_argument("session")
    second = commands.add_parser("second", help="print or read a second labelling")
    second.add_argument("session", nargs="?", help="print this session without labels")
    second.add_argument("--read", type=Path, help="keep this filled sheet in second/")
    agreement = commands.add_parser("agreement", help="kappa per label")
    agreement.add_argument("--list", action="store_true", help="also every disagreement")
    args = parser.parse_args(argv)
    return COMMANDS[args.command](args)


def run_compile(args: argparse.Namespace) -> int:
    return max(compile_file(p, args.corpus, dry_run=args.dry_run) for p in args.sources)


def run_check(args: argparse.Namespace) -> int:
    findings = check_corpus(args.corpus, with_targets=not args.partial)
    for found in findings:
        kind = "error" if found.is_error else "look"
        print(f"{found.session}:{found.line}: {kind}: {found.message}")
    n_errors = sum(f.is_error for f in findings)
    n_sessions = len(session_ids(args.corpus))
    print(f"{n_sessions} sessions, {n_errors} errors, {len(findings) - n_errors} to look at")
    return 1 if n_errors else 0


def run_stats(args: argparse.Namespace) -> int:
    print(describe_corpus(args.corpus), end="")
    return 0


def run_export(args: argparse.Namespace) -> int:
    for name, n in export_corpus(args.out, folder=args.corpus).items():
        print(f"{name}.jsonl: {n} rows")
    return 0


def run_source(args: argparse.Namespace) -> int:
    print(write_source(load_session(args.session, folder=args.corpus)), end="")
    return 0


def run_second(args: argparse.Namespace) -> int:
    if args.read is None:
        if args.session is None:
            print("name a session to print, or a sheet to --read", file=sys.stderr)
            return 2
        print(write_sheet(args.session, folder=args.corpus), end="")
        return 0
    second, problems = read_sheet(args.read.read_text(encoding="utf-8"), folder=args.corpus)
    for problem in problems:
        print(f"{args.read.name}:{problem.line}: error: {problem.message}")
    if problems:
        return 1
    print(save_second(second, folder=args.corpus))
    return 0


def run_agreement(args: argparse.Namespace) -> int:
    ids, results = measure_agreement(folder=args.corpus)
    print(f"{len(ids)} sessions labelled twice: {' '.join(ids)}\n")
    print("| label | items | agreement | kappa |\n|---|---|---|---|")
    for row in results:
        low = " (low)" if row.kappa < KAPPA_FLOOR else ""
        print(f"| {row.label} | {row.n_items} | {row.observed:.3f} | {row.kappa:.2f}{low} |")
    if args.list:
        for session, turn, _, first, second in disagreements(folder=args.corpus):
            print(f"{session}:{turn}: {first} / {second}")
    return 0


def compile_file(path: Path, folder: Path, *, dry_run: bool = False) -> int:
    """Compile one source, print what is wrong, write both files if nothing is an error."""
    compiled = compile_source(path.read_text(encoding="utf-8"))
    problems = list(compiled.problems)
    for problem in problems:
        kind = "error" if problem.is_error else "look"
        print(f"{path.name}:{problem.line}: {kind}: {problem.message}")
    if not compiled.is_sound:
        print(f"{path.name}: not written")
        return 1
    gold = compiled.gold
    lint = lint_session(compiled.text, gold)
    lines = [n for n, _ in _turn_lines(path)]
    for problem in lint:
        kind = "error" if problem.is_error else "look"
        where = lines[problem.line - 1] if 0 < problem.line <= len(lines) else 0
        print(f"{path.name}:{where}: {kind}: {problem.message}")
    shared = _shared_with_other_splits(compiled.text, gold, folder)
    for problem in shared:
        where = lines[problem.line - 1] if problem.line else 0
        print(f"{path.name}:{where}: error: {problem.message}")
    tidied = sum(s["salience"] > 0 for s in gold["statements"])
    unsupported = sum(not c["supported"] for c in gold["claims"])
    print(
        f"{path.name}: {compiled.text.count(chr(10))} lines, {len(gold['statements'])} statements, "
        f"{tidied} tidied, {len(gold['claims'])} claims ({unsupported} unsupported), "
        f"{len(gold['together'])} together, {len(gold['language'])} language, "
        f"{len(gold['peer_notes'])} notes"
    )
    if shared or any(p.is_error for p in lint):
        print(f"{path.name}: not written")
        return 1
    if not dry_run:
        write_pair(compiled.text, gold, folder)
        print(f"{path.name}: written to {folder}/{gold['id']}.txt and .json")
    return 0


def _turn_lines(path: Path) -> list[tuple[int, str]]:
    lines = path.read_text(encoding="utf-8").splitlines()
    border = next(i for i, line in enumerate(lines) if line.strip() == "---")
    out = []
    for number, line in enumerate(lines[border + 1 :], border + 2):
        if line.strip() == "NOTES":
            break
        if line.strip() and not line[0].isspace() and not line.startswith("#"):
            out.append((number, line))
    return out


def _shared_with_other_splits(text: str, gold: dict[str, Any], folder: Path) -> list[Problem]:
    """Names and sentences that a session of another split has already; `line` is the turn."""
    split_of = {i: name for name, ids in read_splits(folder).items() for i in ids}
    mine = build_session(text, gold, split=split_of.get(gold["id"], ""))
    others = [s for s in load_sessions(folder=folder) if s.id != mine.id and s.split != mine.split]
    problems = []
    for other in others:
        both = person_names(text) & person_names("\n".join(t.marked for t in other.turns))
        if both:
            names = ", ".join(sorted(both))
            problems.append(Problem(0, f"{names} also in {other.id}, another split: rename"))
    for _, turn, other_id, other_turn in shared_sentences([mine], others):
        problems.append(
            Problem(turn, f"a sentence is nearly that of {other_id} turn {other_turn}: reword it")
        )
    return problems


COMMANDS = {
    "compile": run_compile,
    "check": run_check,
    "stats": run_stats,
    "export": run_export,
    "source": run_source,
    "second": run_second,
    "agreement": run_agreement,
}

if __name__ == "__main__":
    sys.exit(main())
