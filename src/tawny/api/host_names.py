"""Host names under which the web interface may be opened: protection against DNS rebinding.

A page of another site can let its own name point to the recorder's address; the browser then takes the recorder for a
part of that site. The name in the `Host` header shows it. IP addresses can't be rebound.
"""

import logging
import re
import socket
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Final

from tawny.api.client_address import is_loopback, parse_address
from tawny.model.clock import Clock

LOCAL_SUFFIXES: Final = ("local", "lan", "home", "home.arpa", "fritz.box", "internal", "localdomain")
"""Domains of home networks. Nobody can register a name in them (`fritz.box` belongs to the router's maker)."""
REFRESH_S: Final = 10.0
"""Minimum interval between readings of this computer's names, which a network may assign after the start."""
MOST_LOGGED: Final = 10
_RESOLV: Final = Path("/etc/resolv.conf")
_NAME: Final = re.compile(r"[a-z0-9_.-]{1,253}")
log = logging.getLogger(__name__)


class AllowedHosts:
    """The allowed names. Single event loop. machine_names: reads this computer's names. configured: more names."""

    def __init__(
        self, clock: Clock, machine_names: Callable[[], frozenset[str]] | None = None, configured: Iterable[str] = ()
    ) -> None:
        self._clock, self._machine_names = clock, machine_names or read_machine_names
        self._read_s: float | None = None
        self._own: frozenset[str] = frozenset()
        self._logged: set[str] = set()
        self.configure(configured)

    def configure(self, names: Iterable[str]) -> None:
        self._configured = frozenset(one.lower().rstrip(".") for one in names if one)

    def allows(self, host: str) -> bool:
        """Return whether a `Host` header is allowed. A missing one is: browsers always send it."""
        if not host:
            return True
        name = host_name(host)
        if name == "localhost" or name in self._configured or parse_address(name) is not None:
            return True
        now_s = self._clock.mono_s()
        if name not in self._own and (self._read_s is None or now_s - self._read_s >= REFRESH_S):
            self._own, self._read_s = self._machine_names(), now_s
        return name in self._own

    def log_refused(self, name: str) -> None:
        """Log a refused name, each once."""
        if name not in self._logged and len(self._logged) < MOST_LOGGED:
            self._logged.add(name)
            log.warning(
                "refused a request under the host name %s. If it is this recorder's, add `hosts = [%s]` under [web] in "
                "tawny.toml",
                name,
                f'"{name}"',
            )


def host_name(host: str) -> str:
    """Return the lowercase name or address of a `Host` header without port; empty if it is malformed."""
    if host.startswith("["):
        name, bracket, port = host[1:].partition("]")
        return name if bracket and re.fullmatch(r"(:\d{1,5})?", port) else ""
    name, _, port = host.partition(":")
    name = name.lower().removesuffix(".")
    return name if _NAME.fullmatch(name) and (not port or port.isdecimal()) else ""


def is_loopback_host(host: str) -> bool:
    """Return whether a `Host` header has a name that only means this computer."""
    name = host_name(host)
    return name == "localhost" or is_loopback(name)


def names_of(hostname: str, search: Iterable[str]) -> frozenset[str]:
    """Return a computer's names: its host name alone, with the local domains, and with its own search domains.

    A search domain of one label that isn't local is ignored: a name in a top-level domain can be registered.
    """
    hostname = hostname.lower().rstrip(".")
    label = hostname.partition(".")[0]
    if not label or label == "localhost":
        return frozenset()
    domains = {*LOCAL_SUFFIXES, *(one for one in search if "." in one)}
    return frozenset({hostname, label, *(f"{label}.{domain}" for domain in domains)})


def read_machine_names(hostname: str = "", resolv: Path = _RESOLV) -> frozenset[str]:
    """Return the names of this computer. hostname: another name of it, from outside a container."""
    search = _search_domains(resolv)
    return names_of(socket.gethostname(), search) | names_of(hostname, search)


def _search_domains(resolv: Path) -> list[str]:
    try:
        lines = resolv.read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError as error:
        log.debug("no search domains: %s", error)
        return []
    rows = [line.split() for line in lines]
    found = (one for row in rows if row and row[0] in ("search", "domain") for one in row[1:])
    return [one.lower().strip(".") for one in found]
