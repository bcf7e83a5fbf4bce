"""Signing in by a provider that speaks OpenID Connect, such as Authentik or Keycloak: code flow with PKCE.

The provider is trusted to say who someone is, and with nothing else: all its addresses have the host of the configured
issuer, redirects are not followed, answers are bounded in size and time, and the ID token is checked in full.
Algorithms with a shared secret are never accepted, so that the provider's public key can't serve as one.
"""

import base64
import hashlib
import http.client
import json
import logging
import threading
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, Final
from urllib.parse import urlencode, urlsplit

from tawny import __version__
from tawny.config.sign_in import GroupSettings, OidcSettings
from tawny.model.errors import TawnyError
from tawny.model.times import Clock
from tawny.protocols.http_connection import http_connection

ALGORITHMS: Final = ("RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512", "EdDSA")
MOST_ANSWER_BYTES: Final = 256 * 1024
ANSWER_S: Final = 10.0
"""Time in s for a whole answer of the provider."""
AT_ONCE: Final = 2
"""Maximum number of requests to the provider at once: a slow one must not take all workers."""
FRESH_S: Final = 3600.0
"""How long the provider's addresses and keys are kept."""
KEYS_AGAIN_S: Final = 30.0
"""Minimum interval in s between requests for the keys because of an unknown one."""
LEEWAY_S: Final = 60
"""Tolerated difference of clocks."""
MOST_GROUPS: Final = 1000
_RANKS: Final = ("owner", "member", "viewer")
log = logging.getLogger(__name__)


@dataclass(eq=False)
class ProviderFailed(TawnyError):
    """The provider can't be reached, or its answer isn't valid. why: without secrets."""

    why: str
    says = "The sign-in provider's answer can't be used: {why}."
    advice = "Check `sign_in.oidc` in the settings, and the provider."


@dataclass(frozen=True, slots=True)
class ProviderUser:
    """Whom the provider has signed in. names: what an owner may have linked; verified email only."""

    issuer: str
    subject: str
    shown_name: str
    names: tuple[str, ...]
    groups: frozenset[str]


@dataclass(frozen=True, slots=True)
class _Found:
    authorization: str
    token: str
    keys: str
    at_s: float
    takes_basic: bool


