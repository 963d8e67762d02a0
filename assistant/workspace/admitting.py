"""Who may come in: accounts, sign-ins, one-time links, and the code a person chose.

Only hashes of tokens are kept, so a copy of the vault opens no screen. Every way in that fails is
one and the same refusal to whoever tries, and a rule of its own in the audit log.
"""

from __future__ import annotations

import hashlib
import secrets
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Literal

from pydantic import SecretStr

from assistant.audit import AuditEvent
from assistant.errors import DecisionError, InputError, Refused
from assistant.policy import Actor
from assistant.policy import Store as StoreSubject
from assistant.policy.questions import Action, Request
from assistant.store import (
    AccountRole,
    AccountRow,
    LinkKind,
    LinkRow,
    PasskeyRow,
    SignInRow,
    Transaction,
)
from assistant.workspace.desk import SOFTWARE, Desk, new_id
from assistant.workspace.hashing import hash_code, hash_password, matches

MAX_FAILURES = 5
LOCK_MINUTES = 15
_INVITATION_DAYS = 7
_TOGETHER_MINUTES = 15
_ROLES: tuple[AccountRole, ...] = ("peer", "supervisor", "governance", "admin")
AGENCY_FIELDS = ("name", "protocol", "supervisor_contact", "crisis_options")
_MAX_AGENCY_CHARS = 4_000


@dataclass(frozen=True, slots=True, kw_only=True)
class SignedIn:
    """Somebody who is signed in. `session_id`: the one session a person decides about."""

    actor: Actor
    token_hash: str = field(repr=False)
    session_id: str | None = None


def token_hash(token: str) -> str:
    return hashlib.sha256(token.encode("utf-8", "surrogatepass")).hexdigest()


