"""Programs that ask for something: by signed webhook, with a token, by datagram; nobody else, and nothing twice."""

import hmac
import json
import os
import secrets
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tawny.config.integrations import InputSettings
from tawny.delivery.commands import CommandIssuer, CommandRefused, CommandResult
from tawny.delivery.notifier import HEADER, MOST_AGE_S, signature
from tawny.service.integrations.inputs import DatagramDoor, Inputs
from tawny.testing.clock import FakeClock
from tests.app.rig import settings

SECRET, TOKEN = "a secret of twenty letters", "a token of many letters"
BODY = b'{"command": "set_mode", "mode": "home"}'


class Kept:
    def __init__(self) -> None:
        self.there: dict[str, str] = {}

    def marks(self) -> dict[str, str]:
        return dict(self.there)

    def mark(self, name: str, value: str) -> None:
        if value:
            self.there[name] = value
        else:
            self.there.pop(name, None)


class Bench:
    def __init__(self) -> None:
        self.clock, self.kept = FakeClock(), Kept()
        self.begin()

    def begin(self) -> None:
        tables = {
            "panel": InputSettings(permissions=("modes",), cameras=("door",), secret=SECRET),
            "bell": InputSettings(permissions=("event",), token=TOKEN),
            "local": InputSettings(permissions=("event",), socket="@x"),
        }
        self.inputs = Inputs(tables, self.kept, self.clock)

    def signed(self, body: bytes = BODY, at_s: int | None = None, secret: str = SECRET) -> dict[str, str]:
        return {HEADER.lower(): signature(secret, self.clock.now_ms() // 1000 if at_s is None else at_s, body)}

    def sent(self, headers: dict[str, str], name: str = "panel", body: bytes = BODY) -> CommandIssuer:
        return self.inputs.sent(name, headers, body, "10.0.0.7")

    def why_not(self, headers: dict[str, str], name: str = "panel", body: bytes = BODY) -> str:
        with pytest.raises(CommandRefused) as refused:
            self.sent(headers, name, body)
        assert refused.value.kind == "signed_out"
        return refused.value.message


@pytest.fixture
def bench() -> Bench:
    return Bench()


def test_who_signs_is_known_with_its_rights(bench: Bench) -> None:
    assert bench.sent(bench.signed()) == CommandIssuer(
        "panel", "webhook", frozenset({"modes"}), frozenset({"door"}), "10.0.0.7"
    )


def test_who_has_the_token_is_known(bench: Bench) -> None:
    assert bench.sent({"authorization": f"Bearer {TOKEN}"}, "bell").may == {"event"}


@pytest.mark.parametrize(
    "headers", [{}, {"authorization": "Bearer wrong"}, {"authorization": TOKEN}, {"authorization": "Bearer "}]
)
def test_without_the_token_nothing_is_taken(bench: Bench, headers: dict[str, str]) -> None:
    assert "isn't allowed to send commands" in bench.why_not(headers, "bell")


def test_what_is_not_signed_right_is_refused(bench: Bench) -> None:
    now_s = bench.clock.now_ms() // 1000
    for headers in (
        {},
        bench.signed(body=b"{}"),
        bench.signed(secret="another secret of 20"),
        {HEADER.lower(): f"t={now_s},v1="},
        {HEADER.lower(): "t=é,v1=" + "0" * 64},
        {"authorization": f"Bearer {SECRET}"},
    ):
        assert "isn't allowed to send commands" in bench.why_not(headers)


@pytest.mark.parametrize("off_s", [-MOST_AGE_S - 1, MOST_AGE_S + 1, -(10**9)])
def test_what_was_signed_long_ago_is_refused(bench: Bench, off_s: int) -> None:
    assert "too old or from the future" in bench.why_not(bench.signed(at_s=bench.clock.now_ms() // 1000 + off_s))


def test_nothing_is_good_twice_not_even_after_a_restart(bench: Bench) -> None:
    headers = bench.signed()
    bench.sent(headers)
    assert "already sent" in bench.why_not(headers)
    bench.begin()
    assert "already sent" in bench.why_not(headers)


def test_the_same_command_is_good_again_in_the_same_second(bench: Bench) -> None:
    """A relay that is switched twice, or a bell that rings twice, was refused: it had the same signature."""
    now_s = bench.clock.now_ms() // 1000
    for at in (f"{now_s}.120", f"{now_s}.121"):
        by = hmac.new(SECRET.encode(), f"{at}.".encode() + BODY, "sha256").hexdigest()
        headers = {HEADER.lower(): f"t={at},v1={by}"}
        assert bench.sent(headers).name == "panel"
        assert "already sent" in bench.why_not(headers)


def test_what_was_seen_is_forgotten_when_its_time_is_over(bench: Bench) -> None:
    for _ in range(5):
        bench.sent(bench.signed())
        bench.clock.advance(2 * MOST_AGE_S + 2)
    assert len(bench.kept.there) <= 2


@pytest.mark.parametrize("name", ["none", "local", "", "../panel"])
def test_names_that_take_nothing(bench: Bench, name: str) -> None:
    assert "isn't allowed to send commands" in bench.why_not(bench.signed(), name)


# --- datagrams -------------------------------------------------------------------------------------------------------


class Desk:
    def __init__(self) -> None:
        self.asked: list[tuple[CommandIssuer, object]] = []
        self.came = threading.Event()

    def do(self, who: CommandIssuer, asked: object) -> CommandResult:
        self.asked.append((who, asked))
        self.came.set()
        return CommandResult("It is done.", "e1")


@contextmanager
def door(one: InputSettings, desk: Desk) -> Iterator[None]:
    made, ending = DatagramDoor("local", one, desk.do), threading.Event()

    def run() -> None:
        while not ending.is_set():
            made.step()
        made.close()

    thread = threading.Thread(target=run)
    thread.start()
    try:
        yield
    finally:
        ending.set()
        thread.join()


def ask(address: str, body: bytes) -> dict[str, object]:
    """From a socket with a name of its own, so that there is an answer."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as mine:
        mine.bind(f"\0tawny-test-{secrets.token_hex(8)}")
        mine.settimeout(20)
        mine.sendto(body, address)
        answer: dict[str, object] = json.loads(mine.recv(65536))
        return answer


def test_a_datagram_is_an_order(tmp_path: Path) -> None:
    desk, name = Desk(), f"tawny-test-{secrets.token_hex(8)}"
    with door(InputSettings(permissions=("event",), socket=f"@{name}"), desk):
        assert ask(f"\0{name}", b'{"command": "event.open", "camera": "door"}') == {
            "done": "It is done.",
            "event": "e1",
        }
        refused = ask(f"\0{name}", b"{")
    assert "error" in refused
    ((who, _),) = desk.asked
    assert who == CommandIssuer("local", "datagram", frozenset({"event"}), None, f"user {os.geteuid()}")


def test_who_has_no_name_is_not_answered_and_still_heard() -> None:
    desk, name = Desk(), f"tawny-test-{secrets.token_hex(8)}"
    with door(InputSettings(permissions=("event",), socket=f"@{name}"), desk):
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as mine:
            mine.sendto(BODY, f"\0{name}")
        assert desk.came.wait(20)


def test_a_socket_with_a_path_is_for_its_owner_and_goes_away() -> None:
    path = Path(f"/tmp/tawny-{secrets.token_hex(8)}.sock")
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as left:
        left.bind(str(path))  # as a killed recorder leaves it
    with door(InputSettings(permissions=("event",), socket=str(path)), Desk()):
        assert path.stat().st_mode & 0o777 == 0o600
        assert ask(str(path), BODY)["done"]
    assert not path.exists()


@pytest.mark.skipif(os.geteuid() != 0, reason="another user can only be had by root")
def test_another_user_is_refused() -> None:
    desk, path = Desk(), Path(f"/tmp/tawny-{secrets.token_hex(8)}.sock")
    with door(InputSettings(permissions=("event",), socket=str(path), users=("nobody",)), desk):
        for user in (65533, 65534):
            child = os.fork()
            if child == 0:
                os.setuid(user)
                with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as mine:
                    mine.sendto(BODY, str(path))
                os._exit(0)
            assert os.waitpid(child, 0)[1] == 0
        assert desk.came.wait(20)
    assert [who.address for who, _ in desk.asked] == ["user 65534"]


# --- settings --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("permissions = []", "at least 1"),
        ('permissions = ["reboot"]\ntoken = "0123456789abcdef"', "modes"),
        ('permissions = ["modes"]', "exactly one of secret, token and socket"),
        ('permissions = ["modes"]\nsecret = "short"', "16 characters"),
        ('permissions = ["modes"]\nsocket = "relative"', "absolute path"),
        ('permissions = ["modes"]\ntoken = "0123456789abcdef"\nusers = ["a"]', "only together with socket"),
    ],
)
def test_settings_that_cannot_be_are_said(text: str, words: str) -> None:
    with pytest.raises(AssertionError, match=words):
        settings(f"[api_clients.panel]\n{text}\n")
