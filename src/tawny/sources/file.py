"""Video files as cameras, played at their own speed, once or in a loop.

No threads and no blocking: between two packets `read` returns the time to wait.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Any, ClassVar, NamedTuple

from tawny.media.codec.demuxer import CompressedUnit, Demuxer, DemuxTrack, open_file, read_extradata
from tawny.media.codec.nal import split_annexb
from tawny.model.errors import NoSuchDevice, SourceFinished, SourceUnusable
from tawny.model.packets import VIDEO_RATE, AudioFormat, SourcePacket
from tawny.model.times import Clock
from tawny.model.validation import value_text
from tawny.sources.packet_builder import PacketBuilder, read_adts
from tawny.sources.source import CameraConnection, IdleUntil, SourceContext

SUFFIXES = frozenset({".mp4", ".m4v", ".mov", ".mkv", ".avi", ".ts", ".m2ts", ".mts", ".flv", ".h264", ".h265"})
_PREFIX = "file:"
_AAC_SAMPLES = 1024
_USUAL_TICKS = VIDEO_RATE // 25


class FileSource:
    """A video file: `clip.mp4`, or any path after `file:`.

    - `loop` (false): play the file again when it ends.
    """

    scheme: ClassVar[str] = "file"

    def settings(self, table: Mapping[str, Any]) -> Mapping[str, Any]:
        checked = {"loop": False} | dict(table)
        if unknown := set(checked) - {"loop"}:
            raise ValueError(f"{min(unknown)}: unknown key; allowed: loop")
        if not isinstance(checked["loop"], bool):
            raise ValueError(f"loop: found {value_text(checked['loop'])}; allowed: true or false")
        return checked

    def claims(self, address: str) -> bool:
        return address.startswith(_PREFIX) or ("://" not in address and Path(address).suffix.lower() in SUFFIXES)

    def public(self, address: str) -> str:
        return address

    def open(self, opening: SourceContext) -> CameraConnection:
        path = Path(opening.address.removeprefix(_PREFIX))
        if not path.is_file():
            found = "it isn't a file" if path.exists() else "the file doesn't exist"
            raise NoSuchDevice(opening.address, found)
        loop = self.settings(opening.options)["loop"]
        return _FileConnection(path, opening.address, opening.clock, loop=loop)


class _Due(NamedTuple):
    """A packet, and its due time since the start of playback, in 90 kHz ticks."""

    packet: SourcePacket
    at: int


class _FileConnection:
    """Playback of one file."""

    def __init__(self, path: Path, where: str, clock: Clock, *, loop: bool) -> None:
        self._path, self._where, self._clock, self._loop = path, where, clock, loop
        self._pass: _Pass | None = _Pass(path, where, 0)
        self._due: _Due | None = None
        self._begun_s: float | None = None

    def read(self) -> SourcePacket | IdleUntil:
        now_s = self._clock.mono_s()
        if self._begun_s is None:
            self._begun_s = now_s
        if self._due is None:
            self._due = self._next()
        wait_s = self._begun_s + self._due.at / VIDEO_RATE - now_s
        if wait_s > 0:
            return IdleUntil(wait_s)
        packet, self._due = self._due.packet, None
        return packet

    def close(self) -> None:
        playing, self._pass = self._pass, None
        if playing is not None:
            playing.close()

    @property
    def notes(self) -> Mapping[str, Any]:
        fps = self._pass.fps if self._pass is not None else None
        return {"fps": round(fps, 3)} if fps else {}

    def _next(self) -> _Due:
        while self._pass is not None:
            due = self._pass.next()
            if due is not None:
                return due
            ended = self._pass
            self.close()
            if self._loop and ended.gave:
                self._pass = _Pass(self._path, self._where, ended.end)
        raise SourceFinished(self._where)


class _Pass:
    """One pass through the file. Timestamps begin at `base` (90 kHz ticks)."""

    def __init__(self, path: Path, where: str, base: int) -> None:
        self._demuxer = open_file(str(path), where)
        self._video = _video_track(self._demuxer, where)
        self._sound = next((track for track in self._demuxer.tracks if _recordable(track)), None)
        codec = self._video.video_codec or "h264"
        try:
            announced, self._length_bytes = read_extradata(codec, self._video.extradata)
        except ValueError as error:
            self._demuxer.close()
            raise SourceUnusable(where, str(error)) from error
        self._pictures = PacketBuilder(codec, announced)
        self._base, self._zero, self._newest_dts = base, 0, 0
        self._step = round(VIDEO_RATE / self._video.fps) if self._video.fps else _USUAL_TICKS
        self.end = base
        """Timestamp at which the next pass may begin."""
        self.gave = False

    @property
    def fps(self) -> float | None:
        return self._video.fps

    def next(self) -> _Due | None:
        """Return the next packet; None at the end of the file."""
        while (piece := self._demuxer.read()) is not None:
            due = self._picture(piece) if piece.track == self._video.index else self._piece_of_sound(piece)
            if due is not None:
                self.gave = True
                return due
        return None

    def close(self) -> None:
        self._demuxer.close()

    def _picture(self, piece: CompressedUnit) -> _Due | None:
        dts = piece.dts if piece.dts is not None else piece.pts
        dts = self._newest_dts + self._step if dts is None else dts
        pts = piece.pts if piece.pts is not None else dts
        try:
            nals = split_annexb(piece.data) if self._length_bytes == 0 else _split(piece.data, self._length_bytes)
        except ValueError:
            return None  # a damaged frame; the file continues behind it
        if self._pictures.format is None:
            self._zero = min(dts, pts)
        self._newest_dts = dts
        packet = self._pictures.packet(nals, self._base + pts - self._zero)
        if packet is None:
            return None
        self.end = max(self.end, packet.pts + self._step)
        return _Due(packet, self._base + dts - self._zero)

    def _piece_of_sound(self, piece: CompressedUnit) -> _Due | None:
        sound = self._sound
        if sound is None or piece.track != sound.index or piece.pts is None or self._pictures.format is None:
            return None
        audio, data = (
            AudioFormat(sound.audio_codec or "aac", sound.rate, max(1, sound.channels), sound.extradata),
            piece.data,
        )
        if audio.codec == "aac" and not audio.config:
            read = read_adts(data)
            if read is None or read[0].rate != sound.rate:
                return None
            audio, data = read
        at = piece.pts * VIDEO_RATE // sound.rate - self._zero
        if at < 0:
            return None
        pts = -(-self._base * sound.rate // VIDEO_RATE) + piece.pts - self._zero * sound.rate // VIDEO_RATE
        samples = _AAC_SAMPLES if audio.codec == "aac" else len(data) // audio.channels
        self.end = max(self.end, self._base + at + samples * VIDEO_RATE // sound.rate)
        return _Due(SourcePacket(audio, data, pts), self._base + at)


def _video_track(demuxer: Demuxer, where: str) -> DemuxTrack:
    found = next((track for track in demuxer.tracks if track.video_codec), None)
    if found is None:
        demuxer.close()
        held = ", ".join(f"{track.codec} {track.kind}" for track in demuxer.tracks) or "no video"
        raise SourceUnusable(where, f"the file contains {held}")
    return found


def _recordable(track: DemuxTrack) -> bool:
    return track.rate > 0 and track.audio_codec is not None


def _split(data: bytes, length_bytes: int) -> list[bytes]:
    """Split NAL units with length prefixes of 1, 2 or 4 bytes; skip empty ones.

    Raises ValueError if lengths do not match.
    """
    nals: list[bytes] = []
    at = 0
    while at < len(data):
        begin = at + length_bytes
        at = begin + int.from_bytes(data[at:begin], "big")
        if at > len(data) or begin > len(data):
            raise ValueError("the length of a NAL unit does not fit")
        if at > begin:
            nals.append(data[begin:at])
    return nals
