"""RTMP: cameras that are asked for their stream, and cameras and encoders that send it to this recorder."""

import errno
import hmac
import ipaddress
import logging
import queue
import re
import secrets
import socket
import ssl
import threading
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from functools import partial
from typing import Any, ClassVar, Final, NamedTuple

from tawny.engine.actor import start_thread
from tawny.engine.connections import client_group
from tawny.model.errors import (
    SourceClosed,
    SourceError,
    SourceNotFound,
    SourceRedirected,
    SourceRefused,
    SourceStalled,
    SourceUnreachable,
)
from tawny.model.times import Clock
from tawny.protocols import rtmp
from tawny.protocols.rtmp import MalformedRtmp, RtmpMessage, RtmpReader, command, number_message, read_command
from tawny.protocols.rtsp_message import redirect_target
from tawny.sources.media_connection import MediaConnection, MediaInput
from tawny.sources.network_address import (
    LEAST_KEY,
    LISTENING,
    NetworkAddress,
    parse_network,
    public_address,
    scheme_of,
    stream_key,
)
from tawny.sources.rtsp.client.tcp_transport import in_words
from tawny.sources.rtsp.source import stream_settings
from tawny.sources.source import CameraConnection, SourceContext

_CONNECT_S: Final = 8.0
_SENDER_S: Final = 8.5
"""How long an attempt waits for a sender."""
_IDLE_S: Final = 30.0
"""Time without an attempt after which a port is closed."""
_READ_BYTES: Final = 1 << 16
_ACKNOWLEDGE_BYTES: Final = 500_000
_MOST_UNNAMED, _MOST_OF_ADDRESS = 24, 4
"""Connections to one port that have not named a stream key yet, of all addresses and of one (IPv6: of one /64)."""
_UNDER_WAY_S, _SILENT_S = 1.0, 2.0
"""A sender from which no media came for the second time has lost its connection if another one comes; the first is for
what had been sent before.
"""
_LOG_AGAIN_S, _MOST_LOGGED = 600.0, 100
_PLACE: Final = re.compile(r"rtmp-listen://(?P<host>\[[0-9A-Fa-f:.]+\]|[0-9.]*)(?::(?P<port>\d{1,5}))?/(?P<key>[!-~]+)")
log = logging.getLogger(__name__)


class Rtmp:
    """RTMP: `rtmp://host/app/stream` asks a camera; `rtmp-listen://0.0.0.0:1935/live/KEY` waits for one that sends.

    An encoder sends to `rtmp://` and the recorder's address with the same port and path. Its last part is the stream
    key: a secret of 12 characters at least.

    - `sound` (true): record sound.
    - `stall` ("5 s"): reconnect after this time without video.
    """

    scheme: ClassVar[str] = "rtmp"

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._listeners: dict[tuple[str, int], RtmpListener] = {}

    def settings(self, table: Mapping[str, Any]) -> Mapping[str, Any]:
        return stream_settings(table, {})

    def claims(self, address: str) -> bool:
        return scheme_of(address) in ("rtmp", "rtmps", LISTENING)

    def public(self, address: str) -> str:
        return public_address(address)

    def open(self, opening: SourceContext) -> CameraConnection:
        options, where = self.settings(opening.options), self.public(opening.address)
        if scheme_of(opening.address) == LISTENING:
            feeder: _Line = self._waiting(opening, where, options["stall"])
        else:
            try:
                address = parse_network(opening.address)
            except ValueError as error:
                raise SourceError(where, f"its address isn't {error}") from None
            if address.user:
                raise SourceError(where, "RTMP cameras take user name and password in the path, see their manual")
            feeder = _Viewer(address, options["stall"])
        connection = MediaConnection(feeder.run, feeder.cut, where, opening.clock, options)
        connection.wait_until_it_plays()
        return connection

    def _waiting(self, opening: SourceContext, where: str, stall_s: float) -> "_Line":
        found = _PLACE.fullmatch(opening.address)
        try:
            if found is None or not 0 < int(found["port"] or 1935) < 65536:
                raise ValueError
            host = str(ipaddress.ip_address(found["host"].strip("[]") or "0.0.0.0"))  # noqa: S104  the user's choice
        except ValueError:
            example = "rtmp-listen://0.0.0.0:1935/live/KEY"
            raise SourceError(where, f"its address isn't an IP address, a port and a path, such as {example}") from None
        if len(stream_key(opening.address)) < LEAST_KEY:
            raise SourceError(where, f"its stream key has fewer than {LEAST_KEY} characters")
        place = host, int(found["port"] or 1935)
        with self._lock:
            listener = self._listeners.get(place)
            if listener is None or not listener.is_open:
                listener = self._listeners[place] = RtmpListener(place, where, opening.clock)
            slot = listener.slot(found["key"])
        return _Sender(slot, where, stall_s)


