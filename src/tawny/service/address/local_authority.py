"""The local certificate authority: people install its certificate once, and their devices then trust this recorder.

A thief of its key could stand in for other addresses too, so the certificate itself limits it (name constraints): to
this computer's names and to addresses of private networks. It is useless for a bank.
The key is stored encrypted; its password is in `secrets.toml`, apart from it, because tawny must be able to renew.
"""

import secrets
import uuid
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network
from pathlib import Path
from typing import Final

from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from tawny.model.errors import NotDone
from tawny.service.address.certificates import CHAIN, KEY, CertificateFacts, facts_of, is_pair, read_file
from tawny.storage.disk.private_files import write_private

AUTHORITY, AUTHORITY_KEY = "authority.pem", "authority-key.pem"
PASSWORD_NAME: Final = "LOCAL_AUTHORITY"
"""Name of the key's password in `secrets.toml`."""
AUTHORITY_DAYS: Final = 3652
LEAF_DAYS: Final = 397
"""Apple's devices accept 825 days at most, browsers aim at 398."""
RENEW_LEFT_DAYS: Final = 130
"""A third of its life before the end."""
BACKDATED: Final = timedelta(hours=26)
"""Clocks of phones may be behind, and that of a new computer may have jumped."""
NETWORKS: Final[tuple[IPv4Network | IPv6Network, ...]] = tuple(
    ip_network(one)
    for one in (
        "10.0.0.0/8", "100.64.0.0/10", "127.0.0.0/8", "169.254.0.0/16", "172.16.0.0/12", "192.168.0.0/16",
        "::1/128", "fc00::/7", "fe80::/10",
    )
)  # fmt: skip
"""Private networks, and loopback."""
MOST_NAMES: Final = 60


@dataclass(frozen=True, slots=True)
class RecorderNames:
    """Names and addresses under which devices reach this recorder."""

    names: frozenset[str]
    addresses: frozenset[str]

    def listed(self) -> list[str]:
        return [*sorted(self.names), *sorted(self.addresses)]


class LocalAuthority:
    """The authority in a folder. One thread at a time."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    @property
    def exists(self) -> bool:
        return (self._folder / AUTHORITY).is_file() and (self._folder / AUTHORITY_KEY).is_file()

    def certificate(self) -> x509.Certificate:
        """Raises NotDone: when there is none, or it is damaged."""
        content = read_file(self._folder / AUTHORITY, "certificate of the local authority")
        try:
            return x509.load_pem_x509_certificate(content)
        except ValueError:
            raise _damaged(self._folder / AUTHORITY) from None

    def facts(self) -> CertificateFacts:
        return facts_of(self.certificate())

    def create(self, host: str, names: Iterable[str], password: str, now_ms: int) -> None:
        """Make a new authority for this computer. Raises OSError."""
        key, now = ec.generate_private_key(ec.SECP256R1()), _time(now_ms)
        # a number tells two authorities of the same computer apart in a phone's list
        title = f"tawny {host} {secrets.token_hex(2)}"
        subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, title[:64])])
        permitted = [x509.DNSName(one) for one in sorted(names)[:MOST_NAMES]]
        limits = x509.NameConstraints([*permitted, *(x509.IPAddress(one) for one in NETWORKS)], None)
        usage = _usage(key_cert_sign=True, crl_sign=True)
        made = (
            _builder(subject, subject, key.public_key(), now, AUTHORITY_DAYS)
            .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
            .add_extension(usage, critical=True)
            .add_extension(limits, critical=True)
            .sign(key, hashes.SHA256())
        )
        self._folder.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        self._folder.mkdir(mode=0o700, exist_ok=True)
        sealed = serialization.BestAvailableEncryption(password.encode())
        write_private(self._folder / AUTHORITY_KEY, _key_text(key, sealed))
        write_private(self._folder / AUTHORITY, made.public_bytes(serialization.Encoding.PEM))

    def permits(self, name: str) -> bool:
        """Return whether the authority may issue for a name or address. Raises NotDone."""
        limits = self.certificate().extensions.get_extension_for_class(x509.NameConstraints).value
        address = _address(name)
        for one in limits.permitted_subtrees or ():
            if isinstance(one, x509.IPAddress):
                assert isinstance(one.value, IPv4Network | IPv6Network)
                if address is not None and address in one.value:
                    return True
            elif address is None and (name == one.value or name.endswith(f".{one.value}")):
                return True
        return False

    def issued(self) -> x509.Certificate | None:
        """Return the certificate in use; None: there is none, or it is damaged or without its key."""
        try:
            chain, key = read_file(self._folder / CHAIN, "certificate"), read_file(self._folder / KEY, "private key")
            return x509.load_pem_x509_certificate(chain) if is_pair(chain, key) else None
        except (NotDone, ValueError):
            return None

    def is_due(self, wanted: RecorderNames, now_ms: int) -> bool:
        """Return whether a new certificate is needed: none, soon expired, not valid yet, of a former authority, or
        without a name or address of today. Raises NotDone.
        """
        certificate = self.issued()
        if certificate is None:
            return True
        issued = facts_of(certificate)
        if issued.ends_ms - now_ms < RENEW_LEFT_DAYS * 86_400_000:
            return True
        authority = self.certificate()
        if not _is_of(certificate, authority):
            return True
        # a clock before the authority's own begin is wrong now, not when the certificate was issued
        if issued.begins_ms > now_ms >= facts_of(authority).begins_ms:
            return True
        return any(one not in issued.names and self.permits(one) for one in wanted.listed())

    def issue(self, wanted: RecorderNames, password: str, now_ms: int) -> CertificateFacts:
        """Issue and write a certificate with a new key. Raises NotDone, OSError."""
        authority, signing = self.certificate(), self._signing_key(password)
        names = [one for one in wanted.listed() if self.permits(one)][:MOST_NAMES]
        if not names:
            raise NotDone(
                "This computer has none of the names that its local authority may issue for.",
                "Make a new local authority.",
            )
        key, now = ec.generate_private_key(ec.SECP256R1()), _time(now_ms)
        subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, names[0][:64])])
        listed = [_general(one) for one in names]
        ends = authority.not_valid_after_utc
        made = (
            _builder(subject, authority.subject, key.public_key(), now, LEAF_DAYS, ends)
            .add_extension(x509.SubjectAlternativeName(listed), critical=False)
            .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
            .add_extension(_usage(digital_signature=True), critical=True)
            .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), critical=False)
            .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(signing.public_key()), critical=False)
            .sign(signing, hashes.SHA256())
        )
        chain = b"".join(one.public_bytes(serialization.Encoding.PEM) for one in (made, authority))
        write_private(self._folder / KEY, _key_text(key, serialization.NoEncryption()))
        write_private(self._folder / CHAIN, chain)
        return facts_of(made)

    def opens(self, password: str) -> bool:
        """Return whether the password opens the key. Raises NotDone: when the key can't be read."""
        try:
            self._signing_key(password)
        except NotDone:
            return False
        return True

    def _signing_key(self, password: str) -> ec.EllipticCurvePrivateKey:
        content = read_file(self._folder / AUTHORITY_KEY, "key of the local authority")
        if not password:
            raise NotDone(
                f"The password {PASSWORD_NAME} of the local authority's key is missing in secrets.toml.",
                "Restore secrets.toml from a backup, or make a new local authority.",
            )
        try:
            key = serialization.load_pem_private_key(content, password.encode())
        except (ValueError, TypeError):
            raise NotDone(
                f"The password {PASSWORD_NAME} in secrets.toml doesn't open the local authority's key.",
                "Restore secrets.toml from a backup, or make a new local authority.",
            ) from None
        if not isinstance(key, ec.EllipticCurvePrivateKey):
            raise _damaged(self._folder / AUTHORITY_KEY)
        return key


