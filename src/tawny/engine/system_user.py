"""The user of this computer that runs tawny."""

import getpass


def user_name() -> str:
    """Return the name of the user; empty: the user ID has none, as with `docker run --user 54321`."""
    try:
        return getpass.getuser()
    except (KeyError, OSError):  # OSError: from Python 3.13 on
        return ""
