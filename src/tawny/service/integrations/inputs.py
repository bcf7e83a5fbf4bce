"""Inputs: authenticate clients that send commands by webhook or datagram.

Each signed webhook is accepted once and only for some minutes. Used signatures are stored durably, so a restart does
not allow a replay. The kernel adds the sender's user ID to a datagram.
"""

import contextlib
import hmac
import json
import logging
import os
import pwd
import socket
import struct
import threading
from collections.abc import Callable, Mapping
from pathlib import Path

from tawny.config.integrations import InputSettings, socket_address
from tawny.delivery.commands import MOST_BYTES, CommandIssuer, CommandRefused, CommandResult, order_in
from tawny.delivery.notifier import HEADER, MOST_AGE_S, NotifierStore, signed_at
from tawny.model.times import Clock

WAIT_S = 1.0
_CREDENTIALS = struct.Struct("iII")  # process, user, group
_WHO = "This sender isn't allowed to send commands."
Do = Callable[[CommandIssuer, object], CommandResult]
log = logging.getLogger(__name__)


class Inputs:
    """Authenticates webhooks. Thread-safe. kept: durable key-value store. Raises CommandRefused."""

    def __init__(self, inputs: Mapping[str, InputSettings], kept: NotifierStore, clock: Clock) -> None:
        self._inputs, self._kept, self._clock = dict(inputs), kept, clock
        self._lock = threading.Lock()

    def sent(self, name: str, headers: Mapping[str, str], body: bytes, address: str) -> CommandIssuer:
        """Return the issuer of a body sent to `/api/v1/inputs/NAME`. headers: by lower-case names."""
        one = self._inputs.get(name)
        if one is None or one.socket:
            raise CommandRefused("signed_out", _WHO, "Configure integrations under `[api_clients]` in the settings.")
        if one.token:
            scheme, _, token = headers.get("authorization", "").partition(" ")
            if scheme.lower() != "bearer" or not hmac.compare_digest(token.encode(), one.token.encode()):
                raise CommandRefused("signed_out", _WHO, "Send the token as `Authorization: Bearer`.")
        else:
            self._check_signature(name, one.secret, headers.get(HEADER.lower(), ""), body)
        return issuer_of(name, one, "webhook", address)

    def _check_signature(self, name: str, secret: str, header: str, body: bytes) -> None:
        at_s, now_s = signed_at(header, secret, body), self._clock.now_ms() // 1000
        if at_s is None:
            raise CommandRefused("signed_out", _WHO, f"Sign the body and send the signature in `{HEADER}`.")
        if abs(now_s - at_s) > MOST_AGE_S:
            todo = "Check both clocks, then sign and send it again."
            raise CommandRefused("signed_out", "The signature is too old or from the future.", todo)
        with self._lock:
            seen = self._kept.marks()
            for key, until_s in seen.items():
                if int(until_s) < now_s:
                    self._kept.mark(key, "")
            key = f"{name}/{header.rpartition('=')[2]}"
            if key in seen:
                todo = "Sign each command again, with the time in milliseconds: `t=SECONDS.123`."
                raise CommandRefused("signed_out", "This was already sent.", todo)
            self._kept.mark(key, str(at_s + MOST_AGE_S))


def issuer_of(name: str, one: InputSettings, way: str, address: str = "") -> CommandIssuer:
    return CommandIssuer(name, way, frozenset(one.permissions), frozenset(one.cameras) or None, address)


class DatagramDoor:
    """Receives the datagrams of one client as an actor. Senders with a bound socket name get a response."""

    def __init__(self, name: str, one: InputSettings, do: Do) -> None:
        self.name, self._input_name, self._one, self._do = f"datagrams of {name}", name, one, do
        self._users = {os.geteuid(), 0, *_ids(one.users)}
        self._path = None if one.socket.startswith("@") else Path(one.socket)
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        try:
            self._open()
        except OSError:
            self._socket.close()
            raise

    def step(self) -> float:
        try:
            body, parts, _, sender = self._socket.recvmsg(
                MOST_BYTES + 1, socket.CMSG_SPACE(_CREDENTIALS.size), socket.MSG_CMSG_CLOEXEC
            )
        except TimeoutError:
            return 0.0
        user = next((_CREDENTIALS.unpack(data)[1] for _, kind, data in parts if kind == socket.SCM_CREDENTIALS), None)
        if user not in self._users:
            log.warning("%s: a datagram of user %s was refused", self._input_name, user)
            return 0.0
        try:
            done = self._do(issuer_of(self._input_name, self._one, "datagram", f"user {user}"), order_in(body))
            answer: dict[str, object] = {"done": done.words, "event": done.event or None}
        except CommandRefused as refused:
            log.info("%s: refused: %s", self._input_name, refused)
            answer = {"error": {"code": refused.kind, "message": refused.message, "hint": refused.do}}
        if sender:
            with contextlib.suppress(OSError):  # the sender has closed its socket
                self._socket.sendto(json.dumps(answer, ensure_ascii=False).encode(), socket.MSG_DONTWAIT, sender)
        return 0.0

    def close(self) -> None:
        self._socket.close()
        if self._path is not None:
            self._path.unlink(missing_ok=True)

    def _open(self) -> None:
        self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_PASSCRED, 1)
        self._socket.settimeout(WAIT_S)
        if self._path is not None and self._path.is_socket():
            self._path.unlink()  # left behind by a killed recorder
        before = os.umask(0o111 if self._one.users else 0o177)
        try:
            self._socket.bind(socket_address(self._one.socket))
        finally:
            os.umask(before)


def _ids(users: tuple[str, ...]) -> set[int]:
    """Return the user IDs; unknown users are ignored."""
    found: set[int] = set()
    for user in users:
        with contextlib.suppress(KeyError):
            found.add(int(user) if user.isdigit() else pwd.getpwnam(user).pw_uid)
    return found