def _is_of(certificate: x509.Certificate, authority: x509.Certificate) -> bool:
    try:
        certificate.verify_directly_issued_by(authority)
    except (ValueError, TypeError, InvalidSignature):
        return False
    return True


def new_password() -> str:
    return secrets.token_urlsafe(32)


def apple_profile(certificate: x509.Certificate, host: str) -> bytes:
    """Return a configuration profile (.mobileconfig) that installs the authority on iPhone, iPad and Mac."""
    import plistlib

    der = certificate.public_bytes(serialization.Encoding.DER)
    mark = certificate.fingerprint(hashes.SHA256())
    inner, outer = (str(uuid.UUID(bytes=mark[part : part + 16], version=4)) for part in (0, 16))
    name = f"tawny on {host}"
    return plistlib.dumps(
        {
            "PayloadType": "Configuration",
            "PayloadVersion": 1,
            "PayloadIdentifier": f"tawny.authority.{outer}",
            "PayloadUUID": outer,
            "PayloadDisplayName": name,
            "PayloadDescription": "Lets this device trust the secure address of your recorder. It can't be used for "
            "any other site.",
            "PayloadRemovalDisallowed": False,
            "PayloadContent": [
                {
                    "PayloadType": "com.apple.security.root",
                    "PayloadVersion": 1,
                    "PayloadIdentifier": f"tawny.authority.{inner}",
                    "PayloadUUID": inner,
                    "PayloadDisplayName": name,
                    "PayloadContent": der,
                }
            ],
        }
    )


def _builder(
    subject: x509.Name,
    issuer: x509.Name,
    public: ec.EllipticCurvePublicKey,
    now: datetime,
    days: int,
    at_most: datetime | None = None,
) -> x509.CertificateBuilder:
    ends = now + timedelta(days=days) - BACKDATED
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(public)
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - BACKDATED)
        .not_valid_after(ends if at_most is None else min(ends, at_most))
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(public), critical=False)
    )


def _usage(**allowed: bool) -> x509.KeyUsage:
    names = (
        "digital_signature", "content_commitment", "key_encipherment", "data_encipherment", "key_agreement",
        "key_cert_sign", "crl_sign", "encipher_only", "decipher_only",
    )  # fmt: skip
    return x509.KeyUsage(**{name: allowed.get(name, False) for name in names})


def _key_text(key: ec.EllipticCurvePrivateKey, sealed: serialization.KeySerializationEncryption) -> bytes:
    return key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, sealed)


def _general(name: str) -> x509.GeneralName:
    address = _address(name)
    return x509.DNSName(name) if address is None else x509.IPAddress(address)


def _address(text: str) -> IPv4Address | IPv6Address | None:
    try:
        return ip_address(text)
    except ValueError:
        return None


def _time(now_ms: int) -> datetime:
    return datetime.fromtimestamp(now_ms // 1000, UTC)


def _damaged(path: Path) -> NotDone:
    return NotDone(f"{path} is damaged.", "Restore it from a backup, or make a new local authority.")
