"""The stored path at a terminal: `ownwords session ...`, for a peer and a person side by side.

The person decides with a code they chose themselves; without it nobody decides for them here.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer
from pydantic import SecretStr

from assistant.errors import DecisionError, InputError
from assistant.progress import show_progress
from assistant.records import Note, Purpose, SectionName
from assistant.settings import Settings, load_settings
from assistant.wording import SECTION_TITLES

if TYPE_CHECKING:
    from assistant.policy import Actor
    from assistant.workspace import Workspace

session_app = typer.Typer(
    help="Keep a session: consent, transcript, draft, the person's decision, release.",
    no_args_is_help=True,
)
SessionId = Annotated[str, typer.Argument(help="The id, as `session list` shows it.")]
PURPOSES: dict[Purpose, str] = {
    "transcribe": "keep a transcript of our talk on this machine until I decide",
    "ai_draft": "let software on this machine draft a note from my words",
    "save_note": "put a note I approve into the record",
    "share": "share a note I approve with people I name",
}
_VERBS = (
    "1  Yes, this is right\n"
    "2  Change a sentence\n"
    "3  Leave something out\n"
    "4  Say that I see it differently\n"
    "5  Don't use this\n"
    "6  Decide later\n"
    "7  Show or hide names\n"
)


@contextmanager
def open_vault(settings: Settings) -> Iterator[Workspace]:
    """Open the data folder with its key; at the first time, lay it out and protect a new key."""
    from assistant.store import create_key, unlock_key
    from assistant.workspace import open_workspace

    folder = settings.data_dir
    passphrase = settings.passphrase
    if (folder / "key.json").exists():
        needs_typing = passphrase is None and '"keyring_entry": null' in (
            folder / "key.json"
        ).read_text("utf-8")
        if needs_typing and sys.stdin.isatty():
            passphrase = SecretStr(typer.prompt("Passphrase", hide_input=True, err=True))
        key = unlock_key(folder, passphrase=passphrase)
    else:
        key = create_key(folder, passphrase=passphrase, use_keyring=passphrase is None)
    with open_workspace(settings, key=key) as workspace:
        yield workspace


def local_actor(workspace: Workspace, role: Literal["peer", "admin"]) -> Actor:
    """Return the one peer or admin of a vault used at the terminal; the id holds no name."""
    from assistant.policy import Actor

    identity = workspace.store.key.derive(f"local {role}")[:8].hex()
    return Actor(actor_id=f"{role}-{identity}", role=role)


@session_app.command("new")
def start_session(
    modality: Annotated[
        Literal["in_person", "phone", "video", "text", "group"], typer.Option(help="How you met.")
    ] = "in_person",
    place: Annotated[str, typer.Option(help="Where; no names.")] = "",
    date: Annotated[str, typer.Option(help="YYYY-MM-DD; today if not given.")] = "",
    start: Annotated[str, typer.Option(help="HH:MM")] = "",
    end: Annotated[str, typer.Option(help="HH:MM")] = "",
    agency: Annotated[str, typer.Option(help="Who keeps the note.")] = "this agency",
) -> None:
    """Start a session and write down what the person says yes and no to, one by one."""
    with open_vault(load_settings()) as workspace:
        from assistant.policy import Actor

        person = Actor(actor_id=workspace.add_person(), role="person")
        session_id = workspace.start_session(
            local_actor(workspace, "peer"), person_id=person.actor_id, modality=modality,
            place=place, service_date=date, start=start, end=end,
        )  # fmt: skip
        _say("For the person. Each answer is yours. No is fine, and you still get the same help.")
        for purpose, words in PURPOSES.items():
            given = _ask_yes_no(f"Is it okay to {words.replace(' my ', ' your ')}?")
            recipients: tuple[str, ...] = ()
            if given and purpose == "save_note":
                recipients = (agency,)
            elif given and purpose == "share":
                named = typer.prompt("With whom? Names or teams, with commas between", err=True)
                recipients = tuple(name.strip() for name in named.split(",") if name.strip())
            workspace.record_consent(
                person, session_id, purpose=purpose, given=given, recipients=recipients,
                information="notes of my peer support", discloser=agency, mode="electronic",
                text_version="terminal-1",
            )  # fmt: skip
        _say("Choose a code that only you know. You need it to say yes or no to a note.")
        code = typer.prompt("Your code", hide_input=True, confirmation_prompt=True, err=True)
        workspace.set_code(person, session_id, code=SecretStr(code))
    _result(session_id)


@session_app.command("list")
def list_sessions() -> None:
    """List the sessions: id, date, state."""
    with open_vault(load_settings()) as workspace:
        for row in workspace.sessions():
            _result(f"{row.session_id}  {row.service_date}  {row.state.replace('_', ' ')}")


@session_app.command("import")
def import_session(
    session_id: SessionId,
    file: Annotated[Path, typer.Argument(help="The transcript.")],
    person: Annotated[str, typer.Option(help="The person's name, as in the file.")],
    peer: Annotated[str, typer.Option(help="The peer's name, as in the file.")] = "",
) -> None:
    """Keep a transcript until the person has decided."""
    from assistant.ingest import read_transcript

    settings = load_settings()
    transcript = read_transcript(file, settings=settings, person=person, peer=peer)
    with open_vault(settings) as workspace:
        workspace.import_transcript(local_actor(workspace, "peer"), session_id, transcript)
    _result(f"{len(transcript.turns)} turns kept, {len(transcript.unread)} lines not read")
    for unread in transcript.unread[:20]:
        _say(f"  line {unread.line}: {unread.reason}")


@session_app.command("draft")
def draft_session(
    session_id: SessionId,
    voice: Annotated[Literal["exact", "tidied"], typer.Option(help="How to draft.")] = "tidied",
) -> None:
    """Draft a note and keep it for the person; shows it with what was left out."""
    from assistant.workbench import format_reviewed

    with (
        open_vault(load_settings()) as workspace,
        show_progress("Hiding identities, drafting, checking language"),
    ):
        reviewed = workspace.draft(local_actor(workspace, "peer"), session_id, voice=voice)
    _result(format_reviewed(reviewed))


@session_app.command("write")
def write_session(session_id: SessionId) -> None:
    """Write the note by hand together, section by section, without any AI."""
    sentences: list[tuple[SectionName, str]] = []
    for name, title in SECTION_TITLES.items():
        _say(f"{title} (empty line: next part)")
        while text := typer.prompt("", default="", show_default=False, err=True).strip():
            sentences.append((name, text))
    if not sentences:
        raise InputError("Nothing was written, so nothing was kept.")
    with open_vault(load_settings()) as workspace:
        workspace.write_by_hand(
            local_actor(workspace, "peer"), session_id, sentences=tuple(sentences)
        )


@session_app.command("safety")
def answer_safety(session_id: SessionId) -> None:
    """Look at the passages that were kept out for safety, and say what you did about each."""
    answers: dict[str, Literal["handled_before_draft", "passed_to_supervisor", "not_applicable"]]
    answers = {
        "1": "handled_before_draft",
        "2": "passed_to_supervisor",
        "3": "not_applicable",
    }
    with open_vault(load_settings()) as workspace:
        peer = local_actor(workspace, "peer")
        turns = {turn.number: turn for turn in workspace.view_transcript(peer, session_id).turns}
        for number, prompt in enumerate(workspace.view_draft(peer, session_id).safety):
            _say(
                "There may be something here that your agency asks you to talk about or pass on. "
                "You decide, with your supervisor."
            )
            _say(f"  Turn {prompt.turn}: {turns[prompt.turn].text}")
            _say("1  We talked about it   2  I passed it on   3  Not what it looks like")
            choice = typer.prompt("Which", err=True)
            if choice not in answers:
                raise InputError("Please choose 1, 2 or 3. Nothing was kept for this passage.")
            workspace.acknowledge_safety(peer, session_id, prompt_no=number, answer=answers[choice])


@session_app.command("hand-over")
def hand_over_session(session_id: SessionId) -> None:
    """Put the draft before the person. From now on it is theirs."""
    with open_vault(load_settings()) as workspace:
        workspace.hand_over(local_actor(workspace, "peer"), session_id)
    _result("The note waits for the person: ownwords session decide " + session_id)


@session_app.command("decide")
def decide_session(session_id: SessionId) -> None:
    """For the person: read the note and say what happens with it. Stop at any time."""
    with open_vault(load_settings()) as workspace:
        person = _sign_in(workspace, session_id)
        while True:
            note = workspace.view_note(person, session_id)
            _show_note(note)
            if _take_step(workspace, person, session_id, note):
                return


@session_app.command("release")
def release_session(
    session_id: SessionId,
    to: Annotated[str, typer.Option(help="Whom the person said yes to, as they named them.")],
    formats: Annotated[
        list[str], typer.Option("--format", help="markdown, pdf, docx, fhir; may be repeated.")
    ] = ["markdown", "pdf"],  # noqa: B006 - typer copies it
) -> None:
    """Release the approved text to one recipient, with the person's receipt."""
    from assistant.release import RELEASE_FORMATS

    chosen = tuple(name for name in RELEASE_FORMATS if name in formats)
    if len(chosen) != len(set(formats)):
        raise InputError(f"Formats are {', '.join(RELEASE_FORMATS)}.")
    with open_vault(load_settings()) as workspace:
        released = workspace.release(
            local_actor(workspace, "peer"), session_id, to=to, formats=chosen
        )
        folder = workspace.released_folder(released)
    for name in released.files:
        _result(str(folder / name))


