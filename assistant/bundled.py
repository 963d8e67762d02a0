"""Where the downloaded models lie, and whether they are the ones that were pinned.

Loading checks names, sizes and the pinned wheel: that takes a millisecond and catches what breaks
in practice (half a copy, another version). The full digests are compared by `ownwords models
status` and by the next `ownwords models fetch`, which repairs what differs.
"""

from __future__ import annotations

import hashlib
import json
import tomllib
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from assistant.errors import ModelUnavailable
from assistant.resources import resource_path
from assistant.settings import Settings

REMEDY = "Run `ownwords models fetch`."
MANIFEST = "manifest.json"


@dataclass(frozen=True, slots=True, kw_only=True)
class BundledModel:
    """A row of `models/bundled.toml`."""

    id: str
    purpose: str
    package: str
    version: str
    wheel_sha256: str
    licence: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelStatus:
    """What lies in the models folder. `n_bytes` is 0 unless the model is ready."""

    id: str
    purpose: str
    licence: str
    state: Literal["ready", "missing", "altered"]
    path: Path
    n_bytes: int
    digest: str  # SHA-256 of model.safetensors as it was made, or empty


def read_bundled() -> tuple[BundledModel, ...]:
    rows = tomllib.loads(resource_path("models/bundled.toml").read_text(encoding="utf-8"))["model"]
    keys = BundledModel.__slots__
    return tuple(BundledModel(**{key: row[key] for key in keys}) for row in rows)


def locate_model(name: str, *, settings: Settings) -> Path:
    """Return the folder of a bundled model, by id or purpose (`drafter`, `encoder`).

    Raises `ModelUnavailable` if it is missing or its files differ in name or size.
    """
    model = _find(name)
    folder = settings.models_dir / model.id
    state = _quick_state(model, folder)
    if state == "missing":
        raise ModelUnavailable(f"The model {model.id} has not been downloaded yet. {REMEDY}")
    if state == "altered":
        raise ModelUnavailable(f"The model {model.id} is not as it was downloaded. {REMEDY}")
    return folder


def weights_digest(folder: Path) -> str:
    """SHA-256 of the weights as written in the manifest, or empty for a folder without one."""
    return str(_read_files(folder).get("model.safetensors", {}).get("sha256", ""))


def model_status(*, settings: Settings) -> tuple[ModelStatus, ...]:
    """Compare every bundled model with its full digests (reads all the files, about a second)."""
    return tuple(_full_status(model, settings.models_dir / model.id) for model in read_bundled())


def _find(name: str) -> BundledModel:
    for model in read_bundled():
        if name in {model.id, model.purpose}:
            return model
    raise ModelUnavailable(f"There is no bundled model called {name!r}.")


def _full_status(model: BundledModel, folder: Path) -> ModelStatus:
    state = _quick_state(model, folder)
    files = _read_files(folder)
    if state == "ready" and any(_sha256(folder / n) != f["sha256"] for n, f in files.items()):
        state = "altered"
    return ModelStatus(
        id=model.id,
        purpose=model.purpose,
        licence=model.licence,
        state=state,
        path=folder,
        n_bytes=sum(int(str(f["bytes"])) for f in files.values()) if state == "ready" else 0,
        digest=weights_digest(folder),
    )


def _quick_state(model: BundledModel, folder: Path) -> Literal["ready", "missing", "altered"]:
    if not folder.is_dir():
        return "missing"
    files = _read_files(folder, wheel_sha256=model.wheel_sha256)
    if not files:
        return "altered"
    for name, row in files.items():
        path = folder / name
        if not path.is_file() or path.stat().st_size != row["bytes"]:
            return "altered"
    return "ready"


def _read_files(folder: Path, *, wheel_sha256: str = "") -> dict[str, dict[str, object]]:
    """Return the rows of a manifest; empty if it is missing, broken or of another wheel."""
    try:
        manifest = json.loads((folder / MANIFEST).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    if not isinstance(manifest, dict) or not isinstance(manifest.get("files"), dict):
        return {}
    if wheel_sha256 and manifest.get("wheel_sha256") != wheel_sha256:
        return {}
    rows = manifest["files"]
    sound = all(
        isinstance(row, dict) and {"bytes", "sha256"} <= row.keys() and Path(name).name == name
        for name, row in rows.items()
    )
    return rows if sound else {}


def _sha256(path: Path) -> str:
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()
