"""HTTP authentication, also of RTSP (RFC 7616, RFC 7617): of clients at cameras, and of players at the recorder.

A client answers the strongest supported scheme, once per nonce. A scheme weaker than the strongest that the camera ever
offered is refused: the password would reach any server that asks. The server offers a digest with MD5, which every
player supports; it never receives the secret.
"""

import base64
import hashlib
import hmac
import re
import secrets
from collections.abc import Sequence
from dataclasses import dataclass

from tawny.model.validation import device_label
from tawny.protocols.login_history import SIGN_IN_NAMES, LoginHistory, LoginRecord, SignIn

MOST_CHALLENGES = 3
MAX_OFFERS, MAX_OFFER_CHARS = 8, 2_000
"""Challenges examined of one response, and their length; others are ignored."""
REALM = "tawny"
"""Of the recorder's own server."""
_SCHEMES = re.compile(r",\s*(?=(?:digest|basic)\b)", re.IGNORECASE)
_FIELD = re.compile(r'(?<![\w-])([\w-]{1,40})\s{0,9}=\s{0,9}(?:"([^"]*)"|([^\s,]+))')
_RANK = {"SHA-256": SignIn.SHA_256, "MD5": SignIn.MD5}
_SESSION = "-SESS"
"""End of the names of algorithms whose digest of the password also has both nonces in it."""


@dataclass(frozen=True, slots=True)
class _Challenge:
    rank: SignIn
    """NONE: unsupported scheme."""
    fields: dict[str, str]
    algorithm: str = ""
    """Normalized algorithm name without `-sess`, or an unsupported scheme; `fields` keeps the camera's spelling."""
    is_session: bool = False


class ClientAuth:
    """Authentication state of one session. Pass each 401 to `challenged`; send `header` with the next request.

    Call `accepted` when a request succeeded: some cameras renew their nonce now and then.

    record: what the camera offered before; None: nothing is known.
    """

    def __init__(self, user: str, password: str, record: LoginRecord | None = None) -> None:
        self._user, self._password = user, password
        self._record = record or LoginHistory().record("", "", 0)
        self.weaker = ""
        """The weaker scheme that was refused and the one expected, as text; empty if none was."""
        self.unknown = ""
        """The schemes of the last challenge, as text, if tawny supports none of them; otherwise empty."""
        self._challenge: _Challenge | None = None
        self._answered: set[str] = set()
        self._count = 0

    @property
    def form(self) -> str:
        """Return `Basic`, `Digest MD5` or `Digest SHA-256`; empty before the first challenge."""
        if self._challenge is None:
            return ""
        return SIGN_IN_NAMES[self._challenge.rank]

    def challenged(self, values: Sequence[str]) -> bool:
        """Process the `WWW-Authenticate` values of a 401.

        Return False if the login is refused: no new challenge to try, only a weaker one than before (`weaker`), or only
        unsupported ones (`unknown`).
        """
        self.unknown = ""
        short = [value for value in values[:MAX_OFFERS] if len(value) <= MAX_OFFER_CHARS]
        offered = [_read(part) for value in short for part in _SCHEMES.split(value)[:MAX_OFFERS]]
        best = max(offered, key=lambda challenge: challenge.rank, default=None)
        if best is None or best.rank is SignIn.NONE:
            self.unknown = device_label(", ".join(dict.fromkeys(one.algorithm for one in offered if one.algorithm)))
            return False
        if not (self._user or self._password):
            return False
        expected = self._record.strongest
        if best.rank < expected:
            self.weaker = f"{SIGN_IN_NAMES[best.rank]} instead of {SIGN_IN_NAMES[expected]}"
            self._challenge = None
            return False
        self._record.offered(best.rank)
        nonce = best.fields.get("nonce", "")
        if nonce in self._answered or len(self._answered) >= MOST_CHALLENGES:
            return False
        self._answered.add(nonce)
        self._challenge, self._count = best, 0
        return True

    def accepted(self) -> None:
        """Count challenges from here: the login is right, only the nonce may expire."""
        if self._challenge is not None:
            self._answered = {self._challenge.fields.get("nonce", "")}

    def header(self, method: str, uri: str) -> str:
        """Return the `Authorization` value for this request; empty before the first challenge."""
        challenge = self._challenge
        if challenge is None:
            return ""
        if challenge.rank is SignIn.BASIC:
            return "Basic " + base64.b64encode(f"{self._user}:{self._password}".encode()).decode()
        return self._digest(challenge, method, uri)

    def _digest(self, challenge: _Challenge, method: str, uri: str) -> str:
        fields, algorithm = challenge.fields, challenge.algorithm
        realm, nonce = fields.get("realm", ""), fields.get("nonce", "")
        answer = {"username": _quoted(self._user), "realm": f'"{realm}"', "nonce": f'"{nonce}"', "uri": f'"{uri}"'}
        once, ours = nonce, secrets.token_hex(8)
        if "auth" in re.split(r"[,\s]+", fields.get("qop", "").lower()):
            self._count += 1
            count = f"{self._count:08x}"
            once = f"{nonce}:{count}:{ours}:auth"
            answer |= {"qop": "auth", "nc": count, "cnonce": f'"{ours}"'}
        stored = digest(self._user, self._password, realm, algorithm)
        if challenge.is_session:
            stored = _hashed(algorithm, f"{stored}:{nonce}:{ours}")
            answer["cnonce"] = f'"{ours}"'
        response = _response(algorithm, stored, once, method, uri)
        answer["response"] = f'"{response}"'
        if "opaque" in fields:
            answer["opaque"] = f'"{fields["opaque"]}"'
        if "algorithm" in fields:
            answer["algorithm"] = fields["algorithm"]
        return "Digest " + ", ".join(f"{name}={value}" for name, value in answer.items())


