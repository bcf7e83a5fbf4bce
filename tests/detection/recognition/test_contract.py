"""The recognisers' contract, with ours and with one that somebody wrote."""

from pathlib import Path

import pytest

from tawny.detection.plates import Plates
from tawny.detection.recognition import Recogniser, UserRecogniser
from tests.contracts.recogniser import RecogniserContract


class TestPlates(RecogniserContract):
    def make(self) -> Recogniser:
        return Plates({})


class TestOwn(RecogniserContract):
    @pytest.fixture(autouse=True)
    def _in_a_file(self, tmp_path: Path) -> None:
        self.file = tmp_path / "faces.py"
        self.file.write_text("def read(picture):\n    return [Reading('', 0.8, picture.rgb.mean(axis=(0, 1)))]\n")

    def make(self) -> Recogniser:
        return UserRecogniser(self.file, ("person",), deadline_s=5.0, memory=1_000_000_000)
