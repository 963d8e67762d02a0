"""Rows about who may come in (accounts, sign-ins, links) and about figures; none holds words."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Literal

from sqlalchemy import Table, delete, insert, select, update

from assistant.errors import StoreError
from assistant.store import rows, tables
from assistant.store.rows import optional_time_text, time_text
from assistant.store.statements import Statements, fields_of


class AccessRows(Statements):
    """The part of a change that is about accounts, links and figures."""

    # ------------------------------------------------------------ accounts

    def add_account(self, row: rows.AccountRow) -> None:
        """Keep a new account. Raises `StoreError` if the login name is taken."""
        if self.account_by_login(row.login) is not None:
            raise StoreError("This sign-in name is taken. Choose another one.")
        self._insert(tables.accounts, **fields_of(row, "created_at", "disabled_at", "locked_until"))

    def accounts(self) -> tuple[rows.AccountRow, ...]:
        """Return every account, oldest first, disabled ones too."""
        table = tables.accounts
        order = (table.c.created_at, table.c.account_id)
        return tuple(rows.account_from(row) for row in self._rows(select(table).order_by(*order)))

    def account(self, account_id: str) -> rows.AccountRow | None:
        return self._one_account(tables.accounts.c.account_id == account_id)

    def account_by_login(self, login: str) -> rows.AccountRow | None:
        return self._one_account(tables.accounts.c.login == login)

    def account_by_oidc_subject(self, subject: str) -> rows.AccountRow | None:
        return self._one_account(tables.accounts.c.oidc_subject == subject) if subject else None

    def set_password(self, *, account_id: str, password_hash: str) -> None:
        self._set_account(account_id, password_hash=password_hash, failures=0, locked_until=None)

    def set_failures(self, *, account_id: str, failures: int, until: datetime | None) -> None:
        self._set_account(account_id, failures=failures, locked_until=optional_time_text(until))

    def set_disabled(self, *, account_id: str, at: datetime | None) -> None:
        self._set_account(account_id, disabled_at=optional_time_text(at))

    def set_oidc_subject(self, *, account_id: str, subject: str) -> None:
        self._set_account(account_id, oidc_subject=subject)

    def _set_account(self, account_id: str, **values: object) -> None:
        table = tables.accounts
        self._update_one(
            update(table).where(table.c.account_id == account_id).values(**values),
            f"account {account_id}",
        )

    def _one_account(self, condition: object) -> rows.AccountRow | None:
        found = self._rows(select(tables.accounts).where(condition))  # type: ignore[arg-type]
        return rows.account_from(found[0]) if found else None

    def set_supervisions(self, *, peer_id: str, supervisor_ids: frozenset[str]) -> None:
        """Put these supervisors in the place of whoever supervised the peer before."""
        table = tables.supervisions
        self._execute(delete(table).where(table.c.peer_id == peer_id))
        for supervisor_id in sorted(supervisor_ids):
            self._insert(table, peer_id=peer_id, supervisor_id=supervisor_id)

    def supervisors_of(self, peer_id: str) -> frozenset[str]:
        table = tables.supervisions
        found = self._rows(select(table.c.supervisor_id).where(table.c.peer_id == peer_id))
        return frozenset(row["supervisor_id"] for row in found)

    def peers_of(self, supervisor_id: str) -> frozenset[str]:
        table = tables.supervisions
        found = self._rows(select(table.c.peer_id).where(table.c.supervisor_id == supervisor_id))
        return frozenset(row["peer_id"] for row in found)

    # ------------------------------------------------------------ sign-ins

    def add_sign_in(self, row: rows.SignInRow) -> None:
        self._insert(tables.sign_ins, **fields_of(row, "created_at", "seen_at", "expires_at"))

    def sign_in(self, token_hash: str) -> rows.SignInRow | None:
        table = tables.sign_ins
        found = self._rows(select(table).where(table.c.token_hash == token_hash))
        return rows.sign_in_from(found[0]) if found else None

    def touch_sign_in(self, token_hash: str, *, at: datetime) -> None:
        table = tables.sign_ins
        self._execute(
            update(table).where(table.c.token_hash == token_hash).values(seen_at=time_text(at))
        )

    def drop_sign_in(self, token_hash: str) -> None:
        table = tables.sign_ins
        self._execute(delete(table).where(table.c.token_hash == token_hash))

    def drop_sign_ins_of(self, holder_id: str, *, session_id: str | None = None) -> int:
        """Sign somebody out everywhere, or only where they decide about one session."""
        table = tables.sign_ins
        query = delete(table).where(table.c.holder_id == holder_id)
        if session_id is not None:
            query = query.where(table.c.session_id == session_id)
        return self._change(query)

    def drop_sign_ins_before(self, at: datetime) -> int:
        table = tables.sign_ins
        return self._change(delete(table).where(table.c.expires_at < time_text(at)))

    # ------------------------------------------------------------ links

    def add_link(self, row: rows.LinkRow) -> None:
        times = ("created_at", "expires_at", "used_at", "locked_until")
        self._insert(tables.links, **fields_of(row, *times))

    def link(self, token_hash: str) -> rows.LinkRow | None:
        table = tables.links
        found = self._rows(select(table).where(table.c.token_hash == token_hash))
        return rows.link_from(found[0]) if found else None

    def set_link_used(self, link_id: str, *, at: datetime) -> None:
        table = tables.links
        self._update_one(
            update(table)
            .where(table.c.link_id == link_id, table.c.used_at.is_(None))
            .values(used_at=time_text(at)),
            f"unused link {link_id}",
        )

    def set_link_failures(self, link_id: str, *, failures: int, until: datetime | None) -> None:
        table = tables.links
        self._update_one(
            update(table)
            .where(table.c.link_id == link_id)
            .values(failures=failures, locked_until=optional_time_text(until)),
            f"link {link_id}",
        )

    def drop_links(self, subject_id: str, *, kind: rows.LinkKind | None = None) -> int:
        """Make the links to a session or account worthless; all kinds if none is named."""
        table = tables.links
        query = delete(table).where(table.c.subject_id == subject_id)
        if kind is not None:
            query = query.where(table.c.kind == kind)
        return self._change(query)

    # ------------------------------------------------------------ passkeys

    def add_passkey(self, row: rows.PasskeyRow) -> None:
        self._insert(tables.passkeys, **fields_of(row, "created_at"))

    def passkeys(self, account_id: str) -> tuple[rows.PasskeyRow, ...]:
        table = tables.passkeys
        found = self._rows(select(table).where(table.c.account_id == account_id))
        return tuple(rows.passkey_from(row) for row in found)

    def drop_passkeys(self, account_id: str) -> int:
        table = tables.passkeys
        return self._change(delete(table).where(table.c.account_id == account_id))

    def passkey(self, credential_id: str) -> rows.PasskeyRow | None:
        table = tables.passkeys
        found = self._rows(select(table).where(table.c.credential_id == credential_id))
        return rows.passkey_from(found[0]) if found else None

    def set_sign_count(self, credential_id: str, *, sign_count: int) -> None:
        table = tables.passkeys
        self._update_one(
            update(table)
            .where(table.c.credential_id == credential_id)
            .values(sign_count=sign_count),
            "passkey of this kind",
        )

    # ------------------------------------------------------------ co-signatures and figures

    def add_cosign(self, *, session_id: str, supervisor_id: str, digest: str, at: datetime) -> None:
        """Keep that a supervisor co-signed one exact text; twice is once."""
        if (supervisor_id, digest) not in self.cosigns(session_id):
            self._insert(
                tables.cosigns, session_id=session_id, supervisor_id=supervisor_id,
                digest=digest, signed_at=time_text(at),
            )  # fmt: skip

    def cosigns(self, session_id: str) -> tuple[tuple[str, str], ...]:
        """Return (supervisor id, digest) of each co-signature."""
        table = tables.cosigns
        found = self._rows(select(table).where(table.c.session_id == session_id))
        return tuple((row["supervisor_id"], row["digest"]) for row in found)

    def set_fact(self, *, session_id: str, name: str, value: float) -> None:
        self._put(tables.facts, {"session_id": session_id, "name": name}, value=value)

    def facts(self, session_id: str) -> Mapping[str, float]:
        table = tables.facts
        found = self._rows(select(table).where(table.c.session_id == session_id))
        return {row["name"]: row["value"] for row in found}

    def set_group(self, *, person_id: str, axis: str, value: str) -> None:
        """Keep what a person said about themselves; an empty value takes it back."""
        table = tables.groups
        if value:
            self._put(table, {"person_id": person_id, "axis": axis}, value=value)
        else:
            self._execute(delete(table).where(table.c.person_id == person_id, table.c.axis == axis))

    def groups(self, person_id: str) -> Mapping[str, str]:
        table = tables.groups
        found = self._rows(select(table).where(table.c.person_id == person_id))
        return {row["axis"]: row["value"] for row in found}

    def set_agency(self, name: str, value: str) -> None:
        self._put(tables.agency, {"name": name}, value=value)

    def agency(self) -> Mapping[str, str]:
        return {row["name"]: row["value"] for row in self._rows(select(tables.agency))}

    def _put(self, table: Table, key: Mapping[str, str], **values: object) -> None:
        where = [table.c[name] == value for name, value in key.items()]
        if self._change(update(table).where(*where).values(**values)) == 0:
            self._execute(insert(table).values(**key, **values))

    # ------------------------------------------------------------ jobs under way

    def jobs(self, *, subject_id: str | None = None) -> tuple[rows.JobRow, ...]:
        """Return what is queued, running or failed, oldest first."""
        table = tables.jobs
        query = select(table).order_by(table.c.queued_at, table.c.job_id)
        if subject_id is not None:
            query = query.where(table.c.subject_id == subject_id)
        return tuple(rows.job_from(row) for row in self._rows(query))

    def set_job(
        self,
        job_id: str,
        *,
        state: Literal["waiting", "running", "failed"],
        stage: str = "",
        problem: str = "",
    ) -> bool:
        """Move a job on; False if it is gone (cancelled meanwhile)."""
        table = tables.jobs
        changed = self._change(
            update(table)
            .where(table.c.job_id == job_id)
            .values(state=state, stage=stage, problem=problem)
        )
        return changed == 1

    def require_job(self, job_id: str) -> None:
        """Raise `StoreError` if a job was cancelled."""
        table = tables.jobs
        if not self._rows(select(table.c.job_id).where(table.c.job_id == job_id)):
            raise StoreError(f"The job {job_id} was cancelled; nothing was kept of it.")