@session_app.command("withdraw")
def withdraw_session(session_id: SessionId) -> None:
    """For the person: take the note back. Our copy is destroyed, and we check that it is gone."""
    with open_vault(load_settings()) as workspace:
        holders = workspace.withdraw(_sign_in(workspace, session_id), session_id)
    _result("Done. Our copy is gone.")
    for holder in holders:
        _result(f"A copy we cannot pull back is with: {holder}")


@session_app.command("close")
def close_session(session_id: SessionId) -> None:
    """End without a note; only the date, times and place are filed."""
    with open_vault(load_settings()) as workspace:
        peer = local_actor(workspace, "peer")
        workspace.end_without_note(peer, session_id)
        workspace.file_service_record(peer, session_id)
    _result("No note. The short service record is filed.")


def back_up_vault(settings: Settings, destination: Path, *, keys: Path | None) -> None:
    """Write a backup, and a copy of the keys if asked; the copy gets a passphrase of its own."""
    with open_vault(settings) as workspace:
        admin = local_actor(workspace, "admin")
        workspace.back_up(admin, destination)
        if keys is not None:
            secret = typer.prompt(
                "A passphrase for the copy of the keys",
                hide_input=True, confirmation_prompt=True, err=True,
            )  # fmt: skip
            workspace.copy_keys(admin, keys, passphrase=SecretStr(secret))


