"""RTSP cameras: described by us first, then read through FFmpeg, and made into whole pictures here.

Threads: each connection has one of its own, which waits in FFmpeg and puts packets together; the thread that calls
`read` takes them from a short queue, and watches the clock. A wait in FFmpeg is never cut short while the camera may
still go on: it would lose what had come of an RTP packet.
"""

import queue
import threading
from collections.abc import Iterator, Mapping
from typing import Any, ClassVar

from tawny.config.units import seconds
from tawny.media.demux import Demuxer, DemuxTrack, Piece, open_rtsp
from tawny.media.extradata import read_extradata
from tawny.model.clock import Clock
from tawny.model.errors import SourceClosed, SourceError, SourceRefused, SourceStalled, SourceUnusable
from tawny.model.packets import AudioFormat, SourcePacket
from tawny.sources.address import RtspAddress, claims_rtsp, parse_rtsp, public_rtsp
from tawny.sources.describe import DEADLINE_S, describe
from tawny.sources.pictures import Pictures
from tawny.sources.sdp import Description
from tawny.sources.source import Connection, Idle, Opening
from tawny.sources.units import Unit, Units, UnitTooBig

STALL_S = 5.0
KEYFRAME_S = 30.0
"""How long to wait for a picture that decoding can begin with; cameras send one every 1 to 20 s."""
_QUEUED_PACKETS = 256
_WAIT_S = 0.5
_LATEST_S = 0.75
"""So much after its time a stall that the connection's thread has not found (it hangs) is found without it."""
_SENSELESS, _SENSELESS_MOST = 4, 100
"""A senseless unit outweighs so many good ones; over so much it is no accident any more."""
_AGAIN_S = (0.1, 0.3, 0.6)
"""Pauses before a camera that answers but would not play is asked again."""
_SAME_ZERO_S = 1.0
"""If sound and video are further apart at their first packets than these came apart, they have no common zero."""


class Rtsp:
    """`rtsp://[user:password@]host[:port]/path`.

    Settings: transport = "tcp" | "udp"; sound = true; stall = "5 s" (1 to 5 s without a picture end the connection).
    """

    scheme: ClassVar[str] = "rtsp"

    def settings(self, table: Mapping[str, Any]) -> Mapping[str, Any]:
        checked = {"transport": "tcp", "sound": True, "stall": STALL_S} | dict(table)
        if unknown := set(checked) - {"transport", "sound", "stall"}:
            raise ValueError(f"{min(unknown)}: found an unknown key; allowed: transport, sound and stall")
        if checked["transport"] not in ("tcp", "udp"):
            raise ValueError(f'transport: found {checked["transport"]!r}; allowed: "tcp" or "udp"')
        if not isinstance(checked["sound"], bool):
            raise ValueError(f"sound: found {checked['sound']!r}; allowed: true or false")
        checked["stall"] = _stall_s(checked["stall"])
        return checked

    def claims(self, address: str) -> bool:
        return claims_rtsp(address)

    def public(self, address: str) -> str:
        return public_rtsp(address)

    def open(self, opening: Opening) -> Connection:
        options = self.settings(opening.options)
        try:
            address = parse_rtsp(opening.address)
        except ValueError as error:
            raise SourceError(self.public(opening.address), f"its address is not {error}") from None
        until_s = opening.clock.mono_s() + DEADLINE_S
        described = describe(address, opening.clock)
        demuxer = _play(address, described, options, opening.clock, until_s)
        return _RtspConnection(demuxer, address, described, options, opening.clock)


