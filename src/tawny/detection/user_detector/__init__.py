"""A detector that somebody writes: a file with `detect()`, run in a process of its own."""

from tawny.detection.user_detector.detector import UserDetector
from tawny.detection.user_detector.scanned import ScannedUserDetector

__all__ = ["ScannedUserDetector", "UserDetector"]
