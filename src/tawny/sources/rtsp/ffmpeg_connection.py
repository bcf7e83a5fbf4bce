"""RTSP cameras read through FFmpeg: probed first, then opened by FFmpeg; access units are assembled here.

Threads: each connection has its own thread, which blocks in FFmpeg and builds packets. The thread that calls `read`
takes them from a short queue and checks timeouts. A blocking FFmpeg read is never interrupted while the camera may
continue: that would lose a partial RTP packet.
"""

import atexit
import queue
import threading
from collections import deque
from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

from tawny.engine.actor import start_thread
from tawny.media.codec.demuxer import CompressedUnit, Demuxer, DemuxTrack, open_rtsp, read_extradata
from tawny.media.codec.nal import START, split_annexb
from tawny.model.errors import (
    SourceClosed,
    SourceError,
    SourceLoginWeaker,
    SourceRedirected,
    SourceRefused,
    SourceStalled,
    SourceUnusable,
)
from tawny.model.packets import AudioFormat, SourcePacket, VideoCodec
from tawny.model.times import Clock
from tawny.protocols.login_history import LoginRecord, SignIn
from tawny.protocols.sdp import SdpDescription
from tawny.sources.network_address import NetworkAddress
from tawny.sources.packet_builder import PacketBuilder
from tawny.sources.rtsp.ffmpeg_guard import DEADLINE_S, FfmpegGate, describe
from tawny.sources.source import IdleUntil, SourceWithoutKeyframe

# Builds access units from RTP packet payloads: the NAL units of exactly one picture.

MOST_UNIT_BYTES = 8_000_000
MOST_NALS = 2_000
SAME_TIME_TICKS = 900
"""Maximum timestamp difference within one picture, in 90 kHz ticks (10 ms)."""


class AccessUnit(NamedTuple):
    nals: list[bytes]
    pts: int
    is_whole: bool
    """The first slice is the picture's first. Losses inside the unit are not detectable."""


class AccessUnitTooBig(ValueError):
    """A picture of more than MOST_UNIT_BYTES or MOST_NALS."""


class AccessUnitBuilder:
    """Assembles one video track's access units. A unit is returned when the next one begins.

    glue: a NAL unit continuation belongs to the open unit regardless of its timestamp; for transports without loss.
    """

    def __init__(self, codec: VideoCodec, *, glue: bool) -> None:
        self._kind_of = _kind_h264 if codec == "h264" else _kind_h265
        self._header_bytes = 1 if codec == "h264" else 2
        self._glue = glue
        self._nals: list[list[bytes]] = []  # each as a list of fragments; only the last is incomplete
        self._pts = 0
        self._size_bytes = 0
        self._slices = 0
        self._begins = False  # the first slice received is the picture's first
        self._lost_start = False  # the start of the next NAL unit was lost
        self._usual_slices = 1
        self._fragment_bytes = 0  # largest fragment of a fragmented NAL unit
        self._last = b""
        self.senseless = 0
        """Number of payloads dropped because they cannot begin a camera's NAL unit."""

    def feed(self, data: bytes, pts: int) -> list[AccessUnit]:
        """Add an RTP payload. Return the access units that it completes, usually none."""
        if data == self._last and data.count(data[-1]) != len(data):
            return []  # duplicate RTP packet
        self._last = data
        self._size_bytes += len(data)
        if self._size_bytes > MOST_UNIT_BYTES or len(self._nals) > MOST_NALS:
            raise AccessUnitTooBig(f"a picture of more than {MOST_UNIT_BYTES} bytes or {MOST_NALS} parts")
        if not data.startswith(START):
            return self._more(data, pts)
        done: list[AccessUnit] = []
        for nal in _nals_of(data):
            done += self._begin(nal, pts)
        return done

    def finish(self) -> list[AccessUnit]:
        """Return the open unit at the end of the stream, if it appears complete."""
        whole = self._slices >= self._usual_slices and self._is_closed()
        done = self._give()
        return done if whole else []

    def _begin(self, nal: bytes, pts: int) -> list[AccessUnit]:
        kind = self._kind_of(nal)
        if kind == "senseless":
            return self._senseless(pts)
        done: list[AccessUnit] = []
        if self._slices and (kind in ("first", "before") or not self._is_same_time(pts)):
            done = self._give()
        if kind in ("first", "slice"):
            if not self._slices:
                self._begins, self._pts = kind == "first", pts
            self._slices += 1
        self._nals.append([nal])
        self._lost_start = False
        return done

    def _senseless(self, pts: int) -> list[AccessUnit]:
        """Drop the unit: the payload is no NAL unit, so the data around it is unreliable."""
        self.senseless += 1
        self._lost_start = True
        done = [] if self._is_same_time(pts) else self._give()
        self._drop()
        return done

    def _more(self, data: bytes, pts: int) -> list[AccessUnit]:
        if self._nals and self._is_same_time(pts) and not self._lost_start:
            pieces = self._nals[-1]
            pieces.append(data)
            self._fragment_bytes = max(self._fragment_bytes, len(pieces[0]), len(data))
            return []
        self._lost_start = True  # ignore continuations until a NAL unit begins
        return self._give() if self._slices else []

    def _is_same_time(self, pts: int) -> bool:
        return self._glue or not self._slices or abs(pts - self._pts) <= SAME_TIME_TICKS

    def _give(self) -> list[AccessUnit]:
        nals: list[bytes] = []
        for pieces in self._nals:
            nal = pieces[0] if len(pieces) == 1 else b"".join(pieces)
            # some cameras leave start codes inside a NAL unit
            nals += split_annexb(START + nal) if b"\0\0\1" in nal else [nal]
        units = [AccessUnit(nals, self._pts, self._begins)] if self._slices else []
        if self._slices:
            self._usual_slices = self._slices
        self._drop()
        return units

    def _drop(self) -> None:
        self._nals, self._slices, self._size_bytes, self._begins = [], 0, 0, False

    def _is_closed(self) -> bool:
        """Return whether the last NAL unit appears complete: all fragments but the last have equal size."""
        if not self._nals:
            return False
        pieces = self._nals[-1]
        if len(pieces) == 1:
            return len(pieces[0]) < (self._fragment_bytes or 1000)
        return len(pieces[-1]) < len(pieces[0]) - self._header_bytes