def _play(
    address: RtspAddress, described: Description, options: Mapping[str, Any], clock: Clock, until_s: float
) -> Demuxer:
    """Open through FFmpeg. Some servers are still putting away what they were just asked, and must be asked again."""
    pauses_s = list(_AGAIN_S)
    while True:
        try:
            return open_rtsp(
                address.url_with_login,
                udp=options["transport"] == "udp",
                sound=options["sound"] and described.audio is not None,
                open_s=max(1.0, until_s - clock.mono_s()),
                read_s=options["stall"],
                where=address.public,
            )
        except SourceRefused as error:
            # a moment ago the same login was good: it is its form that FFmpeg cannot answer
            raise SourceError(address.public, f"its login ({described.login}) is of a form not known here") from error
        except SourceError as error:
            if type(error) is not SourceError or not pauses_s or clock.mono_s() + pauses_s[0] > until_s:
                raise
        threading.Event().wait(pauses_s.pop(0))


class _RtspConnection:
    """One camera playing. Made in the thread that opened it, read in one thread."""

    def __init__(
        self,
        demuxer: Demuxer,
        address: RtspAddress,
        described: Description,
        options: Mapping[str, Any],
        clock: Clock,
    ) -> None:
        self._where, self._stall_s, self._clock = address.public, options["stall"], clock
        self._notes: dict[str, Any] = {"transport": options["transport"], "tool": described.tool}
        glue = options["transport"] == "tcp"
        self._feed = _Feed(demuxer, address.public, glue=glue, stall_s=self._stall_s, clock=clock)
        if described.video is not None and described.video.fps:
            self._notes["fps"] = described.video.fps
        self._notes |= self._feed.notes
        self._waiting: queue.Queue[SourcePacket | SourceError] = queue.Queue(_QUEUED_PACKETS)
        self._closing = False
        self._over: SourceError | None = None
        self._thread = threading.Thread(target=self._run, name="rtsp", daemon=True)
        self._thread.start()

    def read(self) -> SourcePacket | Idle:
        if self._over is not None:
            raise self._over
        try:
            came = self._waiting.get(timeout=_WAIT_S)
        except queue.Empty:
            if self._clock.mono_s() - self._feed.alive_s < self._stall_s + _LATEST_S:
                return Idle(0.0)
            came = SourceStalled(self._where, f"no picture for {self._stall_s:g} s")
        if isinstance(came, SourceError):
            self._over = came
            raise came
        return came

    def close(self) -> None:
        """The thread ends with the next packet; of a camera that is silent, when its wait in FFmpeg is over."""
        self._closing = True
        self._thread.join(0.4)

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

    def _put(self, item: SourcePacket | SourceError) -> bool:
        """False when nobody wants it any more."""
        while not self._closing:
            try:
                self._waiting.put(item, timeout=0.2)
            except queue.Full:
                continue
            return True
        return False


