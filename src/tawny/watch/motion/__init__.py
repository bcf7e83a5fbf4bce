"""The default detector: see `motion.py` first."""

from tawny.watch.motion.motion import Motion

__all__ = ["Motion"]
