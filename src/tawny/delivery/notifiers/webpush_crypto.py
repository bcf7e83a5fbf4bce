"""Web Push cryptography: message encryption (RFC 8291) and sender identification by VAPID (RFC 8292)."""

import json
import secrets
from base64 import urlsafe_b64decode, urlsafe_b64encode

from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

MOST_BYTES = 3900
"""Maximum size of a message, bytes, so that it fits into one record of 4096 bytes."""
_POINT, _PLAIN = serialization.Encoding.X962, serialization.PublicFormat.UncompressedPoint


def encrypt_payload(message: bytes, p256dh: bytes, auth: bytes) -> bytes:
    """Return the body for `Content-Encoding: aes128gcm`. p256dh, auth: the browser's keys.

    Raises ValueError if they are invalid.
    """
    ours, salt = ec.generate_private_key(ec.SECP256R1()), secrets.token_bytes(16)
    own = ours.public_key().public_bytes(_POINT, _PLAIN)
    theirs = ec.EllipticCurvePublicKey.from_encoded_point(ec.SECP256R1(), p256dh)
    first = _derived(ours.exchange(ec.ECDH(), theirs), auth, b"WebPush: info\0" + p256dh + own, 32)
    key = _derived(first, salt, b"Content-Encoding: aes128gcm\0", 16)
    nonce = _derived(first, salt, b"Content-Encoding: nonce\0", 12)
    head = salt + (4096).to_bytes(4, "big") + bytes([len(own)]) + own
    return head + AESGCM(key).encrypt(nonce, message + b"\x02", None)


def vapid_header(key: ec.EllipticCurvePrivateKey, audience: str, until_s: int, contact: str) -> str:
    """Return the `Authorization` header. audience: origin of the push service; until_s: expiry, at most a day ahead."""
    head, body = ({"typ": "JWT", "alg": "ES256"}, {"aud": audience, "exp": until_s, "sub": contact})
    signed = ".".join(base64url_text(json.dumps(part, separators=(",", ":")).encode()) for part in (head, body))
    r, s = decode_dss_signature(key.sign(signed.encode(), ec.ECDSA(hashes.SHA256())))
    signature = base64url_text(r.to_bytes(32, "big") + s.to_bytes(32, "big"))
    return f"vapid t={signed}.{signature}, k={base64url_text(public_key_of(key))}"


def public_key_of(key: ec.EllipticCurvePrivateKey) -> bytes:
    """Return the public key as an uncompressed point, 65 bytes."""
    return key.public_key().public_bytes(_POINT, _PLAIN)


def new_vapid_key() -> str:
    return secrets.token_hex(32)


def key_of(kept: str) -> ec.EllipticCurvePrivateKey:
    """Return the private key of a value from `new_vapid_key`."""
    return ec.derive_private_key(int(kept, 16) % (2**255) or 1, ec.SECP256R1())


def base64url_text(data: bytes) -> str:
    return urlsafe_b64encode(data).rstrip(b"=").decode()


def base64url_bytes(signed: str) -> bytes:
    """Decode unpadded Base64. Raises ValueError if invalid."""
    return urlsafe_b64decode(signed + "=" * (-len(signed) % 4))


def _derived(secret: bytes, salt: bytes, info: bytes, length: int) -> bytes:
    return HKDF(hashes.SHA256(), length, salt, info).derive(secret)