class _Feed:
    """Pieces from FFmpeg made into packets, in the connection's thread. alive_s may be read from any."""

    def __init__(self, demuxer: Demuxer, where: str, *, glue: bool, stall_s: float, clock: Clock) -> None:
        self._demuxer, self._where, self._stall_s, self._clock = demuxer, where, stall_s, clock
        video = next((track for track in demuxer.tracks if track.video_codec), None)
        if video is None or video.video_codec is None:
            demuxer.close()
            raise SourceUnusable(where, "its video is not what it said it was")
        self._video = video
        sound = next((track for track in demuxer.tracks if track.audio_codec), None)
        self._sound = _Sound(sound) if sound is not None else None
        self._pictures = Pictures(video.video_codec, _announced(video))
        self._units = Units(video.video_codec, glue=glue and sound is not None)
        self._begun_s = self.alive_s = clock.mono_s()
        self._video_first: tuple[int, float] | None = None
        self._last_pts: int | None = None
        self._good = 0

    @property
    def notes(self) -> dict[str, Any]:
        ignored = [t.codec for t in self._demuxer.tracks if t.kind == "audio" and not t.audio_codec]
        sound = self._sound.format.codec if self._sound else ""
        return {"sound": sound} | ({"sound_ignored": ignored[0]} if ignored and not sound else {})

    def packets(self) -> Iterator[SourcePacket]:
        """Until the camera ends it or sends no pictures any more; then a SourceError."""
        while True:
            try:
                piece = self._demuxer.read()
                if piece is None:
                    raise SourceClosed(self._where, "it hung up")
                if piece.track == self._video.index:
                    yield from self._picture(piece)
                elif self._sound is not None and piece.track == self._sound.index:
                    yield from self._sound.packets(piece, self._video_first, self._clock.mono_s())
                self._watch()
            except SourceError:
                yield from self._made(self._units.finish())
                raise

    def close(self) -> None:
        self._demuxer.close()

    def _picture(self, piece: Piece) -> list[SourcePacket]:
        now_s = self._clock.mono_s()
        pts = piece.pts if piece.pts is not None else (self._last_pts or 0)
        if self._video_first is None:
            self._video_first = pts, now_s
        try:
            made = self._made(self._units.feed(piece.data, pts))
        except UnitTooBig as error:
            raise SourceUnusable(self._where, str(error)) from error
        if made or (self._pictures.format is None and pts != self._last_pts):
            self.alive_s = now_s  # a picture; more bytes of one that never ends are no sign of life
        self._last_pts = pts
        return made

    def _made(self, units: list[Unit]) -> list[SourcePacket]:
        packets: list[SourcePacket] = []
        for unit in units:
            if self._units.senseless and not unit.is_whole:
                continue  # neither it nor what comes with it is what it should be
            self._good += 1
            packet = self._pictures.packet(unit.nals, unit.pts, is_whole=unit.is_whole)
            packets += [packet] if packet is not None else []
        return packets

    def _watch(self) -> None:
        """Raise if what comes are no pictures."""
        now_s = self._clock.mono_s()
        if now_s - self.alive_s >= self._stall_s:
            raise SourceStalled(self._where, f"no picture for {self._stall_s:g} s, though it sends")
        if self._pictures.format is None and now_s - self._begun_s > KEYFRAME_S:
            raise SourceUnusable(self._where, f"no picture that decoding can begin with in {KEYFRAME_S:g} s")
        senseless = self._units.senseless + self._pictures.senseless
        if _SENSELESS * senseless - self._good > _SENSELESS_MOST:
            raise SourceStalled(self._where, "what it sends are no pictures")
        if _SENSELESS * senseless < self._good:
            self._good, self._units.senseless, self._pictures.senseless = 0, 0, 0  # long ago: forgiven


class _Sound:
    """A sound track that can be recorded; its times set to the video's zero."""

    def __init__(self, track: DemuxTrack) -> None:
        codec = track.audio_codec
        if codec is None:
            raise ValueError(f"{track.codec} cannot be recorded")
        self.index = track.index
        self.format = AudioFormat(codec, track.rate, max(1, track.channels), track.extradata if codec == "aac" else b"")
        self._shift: int | None = None
        self._last_pts = -1

    def packets(self, piece: Piece, video_first: tuple[int, float] | None, now_s: float) -> list[SourcePacket]:
        if piece.pts is None or video_first is None:
            return []
        if self._shift is None:
            apart_s = piece.pts / self.format.rate - video_first[0] / 90_000
            arrived_s = now_s - video_first[1]
            off_s = arrived_s - apart_s
            self._shift = round(off_s * self.format.rate) if abs(off_s) > _SAME_ZERO_S else 0
        pts = piece.pts + self._shift
        if pts == self._last_pts or not piece.data:
            return []  # an RTP packet sent twice
        self._last_pts = pts
        return [SourcePacket(self.format, piece.data, pts)]


def _announced(track: DemuxTrack) -> tuple[bytes, ...]:
    try:
        return read_extradata(track.video_codec or "h264", track.extradata).sets
    except ValueError:
        return ()  # the stream's own count anyway


def _stall_s(value: Any) -> float:
    try:
        stall_s = seconds(value) if isinstance(value, str) else float(value)
    except (TypeError, ValueError):
        stall_s = 0.0
    if not 0.5 <= stall_s <= STALL_S:
        raise ValueError(f"stall: found {value!r}; allowed: 0.5 s to {STALL_S:g} s")
    return stall_s