def _nals_of(data: bytes) -> Iterator[bytes]:
    """Yield the NAL units of a payload that begins with a start code: one, or several from an aggregation packet."""
    at = len(START)
    while at <= len(data):
        end = data.find(START, at)
        end = len(data) if end < 0 else end
        if end > at:
            yield data[at:end]
        at = end + len(START)


def _kind_h264(nal: bytes) -> str:
    """Return `first`, `slice`, `before` (begins a unit after a slice), `after` or `senseless`."""
    kind = nal[0] & 31
    if nal[0] & 0x80 or kind in (2, 3, 4):  # forbidden_zero_bit; data partitions, unused by cameras
        return "senseless"
    if kind in (1, 5):
        return "first" if len(nal) > 1 and nal[1] & 0x80 else "slice"  # first_mb_in_slice is 0
    return "before" if kind in (6, 7, 8, 9, 14, 15, 16, 17, 18) else "after"


def _kind_h265(nal: bytes) -> str:
    kind = nal[0] >> 1 & 63
    if nal[0] & 0x80 or len(nal) < 2 or not nal[1] & 7:  # forbidden_zero_bit; temporal id 0 is invalid
        return "senseless"
    if kind < 32:
        return "first" if len(nal) > 2 and nal[2] & 0x80 else "slice"  # first_slice_segment_in_pic_flag
    return "before" if kind <= 35 or kind == 39 or 41 <= kind <= 44 or 48 <= kind <= 55 else "after"


# Converts FFmpeg's output for a camera to packets, and detects stalls and invalid video.

KEYFRAME_S = 30.0
"""Timeout for the first keyframe, in seconds; cameras send one every 1 to 20 s."""
_SENSELESS, _SENSELESS_MOST = 4, 100
"""Weight of an invalid unit against valid ones, and the limit of the weighted excess."""
_EARLY_PIECES = 32
"""Maximum audio units held until the first frame."""
_SAME_ZERO_S = 1.0
"""Maximum deviation in seconds between pts distance and arrival distance of audio and video for a common zero."""


