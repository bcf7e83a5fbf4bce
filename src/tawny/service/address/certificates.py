"""Certificates with their keys: read, checked, and put in force for new TLS handshakes. Thread-safe.

Open connections keep the certificate they began with. What is wrong is refused with words, and the one in force stays.
"""

import ssl
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.x509.oid import ExtensionOID, NameOID

from tawny.engine.tls import make_server_context
from tawny.model.errors import NotDone
from tawny.storage.disk.private_files import write_private

MOST_FILE_BYTES: Final = 256 * 1024
CHAIN, KEY = "chain.pem", "key.pem"
SERVED: Final = "https-served"


@dataclass(frozen=True, slots=True)
class CertificateFacts:
    """names: DNS names and addresses it is valid for. fingerprint: SHA-256 of the certificate, `AB:CD:…`."""

    names: tuple[str, ...]
    issuer: str
    begins_ms: int
    ends_ms: int
    fingerprint: str

    def covers(self, name: str) -> bool:
        wildcard = "*." + name.partition(".")[2]
        return name in self.names or wildcard in self.names


def facts_of(certificate: x509.Certificate) -> CertificateFacts:
    try:
        names = certificate.extensions.get_extension_for_oid(ExtensionOID.SUBJECT_ALTERNATIVE_NAME).value
        assert isinstance(names, x509.SubjectAlternativeName)
        listed = (
            *names.get_values_for_type(x509.DNSName),
            *(str(one) for one in names.get_values_for_type(x509.IPAddress)),
        )
    except x509.ExtensionNotFound:
        listed = ()
    issuer = certificate.issuer
    named = issuer.get_attributes_for_oid(NameOID.ORGANIZATION_NAME) or issuer.get_attributes_for_oid(
        NameOID.COMMON_NAME
    )
    return CertificateFacts(
        listed,
        str(named[0].value) if named else "",
        round(certificate.not_valid_before_utc.timestamp() * 1000),
        round(certificate.not_valid_after_utc.timestamp() * 1000),
        certificate.fingerprint(hashes.SHA256()).hex(":").upper(),
    )


def check_pair(chain: bytes, key: bytes, now_ms: int) -> CertificateFacts:
    """Return the facts of the first certificate of a chain (PEM). Raises NotDone: when it can't be used with the key,
    or has expired: devices would reject it.
    """
    facts = _match(chain, key)
    _check_time(facts, now_ms)
    return facts


def is_pair(chain: bytes, key: bytes) -> bool:
    """Return whether a chain can be used with the key, at some time."""
    try:
        _match(chain, key)
    except NotDone:
        return False
    return True


def _match(chain: bytes, key: bytes) -> CertificateFacts:
    """Return the facts of the first certificate, which belongs to the key. Raises NotDone."""
    try:
        certificates = x509.load_pem_x509_certificates(chain)
    except ValueError:
        raise NotDone(
            "This file has no certificate in PEM format.", "Use the file with the full chain, often fullchain.pem."
        ) from None
    try:
        private = serialization.load_pem_private_key(key, None)
    except TypeError:
        raise NotDone("The private key is protected by a password.", "Save it without one: `openssl pkey`.") from None
    except (ValueError, UnsupportedAlgorithm):
        raise NotDone("This file has no private key in PEM format.", "Use the key's file, often privkey.pem.") from None
    if _public(certificates[0].public_key()) != _public(private.public_key()):
        if any(_public(one.public_key()) == _public(private.public_key()) for one in certificates[1:]):
            raise NotDone("The chain is in the wrong order.", "Put your own certificate first.")
        raise NotDone("The private key belongs to another certificate.", "Use both files of the same certificate.")
    facts = facts_of(certificates[0])
    if not facts.names:
        raise NotDone("This certificate has no host name.", "Use one with a subject alternative name.")
    return facts


def _check_time(facts: CertificateFacts, now_ms: int) -> None:
    if facts.ends_ms <= now_ms:
        raise NotDone(f"This certificate expired on {day_text(facts.ends_ms)}.", "Renew it, then try again.")
    if facts.begins_ms > now_ms:
        raise NotDone(
            f"This certificate isn't valid before {day_text(facts.begins_ms)}.", "Check the clock of this computer."
        )


