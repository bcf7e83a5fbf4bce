"""The folder of all copies of a hub: recognizes that its disk isn't mounted, before anything is written there.

The folder has a mark, and the hub's data folder remembers it. Otherwise an empty mount point would be filled: a folder
on the system's disk.
"""

import json
import secrets
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from tawny.model.errors import StorageError
from tawny.storage.disk.disk import turned
from tawny.storage.disk.private_files import write_private
from tawny.storage.disk.secondary_volumes import why_disk_missing

MARK: Final = "copies.id"
REMEMBERED: Final = "copies-disk.json"
_MARK_LETTERS: Final = 16


@dataclass(frozen=True, slots=True)
class CopiesFolder:
    """The folder. remembered: the file that has its mark; None: the folder is on the disk of the hub's own data."""

    path: Path
    remembered: Path | None = None

    def make(self) -> None:
        """Make the folder if there is none. Raises StorageError: its disk isn't mounted, or can't be written."""
        if why := why_disk_missing(self.path):
            raise StorageError(str(self.path), why)
        try:
            self._make()
        except OSError as error:
            raise turned(error, str(self.path)) from error

    def _make(self) -> None:
        known, mark = self._known(), self._mark()
        has_copies = any(self.path.glob("*/copies.db"))  # their mark was not written, or lies in the mount point
        if known and known != mark and (mark or not has_copies):
            remembered = self.remembered
            raise StorageError(
                str(self.path), f"the disk that should be there is not. If it is another disk, delete {remembered}"
            )
        self.path.mkdir(mode=0o750, parents=True, exist_ok=True)
        if self.remembered is None or (known and known == mark):
            return
        if not mark:
            mark = known or secrets.token_hex(_MARK_LETTERS // 2)
            write_private(self.path / MARK, mark.encode())
        write_private(self.remembered, json.dumps({"path": str(self.path), "mark": mark}).encode())

    def _mark(self) -> str:
        try:
            return (self.path / MARK).read_bytes()[:_MARK_LETTERS].decode("ascii", "replace")
        except FileNotFoundError:
            return ""

    def _known(self) -> str:
        """Return the mark that this folder had; empty: it is used for the first time."""
        if self.remembered is None:
            return ""
        try:
            data = json.loads(self.remembered.read_bytes())
        except (FileNotFoundError, ValueError):
            return ""
        is_this = isinstance(data, dict) and data.get("path") == str(self.path)
        return str(data.get("mark", "")) if is_this else ""
