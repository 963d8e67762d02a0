"""The tables of `words.db` and of `keys.db`.

Plain SQL types, so that the same tables stand on PostgreSQL. Times are UTC text of one width
(`rows.time_text`), lists are JSON text. Only `words.sealed` holds what people said, and it opens
only with a key from `keys.db`. A change here needs a migration and a new `SCHEMA`.
"""

from __future__ import annotations

from sqlalchemy import (
    Boolean,
    Column,
    Float,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    Table,
    Text,
)

SCHEMA = "0002"  # head of migrations/versions; compared at every opening

notes = MetaData()

about = Table(
    "about",
    notes,
    Column("name", Text, primary_key=True),
    Column("value", Text, nullable=False),
)

persons = Table(
    "persons",
    notes,
    Column("person_id", Text, primary_key=True),
    Column("created_at", Text, nullable=False),
    Column("erased_at", Text),
)

sessions = Table(
    "sessions",
    notes,
    Column("session_id", Text, primary_key=True),
    Column("person_id", Text, ForeignKey("persons.person_id"), nullable=False),
    Column("peer_id", Text, nullable=False),
    Column("state", Text, nullable=False),
    Column("modality", Text, nullable=False),
    Column("place", Text, nullable=False),
    Column("service_date", Text, nullable=False),
    Column("start", Text, nullable=False),
    Column("end", Text, nullable=False),
    Column("created_at", Text, nullable=False),
    Column("updated_at", Text, nullable=False),
    Index("ix_sessions_person_id", "person_id"),
)

words = Table(
    "words",
    notes,
    Column("record_id", Text, primary_key=True),
    Column("person_id", Text, ForeignKey("persons.person_id"), nullable=False),
    Column("session_id", Text, ForeignKey("sessions.session_id")),
    Column("kind", Text, nullable=False),
    Column("key_id", Text, nullable=False, unique=True),
    Column("sealed", LargeBinary, nullable=False),
    Index("ix_words_person_id", "person_id"),
    Index("ix_words_session_id", "session_id"),
)

# One row for every key that must be dead: the intent to erase, and later the proof of it. It
# travels in backups, so an old copy of keys.db cannot open what it names.
erased = Table(
    "erased",
    notes,
    Column("key_id", Text, primary_key=True),
    Column("subject_id", Text, nullable=False),  # the record, or the person for a person key
    Column("why", Text, nullable=False),  # erased, replaced, person
    Column("erased_at", Text, nullable=False),
    Index("ix_erased_subject_id", "subject_id"),
)

consents = Table(
    "consents",
    notes,
    Column("consent_id", Text, primary_key=True),
    Column("person_id", Text, ForeignKey("persons.person_id"), nullable=False),
    Column("purpose", Text, nullable=False),
    Column("given", Boolean, nullable=False),
    Column("recipients", Text, nullable=False),
    Column("information", Text, nullable=False),
    Column("discloser", Text, nullable=False),
    Column("mode", Text, nullable=False),
    Column("signed_at", Text, nullable=False),
    Column("expires_at", Text),
    Column("text_version", Text, nullable=False),
    Column("revocation_explained", Boolean, nullable=False),
    Column("withdrawn_at", Text),
    Index("ix_consents_person_id", "person_id"),
)

decisions = Table(
    "decisions",
    notes,
    Column("decision_id", Text, primary_key=True),
    Column("session_id", Text, ForeignKey("sessions.session_id"), nullable=False),
    Column("position", Integer, nullable=False),  # order of arrival within the session
    Column("verb", Text, nullable=False),
    Column("note_id", Text, nullable=False),
    Column("digest", Text, nullable=False),
    Column("decided_by", Text, nullable=False),
    Column("decided_at", Text, nullable=False),
    Column("reason", Text, nullable=False),
    Index("ix_decisions_session_id", "session_id"),
)

releases = Table(
    "releases",
    notes,
    Column("release_id", Text, primary_key=True),
    Column("session_id", Text, ForeignKey("sessions.session_id"), nullable=False),
    Column("note_id", Text, nullable=False),
    Column("recipient", Text, nullable=False),
    Column("names", Text, nullable=False),
    Column("digest", Text, nullable=False),
    Column("files", Text, nullable=False),
    Column("released_at", Text, nullable=False),
    Column("recalled_at", Text),
    Index("ix_releases_session_id", "session_id"),
)

safety = Table(
    "safety",
    notes,
    Column("session_id", Text, ForeignKey("sessions.session_id"), primary_key=True),
    Column("prompt_no", Integer, primary_key=True, autoincrement=False),
    Column("state", Text, nullable=False),
    Column("by", Text, nullable=False),
    Column("at", Text, nullable=False),
)

service_records = Table(
    "service_records",
    notes,
    Column("session_id", Text, ForeignKey("sessions.session_id"), primary_key=True),
    Column("person_id", Text, nullable=False),
    Column("peer_id", Text, nullable=False),
    Column("service_date", Text, nullable=False),
    Column("start", Text, nullable=False),
    Column("end", Text, nullable=False),
    Column("place", Text, nullable=False),
    Column("modality", Text, nullable=False),
)

audit = Table(
    "audit",
    notes,
    Column("position", Integer, primary_key=True, autoincrement=False),  # 1-based, no gaps
    Column("entry", Text, nullable=False),
)

