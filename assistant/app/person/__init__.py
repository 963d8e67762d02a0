"""The pages on which a person reads, changes and decides about their own note.

Plain HTML that works without scripts, on an old phone. A GET shows and a POST does, so that a link
preview never decides anything. The address of a note is a come-back link: it opens nothing without
the code the person chose.
"""

from __future__ import annotations

from fastapi import APIRouter

from assistant.app.person import after, changing, deciding, door, reading, recipients

router = APIRouter()
for module in (door, reading, changing, recipients, deciding, after):
    router.include_router(module.router)
router.include_router(door.last_router)

__all__ = ["router"]
