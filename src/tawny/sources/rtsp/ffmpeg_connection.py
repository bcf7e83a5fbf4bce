"""RTSP cameras read through FFmpeg: probed first, then opened by FFmpeg; access units are assembled here.

Threads: each connection has its own thread, which blocks in FFmpeg and builds packets. The thread that calls `read`
takes them from a short queue and checks timeouts. A blocking FFmpeg read is never interrupted while the camera may
continue: that would lose a partial RTP packet.
"""

import atexit
import queue
import threading
from collections.abc import Mapping
from typing import Any

from tawny.media.codec.demuxer import Demuxer, open_rtsp
from tawny.model.clock import Clock
from tawny.model.errors import SourceError, SourceLoginWeaker, SourceRedirected, SourceRefused, SourceStalled
from tawny.model.packets import SourcePacket
from tawny.protocols.login_history import LoginRecord, SignIn
from tawny.protocols.sdp_reader import SdpDescription
from tawny.sources.rtsp.address import RtspAddress
from tawny.sources.rtsp.describe import DEADLINE_S, describe
from tawny.sources.rtsp.ffmpeg_feed import FfmpegFeed
from tawny.sources.rtsp.ffmpeg_gate import FfmpegGate
from tawny.sources.source import IdleUntil

_QUEUED_PACKETS = 256
WAIT_S = 0.5
_LOOK_S = 0.1
_LATEST_S = 0.75
"""Extra time after which `read` reports a stall that the (hanging) connection thread has not reported."""
_AGAIN_S = (0.0, 0.1, 0.3, 0.6)
"""Delays before each attempt to play a camera that has responded."""


def open_through_ffmpeg(
    address: RtspAddress,
    options: Mapping[str, Any],
    clock: Clock,
    wait_s: float = WAIT_S,
    hint: str = "",
    record: LoginRecord | None = None,
) -> "FfmpegConnection":
    """Open a camera; return when it plays, within DEADLINE_S. Raises SourceError otherwise.

    wait_s: how long `read` waits for a packet, in seconds; 0: not at all. hint: added to the notes. record: what
    sign-in the camera offered before.
    """
    if address.is_encrypted:
        raise SourceError(address.public, 'encrypted cameras (rtsps) require the built-in client (client = "own")')
    until_s = clock.mono_s() + DEADLINE_S
    described = describe(address, clock, record=record)
    is_gated = record is not None and record.strongest > SignIn.BASIC  # otherwise there is no digest to fall behind
    demuxer, gate = _play(address, described, options, clock, until_s, is_gated=is_gated)
    return FfmpegConnection(demuxer, gate, address, described, options, clock, wait_s, hint)


def _play(
    address: RtspAddress,
    described: SdpDescription,
    options: Mapping[str, Any],
    clock: Clock,
    until_s: float,
    *,
    is_gated: bool,
) -> tuple[Demuxer, FfmpegGate | None]:
    """Open through FFmpeg with retries: some servers are still busy closing the previous connection.

    If audio cannot be set up, opens video alone. is_gated: the camera offered a digest, so Basic is refused.
    """
    wants_sound = options["sound"] and described.audio is not None
    tries = [(pause_s, wants_sound) for pause_s in _AGAIN_S] + ([(0.0, False)] if wants_sound else [])
    while True:
        pause_s, sound = tries.pop(0)
        threading.Event().wait(pause_s)
        gate = FfmpegGate(address) if is_gated else None
        try:
            opened = open_rtsp(
                (gate.address if gate else address).url_with_login,
                udp=options["transport"] == "udp",
                sound=sound,
                open_s=max(1.0, until_s - clock.mono_s()),
                read_s=options["stall"],
                where=address.public,
            )
            return opened, gate
        except SourceRefused as error:
            _close(gate)
            if gate is not None and gate.offers:
                raise SourceLoginWeaker(address.public, f"Basic instead of {described.login}") from error
            # the same credentials were just accepted: FFmpeg does not support the scheme
            raise SourceError(address.public, f"its sign-in method ({described.login}) isn't supported") from error
        except SourceError as error:
            _close(gate)
            if gate is not None and gate.is_redirected:
                raise SourceRedirected(address.public, "while FFmpeg opened it") from error
            if type(error) is not SourceError or not tries or clock.mono_s() + tries[0][0] > until_s:
                raise


def _close(gate: FfmpegGate | None) -> None:
    if gate is not None:
        gate.close()


class FfmpegConnection:
    """One playing camera. Created in the opening thread, read from one thread."""

    def __init__(
        self,
        demuxer: Demuxer,
        gate: FfmpegGate | None,
        address: RtspAddress,
        described: SdpDescription,
        options: Mapping[str, Any],
        clock: Clock,
        wait_s: float,
        hint: str,
    ) -> None:
        self._wait_s, self._gate = wait_s, gate
        self._where, self._stall_s, self._clock = address.public, options["stall"], clock
        self._notes: dict[str, Any] = {"client": "ffmpeg", "transport": options["transport"], "tool": described.tool}
        glue = options["transport"] == "tcp"
        self._feed = FfmpegFeed(demuxer, address.public, glue=glue, stall_s=self._stall_s, clock=clock)
        if described.video is not None and described.video.fps:
            self._notes["fps"] = described.video.fps
        self._notes |= self._feed.notes | ({"hint": hint} if hint else {})
        self._waiting: queue.Queue[SourcePacket | SourceError] = queue.Queue(_QUEUED_PACKETS)
        self._closing = False
        self._over: SourceError | None = None
        self._thread = threading.Thread(target=self._run, name=f"rtsp {address.host}", daemon=True)
        self._thread.start()
        atexit.register(self._leave)  # a thread still inside FFmpeg at interpreter exit would crash it

    def read(self) -> SourcePacket | IdleUntil:
        if self._over is not None:
            raise self._over
        try:
            came = self._waiting.get(self._wait_s > 0, self._wait_s)
        except queue.Empty:
            if self._clock.mono_s() - self._feed.alive_s < self._stall_s + _LATEST_S:
                return IdleUntil(0.0 if self._wait_s else _LOOK_S)
            came = SourceStalled(self._where, f"no video for {self._stall_s:g} s")
        if isinstance(came, SourceError):
            self._over = came
            raise came
        return came

    def close(self) -> None:
        """Close. The thread ends with the next packet, or, for a silent camera, after FFmpeg's read timeout."""
        self._closing = True
        if self._wait_s:
            self._leave()

    def _leave(self) -> None:
        self._closing = True
        self._thread.join(0.4)
        atexit.unregister(self._leave)

    @property
    def notes(self) -> Mapping[str, Any]:
        return self._notes

    def _run(self) -> None:
        try:
            for packet in self._feed.packets():
                if not self._put(packet):
                    return
        except SourceError as error:
            self._put(error)
        finally:
            self._feed.close()
            _close(self._gate)

    def _put(self, item: SourcePacket | SourceError) -> bool:
        """Queue an item. Return False after close."""
        while not self._closing:
            try:
                self._waiting.put(item, timeout=0.2)
            except queue.Full:
                continue
            return True
        return False
