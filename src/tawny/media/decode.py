"""Packets to pictures. One decoder a stream, used by one thread; a damaged packet costs pictures, never the decoder.

The picture's time travels through FFmpeg as the packet's presentation time, in milliseconds, so reordering keeps it.
"""

from typing import Any

import av
import numpy as np
from av.video.codeccontext import VideoCodecContext

from tawny.media.nal import START, annexb
from tawny.model.ids import CameraId
from tawny.model.packets import VIDEO_RATE, Packet, SourcePacket, VideoFormat

NO_CAMERA = CameraId("")
_FFMPEG_NAMES = {"h264": "h264", "h265": "hevc"}


class DecodedFrame:
    """A decoded picture (`model.observations.Frame`). It holds its buffers: keep it only as long as it is needed."""

    __slots__ = ("_video", "at_ms", "camera")

    def __init__(self, video: av.VideoFrame, camera: CameraId, at_ms: int) -> None:
        self._video, self.camera, self.at_ms = video, camera, at_ms

    @property
    def width(self) -> int:
        return self._video.width

    @property
    def height(self) -> int:
        return self._video.height

    @property
    def video(self) -> av.VideoFrame:
        """As FFmpeg has it, for `media` alone."""
        return self._video

    @property
    def luma(self) -> Any:
        """uint8 [height, width]; a view into the decoder's buffer for pictures of 8 bits, a copy for deeper ones."""
        video = self._video
        first = video.format.components[0]
        if video.format.is_rgb or not first.is_luma:
            return video.to_ndarray(format="gray")
        plane = video.planes[0]
        if first.bits == 8:
            rows = np.frombuffer(memoryview(plane), np.uint8).reshape(-1, plane.line_size)
            return rows[: video.height, : video.width]
        deep = np.frombuffer(memoryview(plane), np.uint16).reshape(-1, plane.line_size // 2)
        return (deep[: video.height, : video.width] >> (first.bits - 8)).astype(np.uint8)

    @property
    def rgb(self) -> Any:
        """uint8 [height, width, 3], converted at each call."""
        return self._video.to_ndarray(format="rgb24")


class Decoder:
    """errors: how many packets could not be decoded. After one, and at the start, it waits for a keyframe."""

    def __init__(self, video: VideoFormat, camera: CameraId = NO_CAMERA) -> None:
        self.format, self.camera = video, camera
        self.errors = 0
        self._waits_for_keyframe = True
        self._context = _opened(video)

    def decode(self, packet: Packet | SourcePacket) -> list[DecodedFrame]:
        """The pictures that this packet completes, in order of presentation: mostly one, none while frames reorder."""
        if self._waits_for_keyframe and not packet.is_keyframe:
            return []
        try:
            coded = av.Packet(annexb(packet.data, self.format))
            coded.pts = coded.dts = _at_ms(packet)
            frames = self._context.decode(coded)
        except (av.FFmpegError, ValueError):
            self.errors += 1
            self.reset()
            return []
        self._waits_for_keyframe = False
        return self._whole(frames)

    def drain(self) -> list[DecodedFrame]:
        """What is still held back for reordering; then decoding begins again with a keyframe."""
        try:
            frames = self._context.decode(None)
        except av.FFmpegError:
            self.errors += 1
            frames = []
        self.reset()
        return self._whole(frames)

    def reset(self) -> None:
        """Forget everything up to the next keyframe: packets are missing."""
        self._context.flush_buffers()
        self._waits_for_keyframe = True

    def leave_out_unreferenced(self, *, leave_out: bool) -> None:
        """Whether pictures that no other refers to are not decoded: cheaper, and fewer pictures come out."""
        self._context.skip_frame = "NONREF" if leave_out else "DEFAULT"

    def _whole(self, frames: list[av.VideoFrame]) -> list[DecodedFrame]:
        return [
            DecodedFrame(frame, self.camera, frame.pts)
            for frame in frames
            if frame.pts is not None and not frame.is_corrupt
        ]


def _opened(video: VideoFormat) -> VideoCodecContext:
    context = av.CodecContext.create(_FFMPEG_NAMES[video.codec], "r")
    assert isinstance(context, VideoCodecContext)
    context.thread_count = 1  # a thread a camera is there already
    context.extradata = b"".join(START + nal for nal in video.parameter_sets)
    return context


def _at_ms(packet: Packet | SourcePacket) -> int:
    return packet.at_ms if isinstance(packet, Packet) else packet.pts * 1000 // VIDEO_RATE
