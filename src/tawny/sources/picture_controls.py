"""Controls of a local camera's picture: what a source offers, and how it takes changes while it runs."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal, Protocol, runtime_checkable

from tawny.sources.source import CameraSource, SourceContext

ControlKind = Literal["number", "choice", "switch", "text", "button"]
Value = float | str | bool


@dataclass(frozen=True, slots=True)
class PictureControl:
    """A control. value: as set now; default: without a setting; both 0 for buttons.

    choices: value and label of each, for the kind `choice`; an empty label: the interface has one.
    is_live: a change applies without a break; otherwise this camera restarts.
    why_not: why this camera doesn't have it; empty: it does.
    """

    name: str
    kind: ControlKind
    value: Value = 0.0
    default: Value = 0.0
    least: float = 0.0
    most: float = 0.0
    step: float = 0.0
    choices: tuple[tuple[str, str], ...] = ()
    label: str = ""
    """As the camera names it; empty: the interface has a name for it."""
    is_live: bool = True
    why_not: str = ""


@runtime_checkable
class AdjustableSource(CameraSource, Protocol):
    """A source whose cameras have picture controls in its table of the settings."""

    def controls(self, opening: SourceContext) -> list[PictureControl]:
        """Return the camera's controls. May block for 10 s. Raises SourceError."""
        ...

    def setting(self, control: PictureControl, value: Value) -> tuple[str, Value]:
        """Return the key in the source's table (`ev`, `controls.brightness`), and the value as it is written there."""
        ...

    def adjust(self, opening: SourceContext, options: Mapping[str, Any]) -> bool:
        """Apply changed settings to the open connections; opening: with those before.

        Return False if the camera must be opened again for them. Raises SourceError.
        """
        ...

    def press(self, opening: SourceContext, name: str) -> None:
        """Press a button. Raises SourceError."""
        ...
