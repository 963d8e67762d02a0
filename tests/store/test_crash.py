"""Killed at random moments: what was promised is there, what was not is not."""

from __future__ import annotations

import random
import subprocess
import sys
import time
from pathlib import Path

import pytest

from assistant.errors import StoreError
from assistant.store import MasterKey, Store
from tests.store.conftest import all_bytes, fill

KEY = MasterKey(value=bytes(range(32)))
CANARY = b"blue door on Alder Street"
N_KILLS = 25

WRITER = """
import sys
from pathlib import Path
from assistant.store import MasterKey, Store

folder, first = Path(sys.argv[1]), int(sys.argv[2])
mara = "person-00000000000000aa"
with Store.open(folder, key=MasterKey(value=bytes(range(32)))) as store:
    print("ready", flush=True)
    for number in range(first, first + 100_000):
        with store.transaction() as change:
            for part in "ab":  # both or neither
                change.put_words(record_id=f"{number}-{part}", person_id=mara,
                    session_id="session-1", kind="note",
                    payload=b"blue door on Alder Street %d" % number * 40)
            change.put_words(record_id="latest", person_id=mara, session_id="session-1",
                kind="draft", payload=b"%d" % number)
            change.append_audit('{"n":%d}' % number)
            if number % 3 == 2:
                change.erase_words([f"{number - 2}-a", f"{number - 2}-b"])
        print(number, flush=True)
"""


def run_until_killed(folder: Path, first: int, delay_s: float) -> int:
    """Return the last number the writer said it had committed."""
    with subprocess.Popen(
        [sys.executable, "-c", WRITER, str(folder), str(first)],
        stdout=subprocess.PIPE,
        text=True,
    ) as writer:
        assert writer.stdout is not None
        assert writer.stdout.readline() == "ready\n"
        time.sleep(delay_s)
        writer.kill()
        said = [line for line in writer.stdout.read().splitlines(keepends=True) if line[-1] == "\n"]
    return int(said[-1]) if said else first - 1


@pytest.mark.slow
def test_a_killed_writer_loses_nothing_it_had_committed(tmp_path: Path) -> None:
    folder = tmp_path / "vault"
    with Store.create(folder, key=KEY) as store:
        fill(store)
    chance = random.Random(20260302)
    first = 0
    for _ in range(N_KILLS):
        said = run_until_killed(folder, first, chance.uniform(0, 0.12))
        with Store.open(folder, key=KEY) as store:
            last = check_vault(store, at_least=said)
        assert last in (said, said + 1)  # the last commit may not have been said
        first = last + 1
    assert first > N_KILLS
    assert CANARY not in all_bytes(folder)


def check_vault(store: Store, *, at_least: int) -> int:
    """Check that every change is there whole or not at all; return the number of the last."""
    store.check_pages()
    with store.transaction() as change:
        last = len(change.audit_entries()) - 1
        assert last >= at_least
        kept = {one for one, _ in change.word_ids("session-1")}
        wanted = set()
        for number in range(last + 1):
            is_erased = number % 3 == 0 and number + 2 <= last
            for part in "ab":
                record_id = f"{number}-{part}"
                if is_erased:
                    with pytest.raises(StoreError):
                        change.words(record_id)
                else:
                    wanted.add(record_id)
                    assert change.words(record_id) == (CANARY + b" %d" % number) * 40
        if last >= 0:
            wanted.add("latest")
            assert change.words("latest") == b"%d" % last
        assert kept == wanted
    assert len(store.vault.live()) == len(wanted)  # no key without words, no words without key
    return last
