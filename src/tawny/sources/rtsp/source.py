"""RTSP source: uses the built-in client, or FFmpeg if configured or if the built-in client is incompatible."""

import logging
import re
import threading
from collections.abc import Callable, Mapping
from typing import Any, ClassVar

from tawny.config.units import seconds
from tawny.engine.actor import start_thread
from tawny.model.errors import SourceError, SourceUnusable
from tawny.model.ids import CameraId, StreamName
from tawny.model.packets import SourcePacket
from tawny.model.validation import value_text
from tawny.sources.network_address import (
    HIDDEN,
    NetworkAddress,
    SecretFilter,
    claims_rtsp,
    parse_rtsp,
    public_address,
    strip_locations,
)
from tawny.sources.rtsp.client.backchannel import BackChannel
from tawny.sources.rtsp.client.connection import RoomOfThread, RtspConnection, UdpConnection
from tawny.sources.rtsp.client.session import StreamMemory
from tawny.sources.rtsp.client.transcript import tolerated_faults
from tawny.sources.rtsp.ffmpeg_connection import WAIT_S, open_through_ffmpeg
from tawny.sources.source import CameraConnection, IdleUntil, SourceContext, Speaker

# Opens a blocking connection in a short-lived thread, for callers that must not block.

_LOOK_S = 0.1
log = logging.getLogger(__name__)


class BackgroundOpen:
    """Starts to open on creation; `read` polls the result. The opened connection must not block in `read`.

    open_it: raises SourceError; OSError and ValueError become one. where: the address without credentials, for errors.
    """

    def __init__(self, open_it: Callable[[], CameraConnection], where: str) -> None:
        self._open, self._where = open_it, where
        self._lock = threading.Lock()
        self._inner: CameraConnection | None = None
        self._error: SourceError | None = None
        self._is_closed = False
        start_thread("open", self._run)

    def read(self) -> SourcePacket | IdleUntil:
        if self._inner is not None:
            return self._inner.read()
        if self._error is not None:
            raise self._error
        return IdleUntil(_LOOK_S)

    def close(self) -> None:
        """Close the connection; one that is still opening is closed as soon as it is open."""
        with self._lock:
            self._is_closed = True
            inner = self._inner
        if inner is not None:
            inner.close()

    @property
    def notes(self) -> Mapping[str, Any]:
        return self._inner.notes if self._inner is not None else {}

    def _run(self) -> None:
        try:
            opened = self._open()
        except SourceError as error:
            self._error = error
            return
        except OSError as error:  # for example no free file descriptor; without an end the reader would wait
            log.warning("cannot open %s: %s", self._where, error.strerror)  # its text may contain the password
            self._error = SourceError(self._where, (error.strerror or "no reason given").lower())
            return
        except ValueError as error:
            log.warning("cannot open %s: %s", self._where, type(error).__name__)
            self._error = SourceUnusable(self._where, "something whose form is not understood")
            return
        with self._lock:
            self._inner = opened
            is_late = self._is_closed
        if is_late:
            opened.close()


STALL_S = 5.0
_HINT = (
    "tawny uses FFmpeg for this camera because its own RTSP client isn't compatible with it. Packet loss can't be "
    "detected."
)
_CLIENTS = ("auto", "own", "ffmpeg")
_FINGERPRINT = re.compile(r"[0-9a-f]{64}")
DEFAULTS = {"client": "auto", "transport": "tcp", "sound": True, "stall": STALL_S, "fingerprint": ""}


