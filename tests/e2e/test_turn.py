"""A browser from which nothing but a TURN server can be reached, by TCP: live pictures come through a real coturn.

Three network namespaces: the browser's, the server's between, and this one with tawny. Between the first and the last
there is no way but the TURN server, and a door for the page itself.
"""

import os
import re
import shutil
import stat
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

import pytest
from playwright.sync_api import Error, Page, sync_playwright

from tawny.testing.waiting import until
from tests.e2e.conftest import CHROMIUM, WHOLE_CHROMIUM
from tests.support.network_relay import NetworkRelay, tcp_line

pytestmark = pytest.mark.browser
SECRET, DOOR, TURN = "a secret of both", 8000, 3478
PLAYING = "[data-camera=front][data-view=playing]"
LINK = re.compile(r"(http://[^\s/]+)/setup#token=(\S+)")
CLAIM = """async (claim) => (await fetch('/api/v1/setup/claim', {
  method: 'POST', headers: { 'Content-Type': 'application/json', 'X-Tawny': '1' }, body: JSON.stringify(claim),
})).status"""
SETTINGS = """
[live]
listen = "{home}"
[[live.turn]]
url = "turn:{turn}:{port}?transport=tcp"
secret = "{secret}"
[cameras.front]
source = "demo:front"
detection.detector = "off"
"""


def missing() -> str:
    """What keeps this test from running; empty when nothing does."""
    if os.geteuid() != 0:
        return "network namespaces need root"
    tools = [tool for tool in ("ip", "turnserver") if shutil.which(tool) is None]
    if tools:
        return f"{' and '.join(tools)} not installed"
    made = subprocess.run(["ip", "netns", "add", f"tawny-try-{os.getpid()}"], capture_output=True, text=True)
    subprocess.run(["ip", "netns", "del", f"tawny-try-{os.getpid()}"], capture_output=True)
    return f"no network namespaces here: {made.stderr.strip()}" if made.returncode else ""


@dataclass(frozen=True)
class Net:
    """browser, server: namespaces. Addresses: `home` is ours, `client` the browser's, the others the server's."""

    browser: str
    server: str
    home: str
    server_home: str
    turn: str
    client: str


def ip(*words: str) -> None:
    done = subprocess.run(["ip", *words], capture_output=True, text=True)
    assert done.returncode == 0, f"ip {' '.join(words)}: {done.stderr}"


@pytest.fixture
def net() -> Iterator[Net]:
    if why_not := missing():
        pytest.skip(why_not)
    number = os.getpid() % 200 + 20
    left, right = f"10.213.{number}", f"10.214.{number}"
    made = Net(f"tawny-b-{number}", f"tawny-t-{number}", f"{right}.1", f"{right}.2", f"{left}.1", f"{left}.2")
    with ExitStack() as undo:
        for name in (made.browser, made.server):
            ip("netns", "add", name)
            undo.callback(subprocess.run, ["ip", "netns", "del", name])
            ip("-n", name, "link", "set", "lo", "up")
        join(f"twh{number}", None, made.home, f"tws{number}", made.server, made.server_home)
        join(f"twt{number}", made.server, made.turn, f"twc{number}", made.browser, made.client)
        ip("route", "add", f"{left}.0/30", "via", made.server_home)
        yield made


def join(one: str, one_in: str | None, one_at: str, other: str, other_in: str, other_at: str) -> None:
    """A cable between two namespaces; None is ours."""
    ip("link", "add", one, "type", "veth", "peer", "name", other, "netns", other_in)
    if one_in:
        ip("link", "set", one, "netns", one_in)
    for name, where, at in ((one, one_in, one_at), (other, other_in, other_at)):
        inside = ["-n", where] if where else []
        ip(*inside, "addr", "add", f"{at}/30", "dev", name)
        ip(*inside, "link", "set", name, "up")


