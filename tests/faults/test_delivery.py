"""Real servers behind a line that fails in every way: each event arrives once, whole, the most important first."""

import hashlib
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest

from tawny.delivery import destination
from tawny.delivery.courier import MOST_WAIT_S
from tawny.delivery.destinations import ftp, s3, sftp
from tests.faults.delivering import Delivering, Place, delivering
from tests.faults.faulty_line import FaultyLine, Way, faulty_line
from tests.faults.places import PASSWORD, QUOTA_BYTES, Servers, running_servers

KINDS = ("s3", "sftp", "ftp", "ftps", "dav", "tawny")
FAULTY = tuple("faulty_sftp" if kind == "sftp" else kind for kind in KINDS)
DAY_S = 86_400


def all_but_slow(*slow: str, kinds: Sequence[str] = KINDS) -> list[object]:
    """Every kind; those only in long runs."""
    return [pytest.param(kind, marks=[pytest.mark.long] if kind in slow else []) for kind in kinds]


QUICK = all_but_slow("s3", "ftps", "tawny")
"""Two make a client that takes a while, at every try; the third has the same line as WebDAV."""


@pytest.fixture(scope="module")
def servers(quick_folder_of_all: Path) -> Iterator[Servers]:
    with running_servers(quick_folder_of_all) as made:
        yield made


@pytest.fixture
def mode(servers: Servers) -> Iterator[Path]:
    yield servers.mode
    servers.mode.unlink(missing_ok=True)


@pytest.fixture(params=KINDS)
def place(request: pytest.FixtureRequest, servers: Servers) -> Place:
    return servers.place(request.param)


@pytest.fixture
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    for module in (ftp, destination, s3, sftp):
        monkeypatch.setattr(module, "TIMEOUT_S", 0.4)


@pytest.fixture
def line(place: Place) -> Iterator[FaultyLine]:
    with faulty_line(place.port) as made:
        yield made


@pytest.fixture
def bench(place: Place, line: FaultyLine, quick_folder: Path) -> Iterator[Delivering]:
    with delivering(place, quick_folder, line.port) as made:
        yield made


@pytest.mark.shows("PK23")
@pytest.mark.parametrize("place", QUICK, indirect=True)
@pytest.mark.parametrize("way", ["refuses", "hangs"])
def test_a_server_that_is_not_to_be_had(bench: Delivering, line: FaultyLine, impatient: None, way: Way) -> None:
    line.way = way
    bench.work(done=lambda: line.failed >= 2)
    assert bench.place.tree() == {}
    assert PASSWORD not in bench.outbox.trouble("offsite")
    line.way = "passes"
    bench.work()
    bench.assert_all_arrived()
    bench.assert_in_order()


def test_a_line_that_breaks_in_the_midst_of_files(bench: Delivering, line: FaultyLine) -> None:
    """What cannot be resumed, and is larger than what comes through, waits until the line is mended."""
    line.way = "breaks"
    bench.work(done=lambda: line.failed >= 3 or not bench.outbox.waiting().count)
    assert set(bench.place.tree()) <= set(bench.names)
    line.way = "passes"
    bench.work()
    bench.assert_all_arrived()
    bench.assert_in_order()


@pytest.mark.shows("DY15")
@pytest.mark.parametrize("place", QUICK, indirect=True)
def test_u2_a_day_without_network(bench: Delivering, line: FaultyLine) -> None:
    """It is tried all the time, ever more rarely, and when the network is back, all of it goes."""
    line.way = "refuses"
    end_ms = bench.clock.now_ms() + DAY_S * 1000
    bench.work(steps=2000, done=lambda: bench.clock.now_ms() >= end_ms)
    assert DAY_S / (MOST_WAIT_S * 2) < line.failed < DAY_S / MOST_WAIT_S * 4
    assert bench.outbox.waiting().count == len(bench.names)
    line.way = "passes"
    back_ms = bench.clock.now_ms()
    bench.work()
    assert bench.clock.now_ms() - back_ms < 2 * MOST_WAIT_S * 1000
    bench.assert_all_arrived()
    bench.assert_in_order()


