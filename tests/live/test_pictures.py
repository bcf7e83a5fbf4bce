from dataclasses import replace

import cv2
import numpy as np
import pytest

from tawny.live import jpeg_stream
from tawny.live.jpeg_stream import Snapshots, rounded_width
from tawny.model.packets import Packet
from tawny.stream.hub import Hub
from tests.live.cameras import GOP, START_MS, numbered, video

PACKETS = list(numbered(video(width=128)))


def filled(count: int) -> Hub:
    hub = Hub()
    for packet in PACKETS[:count]:
        hub.append(packet)
    return hub


def test_the_picture_is_the_newest_keyframe() -> None:
    still = Snapshots().newest(filled(GOP + 5), 128)
    assert still
    assert still.at_ms == START_MS + 1000
    seen = cv2.imdecode(np.frombuffer(still.jpeg, np.uint8), cv2.IMREAD_COLOR)
    assert seen is not None
    assert seen.shape == (48, 128, 3)


def test_it_is_made_as_small_as_wanted() -> None:
    still = Snapshots().newest(filled(2), 64)
    assert still
    seen = cv2.imdecode(np.frombuffer(still.jpeg, np.uint8), cv2.IMREAD_COLOR)
    assert seen is not None
    assert seen.shape[1] == 64


def test_many_who_look_cost_one_decoding(monkeypatch: pytest.MonkeyPatch) -> None:
    decoded: list[Packet] = []

    def counted(packet: Packet, width: int, private: object) -> bytes:
        decoded.append(packet)
        return b"jpeg"

    monkeypatch.setattr(jpeg_stream, "keyframe_jpeg", counted)
    hub, shared = filled(GOP), Snapshots()
    for _ in range(5):
        shared.newest(hub, 100)
    assert len(decoded) == 1


def test_there_is_none_before_the_first_keyframe() -> None:
    assert Snapshots().newest(Hub(), 128) is None


def test_there_is_none_of_a_keyframe_that_cannot_be_decoded() -> None:
    hub = Hub()
    hub.append(replace(PACKETS[0], data=b"\0\0\0\4junk"))
    assert Snapshots().newest(hub, 128) is None


@pytest.mark.parametrize(("wanted", "made"), [(1, 64), (320, 320), (321, 336), (9999, 3840)])
def test_widths_are_few(wanted: int, made: int) -> None:
    assert rounded_width(wanted) == made
