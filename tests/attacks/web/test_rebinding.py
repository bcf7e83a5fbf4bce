"""DNS rebinding: a page of another site lets its own name point to the recorder."""

import asyncio
import socket
from collections.abc import AsyncIterator
from pathlib import Path

import httpx
import pytest
from websockets.asyncio.client import connect
from websockets.exceptions import InvalidStatus

from tawny.api.auth.access import COOKIE
from tawny.api.auth.accounts import Caller, Role
from tawny.api.client_address import (
    MOST_LOGGED,
    AllowedHosts,
    host_name,
    is_loopback,
    is_loopback_host,
    names_of,
    read_machine_names,
)
from tawny.api.live.stream_access import PassAuthenticator
from tawny.api.server import WebServer
from tawny.app.web_interface import take_over_web
from tawny.config.effects import difference
from tawny.config.loader import parse_settings
from tawny.config.settings import Settings
from tawny.engine.connections import ConnectionManager, ConnectionRules
from tawny.live.rtsp_server.session import RtspServer, ServerContext
from tawny.testing.clock import FakeClock
from tests.api.fakes import House

FOREIGN = [
    "evil.example", "evil.example:8000", "127.0.0.1.evil.example", "localhost.evil.example", "garage-pi.evil.example",
    "pi.evil.example.", "garage-pi.local.evil.example", "other.local", "nas", "garage-pi.box", "garage-pi.com",
    "localhost@evil.example", "evil.example#localhost", "local host", "[::1].evil.example", "[::1", "0x7f.1", "127.1",
    "xn--kche-0ra.example", "*", "..", "a" * 300, "localhost:80:80", "localhost:x",
]  # fmt: skip
OURS = [
    "127.0.0.1", "127.0.0.1:8000", "192.168.1.20:8000", "[::1]:8000", "[fd00::7]", "localhost", "localhost:8000",
    "LOCALHOST", "localhost.", "garage-pi", "garage-pi:8000", "garage-pi.local", "Garage-Pi.LOCAL.", "garage-pi.lan",
    "garage-pi.home", "garage-pi.home.arpa", "garage-pi.fritz.box", "garage-pi.internal", "garage-pi.localdomain",
    "garage-pi.tail1234.ts.net", "garage-pi.isp.example", "cam.example.org", "nas.local",
]  # fmt: skip


@pytest.fixture
def house(house: House) -> House:
    names = names_of("garage-pi", ["tail1234.ts.net", "isp.example", "com"])
    house.site.names = AllowedHosts(house.clock, lambda: names, ["cam.example.org", "nas.local", ""])
    return house


@pytest.fixture
async def server(house: House) -> AsyncIterator[WebServer]:
    made = WebServer(house.app, house.accounts, "127.0.0.1", 0)
    await made.start()
    yield made
    await made.stop()


async def raw(server: WebServer, host: str, *more: str) -> str:
    """The answer to a request as it is, with a `Host` that no client would send."""
    address, _, port = server.address.rpartition(":")
    reader, writer = await asyncio.open_connection(address, int(port))
    lines = ["GET /api/v1/session HTTP/1.1", f"Host: {host}", "Connection: close", *more]
    writer.write(("\r\n".join(lines) + "\r\n\r\n").encode())
    answer = await reader.read()
    writer.close()
    return answer.decode()


@pytest.mark.parametrize("host", FOREIGN)
async def test_a_foreign_host_gets_421(house: House, server: WebServer, host: str) -> None:
    answer = await raw(server, host)
    assert answer.split(" ")[1] in ("421", "400"), answer
    assert "garage-pi" not in answer.partition("\r\n\r\n")[2].replace(host, "")


@pytest.mark.parametrize("host", OURS)
async def test_our_own_names_are_answered(house: House, server: WebServer, host: str) -> None:
    assert (await raw(server, host)).startswith("HTTP/1.1 200")


@pytest.mark.parametrize("path", ["/", "/api/v1/ws", "/metrics", "/healthz", "/media/shared.mp4", "/assets/x.js"])
async def test_every_path_is_behind_it(house: House, path: str) -> None:
    browser = house.signed_in()
    for method in ("GET", "POST", "PUT", "OPTIONS", "HEAD"):
        answer = await browser.request(method, path, headers={"Host": "evil.example"})
        assert answer.status_code == 421, method


