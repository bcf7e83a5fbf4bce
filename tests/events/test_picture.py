"""An event's best picture."""

from collections.abc import Callable
from dataclasses import replace

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from tawny.events.event_builder import worth
from tawny.media.codec.encoder import Encoder
from tawny.model.ids import RunId
from tawny.model.observations import Box
from tawny.model.packets import Packet
from tawny.stream.hub import Hub
from tests.events.scripted import BEGUN_MS, MIDDLE, Bench, thing

LARGER: Box = (0.3, 0.2, 0.6, 0.8)
AT_EDGE: Box = (0.0, 0.3, 0.1, 0.7)


def _size(jpeg: bytes) -> tuple[int, int]:
    picture = cv2.imdecode(np.frombuffer(jpeg, np.uint8), cv2.IMREAD_COLOR)
    assert picture is not None
    return picture.shape[1], picture.shape[0]


def _grey(size: tuple[int, int], luma: int) -> NDArray[np.uint8]:
    picture = np.full((size[1] * 3 // 2, size[0]), 128, np.uint8)
    picture[: size[1]] = luma
    return picture


def _shown(luma: int) -> float:
    """The grey of a picture whose luma is of the limited range."""
    return (luma - 16) * 255 / 219


def _large_stream(
    seconds: int = 20,
    gop_s: float = 2.0,
    size: tuple[int, int] = (1280, 720),
    brightness: Callable[[int], int] = lambda _n: 90,
) -> Hub:
    hub, encoder = Hub(keep_s=60), Encoder(*size, fps=5, gop_s=gop_s)
    number = 0
    for n in range(seconds * 5):
        for one in encoder.encode(_grey(size, brightness(n)), n * 18_000):
            hub.append(Packet(RunId("r"), number, one.format, one.data, one.pts, BEGUN_MS + n * 200, one.is_keyframe))
            number += 1
    return hub


@pytest.mark.shows("DY10")
def test_the_first_picture_is_there_when_the_event_starts() -> None:
    bench = Bench()
    bench.look(11.2, thing(since_s=10.0))
    (saved,) = bench.saved
    assert _size(saved.jpeg) == (160, 90)
    event = bench.told[0].event
    assert event.id == saved.event.id
    assert event.picture_ms == BEGUN_MS + 11_200
    assert event.box == MIDDLE


def test_a_clearly_better_one_takes_its_place() -> None:
    bench = Bench()
    bench.see(11, 13, thing())
    bench.see(13, 15, thing(box=LARGER))
    assert [saved.event.box for saved in bench.saved] == [MIDDLE, LARGER]
    assert bench.told[-1].what == "updated"
    assert bench.told[-1].event.picture_ms == BEGUN_MS + 13_000


def test_a_better_one_within_a_second_has_to_wait() -> None:
    bench = Bench()
    bench.look(11.0, thing())
    bench.look(11.2, thing(box=LARGER))
    assert len(bench.saved) == 1


def test_at_the_edge_is_worse() -> None:
    assert worth(AT_EDGE) < 0.6 * worth((0.1, 0.3, 0.2, 0.7)) < worth(MIDDLE) < worth(LARGER)


def test_at_the_end_the_large_stream_gives_it() -> None:
    bench = Bench(large=_large_stream())
    bench.see(10.9, 12.3, thing())
    bench.see(12.4, 16)
    first, last = bench.saved
    assert _size(first.jpeg) == (160, 90)
    assert _size(last.jpeg) == (960, 540)
    assert bench.told[-1].event.picture_ms == BEGUN_MS + 12_000


def test_in_a_long_event_the_large_stream_gives_it_on_the_way() -> None:
    bench = Bench(large=_large_stream())
    bench.see(3, 15, thing())
    assert [_size(saved.jpeg)[0] for saved in bench.saved] == [160, 960]
    assert bench.whats == ["started", "updated"]


@pytest.mark.parametrize(("box", "pictures"), [((0.35, 0.3, 0.55, 0.8), [160, 960]), (LARGER, [160, 960, 160, 960])])
def test_a_large_picture_stays_until_the_thing_is_seen_far_better(box: Box, pictures: list[int]) -> None:
    bench = Bench(large=_large_stream())
    bench.see(3, 8, thing())
    bench.see(8, 15, thing(box=box))
    bench.see(15, 19)
    assert [_size(saved.jpeg)[0] for saved in bench.saved] == pictures


def test_where_no_keyframe_shows_it_well_the_best_moment_is_decoded_from_the_one_before() -> None:
    bench = Bench(large=_large_stream(gop_s=4.0, brightness=lambda n: 40 + n))
    bench.see(9, 11, thing(box=LARGER))
    bench.see(11, 13, thing(box=AT_EDGE))
    bench.see(13, 17)
    assert [_size(saved.jpeg)[0] for saved in bench.saved] == [160, 960]
    assert bench.told[-1].event.picture_ms == BEGUN_MS + 9000
    picture = cv2.imdecode(np.frombuffer(bench.saved[-1].jpeg, np.uint8), cv2.IMREAD_GRAYSCALE)
    assert picture is not None
    assert picture.mean() == pytest.approx(_shown(40 + 9 * 5), abs=2)


def test_what_would_take_long_to_decode_is_not(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tawny.events.event_builder.MOST_DECODED", 5)
    bench = Bench(large=_large_stream(gop_s=4.0))
    bench.see(9, 11, thing(box=LARGER))
    bench.see(11, 13, thing(box=AT_EDGE))
    bench.see(13, 17)
    assert [_size(saved.jpeg)[0] for saved in bench.saved] == [160]


def test_a_large_stream_that_is_damaged_changes_nothing() -> None:
    hub = Hub()
    packet = replace(_large_stream(1).recent(60)[0], data=b"\0\0\0\5\x65junk"[:9], at_ms=BEGUN_MS + 11_000)
    hub.append(packet)
    bench = Bench(large=hub)
    bench.see(11, 12, thing())
    bench.maker.close()
    assert [_size(saved.jpeg)[0] for saved in bench.saved] == [160]


def test_a_full_disk_costs_the_picture_but_not_the_event() -> None:
    bench = Bench()
    bench.is_full = True
    bench.look(11.0, thing())
    assert bench.told[0].event.picture_ms is None
    bench.is_full = False
    bench.see(12, 14, thing(box=LARGER))
    assert bench.told[-1].event.picture_ms == BEGUN_MS + 12_000


@pytest.mark.parametrize("box", [(0.0, 0.0, 1.0, 1.0), (0.5, 0.5, 0.5, 0.5)])
def test_worth_is_between_0_and_1(box: Box) -> None:
    assert 0 <= worth(box) <= 1
