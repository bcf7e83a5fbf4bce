"""The default motion detector. Start with `motion.py`."""

from tawny.detection.motion.motion import MotionDetector

__all__ = ["MotionDetector"]
