"""The model that tidies statements, and which one it is.

`tidier` is the shipped one; the id of a bundled model or a folder is any local transformers causal
model; an address on this machine (`http://127.0.0.1:8080`) is an OpenAI-compatible server. All of
them get one statement at a time and are held to its words. The setting `model` decides; where it
says `default`, what `ownwords models use` wrote down, and else the tidier.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

from assistant.bundled import locate_model, read_bundled
from assistant.errors import ModelUnavailable
from assistant.records import ModelInfo
from assistant.settings import Settings

TIDIER = "tidier"
CHOICE = "model.txt"  # in the data folder
_TRIAL = "So, um, I walked to the, the river and sat down."


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
    if wanted == "default":
        wanted = chosen_model(settings=settings)
    if wanted == TIDIER:
        from assistant.draft.tidier import load_tidier

        return load_tidier(settings=settings)
    if "://" in wanted:
        from assistant.draft.server_model import ServerModel

        return ServerModel(wanted)
    from assistant.draft.local_model import LocalModel

    if any(wanted == model.id for model in read_bundled()):
        folder = locate_model(wanted, settings=settings)
        return LocalModel(folder, name=folder.name, batch_size=settings.batch_size)
    folder = Path(wanted).expanduser()
    if not (folder / "config.json").is_file():
        raise ModelUnavailable(
            f"{wanted} is not a model: give a folder with a transformers model, an address on this "
            "machine, or a name that `ownwords models list` shows."
        )
    return LocalModel(folder, name=folder.name, batch_size=settings.batch_size)


def chosen_model(*, settings: Settings) -> str:
    """What `ownwords models use` wrote down; the tidier if it was never run."""
    try:
        return (settings.data_dir / CHOICE).read_text("utf-8").strip() or TIDIER
    except (OSError, UnicodeDecodeError):
        return TIDIER


def choose_model(wanted: str, *, settings: Settings) -> ModelInfo:
    """Load a model, have it tidy one sentence, and write the choice down.

    Raises `ModelUnavailable` and keeps the earlier choice if it cannot be used.
    """
    model = load_language_model(settings=settings.model_copy(update={"model": wanted}))
    if not model.rewrite([RewriteJob(statement=_TRIAL)])[0]:
        raise ModelUnavailable(f"{wanted} answered nothing, so it was not chosen.")
    kept = wanted if "://" in wanted or not Path(wanted).is_dir() else str(Path(wanted).resolve())
    settings.data_dir.mkdir(parents=True, exist_ok=True, mode=0o700)
    (settings.data_dir / CHOICE).write_text(f"{kept}\n", encoding="utf-8")
    return model.info