@pytest.fixture
def turn_server(net: Net, tmp_path: Path) -> Iterator[Path]:
    """coturn, by TCP alone towards browsers. Its log."""
    log = tmp_path / "turn.log"
    words = ["-n", "--no-cli", "--no-udp", "--no-tls", "--no-dtls", "--realm", "tawny", "--log-file", "stdout"]
    words += ["--listening-ip", net.turn, "--relay-ip", net.server_home, "--listening-port", str(TURN)]
    words += ["--use-auth-secret", "--static-auth-secret", SECRET, "--verbose"]
    words += ["--pidfile", str(tmp_path / "turn.pid"), "--userdb", str(tmp_path / "turn.db")]
    with log.open("wb") as out:
        process = subprocess.Popen(["ip", "netns", "exec", net.server, "turnserver", *words], stdout=out, stderr=out)
    try:
        until(lambda: "TCP listener opened" in log.read_text() or process.poll() is not None, 60, "coturn")
        yield log
    finally:
        process.terminate()
        process.wait(15)


@pytest.fixture
def recorder(net: Net, tmp_path: Path) -> Iterator[tuple[str, int]]:
    """tawny in this namespace: the token for its owner, and its port on loopback."""
    text = SETTINGS.format(home=net.home, turn=net.turn, port=TURN, secret=SECRET)
    (tmp_path / "tawny.toml").write_text(text)
    log = tmp_path / "tawny.log"
    command = [str(Path(sys.executable).with_name("tawny")), "run", "--config", str(tmp_path / "tawny.toml")]
    with log.open("wb") as out:
        process = subprocess.Popen(
            [*command, "--data", str(tmp_path / "data"), "--listen", "127.0.0.1:0"], stdout=out, stderr=out
        )
    try:
        until(lambda: LINK.search(log.read_text()) or process.poll() is not None, 60, "tawny")
        found = LINK.search(log.read_text())
        assert found, log.read_text()
        yield found[2], int(found[1].rpartition(":")[2])
    finally:
        process.terminate()
        process.wait(20)
    assert "Traceback" not in log.read_text(), log.read_text()


@pytest.fixture
def door(net: Net, recorder: tuple[str, int]) -> Iterator[str]:
    """The page's address in the browser's namespace."""
    with tcp_line(("127.0.0.1", recorder[1]), NetworkRelay(), net.home) as line:
        words = [sys.executable, "-m", "tests.support.network_relay", f"{net.turn}:{DOOR}", f"{net.home}:{line.port}"]
        process = subprocess.Popen(["ip", "netns", "exec", net.server, *words])
        try:
            yield f"http://{net.turn}:{DOOR}"
        finally:
            process.terminate()
            process.wait(15)


@pytest.fixture
def page(net: Net, door: str, recorder: tuple[str, int], tmp_path: Path) -> Iterator[Page]:
    """A browser that lives in its namespace, with the owner signed in."""
    inside = tmp_path / "chromium"
    inside.write_text(f'#!/bin/sh\nexec ip netns exec {net.browser} {WHOLE_CHROMIUM} "$@"\n')
    inside.chmod(inside.stat().st_mode | stat.S_IXUSR)
    with sync_playwright() as play:
        browser = play.chromium.launch(executable_path=str(inside), args=CHROMIUM)
        opened = browser.new_page()
        until(lambda: answers(opened, door), 60, "the door")
        claim = {"token": recorder[0], "name": "Anna", "password": "correct horse battery"}
        assert opened.evaluate(CLAIM, claim) == 200
        yield opened
        browser.close()


def answers(page: Page, address: str) -> bool:
    try:
        answer = page.goto(f"{address}/sign-in", wait_until="commit")
    except Error:
        return False
    return answer is not None and answer.ok


@pytest.mark.shows("SC17")
def test_pictures_come_through_a_turn_server_by_tcp_alone(
    page: Page, door: str, turn_server: Path, recorder: tuple[str, int]
) -> None:
    page.goto(f"{door}/live/front?way=webrtc")
    page.wait_for_selector(PLAYING, timeout=90_000)
    found = page.locator("[data-numbers]").first
    until(lambda: "through a TURN server" in (found.text_content() or ""), 60, "that a TURN server is used")
    assert "TCP" in turn_server.read_text()


@pytest.mark.shows("SC17")
def test_without_the_turn_server_the_browser_takes_another_way(page: Page, door: str) -> None:
    page.route_web_socket("**/cameras/*/live*", lambda socket: socket.close())
    page.goto(f"{door}/live/front")
    page.wait_for_selector("[data-camera=front][data-way=hls][data-view=playing]", timeout=120_000)
