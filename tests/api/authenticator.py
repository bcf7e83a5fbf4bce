"""An authenticator in software, as browsers use one, which can lie about everything."""

import base64
import hashlib
import json
from dataclasses import dataclass, field
from typing import Any

import cbor2
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec

PRESENT, VERIFIED, ATTESTED = 0x01, 0x04, 0x40


def encoded(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()


def decoded(text: str) -> bytes:
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))


@dataclass
class SoftwareKey:
    """One passkey. host, origin: of the page, as the browser sees it."""

    host: str = "tawny.test"
    origin: str = "https://tawny.test"
    flags: int = PRESENT | VERIFIED
    count: int = 0
    id: bytes = b"a passkey of anna"
    user: bytes = b""
    key: ec.EllipticCurvePrivateKey = field(default_factory=lambda: ec.generate_private_key(ec.SECP256R1()))

    def create(self, options: str) -> str:
        asked: dict[str, Any] = json.loads(options)
        self.user = decoded(asked["user"]["id"])
        numbers = self.key.public_key().public_numbers()
        public = {1: 2, 3: -7, -1: 1, -2: numbers.x.to_bytes(32, "big"), -3: numbers.y.to_bytes(32, "big")}
        attested = bytes(16) + len(self.id).to_bytes(2, "big") + self.id + cbor2.dumps(public)
        data = self._data(self.flags | ATTESTED) + attested
        made = cbor2.dumps({"fmt": "none", "attStmt": {}, "authData": data})
        client = self._client("webauthn.create", asked["challenge"])
        return self._answer({"attestationObject": encoded(made), "clientDataJSON": encoded(client)})

    def get(self, options: str) -> str:
        self.count += 1
        data, client = self._data(self.flags), self._client("webauthn.get", json.loads(options)["challenge"])
        signature = self.key.sign(data + hashlib.sha256(client).digest(), ec.ECDSA(hashes.SHA256()))
        return self._answer(
            {
                "authenticatorData": encoded(data),
                "clientDataJSON": encoded(client),
                "signature": encoded(signature),
                "userHandle": encoded(self.user),
            }
        )

    def _data(self, flags: int) -> bytes:
        return hashlib.sha256(self.host.encode()).digest() + bytes([flags]) + self.count.to_bytes(4, "big")

    def _client(self, kind: str, challenge: str) -> bytes:
        return json.dumps({"type": kind, "challenge": challenge, "origin": self.origin, "crossOrigin": False}).encode()

    def _answer(self, response: dict[str, str]) -> str:
        key = encoded(self.id)
        return json.dumps(
            {"id": key, "rawId": key, "type": "public-key", "response": response, "clientExtensionResults": {}}
        )