class Admitting(Desk):
    """Accounts, sign-ins and links."""

    # ------------------------------------------------------------ accounts

    def needs_set_up(self) -> bool:
        """Whether there is no account yet, so that the first admin can be made."""
        with self._reading() as tx:
            return not tx.accounts()

    def set_up(self, *, agency: str, login: str, display: str, password: SecretStr) -> str:
        """Make the first admin; return the account id. Refused once there is any account."""
        hashed = hash_password(password)
        row = _new_account("admin", login=login, display=display, at=self._clock())
        with self._change() as (tx, events):
            if tx.accounts():
                raise Refused(
                    rule="set-up-only-once", action="set_up", reason="there is an account already"
                )
            tx.add_account(row)
            tx.set_password(account_id=row.account_id, password_hash=hashed)
            tx.set_agency("name", _checked_line(agency, what="The name of the agency"))
            events.append(AuditEvent(event="set_up", actor=row.account_id))
        return row.account_id

    def invite(self, actor: Actor, *, role: AccountRole, login: str, display: str) -> str:
        """Add an account without a password; return the token of its one-time invitation."""
        self._ask(actor, "manage_accounts")
        if role not in _ROLES:
            raise InputError("This is not a role an account can have.")
        now = self._clock()
        row = _new_account(role, login=login, display=display, at=now)
        token = secrets.token_urlsafe(32)
        with self._change() as (tx, events):
            tx.add_account(row)
            tx.add_link(
                _new_link(
                    "invitation", row.account_id, token, at=now,
                    lasts=timedelta(days=_INVITATION_DAYS),
                )
            )  # fmt: skip
            events.append(
                AuditEvent(
                    event="account_added", actor=actor.actor_id, ids={"account": row.account_id}
                )
            )
        return token

    def invite_again(self, actor: Actor, account_id: str) -> str:
        """Return a new invitation: the holder chooses a new password; signs them out meanwhile."""
        self._ask(actor, "manage_accounts")
        token = secrets.token_urlsafe(32)
        now = self._clock()
        with self._change() as (tx, events):
            tx.drop_links(account_id, kind="invitation")
            tx.set_password(account_id=account_id, password_hash="")
            tx.drop_passkeys(account_id)  # a lost device must not stay a way in
            tx.drop_sign_ins_of(account_id)
            tx.add_link(
                _new_link(
                    "invitation", account_id, token, at=now, lasts=timedelta(days=_INVITATION_DAYS)
                )
            )
            events.append(
                AuditEvent(event="link_made", actor=actor.actor_id, ids={"account": account_id})
            )
        return token

    def invited(self, token: str) -> AccountRow | None:
        """Return the account that an invitation is for, or None; nothing is used up."""
        with self._reading() as tx:
            link = tx.link(token_hash(token))
            if link is None or link.kind != "invitation" or not _is_open(link, self._clock()):
                return None
            return tx.account(link.subject_id)

    def accept_invitation(self, token: str, *, password: SecretStr) -> AccountRow:
        """Choose the password of an account that was made for somebody."""
        hashed = hash_password(password)
        now = self._clock()
        with self._change() as (tx, events):
            link = tx.link(token_hash(token))
            account = tx.account(link.subject_id) if link and link.kind == "invitation" else None
            if link is not None and account is not None and _is_open(link, now):
                tx.set_link_used(link.link_id, at=now)
                tx.set_password(account_id=account.account_id, password_hash=hashed)
                tx.drop_sign_ins_of(account.account_id)
                events.append(
                    AuditEvent(
                        event="invitation_used", actor=account.account_id,
                        ids={"link": link.link_id},
                    )
                )  # fmt: skip
                return account
            events.append(_refusal(_link_problem(link, "invitation", now)))
        raise _no_way_in(_link_problem(link, "invitation", now))

    def change_password(self, actor: Actor, *, old: SecretStr, new: SecretStr) -> None:
        """Choose another password; every other place is signed out."""
        with self._reading() as tx:
            account = tx.account(actor.actor_id)
        if account is None or not matches(account.password_hash, old):
            self._log(_refusal("wrong-password", actor=actor.actor_id))
            raise InputError("The old password is not right. Nothing was changed.")
        hashed = hash_password(new)
        with self._change() as (tx, events):
            tx.set_password(account_id=actor.actor_id, password_hash=hashed)
            tx.drop_sign_ins_of(actor.actor_id)
            events.append(AuditEvent(event="password_changed", actor=actor.actor_id))

    def accounts(self, actor: Actor) -> tuple[AccountRow, ...]:
        self._ask(actor, "manage_accounts")
        with self._reading() as tx:
            return tx.accounts()

    def display_names(self) -> dict[str, str]:
        """Return how each account is called on screens, by id."""
        with self._reading() as tx:
            return {row.account_id: row.display for row in tx.accounts()}

    def set_disabled(self, actor: Actor, account_id: str, *, is_disabled: bool) -> None:
        """Close an account, signing it out everywhere, or open it again."""
        self._ask(actor, "manage_accounts")
        now = self._clock()
        with self._change() as (tx, events):
            others = [
                row
                for row in tx.accounts()
                if row.role == "admin" and row.disabled_at is None and row.account_id != account_id
            ]
            account = tx.account(account_id)
            if is_disabled and account is not None and account.role == "admin" and not others:
                raise InputError("This is the only admin. Add another one first.")
            tx.set_disabled(account_id=account_id, at=now if is_disabled else None)
            tx.drop_sign_ins_of(account_id)
            event = "account_disabled" if is_disabled else "account_enabled"
            events.append(
                AuditEvent(event=event, actor=actor.actor_id, ids={"account": account_id})
            )

    def supervisors(self, peer_id: str) -> frozenset[str]:
        with self._reading() as tx:
            return tx.supervisors_of(peer_id)

    def set_supervisors(
        self, actor: Actor, peer_id: str, *, supervisor_ids: frozenset[str]
    ) -> None:
        """Say who supervises a peer; a note reaches them only with the person's yes."""
        self._ask(actor, "manage_accounts")
        with self._change() as (tx, events):
            known = {row.account_id: row.role for row in tx.accounts()}
            is_wrong = known.get(peer_id) != "peer" or any(
                known.get(one) != "supervisor" for one in supervisor_ids
            )
            if is_wrong:
                raise InputError("Choose a peer, and supervisors from the list.")
            tx.set_supervisions(peer_id=peer_id, supervisor_ids=supervisor_ids)
            events.append(
                AuditEvent(
                    event="supervisors_set", actor=actor.actor_id, ids={"account": peer_id},
                    counts={"supervisors": len(supervisor_ids)},
                )
            )  # fmt: skip

    def agency(self) -> dict[str, str]:
        """Return what the agency says about itself: name, protocol, contacts."""
        with self._reading() as tx:
            found = tx.agency()
        return {name: found.get(name, "") for name in AGENCY_FIELDS}

    def set_agency(self, actor: Actor, **values: str) -> None:
        """Keep the agency's name, protocol and contacts."""
        self._ask(actor, "change_settings")
        if not set(values) <= set(AGENCY_FIELDS) or any(
            len(value) > _MAX_AGENCY_CHARS for value in values.values()
        ):
            raise InputError(f"Each field holds at most {_MAX_AGENCY_CHARS} characters.")
        with self._change() as (tx, events):
            for name, value in values.items():
                tx.set_agency(name, value.strip())
            events.append(AuditEvent(event="settings_changed", actor=actor.actor_id))

    # ------------------------------------------------------------ signing in

    def sign_in(self, login: str, password: SecretStr) -> str:
        """Return the token of a new sign-in.

        Raises `Refused` by `sign-in-failed` or `account-locked`; whether the name exists is not
        told, and takes as long.
        """
        with self._reading() as tx:
            account = tx.account_by_login(_fold_login(login))
        is_right = matches(account.password_hash if account else "", password)
        now = self._clock()
        with self._change() as (tx, events):
            account = tx.account(account.account_id) if account else None
            rule = self._sign_in_problem(account, is_right=is_right, now=now)
            if account is not None and not rule:
                tx.set_failures(account_id=account.account_id, failures=0, until=None)
                token = self._begin_sign_in(tx, account.account_id, account.role, now)
                events.append(AuditEvent(event="signed_in", actor=account.account_id))
                return token
            events.append(
                AuditEvent(
                    event="sign_in_failed",
                    actor=account.account_id if account else SOFTWARE.actor_id,
                    ids={"rule": rule},
                )
            )
            if account is not None and rule == "sign-in-failed":
                failures = account.failures + 1
                is_locked = failures >= MAX_FAILURES
                until = now + timedelta(minutes=LOCK_MINUTES) if is_locked else None
                tx.set_failures(
                    account_id=account.account_id, failures=0 if is_locked else failures,
                    until=until,
                )  # fmt: skip
                if is_locked:
                    events.append(AuditEvent(event="locked_out", actor=account.account_id))
        raise _no_way_in(rule)

    def sign_in_account(self, account_id: str, *, rule: str) -> str:
        """Sign in an account that a passkey or the agency's own sign-in vouched for."""
        now = self._clock()
        with self._change() as (tx, events):
            account = tx.account(account_id)
            if account is not None and account.disabled_at is None:
                token = self._begin_sign_in(tx, account.account_id, account.role, now)
                events.append(
                    AuditEvent(event="signed_in", actor=account.account_id, ids={"rule": rule})
                )
                return token
            events.append(_refusal("sign-in-failed"))
        raise _no_way_in("sign-in-failed")

    def _sign_in_problem(self, account: AccountRow | None, *, is_right: bool, now: datetime) -> str:
        if account is None or account.disabled_at is not None:
            return "sign-in-failed"
        if account.locked_until is not None and now < account.locked_until:
            return "account-locked"
        return "" if is_right else "sign-in-failed"

    def _begin_sign_in(
        self,
        tx: Transaction,
        holder_id: str,
        role: AccountRole | Literal["person"],
        now: datetime,
        session_id: str | None = None,
    ) -> str:
        token = secrets.token_urlsafe(32)
        tx.drop_sign_ins_before(now)
        lasts = (
            timedelta(minutes=self.settings.person_minutes)
            if role == "person"
            else timedelta(hours=self.settings.sign_in_hours)
        )
        tx.add_sign_in(
            SignInRow(
                token_hash=token_hash(token),
                holder_id=holder_id,
                role=role,
                session_id=session_id,
                created_at=now,
                seen_at=now,
                expires_at=now + lasts,
            )
        )
        return token

    def signed_in(self, token: str) -> SignedIn | None:
        """Return who a token is, or None if it is unknown, too old, or left idle too long."""
        hashed = token_hash(token)
        now = self._clock()
        idle = timedelta(minutes=self.settings.idle_minutes)
        with self._reading() as tx:
            row = tx.sign_in(hashed)
            if row is None:
                return None
            if now >= row.expires_at or now >= row.seen_at + idle:
                tx.drop_sign_in(hashed)
                return None
            if row.role != "person":
                account = tx.account(row.holder_id)
                if account is None or account.disabled_at is not None:
                    return None
            if now >= row.seen_at + timedelta(minutes=1):  # a write a minute, not one a click
                tx.touch_sign_in(hashed, at=now)
        return SignedIn(
            actor=Actor(actor_id=row.holder_id, role=row.role),
            token_hash=hashed,
            session_id=row.session_id,
        )

    def sign_out(self, who: SignedIn) -> None:
        with self._change() as (tx, events):
            tx.drop_sign_in(who.token_hash)
            events.append(AuditEvent(event="signed_out", actor=who.actor.actor_id))

    def sign_out_everywhere(self, actor: Actor) -> int:
        with self._change() as (tx, events):
            n_places = tx.drop_sign_ins_of(actor.actor_id)
            events.append(
                AuditEvent(
                    event="signed_out_everywhere", actor=actor.actor_id,
                    counts={"places": n_places},
                )
            )  # fmt: skip
        return n_places

    def may(self, actor: Actor, action: Action) -> None:
        """Ask the gate about the service as a whole. Raises `Refused`, which is logged."""
        self._ask(actor, action)

    def may_quietly(self, actor: Actor, action: Action) -> bool:
        """Whether the gate would say yes, without a refusal in the log; for menus only."""
        request = Request(actor=actor, action=action, subject=StoreSubject())
        return self.gate.ask(request).allowed

    def log_refusal(self, rule: str, *, actor: str = "software") -> None:
        """Write down that a request was refused before it reached an action."""
        self._log(_refusal(rule, actor=actor))

    # ------------------------------------------------------------ passkeys and the agency's sign-in

    def add_passkey(
        self, actor: Actor, *, credential_id: str, public_key: bytes, sign_count: int
    ) -> None:
        """Keep a passkey for the account that asks."""
        row = PasskeyRow(
            credential_id=credential_id, account_id=actor.actor_id, public_key=public_key,
            sign_count=sign_count, created_at=self._clock(),
        )  # fmt: skip
        with self._change() as (tx, events):
            tx.add_passkey(row)
            events.append(AuditEvent(event="passkey_added", actor=actor.actor_id))

    def drop_passkeys(self, actor: Actor) -> int:
        """Forget every passkey of the account that asks; return how many."""
        with self._change() as (tx, events):
            n_gone = tx.drop_passkeys(actor.actor_id)
            events.append(
                AuditEvent(
                    event="passkeys_removed", actor=actor.actor_id, counts={"passkeys": n_gone}
                )
            )
        return n_gone

    def passkeys(self, account_id: str) -> tuple[PasskeyRow, ...]:
        with self._reading() as tx:
            return tx.passkeys(account_id)

    def passkey(self, credential_id: str) -> PasskeyRow | None:
        with self._reading() as tx:
            return tx.passkey(credential_id)

    def count_passkey_use(self, credential_id: str, *, sign_count: int) -> None:
        with self._change() as (tx, _events):
            tx.set_sign_count(credential_id, sign_count=sign_count)

    def account_for_subject(self, subject: str) -> AccountRow | None:
        """Return the account that an OIDC subject was tied to."""
        with self._reading() as tx:
            return tx.account_by_oidc_subject(subject)

    def tie_subject(self, actor: Actor, account_id: str, *, subject: str) -> None:
        """Tie an account to its subject at the agency's own sign-in."""
        self._ask(actor, "manage_accounts")
        with self._change() as (tx, events):
            owner = tx.account_by_oidc_subject(subject.strip())
            if owner is not None and owner.account_id != account_id:
                raise InputError("This subject is tied to another account already.")
            tx.set_oidc_subject(account_id=account_id, subject=subject.strip())
            events.append(
                AuditEvent(
                    event="settings_changed", actor=actor.actor_id, ids={"account": account_id}
                )
            )

    # ------------------------------------------------------------ links for the person

    def make_link(
        self, actor: Actor, session_id: str, *, kind: Literal["hand_over", "together"]
    ) -> str:
        """Return the token of a new link for the person; older ones of its kind die.

        `hand_over` is for their own phone and needs a code they chose before. `together` opens on
        the peer's device within minutes, and lets them choose a code if they have none.
        """
        token = secrets.token_urlsafe(32)
        with self._act(actor, "make_link", session_id) as act:
            if kind == "hand_over" and not _has_code(act.tx, act.row.person_id):
                raise DecisionError(
                    "The person has no code yet. Choose 'review together' first; they choose one "
                    "there."
                )
            lasts = (
                timedelta(days=self.settings.link_days)
                if kind == "hand_over"
                else timedelta(minutes=_TOGETHER_MINUTES)
            )
            link = _new_link(kind, session_id, token, at=act.at, lasts=lasts)
            act.tx.drop_links(session_id, kind=kind)
            act.tx.add_link(link)
            act.log("link_made", link=link.link_id)
        return token

    def has_code(self, actor: Actor, session_id: str) -> bool:
        """Whether the person of a session has chosen a code."""
        with self._act(actor, "view_session", session_id) as act:
            return _has_code(act.tx, act.row.person_id)

    def link_needs_code(self, token: str) -> Literal["enter", "choose"] | None:
        """Say what a link asks for, or None if it opens nothing. Nothing is used up by looking."""
        now = self._clock()
        with self._change() as (tx, events):
            link = tx.link(token_hash(token))
            problem = _link_problem(link, None, now)
            if link is None or problem or link.kind == "invitation":
                events.append(_refusal(problem or "link-unknown"))
                return None
            person_id = tx.session(link.subject_id).person_id
            has_code = _has_code(tx, person_id)
            return "enter" if has_code or link.kind != "together" else "choose"

    def open_link(self, token: str, *, code: SecretStr) -> tuple[str, str]:
        """Sign the person in with their link and their code.

        Returns the token of the sign-in and of the link to come back with. A one-time link is used
        up; with `together` and no code yet, the code given becomes theirs. Raises `Refused` by one
        of `link-unknown`, `link-expired`, `link-used`, `link-locked`, `wrong-code`; to whoever
        tries they look the same.
        """
        now = self._clock()
        hashed = token_hash(token)
        with self._reading() as tx:
            link = tx.link(hashed)
            problem = _link_problem(link, None, now)
            kept = b""
            if link is not None and link.kind != "invitation" and not problem:
                person_id = tx.session(link.subject_id).person_id
                kept = tx.words(f"code-{person_id}") if _has_code(tx, person_id) else b""
        if link is None or link.kind == "invitation":
            problem = problem or "link-unknown"
        chosen = ""
        if not problem and not kept and link is not None and link.kind == "together":
            chosen = hash_code(code)
        given = SecretStr(code.get_secret_value().strip())  # it is kept without spaces around it
        is_right = bool(chosen) or matches(kept.decode(), given)
        with self._change() as (tx, events):
            link = tx.link(hashed)
            problem = problem or _link_problem(link, None, now)
            if link is None or problem:
                events.append(_refusal(problem or "link-unknown"))
            elif not is_right:
                problem = "wrong-code"
                failures = link.failures + 1
                until = (
                    now + timedelta(minutes=LOCK_MINUTES) if failures % MAX_FAILURES == 0 else None
                )
                tx.set_link_failures(link.link_id, failures=failures, until=until)
                events.append(_refusal(problem))
            else:
                return self._let_person_in(tx, events, link, chosen=chosen, now=now)
        raise _no_way_in(problem)

    def _let_person_in(
        self,
        tx: Transaction,
        events: list[AuditEvent],
        link: LinkRow,
        *,
        chosen: str,
        now: datetime,
    ) -> tuple[str, str]:
        person_id = tx.session(link.subject_id).person_id
        if chosen:
            tx.put_words(
                record_id=f"code-{person_id}", person_id=person_id, session_id=None, kind="code",
                payload=chosen.encode(),
            )  # fmt: skip
            events.append(AuditEvent(event="code_set", actor=person_id))
        tx.set_link_failures(link.link_id, failures=0, until=None)
        come_back = ""
        if link.kind != "come_back":  # that one lasts until it expires or the note is gone
            tx.set_link_used(link.link_id, at=now)
            tx.drop_links(link.subject_id, kind="come_back")
            come_back = secrets.token_urlsafe(32)
            lasts = timedelta(days=self.settings.come_back_days)
            tx.add_link(_new_link("come_back", link.subject_id, come_back, at=now, lasts=lasts))
        sign_in = self._begin_sign_in(tx, person_id, "person", now, session_id=link.subject_id)
        events.append(
            AuditEvent(
                event="link_used", actor=person_id,
                ids={"link": link.link_id, "session": link.subject_id},
            )
        )  # fmt: skip
        return sign_in, come_back

    def come_back_session(self, token: str) -> str | None:
        """Return the session a come-back link belongs to, or None; nothing is used up."""
        with self._reading() as tx:
            link = tx.link(token_hash(token))
        # Locked counts as open here: wrong codes of somebody else must not put out whoever is in.
        problem = _link_problem(link, "come_back", self._clock())
        return link.subject_id if link is not None and problem in ("", "link-locked") else None

    def drop_code(self, actor: Actor, session_id: str) -> None:
        """Let a person who lost their code choose a new one, beside their peer.

        An admin does this, not the peer: otherwise a peer could choose a code and decide alone.
        """
        self._ask(actor, "manage_accounts")
        with self._change() as (tx, events):
            person_id = tx.session(session_id).person_id
            tx.erase_words([f"code-{person_id}"])
            for row in tx.sessions(person_id=person_id):
                tx.drop_links(row.session_id)
            tx.drop_sign_ins_of(person_id)
            events.append(
                AuditEvent(event="code_dropped", actor=actor.actor_id, ids={"person": person_id})
            )


