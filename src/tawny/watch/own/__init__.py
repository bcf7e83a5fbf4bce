"""A detector that somebody writes: a file with `detect()`, run in a process of its own."""

from tawny.watch.own.detector import Own
from tawny.watch.own.scanned import OwnScanned

__all__ = ["Own", "OwnScanned"]