async def test_a_socket_under_a_foreign_host_gets_421(house: House, server: WebServer) -> None:
    token = house.accounts.begin_session(house.accounts.put_person("Anna", Role.OWNER), Caller("127.0.0.1"))
    host, _, port = server.address.rpartition(":")
    headers = {"Cookie": f"{COOKIE}={token}", "Origin": f"http://evil.example:{port}"}
    with pytest.raises(InvalidStatus) as refused:
        async with connect(
            f"ws://evil.example:{port}/api/v1/ws", host=host, port=int(port), additional_headers=headers, proxy=None
        ):
            pass
    assert refused.value.response.status_code == 421
    async with connect(
        f"ws://garage-pi.local:{port}/api/v1/ws",
        host=host,
        port=int(port),
        additional_headers=headers | {"Origin": f"http://garage-pi.local:{port}"},
        proxy=None,
    ):
        pass


@pytest.mark.parametrize("request_line", ["GET / HTTP/1.1", "GET /porch RTSP-over-HTTP/1.0", "POST /porch HTTP/1.0"])
async def test_the_rtsp_server_does_not_speak_http(house: House, request_line: str) -> None:
    recorder = house.recorder
    authenticator = PassAuthenticator(house.site)
    server = RtspServer(
        ServerContext(recorder.hub, authenticator, house.clock, house.site.viewers.one_more), "127.0.0.1", 0
    )
    await server.start()
    reader, writer = await asyncio.open_connection(*server.address.split(":"))
    writer.write(f"{request_line}\r\nHost: evil.example\r\nx-sessioncookie: 1\r\n\r\n".encode())
    assert (await reader.read()).startswith(b"RTSP/1.0 400")
    writer.close()
    await server.stop()


async def test_the_page_says_which_line_to_add(house: House) -> None:
    headers = {"Host": "nas.example:8000", "Accept": "text/html,*/*"}
    answer = await house.browser().get("/live", headers=headers)
    assert (answer.status_code, answer.headers["content-type"]) == (421, "text/html; charset=utf-8")
    assert '[web]\nhosts = ["nas.example"]' in answer.text
    assert "default-src 'self'" in answer.headers["content-security-policy"]
    data = (await house.browser().get("/live", headers={"Host": "nas.example"})).json()
    assert (data["code"], data["message"]) == ("wrong_host", "nas.example isn't a known name of this recorder.")
    assert 'hosts = ["nas.example"]' in data["hint"]


async def test_the_page_carries_nothing_of_the_attacker(house: House) -> None:
    headers = {"Host": "<script>alert(1)</script>", "Accept": "text/html"}
    answer = await house.browser().get("/", headers=headers)
    assert answer.status_code == 421
    assert "<script" not in answer.text


async def test_refused_names_do_not_fill_the_log(house: House, caplog: pytest.LogCaptureFixture) -> None:
    for number in range(161):
        for _ in range(2):
            await house.browser().get("/", headers={"Host": f"n{number}.evil.example"})
    found = [record.getMessage() for record in caplog.records if "host name" in record.getMessage()]
    assert len(found) == MOST_LOGGED
    assert found[0].endswith('add `hosts = ["n0.evil.example"]` under [web] in tawny.toml')


async def test_names_are_logged_again_a_day_later(house: House, caplog: pytest.LogCaptureFixture) -> None:
    """Somebody who invents names must not hide the one that the owner needs."""
    for number in range(MOST_LOGGED + 1):
        await house.browser().get("/", headers={"Host": f"n{number}.evil.example"})
    house.clock.advance(86_400)
    await house.browser().get("/", headers={"Host": "nas.example"})
    assert 'hosts = ["nas.example"]' in caplog.text


@pytest.mark.parametrize(
    "inside", ["\x1b[2Kall is well", 'a", "evil.test', "nas.example", "fe80::1%\x1b[1A", "::1, ::2"]
)
async def test_what_is_no_address_in_brackets_is_no_name(
    house: House, caplog: pytest.LogCaptureFixture, inside: str
) -> None:
    assert host_name(f"[{inside}]:8000") == ""
    answer = await house.browser().get("/", headers={"Host": f"[{inside}]"})
    assert (answer.status_code, "host name" in caplog.text) == (421, False)


@pytest.mark.parametrize("address", ["::1", "2001:db8::7", "fe80::1%eth0", "::ffff:192.0.2.1"])
def test_addresses_in_brackets_are_names(address: str) -> None:
    assert host_name(f"[{address}]:8000") == address


async def test_no_host_at_all_is_no_browser(house: House, server: WebServer) -> None:
    """Load balancers check with HTTP/1.0, without a name."""
    address, _, port = server.address.rpartition(":")
    reader, writer = await asyncio.open_connection(address, int(port))
    writer.write(b"GET /api/v1/session HTTP/1.0\r\n\r\n")
    assert (await reader.read()).startswith(b"HTTP/1.1 200")
    writer.close()
    assert (await raw(server, "")).split(" ")[1] in ("400", "421")


