"""The client of a request, through trusted reverse proxies only, and the names under which it may open tawny.

Anyone can send `X-Forwarded-For`, also programs on this computer, so the headers count only from configured proxies.
"""

import logging
import re
import socket
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network
from pathlib import Path
from typing import Final

from starlette.datastructures import Headers

from tawny.config.secure import LOCAL_SUFFIXES
from tawny.config.settings import Network
from tawny.model.times import Clock

FORWARDED: Final = ("forwarded", "x-forwarded-for", "x-forwarded-host", "x-forwarded-proto", "x-real-ip", "via")
"""Headers that only proxies send."""
_SCHEMES: Final = {"http": "http", "https": "https", "ws": "http", "wss": "https"}
"""Schemes that proxies name; Traefik names those of WebSockets."""
_IPV6_NETWORK_BITS: Final = 64
"""A provider gives each customer at least this network."""
_LOCAL_NETWORKS: Final = tuple(
    ip_network(one)
    for one in ("10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "169.254.0.0/16", "fc00::/7", "fe80::/10")
)
MOST_PROXIES: Final = 4
"""Maximum number of unknown proxies to report."""
REPORTED_S: Final = 86_400.0
log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class RequestOrigin:
    """What a trusted proxy says about a request; empty where it says nothing."""

    address: str
    scheme: str = ""
    host: str = ""


class TrustedProxies:
    """The configured proxies."""

    def __init__(self, networks: Iterable[Network] = ()) -> None:
        self._networks = tuple(networks)

    def trusts(self, address: str) -> bool:
        found = parse_address(address)
        return found is not None and any(found in network for network in self._networks)

    def origin(self, peer: str, headers: Headers) -> RequestOrigin:
        """Return the origin of a request whose connection comes from the trusted proxy `peer`.

        The address is that before the last trusted proxy. If `X-Forwarded-For` and `Forwarded` disagree, the client
        made one of them, and the origin is the proxy.
        """
        hops = [_node(one) for one in _items(headers, "x-forwarded-for")]
        elements = [_pairs(one) for one in _items(headers, "forwarded")]
        address = self._client(peer, hops)
        if elements:
            by_forwarded = self._client(peer, [_node(one.get("for", "")) for one in elements])
            address = by_forwarded if not hops or address == by_forwarded else peer
        nearest: Mapping[str, str] = elements[-1] if elements else {}
        scheme = _last(headers, "x-forwarded-proto") or nearest.get("proto", "")
        host = _last(headers, "x-forwarded-host") or nearest.get("host", "")
        return RequestOrigin(address, _SCHEMES.get(scheme.lower(), ""), host)

    def _client(self, peer: str, hops: list[str]) -> str:
        """Return the nearest address that is not a trusted proxy; the farthest trusted one if there is none."""
        nearest = peer
        for hop in reversed(hops):
            if not hop:
                break  # hidden or malformed: what comes before it proves nothing
            nearest = hop
            if not self.trusts(hop):
                break
        return nearest


class UnknownProxies:
    """Proxies that forward requests of signed-in users, but aren't configured. Single event loop writes."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._seen_s: dict[str, float] = {}

    def note(self, address: str) -> None:
        if address not in self._seen_s:
            if len(self._seen_s) >= MOST_PROXIES:
                return
            log.warning(
                "a proxy at %s forwards requests, but isn't in `web.proxies`: its headers are ignored. If it is yours, "
                'add `proxies = ["%s"]` under [web] in tawny.toml',
                address,
                address,
            )
        self._seen_s = self._seen_s | {address: self._clock.mono_s()}

    def recent(self) -> list[str]:
        """Return the addresses seen in the last day. Call from any thread."""
        oldest_s = self._clock.mono_s() - REPORTED_S
        return [address for address, seen_s in self._seen_s.items() if seen_s >= oldest_s]


def parse_address(text: str) -> IPv4Address | IPv6Address | None:
    """Return an IP address, an IPv4-mapped one as IPv4; None for anything else."""
    try:
        found = ip_address(text)
    except ValueError:
        return None
    return getattr(found, "ipv4_mapped", None) or found


def plain_address(text: str) -> str:
    """Return the address with IPv4-mapped ones as IPv4; other texts unchanged."""
    found = parse_address(text)
    return str(found) if found is not None else text


def network_of(address: str) -> str:
    """Return what one customer of a provider has: an IPv4 address, or the /64 network of an IPv6 address."""
    found = parse_address(address)
    if not isinstance(found, IPv6Address) or found.is_loopback:
        return plain_address(address)
    return str(ip_network((int(found), _IPV6_NETWORK_BITS), strict=False))


def is_nearby(address: str) -> bool:
    """Return whether the address belongs to a local network."""
    found = parse_address(address)
    return found is not None and (found.is_loopback or any(found in network for network in _LOCAL_NETWORKS))


def is_loopback(address: str) -> bool:
    found = parse_address(address)
    return found is not None and found.is_loopback


def _items(headers: Headers, name: str) -> list[str]:
    return [item.strip() for line in headers.getlist(name) for item in line.split(",")]


def _last(headers: Headers, name: str) -> str:
    items = _items(headers, name)
    return items[-1] if items else ""


def _pairs(element: str) -> dict[str, str]:
    """Parse `for=192.0.2.43;proto=https` (RFC 7239)."""
    pairs = (one.partition("=") for one in element.split(";"))
    return {name.strip().lower(): value.strip().strip('"') for name, _, value in pairs}


def _node(text: str) -> str:
    """Return the address of `192.0.2.43:4711` or `[2001:db8::1]:80`; empty for anything else."""
    if text.startswith("["):
        text = text[1:].partition("]")[0]
    elif text.count(":") == 1:
        text = text.partition(":")[0]
    found = parse_address(text)
    return "" if found is None else str(found)


# Host names under which the web interface may be opened: protection against DNS rebinding.
# A page of another site can let its own name point to the recorder's address; the browser then takes the recorder for
# a part of that site. The name in the `Host` header shows it. IP addresses can't be rebound.

REFRESH_S: Final = 10.0
"""Minimum interval between readings of this computer's names, which a network may assign after the start."""
MOST_LOGGED: Final = 10
"""Refused names that are logged in a day."""
_DAY_S: Final = 86_400.0
_RESOLV: Final = Path("/etc/resolv.conf")
_NAME: Final = re.compile(r"[a-z0-9_.-]{1,253}")
_IN_BRACKETS: Final = re.compile(r"[0-9a-fA-F:.]{2,45}(%[\w.-]{1,32})?", re.ASCII)


class AllowedHosts:
    """The allowed names. Single event loop. machine_names: reads this computer's names. configured: more names."""

    def __init__(
        self, clock: Clock, machine_names: Callable[[], frozenset[str]] | None = None, configured: Iterable[str] = ()
    ) -> None:
        self._clock, self._machine_names = clock, machine_names or read_machine_names
        self._read_s: float | None = None
        self._own: frozenset[str] = frozenset()
        self._logged: set[str] = set()
        self._logged_from_s = 0.0
        """When the first of them was logged, s monotonic."""
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
        """Log a refused name, each once a day."""
        now_s = self._clock.mono_s()
        if not self._logged or now_s - self._logged_from_s >= _DAY_S:
            self._logged, self._logged_from_s = set(), now_s
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
        is_address = bracket and re.fullmatch(r"(:\d{1,5})?", port) and _IN_BRACKETS.fullmatch(name)
        return name if is_address and parse_address(name) is not None else ""
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
