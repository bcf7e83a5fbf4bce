"""Whether there is a newer version: asked of a real server, only when it is wanted, and with nothing said to it."""

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from tawny.config.settings import UpdateSettings
from tawny.model.errors import NotDone
from tawny.service.updates import (
    AGAIN_S,
    EVERY_S,
    FIRST_S,
    MOST_S,
    Release,
    UpdateCheck,
    installed_by,
    is_newer,
    newest_release,
)
from tawny.testing.clock import FakeClock
from tawny.testing.http_service import StandIn, served

NOTES = "https://example.org/releases/0.3"
GITHUB = [
    {"tag_name": "v0.4.0-rc1", "html_url": "https://example.org/rc", "prerelease": True},
    {"tag_name": "v0.5.0", "html_url": "https://example.org/draft", "draft": True},
    {"tag_name": "v0.2.0", "html_url": "https://example.org/old"},
    {"tag_name": "v0.3.0", "html_url": NOTES},
    {"tag_name": "nightly", "html_url": "https://example.org/nightly"},
    {"tag_name": "v0.6.0rc1", "html_url": "https://example.org/unmarked"},
]
GITLAB = [{"tag_name": "0.3.0", "_links": {"self": NOTES}}]
PYPI = {"info": {"version": "0.3.0", "release_url": NOTES}, "releases": {}}


@pytest.mark.parametrize(
    ("files", "way"),
    [
        (["src/.git", "src/pyproject.toml", "src/scripts/setup.sh"], "source"),
        (["src/pyproject.toml", "src/scripts/setup.sh"], "folder"),
        (["data/options.json"], "package"),
        ([".dockerenv"], "container"),
        ([".dockerenv", "src/pyproject.toml", "src/scripts/setup.sh"], "container"),
        ([".dockerenv", "src/.git"], "source"),
        (["run/.containerenv", "data/options.json"], "addon"),
    ],
)
def test_the_way_to_update_is_that_of_the_installation(files: list[str], way: str, tmp_path: Path) -> None:
    """A ZIP of the source has no `.git`, and Home Assistant updates its add-ons."""
    for name in files:
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).touch()
    assert installed_by(tmp_path, tmp_path / "src/src/tawny/service/updates.py") == way


@pytest.mark.parametrize("said", [GITHUB, GITLAB, PYPI, GITHUB[3]], ids=["github", "gitlab", "pypi", "latest"])
def test_the_newest_final_release_is_found(said: object) -> None:
    assert newest_release(said) == Release("0.3.0", NOTES)


@pytest.mark.parametrize("said", [[], [{"tag_name": "v1", "draft": True}], [{"tag_name": "nightly"}], {"info": {}}])
def test_none_may_be_published(said: object) -> None:
    assert newest_release(said) is None


@pytest.mark.parametrize("said", [None, 5, "0.3.0", {}, [5], [{"name": "0.3.0"}], {"tag_name": 3}])
def test_what_is_no_list_of_releases_is_refused(said: object) -> None:
    with pytest.raises(NotDone, match="list of releases"):
        newest_release(said)


@pytest.mark.parametrize("link", ["javascript:alert(1)", "file:///etc/passwd", 'https://x/"onclick', 5, None])
def test_a_link_that_is_none_is_left_out(link: object) -> None:
    assert newest_release([{"tag_name": "1.0", "html_url": link}]) == Release("1.0")


@pytest.mark.parametrize(
    ("version", "than", "newer"),
    [
        ("0.2.0", "0.1.0", True), ("0.10", "0.9.1", True), ("1.0", "0.99.99", True), ("1.0", "1.0.0", False),
        ("0.1.0", "0.1.0", False), ("0.1.0", "0.2.0", False), ("1.0", "1.0rc2", True), ("1.0rc2", "1.0", False),
        ("v1.1", "1.0+local", True), ("1.0.post1", "1.0", False), ("soon", "1.0", False), ("", "1.0", False),
        ("1" * 5000, "1.0", False),
    ],
)  # fmt: skip
def test_versions_are_compared_as_numbers(version: str, than: str, newer: bool) -> None:
    assert is_newer(version, than) is newer


class Bench:
    def __init__(self, url: str, most_s: float = MOST_S) -> None:
        self.settings, self.clock = UpdateSettings(url=url), FakeClock()
        self.check = UpdateCheck(lambda: self.settings, self.clock, "0.1.0", most_s)

    def set(self, **changes: Any) -> None:
        self.settings = self.settings.model_copy(update=changes)
        self.check.changed()


@pytest.fixture
def feed() -> Iterator[StandIn]:
    with served(StandIn(lambda _: (200, GITHUB))) as made:
        yield made


@pytest.fixture
def bench(feed: StandIn) -> Bench:
    return Bench(f"{feed.base}/releases?limit=20")