def read_file(path: Path, what: str) -> bytes:
    """Return a file's content. what: `certificate` or `private key`. Raises NotDone: with words for people."""
    try:
        with path.open("rb") as file:
            content = file.read(MOST_FILE_BYTES + 1)
    except OSError as error:
        raise NotDone(
            f"The {what} {path} can't be read: {error.strerror}.",
            "Check the path, and that the user running tawny may read it.",
        ) from None
    if len(content) > MOST_FILE_BYTES:
        raise NotDone(f"{path} is too large for a {what}.", "Choose another file.")
    return content


class CertificateInForce:
    """The certificate of new handshakes. Any thread puts, the event loop reads `context`."""

    def __init__(self, now_ms: Callable[[], int]) -> None:
        self._now_ms = now_ms
        self._held: tuple[ssl.SSLContext, CertificateFacts, bytes] | None = None
        """With the content of the file: facts are of its first certificate only."""

    def __bool__(self) -> bool:
        return self._held is not None

    @property
    def facts(self) -> CertificateFacts | None:
        return self._held[1] if self._held is not None else None

    def context(self) -> ssl.SSLContext | None:
        return self._held[0] if self._held is not None else None

    def put(self, chain: Path, key: Path) -> CertificateFacts:
        """Use these files from now on. Raises NotDone: the one before stays in force.

        After a start, also an expired one is better than none: http would be all there is at home.
        """
        content = read_file(chain, "certificate")
        facts = _match(content, read_file(key, "private key"))
        if self._held is not None:
            _check_time(facts, self._now_ms())
        if self._held is None or self._held[2] != content:
            self._held = self._load(chain, key), facts, content
        _check_time(facts, self._now_ms())
        return facts

    def clear(self) -> None:
        self._held = None

    def _load(self, chain: Path, key: Path) -> ssl.SSLContext:
        context = make_server_context()
        try:
            context.load_cert_chain(chain, key)
        except (OSError, ssl.SSLError) as error:
            reason = error.strerror or getattr(error, "reason", "") or str(error)
            raise NotDone(f"The certificate {chain} can't be used: {reason}.", "Choose another one.") from None
        return context


class ServedHttps:
    """For which ways and domains this computer has served https since it was off, a line each; empty while it is off.

    The file isn't in backups. No file, or a damaged one, as after an update or a restore: not known. folder: None keeps
    it as long as the program runs.
    """

    def __init__(self, folder: Path | None) -> None:
        self._path = folder / SERVED if folder is not None else None
        self._unkept: list[str] | None = None

    def holds(self, way: str, domain: str) -> bool:
        """Return whether it was noted; also if that isn't known, as plain http outside would be worse."""
        lines = self._lines()
        return lines is None or f"{way} {domain}" in lines

    def note(self, way: str, domain: str) -> NotDone | None:
        """Add it. Return why it can't be kept."""
        lines, line = self._lines() or [], f"{way} {domain}"
        return None if line in lines else self._write([*lines, line])

    def clear(self) -> NotDone | None:
        """Forget all: https is off. Return why that can't be kept."""
        return None if self._lines() == [] else self._write([])

    def _lines(self) -> list[str] | None:
        if self._path is None:
            return self._unkept
        try:
            lines = self._path.read_bytes().decode().splitlines()
        except (OSError, UnicodeDecodeError):
            return None
        return lines if all(one.count(" ") == 1 for one in lines) else None

    def _write(self, lines: list[str]) -> NotDone | None:
        if self._path is None:
            self._unkept = lines
            return None
        try:
            write_private(self._path, "".join(f"{one}\n" for one in lines).encode())
        except OSError as error:
            return NotDone(
                f"tawny can't note in {self._path.parent} whether it answers https: {error.strerror}.",
                "Free some space, or make the folder writable for the user who runs tawny.",
            )
        return None


def day_text(at_ms: int) -> str:
    """Return the day in UTC, such as `2026-11-22`."""
    return datetime.fromtimestamp(at_ms / 1000, UTC).date().isoformat()


def _public(key: object) -> bytes:
    assert hasattr(key, "public_bytes")
    content: bytes = key.public_bytes(serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo)
    return content
