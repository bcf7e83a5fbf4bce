"""Admission: limits per address and in all, who is closed for whom, and deadlines, on a clock that the test moves."""

import gc
from ipaddress import ip_network
from types import FunctionType, ModuleType

import pytest

from tawny.engine.connections import (
    LOOPBACK,
    ClientConnection,
    ConnectionLimits,
    ConnectionManager,
    ConnectionRules,
    Phase,
)
from tawny.testing.clock import FakeClock

RULES = ConnectionRules(idle_s=40.0)
RTSP = ConnectionRules(idle_s=120.0, sign_in_s=20.0)


class Server:
    """Opens connections and counts which were aborted."""

    def __init__(self, total: int = 10, of_address: int = 4, held_bytes: int = 1000) -> None:
        self.clock = FakeClock()
        limits = ConnectionLimits(total, of_address, held_bytes)
        self.manager = ConnectionManager(self.clock, limits, (*LOOPBACK, ip_network("10.0.0.2/32")))
        self.aborted: list[ClientConnection] = []

    def open(self, address: str = "192.0.2.1", rules: ConnectionRules = RULES) -> ClientConnection:
        made = self.manager.admit(address, rules)
        assert made is not None
        made.abort = lambda: self.aborted.append(made)
        self.clock.advance(0.1)
        return made

    def after(self, seconds: float) -> list[ClientConnection]:
        self.clock.advance(seconds)
        self.manager.sweep()
        return self.aborted


def test_one_address_has_its_limit_and_the_oldest_is_closed_for_the_newest() -> None:
    server = Server()
    mine = [server.open() for _ in range(6)]
    others = server.open("192.0.2.2")
    assert server.aborted == mine[:2]
    assert not others.is_closing
    assert len(server.manager) == 5


@pytest.mark.parametrize(
    ("one", "other", "is_same"),
    [
        ("2001:db8:1:2::1", "2001:db8:1:2:ffff::9", True),
        ("2001:db8:1:2::1", "2001:db8:1:3::1", False),
        ("fe80::1%eth0", "fe80::2", True),
        ("::ffff:192.0.2.1", "192.0.2.1", True),
        ("192.0.2.1", "192.0.2.2", False),
        ("unknown", "not an address", True),
    ],
)
def test_which_addresses_are_one_client(one: str, other: str, is_same: bool) -> None:
    server = Server(of_address=1)
    first, _ = server.open(one), server.open(other)
    assert first.is_closing == is_same


@pytest.mark.parametrize("address", ["127.0.0.1", "127.9.9.9", "::1", "10.0.0.2", "::ffff:127.0.0.1"])
def test_loopback_and_proxies_have_the_limit_of_all_only(address: str) -> None:
    server = Server(total=10, of_address=2)
    mine = [server.open(address) for _ in range(11)]
    assert server.aborted == mine[:1]


def test_proxies_that_are_changed_count_from_the_next_connection() -> None:
    server = Server()
    server.manager.trust([ip_network("192.0.2.0/24")])
    for _ in range(6):
        server.open()
    assert server.aborted == []
    server.manager.trust([])
    for _ in range(5):
        server.open()
    assert len(server.aborted) == 1


def test_who_signed_in_is_closed_after_all_others_and_never_while_served() -> None:
    server = Server(total=3, of_address=3)
    watching, paused, unknown = server.open("192.0.2.1"), server.open("192.0.2.2"), server.open("192.0.2.3")
    for one in (watching, paused):
        one.enter(Phase.ACTIVE)
        one.sign_in()
    paused.enter(Phase.IDLE)
    unknown.enter(Phase.ACTIVE)
    second = server.open("192.0.2.4")
    assert server.aborted == [unknown]
    second.enter(Phase.ACTIVE)
    second.sign_in()
    server.open("192.0.2.5").sign_in()
    assert server.aborted == [unknown, paused]


def test_while_all_are_served_the_next_one_is_refused() -> None:
    server = Server(total=2)
    for number in (1, 2):
        one = server.open(f"192.0.2.{number}")
        one.enter(Phase.ACTIVE)
        one.sign_in()
    assert server.manager.admit("192.0.2.3", RULES) is None
    assert (server.aborted, server.manager.refused) == ([], 1)


def test_a_later_request_without_a_session_is_not_signed_in() -> None:
    server = Server()
    one = server.open()
    one.enter(Phase.ACTIVE)
    one.sign_in()
    assert one.serve("192.0.2.1")
    assert not one.is_signed_in


def test_behind_a_proxy_each_client_has_its_limit() -> None:
    server = Server(total=20, of_address=2)
    through = [server.open("10.0.0.2") for _ in range(5)]
    for one in through:
        one.enter(Phase.ACTIVE)
    assert through[0].serve("203.0.113.7") and through[1].serve("203.0.113.7")
    for one in through[:2]:
        one.sign_in()
    assert not through[2].serve("203.0.113.7")
    assert through[3].serve("203.0.113.8")
    through[0].release()
    assert through[4].serve("203.0.113.7")
    assert server.aborted == []