def test_a_newer_version_is_said_with_its_notes_and_the_server_learns_nothing_else(bench: Bench, feed: StandIn) -> None:
    found = bench.check.ask()
    assert (found.newest, found.is_newer, found.problem) == (Release("0.3.0", NOTES), True, "")
    assert found.asked_ms == bench.clock.now_ms()
    (asked,) = feed.asked
    assert (asked.method, asked.path, asked.body) == ("GET", "/releases?limit=20", b"")
    assert set(asked.headers) == {"host", "user-agent", "accept", "connection", "accept-encoding"}
    assert asked.headers["user-agent"] == "tawny"


def test_nothing_is_asked_unless_it_is_switched_on(bench: Bench, feed: StandIn) -> None:
    for _ in range(100):
        bench.clock.advance(bench.check.step())
    assert feed.asked == []


def test_it_is_asked_once_a_day_when_it_is_switched_on(bench: Bench, feed: StandIn) -> None:
    bench.set(check=True)
    assert bench.check.step() == FIRST_S
    bench.clock.advance(FIRST_S)
    assert bench.check.step() == EVERY_S
    assert len(feed.asked) == 1
    bench.clock.advance(EVERY_S - 1)
    bench.check.step()
    assert len(feed.asked) == 1
    bench.clock.advance(1)
    bench.check.step()
    assert len(feed.asked) == 2


def test_a_failure_is_tried_again_and_keeps_what_is_known(bench: Bench, feed: StandIn) -> None:
    bench.set(check=True)
    bench.check.ask()
    feed.fails.append((503, {}))
    bench.clock.advance(EVERY_S)
    assert bench.check.step() == AGAIN_S
    assert "127.0.0.1 isn't responding (it responded with 503)." in bench.check.state.problem
    assert bench.check.state.newest == Release("0.3.0", NOTES)
    bench.clock.advance(AGAIN_S)
    bench.check.step()
    assert bench.check.state.problem == ""


def test_another_address_forgets_what_the_first_one_said(bench: Bench) -> None:
    bench.check.ask()
    bench.set(url="http://127.0.0.1:9/")
    assert bench.check.state.newest is None
    assert bench.check.state.asked_ms is None


@pytest.mark.parametrize(
    ("reply", "says"),
    [
        ((404, {}), "responded with 404"), ((302, {}), "refers to another address"), ((200, b"<html>"), "list of"),
        ((200, b"[" * 100_000), "list of releases"), ((200, b" " * 3_000_000), "list of releases"), (None, "isn't"),
    ],
)  # fmt: skip
def test_what_goes_wrong_is_said(bench: Bench, feed: StandIn, reply: Any, says: str) -> None:
    feed.fails.append(reply)
    found = bench.check.ask()
    assert says in found.problem
    assert found.todo
    assert not found.is_newer


def test_without_an_address_there_is_nobody_to_ask() -> None:
    check = Bench("").check
    assert check.host == ""
    assert "No address" in check.ask().problem


@pytest.mark.parametrize("address", ["https://example.org:99999/x", "http://host:0/", "http://[::1", "ftp://host/"])
def test_an_address_that_is_none_is_refused(address: str) -> None:
    with pytest.raises(ValidationError, match="an address, for example"):
        UpdateSettings(url=address)


@pytest.mark.parametrize(
    "address", ["https://example.org:99999/x", "http://[::1", "nonsense", f"http://{'ä' * 70}.org/"]
)
def test_an_address_that_was_never_checked_is_said_to_be_wrong(address: str) -> None:
    bench = Bench("")
    bench.settings = UpdateSettings.model_construct(url=address)
    assert bench.check.ask().problem


def test_letters_of_an_address_are_sent_as_browsers_send_them(feed: StandIn) -> None:
    assert Bench(f"{feed.base}/ä b/%20?x=ü").check.ask().problem == ""
    assert feed.last.path == "/%C3%A4%20b/%20?x=%C3%BC"


@contextmanager
def dripping(first: bytes) -> Iterator[str]:
    """A server that never ends its answer: a byte each 20 ms."""
    ended = threading.Event()

    def drip(server: socket.socket) -> None:
        with suppress(OSError):
            line, _ = server.accept()
            with line:
                line.sendall(first)
                while not ended.wait(0.02):
                    line.sendall(b" ")

    with socket.create_server(("127.0.0.1", 0)) as server:
        thread = threading.Thread(target=drip, args=[server])
        thread.start()
        yield f"http://127.0.0.1:{server.getsockname()[1]}/"
        ended.set()
        thread.join()


@pytest.mark.parametrize("first", [b"HTTP/1.1 200 OK\r\n\r\n", b"HTTP/1.1 200 OK\r\nX-Drip:"])
def test_a_server_that_never_ends_is_left(first: bytes) -> None:
    with dripping(first) as address:
        found = Bench(address, most_s=0.3).check.ask()
    assert "didn't finish its answer within 0.3 s" in found.problem


def test_while_it_is_asked_another_question_is_answered() -> None:
    with dripping(b"HTTP/1.1 200 OK\r\n\r\n") as address:
        check = Bench(address, most_s=0.5).check
        received: list[str] = []
        asking = [threading.Thread(target=lambda: received.append(check.ask().problem)) for _ in range(3)]
        for one in asking:
            one.start()
        for one in asking:
            one.join(10)
    assert len(received) == 3
    assert any("still being asked" in one for one in received)
