"""The `ownwords` command: turns arguments into records and records into lines.

Standard output carries only the result. Exit 0: done. 2: bad usage or input. 3: refused by a policy
rule. 1: a check failed (`audit verify`, `eval`). Only this file exits.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated, Literal

import typer

from assistant import __version__
from assistant.errors import InputError, OwnWordsError
from assistant.jsonl import parse_rows, read_bytes, write_rows
from assistant.progress import show_progress
from assistant.settings import Settings, load_settings
from assistant.terminal import session_app

app = typer.Typer(
    name="ownwords",
    help="Peer support notes in the person's own words. Nothing leaves this machine, and nothing "
    "is released before the person it is about has approved the exact text.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)
models_app = typer.Typer(help="Fetch, check, compare and choose models.", no_args_is_help=True)
audit_app = typer.Typer(help="Check the audit log.", no_args_is_help=True)
app.add_typer(session_app, name="session")
app.add_typer(models_app, name="models")
app.add_typer(audit_app, name="audit")

File = Annotated[Path, typer.Argument(help="A file, or - for standard input.")]
Person = Annotated[
    str, typer.Option(help="The name of the person the note is about, as in the file.")
]
Peer = Annotated[str, typer.Option(help="The name of the peer, as in the file.")]


def main() -> None:
    """Run the command line; every error becomes one sentence without anybody's words."""
    try:
        # A command that leaves with a status hands it back here instead of raising.
        status = app(standalone_mode=False)
        if isinstance(status, int) and status:
            sys.exit(status)
    except OwnWordsError as error:
        _fail(str(error), error.exit_status)
    except typer.Abort:
        _fail("Stopped. Nothing was changed.", 2)
    except BrokenPipeError:
        sys.exit(0)
    except Exception as error:
        usage = _usage_message(error)
        if usage:
            _fail(usage, 2)
        # The message of an unforeseen error may quote a transcript, so only its place is shown.
        _fail(f"Something unforeseen went wrong: {_place(error)}. Nothing was released.", 2)


def _fail(message: str, status: int) -> None:
    sys.stderr.write(message.rstrip() + "\n")
    sys.exit(status)


def _usage_message(error: Exception) -> str:
    format_message = getattr(error, "format_message", None)  # click's usage errors
    return str(format_message()) if callable(format_message) else ""


def _place(error: BaseException) -> str:
    trace = error.__traceback__
    while trace is not None and trace.tb_next is not None:
        trace = trace.tb_next
    where = f"{Path(trace.tb_frame.f_code.co_filename).name}:{trace.tb_lineno}" if trace else "?"
    return f"{type(error).__name__} at {where}"


def _write(text: str) -> None:
    sys.stdout.write(text)
    sys.stdout.flush()


def _read(source: Path, settings: Settings) -> bytes:
    stdin = sys.stdin.buffer.read(settings.max_bytes + 1) if str(source) == "-" else None
    if stdin is not None and len(stdin) > settings.max_bytes:
        raise InputError(f"standard input is larger than the limit of {settings.max_bytes} bytes.")
    return read_bytes(source, settings=settings, stdin=stdin)


@app.callback(invoke_without_command=True)
def _show_version(
    version: Annotated[bool, typer.Option("--version", help="Show the version.")] = False,
) -> None:
    if version:
        _write(f"ownwords {__version__}\n")
        raise typer.Exit


@app.command()
def deidentify(
    file: File,
    output: Annotated[
        Literal["jsonl", "transcript", "json"],
        typer.Option(
            "--format", help="jsonl: one text a line, each on its own. transcript, json: a session."
        ),
    ] = "transcript",
) -> None:
    """Hide identities. This lowers the risk that someone is recognised; it cannot remove it."""
    from assistant import workbench

    settings = load_settings()
    content = _read(file, settings)
    with show_progress("Hiding identities"):
        if output == "jsonl":
            rows = parse_rows(content, name=file.name, row=workbench.TextRow)
            result = write_rows(workbench.deidentify_rows(rows, settings=settings))
        else:
            hidden = workbench.deidentify_session(content, name=file.name, settings=settings)
            result = workbench.format_session(hidden, as_json=output == "json")
    _write(result)


