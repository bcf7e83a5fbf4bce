"""HTTP authentication for RTSP clients (RFC 7616, RFC 7617): strongest supported scheme, one attempt per nonce."""

import base64
import hashlib
import re
import secrets
from collections.abc import Sequence
from dataclasses import dataclass

MOST_CHALLENGES = 3
_SCHEMES = re.compile(r",\s*(?=(?:digest|basic)\b)", re.IGNORECASE)
_FIELD = re.compile(r'([\w-]+)\s*=\s*(?:"([^"]*)"|([^\s,]+))')
_RANK = {"SHA-256": 3, "MD5": 2}


@dataclass(frozen=True, slots=True)
class _Challenge:
    rank: int
    """0: unsupported scheme; 1: Basic; higher: Digest."""
    fields: dict[str, str]
    algorithm: str = ""
    """Normalized algorithm name; `fields` keeps the camera's spelling."""


class ClientAuth:
    """Authentication state of one RTSP session. Pass each 401 to `challenged`; send `header` with the next request."""

    def __init__(self, user: str, password: str) -> None:
        self._user, self._password = user, password
        self._challenge: _Challenge | None = None
        self._answered: set[str] = set()
        self._count = 0

    @property
    def form(self) -> str:
        """Return `Basic`, `Digest MD5` or `Digest SHA-256`; empty before the first challenge."""
        if self._challenge is None:
            return ""
        return "Basic" if self._challenge.rank == 1 else f"Digest {self._challenge.algorithm}"

    def challenged(self, values: Sequence[str]) -> bool:
        """Process the `WWW-Authenticate` values of a 401.

        Return False if the login is refused: no new challenge to try.
        """
        offered = [_read(part) for value in values for part in _SCHEMES.split(value)]
        best = max(offered, key=lambda challenge: challenge.rank, default=None)
        if best is None or best.rank == 0 or not (self._user or self._password):
            return False
        nonce = best.fields.get("nonce", "")
        if nonce in self._answered or len(self._answered) >= MOST_CHALLENGES:
            return False
        self._answered.add(nonce)
        self._challenge, self._count = best, 0
        return True

    def header(self, method: str, uri: str) -> str:
        """Return the `Authorization` value for this request; empty before the first challenge."""
        challenge = self._challenge
        if challenge is None:
            return ""
        if challenge.rank == 1:
            return "Basic " + base64.b64encode(f"{self._user}:{self._password}".encode()).decode()
        return self._digest(challenge, method, uri)

    def _digest(self, challenge: _Challenge, method: str, uri: str) -> str:
        said = challenge.fields
        realm, nonce = said.get("realm", ""), said.get("nonce", "")
        secret = _hashed(challenge.algorithm, f"{self._user}:{realm}:{self._password}")
        request = _hashed(challenge.algorithm, f"{method}:{uri}")
        answer = {"username": _quoted(self._user), "realm": f'"{realm}"', "nonce": f'"{nonce}"', "uri": f'"{uri}"'}
        if "auth" in re.split(r"[,\s]+", said.get("qop", "").lower()):
            self._count += 1
            count, ours = f"{self._count:08x}", secrets.token_hex(8)
            response = _hashed(challenge.algorithm, f"{secret}:{nonce}:{count}:{ours}:auth:{request}")
            answer |= {"qop": "auth", "nc": count, "cnonce": f'"{ours}"'}
        else:
            response = _hashed(challenge.algorithm, f"{secret}:{nonce}:{request}")
        answer["response"] = f'"{response}"'
        if "opaque" in said:
            answer["opaque"] = f'"{said["opaque"]}"'
        if "algorithm" in said:
            answer["algorithm"] = said["algorithm"]
        return "Digest " + ", ".join(f"{name}={value}" for name, value in answer.items())


def _read(text: str) -> _Challenge:
    scheme, _, rest = text.strip().partition(" ")
    if scheme.lower() == "basic":
        return _Challenge(1, {})
    if scheme.lower() != "digest":
        return _Challenge(0, {})
    fields = {found[1].lower(): found[2] if found[2] is not None else found[3] for found in _FIELD.finditer(rest)}
    algorithm = fields.get("algorithm", "MD5").upper()
    return _Challenge(_RANK.get(algorithm, 0), fields, algorithm)


def _hashed(algorithm: str, text: str) -> str:
    made = hashlib.sha256 if algorithm == "SHA-256" else _md5
    return made(text.encode()).hexdigest()


def _md5(data: bytes) -> "hashlib._Hash":
    return hashlib.md5(data, usedforsecurity=False)  # required by the protocol: many cameras support MD5 only


def _quoted(text: str) -> str:
    escaped = text.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'
