"""One installation at work: every public action, asked of the gate first and logged last.

An action is one transaction: the change and its audit entry are kept together or not at all. Words
go into the vault only. What a crash leaves half done (a withdrawal begun, a file without its
release, a log line not yet written out) is finished when the workspace is opened again.

The state of a session and what may follow is `decide.next_state`; who may do it is `policies/`.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from assistant.policy import Gate, load_gate
from assistant.settings import Settings
from assistant.store import MasterKey, Store
from assistant.workspace.admitting import Admitting, SignedIn
from assistant.workspace.agreeing import Agreeing
from assistant.workspace.correcting import Correcting
from assistant.workspace.desk import OWN_COPY, SOFTWARE, new_id
from assistant.workspace.overseeing import Overseeing
from assistant.workspace.releasing import Releasing
from assistant.workspace.upkeep import Upkeep

if TYPE_CHECKING:
    from assistant.pipeline import Parts


class Workspace(Admitting, Correcting, Upkeep, Releasing, Overseeing, Agreeing):
    """One installation at work; one file a subject, one object for the callers."""


def open_workspace(
    settings: Settings,
    *,
    key: MasterKey,
    clock: Callable[[], datetime] = lambda: datetime.now(UTC),
    make_parts: Callable[[], Parts] | None = None,
    gate: Gate | None = None,
) -> Workspace:
    """Open the data folder of the settings, laying it out at the first time.

    Raises the errors of `Store.open`, and `SettingError` if the policies could fail open.
    """

    def load() -> Parts:
        from assistant.pipeline import load_parts

        return load_parts(settings)

    folder = settings.data_dir
    is_new = not (folder / "words.db").exists()
    gate = gate or load_gate()
    store = (Store.create if is_new else Store.open)(folder, key=key, clock=clock)
    try:
        workspace = Workspace(
            store, settings=settings, gate=gate, clock=clock, make_parts=make_parts or load
        )
        workspace.recover()
    except BaseException:
        store.close()
        raise
    return workspace


__all__ = ["OWN_COPY", "SOFTWARE", "SignedIn", "Workspace", "new_id", "open_workspace"]
