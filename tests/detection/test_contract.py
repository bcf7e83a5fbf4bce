"""The detectors' contract, with ours and with another one."""

from tawny.detection.detector import Detector, DetectorKind
from tawny.detection.motion import MotionDetector
from tawny.testing.contracts.detection import DetectorContract
from tests.detection.steps import Steps


class TestMotion(DetectorContract):
    def make(self) -> Detector:
        kind: DetectorKind = MotionDetector
        return kind({"sensitivity": 50})


class TestMostSensitive(DetectorContract):
    def make(self) -> Detector:
        return MotionDetector({"sensitivity": 100})


class TestAnother(DetectorContract):
    def make(self) -> Detector:
        return Steps({"level": 1})
