"""The vault: sealed words, the keys that open them, and what may be remembered without words.

    key = create_key(folder, passphrase=passphrase)
    with Store.create(folder, key=key) as store, store.transaction() as change:
        change.put_words(record_id=..., person_id=..., session_id=..., kind="draft", payload=...)

The store keeps and destroys; it asks no policy and writes no audit entry by itself. Who may do what
is decided above it.
"""

from assistant.store.key_copy import (
    KeyCopyState,
    KeysReport,
    backup_keys,
    key_copy_is_stale,
    key_copy_state,
    restore_keys,
)
from assistant.store.keys import (
    MasterKey,
    PassphraseCost,
    change_passphrase,
    create_key,
    unlock_key,
)
from assistant.store.notes_backup import RestoreReport, backup, restore
from assistant.store.rows import (
    AccountRole,
    AccountRow,
    JobRow,
    LinkKind,
    LinkRow,
    PasskeyRow,
    PersonRow,
    ReleaseRow,
    SafetyRow,
    SessionRow,
    SignInRow,
)
from assistant.store.store import Store
from assistant.store.transaction import Transaction

__all__ = [
    "AccountRole",
    "AccountRow",
    "JobRow",
    "KeyCopyState",
    "KeysReport",
    "LinkKind",
    "LinkRow",
    "MasterKey",
    "PasskeyRow",
    "PassphraseCost",
    "PersonRow",
    "ReleaseRow",
    "RestoreReport",
    "SafetyRow",
    "SessionRow",
    "SignInRow",
    "Store",
    "Transaction",
    "backup",
    "backup_keys",
    "change_passphrase",
    "create_key",
    "key_copy_is_stale",
    "key_copy_state",
    "restore",
    "restore_keys",
    "unlock_key",
]
