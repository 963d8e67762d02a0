"""Drafting in the background: one job after another, in a process of its own.

The queue lies in the vault and holds ids, so that a server that is killed goes on where it was.
The models work in a child process: screens stay quick meanwhile, cancelling is ending the child,
and words that were in its memory go with it.
"""

from __future__ import annotations

import contextlib
import os
import threading
from collections.abc import Callable
from multiprocessing import get_context
from multiprocessing.connection import Connection
from time import monotonic
from typing import TYPE_CHECKING, Protocol

from assistant.errors import (
    DecisionError,
    ModelUnavailable,
    OwnWordsError,
    Refused,
    StoreError,
    WordsGone,
)
from assistant.pipeline import Parts, Prepared, Stage, load_parts, prepare
from assistant.policy import Actor, Request, load_gate
from assistant.records import Transcript, Voice

if TYPE_CHECKING:
    from multiprocessing.context import SpawnProcess

    from assistant.deidentify import Correction
    from assistant.settings import Settings
    from assistant.store import JobRow
    from assistant.workspace import Workspace

_POLL_S = 1.0
_IDLE_S = 600.0  # the models leave memory after ten quiet minutes
_NICENESS = 10  # people who read and decide come first on two cores
_TRIES = 3  # of a job whose process was killed from outside (no memory left, say)


class CancelledError(OwnWordsError):
    """The job was cancelled; nothing is kept of it."""


class DrafterDiedError(OwnWordsError):
    """The process that drafted was killed by something else; nothing is kept of its work."""


class Drafter(Protocol):
    """Something that runs `pipeline.prepare`."""

    def run(
        self,
        transcript: Transcript,
        request: Request,
        *,
        voice: Voice,
        corrections: tuple[Correction, ...],
        progress: Callable[[Stage], None],
    ) -> Prepared: ...

    def stop(self) -> None:
        """End whatever runs; `run` raises `CancelledError`. The next `run` begins afresh."""

    def rest(self) -> None:
        """Nothing has been asked for a while: free what is not needed."""


class DraftWorker:
    """Takes jobs from the queue of the vault until it is stopped."""

    def __init__(self, workspace: Workspace, *, drafter: Drafter) -> None:
        self._workspace = workspace
        self._drafter = drafter
        self._wake = threading.Event()
        self._stopping = threading.Event()
        self._lock = threading.Lock()
        self._current = ""
        self._thread: threading.Thread | None = None

    def start(self) -> None:
        """Begin to work; jobs that a crash cut off are waiting again."""
        if self._thread is None:
            self._thread = threading.Thread(target=self._work, name="drafts", daemon=True)
            self._thread.start()

    def stop(self) -> None:
        """End the work; a job under way waits for the next start."""
        self._stopping.set()
        self._wake.set()
        self._drafter.stop()
        if self._thread is not None:
            self._thread.join(timeout=10)
            self._thread = None

    def wake(self) -> None:
        """There is a new job."""
        self._wake.set()

    def cancel(self, job_ids: tuple[str, ...]) -> None:
        """Let go of jobs that were taken off the queue."""
        with self._lock:
            is_current = self._current in job_ids
        if is_current:
            self._drafter.stop()

    def _work(self) -> None:
        quiet_since = monotonic()
        while not self._stopping.is_set():
            try:
                job = self._workspace.next_job()
            except StoreError:  # a full disk or a restore under way: try again later
                job = None
            if job is None:
                if monotonic() - quiet_since > _IDLE_S:
                    self._drafter.rest()
                    quiet_since = monotonic()
                self._wake.wait(_POLL_S)
                self._wake.clear()
                continue
            with self._lock:
                self._current = job.job_id
            self._run(job)
            with self._lock:
                self._current = ""
            quiet_since = monotonic()

    def _run(self, job: JobRow) -> None:
        try:
            for _ in range(_TRIES - 1):
                try:
                    self._draft(job)
                    return
                except DrafterDiedError:
                    continue
            self._draft(job)
        except CancelledError:
            return
        except Refused as refused:
            self._fail(job, problem=f"Refused {refused.rule}")
        except OwnWordsError as error:
            self._fail(job, problem=type(error).__name__)
        except Exception as error:  # the message may quote words; its kind does not
            self._fail(job, problem=type(error).__name__)

    def _draft(self, job: JobRow) -> None:
        workspace = self._workspace
        actor = Actor(actor_id=job.actor_id, role="peer")
        transcript, request, corrections = workspace.begin_draft(actor, job.subject_id)

        def progress(stage: Stage) -> None:
            if not workspace.note_progress(job.job_id, stage=stage):
                raise CancelledError("The draft was cancelled.")

        progress("load")
        voice: Voice = "exact" if job.voice == "exact" else "tidied"
        prepared = self._drafter.run(
            transcript, request, voice=voice, corrections=corrections, progress=progress
        )
        workspace.keep_draft(
            actor, job.subject_id, transcript=transcript, prepared=prepared, job_id=job.job_id
        )

    def _fail(self, job: JobRow, *, problem: str) -> None:
        if self._stopping.is_set():
            return  # it waits for the next start
        # If even that cannot be kept, the job waits for the next start.
        with contextlib.suppress(StoreError):
            self._workspace.fail_job(job, problem=problem)


