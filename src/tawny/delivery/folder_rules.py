"""Folders that are no destination: those of the system, of programs that run by themselves, and tawny's own."""

from collections.abc import Iterable
from pathlib import Path
from typing import Final

from tawny.model.errors import DeliveryError

ALLOW_ANY: Final = "allow_any_folder"
"""Setting of a folder destination that switches these rules off; only the settings file can have it."""
_WHOLE: Final = (
    "/bin", "/boot", "/dev", "/etc", "/lib", "/lib32", "/lib64", "/lost+found", "/proc", "/run", "/sbin", "/sys",
    "/usr", "/var/cache", "/var/lib/apt", "/var/lib/dpkg", "/var/lib/systemd", "/var/log", "/var/run", "/var/spool",
)  # fmt: skip
_ONLY_ITSELF: Final = ("/", "/home", "/root", "/var", "/var/lib")
_MOUNTED: Final = "/run/media"
"""Desktops mount disks below it."""


def why_no_destination(folder: Path, own: Iterable[Path] = ()) -> str:
    """Return why files may not be uploaded to a folder; empty if they may. Links count as what they lead to.

    own: folders of tawny's; neither what is in them nor what holds them is a destination.
    """
    found = folder.resolve()
    if not found.is_relative_to(_MOUNTED) and any(found.is_relative_to(path) for path in _WHOLE):
        return "a folder of the system"
    if str(found) in _ONLY_ITSELF or found.parent == Path("/home"):
        return "a folder of the system, or a user's home"
    if any(part.startswith(".") for part in found.parts):
        return "a hidden folder, which may hold settings of programs"
    for path in own:
        resolved = path.resolve()
        if found.is_relative_to(resolved) or resolved.is_relative_to(found):
            return f"tawny's own ({path})"
    return ""


def refuse_no_destination(folder: Path, public: str) -> None:
    """Raise DeliveryError if a folder is none. Checked at each connection, because links change."""
    if why := why_no_destination(folder):
        raise DeliveryError(public, f"it is {why}")
