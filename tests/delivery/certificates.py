"""A certificate that nobody signed."""

import datetime as dt
from ipaddress import ip_address
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID


def self_signed(folder: Path, days: float = 1, address: str = "127.0.0.1") -> Path:
    """With its key, in one file, for this address. It ends after so many days."""
    key, name = ec.generate_private_key(ec.SECP256R1()), x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "mail")])
    now = dt.datetime.now(dt.UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - dt.timedelta(days=1))
        .not_valid_after(now + dt.timedelta(days=days))
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ip_address(address))]), critical=False)
        .sign(key, hashes.SHA256())
    )
    coded, private = serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8
    path = folder / "both.pem"
    path.write_bytes(
        key.private_bytes(coded, private, serialization.NoEncryption()) + made.public_bytes(serialization.Encoding.PEM)
    )
    return path
