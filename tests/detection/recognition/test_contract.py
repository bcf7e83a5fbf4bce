"""The recognisers' contract, with ours and with one that somebody wrote."""

from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest

from tawny.detection.plates import Plates
from tawny.detection.recognition import Recogniser, UserRecogniser
from tawny.testing.contracts.detection import RecogniserContract
from tests.support.plates import LAYOUTS, vehicle


class VehicleContract(RecogniserContract):
    def picture(self) -> npt.NDArray[np.uint8]:
        rgb, _ = vehicle(LAYOUTS[1], "AB12 CDE", 160, "day", np.random.default_rng(1))
        return np.ascontiguousarray(rgb)


class TestPlates(VehicleContract):
    def make(self) -> Recogniser:
        return Plates({})


class TestOwn(VehicleContract):
    @pytest.fixture(autouse=True)
    def _in_a_file(self, tmp_path: Path) -> None:
        self.file = tmp_path / "faces.py"
        self.file.write_text("def read(picture):\n    return [Reading('', 0.8, picture.rgb.mean(axis=(0, 1)))]\n")

    def make(self) -> Recogniser:
        return UserRecogniser(self.file, ("person",), deadline_s=5.0, memory=1_000_000_000)
