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
    host = urlsplit(url).hostname or ""
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


def next_public_url(web: WebSettings, values: Mapping[str, Any], covers: Callable[[str], bool] | None) -> str | None:
    """Return `public_url` for another way; None: it stays. covers: whether the certificate is for a host.

    One port speaks http and https, so an address of this recorder changes its scheme only; a proxy's has its own.
    """
    former, link, is_off = web.secure, urlsplit(web.public_url), values["way"] == "off"
    host, is_given = link.hostname or "", former.way in ("domain", "tailscale")
    is_left = former.way == "tailscale" or (former.way != "off" and values.get("domain") != former.domain)
    is_left = is_left and bool(former.domain) and host == former.domain
    if web.proxies and not is_given:
        return None
    if covers is not None and covers(host) and not web.proxies and not (is_left and is_given):
        if not is_off and link.scheme == "http":
            return with_scheme(web.public_url, "https")
        if is_off and not is_given and link.scheme == "https" and ":" in link.netloc.rpartition("]")[2]:
            return with_scheme(web.public_url, "http")
    return "" if is_left else None


def with_scheme(url: str, scheme: str) -> str:
    """Return the same host and port by another scheme."""
    parts = urlsplit(url)
    host, _, port = parts.netloc.rpartition(":")
    if not port.isdecimal():
        host, port = parts.netloc, "443" if parts.scheme == "https" else "80"
    usual = "443" if scheme == "https" else "80"
    return parts._replace(scheme=scheme, netloc=host if port == usual else f"{host}:{port}").geturl()