@app.command()
def draft(
    file: File,
    person: Person,
    peer: Peer = "",
    voice: Annotated[
        Literal["exact", "tidied"],
        typer.Option(
            help="exact: only the person's sentences. tidied: fillers and repeats dropped."
        ),
    ] = "tidied",
    as_json: Annotated[bool, typer.Option("--json", help="Everything, as JSON.")] = False,
) -> None:
    """Draft a note from a transcript and show it. Nothing is saved.

    Draft only from the words of somebody who said yes to it.
    """
    from assistant import workbench

    settings = load_settings()
    content = _read(file, settings)
    with show_progress("Drafting a note (shown only, not saved)"):
        prepared = workbench.draft_session(
            content, name=file.name, person=person, peer=peer, voice=voice, settings=settings
        )
    _write(workbench.format_draft(prepared, as_json=as_json))


@app.command()
def check(
    file: File,
    person: Person,
    claims: Annotated[Path, typer.Option(help="JSON lines with id and text.")],
    peer: Peer = "",
) -> None:
    """Check sentences against a transcript: was this said, by this person, in this sense?"""
    from assistant import workbench

    settings = load_settings()
    content = _read(file, settings)
    rows = parse_rows(_read(claims, settings), name=claims.name, row=workbench.TextRow)
    with show_progress("Checking sentences"):
        result = workbench.check_rows(
            content, rows, name=file.name, person=person, peer=peer, settings=settings
        )
    _write(write_rows(result))


@app.command()
def review(
    file: File,
    _output: Annotated[
        Literal["jsonl"], typer.Option("--format", help="The only form there is.")
    ] = "jsonl",
) -> None:
    """Point at wording that pathologizes: JSON lines with id, text and voice (peer or person)."""
    from assistant import workbench

    settings = load_settings()
    rows = parse_rows(_read(file, settings), name=file.name, row=workbench.ReviewRow)
    with show_progress("Reading for language"):
        result = write_rows(workbench.review_rows(rows, settings=settings))
    _write(result)


@models_app.command("fetch")
def fetch_models() -> None:
    """Fetch the models once (about 176 MB). The only command that uses the network."""
    from assistant import workbench

    workbench.fetch_models(settings=load_settings())


@models_app.command("status")
def show_models() -> None:
    """Say which models are there and whether they are the right ones."""
    from assistant import workbench

    with show_progress("Checking the models"):
        lines = workbench.describe_models(settings=load_settings())
    _write("\n".join(lines) + "\n")


@models_app.command("list")
def list_models() -> None:
    """Say which models can tidy what people said; the one in use is marked."""
    from assistant import workbench

    _write("\n".join(workbench.list_models(settings=load_settings())) + "\n")


@models_app.command("use")
def use_model(
    name: Annotated[
        str,
        typer.Argument(
            help="A name from `models list`, a folder with a transformers model, or the address "
            "of a server on this machine."
        ),
    ],
) -> None:
    """Choose the model that tidies. It is loaded and tried before it is written down."""
    from assistant import workbench

    with show_progress("Trying the model"):
        line = workbench.use_model(name, settings=load_settings())
    _write(f"{line}\n")


@models_app.command("compare")
def compare_models(
    names: Annotated[list[str] | None, typer.Argument(help="As for `models use`.")] = None,
    statements: Annotated[int, typer.Option(help="How many statements to tidy.", min=1)] = 200,
) -> None:
    """Have models tidy the same fictional statements, and lay them beside tidying by hand."""
    from assistant import workbench

    status = workbench.compare_models(names or (), n_statements=statements)
    if status:
        raise typer.Exit(status)


@audit_app.command("verify")
def verify_audit_log(
    path: Annotated[Path, typer.Argument(help="The log, or the data folder that holds it.")],
    anchor: Annotated[
        Path | None, typer.Option(help="A file with anchors, for example a receipt.")
    ] = None,
) -> None:
    """Check that nothing in the audit log was edited, cut, reordered or added."""
    from assistant.audit import verify_audit

    n_entries = verify_audit(path, anchor=anchor)
    _write(f"{n_entries} entries, whole\n")
    if anchor is None:
        sys.stderr.write("Without --anchor, entries cut from the end cannot be noticed.\n")


