"""Names at the sign-in provider or at the reverse proxy, and whose they are."""

import sqlite3
import unicodedata
from dataclasses import dataclass

from tawny.model.errors import NotDone

BY_PROXY = "sign-in by proxy"
"""Sign-in method of users that a reverse proxy names: their session is good only while it names them."""
BY_PROVIDER, BY_PHONE = "sign-in by provider", "sign-in by phone link"


@dataclass(eq=False)
class NameRefused(NotDone):
    """A name or link would make one user of several, or could. kind: value of the API's `code`."""

    kind: str = ""


def linked_name(name: str) -> str:
    """Fold the case of a name at a provider or proxy, where names that `casefold` makes one are of different people.

    A letter that is not the only capital of its small one, such as the Kelvin sign of k, stays as it is.
    """
    return unicodedata.normalize(
        "NFC", "".join(low if (low := one.lower()).upper() == one else one for one in name.strip())
    )


def spelled_here(db: sqlite3.Connection, name: str) -> str:
    """Return a name in the characters of the only user who has it, such as with é as one character instead of two."""
    names = [row[0] for row in db.execute("SELECT name FROM people") if linked_name(row[0]) == linked_name(name)]
    return names[0] if len(names) == 1 else name


def find_unlinked(db: sqlite3.Connection, name: str) -> dict[str, str]:
    """Return ID and name of the users without a link who have this name; no screens, which no proxy signs in.

    name: folded; once more, it could become another.
    """
    query = "SELECT id, name FROM people WHERE role != 'screen' AND id NOT IN (SELECT person FROM identities)"
    return {key: own for key, own in db.execute(query) if linked_name(own) == name}


def is_kept_back(db: sqlite3.Connection, name: str) -> bool:
    """Return whether a name was the link of a removed user. Version 7 of the file also kept changed links."""
    query = "SELECT 1 FROM former_links WHERE name = ? AND person NOT IN (SELECT id FROM people)"
    return db.execute(query, (linked_name(name),)).fetchone() is not None


def delete_user(db: sqlite3.Connection, person: str, name: str) -> None:
    """Delete a user, and keep back the name that was linked to them, unless it was their own alone."""
    linked = db.execute("SELECT name FROM identities WHERE person = ?", (person,)).fetchone()
    db.execute("DELETE FROM people WHERE id = ?", (person,))
    db.execute("DELETE FROM former_links WHERE person = ?", (person,))  # the trigger's: it compares by `casefold`
    if linked is not None:
        _keep_back(db, linked[0], person, name)


def end_bound_link(db: sqlite3.Connection, person: str, name: str) -> None:
    """End the link that the provider has bound to a user, and keep back its name like that of a deleted one."""
    ended = db.execute("DELETE FROM identities WHERE person = ? AND subject != '' RETURNING name", (person,)).fetchone()
    if ended is not None:
        _keep_back(db, ended[0], person, name)


def _keep_back(db: sqlite3.Connection, linked: str, person: str, own: str) -> None:
    if linked != linked_name(own) or find_unlinked(db, linked).keys() - {person}:
        db.execute("INSERT OR IGNORE INTO former_links VALUES (?, '')", (linked,))  # '': of no one who is here
