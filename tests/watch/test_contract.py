"""The detectors' contract, with ours and with another one."""

from tawny.watch.detector import Detector, DetectorKind
from tawny.watch.motion import Motion
from tests.contracts.detector import DetectorContract
from tests.watch.steps import Steps


class TestMotion(DetectorContract):
    def make(self) -> Detector:
        kind: DetectorKind = Motion
        return kind({"sensitivity": 50})


class TestMostSensitive(DetectorContract):
    def make(self) -> Detector:
        return Motion({"sensitivity": 100})


class TestAnother(DetectorContract):
    def make(self) -> Detector:
        return Steps({"level": 1})
