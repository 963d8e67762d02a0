"""The language model that tidies statements, and how one is chosen from the settings.

`default` is the small bundled model; a folder is any local transformers model; an address on this
machine (`http://127.0.0.1:8080`) is an OpenAI-compatible server. All of them get one statement at a
time and are held to its words.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

from assistant.bundled import locate_model
from assistant.errors import ModelUnavailable
from assistant.records import ModelInfo
from assistant.settings import Settings


@dataclass(frozen=True, slots=True, kw_only=True)
class RewriteJob:
    """A statement of the person and the question before it (may be empty), both de-identified."""

    statement: str = field(repr=False)
    question: str = field(default="", repr=False)


class LanguageModel(Protocol):
    info: ModelInfo

    def rewrite(self, jobs: Sequence[RewriteJob]) -> tuple[str, ...]:
        """Return one tidied statement for each job, in order, never empty unless the job was."""
        ...


def load_language_model(*, settings: Settings) -> LanguageModel:
    """Load what `settings.model` names.

    Raises `ModelUnavailable` if it is missing, altered, unusable or not on this machine.
    """
    wanted = settings.model.strip()
    if "://" in wanted:
        from assistant.draft.server_model import ServerModel

        return ServerModel(wanted)
    from assistant.draft.local_model import LocalModel

    if wanted == "default":
        folder = locate_model("drafter", settings=settings)
        return LocalModel(folder, name=folder.name, batch_size=settings.batch_size)
    folder = Path(wanted).expanduser()
    if not (folder / "config.json").is_file():
        raise ModelUnavailable(
            f"The setting model names {wanted}, which is not a folder with a transformers model. "
            "Give such a folder, an address on this machine, or 'default'."
        )
    return LocalModel(folder, name=folder.name, batch_size=settings.batch_size)
