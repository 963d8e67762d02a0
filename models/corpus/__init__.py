"""The practice corpus: fictional peer-support sessions with gold for each learned part.

The data, the guideline and the datasheet stand in `models/data/corpus/`. Here are the loaders;
`python -m models.corpus --help` lists the commands.
"""

from __future__ import annotations

from models.corpus.rows import (
    claim_rows,
    identifier_rows,
    language_rows,
    load_session,
    load_sessions,
    statement_rows,
    tidy_rows,
)
from models.corpus.swap import swap_session

__all__ = [
    "claim_rows",
    "identifier_rows",
    "language_rows",
    "load_session",
    "load_sessions",
    "statement_rows",
    "swap_session",
    "tidy_rows",
]
