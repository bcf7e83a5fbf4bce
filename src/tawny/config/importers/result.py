"""What was found in the settings of another recorder."""

import re
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import quote, urlsplit

from tawny.config.settings import is_camera_id


class ForeignFormatError(ValueError):
    """The text is not of this system. line: where it is broken, if it is of this system but broken; else 0."""

    def __init__(self, why: str, line: int = 0) -> None:
        super().__init__(why)
        self.line = line


@dataclass
class ImportResult:
    """settings: tables of tawny.toml. secrets: what stands in them as `${NAME}`. became: what each of their settings
    is now, in words. left: those with no equal here, and why."""

    settings: dict[str, Any] = field(default_factory=dict)
    secrets: dict[str, str] = field(default_factory=dict)
    became: dict[str, str] = field(default_factory=dict)
    left: dict[str, str] = field(default_factory=dict)

    def put(self, theirs: str, path: str, value: Any, words: str = "") -> None:
        """`put("fps", "cameras.door.v4l2.fps", 12)`. words: instead of the path and the value."""
        *tables, key = path.split(".")
        table = self.settings
        for name in tables:
            table = table.setdefault(name, {})
        table[key] = value
        self.became[theirs] = words or f"{path} = {_shown(value)}"

    def listens(self, theirs: str, port: str) -> None:
        """On this computer alone: others are let in by hand, once there is an account."""
        here = f"127.0.0.1:{port}"
        words = f'web.listen = "{here}"; once the owner account exists, 0.0.0.0:{port} lets other devices connect'
        self.put(theirs, "web.listen", here, words)

    def secret(self, name: str, value: str) -> str:
        """How it is written in the settings."""
        name = re.sub(r"[^A-Z0-9]+", "_", name.upper()).strip("_")
        name = f"CAMERA_{name}" if name[:1].isdigit() else name
        self.secrets[name] = value
        return f"${{{name}}}"

    def without_password(self, camera: str, source: str) -> str:
        """The same address, its password as a secret."""
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
    """`Front Door/Left` is `front-door-left`; whatever cannot be in an id is left out."""
    text = re.sub(r"[^a-z0-9]+", "-", name.lower()).strip("-")[:40].strip("-")
    return text if is_camera_id(text) else usual


def toml_quoted(text: str) -> str:
    """As a part of an address."""
    return quote(text, safe="")


def _shown(value: Any) -> str:
    return f'"{value}"' if isinstance(value, str) else str(value)


def flip(*, left_right: bool, up_down: bool) -> str:
    """As `picamera.flip` has it."""
    if left_right:
        return "both" if up_down else "left-right"
    return "up-down" if up_down else "none"
