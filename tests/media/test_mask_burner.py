"""Privacy masks burned into a stream, by the pixels of what comes out."""

from dataclasses import replace

import av
import cv2
import numpy as np
import pytest

from tawny.config.settings import CameraSettings
from tawny.detection.zones import privacy_masks
from tawny.media.codec.decoder import DecodedFrame, Decoder
from tawny.media.codec.encoder import Encoder
from tawny.media.codec.mask_burner import MaskBurner
from tawny.media.image.mask import mask_picture
from tawny.model.geometry import ORIENTATIONS, Orientation, Polygon
from tawny.model.ids import CameraId
from tawny.model.packets import VIDEO_RATE, SourcePacket, VideoFormat
from tawny.testing.clips import ClipSpec, made_clip
from tests.support.corners import FPS, HEIGHT, WIDTH, picture

L_SHAPE = ((0.5, 0.0), (1.0, 0.0), (1.0, 0.75), (0.75, 0.75), (0.75, 0.25), (0.5, 0.25))
EDGE = 6
"""Pixels at the edge of a mask that are compared with nothing: the encoder smears it."""


def burned(packets: list[SourcePacket], masks: tuple[Polygon, ...]) -> list[SourcePacket]:
    first = packets[0].format
    assert isinstance(first, VideoFormat)
    burner = MaskBurner(first, 15.0)
    return [one for packet in packets for one in burner.turn(packet, masks)] + burner.close(masks)


def decoded(packets: list[SourcePacket], orientation: Orientation = ORIENTATIONS[0]) -> list[DecodedFrame]:
    first = packets[0].format
    assert isinstance(first, VideoFormat)
    decoder = Decoder(first)
    frames = [frame for packet in packets for frame in decoder.decode(packet)] + decoder.drain()
    return [DecodedFrame(one.raw, one.camera, one.at_ms, orientation) for one in frames]


def hidden(points: tuple[tuple[float, float], ...], width: int, height: int) -> np.ndarray:
    """Return bool [height, width]: True under the mask."""
    mask = np.zeros((height, width), np.uint8)
    cv2.fillPoly(mask, [np.round(np.array(points) * (width, height)).astype(np.int32)], (1,))
    return mask.astype(bool)


def within(mask: np.ndarray, by: int) -> np.ndarray:
    return cv2.erode(mask.astype(np.uint8), np.ones((2 * by + 1, 2 * by + 1), np.uint8), borderValue=1).astype(bool)


