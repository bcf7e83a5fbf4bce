"""Cameras without any hardware: rendered places in which the day passes quickly and somebody comes by now and then."""

from tawny.sources.demo.scenes import SCENES
from tawny.sources.demo.source import Demo
from tawny.sources.demo.world import Passage

__all__ = ["SCENES", "Demo", "Passage"]
