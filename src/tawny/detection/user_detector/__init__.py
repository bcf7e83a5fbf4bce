"""A detector from a user script: a file with `detect()`, run in a separate process."""

from tawny.detection.user_detector.detector import UserDetector
from tawny.detection.user_detector.scanned import ScannedUserDetector

__all__ = ["ScannedUserDetector", "UserDetector"]
