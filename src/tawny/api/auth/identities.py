"""Who someone is elsewhere: at the sign-in provider, or at the reverse proxy that signs people in.

An owner links a user to a name or email address. The first sign-in binds that to the provider's own, unchangeable
identifier: from then on, someone else who takes over the name there is someone else here, too.
"""

import secrets
import sqlite3
from collections.abc import Callable, Iterable
from enum import StrEnum

from tawny.api.auth.accounts import Account, Role, find_account, fold, put_account, seen_as_text, set_rights
from tawny.api.auth.accounts_file import AccountsFile
from tawny.api.auth.granted_rights import granted_text
from tawny.api.auth.linked_names import (
    BY_PHONE,
    BY_PROVIDER,
    BY_PROXY,
    NameRefused,
    find_unlinked,
    is_kept_back,
    linked_name,
)
from tawny.api.auth.oidc import ProviderUser
from tawny.api.auth.ways_in import NOWHERE, Elsewhere, can_owner_get_in, is_known_elsewhere
from tawny.config.sign_in import GroupSettings
from tawny.model.ids import CameraId
from tawny.model.times import Clock
from tawny.model.validation import has_hidden


class IdentityRefusal(StrEnum):
    UNKNOWN = "unknown"
    """No user is linked to this name, and accounts are not created by the provider."""
    TAKEN = "taken"
    """A user of this name exists, who is not linked, or one was removed: an owner has to do it."""
    NO_GROUP = "no-group"
    """Groups are configured, and this user is in none of them."""
    ENDED = "ended"
    """The access of this guest has ended, or it is a screen."""