@pytest.mark.parametrize("place", QUICK, indirect=True)
def test_a_name_that_nobody_knows(place: Place, quick_folder: Path) -> None:
    right, place.url = place.url, place.url.replace("127.0.0.1", "nas.invalid")
    with delivering(place, quick_folder, place.port) as bench:
        bench.work(done=lambda: bool(bench.outbox.trouble("offsite")))
        assert "isn't responding" in bench.outbox.trouble("offsite")
        place.url = right
        bench.courier = bench.again()
        bench.work()
        bench.assert_all_arrived()


@pytest.fixture
def in_parts(monkeypatch: pytest.MonkeyPatch) -> None:
    """What is large goes to S3 in three."""
    monkeypatch.setattr(s3, "PART_BYTES", 400_000)


@pytest.mark.parametrize("place", all_but_slow("ftps", kinds=FAULTY), indirect=True)
@pytest.mark.parametrize(
    ("said", "told"), [("lies", "confirmed the upload"), ("full", "is full")], ids=["lies", "full"]
)
def test_a_server_that_keeps_half_or_has_no_room(
    bench: Delivering, place: Place, mode: Path, in_parts: None, said: str, told: str
) -> None:
    mode.write_text(said)
    bench.try_each()
    trouble = bench.outbox.trouble("offsite")
    assert told in trouble
    assert PASSWORD not in trouble
    assert (bench.outbox.ended("offsite"), bench.arrived) == ([], [])
    mode.unlink()
    if place.shows_only_whole or said == "full":
        assert place.tree() == {}
    bench.clock.advance(MOST_WAIT_S)
    bench.work()
    bench.assert_all_arrived()
    bench.assert_in_order()


@pytest.mark.parametrize("place", ["s3"], indirect=True)
@pytest.mark.parametrize(
    ("said", "told"), [("expired", "ExpiredToken"), ("busy", "isn't responding")], ids=["expired", "busy"]
)
def test_a_token_that_expires_or_too_many_who_ask(
    bench: Delivering, mode: Path, in_parts: None, said: str, told: str
) -> None:
    bench.work(done=lambda: len(bench.arrived) == 4)
    mode.write_text(said)
    bench.try_each()
    assert told in bench.outbox.trouble("offsite")
    assert PASSWORD not in bench.outbox.trouble("offsite")
    assert len(bench.arrived) == 4
    mode.unlink()
    bench.work()
    bench.assert_all_arrived()
    bench.assert_in_order()


@pytest.mark.parametrize("place", ["tawny"], indirect=True)
def test_a_pass_that_is_taken_back_and_another_one(bench: Delivering, place: Place, servers: Servers) -> None:
    """What the first one brought stays, and is not brought again."""
    passes = servers.tawny.house.passes
    first, secret = passes.make("Another friend", brings=QUOTA_BYTES)
    place.url = place.url.replace(servers.tawny.secret, secret)
    bench.courier = bench.again()
    bench.work(done=lambda: len(bench.arrived) == 4)
    assert passes.take_back(first.id)
    bench.try_each()
    assert "rejected the sign-in" in bench.outbox.trouble("offsite")
    assert secret not in bench.outbox.trouble("offsite")
    place.url = place.url.replace(secret, servers.tawny.secret)
    bench.courier.close()
    bench.courier = bench.again()
    bench.work()
    bench.assert_all_arrived()
    bench.assert_in_order()


@pytest.mark.parametrize("place", ["sftp"], indirect=True)
def test_another_server_in_its_place_gets_nothing(bench: Delivering, place: Place) -> None:
    right = place.table["host_key"]
    place.table["host_key"] = "SHA256:" + "A" * 43
    bench.courier = bench.again()
    bench.work(done=lambda: bool(bench.outbox.trouble("offsite")))
    assert place.tree() == {}
    place.table["host_key"] = right
    bench.courier = bench.again()
    bench.work()
    bench.assert_all_arrived()


@pytest.mark.shows("DY14")
@pytest.mark.parametrize("place", QUICK, indirect=True)
def test_the_same_again_after_every_step_changes_nothing(place: Place, quick_folder: Path) -> None:
    """The answer to each was lost: all of it is carried a second time."""
    with delivering(place, quick_folder, place.port) as bench:
        bench.work()
        before = {name: hashlib.sha256(data).hexdigest() for name, data in place.tree().items()}
        for one in bench.outbox.ended("offsite", 100):
            bench.outbox.renew(bench.waiting_again(one))
        bench.work()
        assert {name: hashlib.sha256(data).hexdigest() for name, data in place.tree().items()} == before
