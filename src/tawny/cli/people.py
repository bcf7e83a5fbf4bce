"""What the commands about people and passes share."""

from argparse import Namespace

from tawny.cli.places import existing_data
from tawny.config.settings import Settings, is_camera_id
from tawny.model.clock import SystemClock
from tawny.model.errors import UsageError
from tawny.model.ids import CameraId
from tawny.web.accounts import Accounts
from tawny.web.accounts_file import AccountsFile
from tawny.web.passes import Passes


def opened(args: Namespace) -> tuple[Settings, Accounts, Passes]:
    """Of the folder that the command is about; a running recorder sees what is changed at once."""
    chosen, folder = existing_data(args)
    file, clock = AccountsFile(folder / "accounts.db"), SystemClock()
    return chosen, Accounts(file, clock), Passes(file, clock)


def camera_list(text: str | None) -> list[CameraId] | None:
    """`porch,yard`; None, or `all`, is every camera. UsageError for what can be no camera."""
    if text is None or text == "all":
        return None
    names = [name.strip() for name in text.split(",") if name.strip()]
    if wrong := next((name for name in names if not is_camera_id(name)), None):
        raise UsageError(f"--cameras: {wrong!r} can be no camera.", "Name them as in the settings: porch,back-yard.")
    return [CameraId(name) for name in names]


def seen_words(cameras: frozenset[CameraId] | None) -> str:
    return "all cameras" if cameras is None else ", ".join(sorted(cameras)) or "nothing"
