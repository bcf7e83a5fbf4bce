"""A stand-in for a sign-in provider on loopback, which answers like Keycloak or Authentik, or badly on purpose."""

import base64
import hashlib
import json
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cache
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit

from joserfc import jwt
from joserfc.jwk import ECKey, OctKey, RSAKey

CLIENT, SECRET = "tawny", "client secret/+"
KEYCLOAK = {"preferred_username": "anna", "email": "anna@example.org", "email_verified": True, "groups": ["/family"]}
AUTHENTIK = {"preferred_username": "anna", "email": "anna@example.org", "email_verified": True, "groups": ["family"]}


@cache
def rsa_key(number: int, use: str = "sig") -> RSAKey:
    """Making one takes a second."""
    return RSAKey.generate_key(2048, {"kid": f"key-{number}", "use": use})


@dataclass
class StandInProvider:
    """path: of the issuer. claims: of the user, whom it signs in without asking. change: edits an ID token's claims."""

    path: str = "/realms/home"
    claims: dict[str, Any] = field(default_factory=lambda: {"sub": "42", **KEYCLOAK})
    change: Callable[[dict[str, Any]], object] = lambda claims: None
    algorithm: str = "RS256"
    base: str = ""
    slow_s: float = 0.0
    """Pause after each byte of an answer."""
    huge: bool = False
    redirect: str = ""
    discovery: dict[str, Any] = field(default_factory=dict)
    """Replaces entries of the discovery document."""
    make_token: Callable[["StandInProvider", dict[str, Any]], str] | None = None
    asked: list[str] = field(default_factory=list)
    now_s: Callable[[], int] = lambda: int(time.time())

    def __post_init__(self) -> None:
        self._rotated = 0
        self.rotate()
        self._codes: dict[str, dict[str, str]] = {}

    def rotate(self) -> None:
        self._rotated += 1
        self.rsa = rsa_key(self._rotated)
        self.ec = ECKey.generate_key("P-256", {"kid": f"ec-{self._rotated}", "use": "sig"})

    @property
    def issuer(self) -> str:
        return f"{self.base}{self.path}"

    def visit(self, url: str) -> dict[str, str]:
        """The browser opens the provider's page, and the user signs in there. Return what the callback gets."""
        query = {name: values[0] for name, values in parse_qs(urlsplit(url).query).items()}
        assert query["client_id"] == CLIENT
        assert query["response_type"] == "code"
        assert query["code_challenge_method"] == "S256"
        code = f"code-{len(self._codes)}"
        self._codes[code] = query
        return {"code": code, "state": query["state"], "iss": self.issuer}

    def answer(self, method: str, path: str, headers: Any, body: str) -> tuple[int, Any]:
        self.asked.append(f"{method} {path}")
        if path == f"{self.path}/.well-known/openid-configuration":
            ends = {
                "issuer": self.issuer,
                "authorization_endpoint": f"{self.issuer}/auth",
                "token_endpoint": f"{self.issuer}/token",
                "jwks_uri": f"{self.issuer}/certs",
                "token_endpoint_auth_methods_supported": ["client_secret_basic", "client_secret_post"],
            }
            return 200, ends | self.discovery
        if path == f"{self.path}/certs":
            # Keycloak lists encryption keys as well
            extra = rsa_key(0, use="enc")
            return 200, {"keys": [key.as_dict(private=False) for key in (self.rsa, self.ec, extra)]}
        if path == f"{self.path}/token" and method == "POST":
            return self._token(headers, {name: values[0] for name, values in parse_qs(body).items()})
        return 404, {"error": "not found"}

    def _token(self, headers: Any, form: dict[str, str]) -> tuple[int, Any]:
        basic = base64.b64decode(headers.get("Authorization", "").removeprefix("Basic ")).decode()
        query = self._codes.pop(form.get("code", ""), None)  # once
        if basic != "tawny:client+secret%2F%2B":
            return 401, {"error": "invalid_client"}
        if query is None or form["redirect_uri"] != query["redirect_uri"]:
            return 400, {"error": "invalid_grant"}
        challenge = base64.urlsafe_b64encode(hashlib.sha256(form["code_verifier"].encode()).digest()).rstrip(b"=")
        if challenge.decode() != query["code_challenge"]:
            return 400, {"error": "invalid_grant"}
        now_s = self.now_s()
        claims = {
            "iss": self.issuer,
            "aud": CLIENT,
            "azp": CLIENT,
            "iat": now_s,
            "exp": now_s + 300,
            "nonce": query["nonce"],
            **self.claims,
        }
        self.change(claims)
        token = self.make_token(self, claims) if self.make_token else self.sign(claims)
        return 200, {"access_token": "opaque", "token_type": "Bearer", "id_token": token}

    def sign(self, claims: dict[str, Any]) -> str:
        key = self.ec if self.algorithm.startswith("ES") else self.rsa
        header = {"alg": self.algorithm, "kid": key.kid, "typ": "JWT"}
        return jwt.encode(header, claims, key, algorithms=[self.algorithm])


def part(value: object) -> str:
    raw = value if isinstance(value, bytes) else json.dumps(value).encode()
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()


def unsigned(provider: StandInProvider, claims: dict[str, Any]) -> str:
    return f"{part({'alg': 'none', 'kid': provider.rsa.kid})}.{part(claims)}."


def signed_with_public_key(provider: StandInProvider, claims: dict[str, Any]) -> str:
    """HS256, with the RSA public key as the shared secret."""
    key = OctKey.import_key(provider.rsa.as_pem(private=False))
    return jwt.encode({"alg": "HS256", "kid": provider.rsa.kid}, claims, key, algorithms=["HS256"])


def signed_by_another(provider: StandInProvider, claims: dict[str, Any]) -> str:
    return jwt.encode({"alg": "RS256", "kid": provider.rsa.kid}, claims, rsa_key(99))


def with_own_key(provider: StandInProvider, claims: dict[str, Any]) -> str:
    """The token brings its key along, and says where more are."""
    key = rsa_key(99)
    header = {"alg": "RS256", "jwk": key.as_dict(private=False), "jku": "http://127.0.0.1:1/keys"}
    return jwt.encode(header, claims, key)


def of_unknown_key(provider: StandInProvider, claims: dict[str, Any]) -> str:
    return jwt.encode({"alg": "RS256", "kid": "unlisted"}, claims, rsa_key(99))


@contextmanager
def serve(provider: StandInProvider) -> Iterator[StandInProvider]:
    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self._reply("GET", "")

        def do_POST(self) -> None:
            self._reply("POST", self.rfile.read(int(self.headers.get("Content-Length", 0))).decode())

        def _reply(self, method: str, body: str) -> None:
            if provider.redirect:
                self.send_response(302)
                self.send_header("Location", provider.redirect)
                self.end_headers()
                return
            status, made = provider.answer(method, self.path, self.headers, body)
            raw = json.dumps(made).encode() + (b" " * 10_000_000 if provider.huge else b"")
            self.send_response(status)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(raw)))
            self.end_headers()
            try:
                if provider.slow_s:
                    ended.wait(provider.slow_s)
                self.wfile.write(raw)
            except OSError:
                return  # the client has had enough

        def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 its name
            pass

    ended = threading.Event()
    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    provider.base = f"http://127.0.0.1:{server.server_address[1]}"
    thread = threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True)
    thread.start()
    try:
        yield provider
    finally:
        ended.set()
        server.shutdown()
        server.server_close()
        thread.join()
