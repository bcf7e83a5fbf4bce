"""Shared code of the commands about users and access tokens."""

from argparse import Namespace
from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path

from tawny.api.auth.accounts import Accounts
from tawny.api.auth.accounts_file import AccountsFile
from tawny.api.auth.passes import Passes
from tawny.cli.control_client import ask_once
from tawny.cli.output import Output
from tawny.cli.paths import existing_data
from tawny.config.settings import Settings, is_camera_id
from tawny.model.clock import SystemClock
from tawny.model.errors import NotDone, UsageError
from tawny.model.ids import CameraId
from tawny.model.labels import ALLOWED, has_hidden
from tawny.storage.disk.headroom import DiskHeadroom
from tawny.storage.disk.volume import Volume


@dataclass(frozen=True)
class AccountStores:
    """Addresses and cameras of this recorder.

    base: URL of the web interface, for example `http://127.0.0.1:8000`.
    rtsp: `host:port` of the RTSP server; empty if it is off. cameras: all known camera IDs.
    headroom: space for uploads.
    """

    base: str
    rtsp: str
    cameras: frozenset[str]
    headroom: DiskHeadroom

    def warn(self, named: Collection[CameraId] | None, out: Output) -> None:
        """Print a warning for camera IDs that do not exist (yet): users are often added first."""
        missing = self._missing(named)
        if missing and self.cameras:
            out.say(f"No camera named {', '.join(missing)} yet. Available: {', '.join(sorted(self.cameras))}.")

    def check(self, named: Collection[CameraId] | None) -> None:
        """Raise UsageError for camera IDs that do not exist."""
        missing = self._missing(named)
        if missing:
            available = (
                f"Available: {', '.join(sorted(self.cameras))}." if self.cameras else "There are no cameras yet."
            )
            raise UsageError(f"--cameras: no camera named {', '.join(missing)}.", available)

    def _missing(self, named: Collection[CameraId] | None) -> list[str]:
        return sorted(set(named or ()) - self.cameras)


def check_name(name: str) -> None:
    """Raise UsageError for a name of a user or token that would not be shown as it is."""
    if has_hidden(name):
        raise UsageError(f"The name {name!r} is invalid.", f"Use {ALLOWED}.")


def open_accounts(args: Namespace) -> tuple[AccountStores, Accounts, Passes]:
    """Open the accounts of the data folder. A running recorder sees changes immediately."""
    chosen, folder = existing_data(args)
    file, clock = AccountsFile(folder / "accounts.db"), SystemClock()
    cameras = frozenset(chosen.cameras) | set(Volume.at(folder).cameras())
    headroom = DiskHeadroom(folder, lambda: chosen.storage.retention.min_free)
    house = AccountStores(interface(chosen, folder), chosen.web.rtsp, cameras, headroom)
    return house, Accounts(file, clock), Passes(file, clock)


def interface(chosen: Settings, folder: Path) -> str:
    """Return the URL of the web interface: from the settings, from a running recorder, or the configured listen
    address.
    """
    if chosen.web.public_url:
        return chosen.web.public_url.rstrip("/")
    try:
        return str(ask_once(folder, {"command": "where"})["address"])
    except NotDone:
        return f"http://{chosen.web.listen}"


def camera_list(text: str | None) -> list[CameraId] | None:
    """Parse `porch,yard`; None or `all` means every camera and returns None. Raises UsageError: for invalid IDs."""
    if text is None or text == "all":
        return None
    names = [name.strip() for name in text.split(",") if name.strip()]
    if wrong := next((name for name in names if not is_camera_id(name)), None):
        raise UsageError(
            f"--cameras: {wrong!r} isn't a valid camera ID.",
            "Use the IDs from the settings, for example porch,back-yard.",
        )
    return [CameraId(name) for name in names]


def seen_words(cameras: frozenset[CameraId] | None) -> str:
    return "all cameras" if cameras is None else ", ".join(sorted(cameras)) or "nothing"
