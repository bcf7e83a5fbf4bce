"""QR codes as a camera sees them."""

from dataclasses import replace
from pathlib import Path

import av
import cv2
import numpy as np
import segno
from numpy.typing import NDArray

from tawny.media.codec.encoder import Encoder
from tawny.model.geometry import UPRIGHT, Orientation
from tawny.model.ids import RunId
from tawny.model.packets import Packet, VideoFormat
from tawny.stream.hub import Hub

SIZE = (1280, 720)
Luma = NDArray[np.uint8]


def code(text: str, module_px: int = 5) -> Luma:
    """The code alone, with its quiet zone."""
    rows = segno.make(text, error="m").matrix_iter(scale=module_px, border=4)
    return np.array([[40 if dark else 220 for dark in row] for row in rows], np.uint8)


def before_camera(text: str, module_px: int = 5, degrees: float = 8.0, noise: float = 5.0) -> Luma:
    """A sheet with the code, held a little askew before a grey wall."""
    width, height = SIZE
    picture = np.full((height, width), 110, np.uint8)
    if text:
        sheet = code(text, module_px)
        top, left = (height - sheet.shape[0]) // 2, (width - sheet.shape[1]) // 2
        picture[top : top + sheet.shape[0], left : left + sheet.shape[1]] = sheet
    turn = cv2.getRotationMatrix2D((width / 2, height / 2), degrees, 1.0)
    turned = cv2.warpAffine(picture, turn, SIZE, borderValue=(110,)).astype(np.float64)
    turned += np.random.default_rng(1).normal(0, noise, turned.shape)
    return np.clip(turned, 16, 235).astype(np.uint8)


def stream_of(pictures: list[Luma], hub: Hub, shown: Orientation = UPRIGHT) -> Hub:
    """Encode the pictures into a stream, as if they were new."""
    fps = 5
    encoder = Encoder(*SIZE, fps=fps, gop_s=60.0)
    number = hub.newest.number + 1 if hub.newest else 0
    for at, picture in enumerate(pictures):
        planes = np.full((SIZE[1] * 3 // 2, SIZE[0]), 128, np.uint8)
        planes[: SIZE[1]] = picture
        for one in encoder.encode(planes, at * 90_000 // fps):
            assert isinstance(one.format, VideoFormat)
            video, at_ms = replace(one.format, orientation=shown), 1_000_000 + number * 1000 // fps
            hub.append(Packet(RunId("r"), number, video, one.data, one.pts, at_ms, one.is_keyframe))
            number += 1
    return hub


def film(path: Path, text: str, seconds: int = 4, fps: int = 5) -> None:
    """Write a film of somebody who holds the code before the camera."""
    with av.open(str(path), "w") as out:
        stream = out.add_stream("libx264", rate=fps, options={"preset": "ultrafast", "crf": "28"})
        stream.width, stream.height = SIZE
        stream.pix_fmt = "yuv420p"
        stream.codec_context.gop_size = fps
        for at in range(seconds * fps):
            picture = before_camera(text, degrees=8 + at / 10)
            frame = av.VideoFrame.from_ndarray(np.dstack([picture] * 3), format="rgb24")
            out.mux(stream.encode(frame))
        out.mux(stream.encode(None))
