"""What every detector must do. Subclass it, name the class `Test…`, and say how one is made."""

import tracemalloc
from dataclasses import replace
from functools import cache

import numpy as np

from tawny.detection.detector import Detector
from tawny.model.observations import Look
from tests.support import situations
from tests.support.scenes import HEIGHT, START_MS, WIDTH, PictureFrame


class DetectorContract:
    MOST_BYTES = 2_000_000
    """Of one camera, with small pictures."""
    MOST_GROWTH_BYTES = 300_000
    """From one half of a minute to the next."""

    def make(self) -> Detector:
        raise NotImplementedError

    def test_scores_and_boxes_are_in_range(self) -> None:
        for frame, look in self._looks(_busy()):
            assert 0 <= look.score <= 100
            for thing in look.seen + look.over:
                x0, y0, x1, y1 = thing.box
                assert 0 <= x0 < x1 <= 1
                assert 0 <= y0 < y1 <= 1
                assert 0 <= thing.score <= 1
                assert thing.since_ms is None or thing.since_ms <= frame.at_ms

    def test_what_is_over_was_seen_before_and_is_not_seen_again(self) -> None:
        seen: set[int] = set()
        over: set[int] = set()
        for frame, look in self._looks(_busy()):
            for thing in look.over:
                assert thing.track in seen
                assert thing.until_ms is not None
                assert thing.until_ms <= frame.at_ms
            over |= {thing.track for thing in look.over}
            seen |= {thing.track for thing in look.seen if thing.track}
            assert not over & {thing.track for thing in look.seen}

    def test_the_same_frames_give_the_same_looks(self) -> None:
        frames = _busy()
        assert [look for _, look in self._looks(frames)] == [look for _, look in self._looks(frames)]

    def test_it_keeps_no_picture_whose_buffer_is_used_again(self) -> None:
        frames = _busy()
        expected = [look for _, look in self._looks(frames)]
        detector, buffer, looks = self.make(), np.empty((HEIGHT, WIDTH), np.uint8), []
        for frame in frames:
            buffer[:] = frame.luma
            looks.append(detector.look(replace(frame, luma=buffer)))
            buffer[:] = 7
        assert looks == expected

    def test_rows_may_lie_apart(self) -> None:
        frames = _busy()
        wide = [replace(f, luma=np.pad(f.luma, ((0, 0), (0, 64)))[:, :WIDTH]) for f in frames]
        assert [look for _, look in self._looks(wide)] == [look for _, look in self._looks(frames)]

    def test_another_size_does_no_harm(self) -> None:
        detector = self.make()
        for n, shape in enumerate([(108, 192), (720, 1280), (192, 108), (9, 16), (108, 192)] * 3):
            look = detector.look(_plain(90, n, shape))
            assert 0 <= look.score <= 100

    def test_a_step_back_in_time_ends_what_was_seen(self) -> None:
        detector = self.make()
        for frame in _busy():
            detector.look(frame)
        back_ms = START_MS - 3_600_000
        for n, frame in enumerate(_busy()):
            for thing in detector.look(replace(frame, at_ms=back_ms + n * 200)).seen:
                assert thing.since_ms is None or thing.since_ms >= back_ms

    def test_a_pause_of_hours_ends_what_was_seen(self) -> None:
        detector = self.make()
        for frame in _busy():
            detector.look(frame)
        later_ms = START_MS + 5 * 3_600_000
        for n, frame in enumerate(_busy()):
            for thing in detector.look(replace(frame, at_ms=later_ms + n * 200)).seen:
                assert thing.since_ms is None or thing.since_ms >= later_ms

    def test_the_same_instant_twice_does_no_harm(self) -> None:
        detector = self.make()
        for frame in _busy():
            for _ in range(2):
                assert 0 <= detector.look(frame).score <= 100

    def test_black_and_white_pictures_are_silent(self) -> None:
        for level in (0, 255):
            detector = self.make()
            assert all(detector.look(_plain(level, n)) == Look(0) for n in range(100))

    def test_a_frame_every_five_seconds_and_thirty_a_second_do_no_harm(self) -> None:
        for apart_ms in (5000, 33):
            detector = self.make()
            for n, frame in enumerate(_busy()):
                assert 0 <= detector.look(replace(frame, at_ms=START_MS + n * apart_ms)).score <= 100

    def test_memory_is_bounded(self) -> None:
        frames = _traffic()
        tracemalloc.start()
        try:
            detector = self.make()
            for frame in frames[:300]:
                detector.look(frame)
            before_bytes, _ = tracemalloc.get_traced_memory()
            for frame in frames[300:]:
                detector.look(frame)
            after_bytes, _ = tracemalloc.get_traced_memory()
        finally:
            tracemalloc.stop()
        assert after_bytes < self.MOST_BYTES
        assert after_bytes - before_bytes < self.MOST_GROWTH_BYTES

    def _looks(self, frames: list[PictureFrame]) -> list[tuple[PictureFrame, Look]]:
        detector = self.make()
        return [(frame, detector.look(frame)) for frame in frames]


@cache
def _traffic() -> list[PictureFrame]:
    """90 s of cars, one after the other."""
    return list(situations.BUSY["traffic"](1).frames())


def _busy() -> list[PictureFrame]:
    return _traffic()[:100]


def _plain(level: int, n: int, shape: tuple[int, int] = (HEIGHT, WIDTH)) -> PictureFrame:
    return PictureFrame(np.full(shape, level, np.uint8), START_MS + 200 * n)