class FfmpegFeed:
    """Builds packets from FFmpeg's units, in the connection's thread. alive_s: readable from any thread."""

    def __init__(self, demuxer: Demuxer, where: str, *, glue: bool, stall_s: float, clock: Clock) -> None:
        self._demuxer, self._where, self.stall_s, self._clock = demuxer, where, stall_s, clock
        video = next((track for track in demuxer.tracks if track.video_codec), None)
        if video is None or video.video_codec is None:
            demuxer.close()
            raise SourceUnusable(where, "its video format differs from what it announced")
        self._video = video
        sound = next((track for track in demuxer.tracks if _can_be_kept(track)), None)
        self._sound = _Sound(sound) if sound is not None else None
        self._pictures = PacketBuilder(video.video_codec, _announced(video))
        self._units = AccessUnitBuilder(video.video_codec, glue=glue and sound is not None)
        self._begun_s = self.alive_s = clock.mono_s()
        self._video_first: tuple[int, float] | None = None
        self._last_pts: int | None = None
        self._good = 0
        self._heard: deque[tuple[CompressedUnit, float]] = deque(maxlen=_EARLY_PIECES)

    @property
    def notes(self) -> dict[str, Any]:
        ignored = [track.codec for track in self._demuxer.tracks if track.kind == "audio"]
        sound = self._sound.format.codec if self._sound else ""
        return {"sound": sound} | ({"sound_ignored": ignored[0]} if ignored and not sound else {})

    def packets(self) -> Iterator[SourcePacket]:
        """Yield packets until the camera disconnects or stalls, then raise SourceError."""
        while True:
            try:
                piece = self._demuxer.read()
                if piece is None:
                    raise SourceClosed(self._where, "the connection was closed")
                if piece.track == self._video.index:
                    yield from self._picture(piece)
                elif self._sound is not None and piece.track == self._sound.index:
                    self._heard.append((piece, self._clock.mono_s()))
                yield from self._sounds()
                self._watch()
            except SourceError:
                yield from self._made(self._units.finish())
                raise

    def close(self) -> None:
        self._demuxer.close()

    def _picture(self, piece: CompressedUnit) -> list[SourcePacket]:
        now_s = self._clock.mono_s()
        pts = piece.pts if piece.pts is not None else (self._last_pts or 0)
        if self._video_first is None:
            self._video_first = pts, now_s
        try:
            made = self._made(self._units.feed(piece.data, pts))
        except AccessUnitTooBig as error:
            raise SourceUnusable(self._where, str(error)) from error
        if made or (self._pictures.format is None and pts != self._last_pts):
            self.alive_s = now_s  # a frame; further data of an endless one does not count
        self._last_pts = pts
        return made

    def _sounds(self) -> list[SourcePacket]:
        """Return the received audio packets. Held until the first frame, which defines the common timeline."""
        if self._sound is None or self._video_first is None or self._pictures.format is None:
            return []
        heard, first = list(self._heard), self._video_first
        self._heard.clear()
        return [packet for piece, at_s in heard for packet in self._sound.packets(piece, first, at_s)]

    def _made(self, units: list[AccessUnit]) -> list[SourcePacket]:
        packets: list[SourcePacket] = []
        for unit in units:
            if self._units.senseless and not unit.is_whole:
                continue  # the unit and the data around it are unreliable
            self._good += 1
            packet = self._pictures.packet(unit.nals, unit.pts, is_whole=unit.is_whole)
            packets += [packet] if packet is not None else []
        return packets

    def _watch(self) -> None:
        """Raise SourceError if there is no valid video."""
        now_s = self._clock.mono_s()
        if now_s - self.alive_s >= self.stall_s:
            raise SourceStalled(self._where, f"no video for {self.stall_s:g} s, although data arrives")
        if self._pictures.format is None and now_s - self._begun_s > KEYFRAME_S:
            raise SourceWithoutKeyframe(self._where, f"no keyframe within {KEYFRAME_S:g} s")
        senseless = self._units.senseless + self._pictures.senseless
        if _SENSELESS * senseless - self._good > _SENSELESS_MOST:
            raise SourceStalled(self._where, "its data isn't valid video")
        if _SENSELESS * senseless < self._good:
            self._good, self._units.senseless, self._pictures.senseless = 0, 0, 0  # long ago: reset


