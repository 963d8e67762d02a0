"""What a change keeps, and what it leaves no trace of."""

from __future__ import annotations

import threading
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path

import pytest

from assistant.errors import StoreError, WordsGone
from assistant.records import Consent, Decision, ServiceRecord
from assistant.store import MasterKey, ReleaseRow, Store
from tests.store.conftest import IDRIS, MARA, START, all_bytes, erase, put, read, session_row

CANARY = b"my sister's blue door on Alder Street"


def consent(consent_id: str, *, person_id: str = MARA) -> Consent:
    return Consent(
        consent_id=consent_id,
        person_id=person_id,
        purpose="share",
        given=True,
        recipients=("team at the drop-in", "Dr. Őri"),
        information="the approved note",
        discloser="drop-in",
        mode="spoken",
        signed_at=START,
        expires_at=START + timedelta(days=365),
        text_version="2",
        revocation_explained=True,
    )


def decision(verb: str, *, reason: str = "") -> Decision:
    return Decision(
        verb=verb,  # type: ignore[arg-type]
        note_id="note-1",
        digest="ab" * 32,
        decided_by=MARA,
        decided_at=START,
        reason=reason,
    )


def release(release_id: str) -> ReleaseRow:
    return ReleaseRow(
        release_id=release_id,
        session_id="session-1",
        note_id="note-1",
        recipient="team",
        names="out",
        digest="ab" * 32,
        files=(("note.pdf", "cd" * 32), ("note.md", "ef" * 32)),
        released_at=START,
    )


def fail_after_putting(store: Store, record_id: str, payload: bytes) -> None:
    """Put words, erase them, put them again, and break off."""

    def broken_off() -> None:
        with store.transaction() as change:
            for _ in range(2):
                change.put_words(
                    record_id=record_id,
                    person_id=MARA,
                    session_id="session-1",
                    kind="draft",
                    payload=payload,
                )
                assert change.erase_words([record_id]) == (record_id,)
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        broken_off()


# ---------------------------------------------------------------- words


def test_words_come_back_as_they_were_put(store: Store) -> None:
    put(store, "record-1", CANARY)
    assert read(store, "record-1") == CANARY


def test_words_survive_closing_and_opening(store: Store, key: MasterKey) -> None:
    put(store, "record-1", CANARY)
    store.close()
    with Store.open(store.folder, key=key) as again:
        assert read(again, "record-1") == CANARY
        assert again.recovered() == ()


def test_words_can_be_read_in_the_change_that_put_them(store: Store) -> None:
    with store.transaction() as change:
        change.put_words(
            record_id="record-1", person_id=MARA, session_id=None, kind="map", payload=CANARY
        )
        assert change.words("record-1") == CANARY
        change.put_words(
            record_id="record-1", person_id=MARA, session_id=None, kind="map", payload=b"second"
        )
        assert change.words("record-1") == b"second"
    assert read(store, "record-1") == b"second"


def test_putting_again_replaces_the_words_and_destroys_the_old_key(store: Store) -> None:
    put(store, "record-1", b"first")
    before = store.vault.live()
    put(store, "record-1", b"second", kind="note")
    assert read(store, "record-1") == b"second"
    assert store.vault.live().isdisjoint(before)
    with store.transaction() as change:
        assert change.word_ids("session-1") == (("record-1", "note"),)


def test_a_change_that_fails_keeps_the_words_from_before(store: Store) -> None:
    put(store, "record-1", b"first")
    fail_after_putting(store, "record-1", CANARY)
    assert read(store, "record-1") == b"first"
    assert len(store.vault.live()) == 1


def test_word_ids_are_those_of_the_session_or_the_person(store: Store) -> None:
    put(store, "record-2", b"a", kind="draft")
    put(store, "record-1", b"a", kind="transcript")
    put(store, "record-3", b"a", session_id="session-2")
    put(store, "record-4", b"a", session_id="session-3", person_id=IDRIS)
    with store.transaction() as change:
        assert change.word_ids("session-1") == (("record-1", "transcript"), ("record-2", "draft"))
        assert [one for one, _ in change.person_word_ids(IDRIS)] == ["record-4"]


