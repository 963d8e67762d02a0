"""No connection beyond loopback, seen from outside the process with strace."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

_CONNECT = re.compile(r"(?:connect|sendto|sendmsg)\(.*sa_family=AF_INET6?,.*")
_LOOPBACK = re.compile(r'inet_addr\("127\.|"::1"|"::ffff:127\.')
SESSION = (
    "Dana: Morning. How was the week?\n"
    "Ife: I kept going to class and it helped. My mail is ife.b@mailbox.example, write me.\n"
    "Dana: And the site?\n"
    "Ife: It is www.helpdesk.example/forms, and I want to fill in the form on Friday.\n"
)

pytestmark = [
    pytest.mark.slow,
    pytest.mark.model,
    pytest.mark.skipif(shutil.which("strace") is None, reason="strace is not installed"),
]


@pytest.mark.parametrize(
    "arguments",
    [
        ["deidentify", "session.txt"],
        ["deidentify", "lines.jsonl", "--format", "jsonl"],
        ["draft", "session.txt", "--person", "Ife", "--peer", "Dana", "--json"],
    ],
)
def test_no_connection_leaves_this_machine(tmp_path: Path, arguments: list[str]) -> None:
    (tmp_path / "session.txt").write_text(SESSION)
    (tmp_path / "lines.jsonl").write_text('{"id": "1", "text": "Write to ife.b@mailbox.example"}')
    trace = tmp_path / "trace"
    command = ["strace", "-f", "-e", "trace=network", "-o", str(trace), sys.executable]
    result = subprocess.run(
        [*command, "-m", "assistant.cli", *arguments],
        cwd=tmp_path, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert result.returncode == 0, result.stderr
    assert "mailbox" not in result.stdout
    reached = [line for line in trace.read_text().splitlines() if _CONNECT.search(line)]
    assert [line for line in reached if not _LOOPBACK.search(line)] == []
