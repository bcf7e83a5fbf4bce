"""Process that burns privacy masks into a stream: it decodes, masks and encodes what the recorder passes on.

It is confined like `media_process`, and may use the devices of hardware encoders. Its input are messages, as in
`message_process`: the format, the masks, and video packets. It answers each packet with the packets that are ready and
then says that it is done with it, so the recorder knows how far behind it is.
"""

import base64
import json
import queue
import resource
import struct
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any, Final, NamedTuple

from tawny.engine.actor import start_thread
from tawny.media.codec.mask_burner import MaskBurner
from tawny.model.errors import SourceError
from tawny.model.geometry import Polygon
from tawny.model.packets import SourcePacket, VideoFormat
from tawny.sources.message_process import HEAD, MessageProcess, confine, read_exactly, send_message

MEMORY_BYTES: Final = 1536 << 20
"""Limit of one process; 4K with 16 reference frames needs 700 MB."""
DEVICES: Final = (
    "/dev", "/dev/dri", "/dev/video10", "/dev/video11", "/dev/video12", "/dev/nvidia0", "/dev/nvidiactl",
    "/dev/nvidia-uvm",
)  # fmt: skip
"""Of hardware encoders: Intel and AMD, Raspberry Pi, NVIDIA; and the list of devices, in which FFmpeg looks for the
second."""
DEFAULT_FPS: Final = 25.0
_FORMAT, _MASKS, _VIDEO, _DONE, _END = b"F", b"M", b"V", b"D", b"E"
_PACKET = struct.Struct(">q?")


class MaskedPacket(NamedTuple):
    """A packet with the masks burned in."""

    pts: int
    is_keyframe: bool
    data: bytes


class MaskedFormat(NamedTuple):
    """Format of the packets that follow. encoder: FFmpeg's name."""

    format: VideoFormat
    encoder: str


class PacketDone(NamedTuple):
    """The next of the packets passed on needs no more work. cpu_s: CPU time used since the process was ready."""

    cpu_s: float


class MaskingEnd(NamedTuple):
    """The process is over. why: empty at its regular end."""

    why: str


MaskingMessage = MaskedPacket | MaskedFormat | PacketDone | MaskingEnd


class MaskingProcess(MessageProcess):
    """The recorder's side. One thread passes packets on, one reads; a thread of its own writes."""

    def __init__(self) -> None:
        super().__init__("tawny.sources.masking_process")
        self._waiting: queue.SimpleQueue[bytes | None] = queue.SimpleQueue()
        self._writer = start_thread("burn in masks", self._write_all)
        self._format: VideoFormat | None = None
        self._private: tuple[Polygon, ...] = ()

    def pass_on(self, packet: SourcePacket, private: tuple[Polygon, ...], fps: float) -> None:
        """Pass a video packet on, which gets these masks, without waiting. private: in the image as sent, not none."""
        assert isinstance(packet.format, VideoFormat)
        data = b""
        if packet.format != self._format:
            self._format = packet.format
            data += _message(_FORMAT, json.dumps(_plain(packet.format) | {"fps": fps or DEFAULT_FPS}).encode())
        if private != self._private:
            self._private = private
            data += _message(_MASKS, json.dumps([one.points for one in private]).encode())
        self._waiting.put(data + _message(_VIDEO, _PACKET.pack(packet.pts, packet.is_keyframe) + packet.data))

    def end(self) -> None:
        """Say that nothing follows. The rest can still be read."""
        self._waiting.put(None)

    def read(self, most_s: float) -> MaskingMessage | None:
        """Return the next message; None if none comes within `most_s`. Raises ValueError for one that is invalid."""
        got = self.read_message(most_s)
        if got is None:
            return None
        if got.is_end:
            return MaskingEnd(f"the process that burns them in ended (code {self.exit_code()})")
        try:
            if got.kind == _VIDEO:
                pts, is_keyframe = _PACKET.unpack_from(got.body)
                return MaskedPacket(pts, is_keyframe, got.body[_PACKET.size :])
            data = json.loads(got.body)
            if got.kind == _DONE:
                return PacketDone(float(data))
            if got.kind == _FORMAT:
                return MaskedFormat(_video_format(data), str(data["encoder"]))
            return MaskingEnd(str(data["why"]))
        except (struct.error, KeyError, TypeError, OverflowError, RecursionError) as error:
            raise ValueError("an invalid message") from error

    def close(self) -> None:
        """End it, with its pipes. Call from the reading thread."""
        super().close()
        self.end()
        self._writer.join()
        self.release()

    def _write_all(self) -> None:
        with suppress(OSError):  # it has ended, which its reader sees
            while (data := self._waiting.get()) is not None:
                self.write(data)
        self.finish()


def _message(kind: bytes, body: bytes) -> bytes:
    return HEAD.pack(kind, len(body)) + body


def _plain(video: VideoFormat) -> dict[str, Any]:
    sets = [base64.b64encode(one).decode() for one in video.parameter_sets]
    return {"codec": video.codec, "width": video.width, "height": video.height, "sets": sets}


def _video_format(data: dict[str, Any]) -> VideoFormat:
    sets = tuple(base64.b64decode(one) for one in data["sets"])
    return VideoFormat("h265" if data["codec"] == "h265" else "h264", int(data["width"]), int(data["height"]), sets)


# The process itself.


def main() -> None:
    confine(MEMORY_BYTES, [Path(one) for one in DEVICES])
    worker, why = _Worker(), ""
    try:
        while True:
            kind, length = HEAD.unpack(read_exactly(HEAD.size))
            worker.take(kind, read_exactly(length))
    except EOFError:  # nothing follows
        worker.finish()
    except SourceError as error:
        why = error.detail
    send_message(_END, json.dumps({"why": why}).encode())


class _Worker:
    def __init__(self) -> None:
        self._ready_s = _cpu_s()
        self._burner: MaskBurner | None = None
        self._video: VideoFormat | None = None
        self._private: Sequence[Polygon] = ()
        self._sent_format: VideoFormat | None = None

    def take(self, kind: bytes, body: bytes) -> None:
        """Raises SourceUnusable if no encoder works."""
        if kind == _FORMAT:
            self.finish()
            data = json.loads(body)
            self._video = _video_format(data)
            self._burner = MaskBurner(self._video, float(data["fps"]))
        elif kind == _MASKS:
            self._private = [Polygon(tuple((x, y) for x, y in points)) for points in json.loads(body)]
        else:
            assert self._burner is not None
            assert self._video is not None
            assert self._private, "nothing is passed on without masks"
            pts, is_keyframe = _PACKET.unpack_from(body)
            packet = SourcePacket(self._video, body[_PACKET.size :], pts, is_keyframe)
            self._say(self._burner.turn(packet, self._private))
            send_message(_DONE, json.dumps(_cpu_s() - self._ready_s).encode())

    def finish(self) -> None:
        if self._burner is not None:
            self._say(self._burner.close(self._private))

    def _say(self, packets: Sequence[SourcePacket]) -> None:
        for packet in packets:
            assert isinstance(packet.format, VideoFormat)
            assert self._burner is not None
            if packet.format != self._sent_format:
                self._sent_format = packet.format
                data = _plain(packet.format) | {"encoder": self._burner.encoder}
                send_message(_FORMAT, json.dumps(data).encode())
            send_message(_VIDEO, _PACKET.pack(packet.pts, packet.is_keyframe) + packet.data)


def _cpu_s() -> float:
    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_utime + used.ru_stime


if __name__ == "__main__":
    main()
