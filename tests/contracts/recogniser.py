"""What every recogniser must do. Subclass it, name the class `Test…`, and say how one is made."""

from collections.abc import Iterator, Sequence

import numpy as np
import pytest

from tawny.detection.recognition import Recogniser, RecogniserInput, RecogniserResult
from tawny.model.ids import CameraId
from tawny.testing.waiting import until
from tests.support.plates import LAYOUTS, vehicle

PORCH = CameraId("porch")
BEGUN_MS = 1_795_000_000_000


def shown(rgb: object, kind: str = "vehicle") -> RecogniserInput:
    return RecogniserInput(PORCH, BEGUN_MS, kind, rgb)


class RecogniserContract:
    READS = True
    """Whether it reads something of a vehicle with a plate."""

    def make(self) -> Recogniser:
        raise NotImplementedError

    @pytest.fixture
    def one(self) -> Iterator[Recogniser]:
        made = self.make()
        until(lambda: made.read(shown(np.zeros((64, 64, 3), np.uint8))) is not None and made.is_ready)
        yield made
        made.close()

    def test_it_says_what_it_is_shown(self, one: Recogniser) -> None:
        assert one.kinds
        assert all(isinstance(kind, str) and kind for kind in one.kinds)

    def test_readings_are_in_range(self, one: Recogniser) -> None:
        found = self._reads(one)
        assert bool(found) == self.READS
        for reading in found:
            assert 0 <= reading.score <= 1
            assert reading.text.isprintable()
            assert all(np.isfinite(reading.print))

    @pytest.mark.parametrize("shape", [(24, 24), (30, 400), (400, 30), (601, 799)])
    def test_any_picture_will_do(self, one: Recogniser, shape: tuple[int, int]) -> None:
        for brightness in (0, 255):
            assert isinstance(one.read(shown(np.full((*shape, 3), brightness, np.uint8))), Sequence)

    def test_it_changes_nothing_of_what_it_is_shown(self, one: Recogniser) -> None:
        rgb = self._vehicle()
        before = rgb.copy()
        one.read(shown(rgb))
        assert (rgb == before).all()

    def test_all_is_well_with_it(self, one: Recogniser) -> None:
        self._reads(one)
        assert one.trouble == ""

    def test_closing_it_twice_does_no_harm(self) -> None:
        made = self.make()
        made.close()
        made.close()

    def _reads(self, one: Recogniser) -> Sequence[RecogniserResult]:
        return one.read(shown(self._vehicle()))

    @staticmethod
    def _vehicle() -> np.ndarray:
        rgb, _ = vehicle(LAYOUTS[1], "AB12 CDE", 160, "day", np.random.default_rng(1))
        return np.ascontiguousarray(rgb)
