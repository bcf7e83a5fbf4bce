"""The settings in force, as services see them that change them while tawny runs."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from tawny.config.settings import Settings


@dataclass(frozen=True, slots=True)
class ChangeableSettings:
    """now: returns the settings in force. apply: applies changed ones at once, given also where they come from.

    file: the settings file, into which changes are written; None: the settings came from the command line.
    """

    now: Callable[[], Settings]
    apply: Callable[[Settings, str], None]
    file: Path | None

    def apply_written(self, new: Settings) -> None:
        """Apply settings that have just been written to the file, if there is one."""
        self.apply(new, str(self.file or "the settings"))
