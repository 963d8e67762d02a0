"""The arrows between modules (contracts in pyproject.toml), and what importing may not do."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent


def run(*command: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)


def test_imports_follow_the_arrows() -> None:
    linter = Path(sys.executable).with_name("lint-imports")
    result = run(str(linter), "--no-cache", "--config", "pyproject.toml")
    assert result.returncode == 0, result.stdout


def test_starting_the_command_line_loads_no_model_library() -> None:
    heavy = "{'torch', 'transformers', 'spacy', 'presidio_analyzer', 'sqlalchemy', 'fhir'}"
    code = f"import sys, assistant.cli; print(sorted({heavy} & set(sys.modules)))"
    assert run(sys.executable, "-c", code).stdout.strip() == "[]"


def test_importing_any_module_prints_nothing_and_opens_no_connection() -> None:
    code = (
        "import socket, pkgutil, importlib, assistant\n"
        "def refuse(*a, **k): raise SystemExit('a connection at import')\n"
        "socket.socket.connect = refuse\n"
        "for m in pkgutil.walk_packages(assistant.__path__, 'assistant.'):\n"
        "    if '.migrations' not in m.name: importlib.import_module(m.name)\n"
    )
    result = run(sys.executable, "-W", "error::ResourceWarning", "-c", code)
    assert (result.returncode, result.stdout) == (0, ""), result.stderr
