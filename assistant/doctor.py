"""`ownwords doctor`: what is installed, missing or slow, and how to mend it. It changes nothing."""

from __future__ import annotations

import importlib.metadata
import os
import shutil
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from time import perf_counter

from assistant.errors import OwnWordsError
from assistant.settings import Settings

_NEEDED_FREE_GB = 2  # both models expanded, and room for the vault
_SLOW_LOAD_S = 10


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    what: str
    is_fine: bool
    remedy: str = ""


def examine(settings: Settings) -> tuple[Finding, ...]:
    """Look at the installation; seconds, because it loads the language pipeline once."""
    checks: tuple[Callable[[Settings], Iterator[Finding]], ...] = (
        _versions, _models, _policies, _pipeline, _space, _vault,
    )  # fmt: skip
    return tuple(finding for check in checks for finding in _run(check, settings))


def _run(check: Callable[[Settings], Iterator[Finding]], settings: Settings) -> list[Finding]:
    try:
        return list(check(settings))
    except OwnWordsError as error:
        return [Finding(what=f"{check.__name__.strip('_')}", is_fine=False, remedy=str(error))]


def _versions(_settings: Settings) -> Iterator[Finding]:
    python = ".".join(str(part) for part in sys.version_info[:3])
    yield Finding(what=f"Python {python}", is_fine=sys.version_info >= (3, 11))
    for name in ("torch", "transformers", "spacy", "presidio-analyzer", "cedarpy", "sqlcipher3"):
        try:
            yield Finding(what=f"{name} {importlib.metadata.version(name)}", is_fine=True)
        except importlib.metadata.PackageNotFoundError:
            yield Finding(what=name, is_fine=False, remedy="Install Own Words again.")


def _models(settings: Settings) -> Iterator[Finding]:
    from assistant.bundled import model_status

    for status in model_status(settings=settings):
        yield Finding(
            what=f"model {status.id}: {status.state}",
            is_fine=status.state == "ready",
            remedy="Run: ownwords models fetch",
        )


def _policies(_settings: Settings) -> Iterator[Finding]:
    from assistant.policy import load_gate
    from assistant.review import load_language_rules, load_safety_rules

    yield Finding(what=f"{len(load_gate().rules)} policy rules, checked", is_fine=True)
    load_language_rules()
    load_safety_rules()
    yield Finding(what="language and safety lists, checked", is_fine=True)


def _pipeline(settings: Settings) -> Iterator[Finding]:
    from assistant.deidentify import load_detector

    started = perf_counter()
    load_detector(settings=settings)
    seconds = perf_counter() - started
    yield Finding(
        what=f"recognizers load in {seconds:.1f} s",
        is_fine=seconds < _SLOW_LOAD_S,
        remedy="The machine is busy or slow. Close other programs and try again.",
    )


def _space(settings: Settings) -> Iterator[Finding]:
    folder = settings.data_dir
    while not folder.exists():
        folder = folder.parent
    free_gb = shutil.disk_usage(folder).free / 1e9
    yield Finding(
        what=f"{free_gb:.0f} GB free for data",
        is_fine=free_gb >= _NEEDED_FREE_GB,
        remedy=f"Free some space: at least {_NEEDED_FREE_GB} GB.",
    )


def _vault(settings: Settings) -> Iterator[Finding]:
    folder = settings.data_dir
    if not (folder / "key.json").exists():
        yield Finding(what="no vault yet; the first `session new` makes one", is_fine=True)
        return
    is_private = os.name != "posix" or folder.stat().st_mode & 0o077 == 0
    yield Finding(
        what="the data folder is private",
        is_fine=is_private,
        remedy=f"Run: chmod 700 {folder}",
    )
    log, anchors = folder / "audit.jsonl", settings.anchor_file or folder / "anchors.txt"
    if log.exists() and anchors.exists():
        from assistant.audit import verify_audit

        n_entries = verify_audit(log, anchor=anchors)
        yield Finding(what=f"audit log: {n_entries} entries, whole", is_fine=True)