class _Line:
    """One connection in the thread that reads it. cut: ends it, from any thread."""

    def __init__(self, where: str, stall_s: float) -> None:
        self._where, self._stall_s = where, stall_s
        self._socket: socket.socket | None = None
        self._over = threading.Event()

    def run(self, media: MediaInput) -> None:
        """Raises SourceError."""
        raise NotImplementedError

    def cut(self) -> None:
        self._over.set()
        _shut(self._socket)

    def _messages(self, line: socket.socket, reader: RtmpReader, first: list[RtmpMessage]) -> Iterator[RtmpMessage]:
        """Yield what comes, and answer what the protocol asks for. first: came already. Raises SourceError."""
        acknowledged, messages = 0, first
        while not self._over.is_set():
            try:
                for message in messages:
                    if message.kind == rtmp.CONTROL and message.body[:2] == b"\x00\x06":
                        line.sendall(rtmp.in_pieces(rtmp.CONTROL, b"\x00\x07" + message.body[2:6], channel=2))
                    yield message
                if reader.came_bytes - acknowledged > _ACKNOWLEDGE_BYTES:
                    acknowledged = reader.came_bytes
                    line.sendall(number_message(rtmp.ACKNOWLEDGE, acknowledged & 0xFFFFFFFF))
                data = line.recv(_READ_BYTES)
                if not data:
                    raise SourceClosed(self._where, "the connection was closed")
                messages = reader.feed(data)
            except TimeoutError:
                raise SourceStalled(self._where, f"nothing came for {self._stall_s:g} s") from None
            except OSError as error:
                raise SourceClosed(self._where, in_words(error)) from None
            except MalformedRtmp as error:
                raise SourceClosed(self._where, str(error)) from None

    def _media(self, media: MediaInput, message: RtmpMessage) -> None:
        if message.kind in (rtmp.AUDIO, rtmp.VIDEO) and message.body:
            if not media.kind:
                media.begin("flv")
                media.feed(rtmp.FLV_HEADER, self._where)
            media.feed(rtmp.flv_tag(message), self._where)


def _shut(line: socket.socket | None) -> None:
    if line is not None:
        with suppress(OSError):
            line.shutdown(socket.SHUT_RDWR)


def _exactly(line: socket.socket, count: int, left_s: Callable[[], float] | None = None) -> bytes:
    """left_s: time left for all of it, s. Raises OSError."""
    data = b""
    while len(data) < count:
        if left_s is not None:
            line.settimeout(left_s())
        piece = line.recv(count - len(data))
        if not piece:
            raise ConnectionResetError
        data += piece
    return data


# Asking a camera.


