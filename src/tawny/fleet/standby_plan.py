"""The plan that a recorder sends its standby: how to record its cameras, and when not to. Encrypted for the standby.

The plan holds addresses and credentials. It travels and lies encrypted to the standby's own key (age, then
ChaCha20-Poly1305), and is opened in memory only.
"""

import ipaddress
import json
import os
import re
import socket
import threading
import zlib
from collections import deque
from collections.abc import Collection, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Final, Protocol
from urllib.parse import urlsplit

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import ChaCha20Poly1305

from tawny.engine.actor import start_thread
from tawny.fleet.fleet_index import Box
from tawny.model.times import Span, SystemClock
from tawny.sealed.key_wrapping import KeyUnwrapper, wrap

MOST_PLAN_BYTES: Final = 256 * 1024
"""Of an encrypted plan: it must fit into one message."""
_MOST_TEXT_BYTES: Final = 8 * 1024 * 1024
MOST_CAMERAS: Final = 256
LOOKUP_S: Final = 2.0
"""Time in s for all names of a plan: cameras with names wait for it, no others."""
_LOOKUP_THREADS: Final = 8
_OWN_NAME: Final = re.compile(r"(.+\.)?localhost(\.localdomain)?\.?|ip6-(localhost|loopback)\.?", re.IGNORECASE)
_WEEK_MS: Final = 7 * 86_400_000
MOST_CHANGES: Final = 400
"""Of the coming week: those that rules and modes of all cameras have. More than that are not looked for."""
MOST_AHEAD_MS: Final = 60_000
"""Most that both clocks may differ: beyond, one of them has not been set yet."""
_KEY_BYTES, _NONCE_BYTES, _LENGTH_BYTES = 32, 12, 2