@app.command()
def demo(
    folder: Annotated[
        Path | None, typer.Option(help="Where to work; a new temporary folder if not given.")
    ] = None,
) -> None:
    """Show the whole path on a fictional session: from the transcript to a released note."""
    from assistant.demo import run_demo

    run_demo(settings=load_settings(), folder=folder)


@app.command()
def backup(
    destination: Annotated[Path, typer.Argument(help="The file to write; it must not be there.")],
    keys: Annotated[
        Path | None,
        typer.Option(help="Also write a sealed copy of the keys, to be kept somewhere else."),
    ] = None,
) -> None:
    """Write every kept record into one sealed file. It holds no keys.

    Without the keys of this machine, or their copy (--keys), nobody can read it. Replace the copy
    of the keys after each withdrawal: an old one could still open what was withdrawn since.
    """
    from assistant.terminal import back_up_vault

    with show_progress("Backing up"):
        back_up_vault(load_settings(), destination, keys=keys)
    _write(f"{destination.name} written\n")


@app.command()
def restore(
    source: Annotated[Path, typer.Argument(help="A file that `backup` wrote.")],
    keys: Annotated[
        Path | None, typer.Option(help="The copy of the keys, if this machine lost its own.")
    ] = None,
) -> None:
    """Bring back records that are missing here. What was withdrawn stays gone."""
    from assistant.terminal import restore_vault

    with show_progress("Restoring"):
        n_words = restore_vault(load_settings(), source, keys=keys)
    _write(f"{n_words} records came back\n")


@app.command(name="eval")
def run_evals(
    suites: Annotated[list[str] | None, typer.Argument(help="Which suites; all if none.")] = None,
    out: Annotated[Path, typer.Option(help="Where the report goes.")] = Path("reports"),
    quick: Annotated[bool, typer.Option("--quick", help="Only what takes seconds.")] = False,
    against: Annotated[
        Path | None, typer.Option(help="An earlier report.json to lay beside it.")
    ] = None,
) -> None:
    """Measure: every figure with its number of cases, against policies/thresholds.toml."""
    from assistant import workbench

    status = workbench.run_evals(tuple(suites or ()), out=out, quick=quick, against=against)
    if status:
        raise typer.Exit(status)


@app.command()
def impact(
    out: Annotated[Path, typer.Option(help="The HTML file to write.")] = Path("impact.html"),
) -> None:
    """Write a data protection and AI impact page from facts of this installation, to review."""
    from assistant.impact import format_impact

    page = format_impact(load_settings())
    try:
        out.write_text(page, encoding="utf-8")
    except OSError:
        raise InputError(f"{out.name} cannot be written there. Give another --out.") from None
    _write(f"{out} written\n")


@app.command()
def doctor() -> None:
    """Say what is installed, missing or slow, and how to mend it."""
    from assistant.doctor import examine

    findings = examine(load_settings())
    for finding in findings:
        _write(f"{'ok  ' if finding.is_fine else 'MEND'}  {finding.what}\n")
        if not finding.is_fine:
            _write(f"      {finding.remedy}\n")
    if not all(finding.is_fine for finding in findings):
        raise typer.Exit(1)


@app.command()
def serve(
    host: Annotated[
        str, typer.Option(help="The address to serve at; beyond this machine only with TLS.")
    ] = "",
    port: Annotated[int, typer.Option(help="The port; 7420 if not given.")] = -1,
) -> None:
    """Start the app with screens on this machine: peers draft, people decide, others look on."""
    from assistant.app.serving import require_safe_address, serve_app
    from assistant.terminal import open_vault

    given: dict[str, object] = {"host": host} if host else {}
    if port >= 0:
        given["port"] = port
    settings = load_settings(**given)
    require_safe_address(settings)
    with open_vault(settings) as workspace:
        serve_app(settings, workspace)


if __name__ == "__main__":
    main()