class _Viewer(_Line):
    def __init__(self, address: NetworkAddress, stall_s: float) -> None:
        super().__init__(address.public, stall_s)
        self._address = address
        parts = address.path.strip("/").split("/")
        split = 1 if len(parts) < 3 else 2
        self._app, self._name = "/".join(parts[:split]), "/".join(parts[split:])

    def run(self, media: MediaInput) -> None:
        try:
            line = self._connected()
        except OSError as error:
            raise SourceUnreachable(self._where, in_words(error)) from None
        except UnicodeError:  # of a name with a label that is empty or too long
            raise SourceUnreachable(self._where, "unknown host name") from None
        with line:
            line.settimeout(self._stall_s)
            for message in self._messages(line, RtmpReader(), []):
                if message.kind == rtmp.COMMAND:
                    try:
                        self._on_command(line, read_command(message.body))
                    except MalformedRtmp as error:
                        raise SourceClosed(self._where, str(error)) from None
                else:
                    self._media(media, message)

    def _connected(self) -> socket.socket:
        """Return the connection after the handshake and the first request. Raises OSError."""
        address = self._address
        line = self._socket = socket.create_connection((address.host, address.port), timeout=_CONNECT_S)
        try:
            if address.is_encrypted:
                context = ssl.create_default_context()
                line = self._socket = context.wrap_socket(line, server_hostname=address.host)
            line.sendall(rtmp.VERSION + bytes(8) + secrets.token_bytes(rtmp.HANDSHAKE_BYTES - 8))
            answer = _exactly(line, 1 + 2 * rtmp.HANDSHAKE_BYTES)
            line.sendall(answer[1 : 1 + rtmp.HANDSHAKE_BYTES])
            scheme, _, rest = address.url.partition("://")
            about = {
                "app": self._app, "type": "nonprivate", "flashVer": "LNX 9,0,124,2", "fpad": False,
                "tcUrl": f"{scheme}://{rest.partition('/')[0]}/{self._app}", "capabilities": 15, "audioCodecs": 4071,
                "videoCodecs": 252, "videoFunction": 1,
            }  # fmt: skip
            line.sendall(command("connect", 1, about))
        except OSError:
            line.close()
            raise
        return line

    def _on_command(self, line: socket.socket, values: list[Any]) -> None:
        """Answer a command. Raises SourceError."""
        name, number = values[0], values[1] if len(values) > 1 else 0
        status = next((one for one in reversed(values) if isinstance(one, dict)), {})
        if name == "_error":
            raise self._refusal(status)
        if name == "_result" and number == 1:
            line.sendall(number_message(rtmp.WINDOW, 2_500_000) + command("createStream", 2, None))
        elif name == "_result" and number == 2:
            info = values[3] if len(values) > 3 else None
            stream = int(info) if isinstance(info, float) and 0 <= info < 2**32 else 1
            line.sendall(command("play", 3, None, self._name, -1000, stream=stream))
        elif name == "onStatus":
            code = str(status.get("code", ""))
            if code in ("NetStream.Play.StreamNotFound", "NetStream.Play.Failed"):
                raise SourceNotFound(self._where, code)
            if code in ("NetStream.Play.Stop", "NetStream.Play.UnpublishNotify", "NetStream.Play.Complete"):
                raise SourceClosed(self._where, "the stream ended")
            if status.get("level") == "error":
                raise self._refusal(status)

    def _refusal(self, status: Mapping[str, Any]) -> SourceError:
        text = str(status.get("description", ""))
        more = status.get("ex")
        if isinstance(more, dict) and more.get("redirect"):
            return SourceRedirected(self._where, redirect_target(str(more["redirect"])))
        if re.search(r"auth|password|denied|access", text, re.IGNORECASE):
            return SourceRefused(self._where, "it refused the connection")
        return SourceNotFound(self._where, "it refused this path")


# Waiting for one that sends.


class _Arrived(NamedTuple):
    """A sender that was accepted. first: what came with its stream key: some don't wait for the answer."""

    line: socket.socket
    reader: RtmpReader
    first: list[RtmpMessage]


@dataclass
class _Slot:
    """One stream key. asked_s: when a connection was last wanted, s monotonic. arrived: senders that were accepted.

    media: number of messages with media that were read.
    """

    asked_s: float
    arrived: "queue.Queue[_Arrived]" = field(default_factory=lambda: queue.Queue(1))
    active: socket.socket | None = None
    media: int = 0


