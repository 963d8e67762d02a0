from __future__ import annotations

import shutil
import sys
from pathlib import Path

import pytest
import sqlalchemy
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy.dialects import postgresql
from sqlalchemy.schema import CreateTable

from assistant.store import MasterKey, Store, backup, restore, schema
from assistant.store.tables import SCHEMA, keys, notes
from tests.store.conftest import put, read


def scripts() -> ScriptDirectory:
    config = Config()
    config.set_main_option("script_location", str(schema._MIGRATIONS))
    config.set_main_option("path_separator", "os")
    return ScriptDirectory.from_config(config)


def test_the_version_looked_for_is_the_newest_migration() -> None:
    assert scripts().get_current_head() == SCHEMA


def test_versions_are_numbers_that_grow() -> None:
    found = [script.revision for script in scripts().walk_revisions()]
    assert found == sorted(found, reverse=True)
    assert all(one.isdigit() for one in found)


def test_the_migrations_make_the_tables_that_the_code_expects(store: Store) -> None:
    with store.words_db.transaction() as connection:
        context = MigrationContext.configure(connection, opts={"compare_type": True})
        assert compare_metadata(context, notes) == []


def test_alembic_is_not_asked_when_the_version_is_ours(
    store: Store, key: MasterKey, monkeypatch: pytest.MonkeyPatch
) -> None:
    store.close()
    monkeypatch.setitem(sys.modules, "alembic", None)
    Store.open(store.folder, key=key).close()


NEXT_VERSION = """
import sqlalchemy as sa
from alembic import op

revision, down_revision, branch_labels, depends_on = "{next}", "{head}", None, None

def upgrade():
    op.create_table("later", sa.Column("name", sa.Text, primary_key=True))
    with op.batch_alter_table("sessions") as batch:
        batch.add_column(sa.Column("room", sa.Text))
    {end}
"""


@pytest.fixture
def next_version(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder of migrations as the next release would have it; returns its newest module."""
    later = f"{int(SCHEMA) + 1:04}"
    folder = tmp_path / "migrations"
    shutil.copytree(schema._MIGRATIONS, folder, ignore=shutil.ignore_patterns("__pycache__"))
    monkeypatch.setattr(schema, "_MIGRATIONS", folder)
    monkeypatch.setattr(schema, "SCHEMA", later)
    module = folder / "versions" / "later.py"
    module.write_text(NEXT_VERSION.format(next=later, head=SCHEMA, end="pass"))
    return module


def put_into_older_vault(store: Store) -> None:
    put(store, "record-1", b"kept through the change")
    store.close()


def columns(store: Store) -> set[str]:
    with store.words_db.transaction() as connection:
        return {one["name"] for one in sqlalchemy.inspect(connection).get_columns("sessions")}


def test_an_older_vault_is_brought_up_without_losing_words(
    store: Store, key: MasterKey, next_version: Path
) -> None:
    put_into_older_vault(store)
    for _ in range(2):  # the second time there is nothing left to do
        with Store.open(store.folder, key=key) as again:
            assert "room" in columns(again)
            assert read(again, "record-1") == b"kept through the change"
            assert again.recovered() == ()


def test_a_change_of_tables_that_fails_leaves_the_vault_at_its_version(
    store: Store, key: MasterKey, next_version: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    put_into_older_vault(store)
    next_version.write_text(next_version.read_text().replace("pass", "raise KeyboardInterrupt"))
    with pytest.raises(KeyboardInterrupt):
        Store.open(store.folder, key=key)
    monkeypatch.undo()
    with Store.open(store.folder, key=key) as again:
        assert "room" not in columns(again)
        assert read(again, "record-1") == b"kept through the change"


def test_a_backup_of_an_older_version_is_brought_up_and_merged(
    store: Store, key: MasterKey, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    put(store, "record-1", b"kept through the change")
    backup(store, tmp_path / "backup")
    store.close()
    (store.folder / "words.db").unlink()
    request.getfixturevalue("next_version")
    with Store.create(store.folder, key=key) as again:
        assert restore(again, tmp_path / "backup").n_words == 1
        assert read(again, "record-1") == b"kept through the change"


@pytest.mark.parametrize("table", [*notes.sorted_tables, *keys.sorted_tables], ids=str)
def test_every_table_can_be_made_on_postgresql(table: sqlalchemy.Table) -> None:
    assert "CREATE TABLE" in str(CreateTable(table).compile(dialect=postgresql.dialect()))
