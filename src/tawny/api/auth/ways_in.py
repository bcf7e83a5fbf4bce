"""Which ways to sign in are known to work: a name elsewhere that has never signed its user in may be wrong."""

import sqlite3
from dataclasses import dataclass
from typing import Final

from tawny.api.auth.linked_names import BY_PROXY


@dataclass(frozen=True, slots=True)
class Elsewhere:
    """Where users are signed in besides this recorder."""

    by_proxy: bool = False
    by_provider: bool = False


NOWHERE: Final = Elsewhere()


def is_known_elsewhere(db: sqlite3.Connection, person: str, elsewhere: Elsewhere, now_ms: int) -> bool:
    """Return whether the proxy has signed a user in by the name they have there, or the provider knows them."""
    by_proxy = "SELECT 1 FROM sessions WHERE person = ? AND how = ? AND ends_ms > ?"  # it ends when the name changes
    if elsewhere.by_proxy and db.execute(by_proxy, (person, BY_PROXY, now_ms)).fetchone():
        return True
    bound = "SELECT 1 FROM identities WHERE person = ? AND subject != ''"
    return elsewhere.by_provider and db.execute(bound, (person,)).fetchone() is not None


def can_owner_get_in(db: sqlite3.Connection, elsewhere: Elsewhere, now_ms: int) -> bool:
    """Return whether an owner can sign in; a session alone may end, and a sign-in link works only once."""
    query = "SELECT id, password != '' OR id IN (SELECT person FROM passkeys) FROM people WHERE role = 'owner'"
    owners = db.execute(query).fetchall()
    return any(has_own or is_known_elsewhere(db, key, elsewhere, now_ms) for key, has_own in owners)