jobs = Table(
    "jobs",
    notes,
    Column("job_id", Text, primary_key=True),
    Column("kind", Text, nullable=False),
    Column("subject_id", Text, nullable=False),
    Column("state", Text, nullable=False),
    Column("queued_at", Text, nullable=False),
    Column("actor_id", Text, nullable=False, server_default=""),
    Column("voice", Text, nullable=False, server_default=""),
    Column("stage", Text, nullable=False, server_default=""),
    Column("problem", Text, nullable=False, server_default=""),  # a class of error, never a message
)

# ---------------------------------------------------------------- who may come in, and figures

# Staff. A login name is a name, so it lies in the encrypted file like everything else.
accounts = Table(
    "accounts",
    notes,
    Column("account_id", Text, primary_key=True),
    Column("role", Text, nullable=False),
    Column("login", Text, nullable=False, unique=True),
    Column("display", Text, nullable=False),
    Column("password_hash", Text, nullable=False),  # argon2id; empty until one is chosen
    Column("created_at", Text, nullable=False),
    Column("disabled_at", Text),
    Column("failures", Integer, nullable=False),
    Column("locked_until", Text),
    Column("oidc_subject", Text, nullable=False, server_default=""),
)

# Whoever is signed in now: staff, or a person with the one session their link is for.
sign_ins = Table(
    "sign_ins",
    notes,
    Column("token_hash", Text, primary_key=True),
    Column("holder_id", Text, nullable=False),
    Column("role", Text, nullable=False),
    Column("session_id", Text),
    Column("created_at", Text, nullable=False),
    Column("seen_at", Text, nullable=False),
    Column("expires_at", Text, nullable=False),
    Index("ix_sign_ins_holder_id", "holder_id"),
)

links = Table(
    "links",
    notes,
    Column("link_id", Text, primary_key=True),
    Column("token_hash", Text, nullable=False, unique=True),
    Column("kind", Text, nullable=False),  # hand_over, together, come_back, invitation
    Column("subject_id", Text, nullable=False),  # the session, or the account
    Column("created_at", Text, nullable=False),
    Column("expires_at", Text, nullable=False),
    Column("used_at", Text),
    Column("failures", Integer, nullable=False),
    Column("locked_until", Text),
    Index("ix_links_subject_id", "subject_id"),
)

passkeys = Table(
    "passkeys",
    notes,
    Column("credential_id", Text, primary_key=True),  # base64url
    Column("account_id", Text, ForeignKey("accounts.account_id"), nullable=False),
    Column("public_key", LargeBinary, nullable=False),
    Column("sign_count", Integer, nullable=False),
    Column("created_at", Text, nullable=False),
)

supervisions = Table(
    "supervisions",
    notes,
    Column("peer_id", Text, primary_key=True),
    Column("supervisor_id", Text, primary_key=True),
)

cosigns = Table(
    "cosigns",
    notes,
    Column("session_id", Text, ForeignKey("sessions.session_id"), primary_key=True),
    Column("supervisor_id", Text, primary_key=True),
    Column("digest", Text, primary_key=True),
    Column("signed_at", Text, nullable=False),
)

# Numbers about a session, for figures: lengths, shares, seconds. Never words.
facts = Table(
    "facts",
    notes,
    Column("session_id", Text, ForeignKey("sessions.session_id"), primary_key=True),
    Column("name", Text, primary_key=True),
    Column("value", Float, nullable=False),
)

# What a person said about themselves for figures about fairness, with their yes to that.
groups = Table(
    "groups",
    notes,
    Column("person_id", Text, ForeignKey("persons.person_id"), primary_key=True),
    Column("axis", Text, primary_key=True),
    Column("value", Text, nullable=False),
)

agency = Table(
    "agency",
    notes,
    Column("name", Text, primary_key=True),
    Column("value", Text, nullable=False),
)

# ---------------------------------------------------------------- keys.db, never in a notes backup

KEYS_SCHEMA = "1"

keys = MetaData()

keys_about = Table(
    "about",
    keys,
    Column("name", Text, primary_key=True),
    Column("value", Text, nullable=False),
)

person_keys = Table(
    "person_keys",
    keys,
    Column("person_id", Text, primary_key=True),
    Column("key_id", Text, nullable=False, unique=True),
    Column("wrapped", LargeBinary, nullable=False),
)

record_keys = Table(
    "record_keys",
    keys,
    Column("key_id", Text, primary_key=True),
    Column("record_id", Text, nullable=False),
    Column("person_id", Text, ForeignKey("person_keys.person_id"), nullable=False),
    Column("wrapped", LargeBinary, nullable=False),
    # False until words.db was seen to hold the row: what a crash leaves unsettled is an orphan,
    # what is settled stays even if words.db is lost, because a backup may hold the row.
    Column("is_settled", Boolean, nullable=False),
    Index("ix_record_keys_record_id", "record_id"),
    Index("ix_record_keys_person_id", "person_id"),
)

dead_keys = Table(
    "erased",
    keys,
    Column("key_id", Text, primary_key=True),
    Column("subject_id", Text, nullable=False),
    Column("why", Text, nullable=False),  # erased, replaced, person, orphan, dropped
    Column("erased_at", Text, nullable=False),
    Index("ix_erased_subject_id", "subject_id"),
)
