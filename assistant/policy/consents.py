"""Which of a person's consents hold at a given moment.

Only a yes holds that has every element of 42 CFR 2.31(a), was signed before now, has not expired
and was not taken back. For each purpose the latest record decides, whole: a consent to share lists
everyone it covers, and a later list replaces the earlier one.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from assistant.policy.questions import is_filled
from assistant.records import Consent, Purpose


def active_purposes(consents: Sequence[Consent], *, now: datetime) -> frozenset[Purpose]:
    """Return the purposes one person has a valid yes for at `now`.

    For each purpose the latest record decides, whole: a later no, or a later record with an
    element missing, ends an earlier yes. See `_is_valid` for the elements. Empty if `now` is
    naive or the records belong to more than one person.
    """
    purposes = {consent.purpose for consent in consents}
    return frozenset(p for p in purposes if _holding(consents, purpose=p, now=now))


def share_recipients(consents: Sequence[Consent], *, now: datetime) -> frozenset[str]:
    """Return everyone named by the consent to share that holds at `now`."""
    holding = _holding(consents, purpose="share", now=now)
    return frozenset(name for consent in holding for name in consent.recipients)


def record_recipients(consents: Sequence[Consent], *, now: datetime) -> frozenset[str]:
    """Return everyone named by the consent to save the note that holds at `now`."""
    holding = _holding(consents, purpose="save_note", now=now)
    return frozenset(name for consent in holding for name in consent.recipients)


def _holding(
    consents: Sequence[Consent], *, purpose: Purpose, now: datetime
) -> tuple[Consent, ...]:
    """The latest records for a purpose if all of them hold, else none.

    Records signed at the same moment count together, so a no among them wins.
    """
    records = [consent for consent in consents if consent.purpose == purpose]
    if not records or len({consent.person_id for consent in consents}) != 1:
        return ()
    moments = [consent.signed_at for consent in records]
    withdrawals = [c.withdrawn_at for c in records if c.withdrawn_at is not None]
    if not all(_is_aware(moment) for moment in (now, *moments, *withdrawals)):
        return ()  # an order of naive and aware times would be a guess
    latest = max(moments)
    # A withdrawal said after the latest yes ends it, whichever record it was written on.
    if any(withdrawn >= latest for withdrawn in withdrawals):
        return ()
    holding = tuple(consent for consent in records if consent.signed_at == latest)
    return holding if all(_is_valid(consent, now=now) for consent in holding) else ()


def _is_valid(consent: Consent, *, now: datetime) -> bool:
    """Whether a record is a yes with every element of 42 CFR 2.31(a), and holds at `now`."""
    recipients = consent.recipients
    return (
        consent.given is True
        and consent.withdrawn_at is None
        and consent.revocation_explained is True
        # Patient, discloser, what is disclosed; the id and text version say which form was signed.
        and all(
            is_filled(element)
            for element in (
                consent.consent_id,
                consent.person_id,
                consent.discloser,
                consent.information,
                consent.text_version,
                *recipients,
            )
        )
        and isinstance(recipients, tuple)  # a bare string would count as one name a letter
        and (consent.purpose != "share" or len(recipients) > 0)
        and consent.signed_at <= now
        and (
            consent.expires_at is None
            or (_is_aware(consent.expires_at) and now < consent.expires_at)
        )
    )


def _is_aware(value: object) -> bool:
    return isinstance(value, datetime) and value.utcoffset() is not None
