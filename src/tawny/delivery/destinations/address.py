"""Addresses of servers: user, password, host, port and folder. The public form omits user and password."""

from dataclasses import dataclass
from urllib.parse import unquote, urlsplit


@dataclass(frozen=True, slots=True)
class DestinationAddress:
    scheme: str
    host: str
    port: int
    user: str
    password: str
    folder: str
    """Empty for the login folder; `%2Fmnt/disk` in the address is the absolute path `/mnt/disk`."""

    @property
    def public(self) -> str:
        return f"{self.scheme}://{self.host}/{self.folder}".rstrip("/")


def parse(url: str, ports: dict[str, int]) -> DestinationAddress:
    """Parse an address. ports: default port by scheme. Raises ValueError."""
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        raise ValueError("url: an address, for example sftp://user:password@host/folder") from None
    if parts.scheme not in ports or not parts.hostname:
        raise ValueError("url: an address, for example sftp://user:password@host/folder")
    if any(ord(one) < 32 for one in unquote(url)):
        raise ValueError("url: no line breaks or control characters")
    return DestinationAddress(
        parts.scheme,
        parts.hostname,
        port or ports[parts.scheme],
        unquote(parts.username or ""),
        unquote(parts.password or ""),
        unquote(parts.path.removeprefix("/")).rstrip("/"),
    )


def only(table: object, known: tuple[str, ...]) -> None:
    """Raise ValueError for an unknown key."""
    keys = sorted(set(table) - set(known)) if isinstance(table, dict) else []
    if keys:
        raise ValueError(f"{keys[0]}: found an unknown key; allowed: {', '.join(known) or 'none'}")
