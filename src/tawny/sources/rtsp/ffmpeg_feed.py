"""What FFmpeg reads of a camera made into packets, until the camera ends it or sends no pictures any more."""

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
"""How long to wait for a picture that decoding can begin with; cameras send one every 1 to 20 s."""
_SENSELESS, _SENSELESS_MOST = 4, 100
"""A senseless unit outweighs so many good ones; over so much it is no accident any more."""
_EARLY_PIECES = 32
"""So much sound from before the first picture is kept until that has come."""
_SAME_ZERO_S = 1.0
"""If sound and video are further apart at their first packets than these came apart, they have no common zero."""


class FfmpegFeed:
    """Pieces from FFmpeg made into packets, in the connection's thread. alive_s may be read from any."""

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
        """Until the camera ends it or sends no pictures any more; then a SourceError."""
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
            self.alive_s = now_s  # a picture; more bytes of one that never ends are no sign of life
        self._last_pts = pts
        return made

    def _sounds(self) -> list[SourcePacket]:
        """Sound that came, none before the first picture: it says where sound's times belong."""
        if self._sound is None or self._video_first is None or self._pictures.format is None:
            return []
        heard, first = list(self._heard), self._video_first
        self._heard.clear()
        return [packet for piece, at_s in heard for packet in self._sound.packets(piece, first, at_s)]

    def _made(self, units: list[AccessUnit]) -> list[SourcePacket]:
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
            raise SourceStalled(self._where, f"no video for {self._stall_s:g} s, although data arrives")
        if self._pictures.format is None and now_s - self._begun_s > KEYFRAME_S:
            raise SourceUnusable(self._where, f"no keyframe within {KEYFRAME_S:g} s")
        senseless = self._units.senseless + self._pictures.senseless
        if _SENSELESS * senseless - self._good > _SENSELESS_MOST:
            raise SourceStalled(self._where, "its data isn't valid video")
        if _SENSELESS * senseless < self._good:
            self._good, self._units.senseless, self._pictures.senseless = 0, 0, 0  # long ago: forgiven


class _Sound:
    """A sound track that can be recorded; its times set to the video's zero."""

    def __init__(self, track: DemuxTrack) -> None:
        codec = track.audio_codec
        if codec is None:
            raise ValueError(f"{track.codec} isn't supported")
        self.index = track.index
        self.format = AudioFormat(codec, track.rate, max(1, track.channels), track.extradata if codec == "aac" else b"")
        self._shift: int | None = None
        self._last_pts = -1

    def packets(self, piece: CompressedUnit, video_first: tuple[int, float], arrived_s: float) -> list[SourcePacket]:
        """None for what cannot be used. video_first: time and arrival of the first picture's first piece."""
        if piece.pts is None:
            return []
        if self._shift is None:
            apart_s = piece.pts / self.format.rate - video_first[0] / 90_000
            off_s = arrived_s - video_first[1] - apart_s
            self._shift = round(off_s * self.format.rate) if abs(off_s) > _SAME_ZERO_S else 0
        pts = piece.pts + self._shift
        if pts == self._last_pts or not piece.data:
            return []  # an RTP packet sent twice
        self._last_pts = pts
        return [SourcePacket(self.format, piece.data, pts)]


def _can_be_kept(track: DemuxTrack) -> bool:
    """Whether it is sound that a file can hold; AAC needs its configuration."""
    return track.audio_codec is not None and track.rate > 0 and (track.audio_codec != "aac" or track.extradata != b"")


def _announced(track: DemuxTrack) -> tuple[bytes, ...]:
    try:
        return read_extradata(track.video_codec or "h264", track.extradata).sets
    except ValueError:
        return ()  # the stream's own count anyway
