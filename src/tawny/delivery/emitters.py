"""Emitters: send messages to other software by datagram, webhook or script, one at a time, without storing them."""

import hashlib
import json
import socket
from collections.abc import Mapping
from typing import Any, Protocol

from tawny.config.integrations import EmitterSettings, socket_address
from tawny.delivery.notifier import HEADER, HttpApi, signature
from tawny.delivery.scripts import ScriptRunner
from tawny.model.clock import Clock
from tawny.model.errors import DeliveryError, NotDone, TargetMissing, TargetUnreachable

MOST_DATAGRAM = 65_536
Told = Mapping[str, Any]


class Emitter(Protocol):
    """Sends messages. Use from one thread. Raises DeliveryError without secrets."""

    public: str
    """Address without secrets."""

    tries_again: bool
    """Whether to retry a failed message. Not useful if the receiver is not running."""

    def send(self, told: Told) -> str:
        """Send a message. Return the response; usually empty."""
        ...

    def close(self) -> None: ...


def emitter_of(one: EmitterSettings, scripts: ScriptRunner, clock: Clock) -> Emitter:
    scheme, _, rest = one.url.partition(":")
    if scheme == "unix":
        return DatagramEmitter(rest)
    if scheme == "run":
        return ScriptEmitter(rest, scripts)
    return WebhookEmitter(one.url.removeprefix("webhook+"), one.secret, clock)


class DatagramEmitter:
    """Sends UNIX datagrams to a socket name; never waits."""

    tries_again = False

    def __init__(self, address: str) -> None:
        self.public = f"the socket {address}"
        self._address = socket_address(address)
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self._socket.settimeout(0.0)  # non-blocking

    def send(self, told: Told) -> str:
        data = json.dumps(told, ensure_ascii=False).encode()
        try:
            self._socket.sendto(data, self._address)
        except BlockingIOError:
            raise TargetUnreachable(self.public, "it isn't accepting data") from None
        except OSError as error:
            raise TargetUnreachable(self.public, error.strerror or type(error).__name__) from None
        return ""

    def close(self) -> None:
        self._socket.close()


class WebhookEmitter:
    """Sends JSON by POST, signed if a secret is set (`delivery.notifier`).

    The `Idempotency-Key` is derived from the content.
    """

    tries_again = True

    def __init__(self, url: str, secret: str, clock: Clock) -> None:
        self._secret, self._clock = secret, clock
        self._api = HttpApi(url, "")
        self.public = self._api.public = f"the webhook at {self._api.host}"

    def send(self, told: Told) -> str:
        body = json.dumps(told, ensure_ascii=False).encode()
        headers = {"Content-Type": "application/json", "Idempotency-Key": hashlib.sha256(body).hexdigest()[:32]}
        if self._secret:
            headers[HEADER] = signature(self._secret, self._clock.now_ms() // 1000, body)
        self._api.well("POST", "", body, headers)
        return ""

    def close(self) -> None:
        """No resources to release."""


class ScriptEmitter:
    """Runs a script per message, one after the other."""

    tries_again = False

    def __init__(self, name: str, scripts: ScriptRunner) -> None:
        self.public, self._name, self._scripts = f"the script {name}", name, scripts

    def send(self, told: Told) -> str:
        try:
            ran = self._scripts.run(self._name, told)
        except NotDone as error:
            raise TargetMissing(self.public, str(error)) from None
        if ran.code is None:
            raise DeliveryError(self.public, "it took too long and was stopped")
        if ran.code:
            said = ran.said.splitlines()
            raise DeliveryError(
                self.public, f"it exited with code {ran.code}" + (f": {said[-1][:200]}" if said else "")
            )
        return ran.said

    def close(self) -> None:
        """No resources to release."""
