"""`web.hosts` and `web.proxies`: what is accepted, and errors that say what to write instead."""

from ipaddress import ip_network

import pytest

from tawny.config.loader import parse_settings
from tawny.config.secure import ascii_host
from tawny.config.settings import Settings, proxy_networks


def parsed(line: str) -> Settings | str:
    settings, problems = parse_settings(f"[web]\n{line}\n", {})
    return settings or "\n".join(f"{one.path} {one.found} {one.allowed} {one.line}" for one in problems)


def test_proxies_are_addresses_and_networks() -> None:
    found = parsed('proxies = ["127.0.0.1", "172.30.32.0/24", "::1", "fd00::/64"]')
    assert isinstance(found, Settings)
    assert proxy_networks(found.web.proxies) == tuple(
        ip_network(one) for one in ("127.0.0.1/32", "172.30.32.0/24", "::1/128", "fd00::/64")
    )


@pytest.mark.parametrize("wrong", ["nginx", "127.0.0.1:8000", "", "*", "300.1.1.1"])
def test_other_proxies_get_an_example(wrong: str) -> None:
    text = f"web.proxies.0 {wrong!r} an IP address or a network, for example 127.0.0.1 or 172.30.32.0/24 2"
    assert parsed(f'proxies = ["{wrong}"]') == text


@pytest.mark.parametrize(
    ("wrong", "network", "address"),
    [("192.168.1.5/24", "192.168.1.0/24", "192.168.1.5"), ("fd00::5/64", "fd00::/64", "fd00::5")],
)
def test_an_address_inside_a_network_is_told_apart(wrong: str, network: str, address: str) -> None:
    text = f"web.proxies.0 {wrong!r} {network} for the whole network, or {address} for this address alone 2"
    assert parsed(f'proxies = ["{wrong}"]') == text


@pytest.mark.parametrize("wrong", ["0.0.0.0/0", "::/0", "192.168.1.5/0"])
def test_everyone_is_no_proxy(wrong: str) -> None:
    assert "would trust everyone" in str(parsed(f'proxies = ["{wrong}"]'))


@pytest.mark.parametrize(
    ("written", "name"),
    [
        ("nas.local", "nas.local"),
        ("NAS.Local.", "nas.local"),
        ("nas", "nas"),
        ("küche.example", "xn--kche-0ra.example"),
    ],
)
def test_hosts_are_names(written: str, name: str) -> None:
    found = parsed(f'hosts = ["{written}"]')
    assert isinstance(found, Settings)
    assert found.web.hosts == (name,)


@pytest.mark.parametrize("wrong", ["https://nas.local", "nas.local:8000", "*.local", "nas local", "", "a..b", "nas/x"])
def test_other_hosts_get_an_example(wrong: str) -> None:
    text = f"web.hosts.0 {wrong!r} a host name without port and path, for example cam.example.org 2"
    assert parsed(f'hosts = ["{wrong}"]') == text


def test_a_name_that_no_browser_can_send_stays_as_it_is() -> None:
    assert ascii_host("a..b") == "a..b"
