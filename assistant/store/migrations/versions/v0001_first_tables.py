"""The first tables: people, sessions, sealed words, consents, decisions, releases, audit, jobs."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Lay out an empty vault."""
    _create_people()
    _create_words()
    _create_decisions()
    _create_logs()


def downgrade() -> None:
    """Nothing lies below the first version; words are never dropped by a migration."""


def _text(name: str, *, nullable: bool = False) -> sa.Column[str]:
    return sa.Column(name, sa.Text, nullable=nullable)


def _create_people() -> None:
    op.create_table("about", sa.Column("name", sa.Text, primary_key=True), _text("value"))
    op.create_table(
        "persons",
        sa.Column("person_id", sa.Text, primary_key=True),
        _text("created_at"),
        _text("erased_at", nullable=True),
    )
    op.create_table(
        "consents",
        sa.Column("consent_id", sa.Text, primary_key=True),
        sa.Column("person_id", sa.Text, sa.ForeignKey("persons.person_id"), nullable=False),
        _text("purpose"),
        sa.Column("given", sa.Boolean, nullable=False),
        _text("recipients"),
        _text("information"),
        _text("discloser"),
        _text("mode"),
        _text("signed_at"),
        _text("expires_at", nullable=True),
        _text("text_version"),
        sa.Column("revocation_explained", sa.Boolean, nullable=False),
        _text("withdrawn_at", nullable=True),
    )
    op.create_index("ix_consents_person_id", "consents", ["person_id"])


def _create_words() -> None:
    op.create_table(
        "sessions",
        sa.Column("session_id", sa.Text, primary_key=True),
        sa.Column("person_id", sa.Text, sa.ForeignKey("persons.person_id"), nullable=False),
        _text("peer_id"),
        _text("state"),
        _text("modality"),
        _text("place"),
        _text("service_date"),
        _text("start"),
        _text("end"),
        _text("created_at"),
        _text("updated_at"),
    )
    op.create_index("ix_sessions_person_id", "sessions", ["person_id"])
    op.create_table(
        "words",
        sa.Column("record_id", sa.Text, primary_key=True),
        sa.Column("person_id", sa.Text, sa.ForeignKey("persons.person_id"), nullable=False),
        sa.Column("session_id", sa.Text, sa.ForeignKey("sessions.session_id")),
        _text("kind"),
        sa.Column("key_id", sa.Text, nullable=False, unique=True),
        sa.Column("sealed", sa.LargeBinary, nullable=False),
    )
    op.create_index("ix_words_person_id", "words", ["person_id"])
    op.create_index("ix_words_session_id", "words", ["session_id"])
    op.create_table(
        "erased",
        sa.Column("key_id", sa.Text, primary_key=True),
        _text("subject_id"),
        _text("why"),
        _text("erased_at"),
    )
    op.create_index("ix_erased_subject_id", "erased", ["subject_id"])


def _session_id(*, primary_key: bool = False) -> sa.Column[str]:
    owner = sa.ForeignKey("sessions.session_id")
    return sa.Column("session_id", sa.Text, owner, primary_key=primary_key, nullable=False)


def _create_decisions() -> None:
    op.create_table(
        "decisions",
        sa.Column("decision_id", sa.Text, primary_key=True),
        _session_id(),
        sa.Column("position", sa.Integer, nullable=False),
        _text("verb"),
        _text("note_id"),
        _text("digest"),
        _text("decided_by"),
        _text("decided_at"),
        _text("reason"),
    )
    op.create_index("ix_decisions_session_id", "decisions", ["session_id"])
    op.create_table(
        "releases",
        sa.Column("release_id", sa.Text, primary_key=True),
        _session_id(),
        _text("note_id"),
        _text("recipient"),
        _text("names"),
        _text("digest"),
        _text("files"),
        _text("released_at"),
        _text("recalled_at", nullable=True),
    )
    op.create_index("ix_releases_session_id", "releases", ["session_id"])
    op.create_table(
        "safety",
        _session_id(primary_key=True),
        sa.Column("prompt_no", sa.Integer, primary_key=True, autoincrement=False),
        _text("state"),
        _text("by"),
        _text("at"),
    )


def _create_logs() -> None:
    op.create_table(
        "service_records",
        _session_id(primary_key=True),
        _text("person_id"),
        _text("peer_id"),
        _text("service_date"),
        _text("start"),
        _text("end"),
        _text("place"),
        _text("modality"),
    )
    op.create_table(
        "audit",
        sa.Column("position", sa.Integer, primary_key=True, autoincrement=False),
        _text("entry"),
    )
    op.create_table(
        "jobs",
        sa.Column("job_id", sa.Text, primary_key=True),
        _text("kind"),
        _text("subject_id"),
        _text("state"),
        _text("queued_at"),
    )
