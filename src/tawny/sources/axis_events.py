"""Events of Axis cameras by VAPIX: a WebSocket on which the camera sends each event as JSON.

It is opened with a token, which lasts 15 s and is given after a Digest sign-in. A message carries the topic of the same
event by ONVIF, so that it means the same.
"""

import json
import re
import socket
import ssl
from collections.abc import Mapping
from dataclasses import replace
from typing import Any, Final

from websockets.client import ClientProtocol
from websockets.exceptions import InvalidHandshake
from websockets.frames import Frame, Opcode
from websockets.protocol import State
from websockets.uri import parse_uri

from tawny.config.lens_and_ptz import EventApiSettings
from tawny.model.errors import SourceClosed, SourceError, SourceNotFound, SourceUnreachable
from tawny.model.times import Clock
from tawny.model.validation import device_label
from tawny.protocols.login_history import LoginRecord
from tawny.sources.event_stream import MOST_PART_BYTES, SILENT_S, STALL_S, json_table, of_class, web_place
from tawny.sources.http import READ_BYTES, CameraHttp
from tawny.sources.onvif_events import MOTION, PERSON, PULL_S, VEHICLE, CameraReport, kinds_meant

PINGS_S: Final = 20.0
"""After this time without a message the camera is asked whether it is still there, s."""
_SESSION_PATH: Final = "/axis-cgi/wssession.cgi"
_STREAM_PATH: Final = "/vapix/ws-data-stream?wssession={}&sources=events"
_TOKEN: Final = re.compile(r"[\w.-]{1,200}")
_MOST_TOKEN_BYTES: Final = 1_000
_TOPICS: Final = (
    "tns1:VideoSource//.", "tns1:VideoAnalytics//.", "tns1:RuleEngine//.", "tns1:Device//.",
    "tnsaxis:CameraApplicationPlatform//.",
)  # fmt: skip
_CONFIGURE: Final = "events:configure"
_REQUEST: Final = json.dumps(
    # one filter: an event that matches two would come twice
    {"apiVersion": "1.0", "method": _CONFIGURE, "params": {"eventFilterList": [{"topicFilter": " | ".join(_TOPICS)}]}}
)
_NUMBER: Final = re.compile(r"(?:camera|device)(\d{1,3})(?:profile|scenario)")
_NUMBERS: Final = ("channel", "camera")
_SHORTEST_S: Final = 0.01
_NONE: Final = "it has no events of Axis cameras ({})"
_MOST_ITEMS, _MOST_CHARACTERS = 32, 200


def read_axis(message: bytes, channel: int, now_ms: int) -> list[CameraReport]:
    """Return what a message reports; none for answers, and for what can't be read.

    channel: of a camera with several lenses, from 1; 0: any.
    """
    notification = _table(json_table(message), "params", "notification")
    topic = notification.get("topic")
    if not isinstance(topic, str):
        return []
    topic, inner = topic[:_MOST_CHARACTERS], _table(notification, "message")
    source, data = _texts(inner.get("source")), _texts(inner.get("data"))
    number = _lens(topic, source)
    if channel and number and number != str(channel):
        return []
    name = device_label(" ".join([topic.rpartition("/")[2].rpartition(":")[2], *source.values()]))[:60]
    found: list[CameraReport] = []
    for kind, state in kinds_meant(topic, source, data):
        report = CameraReport(kind, name, now_ms, state)
        found += of_class(kind, report) if kind in (PERSON, VEHICLE, MOTION) else [report]
    return found


def refusal(message: bytes) -> str:
    """Return why the camera refused the request for events, as text; empty for any other message."""
    data = json_table(message)
    error = data.get("error")
    if data.get("method") != _CONFIGURE or not isinstance(error, dict):
        return ""
    return device_label(f"error {error.get('code')}: {error.get('message')}")[:100]


def _lens(topic: str, source: Mapping[str, str]) -> str:
    """Return the number of the lens that a message is about; empty if it names none."""
    named = _NUMBER.search(topic.lower())
    return named[1] if named else next((source[one] for one in _NUMBERS if source.get(one)), "")


def _table(data: Mapping[str, Any], *names: str) -> Mapping[str, Any]:
    for name in names:
        below = data.get(name)
        data = below if isinstance(below, dict) else {}
    return data


def _texts(data: Any) -> dict[str, str]:
    items = list(data.items())[:_MOST_ITEMS] if isinstance(data, dict) else []
    return {
        name[:_MOST_CHARACTERS]: str(value)[:_MOST_CHARACTERS] for name, value in items if isinstance(value, str | int)
    }


