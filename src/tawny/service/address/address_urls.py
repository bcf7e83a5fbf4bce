"""Addresses of this recorder: those of the computer, where they work, and what links follow when https changes."""

from collections.abc import Callable, Mapping
from ipaddress import ip_address
from typing import Any
from urllib.parse import urlsplit

import ifaddr

from tawny.config.secure import LOCAL_SUFFIXES
from tawny.config.settings import WebSettings
from tawny.service.address.local_authority import NETWORKS


def own_addresses() -> frozenset[str]:
    """Return the addresses of this computer's interfaces in private networks."""
    found = set()
    for adapter in ifaddr.get_adapters():
        for one in adapter.ips:
            text = one.ip if isinstance(one.ip, str) else one.ip[0]
            address = ip_address(text.partition("%")[0])
            if not address.is_link_local and any(address in network for network in NETWORKS):
                found.add(str(address))
    return frozenset(found)


def is_at_home_only(url: str) -> bool:
    """Return whether an address works in the own network only: a local name, or a private IP address."""
    return is_for_home(urlsplit(url).hostname or "")


def is_for_home(host: str) -> bool:
    """Return whether a name or IP address leads to something in the own network only."""
    if not host:
        return False
    if is_address(host):
        return any(ip_address(host) in network for network in NETWORKS)
    return "." not in host or host.endswith(tuple(f".{one}" for one in LOCAL_SUFFIXES))


def is_address(text: str) -> bool:
    try:
        ip_address(text)
    except ValueError:
        return False
    return True


def next_public_url(
    web: WebSettings, values: Mapping[str, Any], covered: Callable[[str], bool], covers: Callable[[str], bool] | None
) -> str | None:
    """Return `public_url` for another way; None: it stays. covered, covers: whether the certificate was, and will be,
    for a host; None: for none.

    One port speaks http and https, so only the scheme changes; a proxy's address has its own. What a domain or
    Tailscale came with goes with it.
    """
    former, link = web.secure, urlsplit(web.public_url)
    host, is_off = link.hostname or "", values["way"] == "off"
    is_given = former.way in ("domain", "tailscale") and bool(host) and host == former.domain
    if is_given and (former.way == "tailscale" or values.get("domain") != former.domain):
        return ""
    if web.proxies:
        return None
    if not is_off and covers is not None and covers(host):
        return with_scheme(web.public_url, "https") if link.scheme == "http" else None
    if link.scheme != "https" or not former.serves_tls or not covered(host):
        return None
    # without a port it leads to 443, where browsers may remember that the name is for https alone
    return with_scheme(web.public_url, "http") if link.port is not None else ""


def with_scheme(url: str, scheme: str) -> str:
    """Return the same host and port by another scheme."""
    parts = urlsplit(url)
    host, _, port = parts.netloc.rpartition(":")
    if not port.isdecimal():
        host, port = parts.netloc, "443" if parts.scheme == "https" else "80"
    usual = "443" if scheme == "https" else "80"
    return parts._replace(scheme=scheme, netloc=host if port == usual else f"{host}:{port}").geturl()