class OidcProvider:
    """The configured provider. Thread-safe; calls wait for the network."""

    def __init__(self, settings: OidcSettings, clock: Clock) -> None:
        self.settings, self._clock = settings, clock
        self._lock = threading.Lock()
        self._turns = threading.BoundedSemaphore(AT_ONCE)
        self._found: _Found | None = None
        self._keys: tuple[Any, float] | None = None

    @property
    def label(self) -> str:
        """Text of the button."""
        return self.settings.name or urlsplit(self.settings.issuer).hostname or ""

    def authorization_url(self, redirect_uri: str, state: str, nonce: str, verifier: str) -> str:
        """Return where the browser goes to sign in. Raises ProviderFailed."""
        challenge = base64.urlsafe_b64encode(hashlib.sha256(verifier.encode()).digest()).rstrip(b"=").decode()
        query = {
            "response_type": "code",
            "client_id": self.settings.client_id,
            "redirect_uri": redirect_uri,
            "scope": "openid profile email",
            "state": state,
            "nonce": nonce,
            "code_challenge": challenge,
            "code_challenge_method": "S256",
        }
        address = self._discover().authorization
        return f"{address}{'&' if '?' in address else '?'}{urlencode(query)}"

    def finish(self, code: str, redirect_uri: str, nonce: str, verifier: str) -> ProviderUser:
        """Exchange the code for an ID token, and verify that. Raises ProviderFailed."""
        found = self._discover()
        form = {
            "grant_type": "authorization_code",
            "code": code,
            "redirect_uri": redirect_uri,
            "code_verifier": verifier,
        }
        headers = {}
        if found.takes_basic:
            pair = urlencode({"": self.settings.client_id})[1:] + ":" + urlencode({"": self.settings.client_secret})[1:]
            headers["Authorization"] = "Basic " + base64.b64encode(pair.encode()).decode()
        else:
            form |= {"client_id": self.settings.client_id, "client_secret": self.settings.client_secret}
        answer = self._fetch("POST", found.token, urlencode(form), headers)
        token = answer.get("id_token")
        if not isinstance(token, str) or len(token) > MOST_ANSWER_BYTES:
            raise ProviderFailed("it has no ID token")
        return self._user(self._verified(token, nonce))

    def _discover(self) -> _Found:
        with self._lock:
            found = self._found
        if found is not None and self._clock.mono_s() - found.at_s < FRESH_S:
            return found
        answer = self._fetch("GET", f"{self.settings.issuer.rstrip('/')}/.well-known/openid-configuration")
        if answer.get("issuer") != self.settings.issuer:
            raise ProviderFailed("it names another issuer than the settings")
        names = ("authorization_endpoint", "token_endpoint", "jwks_uri")
        authorization, token, keys = (self._own(answer.get(name), name) for name in names)
        methods = answer.get("token_endpoint_auth_methods_supported", ["client_secret_basic"])
        takes_basic = isinstance(methods, list) and "client_secret_basic" in methods
        found = _Found(authorization, token, keys, self._clock.mono_s(), takes_basic)
        with self._lock:
            self._found = found
        return found

    def _own(self, address: object, name: str) -> str:
        """Return an address of the provider. It must have scheme, host and port of the issuer."""
        issuer, parts = urlsplit(self.settings.issuer), urlsplit(address if isinstance(address, str) else "")
        if (parts.scheme, parts.netloc) != (issuer.scheme, issuer.netloc) or parts.fragment:
            raise ProviderFailed(f"{name} isn't an address of {issuer.netloc}")
        return parts.geturl()

    def _verified(self, token: str, nonce: str) -> Mapping[str, Any]:
        """Return the claims of a valid ID token for this sign-in."""
        try:
            from joserfc import jwt
            from joserfc.errors import JoseError
        except ImportError as error:
            raise ProviderFailed('joserfc is missing; install it with pip install "tawny[oidc]"') from error

        now_s = self._clock.now_ms() // 1000
        registry = jwt.JWTClaimsRegistry(
            now=now_s,
            leeway=LEEWAY_S,
            iss={"essential": True, "value": self.settings.issuer},
            sub={"essential": True},
            aud={"essential": True},
            exp={"essential": True},
            iat={"essential": True},
            nonce={"essential": True, "value": nonce},
        )
        try:
            claims: dict[str, Any] = jwt.decode(token, self._key_of(token), algorithms=list(ALGORITHMS)).claims
            registry.validate(claims)
        except (JoseError, ValueError, TypeError, KeyError) as error:
            raise ProviderFailed(f"the ID token isn't valid ({type(error).__name__})") from error
        audience = claims["aud"] if isinstance(claims["aud"], list) else [claims["aud"]]
        mine = self.settings.client_id
        if mine not in audience or (len(audience) > 1 and claims.get("azp") != mine) or claims.get("azp", mine) != mine:
            raise ProviderFailed("the ID token is for another client")
        if not isinstance(claims["sub"], str) or not 0 < len(claims["sub"]) <= 255:
            raise ProviderFailed("the ID token names no user")
        return claims

    def _key_of(self, token: str) -> Any:
        """Return the provider's key that the token names. An unknown one is asked for once more: keys rotate."""
        from joserfc import jws
        from joserfc.jwk import KeySet

        header = jws.extract_compact(token.encode()).headers()
        if header.get("alg") not in ALGORITHMS:
            raise ProviderFailed("the ID token has a signature of a kind that isn't accepted")
        for is_again in (False, True):
            keys: KeySet = self._key_set(is_again=is_again)
            fitting = [key for key in keys.keys if "kid" not in header or key.kid == header["kid"]]
            if len(fitting) == 1:
                return fitting[0]
        raise ProviderFailed("the ID token is signed with a key that the provider doesn't list")

    def _key_set(self, *, is_again: bool) -> Any:
        from joserfc.errors import JoseError
        from joserfc.jwk import KeySet

        with self._lock:
            known = self._keys
        age_s = self._clock.mono_s() - known[1] if known else FRESH_S
        if known is not None and age_s < (KEYS_AGAIN_S if is_again else FRESH_S):
            return known[0]
        listed = self._fetch("GET", self._discover().keys).get("keys")
        public = [
            key
            for key in (listed if isinstance(listed, list) else [])
            if isinstance(key, dict) and key.get("kty") in ("RSA", "EC", "OKP") and key.get("use", "sig") == "sig"
        ]
        try:
            made = KeySet.import_key_set({"keys": public})
        except (JoseError, ValueError, TypeError, KeyError) as error:
            raise ProviderFailed("its keys can't be read") from error
        with self._lock:
            self._keys = made, self._clock.mono_s()
        return made

    def _user(self, claims: Mapping[str, Any]) -> ProviderUser:
        names = [claims.get("preferred_username")]
        if claims.get("email_verified") is True:
            names.append(claims.get("email"))
        texts = [name.strip() for name in names if isinstance(name, str) and name.strip()]
        shown = texts[0] if texts else ""
        found: Any = claims
        for part in self.settings.groups_claim.split("."):
            found = found.get(part) if isinstance(found, dict) else None
        groups = found if isinstance(found, list) else [found]
        listed = frozenset(one.removeprefix("/") for one in groups[:MOST_GROUPS] if isinstance(one, str))
        return ProviderUser(self.settings.issuer, claims["sub"], shown[:64], tuple(texts), listed)

    def grant(self, user: ProviderUser) -> GroupSettings | None:
        """Return what the groups of a user allow: of several, the strongest role, with the cameras of all its groups.

        None: no group of the user is configured.
        """
        mine = [group for name, group in self.settings.groups.items() if name.removeprefix("/") in user.groups]
        if not mine:
            return None
        role = min((group.role for group in mine), key=_RANKS.index)
        seen = [group.cameras for group in mine if group.role == role]
        if None in seen:
            return GroupSettings(role=role)
        return GroupSettings(role=role, cameras=tuple(sorted({camera for one in seen for camera in one or ()})))

    def _fetch(self, method: str, address: str, body: str = "", more: Mapping[str, str] | None = None) -> Any:
        """Return an answer of the provider as JSON object. Raises ProviderFailed. Waits at most ANSWER_S."""
        if not self._turns.acquire(blocking=False):
            raise ProviderFailed("it is slow, and others are waiting for it")
        try:
            return _read_json(method, address, body, more or {})
        finally:
            self._turns.release()