class RtmpListener:
    """Accepts senders at one port, in a thread, until no camera has asked for one for _IDLE_S.

    A stream key counts as long as its camera asks for it, so that of a removed camera is refused. Raises SourceError.
    """

    def __init__(self, place: tuple[str, int], where: str, clock: Clock) -> None:
        self._clock, self._begun_s = clock, clock.mono_s()
        self._slots: dict[str, _Slot] = {}
        self._unnamed: Counter[str] = Counter()
        """Connections without a stream key, by address."""
        self._logged_s: dict[str, float] = {}
        """Why senders were dropped, and when that was logged, s monotonic."""
        self._lock = threading.Lock()
        self.pause = threading.Event()
        """Waits between looks at another sender; never set."""
        self.is_open = True
        try:
            family = socket.AF_INET6 if ":" in place[0] else socket.AF_INET
            self._socket = socket.create_server(place, family=family, backlog=_MOST_UNNAMED)
        except OSError as error:
            why = in_words(error).partition(" (")[0]  # the system adds the address
            if error.errno == errno.EADDRINUSE:
                why = "its port is in use; cameras share one only with the same IP address before it"
            raise SourceError(where, f"tawny can't listen there: {why}") from None
        self._socket.settimeout(1.0)
        start_thread("rtmp listen", self._run)

    def slot(self, key: str) -> _Slot:
        """Accept senders with this key for _IDLE_S, and as long as one sends."""
        with self._lock:
            slot = self._slots.setdefault(key, _Slot(self._clock.mono_s()))
            slot.asked_s = self._clock.mono_s()
        return slot

    def _run(self) -> None:
        try:
            with self._socket:
                while self._is_wanted():
                    try:
                        line, address = self._socket.accept()
                    except TimeoutError:
                        continue
                    except OSError:
                        break
                    group = client_group(address[0]) or ""
                    if not self._admits(group):
                        line.close()
                        continue
                    start_thread("rtmp sender", partial(self._welcome, line, group))
        finally:
            self.is_open = False

    def _is_wanted(self) -> bool:
        """Drop the keys that no camera asks for any more. Return whether there are others."""
        now_s = self._clock.mono_s()
        with self._lock:
            for key, slot in list(self._slots.items()):
                if slot.active is not None:
                    slot.asked_s = now_s
                elif now_s - slot.asked_s >= _IDLE_S:
                    del self._slots[key]
                    with suppress(queue.Empty):
                        slot.arrived.get_nowait().line.close()
            return bool(self._slots) or now_s - self._begun_s < _IDLE_S

    def _admits(self, group: str) -> bool:
        with self._lock:
            if self._unnamed.total() >= _MOST_UNNAMED or self._unnamed[group] >= _MOST_OF_ADDRESS:
                return False
            self._unnamed[group] += 1
            return True

    def _welcome(self, line: socket.socket, group: str) -> None:
        """Let a sender say its stream key, and hand it over."""
        accepted = None
        try:
            line.settimeout(_CONNECT_S)
            with suppress(OSError):
                accepted = self._accepted(line)
        except MalformedRtmp as error:
            self._tell(group, str(error))
        finally:
            with self._lock:
                self._unnamed[group] -= 1
                self._unnamed += Counter()  # without those of no connection
            if accepted is None:
                line.close()
        if accepted is None:
            return
        slot, arrived, stream = accepted
        is_refused = self._is_in_use(slot)
        if is_refused:
            self._tell(group, "another sender uses the same stream key")
        with suppress(OSError):  # its end is noticed later
            line.sendall(_status("another sender uses this key" if is_refused else "", stream))
        if is_refused:
            line.close()
            return
        _shut(slot.active)  # the same sender, whose connection was lost without notice
        line.settimeout(_CONNECT_S)
        with self._lock:
            with suppress(queue.Empty):
                slot.arrived.get_nowait().line.close()
            if any(one is slot for one in self._slots.values()):
                slot.arrived.put_nowait(arrived)
            else:  # dropped meanwhile
                line.close()

    def _tell(self, group: str, why: str) -> None:
        """Log why a sender was dropped: not each time, because encoders try again and again."""
        text, now_s = f"an RTMP sender at {group} was dropped: {why}", self._clock.mono_s()
        with self._lock:
            if now_s - self._logged_s.get(text, -_LOG_AGAIN_S) < _LOG_AGAIN_S:
                return
            if len(self._logged_s) >= _MOST_LOGGED:
                self._logged_s.clear()
            self._logged_s[text] = now_s
        log.warning("%s", text)

    def _accepted(self, line: socket.socket) -> tuple[_Slot, _Arrived, int] | None:
        """Return the slot of the sender's key, and its stream; None for a wrong key. Raises OSError, MalformedRtmp."""
        until_s = self._clock.mono_s() + _CONNECT_S

        def left_s() -> float:
            """A sender that says its key byte by byte would hold a place for hours."""
            return max(0.01, until_s - self._clock.mono_s())

        first = _exactly(line, 1 + rtmp.HANDSHAKE_BYTES, left_s)
        line.sendall(rtmp.VERSION + bytes(8) + secrets.token_bytes(rtmp.HANDSHAKE_BYTES - 8) + first[1:])
        _exactly(line, rtmp.HANDSHAKE_BYTES, left_s)
        reader, app = RtmpReader(), ""
        while self._clock.mono_s() < until_s and reader.came_bytes < _READ_BYTES:
            line.settimeout(left_s())
            data = line.recv(4096)
            if not data:
                return None
            messages = iter(reader.feed(data))
            for message in messages:
                if message.kind != rtmp.COMMAND:
                    continue
                values = read_command(message.body)
                if values[0] == "connect" and len(values) > 2 and isinstance(values[2], dict):
                    app = str(values[2].get("app", ""))
                if values[0] == "publish":
                    name = str(values[3]) if len(values) > 3 else ""
                    slot = self._slot_of(f"{app}/{name}")
                    if slot is not None:
                        return slot, _Arrived(line, reader, list(messages)), message.stream
                    line.sendall(_status("unknown key", message.stream))
                    return None
                line.sendall(_answer(values))
        return None

    def _slot_of(self, key: str) -> _Slot | None:
        found = None
        for known, slot in list(self._slots.items()):  # all of them, so that the time says nothing
            if hmac.compare_digest(known.strip("/").encode(), key.strip("/").encode()):
                found = slot
        return found

    def _is_in_use(self, slot: _Slot) -> bool:
        """Return whether another sender goes on. The same one may come again: its connection is silent then."""
        active, begun_s, seen = slot.active, self._clock.mono_s(), slot.media
        while active is not None and slot.active is active:
            passed_s = self._clock.mono_s() - begun_s
            if passed_s < _UNDER_WAY_S:
                seen = slot.media
            elif slot.media != seen or passed_s >= _UNDER_WAY_S + _SILENT_S:
                return slot.media != seen
            self.pause.wait(0.05)
        return False


