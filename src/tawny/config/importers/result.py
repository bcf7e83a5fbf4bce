"""Result of an import, and helpers for importers."""

import re
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import quote, urlsplit

from tawny.config.settings import is_camera_id


class ForeignFormatError(ValueError):
    """The text is not from this system, or broken.

    line: 1-based line of the error if the system is recognized, else 0.
    """

    def __init__(self, why: str, line: int = 0) -> None:
        super().__init__(why)
        self.line = line


@dataclass
class ImportResult:
    """Converted settings.

    settings: tables of tawny.toml. secrets: values of the `${NAME}`s in them.
    became: the tawny setting for each original one, as text. left: settings without an equivalent, with the reason.
    """

    settings: dict[str, Any] = field(default_factory=dict)
    secrets: dict[str, str] = field(default_factory=dict)
    became: dict[str, str] = field(default_factory=dict)
    left: dict[str, str] = field(default_factory=dict)

    def put(self, theirs: str, path: str, value: Any, words: str = "") -> None:
        """Set a value: `put("fps", "cameras.door.v4l2.fps", 12)`. words: description instead of path and value."""
        *tables, key = path.split(".")
        table = self.settings
        for name in tables:
            table = table.setdefault(name, {})
        table[key] = value
        self.became[theirs] = words or f"{path} = {_shown(value)}"

    def listens(self, theirs: str, port: str) -> None:
        """Set the web port, on 127.0.0.1 only: other devices are allowed manually once an account exists."""
        here = f"127.0.0.1:{port}"
        words = f'web.listen = "{here}"; once the owner account exists, 0.0.0.0:{port} lets other devices connect'
        self.put(theirs, "web.listen", here, words)

    def secret(self, name: str, value: str) -> str:
        """Store a secret and return its `${NAME}` placeholder."""
        name = re.sub(r"[^A-Z0-9]+", "_", name.upper()).strip("_")
        name = f"CAMERA_{name}" if name[:1].isdigit() else name
        self.secrets[name] = value
        return f"${{{name}}}"

    def without_password(self, camera: str, source: str) -> str:
        """Return the address with its password replaced by a secret placeholder."""
        try:
            parts = urlsplit(source)
        except ValueError:
            return source
        user, colon, password = parts.netloc.rpartition("@")[0].partition(":")
        if not colon:
            return source
        hidden = f"{user}:{self.secret(camera, password)}@{parts.netloc.rpartition('@')[2]}"
        return parts._replace(netloc=hidden).geturl()


def camera_id(name: str, usual: str = "camera") -> str:
    """Return `front-door-left` for `Front Door/Left`; `usual` if nothing valid remains."""
    text = re.sub(r"[^a-z0-9]+", "-", name.lower()).strip("-")[:40].strip("-")
    return text if is_camera_id(text) else usual


def toml_quoted(text: str) -> str:
    """Return the text percent-encoded as a URL component."""
    return quote(text, safe="")


def _shown(value: Any) -> str:
    return f'"{value}"' if isinstance(value, str) else str(value)


def flip(*, left_right: bool, up_down: bool) -> str:
    """Return the value for `picamera.flip`."""
    if left_right:
        return "both" if up_down else "left-right"
    return "up-down" if up_down else "none"
