"""Raw pictures become H.264 packets as sources give them."""

from pathlib import Path

import cv2
import numpy as np
import pytest

from tawny.media.codec.decoder import Decoder
from tawny.media.codec.demuxer import Capture, JpegTranscoder
from tawny.media.codec.encoder import CANDIDATES, Colours, Encoder, EncodingQuality, Picture
from tawny.media.codec.nal import is_keyframe, split_lengths
from tawny.media.codec.transcoder import Reencoder
from tawny.model.errors import SourceUnusable
from tawny.model.ids import RunId
from tawny.model.packets import Packet, SourcePacket, VideoFormat

WIDTH, HEIGHT, FPS = 128, 96, 5
TICKS = 90_000 // FPS


def grey(luma: int) -> Picture:
    return np.vstack([np.full((HEIGHT, WIDTH), luma, np.uint8), np.full((HEIGHT // 2, WIDTH), 128, np.uint8)])


def encoded(pictures: int) -> list[SourcePacket]:
    encoder = Encoder(WIDTH, HEIGHT, FPS)
    packets = [packet for n in range(pictures) for packet in encoder.encode(grey(40 + 5 * n), n * TICKS)]
    return packets + encoder.close()


def test_every_picture_is_a_packet_with_its_time() -> None:
    assert [packet.pts for packet in encoded(23)] == [n * TICKS for n in range(23)]


def test_a_keyframe_begins_each_gop_and_none_stands_between() -> None:
    keys = [n for n, packet in enumerate(encoded(23)) if packet.is_keyframe]
    assert keys == [0, 10, 20]


def test_a_change_of_scene_makes_no_keyframe() -> None:
    encoder = Encoder(WIDTH, HEIGHT, FPS)
    packets = [p for n in range(9) for p in encoder.encode(grey(20 if n < 4 else 220), n * TICKS)]
    assert [packet.is_keyframe for packet in packets] == [True] + [False] * 8


def test_the_format_says_size_and_parameter_sets() -> None:
    (packet,) = encoded(1)
    assert isinstance(packet.format, VideoFormat)
    assert (packet.format.codec, packet.format.width, packet.format.height) == ("h264", WIDTH, HEIGHT)
    assert [nal[0] & 31 for nal in packet.format.parameter_sets] == [7, 8]


def test_units_stand_behind_their_lengths() -> None:
    for packet in encoded(12):
        assert is_keyframe("h264", split_lengths(packet.data)) == packet.is_keyframe


def test_what_went_in_comes_out_of_a_decoder() -> None:
    packets = encoded(12)
    assert isinstance(packets[0].format, VideoFormat)
    decoder = Decoder(packets[0].format)
    frames = [frame for packet in packets for frame in decoder.decode(packet)] + decoder.drain()
    assert decoder.errors == 0
    means = [float(frame.luma.mean()) for frame in frames]
    assert means == pytest.approx([40 + 5 * n for n in range(12)], abs=3)


def test_rgb_is_taken_too() -> None:
    red = np.zeros((HEIGHT, WIDTH, 3), np.uint8)
    red[:, :, 0] = 200
    (packet,) = Encoder(WIDTH, HEIGHT, FPS).encode(red, 0)
    assert isinstance(packet.format, VideoFormat)
    decoder = Decoder(packet.format)
    frames = decoder.decode(packet) + decoder.drain()
    r, g, b = frames[0].rgb.mean((0, 1))
    assert r > 180
    assert max(g, b) < 25


def test_a_bit_rate_is_kept_in_the_mean() -> None:
    chance = np.random.default_rng(1)
    encoder = Encoder(WIDTH, HEIGHT, FPS, quality=EncodingQuality(bit_rate=100_000))
    noise = [chance.integers(0, 255, (HEIGHT * 3 // 2, WIDTH), np.uint8) for _ in range(50)]
    total = sum(len(p.data) for n, picture in enumerate(noise) for p in encoder.encode(picture, n * TICKS))
    assert total * 8 / 10 < 200_000


def test_odd_sizes_are_refused() -> None:
    with pytest.raises(ValueError, match="even"):
        Encoder(127, 96, FPS)


def test_no_encoder_is_said_clearly(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tawny.media.codec.encoder.CANDIDATES", {})
    with pytest.raises(SourceUnusable, match=r"H\.264 encoder"):
        Encoder(WIDTH, HEIGHT, FPS)


def test_an_encoder_that_does_not_work_gives_way_to_the_next(monkeypatch: pytest.MonkeyPatch) -> None:
    broken = {"libx264rgb": {}, **CANDIDATES}  # it takes no YUV
    monkeypatch.setattr("tawny.media.codec.encoder.CANDIDATES", broken)
    assert Encoder(WIDTH, HEIGHT, FPS).name == "libx264"


def test_an_encoder_that_opens_but_encodes_nothing_gives_way_to_the_next(monkeypatch: pytest.MonkeyPatch) -> None:
    broken = {"vc2": {}, **CANDIDATES}  # it can be opened, and fails at the first frame
    monkeypatch.setattr("tawny.media.codec.encoder.CANDIDATES", broken)
    encoder = Encoder(WIDTH, HEIGHT, FPS, quality=EncodingQuality(hardware_first=True))
    assert encoder.name == "vc2"
    packets = [packet for n in range(3) for packet in encoder.encode(grey(40), n * TICKS)]
    assert encoder.name == "libx264"
    assert [(packet.pts, packet.is_keyframe) for packet in packets] == [(0, True), (TICKS, False), (2 * TICKS, False)]


def test_encoders_that_all_encode_nothing_are_said_clearly(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tawny.media.codec.encoder.CANDIDATES", {"vc2": {}})
    with pytest.raises(SourceUnusable, match=r"none works here \(vc2: .*Invalid argument"):
        Encoder(WIDTH, HEIGHT, FPS).encode(grey(40), 0)


def test_a_fixed_quantizer_decides_the_size() -> None:
    noise = np.random.default_rng(1).integers(0, 255, (HEIGHT * 3 // 2, WIDTH), np.uint8)
    sizes = [
        len(Encoder(WIDTH, HEIGHT, FPS, quality=EncodingQuality(qp=qp)).encode(noise, 0)[0].data) for qp in (20, 30, 40)
    ]
    assert sizes[0] > 1.3 * sizes[1] > 1.6 * sizes[2]


LEVELS = [(0, 16), (64, 71), (255, 235)]
"""Grey of a JPEG, which has full range, and of the limited range that the encoder states."""


def grey_jpeg(level: int) -> bytes:
    return bytes(cv2.imencode(".jpg", np.full((HEIGHT, WIDTH, 3), level, np.uint8))[1])


def decoded_luma(packets: list[SourcePacket]) -> float:
    assert isinstance(packets[0].format, VideoFormat)
    decoder = Decoder(packets[0].format)
    frames = [frame for packet in packets for frame in decoder.decode(packet)] + decoder.drain()
    return float(frames[0].luma.mean())


@pytest.mark.parametrize(("shown", "luma"), LEVELS)
def test_jpegs_of_an_http_camera_keep_their_levels(shown: int, luma: int) -> None:
    assert decoded_luma(JpegTranscoder().feed(grey_jpeg(shown), TICKS)) == pytest.approx(luma, abs=2)


@pytest.mark.parametrize(("shown", "luma"), LEVELS)
def test_jpegs_of_a_webcam_keep_their_levels(tmp_path: Path, shown: int, luma: int) -> None:
    film = tmp_path / "x.mjpeg"
    film.write_bytes(grey_jpeg(shown) * 2)
    capture = Capture(str(film), "mjpeg", {}, "test", decode=True)
    units = capture.read()
    capture.close()
    assert units is not None
    assert units[0].picture is not None
    assert units[0].picture[:HEIGHT].mean() == pytest.approx(luma, abs=1)


@pytest.mark.parametrize(("shown", "luma"), LEVELS)
def test_transcoded_full_range_video_keeps_its_levels(shown: int, luma: int) -> None:
    (packet,) = Encoder(WIDTH, HEIGHT, FPS, colours=Colours(range=2)).encode(grey(shown), TICKS)
    assert isinstance(packet.format, VideoFormat)
    reencoder = Reencoder(packet.format, WIDTH, FPS)
    sent = [Packet(RunId("r"), n, packet.format, packet.data, n * TICKS, n * 200, is_keyframe=True) for n in range(4)]
    made = [coded for one in sent for coded, _ in reencoder.turn(one)]
    assert decoded_luma(made) == pytest.approx(luma, abs=2)