@pytest.mark.parametrize("number", range(len(ORIENTATIONS)))
def test_a_mask_covers_what_it_was_drawn_on_in_every_orientation(number: int) -> None:
    orientation = ORIENTATIONS[number]
    camera = CameraSettings(
        source="demo:front", rotate=orientation.rotate, mirror=orientation.mirror, privacy_masks=(L_SHAPE,)
    )
    encoder = Encoder(WIDTH, HEIGHT, FPS)
    packets = [one for number in range(FPS) for one in encoder.encode(picture(number), number * VIDEO_RATE // FPS)]
    before = decoded(packets, orientation)[-1].rgb.astype(int)
    after = decoded(burned(packets, privacy_masks(camera)), orientation)[-1].rgb.astype(int)
    mask = hidden(L_SHAPE, after.shape[1], after.shape[0])
    assert after.shape == before.shape
    assert after[within(mask, EDGE)].max() < 24
    shown = within(~mask, EDGE)
    assert np.abs(after[shown] - before[shown]).mean() < 6


@pytest.mark.parametrize(
    "clip",
    [
        ClipSpec(),
        ClipSpec(codec="h265"),
        ClipSpec(b_frames=2),
        ClipSpec(codec="h265", b_frames=3),
        ClipSpec(gop_s=4.0),
        ClipSpec(width=322, height=182),
    ],
    ids=["h264", "h265", "h264-reordered", "h265-reordered", "one-keyframe", "odd-blocks"],
)
def test_frames_keep_their_times_and_keyframes(clip: ClipSpec) -> None:
    mask = ((0.0, 0.0), (0.5, 0.0), (0.5, 0.5), (0.0, 0.5))
    sent = [one for one in made_clip(clip).packets if one.is_video]
    made = burned(sent, (Polygon(mask),))
    assert [one.pts for one in made] == sorted(one.pts for one in sent)
    assert [one.pts for one in made if one.is_keyframe] == [one.pts for one in sent if one.is_keyframe]
    assert {one.format for one in made} == {made[0].format}
    assert isinstance(made[0].format, VideoFormat)
    assert (made[0].format.codec, made[0].format.width, made[0].format.height) == ("h264", clip.width, clip.height)
    area = hidden(mask, clip.width, clip.height)
    for frame in decoded(made):
        assert frame.luma[within(area, EDGE)].max() < 24
        assert frame.luma[~area].max() > 100


def test_a_mask_applies_to_the_next_frame_when_it_changes() -> None:
    left, right = (Polygon(((x, 0.0), (x + 0.5, 0.0), (x + 0.5, 1.0), (x, 1.0))) for x in (0.0, 0.5))
    sent = [one for one in made_clip(ClipSpec()).packets if one.is_video]
    burner = MaskBurner(sent[0].format, 15.0)  # type: ignore[arg-type]
    made = [one for number, packet in enumerate(sent) for one in burner.turn(packet, (left if number < 20 else right,))]
    for number, frame in enumerate(decoded(made)):
        dark, light = (frame.luma[:, 8:150], frame.luma[:, 170:312])[:: 1 if number < 20 else -1]
        assert dark.max() < 40 < light.max()


def test_the_overlap_of_two_masks_is_masked() -> None:
    masks = tuple(Polygon(((x, 0.2), (x + 0.4, 0.2), (x + 0.4, 0.8), (x, 0.8))) for x in (0.2, 0.4))
    sent = [one for one in made_clip(ClipSpec()).packets if one.is_video][:5]
    area = hidden(((0.2, 0.2), (0.8, 0.2), (0.8, 0.8), (0.2, 0.8)), 320, 240)
    for frame in decoded(burned(sent, masks)):
        assert frame.luma[within(area, EDGE)].max() < 24
        assert frame.luma[~area].max() > 100


@pytest.mark.parametrize("size", [(320, 240), (321, 241)])
def test_the_overlap_of_two_masks_is_masked_in_an_image(size: tuple[int, int]) -> None:
    masks = tuple(Polygon(((x, 0.2), (x + 0.4, 0.2), (x + 0.4, 0.8), (x, 0.8))) for x in (0.2, 0.4))
    white = np.full((size[1], size[0], 3), 255, np.uint8)
    frame = DecodedFrame(av.VideoFrame.from_ndarray(white, format="rgb24"), CameraId("a"), 0, ORIENTATIONS[0])
    shown = mask_picture(frame, masks).rgb
    area = hidden(((0.2, 0.2), (0.8, 0.2), (0.8, 0.8), (0.2, 0.8)), *size)
    assert shown[within(area, EDGE)].max() < 24
    assert shown[within(~area, EDGE)].min() > 230


def test_times_that_step_back_begin_again_with_a_keyframe() -> None:
    sent = [one for one in made_clip(ClipSpec()).packets if one.is_video]
    later = [replace(one, pts=one.pts + 100 * VIDEO_RATE) for one in sent]
    made = burned([*later, *sent], (Polygon(L_SHAPE),))
    assert [one.pts for one in made] == [one.pts for one in [*later, *sent]]
    assert made[len(later)].is_keyframe
    assert len(decoded(made)) == len(made)


def test_what_is_not_decoded_comes_out_as_nothing() -> None:
    sent = [one for one in made_clip(ClipSpec()).packets if one.is_video][1:15]
    assert burned(sent, (Polygon(L_SHAPE),)) == []
