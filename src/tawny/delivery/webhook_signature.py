"""Webhook signatures: authenticate sender and time of a body; for sent and received webhooks.

`X-Tawny-Signature: t=1732050000,v1=HEX`: HEX is the HMAC-SHA256 of the seconds since 1970, a dot and the body, with the
shared secret.
"""

import hashlib
import hmac
import re
from typing import Final

HEADER: Final = "X-Tawny-Signature"
MOST_AGE_S: Final = 300
"""Maximum age, s, and maximum time in the future of an accepted signature."""
_SIGNED = re.compile(r"t=(\d{1,12}),v1=([0-9a-f]{64})")


def signature(secret: str, at_s: int, body: bytes) -> str:
    return f"t={at_s},v1={_hex(secret, at_s, body)}"


def signed_at(header: str, secret: str, body: bytes) -> int | None:
    """Return when it was signed, s since 1970; None if the signature is invalid."""
    found = _SIGNED.fullmatch(header)
    if found is None:
        return None
    at_s = int(found[1])
    return at_s if hmac.compare_digest(found[2], _hex(secret, at_s, body)) else None


def _hex(secret: str, at_s: int, body: bytes) -> str:
    return hmac.new(secret.encode(), f"{at_s}.".encode() + body, hashlib.sha256).hexdigest()