def _new_account(role: AccountRole, *, login: str, display: str, at: datetime) -> AccountRow:
    return AccountRow(
        account_id=new_id(role),
        role=role,
        login=_fold_login(_checked_line(login, what="The sign-in name")),
        display=_checked_line(display, what="The name on screens"),
        created_at=at,
    )


def _new_link(
    kind: LinkKind, subject_id: str, token: str, *, at: datetime, lasts: timedelta
) -> LinkRow:
    return LinkRow(
        link_id=new_id("link"), token_hash=token_hash(token), kind=kind, subject_id=subject_id,
        created_at=at, expires_at=at + lasts,
    )  # fmt: skip


def _is_open(link: LinkRow, now: datetime) -> bool:
    return link.used_at is None and now < link.expires_at


def _link_problem(link: LinkRow | None, kind: LinkKind | None, now: datetime) -> str:
    """Name the rule by which a link opens nothing, or return an empty string."""
    if link is None or (kind is not None and link.kind != kind):
        return "link-unknown"
    if link.used_at is not None:
        return "link-used"
    if now >= link.expires_at:
        return "link-expired"
    if link.locked_until is not None and now < link.locked_until:
        return "link-locked"
    return ""


def _refusal(rule: str, *, actor: str = "software") -> AuditEvent:
    return AuditEvent(event="access_refused", actor=actor, ids={"rule": rule})


def _no_way_in(rule: str) -> Refused:
    return Refused(
        rule=rule, action="sign_in", reason="the name, link, password or code does not open this"
    )


def _has_code(tx: Transaction, person_id: str) -> bool:
    return any(kind == "code" for _id, kind in tx.person_word_ids(person_id))


def _checked_line(text: str, *, what: str) -> str:
    line = " ".join(text.split())
    if not 1 <= len(line) <= 80 or not line.isprintable():
        raise InputError(f"{what} needs 1 to 80 letters or digits on one line.")
    return line


def _fold_login(login: str) -> str:
    return " ".join(login.split()).casefold()
