"""Number plates: found on vehicles without a model, read by an installed program or by a model of the owner's."""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from tawny.detection.plates.plates import Plates

__all__ = ["Plates"]


def __getattr__(name: str) -> Any:
    """Only when it is asked for: who compares what stands on plates does without the vision library."""
    if name != "Plates":
        raise AttributeError(name)
    from tawny.detection.plates.plates import Plates

    return Plates
