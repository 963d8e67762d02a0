"""Accounts, sign-ins, links, passkeys, co-signatures, figures, and what a job is about."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add what the screens need; nothing that is there changes."""
    with op.batch_alter_table("jobs") as batch:
        for name in ("actor_id", "voice", "stage", "problem"):
            batch.add_column(sa.Column(name, sa.Text, nullable=False, server_default=""))
    _create_sign_in()
    _create_oversight()


def downgrade() -> None:
    """Going back would lose accounts and figures; restore a backup instead."""


def _text(name: str, *, nullable: bool = False, primary_key: bool = False) -> sa.Column[str]:
    return sa.Column(name, sa.Text, nullable=nullable, primary_key=primary_key)


def _number(name: str) -> sa.Column[int]:
    return sa.Column(name, sa.Integer, nullable=False)


def _session_id() -> sa.Column[str]:
    return sa.Column(
        "session_id",
        sa.Text,
        sa.ForeignKey("sessions.session_id"),
        primary_key=True,
        nullable=False,
    )


def _create_sign_in() -> None:
    op.create_table(
        "accounts",
        _text("account_id", primary_key=True),
        _text("role"),
        sa.Column("login", sa.Text, nullable=False, unique=True),
        _text("display"),
        _text("password_hash"),
        _text("created_at"),
        _text("disabled_at", nullable=True),
        _number("failures"),
        _text("locked_until", nullable=True),
        sa.Column("oidc_subject", sa.Text, nullable=False, server_default=""),
    )
    op.create_table(
        "sign_ins",
        _text("token_hash", primary_key=True),
        _text("holder_id"),
        _text("role"),
        _text("session_id", nullable=True),
        _text("created_at"),
        _text("seen_at"),
        _text("expires_at"),
    )
    op.create_index("ix_sign_ins_holder_id", "sign_ins", ["holder_id"])
    op.create_table(
        "links",
        _text("link_id", primary_key=True),
        sa.Column("token_hash", sa.Text, nullable=False, unique=True),
        _text("kind"),
        _text("subject_id"),
        _text("created_at"),
        _text("expires_at"),
        _text("used_at", nullable=True),
        _number("failures"),
        _text("locked_until", nullable=True),
    )
    op.create_index("ix_links_subject_id", "links", ["subject_id"])
    op.create_table(
        "passkeys",
        _text("credential_id", primary_key=True),
        sa.Column("account_id", sa.Text, sa.ForeignKey("accounts.account_id"), nullable=False),
        sa.Column("public_key", sa.LargeBinary, nullable=False),
        _number("sign_count"),
        _text("created_at"),
    )
    op.create_table(
        "supervisions",
        _text("peer_id", primary_key=True),
        _text("supervisor_id", primary_key=True),
    )


def _create_oversight() -> None:
    op.create_table(
        "cosigns",
        _session_id(),
        _text("supervisor_id", primary_key=True),
        _text("digest", primary_key=True),
        _text("signed_at"),
    )
    op.create_table(
        "facts",
        _session_id(),
        _text("name", primary_key=True),
        sa.Column("value", sa.Float, nullable=False),
    )
    op.create_table(
        "groups",
        sa.Column(
            "person_id",
            sa.Text,
            sa.ForeignKey("persons.person_id"),
            primary_key=True,
            nullable=False,
        ),
        _text("axis", primary_key=True),
        _text("value"),
    )
    op.create_table("agency", _text("name", primary_key=True), _text("value"))