class _Line:
    """A WebSocket to a camera. Raises SourceError; messages are at most MOST_PART_BYTES."""

    def __init__(self, connected: socket.socket, url: str, where: str) -> None:
        self._socket, self._where = connected, where
        self._protocol = ClientProtocol(parse_uri(url), max_size=MOST_PART_BYTES)
        self._parts = bytearray()
        request = self._protocol.connect()
        request.headers["User-Agent"] = "tawny"
        self._protocol.send_request(request)
        self._flush()

    def send(self, text: str) -> None:
        self._protocol.send_text(text.encode())
        self._flush()

    def ping(self) -> None:
        self._protocol.send_ping(b"")
        self._flush()

    @property
    def is_open(self) -> bool:
        return self._protocol.state is State.OPEN

    def receive(self, waits_s: float) -> tuple[bool, list[bytes]]:
        """Return whether anything came within this time, and the messages that are complete."""
        try:
            self._socket.settimeout(max(_SHORTEST_S, waits_s))
            data = self._socket.recv(READ_BYTES)
        except (TimeoutError, ssl.SSLWantReadError):
            return False, []
        except OSError:
            data = b""
        if data:
            self._protocol.receive_data(data)
        else:
            self._protocol.receive_eof()
        messages = [one for one in map(self._joined, self._protocol.events_received()) if one is not None]
        self._flush()
        failed = self._protocol.handshake_exc
        if failed is not None:
            status = getattr(getattr(failed, "response", None), "status_code", 0)
            text = f"it responded with {status}" if status else "its response is no WebSocket's"
            raise SourceError(self._where, _NONE.format(text) if isinstance(failed, InvalidHandshake) else text)
        if self._protocol.state in (State.CLOSING, State.CLOSED) and not messages:
            raise SourceClosed(self._where, "the stream of events ended")
        return True, messages

    def _joined(self, event: object) -> bytes | None:
        """Return a message when its last frame has come."""
        if not isinstance(event, Frame) or event.opcode not in (Opcode.TEXT, Opcode.BINARY, Opcode.CONT):
            return None
        if event.opcode is not Opcode.CONT:
            self._parts.clear()
        self._parts += event.data
        return bytes(self._parts) if event.fin else None

    def _flush(self) -> None:
        try:
            self._socket.settimeout(STALL_S)
            for data in self._protocol.data_to_send():
                if data:
                    self._socket.sendall(data)
        except OSError:
            return  # `receive` says what is wrong


class AxisEvents:
    """The events of one Axis camera: connected when first used, and again after a failure.

    Call from one thread, `cancel` from any. record: what sign-ins the camera offered before.
    """

    def __init__(self, settings: EventApiSettings, clock: Clock, record: LoginRecord | None) -> None:
        self._channel, self._clock = settings.channel, clock
        address = web_place(settings.url)
        self._base, self._where = address.path, address.public
        self._client = CameraHttp(
            replace(address, path=address.path + _SESSION_PATH), settings.fingerprint, STALL_S, record
        )
        self._line: _Line | None = None
        self._came_s = self._pinged_s = 0.0

    def pull(self, waits_s: float = PULL_S) -> list[CameraReport]:
        """Return what was reported since; waits up to this time for something. Raises SourceError."""
        try:
            if self._line is None:
                self._line = self._connected()
            return self._received(self._line, self._clock.mono_s() + waits_s)
        except SourceError:
            self.leave()
            raise

    def cancel(self) -> None:
        """End the request under way: `pull` raises SourceError, also later."""
        self._client.cut()

    def leave(self) -> None:
        """End the connection."""
        self._line = None
        self._client.close()

    def _connected(self) -> _Line:
        try:
            response = self._client.get(self._client.address.path)
        except SourceNotFound as error:
            raise SourceError(self._where, _NONE.format(error.detail)) from None
        token = self._client.read_all(response, _MOST_TOKEN_BYTES).decode("utf-8", "replace").strip(' "\r\n')
        if not _TOKEN.fullmatch(token):
            raise SourceError(self._where, _NONE.format("its token can't be read"))
        url = replace(self._client.address, path=self._base + _STREAM_PATH.format(token)).url
        line = _Line(self._client.connect(), "ws" + url.removeprefix("http"), self._where)
        self._came_s = self._pinged_s = begun_s = self._clock.mono_s()
        while not line.is_open:
            if self._clock.mono_s() - begun_s >= STALL_S:
                raise SourceUnreachable(self._where, "no response")
            line.receive(1.0)
        line.send(_REQUEST)
        return line

    def _received(self, line: _Line, until_s: float) -> list[CameraReport]:
        found: list[CameraReport] = []
        while not found:
            now_s = self._clock.mono_s()
            if now_s - self._came_s >= SILENT_S:
                raise SourceUnreachable(self._where, f"nothing came for {SILENT_S:g} s")
            if now_s - max(self._came_s, self._pinged_s) >= PINGS_S:
                line.ping()
                self._pinged_s = now_s
            left_s = max(0.0, min(until_s - now_s, PINGS_S))
            has_come, messages = line.receive(left_s)
            if has_come:
                self._came_s = self._clock.mono_s()
            for message in messages:
                if why := refusal(message):
                    raise SourceError(self._where, _NONE.format(why))
                found += read_axis(message, self._channel, self._clock.now_ms())
            if left_s <= 0:
                break
        return found