class HereDrafter:
    """Drafts in this process; for tests, and where no second process can be had."""

    def __init__(self, make_parts: Callable[[], Parts]) -> None:
        self._make_parts = make_parts
        self._parts: Parts | None = None

    def run(
        self,
        transcript: Transcript,
        request: Request,
        *,
        voice: Voice,
        corrections: tuple[Correction, ...],
        progress: Callable[[Stage], None],
    ) -> Prepared:
        return prepare(
            transcript, gate=load_gate(), request=request, parts=self.load(), voice=voice,
            corrections=corrections, progress=progress,
        )  # fmt: skip

    def load(self) -> Parts:
        """Load the models, if that was not done yet."""
        if self._parts is None:
            self._parts = self._make_parts()
        return self._parts

    def stop(self) -> None:
        """A draft in this process ends at its next stage, by its own look at the queue."""

    def rest(self) -> None:
        self._parts = None


class ChildDrafter:
    """Drafts in a child process that loads the models once."""

    def __init__(self, settings: Settings) -> None:
        # The child opens no vault, so it gets nothing that could.
        self._settings = settings.model_copy(
            update={"passphrase": None, "oidc_client_secret": None}
        )
        self._lock = threading.Lock()
        self._process: SpawnProcess | None = None
        self._pipe: Connection | None = None

    def run(
        self,
        transcript: Transcript,
        request: Request,
        *,
        voice: Voice,
        corrections: tuple[Correction, ...],
        progress: Callable[[Stage], None],
    ) -> Prepared:
        pipe = self._ready_pipe()
        try:
            pipe.send((transcript, request, voice, corrections))
            while True:
                kind, value = pipe.recv()
                if kind == "stage":
                    progress(value)
                elif kind == "done":
                    prepared: Prepared = value
                    return prepared
                else:
                    raise _problem(str(value))
        except (EOFError, OSError):
            with self._lock:
                was_stopped = self._pipe is not pipe
            self.stop()
            if was_stopped:
                raise CancelledError("The draft was cancelled.") from None
            raise DrafterDiedError("The drafting process ended. Try again.") from None
        except CancelledError:
            self.stop()
            raise

    def stop(self) -> None:
        with self._lock:
            process, pipe = self._process, self._pipe
            self._process = self._pipe = None
        if process is not None:
            process.kill()
            process.join(timeout=5)
        if pipe is not None:
            pipe.close()

    def rest(self) -> None:
        self.stop()

    def _ready_pipe(self) -> Connection:
        with self._lock:
            if self._process is not None and self._process.is_alive() and self._pipe is not None:
                return self._pipe
            context = get_context("spawn")
            ours, theirs = context.Pipe()
            self._process = context.Process(
                target=_serve_drafts, args=(theirs, self._settings), daemon=True, name="drafter"
            )
            self._process.start()
            theirs.close()
            self._pipe = ours
            return ours


def _problem(name: str) -> OwnWordsError:
    """Return an error of the kind that the child met, with a sentence of ours."""
    if name == "ModelUnavailable":
        return ModelUnavailable("The models are not here. Run `ownwords models fetch`.")
    if name == "Refused":
        return Refused(rule="draft", action="draft", reason="the drafting process refused it")
    if name == "WordsGone":
        return WordsGone("The words were withdrawn meanwhile.")
    return DecisionError("The draft could not be made. Try again, or write it by hand.")


def _serve_drafts(pipe: Connection, settings: Settings) -> None:
    """The child: one request at a time, until the other end is gone."""
    os.environ.update(HF_HUB_OFFLINE="1", TRANSFORMERS_OFFLINE="1", TOKENIZERS_PARALLELISM="false")
    drafter = HereDrafter(lambda: load_parts(settings))
    is_nice = False
    with contextlib.suppress(EOFError, OSError, KeyboardInterrupt):
        while True:
            transcript, request, voice, corrections = pipe.recv()
            try:
                drafter.load()  # at full speed: once, and somebody waits
                if not is_nice:
                    is_nice = True
                    with contextlib.suppress(OSError, AttributeError):  # not on every system
                        os.nice(_NICENESS)
                    _leave_a_core()
                prepared = drafter.run(
                    transcript, request, voice=voice, corrections=corrections,
                    progress=lambda stage: pipe.send(("stage", stage)),
                )  # fmt: skip
            except (EOFError, OSError):
                return
            except Exception as error:  # the message may quote words; its kind does not
                pipe.send(("problem", type(error).__name__))
            else:
                pipe.send(("done", prepared))
            del transcript  # nobody's words wait here for the next session


def _leave_a_core() -> None:
    """Keep one core for the server; ten peers had more drafts in five minutes, not fewer."""
    import torch

    torch.set_num_threads(max(1, (os.cpu_count() or 1) - 1))
