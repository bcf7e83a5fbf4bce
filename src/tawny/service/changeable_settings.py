"""The settings in force, as services see them that change them while tawny runs."""

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from pathlib import Path

from tawny.config.changes import put_table
from tawny.config.drafts import SettingsDraft
from tawny.config.loader import read_settings
from tawny.config.settings import Settings
from tawny.model.errors import NotDone


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

    def put(self, table: str, values: Mapping[str, object]) -> None:
        """Write values of a table to the file, and apply them. Raises SettingsError, FolderUnwritable, NotDone."""
        if self.file is None:
            raise NotDone("These settings aren't in a file.", "Create one with `tawny init`, then restart tawny.")
        put_table(self.file, table, dict(values))
        written, now = getattr(read_settings(self.file), table), self.now()
        changed = getattr(now, table).model_copy(update={key: getattr(written, key) for key in values})
        self.apply_written(now.model_copy(update={table: changed}))

    def forget_removed(self, cameras: Collection[str]) -> None:
        """Remove what the file says of removed cameras. Raises SettingsError, FolderUnwritable, NotDone."""
        if self.file is None:
            return
        draft = SettingsDraft(self.file, "", {})
        for camera in cameras:
            draft.forget_removed(camera)
        left = draft.understood().removed_cameras
        draft.write()
        self.apply_written(self.now().model_copy(update={"removed_cameras": left}))