# --- metrics ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("host", ["127.0.0.1:8000", "127.8.8.8", "[::1]:8000", "localhost:8000", "LOCALHOST."])
async def test_metrics_under_a_loopback_name(house: House, host: str) -> None:
    assert (await asking(house).get("/metrics", headers={"Host": host})).status_code == 200
    assert (await asking(house, "::1").get("/metrics", headers={"Host": host})).status_code == 200
    assert (await asking(house, "::ffff:127.0.0.1").get("/metrics", headers={"Host": host})).status_code == 200


@pytest.mark.parametrize("host", ["garage-pi", "garage-pi.local", "cam.example.org", "192.168.1.20", "nas.local"])
async def test_metrics_under_another_name_need_the_token(house: House, host: str) -> None:
    """A browser on the recorder reaches it over loopback, also for a page of such a name."""
    assert (await asking(house).get("/metrics", headers={"Host": host})).status_code == 403
    house.site.metrics_token = "t"
    headers = {"Host": host, "Authorization": "Bearer t"}
    assert (await asking(house).get("/metrics", headers=headers)).status_code == 200


async def test_metrics_from_elsewhere_under_a_loopback_name_need_the_token(house: House) -> None:
    assert (await asking(house, "192.168.1.7").get("/metrics", headers={"Host": "localhost"})).status_code == 403


def asking(house: House, address: str = "127.0.0.1") -> httpx.AsyncClient:
    return httpx.AsyncClient(transport=httpx.ASGITransport(house.app, client=(address, 5000)), base_url="http://x")


# --- settings --------------------------------------------------------------------------------------------------------


async def test_changed_settings_take_effect_at_once(house: House) -> None:
    text = '[web]\nlisten = "tawny.lan:8000"\npublic_url = "https://Küche.example:8443/x"\n'
    text += 'hosts = ["more.example"]\nproxies = ["172.30.32.0/24"]\n'
    changed, problems = parse_settings(text, {})
    assert changed, problems
    connections = ConnectionManager(house.clock)
    take_over_web(house.site, connections, changed)
    assert all(map(house.site.names.allows, ("tawny.lan:8000", "xn--kche-0ra.example", "more.example", "garage-pi")))
    assert not house.site.names.allows("cam.example.org")
    assert house.site.proxies.trusts("172.30.32.9")
    assert difference(Settings(), changed).at_start == ("web.listen",)
    proxied = connections.admit("172.30.32.9", ConnectionRules(idle_s=9.0))
    assert proxied is not None
    assert proxied.group is None
    take_over_web(house.site, connections, Settings())
    assert not house.site.names.allows("more.example")
    assert not house.site.proxies.trusts("172.30.32.9")


# --- names -----------------------------------------------------------------------------------------------------------


def test_names_that_a_network_assigns_later_are_found() -> None:
    clock, names = FakeClock(), set[str]()
    allowed = AllowedHosts(clock, lambda: frozenset(names))
    assert not allowed.allows("pi.tail1234.ts.net")
    names.add("pi.tail1234.ts.net")
    clock.advance(10)
    assert allowed.allows("pi.tail1234.ts.net")


def test_search_domains_of_this_computer_count(tmp_path: Path) -> None:
    resolv = tmp_path / "resolv.conf"
    resolv.write_text("# search evil.example\nnameserver 192.168.1.1\nsearch fritz.box Tail1234.ts.net. com\n")
    label = socket.gethostname().lower().partition(".")[0]
    names = read_machine_names("nas", resolv)
    assert {label, f"{label}.local", f"{label}.tail1234.ts.net", "nas", "nas.local", "nas.tail1234.ts.net"} <= names
    assert not [one for one in names if one.endswith((".com", "evil.example"))]
    assert read_machine_names("", Path("/does/not/exist")) == names_of(label, ())


@pytest.mark.parametrize(
    ("hostname", "names"),
    [("", set()), ("localhost", set()), ("Pi", {"pi", "pi.local"}), ("pi.example.org", {"pi.example.org", "pi.lan"})],
)
def test_names_of_a_computer(hostname: str, names: set[str]) -> None:
    found = names_of(hostname, [])
    assert names <= found
    assert bool(found) == bool(names)


def test_hosts_are_parsed_as_browsers_write_them() -> None:
    assert host_name("[FD00::7]:8000") == "FD00::7"
    assert host_name("cam.example.org:443") == "cam.example.org"
    assert not any(map(host_name, ("", "a b", "a/b", "a:b", "[::1", "[::1]x", "ä.example")))
    assert is_loopback_host("127.0.0.1") and not is_loopback_host("127.0.0.1.evil.example")
    assert is_loopback("::ffff:127.0.0.1") and not is_loopback("localhost")