@pytest.mark.parametrize(
    ("person_id", "session_id"),
    [
        (IDRIS, "session-1"),  # somebody else's session
        ("person-nobody", None),  # nobody
        (MARA, "session-none"),  # no such session
    ],
)
def test_words_are_kept_only_under_their_owner(
    store: Store, person_id: str, session_id: str | None
) -> None:
    with pytest.raises(StoreError), store.transaction() as change:
        change.put_words(
            record_id="r", person_id=person_id, session_id=session_id, kind="d", payload=b"x"
        )


def test_a_record_cannot_pass_to_another_person(store: Store) -> None:
    put(store, "record-1", b"hers")
    with pytest.raises(StoreError, match="another person"):
        put(store, "record-1", b"his", session_id="session-3", person_id=IDRIS)
    assert read(store, "record-1") == b"hers"


def test_words_that_never_were_are_not_called_withdrawn(store: Store) -> None:
    with pytest.raises(StoreError) as missing:
        read(store, "record-9")
    assert not isinstance(missing.value, WordsGone)


def test_no_file_ever_holds_the_words(store: Store, folder: Path) -> None:
    for number in range(12):
        put(store, f"record-{number}", CANARY * 300)
        assert CANARY not in all_bytes(folder)
    fail_after_putting(store, "record-1", CANARY * 3000)
    assert CANARY not in all_bytes(folder)
    erase(store, "record-1", "record-2")
    assert CANARY not in all_bytes(folder)
    store.close()
    assert CANARY not in all_bytes(folder)


def test_files_are_for_their_owner_alone(store: Store, folder: Path) -> None:
    put(store, "record-1", CANARY)
    modes = {path.name: path.stat().st_mode & 0o777 for path in folder.iterdir()}
    assert modes.pop("outbox") == 0o700
    assert set(modes) == {
        "key.json", "words.db", "words.db-wal", "keys.db", "keys.db-wal", "lock", "reserve",
    }  # fmt: skip
    assert set(modes.values()) == {0o600}
    assert folder.stat().st_mode & 0o777 == 0o700


# ---------------------------------------------------------------- rows


def test_rows_come_back_equal(store: Store) -> None:
    service = ServiceRecord(
        session_id="session-1", person_id=MARA, peer_id="peer-1", service_date="2026-03-02"
    )
    with store.transaction() as change:
        change.add_consent(consent("consent-1"))
        change.add_decision(session_id="session-1", decision=decision("change", reason="wrong"))
        change.add_decision(session_id="session-1", decision=decision("approve"))
        change.add_release(release("release-1"))
        change.add_service_record(service)
    with store.transaction() as change:
        assert change.session("session-1") == session_row("session-1")
        assert change.consents(MARA) == (consent("consent-1"),)
        assert [one.verb for one in change.decisions("session-1")] == ["change", "approve"]
        assert change.decisions("session-1")[1] == decision("approve")
        assert change.releases("session-1") == (release("release-1"),)
        assert change.service_records(person_id=MARA) == (service,)
        assert [one.person_id for one in change.persons()] == [MARA, IDRIS]


def test_sessions_are_found_by_person_peer_and_state(store: Store) -> None:
    later = START + timedelta(hours=1)
    with store.transaction() as change:
        change.set_state(session_id="session-2", state="approved", at=later)
    with store.transaction() as change:
        assert change.session("session-2").updated_at == later
        found = change.sessions(person_id=MARA, states={"approved"})
        assert [one.session_id for one in found] == ["session-2"]
        assert len(change.sessions(peer_id="peer-1")) == 3
        assert change.sessions(peer_id="peer-2") == ()


def test_the_first_withdrawal_and_the_first_recall_count(store: Store) -> None:
    with store.transaction() as change:
        change.add_consent(consent("consent-1"))
        change.add_release(release("release-1"))
    for hours in (1, 2):
        at = START + timedelta(hours=hours)
        with store.transaction() as change:
            change.set_consent_withdrawn(consent_id="consent-1", at=at)
            change.set_recalled(release_id="release-1", at=at)
    with store.transaction() as change:
        assert change.consents(MARA)[0].withdrawn_at == START + timedelta(hours=1)
        assert change.releases("session-1")[0].recalled_at == START + timedelta(hours=1)


def test_a_safety_prompt_holds_what_was_done_last(store: Store) -> None:
    with store.transaction() as change:
        change.set_safety(session_id="session-1", prompt_no=1, state="seen", by="p", at=START)
        change.set_safety(session_id="session-1", prompt_no=1, state="passed", by="p", at=START)
        change.set_safety(session_id="session-1", prompt_no=0, state="seen", by="p", at=START)
    with store.transaction() as change:
        found = [(one.prompt_no, one.state) for one in change.safety("session-1")]
    assert found == [(0, "seen"), (1, "passed")]