class Identities:
    """The links. Thread-safe. Raises StorageError."""

    def __init__(self, file: AccountsFile, clock: Clock) -> None:
        self._file, self._clock = file, clock

    def all(self) -> dict[str, str]:
        """Return the linked names, folded, by ID of the user."""
        with self._file.reading() as db:
            return dict(db.execute("SELECT person, name FROM identities").fetchall())

    def add(
        self,
        name: str,
        role: Role,
        cameras: Iterable[CameraId] | None,
        ends_ms: int | None,
        link: str,
        *,
        by_proxy: bool,
    ) -> Account:
        """Add a user, linked to a name unless `link` is empty. Raises NameRefused.

        by_proxy: a proxy signs people in.
        """
        with self._file.writing() as db:
            if _is_taken(db, name):
                raise NameRefused(f"A user named {name} already exists.", "Choose another name.", "name_taken")
            person = put_account(db, name, role, "", self._clock.now_ms())
            person = set_rights(db, person, role, cameras, ends_ms)
            _check_link(db, person, link, "", by_proxy=by_proxy)
            _set_link(db, person, linked_name(link))
        return person

    def link(
        self,
        person: Account,
        name: str,
        *,
        elsewhere: Elsewhere = NOWHERE,
        wanted: Account | None = None,
        keep: bytes = b"",
    ) -> Account:
        """Link a user to a name or email address; an empty one removes the link. Return the user.

        A new name is bound at its first use, the same one stays bound. If it means another, the sessions end that who
        had the former name could have begun: by the proxy, the provider or a phone link. keep: one of the latter two.
        If a proxy signs people in, no name may mean another user than before, and an owner keeps a way in that is known
        to work. wanted: this user with other rights, which are set in the same transaction. Raises LastOwner,
        NameRefused: then nothing changes.
        """
        given, name, own = name, linked_name(name), linked_name(person.name)
        with self._file.writing() as db:
            if wanted is not None:
                person = set_rights(db, person, wanted.role, wanted.cameras, wanted.ends_ms)
            row = db.execute("SELECT name FROM identities WHERE person = ?", (person.id,)).fetchone()
            before = row[0] if row else ""
            if before in (given, name):  # one that is folded already may fold to another
                return person
            _check_link(db, person, given, before, by_proxy=elsewhere.by_proxy)
            has_moved = (before or own) != (name or own)
            if has_moved:
                ended = "DELETE FROM sessions WHERE person = ? AND how = ? AND hash != ?"
                db.execute(ended, (person.id, BY_PROXY, b""))
                if before or elsewhere.by_proxy:  # else no name has signed anyone in
                    db.executemany(ended, [(person.id, how, keep) for how in (BY_PROVIDER, BY_PHONE)])
            _set_link(db, person, name)
            if has_moved and person.role is Role.OWNER and elsewhere != NOWHERE:
                self._keep_way_in(db, before or own, elsewhere)
        return person

    def _keep_way_in(self, db: sqlite3.Connection, before: str, elsewhere: Elsewhere) -> None:
        if not can_owner_get_in(db, elsewhere, self._clock.now_ms()):
            what = f"The name {before} may be the only way for an owner to sign in."
            raise NameRefused(what, "Set a password first.", "only_way")

    def is_known(self, person: Account, elsewhere: Elsewhere) -> bool:
        """Return whether a user is known to get in without password and passkey."""
        with self._file.reading() as db:
            return is_known_elsewhere(db, person.id, elsewhere, self._clock.now_ms())

    def can_owner_get_in(self, elsewhere: Elsewhere) -> bool:
        with self._file.reading() as db:
            return can_owner_get_in(db, elsewhere, self._clock.now_ms())

    def named(self, name: str) -> Account | None:
        """Return the user whom a trusted proxy names; None if there is none, or their access has ended.

        A linked user is found by the link only, and one that has none by a name that no other of those has. The linked
        name of a removed user means no one else here until an owner links it again.
        """
        with self._file.reading() as db:
            found = db.execute("SELECT person FROM identities WHERE name = ?", (linked_name(name),)).fetchall()
            people = [row[0] for row in found] or (
                [] if is_kept_back(db, name) else list(find_unlinked(db, linked_name(name)))
            )
            return find_account(db, people[0], self._clock.now_ms()) if len(people) == 1 else None

    def sign_in(
        self,
        user: ProviderUser,
        grant: GroupSettings | None,
        note: Callable[[str, str], None],
        *,
        needs_group: bool,
        may_create: bool,
        by_proxy: bool,
    ) -> Account | IdentityRefusal:
        """Return the user whom the provider has signed in, with the rights that their groups give.

        In one transaction, so that two first sign-ins bind or create one user. note: called with what changed, for the
        audit log. by_proxy: a proxy signs people in, too. Groups bring back no guest whose access has ended, and make
        no user of a screen.
        """
        if needs_group and grant is None:
            return IdentityRefusal.NO_GROUP
        with self._file.writing() as db:
            person = self._find(db, user)
            is_new = person is None and may_create
            if is_new:
                person = self._create(db, user, by_proxy=by_proxy)
            if person is None or isinstance(person, IdentityRefusal):
                return person or IdentityRefusal.UNKNOWN
            account = before = find_account(db, person, self._clock.now_ms())
            if before is None or before.role is Role.SCREEN:
                return IdentityRefusal.ENDED
            if grant is not None:
                _apply(db, person, grant)
                account = find_account(db, person, self._clock.now_ms())
        assert account is not None
        if is_new:
            note("user added", granted_text(account))
        elif account != before:
            note("user changed", granted_text(account, before))
        return account

    def _find(self, db: sqlite3.Connection, user: ProviderUser) -> str | None:
        key = (user.issuer, user.subject)
        row = db.execute("SELECT person FROM identities WHERE issuer = ? AND subject = ?", key).fetchone()
        if row is not None:
            return str(row[0])
        for name in user.names:
            query = "UPDATE identities SET issuer = ?, subject = ? WHERE name = ? AND subject = '' RETURNING person"
            bound = db.execute(query, (*key, linked_name(name))).fetchone()
            if bound is not None:
                return str(bound[0])
        return None

    def _create(self, db: sqlite3.Connection, user: ProviderUser, *, by_proxy: bool) -> str | IdentityRefusal:
        name, person = user.shown_name.strip(), secrets.token_hex(8)
        linked = linked_name(user.names[0]) if user.names else ""
        if not name or not linked or has_hidden(name + linked):  # it would be shown as another user's
            return IdentityRefusal.UNKNOWN
        there = _is_taken(db, name) or (by_proxy and (find_unlinked(db, linked) or is_kept_back(db, user.names[0])))
        if there or db.execute("SELECT 1 FROM identities WHERE name = ?", (linked,)).fetchone():
            return IdentityRefusal.TAKEN
        row = (person, name, fold(name), Role.VIEWER, self._clock.now_ms(), seen_as_text(()))
        db.execute(
            "INSERT INTO people (id, name, folded, role, password, made_ms, cameras) VALUES (?, ?, ?, ?, '', ?, ?)", row
        )
        db.execute("INSERT INTO identities VALUES (?, ?, ?, ?)", (person, linked, user.issuer, user.subject))
        return person


