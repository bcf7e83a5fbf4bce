"""Who is there: on loopback, where somebody answers, refuses, or says nothing."""

import socket
import struct
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tawny.events import presence_probes
from tawny.events.presence_probes import _answered
from tawny.model.times import SystemClock
from tawny.sources.discovery.networks import neighbours

CLOCK = SystemClock()
NOBODY = "192.0.2.77"
"""Of the network for documentation (RFC 5737)."""


@pytest.mark.shows("RC11")
@pytest.mark.parametrize("address", ["127.0.0.1", "::1", "localhost"])
def test_who_answers_an_echo_request_is_there(address: str) -> None:
    if not presence_probes.may_ping():
        pytest.skip("echo requests are not allowed here")
    found = presence_probes.resolved([address, NOBODY])
    assert presence_probes.answer_pings(found, CLOCK, 0.3 if address == "::1" else 0.5) <= {address}
    assert address in presence_probes.answer_pings(presence_probes.resolved([address]), CLOCK)


def test_who_refuses_a_connection_is_there() -> None:
    assert presence_probes.answer_connections(presence_probes.resolved(["127.0.0.1", NOBODY]), CLOCK, 0.3) == {
        "127.0.0.1"
    }


def test_a_name_without_an_address_is_nobody() -> None:
    assert presence_probes.resolved(["nobody.invalid", "127.0.0.1"]).keys() == {"127.0.0.1"}
    assert presence_probes.answer_pings({}, CLOCK) == set()


def test_the_table_of_neighbours_tells_who_answered(tmp_path: Path) -> None:
    table = tmp_path / "arp"
    table.write_text(
        "IP address       HW type     Flags       HW address            Mask     Device\n"
        "192.168.1.50     0x1         0x2         AA:BB:CC:DD:EE:01     *        eth0\n"
        "192.168.1.51     0x1         0x0         00:00:00:00:00:00     *        eth0\n"
        "nonsense\n"
    )
    assert neighbours(table) == {"192.168.1.50": "aa:bb:cc:dd:ee:01"}
    assert neighbours(tmp_path / "none") == {}
    presence_probes.poke(["127.0.0.1", "not an address"])


@pytest.fixture
def responder() -> Iterator[tuple[str, int]]:
    """Answers to one name, as RFC 6762 wants it for queries from elsewhere than its own port."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as one:
        one.bind(("127.0.0.1", 0))

        def serve() -> None:
            while True:
                result, where = one.recvfrom(2000)
                if result == b"end":
                    return
                if b"\x0bannas-phone\x05local\x00" in result:
                    answer = b"\xc0\x0c" + struct.pack("!HHIH", 1, 1, 10, 4) + b"\x7f\x00\x00\x01"
                    head = result[:2] + struct.pack("!HHHHH", 0x8400, 1, 1, 0, 0)
                    one.sendto(b"rubbish", where)
                    one.sendto(head + result[12:] + answer, where)

        thread = threading.Thread(target=serve)
        thread.start()
        yield one.getsockname()
        one.sendto(b"end", one.getsockname())
        thread.join()


def test_who_answers_to_a_name_is_there(responder: tuple[str, int]) -> None:
    asked = ["annas-phone.local", "bens-phone.local", "x" * 70 + ".local"]
    assert presence_probes.answer_names(asked, CLOCK, 0.3, responder) == {"annas-phone.local"}


@given(st.binary(max_size=64))
def test_whatever_comes_is_no_answer_unless_it_is_one(said: bytes) -> None:
    assert _answered(said, {1: ("a.local", b"\x01a\x05local\x00\x00\x01\x00\x01")}) in (set(), {"a.local"})
