"""Demo cameras without hardware: rendered scenes with an accelerated day and occasional passers-by."""

from tawny.sources.demo.source import Demo
from tawny.sources.demo.world import SCENES, Passage

__all__ = ["SCENES", "Demo", "Passage"]
