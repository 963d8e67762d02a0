"""The screens of the governance team: figures, rules, the audit log, measurements. No words."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from fastapi import FastAPI

    from assistant.app.house import House


def mount_governance(app: FastAPI, house: House) -> None:
    """Mount `/governance/`, in each language; loading Gradio takes seconds."""
    from assistant.app.governance.screens import mount_screens

    mount_screens(app, house)


__all__ = ["mount_governance"]
