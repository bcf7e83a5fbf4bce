"""The detectors' contract, with each of the old ones."""

from dataclasses import replace

import pytest

from tawny.detection.classic.background import Mixture, Neighbours, Stability
from tawny.detection.classic.base import ClassicDetector
from tawny.detection.classic.blocks import Blocks
from tawny.detection.classic.edges import Edges
from tawny.detection.classic.framediff import FrameDiff
from tawny.detection.classic.likeness import Likeness
from tawny.detection.classic.pixels import Pixels
from tawny.detection.detector import Detector
from tawny.engine.plugins import load
from tawny.model.observations import Look
from tawny.testing.contracts.detection import DetectorContract, PictureFrame


class TestEdges(DetectorContract):
    def make(self) -> Detector:
        return Edges({"sensitivity": 80})


class TestBlocks(DetectorContract):
    def make(self) -> Detector:
        return Blocks({})


class TestPixels(DetectorContract):
    def make(self) -> Detector:
        return Pixels({"sensitivity": 100})


class TestFrameDiff(DetectorContract):
    def make(self) -> Detector:
        return FrameDiff({"frames": 1})


class TestLikeness(DetectorContract):
    def make(self) -> Detector:
        return Likeness({"level": 1})


class TestMixture(DetectorContract):
    def make(self) -> Detector:
        return Mixture({"kernel": 3, "seconds": 0.4})


class TestNeighbours(DetectorContract):
    """OpenCV's KNN draws lots that nobody can seed, so two runs are alike and not the same."""

    def looks(self, frames: list[PictureFrame]) -> list[tuple[PictureFrame, Look]]:
        return [(frame, replace(look, score=0, seen=(), over=())) for frame, look in super().looks(frames)]

    def test_it_keeps_no_picture_whose_buffer_is_used_again(self) -> None:
        """OpenCV copies what it keeps."""

    def make(self) -> Detector:
        return Neighbours({"kernel": 3, "seconds": 0.4})


class TestStability(DetectorContract):
    def make(self) -> Detector:
        return Stability({"kernel": 3, "seconds": 0.4})


@pytest.mark.parametrize("kind", [Edges, Blocks, Pixels, FrameDiff, Likeness, Mixture, Neighbours, Stability])
def test_each_is_behind_the_door_by_its_name(kind: type[ClassicDetector]) -> None:
    detectors, broken = load("tawny.detectors")
    assert not broken
    assert detectors[kind.name] is kind