def _read_json(method: str, address: str, body: str, more: Mapping[str, str]) -> Any:
    parts = urlsplit(address)
    target = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    headers = {"Accept": "application/json", "User-Agent": f"tawny/{__version__}", **more}
    if body:
        headers["Content-Type"] = "application/x-www-form-urlencoded"
    connection = http_connection(parts, ANSWER_S)
    end = threading.Timer(ANSWER_S, _cut, (connection,))  # an answer may come byte by byte
    end.daemon = True
    end.start()
    try:
        connection.request(method, target, body.encode() or None, headers)
        answer = connection.getresponse()
        raw = answer.read(MOST_ANSWER_BYTES + 1)
    except (OSError, http.client.HTTPException) as error:
        raise ProviderFailed(f"{parts.netloc} doesn't answer ({type(error).__name__})") from error
    finally:
        end.cancel()
        connection.close()
    if answer.status != 200:
        raise ProviderFailed(f"{parts.netloc} answered {answer.status}")
    if len(raw) > MOST_ANSWER_BYTES:
        raise ProviderFailed(f"an answer of {parts.netloc} has more than {MOST_ANSWER_BYTES // 1024} KiB")
    try:
        found = json.loads(raw)
    except (ValueError, RecursionError) as error:
        raise ProviderFailed(f"an answer of {parts.netloc} isn't JSON") from error
    if not isinstance(found, dict):
        raise ProviderFailed(f"an answer of {parts.netloc} isn't an object")
    return found


def _cut(connection: http.client.HTTPConnection) -> None:
    if connection.sock is not None:
        with suppress(OSError):
            connection.sock.shutdown(2)