@dataclass(frozen=True, slots=True)
class StandbyCamera:
    """A camera as its standby needs it.

    settings: those of `CameraSettings`, with credentials. why_not: why the standby can't record it; empty if it can.
    is_due: whether it should be recorded when the plan is made. why_off: why it should not. changes: when that changes
    as far as is known, ms UTC, and whether it should be recorded from then on. is_weekly: they come again each week.

    due_from_ms, due_until_ms: the first change of either kind, for standbys of earlier versions.
    """

    id: str
    name: str
    settings: Mapping[str, Any]
    why_not: str = ""
    is_due: bool = True
    why_off: str = ""
    due_from_ms: int | None = None
    due_until_ms: int | None = None
    changes: tuple[tuple[int, bool], ...] = ()
    is_weekly: bool = False

    def hindrance(self, now_ms: int, ahead_ms: int = 0) -> str:
        """Return why the standby may not record it now; empty if it may.

        now_ms: by a clock that is this far ahead of the recorder's, by which the plan is. If both differ much, either
        may be wrong, and what should not be recorded by one of them is not.
        """
        why = self._hindrance_at(now_ms - ahead_ms)
        return why if abs(ahead_ms) <= MOST_AHEAD_MS else why or self._hindrance_at(now_ms)

    def _hindrance_at(self, now_ms: int) -> str:
        if self.why_not:
            return self.why_not
        at_ms, changes = now_ms, self.changes or self._first_changes()
        if self.is_weekly and changes and at_ms > changes[-1][0]:
            at_ms -= -(-(at_ms - changes[-1][0]) // _WEEK_MS) * _WEEK_MS
        passed = [is_due for from_ms, is_due in changes if from_ms <= at_ms]
        if passed:
            return "" if passed[-1] else "it should not be recorded at this time"
        return "" if self.is_due else self.why_off or "it should not be recorded"

    def _first_changes(self) -> tuple[tuple[int, bool], ...]:
        """Return what a recorder of an earlier version says of them."""
        found = ((self.due_from_ms, True), (self.due_until_ms, False))
        return tuple((at_ms, is_due) for at_ms, is_due in found if at_ms is not None)


@dataclass(frozen=True, slots=True)
class StandbyPlan:
    """addresses: of the recorder's web interface, to ask it whether it records."""

    addresses: tuple[str, ...] = ()
    cameras: tuple[StandbyCamera, ...] = ()

    def sealed(self, recipient: str) -> bytes:
        """Return the plan encrypted. recipient: the standby's `age1…` key. Raises ValueError: it is too large."""
        text = json.dumps(asdict(self), separators=(",", ":")).encode()
        key, nonce = ChaCha20Poly1305.generate_key(), os.urandom(_NONCE_BYTES)
        wrapped = wrap(key, [recipient])
        sealed = ChaCha20Poly1305(key).encrypt(nonce, zlib.compress(text), None)
        made = len(wrapped).to_bytes(_LENGTH_BYTES) + wrapped + nonce + sealed
        if len(made) > MOST_PLAN_BYTES or len(text) > _MOST_TEXT_BYTES:
            raise ValueError("the settings of the cameras are too large")
        return made

    @classmethod
    def opened(cls, sealed: bytes, key: KeyUnwrapper) -> "StandbyPlan":
        """Raises ValueError: it is damaged, for another key, or of another version."""
        size = int.from_bytes(sealed[:_LENGTH_BYTES])
        wrapped, rest = sealed[_LENGTH_BYTES : _LENGTH_BYTES + size], sealed[_LENGTH_BYTES + size :]
        epoch = key.unwrapped(wrapped)
        if epoch is None or len(epoch) != _KEY_BYTES or len(rest) < _NONCE_BYTES:
            raise ValueError("the plan is damaged, or for another key")
        try:
            packed = ChaCha20Poly1305(epoch).decrypt(rest[:_NONCE_BYTES], rest[_NONCE_BYTES:], None)
            unpacking = zlib.decompressobj()
            text = unpacking.decompress(packed, _MOST_TEXT_BYTES)
            return _plan_in(json.loads(text))
        except (InvalidTag, zlib.error, KeyError, TypeError, ValueError, RecursionError) as error:
            raise ValueError(f"the plan can't be read: {error or 'it is damaged'}") from error


class StandbyWork(Protocol):
    """What records others' cameras. Called in worker threads, one for each recorder."""

    def record(self, box: Box, cameras: Sequence[StandbyCamera], silent_ms: int) -> Mapping[str, str]:
        """Record exactly these cameras of a recorder from now on.

        silent_ms: when it was here last, ms UTC. Return why some can't be recorded, by id. Raises SettingsError.
        """

    def check(self, cameras: Sequence[StandbyCamera]) -> Mapping[str, str]:
        """Return why some of these cameras could not be recorded, by id."""

    def hindrance(self) -> str:
        """Return why it would record no camera now, whosever it is; empty: it would. Raises StorageError."""

    def unrecorded(self, box: Box) -> Mapping[str, str]:
        """Return why cameras of a recorder that it should be recording are not recorded, by id. From memory."""

    def footage(self, box: Box, camera: str, span: Span) -> Sequence[Path] | None:
        """Return the files with some of this time, oldest first; None while one of them is still being written."""


def _plan_in(data: Any) -> StandbyPlan:
    cameras = tuple(_camera_in(one) for one in data["cameras"][:MOST_CAMERAS])
    found = (_address_in(str(one)[:200]) for one in data["addresses"][:16])
    return StandbyPlan(tuple(one for one in found if one), cameras)


def is_host_of_network(host: str) -> bool:
    """Return whether a host of a plan is one that a standby may connect to.

    Neither the standby itself (loopback, `localhost`, `0.0.0.0`) nor link-local or multicast. Other names are not
    looked up: see `look_up`.
    """
    found = _ip_of(host)
    if found is None:
        return bool(host) and _OWN_NAME.fullmatch(host) is None
    return not (found.is_loopback or found.is_link_local or found.is_unspecified or found.is_multicast)


def is_name(host: str) -> bool:
    """Return whether a host must be looked up."""
    return _ip_of(host) is None


def look_up(names: Collection[str]) -> Mapping[str, Sequence[str]]:
    """Return the addresses of those names that are found within LOOKUP_S. Waits for the network."""
    found, waiting, done = dict[str, Sequence[str]](), deque(set(names)), threading.Semaphore(0)

    def run() -> None:
        while waiting:
            try:
                name = waiting.popleft()
            except IndexError:  # another thread was faster
                return
            found[name] = _addresses_of(name)
            done.release()

    clock, count = SystemClock(), len(waiting)
    ends_s = clock.mono_s() + LOOKUP_S
    for _ in range(min(_LOOKUP_THREADS, count)):
        start_thread("lookup", run)
    while count and done.acquire(timeout=max(0.0, ends_s - clock.mono_s())):
        count -= 1
    waiting.clear()
    return dict(found)


def _addresses_of(name: str) -> Sequence[str]:
    """Return the addresses of a host; none if it is unknown."""
    try:
        return [str(place[0]) for *_, place in socket.getaddrinfo(name, None, type=socket.SOCK_STREAM)]
    except (OSError, UnicodeError):
        return []


def _ip_of(host: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address | None:
    """Return the address that a host is, also by one within IPv6; None: it is a name."""
    try:
        found = ipaddress.ip_address(host)
    except ValueError:
        try:
            return ipaddress.IPv4Address(socket.inet_aton(host))  # also `2852039166`, `127.1` and `0xa9.0xfe.1`
        except (OSError, ValueError):
            return None
    if isinstance(found, ipaddress.IPv6Address) and int(found) >> 32 in (0, 0xFFFF) and int(found) > 1:
        return ipaddress.IPv4Address(int(found) & 0xFFFF_FFFF)  # ::127.0.0.1 and ::ffff:127.0.0.1
    return found


def _address_in(text: str) -> str:
    """Return scheme, host and port of a recorder's address, without anything else; empty: it is none."""
    try:
        parts = urlsplit(text)
        host, port = parts.hostname or "", parts.port
    except ValueError:
        return ""
    if parts.scheme not in ("http", "https") or not is_host_of_network(host):
        return ""
    shown = f"[{host}]" if ":" in host else host
    return f"{parts.scheme}://{shown}" + ("" if port is None else f":{port}")


def _camera_in(data: Mapping[str, Any]) -> StandbyCamera:
    """Raises KeyError, TypeError, ValueError."""
    times = [data.get(key) for key in ("due_from_ms", "due_until_ms")]
    if not isinstance(data["settings"], dict) or any(type(one) is not int for one in times if one is not None):
        raise ValueError("a camera of the plan is invalid")
    changes = tuple((at_ms, is_due) for at_ms, is_due in data.get("changes", ())[:MOST_CHANGES])
    if any(type(at_ms) is not int or type(is_due) is not bool for at_ms, is_due in changes):
        raise ValueError("the changes of a camera of the plan are invalid")
    return StandbyCamera(
        str(data["id"])[:40], str(data["name"])[:100], data["settings"], str(data["why_not"])[:300],
        data["is_due"] is True, str(data["why_off"])[:300], times[0], times[1], changes, data.get("is_weekly") is True,
    )  # fmt: skip