def _status(why_not: str, stream: int) -> bytes:
    """Return the answer to a sender that publishes. why_not: empty if it may."""
    code = "NetStream.Publish.BadName" if why_not else "NetStream.Publish.Start"
    status = {"level": "error" if why_not else "status", "code": code, "description": why_not}
    return command("onStatus", 0, None, status, stream=stream)


def _answer(values: list[Any]) -> bytes:
    """Return the answer to a sender's command; may be empty."""
    number = values[1] if len(values) > 1 and isinstance(values[1], float) else 0.0
    if values[0] == "connect":
        status = {"level": "status", "code": "NetConnection.Connect.Success", "description": ""}
        limits = number_message(rtmp.WINDOW, 2_500_000) + number_message(rtmp.BANDWIDTH, 2_500_000)
        return limits + command("_result", number, {"fmsVer": "FMS/3,0,1,123", "capabilities": 31}, status)
    if values[0] == "createStream":
        return command("_result", number, None, 1)
    return command("_result", number, None) if number else b""


class _Sender(_Line):
    """Reads the next sender that comes to a slot."""

    def __init__(self, slot: _Slot, where: str, stall_s: float) -> None:
        super().__init__(where, stall_s)
        self._slot = slot

    def run(self, media: MediaInput) -> None:
        line, reader, first = self._arrived()
        self._socket = self._slot.active = line
        try:
            with line:
                line.settimeout(self._stall_s)
                for message in self._messages(line, reader, first):
                    if message.kind == rtmp.COMMAND and message.body[3:].startswith((b"deleteStream", b"FCUnpublish")):
                        raise SourceClosed(self._where, "the sender has ended the stream")
                    self._slot.media += message.kind in (rtmp.AUDIO, rtmp.VIDEO)
                    self._media(media, message)
        finally:
            if self._slot.active is line:
                self._slot.active = None

    def _arrived(self) -> _Arrived:
        """Raises SourceUnreachable."""
        for _ in range(round(_SENDER_S * 10)):
            with suppress(queue.Empty):
                return self._slot.arrived.get(timeout=0.1)
            if self._over.is_set():
                break
        raise SourceUnreachable(self._where, "nothing sends to this port with its stream key yet")
