"""The built wheel works outside the checkout: it carries its data and runs the demo."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Build the wheel and unpack it into a folder of its own, without touching the network."""
    folder = tmp_path_factory.mktemp("wheel")
    build = [sys.executable, "-m", "build", "--wheel", "--no-isolation", "--outdir", str(folder)]
    subprocess.run([*build, str(ROOT)], check=True, capture_output=True)
    (wheel,) = folder.glob("*.whl")
    into = folder / "site"
    pip = [sys.executable, "-m", "pip", "install", "--quiet", "--no-deps", "--no-index"]
    subprocess.run([*pip, "--target", str(into), str(wheel)], check=True, capture_output=True)
    return into


def run(installed: Path, work: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, "PYTHONPATH": str(installed), "TMPDIR": str(work)}
    return subprocess.run(
        [sys.executable, *arguments], cwd=work, env=environment, capture_output=True, text=True,
        check=False,
    )  # fmt: skip


@pytest.mark.slow
def test_the_wheel_brings_its_own_data(installed: Path, tmp_path: Path) -> None:
    code = (
        "import assistant; from assistant.resources import resource_path as r;"
        "print(assistant.__file__, *[r(p) for p in ('policies/language.yaml', 'evals',"
        " 'models/fetch.py', 'models/bundled.toml', 'assistant/data/demo_session.txt')])"
    )
    result = run(installed, tmp_path, "-c", code)
    assert result.returncode == 0, result.stderr
    assert all(path.startswith(str(installed)) for path in result.stdout.split())


@pytest.mark.slow
@pytest.mark.model
def test_the_wheel_runs_the_demo_outside_the_checkout(installed: Path, tmp_path: Path) -> None:
    result = run(installed, tmp_path, "-m", "assistant.cli", "demo")
    assert result.returncode == 0, result.stderr
    (folder,) = tmp_path.glob("ownwords-demo-*/outbox/release-*")
    kinds = {path.name.split(".", 1)[1] for path in folder.iterdir()}
    assert kinds == {"md", "pdf", "docx", "fhir.json", "receipt.md", "receipt.pdf"}
    assert "approved this exact text" in result.stdout