def _is_taken(db: sqlite3.Connection, name: str) -> bool:
    """Return whether a user has this name, or one that differs in its characters alone."""
    there = (row[0] for row in db.execute("SELECT name FROM people"))
    return any(fold(one) == fold(name) or linked_name(one) == linked_name(name) for one in there)


def _check_link(db: sqlite3.Connection, person: Account, link: str, before: str, *, by_proxy: bool) -> None:
    """Raise NameRefused if a link is another's, or would make a name mean another user at the proxy.

    link: as entered; before: the link until now, folded; both may be empty.
    """
    others = "SELECT 1 FROM identities WHERE name = ? AND person != ?"
    if db.execute(others, (linked_name(link), person.id)).fetchone():
        raise NameRefused(f"{link} is linked to another user.", "Remove that link first.", "linked_already")
    if not by_proxy:
        return
    own = person.name
    if not linked_name(link) and person.role is not Role.SCREEN:
        todo = f"Enter which name {own} has there."
        if db.execute(others, (linked_name(own), person.id)).fetchone():
            raise NameRefused(f"The name {own} at the reverse proxy is linked to another user.", todo, "name_linked")
        if is_kept_back(db, own):
            raise NameRefused(
                f"The name {own} at the reverse proxy was linked to a removed user.", todo, "name_kept_back"
            )
    for key, name in find_unlinked(db, linked_name(link)).items():
        if key != person.id:
            what = f"The name {link} at the reverse proxy means {name}."
            raise NameRefused(what, f"Link {name} to their name there first.", "name_of_another")
    for key, name in find_unlinked(db, before).items():
        if key != person.id:
            what = f"The name {before} at the reverse proxy would mean {name} then."
            raise NameRefused(what, f"Link {name} to another name there first.", "name_of_another")


def _set_link(db: sqlite3.Connection, person: Account, name: str) -> None:
    db.execute("DELETE FROM identities WHERE person = ?", (person.id,))
    if name:
        db.execute("DELETE FROM former_links WHERE name = ?", (name,))
        db.execute("INSERT INTO identities (person, name) VALUES (?, ?)", (person.id, name))


def _apply(db: sqlite3.Connection, person: str, grant: GroupSettings) -> None:
    """Set role and cameras of the user's groups. The only owner stays one: afterwards no one could change settings."""
    is_only_owner = grant.role != "owner" and [row[0] for row in db.execute(
        "SELECT id FROM people WHERE role = 'owner'"
    )] == [person]  # fmt: skip
    if not is_only_owner:
        cameras = seen_as_text(None if grant.cameras is None else map(CameraId, grant.cameras))
        db.execute(
            "UPDATE people SET role = ?, cameras = ?, ends_ms = NULL WHERE id = ?", (grant.role, cameras, person)
        )
