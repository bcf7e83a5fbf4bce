"""License plates: located on vehicles without a model, read by Tesseract or a user model."""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from tawny.detection.plates.plates import Plates

__all__ = ["Plates"]


def __getattr__(name: str) -> Any:
    """Import `Plates` on first use: comparing plate texts needs no OpenCV."""
    if name != "Plates":
        raise AttributeError(name)
    from tawny.detection.plates.plates import Plates

    return Plates