@pytest.mark.parametrize(
    ("phase", "signed_in", "last_s"),
    [
        (Phase.OPEN, False, 10),
        (Phase.HEAD, True, 10),
        (Phase.BODY, True, 20),
        (Phase.IDLE, True, 40),
        (Phase.STALLED, True, 60),
        (Phase.ACTIVE, False, 120),
    ],
)
def test_each_phase_has_its_deadline(phase: Phase, signed_in: bool, last_s: float) -> None:
    server = Server()
    one = server.open()
    one.enter(Phase.HEAD if phase is not Phase.HEAD else Phase.ACTIVE)
    one.enter(phase)
    if signed_in:
        one.sign_in()
    if phase is Phase.OPEN:
        one = server.open()
    assert one not in server.after(last_s - 0.2)
    assert one in server.after(0.4)


def test_what_a_late_sweep_kept_waiting_has_its_time_again() -> None:
    server = Server()
    one = server.open()
    server.clock.advance(30.0)
    server.manager.sweep(delay_s=29.0)
    assert server.aborted == []
    assert server.after(1.0) == [one]


@pytest.mark.parametrize(("signed_in", "last_s"), [(False, 60), (True, 300)])
def test_only_who_signed_in_may_take_a_download_with_long_pauses(signed_in: bool, last_s: float) -> None:
    server = Server()
    one = server.open(rules=ConnectionRules(stalled_s=300.0))
    one.enter(Phase.STALLED)
    if signed_in:
        one.sign_in()
    assert server.after(last_s - 0.2) == []
    assert server.after(0.4) == [one]


def test_what_is_served_to_who_signed_in_has_no_deadline() -> None:
    server = Server()
    one = server.open()
    one.enter(Phase.ACTIVE)
    one.sign_in()
    assert server.after(86_400) == []


def test_a_slow_upload_goes_on_as_long_as_it_brings_a_thousand_bytes_a_second() -> None:
    server = Server(held_bytes=1 << 30)
    slow, slower = server.open(), server.open()
    for one in (slow, slower):
        one.enter(Phase.BODY)
    for _ in range(60):
        slow.receive(1100)
        slower.receive(200)
        server.after(1.0)
    assert server.aborted == [slower]


def test_an_upload_that_brings_nothing_more_ends_however_much_it_has_brought() -> None:
    server = Server(held_bytes=1 << 30)
    one = server.open()
    one.enter(Phase.BODY)
    one.sign_in()
    for _ in range(100):
        one.receive(1_000_000)
        server.after(1.0)
    assert server.after(58.8) == []
    assert server.after(0.4) == [one]


def test_a_player_that_does_not_sign_in_is_closed_whatever_it_asks() -> None:
    server = Server()
    one = server.open(rules=RTSP)
    for _ in range(25):
        one.enter(Phase.HEAD)
        one.enter(Phase.IDLE)
        server.after(1.0)
    assert server.aborted == [one]


def test_who_holds_most_memory_is_closed_when_all_hold_too_much() -> None:
    server = Server(held_bytes=1000)
    known, little, much = server.open("192.0.2.1"), server.open("192.0.2.2"), server.open("192.0.2.3")
    known.sign_in()
    known.wait_for_client(5000)
    little.wait_for_client(300)
    much.receive(600)
    assert server.aborted == []
    little.wait_for_client(500)
    assert server.aborted == [much]
    little.wait_for_client(0)
    little.wait_for_client(999)
    assert server.aborted == [much]


def reachable(root: object) -> int:
    """How many objects it keeps alive."""
    found, left = {id(root): root}, [root]
    while left:
        for one in gc.get_referents(left.pop()):
            if id(one) not in found and not isinstance(one, type | FunctionType | ModuleType):
                found[id(one)] = one
                left.append(one)
    return len(found)


def test_nothing_of_a_closed_connection_is_kept() -> None:
    server = Server(total=3, of_address=1)
    for number in range(300):
        one = server.open(f"198.51.100.{number % 250}")
        one.enter(Phase.BODY)
        one.receive(100)
        one.sign_in()
        one.wait_for_client(7)
    server.after(1000)
    assert len(server.manager) == 0
    assert reachable(server.manager) == reachable(Server().manager)
    one.enter(Phase.IDLE)
    one.receive(5)
    one.release()
    server.open().receive(1000)
    assert server.aborted[-1] is one, "its bytes count no longer"
    assert len(server.manager) == 1


@pytest.mark.parametrize(
    ("limit", "total", "ceiling"), [(256, 96, 128), (1024, 384, 512), (20_000, 600, 19_488), (524_288, 600, 523_776)]
)
def test_limits_leave_descriptors_for_recording(limit: int, total: int, ceiling: int) -> None:
    limits = ConnectionLimits.for_descriptors(limit)
    assert (limits.total, limits.ceiling) == (total, ceiling)