class Rtsp:
    """RTSP cameras: `rtsp://[user:password@]host[:port]/path`, or `rtsps://…` for RTSP over TLS.

    - `transport` ("tcp"): "tcp" or "udp".
    - `sound` (true): record sound.
    - `stall` ("5 s"): reconnect after this time without video.
    - `client` ("auto"): the RTSP client: "own", "ffmpeg", or "auto" to choose.
    - `fingerprint` (""): SHA-256 fingerprint of the camera's TLS certificate.
    """

    scheme: ClassVar[str] = "rtsp"

    def __init__(self) -> None:
        self._room = RoomOfThread()
        self._memories: dict[tuple[CameraId, StreamName, str], StreamMemory] = {}

    def settings(self, table: Mapping[str, Any]) -> Mapping[str, Any]:
        checked = DEFAULTS | dict(table)
        if unknown := set(checked) - set(DEFAULTS):
            raise ValueError(f"{min(unknown)}: found an unknown key; allowed: {', '.join(DEFAULTS)}")
        if checked["transport"] not in ("tcp", "udp"):
            raise ValueError(f'transport: found {value_text(checked["transport"])}; allowed: "tcp" or "udp"')
        if checked["client"] not in _CLIENTS:
            raise ValueError(f'client: found {value_text(checked["client"])}; allowed: "auto", "own" or "ffmpeg"')
        if not isinstance(checked["sound"], bool):
            raise ValueError(f"sound: found {value_text(checked['sound'])}; allowed: true or false")
        checked["stall"] = stall_seconds(checked["stall"])
        checked["fingerprint"] = fingerprint_of(checked["fingerprint"])
        return checked

    def claims(self, address: str) -> bool:
        return claims_rtsp(address)

    def public(self, address: str) -> str:
        return public_address(address)

    def open(self, opening: SourceContext) -> CameraConnection:
        options, address = self._understood(opening)
        memory = self._with_login(opening, address)
        if options["client"] == "ffmpeg" or (options["client"] == "auto" and memory.wants_another_client):
            return self._through_ffmpeg(opening, address, options, memory)
        kind = UdpConnection if options["transport"] == "udp" else RtspConnection
        connection = kind(address, options, opening.clock, memory)
        try:
            connection.wait_until_it_plays()
        except SourceError:
            connection.close()
            raise
        return connection

    def shares(self, options: Mapping[str, Any]) -> bool:
        """See `SharedSource`. Over UDP the built-in client blocks."""
        return bool(options["transport"] == "tcp" or options["client"] == "ffmpeg")

    def begin(self, opening: SourceContext) -> CameraConnection:
        """See `SharedSource`."""
        options, address = self._understood(opening)
        memory = self._with_login(opening, address)
        if options["client"] == "ffmpeg" or (options["client"] == "auto" and memory.wants_another_client):
            return BackgroundOpen(
                lambda: self._through_ffmpeg(opening, address, options, memory, wait_s=0.0), address.public
            )
        return RtspConnection(address, options, opening.clock, memory, self._room)

    def speaker(self, opening: SourceContext) -> Speaker:
        """See `SpeakingSource`. Always uses the built-in client."""
        options, address = self._understood(opening)
        record = opening.logins.record(opening.camera, address.host, address.port)
        return BackChannel(address, options["fingerprint"], opening.clock, record)

    def report(self, opening: SourceContext) -> Mapping[str, Any]:
        """See `ReportingSource`."""
        memory = self._memory_of(opening)
        if memory.transcript is None:
            return {}
        counted = memory.counted()
        return {
            "talk": memory.transcript.record(),
            "forgiven": [*memory.transcript.forgiven, *tolerated_faults(counted)],
            "counted": dict(counted),
        }

    def without_secrets(self, opening: SourceContext, text: str, *, with_host: bool) -> str:
        """See `ReportingSource`."""
        try:
            address = parse_rtsp(opening.address)
        except ValueError:
            return HIDDEN
        hidden = SecretFilter.of(address).hide(text)
        return hidden if with_host else strip_locations(hidden, address.host)

    def _understood(self, opening: SourceContext) -> tuple[Mapping[str, Any], NetworkAddress]:
        options = self.settings(opening.options)
        try:
            return options, parse_rtsp(opening.address)
        except ValueError as error:
            raise SourceError(self.public(opening.address), f"its address isn't {error}") from None

    def _memory_of(self, opening: SourceContext) -> StreamMemory:
        return self._memories.setdefault((opening.camera, opening.stream, opening.address), StreamMemory())

    def _with_login(self, opening: SourceContext, address: NetworkAddress) -> StreamMemory:
        memory = self._memory_of(opening)
        memory.login = opening.logins.record(opening.camera, address.host, address.port)
        return memory

    def _through_ffmpeg(
        self,
        opening: SourceContext,
        address: NetworkAddress,
        options: Mapping[str, Any],
        memory: StreamMemory,
        wait_s: float = WAIT_S,
    ) -> CameraConnection:
        hint = _HINT if options["client"] == "auto" else ""
        try:
            return open_through_ffmpeg(address, options, opening.clock, wait_s, hint, memory.login)
        except SourceError:
            memory.other_failed()
            raise


def stream_settings(table: Mapping[str, Any], defaults: Mapping[str, Any]) -> dict[str, Any]:
    """Return a source's table with defaults; `sound` and `stall`, which all have, are checked. Raises ValueError."""
    checked = {"sound": True, "stall": STALL_S, **defaults} | dict(table)
    allowed = ("sound", "stall", *defaults)
    if unknown := set(checked) - set(allowed):
        raise ValueError(f"{min(unknown)}: found an unknown key; allowed: {', '.join(allowed)}")
    if not isinstance(checked["sound"], bool):
        raise ValueError(f"sound: found {value_text(checked['sound'])}; allowed: true or false")
    checked["stall"] = stall_seconds(checked["stall"])
    return checked


def stall_seconds(value: Any) -> float:
    try:
        stall_s = seconds(value) if isinstance(value, str) else float(value)
    except (TypeError, ValueError):
        stall_s = 0.0
    if not 0.5 <= stall_s <= STALL_S:
        raise ValueError(f"stall: found {value_text(value)}; allowed: 0.5 s to {STALL_S:g} s")
    return stall_s


def fingerprint_of(value: Any) -> str:
    """Normalize a SHA-256 fingerprint: removes colons and converts to lowercase. Raises ValueError if invalid."""
    text = value.replace(":", "").strip().lower() if isinstance(value, str) else "?"
    if text and not _FINGERPRINT.fullmatch(text):
        raise ValueError(f"fingerprint: found {value_text(value)}; allowed: 64 hexadecimal digits, or nothing")
    return text
