"""Passkeys for signing in (WebAuthn). Those that open encrypted recordings are others: they never come here.

A passkey belongs to one host name, and the authenticator checks its user by fingerprint, face or PIN: it stands for
password and second step at once. The server has public keys only. No list of passkeys is sent to strangers, so
that they don't learn which accounts exist.
"""

import json
import sqlite3
from dataclasses import dataclass
from typing import Final

from starlette.requests import HTTPConnection

from tawny.api.auth.accounts import Account, find_account
from tawny.api.auth.accounts_file import AccountsFile
from tawny.api.client_address import host_name, parse_address
from tawny.model.times import Clock

MOST_PASSKEYS: Final = 20
"""Maximum number for each user."""
TIMEOUT_MS: Final = 120_000
NAME: Final = "tawny"
_NOT_READABLE: Final = (ValueError, KeyError, TypeError, AttributeError, RecursionError)
"""What reading an answer raises that an attacker made."""


@dataclass(frozen=True, slots=True)
class Passkey:
    id: str
    """As hexadecimal digits."""
    name: str
    host: str
    made_ms: int
    used_ms: int | None


@dataclass(frozen=True, slots=True)
class PasskeyPlace:
    """The page that asks: a passkey is bound to its host, and its answer to its origin."""

    host: str
    origin: str

    @classmethod
    def of(cls, connection: HTTPConnection) -> "PasskeyPlace | None":
        """Return the place of a request; None where browsers offer no passkeys: without https, and under addresses."""
        shown = connection.headers.get("host", "")
        host, scheme = host_name(shown), connection.url.scheme
        is_local = host == "localhost" or host.endswith(".localhost")
        if not host or parse_address(host) is not None or (scheme != "https" and not is_local):
            return None
        return cls(host, f"{scheme}://{shown.lower()}")


class Passkeys:
    """The passkeys. Thread-safe. Raises StorageError."""

    def __init__(self, file: AccountsFile, clock: Clock) -> None:
        self._file, self._clock = file, clock

    def of(self, person: Account) -> list[Passkey]:
        """Return the passkeys of a user, oldest first."""
        query = "SELECT id, name, host, made_ms, used_ms FROM passkeys WHERE person = ? ORDER BY made_ms, id"
        with self._file.reading() as db:
            rows = db.execute(query, (person.id,)).fetchall()
        return [Passkey(row[0].hex(), *row[1:]) for row in rows]

    def remove(self, person: Account, passkey_id: str) -> str | None:
        """Remove a passkey of this user. Return its name; None if there is none of this ID."""
        try:
            key = bytes.fromhex(passkey_id)
        except ValueError:
            return None
        query = "DELETE FROM passkeys WHERE id = ? AND person = ? RETURNING name"
        with self._file.writing() as db:
            row = db.execute(query, (key, person.id)).fetchone()
        return row[0] if row else None

    def new_options(self, person: Account, place: PasskeyPlace, challenge: str) -> str:
        """Return what `navigator.credentials.create` needs."""
        from webauthn import generate_registration_options, options_to_json
        from webauthn.helpers.structs import (
            AuthenticatorSelectionCriteria,
            PublicKeyCredentialDescriptor,
            ResidentKeyRequirement,
            UserVerificationRequirement,
        )

        known = [bytes.fromhex(one.id) for one in self.of(person)]
        made = generate_registration_options(
            rp_id=place.host,
            rp_name=NAME,
            user_name=person.name,
            user_id=person.id.encode(),
            challenge=challenge.encode(),
            timeout=TIMEOUT_MS,
            authenticator_selection=AuthenticatorSelectionCriteria(
                resident_key=ResidentKeyRequirement.REQUIRED, user_verification=UserVerificationRequirement.REQUIRED
            ),
            exclude_credentials=[PublicKeyCredentialDescriptor(id=key) for key in known],
        )
        return options_to_json(made)

    def add(self, person: Account, name: str, credential: str, place: PasskeyPlace, challenge: str) -> Passkey | None:
        """Add a passkey. Return None if the authenticator's answer isn't valid, or the passkey is there already."""
        from webauthn import verify_registration_response
        from webauthn.helpers.exceptions import WebAuthnException

        try:
            made = verify_registration_response(
                credential=credential,
                expected_challenge=challenge.encode(),
                expected_rp_id=place.host,
                expected_origin=place.origin,
                require_user_verification=True,
            )
        except (WebAuthnException, *_NOT_READABLE):
            return None
        now_ms = self._clock.now_ms()
        row = (made.credential_id, person.id, name, made.credential_public_key, made.sign_count, place.host, now_ms)
        with self._file.writing() as db:
            count = db.execute("SELECT count(*) FROM passkeys WHERE person = ?", (person.id,)).fetchone()[0]
            if count >= MOST_PASSKEYS:
                return None
            query = "INSERT OR IGNORE INTO passkeys VALUES (?, ?, ?, ?, ?, ?, ?, NULL)"
            if db.execute(query, row).rowcount != 1:
                return None
        return Passkey(made.credential_id.hex(), name, place.host, now_ms, None)

    def request_options(self, place: PasskeyPlace, challenge: str) -> str:
        """Return what `navigator.credentials.get` needs. The same for everyone: the authenticator knows its users."""
        from webauthn import generate_authentication_options, options_to_json
        from webauthn.helpers.structs import UserVerificationRequirement

        made = generate_authentication_options(
            rp_id=place.host,
            challenge=challenge.encode(),
            timeout=TIMEOUT_MS,
            user_verification=UserVerificationRequirement.REQUIRED,
        )
        return options_to_json(made)

    def verify(self, credential: str, place: PasskeyPlace, challenge: str) -> Account | None:
        """Return the user whose authenticator answered the challenge; None if the answer isn't valid."""
        from webauthn import verify_authentication_response
        from webauthn.helpers.exceptions import WebAuthnException

        named = _names(credential)
        if named is None:
            return None
        key, user = named
        with self._file.writing() as db:
            row = db.execute("SELECT person, public_key, sign_count FROM passkeys WHERE id = ?", (key,)).fetchone()
            if row is None or user != row[0].encode():
                return None
            try:
                done = verify_authentication_response(
                    credential=credential,
                    expected_challenge=challenge.encode(),
                    expected_rp_id=place.host,
                    expected_origin=place.origin,
                    credential_public_key=row[1],
                    credential_current_sign_count=row[2],
                    require_user_verification=True,
                )
            except (WebAuthnException, *_NOT_READABLE):
                return None
            return self._used(db, key, row[0], done.new_sign_count)

    def _used(self, db: sqlite3.Connection, key: bytes, person: str, sign_count: int) -> Account | None:
        now_ms = self._clock.now_ms()
        db.execute("UPDATE passkeys SET sign_count = ?, used_ms = ? WHERE id = ?", (sign_count, now_ms, key))
        return find_account(db, person, now_ms)


def _names(credential: str) -> tuple[bytes, bytes] | None:
    """Return the passkey and the user whom the authenticator names. It must name both: the passkey is discoverable."""
    from webauthn.helpers import base64url_to_bytes

    try:
        found = json.loads(credential)
        return base64url_to_bytes(found["rawId"]), base64url_to_bytes(found["response"]["userHandle"])
    except _NOT_READABLE:
        return None
