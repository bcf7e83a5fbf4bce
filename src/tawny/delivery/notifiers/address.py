"""Addresses of notifiers: `kind://user:password@host:port/a/b`."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import unquote, urlsplit


@dataclass(frozen=True, slots=True)
class NotifierAddress:
    scheme: str
    user: str
    password: str
    host: str
    port: int | None
    parts: tuple[str, ...]
    """Parts of the path."""

    @property
    def at(self) -> str:
        """Host and port as in a URL."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return host if self.port is None else f"{host}:{self.port}"


def parse(url: str, example: str, least: int = 0) -> NotifierAddress:
    """Parse an address; the host keeps its case. least: minimum count of path parts. Raises ValueError."""
    try:
        split = urlsplit(url)
        port = split.port
    except ValueError:
        raise ValueError(f"url: an address such as {example}") from None
    parts = tuple(unquote(part) for part in split.path.split("/") if part)
    if len(parts) < least or not split.hostname or "#" in url or any(ord(one) < 32 for one in unquote(url)):
        raise ValueError(f"url: an address such as {example}")
    host = split.netloc.rpartition("@")[2]
    host = host[1:].partition("]")[0] if host.startswith("[") else host.partition(":")[0]
    return NotifierAddress(
        split.scheme, unquote(split.username or ""), unquote(split.password or ""), host, port, parts
    )


def filled(table: Mapping[str, Any], defaults: Mapping[str, Any]) -> dict[str, Any]:
    """Return the table with defaults. Raises ValueError for unknown keys and values of another type."""
    for key, value in table.items():
        if key not in defaults:
            raise ValueError(f"{key}: found an unknown key; allowed: {', '.join(defaults) or 'none'}")
        if type(value) is not type(defaults[key]):
            raise ValueError(f"{key}: allowed: such as {defaults[key]!r}")
    return {**defaults, **table}
