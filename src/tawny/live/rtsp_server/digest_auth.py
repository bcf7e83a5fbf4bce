"""Digest login (RFC 2617, MD5, which every player knows): the secret itself never goes over the line.

MD5 is no weakness here: the secrets are 256 random bits of our making, which nobody guesses by trying.
"""

import hashlib
import hmac
import re

REALM = "tawny"
_FIELD = re.compile(r'(\w+)="?([^",]*)"?')


def challenge(nonce: str) -> str:
    """What `WWW-Authenticate` says."""
    return f'Digest realm="{REALM}", nonce="{nonce}"'


def digest(user: str, secret: str) -> str:
    """What is stored of a secret, and what an answer is checked against."""
    return _md5(f"{user}:{REALM}:{secret}")


def user_of(authorization: str) -> str:
    """Who it says it is; empty when it does not."""
    return _fields(authorization).get("username", "")


def is_right(authorization: str, method: str, nonce: str, stored: str) -> bool:
    """Whether a request's `Authorization` was made with the secret that `stored` is the digest of."""
    said = _fields(authorization)
    asked = _md5(f"{method}:{said.get('uri', '')}")
    wanted = _md5(f"{stored}:{nonce}:{asked}")
    return said.get("nonce") == nonce and hmac.compare_digest(said.get("response", "").encode(), wanted.encode())


def _fields(authorization: str) -> dict[str, str]:
    scheme, _, rest = authorization.partition(" ")
    return {found[1].lower(): found[2] for found in _FIELD.finditer(rest)} if scheme.lower() == "digest" else {}


def _md5(text: str) -> str:
    return hashlib.md5(text.encode(), usedforsecurity=False).hexdigest()
