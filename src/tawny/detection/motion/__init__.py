"""The default motion detector. Start with `motion.py`."""

from tawny.detection.motion.motion import MotionDetector

MotionDetector.__doc__ = """
Detects objects that move through the image or stay, of any size, by day and night with the same settings.

- `sensitivity` (50): 1 to 100. Higher: more events.
"""

__all__ = ["MotionDetector"]
