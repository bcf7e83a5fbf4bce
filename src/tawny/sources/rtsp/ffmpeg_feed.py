"""Converts FFmpeg's output for a camera to packets, and detects stalls and invalid video."""

from collections import deque
from collections.abc import Iterator
from typing import Any

from tawny.media.codec.demuxer import CompressedUnit, Demuxer, DemuxTrack
from tawny.media.codec.extradata import read_extradata
from tawny.model.clock import Clock
from tawny.model.errors import SourceClosed, SourceError, SourceStalled, SourceUnusable
from tawny.model.packets import AudioFormat, SourcePacket
from tawny.sources.access_units import AccessUnit, AccessUnitBuilder, AccessUnitTooBig
from tawny.sources.packet_builder import PacketBuilder

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
        self._demuxer, self._where, self._stall_s, self._clock = demuxer, where, stall_s, clock
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
        if now_s - self.alive_s >= self._stall_s:
            raise SourceStalled(self._where, f"no video for {self._stall_s:g} s, although data arrives")
        if self._pictures.format is None and now_s - self._begun_s > KEYFRAME_S:
            raise SourceUnusable(self._where, f"no keyframe within {KEYFRAME_S:g} s")
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