def _read(text: str) -> _Challenge:
    scheme, _, rest = text.strip().partition(" ")
    if scheme.lower() == "basic":
        return _Challenge(SignIn.BASIC, {})
    if scheme.lower() != "digest":
        return _Challenge(SignIn.NONE, {}, scheme)
    fields = _fields(rest)
    requested = fields.get("algorithm", "MD5").upper()
    algorithm = requested.removesuffix(_SESSION)
    return _Challenge(_RANK.get(algorithm, SignIn.NONE), fields, algorithm, is_session=requested != algorithm)


def _fields(text: str) -> dict[str, str]:
    return {found[1].lower(): found[2] if found[2] is not None else found[3] for found in _FIELD.finditer(text)}


def _hashed(algorithm: str, text: str) -> str:
    if algorithm == "SHA-256":
        return hashlib.sha256(text.encode()).hexdigest()
    # MD5 is required by the protocol: many cameras and players support nothing else
    return hashlib.md5(text.encode(), usedforsecurity=False).hexdigest()


def _response(algorithm: str, stored: str, once: str, method: str, uri: str) -> str:
    """Return the proof. once: the nonce, with counter, client nonce and `auth` if the challenge has a `qop`."""
    return _hashed(algorithm, f"{stored}:{once}:{_hashed(algorithm, f'{method}:{uri}')}")


def _quoted(text: str) -> str:
    escaped = text.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'


# The server's side: one challenge, and the check of a request's `Authorization`.


def challenge(nonce: str, realm: str = REALM, algorithm: str = "") -> str:
    """Return the `WWW-Authenticate` value. algorithm: empty for MD5."""
    return f'Digest realm="{realm}", nonce="{nonce}"' + (f", algorithm={algorithm}" if algorithm else "")


def digest(user: str, secret: str, realm: str = REALM, algorithm: str = "") -> str:
    """Return the digest that is stored for a secret and used to verify responses."""
    return _hashed(algorithm, f"{user}:{realm}:{secret}")


def user_of(authorization: str) -> str:
    """Return the user name in an `Authorization` header; empty without digest credentials."""
    return _digest_fields(authorization).get("username", "")


def is_right(authorization: str, method: str, nonce: str, stored: str, algorithm: str = "") -> bool:
    """Return whether `Authorization` proves the secret whose digest is `stored`."""
    fields = _digest_fields(authorization)
    wanted = _response(algorithm, stored, nonce, method, fields.get("uri", ""))
    return fields.get("nonce") == nonce and hmac.compare_digest(fields.get("response", "").encode(), wanted.encode())


def _digest_fields(authorization: str) -> dict[str, str]:
    scheme, _, rest = authorization.partition(" ")
    return _fields(rest) if scheme.lower() == "digest" else {}