def test_audit_entries_keep_their_order_and_positions(store: Store) -> None:
    with store.transaction() as change:
        assert change.last_audit_entry() is None
        assert [change.append_audit(f'{{"n":{n}}}') for n in (1, 2, 3)] == [1, 2, 3]
    with store.transaction() as change:
        assert change.audit_entries(after=1) == ('{"n":2}', '{"n":3}')
        assert change.last_audit_entry() == '{"n":3}'


def test_jobs_are_taken_in_order_and_again_after_a_restart(store: Store, key: MasterKey) -> None:
    with store.transaction() as change:
        first = change.add_job(kind="draft", subject_id="session-1")
        second = change.add_job(kind="draft", subject_id="session-2")
    with store.transaction() as change:
        taken = change.next_job()
        assert taken is not None
        assert (taken.job_id, taken.state) == (first, "running")
    store.close()
    with Store.open(store.folder, key=key) as again, again.transaction() as change:
        taken = change.next_job()
        assert taken is not None
        assert taken.job_id == first
        change.finish_job(first)
        taken = change.next_job()
        assert taken is not None
        assert taken.job_id == second
        assert change.next_job() is None


def test_times_in_any_zone_are_kept_and_times_without_one_refused(store: Store) -> None:
    at = datetime(2026, 3, 2, 23, 30, tzinfo=timezone(timedelta(hours=-5)))
    with store.transaction() as change:
        change.set_state(session_id="session-1", state="open", at=at)
        assert change.session("session-1").updated_at == at.astimezone(UTC)
    with pytest.raises(StoreError, match="zone"), store.transaction() as change:
        change.set_state(session_id="session-1", state="open", at=datetime(2026, 3, 2))  # noqa: DTZ001


def test_an_id_that_is_taken_is_refused_without_quoting_the_row(store: Store) -> None:
    with pytest.raises(StoreError) as refused, store.transaction() as change:
        change.add_session(session_row("session-1"))
    assert "library" not in str(refused.value)
    assert refused.value.__cause__ is None


def test_what_is_missing_is_named(store: Store) -> None:
    with pytest.raises(StoreError, match="session-9"), store.transaction() as change:
        change.session("session-9")
    with pytest.raises(StoreError, match="consent-9"), store.transaction() as change:
        change.set_consent_withdrawn(consent_id="consent-9", at=START)


# ---------------------------------------------------------------- changes


def test_a_change_whose_statement_failed_is_not_kept_even_if_the_caller_goes_on(
    store: Store,
) -> None:
    def go_on_regardless() -> None:
        with store.transaction() as change:
            change.set_state(session_id="session-1", state="approved", at=START)
            with pytest.raises(StoreError):
                change.add_session(session_row("session-1"))

    with pytest.raises(StoreError, match="failed"):
        go_on_regardless()
    with store.transaction() as change:
        assert change.session("session-1").state == "open"


def test_a_change_cannot_be_used_after_its_end(store: Store) -> None:
    with store.transaction() as change:
        pass
    with pytest.raises(StoreError, match="ended"):
        change.persons()


def test_changes_do_not_nest(store: Store) -> None:
    with (
        store.transaction(),
        pytest.raises(StoreError, match="open already"),
        store.transaction(),
    ):
        pass


def test_a_closed_vault_says_so(store: Store) -> None:
    store.close()
    store.close()
    with pytest.raises(StoreError, match="closed"), store.transaction():
        pass


def test_threads_wait_for_one_another(store: Store) -> None:
    def work(number: int) -> None:
        for step in range(10):
            put(store, f"record-{number}-{step}", b"words %d" % number)

    threads = [threading.Thread(target=work, args=(number,)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    with store.transaction() as change:
        assert len(change.word_ids("session-1")) == 40


def test_a_folder_with_a_vault_is_not_laid_out_again(store: Store, key: MasterKey) -> None:
    put(store, "record-1", CANARY)
    store.close()
    with pytest.raises(StoreError, match="already"):
        Store.create(store.folder, key=key)
    with Store.open(store.folder, key=key) as again:
        assert read(again, "record-1") == CANARY
