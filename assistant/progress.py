"""Progress on standard error: what is happening now, for anything that may take over a second."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager

from rich.console import Console


@contextmanager
def show_progress(what: str) -> Iterator[None]:
    """Show `what` while the block runs; a plain line where standard error is not a terminal."""
    console = Console(stderr=True, highlight=False)
    if not sys.stderr.isatty():
        console.print(what)
        yield
        return
    with console.status(what):
        yield