class _Sound:
    """An audio track that can be recorded, aligned to the video's zero."""

    def __init__(self, track: DemuxTrack) -> None:
        codec = track.audio_codec
        if codec is None:
            raise ValueError(f"{track.codec} isn't supported")
        self.index = track.index
        self.format = AudioFormat(codec, track.rate, max(1, track.channels), track.extradata if codec == "aac" else b"")
        self._shift: int | None = None
        self._last_pts = -1

    def packets(self, piece: CompressedUnit, video_first: tuple[int, float], arrived_s: float) -> list[SourcePacket]:
        """Return the unit's packets; empty if unusable. video_first: timestamp and arrival of the first video unit."""
        if piece.pts is None:
            return []
        if self._shift is None:
            apart_s = piece.pts / self.format.rate - video_first[0] / 90_000
            off_s = arrived_s - video_first[1] - apart_s
            self._shift = round(off_s * self.format.rate) if abs(off_s) > _SAME_ZERO_S else 0
        pts = piece.pts + self._shift
        if pts == self._last_pts or not piece.data:
            return []  # duplicate RTP packet
        self._last_pts = pts
        return [SourcePacket(self.format, piece.data, pts)]


def _can_be_kept(track: DemuxTrack) -> bool:
    """Return whether the track is audio that can be stored; AAC requires its configuration."""
    return track.audio_codec is not None and track.rate > 0 and (track.audio_codec != "aac" or track.extradata != b"")


def _announced(track: DemuxTrack) -> tuple[bytes, ...]:
    try:
        return read_extradata(track.video_codec or "h264", track.extradata).sets
    except ValueError:
        return ()  # the stream's own sets apply anyway


_QUEUED_PACKETS = 256
WAIT_S = 0.5
_LOOK_S = 0.1
_LATEST_S = 0.75
"""Extra time after which `read` reports a stall that the (hanging) connection thread has not reported."""
_AGAIN_S = (0.0, 0.1, 0.3, 0.6)
"""Delays before each attempt to play a camera that has responded."""


def open_through_ffmpeg(
    address: NetworkAddress,
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
    glue = options["transport"] == "tcp"
    feed = FfmpegFeed(demuxer, address.public, glue=glue, stall_s=options["stall"], clock=clock)
    notes = {"client": "ffmpeg", "transport": options["transport"], "tool": described.tool}
    if described.video is not None and described.video.fps:
        notes["fps"] = described.video.fps
    notes |= feed.notes | ({"hint": hint} if hint else {})
    return FfmpegConnection(feed, gate, address, notes, clock, wait_s)


def _play(
    address: NetworkAddress,
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
        feed: FfmpegFeed,
        gate: FfmpegGate | None,
        address: NetworkAddress,
        notes: Mapping[str, Any],
        clock: Clock,
        wait_s: float,
    ) -> None:
        self._feed, self.gate, self._notes = feed, gate, notes
        self._where, self._clock, self._wait_s = address.public, clock, wait_s
        self._waiting: queue.Queue[SourcePacket | SourceError] = queue.Queue(_QUEUED_PACKETS)
        self._closing = False
        self._over: SourceError | None = None
        atexit.register(self._leave)  # a thread still inside FFmpeg at interpreter exit would crash it
        self._thread = start_thread(f"rtsp {address.host}", self._run)

    def read(self) -> SourcePacket | IdleUntil:
        if self._over is not None:
            raise self._over
        try:
            came = self._waiting.get(self._wait_s > 0, self._wait_s)
        except queue.Empty:
            if self._clock.mono_s() - self._feed.alive_s < self._feed.stall_s + _LATEST_S:
                return IdleUntil(0.0 if self._wait_s else _LOOK_S)
            came = SourceStalled(self._where, f"no video for {self._feed.stall_s:g} s")
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
            _close(self.gate)
            atexit.unregister(self._leave)  # its reference would keep the queued packets in memory

    def _put(self, item: SourcePacket | SourceError) -> bool:
        """Queue an item. Return False after close."""
        while not self._closing:
            try:
                self._waiting.put(item, timeout=0.2)
            except queue.Full:
                continue
            return True
        return False