def restore_vault(settings: Settings, source: Path, *, keys: Path | None) -> int:
    """Restore a backup; with `keys`, into a folder that lost its own keys first."""
    if keys is not None:
        from assistant.audit import LogFiles
        from assistant.store import restore_keys

        secret = typer.prompt("The passphrase of the copy of the keys", hide_input=True, err=True)
        log = LogFiles(
            log=settings.data_dir / "audit.jsonl", anchors=settings.data_dir / "anchors.txt"
        )
        restore_keys(
            settings.data_dir, keys, passphrase=SecretStr(secret), tombstones=log.erased_ids()
        )
    with open_vault(settings) as workspace:
        return workspace.restore(local_actor(workspace, "admin"), source)


def _take_step(workspace: Workspace, person: Actor, session_id: str, note: Note) -> bool:
    """Ask for one of the verbs and do it; return whether the person is done for now."""
    from assistant.canonical import note_digest

    _say(_VERBS)
    choice: str = typer.prompt("Which", err=True).strip()
    if choice == "1":
        workspace.approve(person, session_id, digest=note_digest(note))
        _result(f"You said yes to this exact text. SHA-256 {note_digest(note)}")
        return True
    if choice == "2":
        section, number = _pick_sentence(note)
        text = typer.prompt("Your words", err=True)
        workspace.change(person, session_id, section=section, sentence=number, text=text)
    elif choice == "3":
        section, number = _pick_sentence(note)
        workspace.leave_out(person, session_id, section=section, sentence=number)
    elif choice == "4":
        workspace.disagree(person, session_id, statement=typer.prompt("Your words", err=True))
    elif choice == "5":
        workspace.refuse(person, session_id)
        _result("It is not used. The draft is gone. You still get the same help.")
        return True
    elif choice == "6":
        _result("That is fine. Nothing leaves this machine.")
        return True
    elif choice == "7":
        names = "out" if note.names == "in" else "in"
        workspace.choose_names(person, session_id, names=names)  # type: ignore[arg-type]
    else:
        _say("Please type a number from 1 to 7.")
    return False


def _sign_in(workspace: Workspace, session_id: str) -> Actor:
    """Ask the person for the code they chose."""
    code = typer.prompt("Your code", hide_input=True, err=True)
    person = workspace.sign_in_person(session_id, code=SecretStr(code))
    if person is None:
        raise DecisionError("That is not the code that was chosen for this session. Try again.")
    return person


def _show_note(note: Note) -> None:
    number = 0
    _say("")
    for section in note.sections:
        _say(SECTION_TITLES[section.name])
        for sentence in section.sentences:
            number += 1
            _say(f"  {number:2}  {sentence.text}")
    for statement in note.statements:
        _say(f"  I see this differently: {statement}")
    _say("")


def _pick_sentence(note: Note) -> tuple[SectionName, int]:
    wanted = typer.prompt("Number of the sentence", err=True).strip()
    places = [(s.name, n) for s in note.sections for n in range(len(s.sentences))]
    if not wanted.isdigit() or not 1 <= int(wanted) <= len(places):
        raise InputError(f"Sentences have numbers from 1 to {len(places)}. Nothing was changed.")
    return places[int(wanted) - 1]


def _ask_yes_no(question: str) -> bool:
    while True:
        answer: str = typer.prompt(f"{question} (yes/no)", err=True).strip().casefold()
        if answer in ("yes", "y", "no", "n"):
            return answer.startswith("y")
        _say("Please type yes or no.")


def _say(text: str) -> None:
    sys.stderr.write(text + "\n")


def _result(text: str) -> None:
    sys.stdout.write(text.rstrip("\n") + "\n")
