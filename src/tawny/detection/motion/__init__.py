"""The default detector: see `motion.py` first."""

from tawny.detection.motion.motion import MotionDetector

__all__ = ["MotionDetector"]
