"""Values of the `web` table: trusted reverse proxies and additional host names."""

import re
from collections.abc import Iterable
from ipaddress import IPv4Network, IPv6Network, ip_network
from typing import Annotated, Final

from pydantic import AfterValidator

Network = IPv4Network | IPv6Network
_HOST: Final = re.compile(r"(?=.{1,253}$)[a-z0-9_]([a-z0-9_-]{0,62})(\.[a-z0-9_]([a-z0-9_-]{0,62}))*")


def _checked_network(text: str) -> str:
    try:
        found = ip_network(text)
    except ValueError:
        raise ValueError("an IP address or a network, for example 127.0.0.1 or 172.30.32.0/24") from None
    if not found.prefixlen:
        raise ValueError("the addresses of your proxies; a network of all addresses would trust everyone")
    return text


def _checked_host(text: str) -> str:
    name = ascii_host(text)
    if not _HOST.fullmatch(name):
        raise ValueError("a host name without port and path, for example cam.example.org")
    return name


def ascii_host(text: str) -> str:
    """Return a host name as browsers send it: lowercase, without final dot, other letters as `xn--…`."""
    try:
        return text.lower().rstrip(".").encode("idna").decode()
    except UnicodeError:
        return text


ProxyNetwork = Annotated[str, AfterValidator(_checked_network)]
HostName = Annotated[str, AfterValidator(_checked_host)]


def proxy_networks(proxies: Iterable[str]) -> tuple[Network, ...]:
    """Return the setting `web.proxies` as networks; an address is a network of one."""
    return tuple(ip_network(one) for one in proxies)
