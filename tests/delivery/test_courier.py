import sqlite3
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import pytest

from tawny.delivery.courier import ASIDE_TRIES, FIRST_WAIT_S, MOST_WAIT_S, Courier, CourierStopped, DeliveryRoute
from tawny.delivery.delivery import (
    REST_MS,
    REST_TRIES,
    Carrier,
    Delivery,
    DeliveryContent,
    DeliveryKind,
    DeliveryState,
    PartlySent,
)
from tawny.delivery.outbox import Outbox
from tawny.model.errors import (
    ContentGone,
    DeliveryError,
    DiskFull,
    FileDamaged,
    StorageUnavailable,
    StrangeTarget,
    TargetBusy,
    TargetFull,
    TargetMissing,
    TargetRefused,
    TargetUnreachable,
)
from tawny.model.ids import EventId
from tawny.storage.index.sqlite_file import SmallDb
from tawny.testing.clock import FakeClock
from tawny.testing.contracts.destination import MemoryContent
from tests.delivery.carried import Shelf, delivery

REST_WAIT_S = 300.0
AWAY = TargetUnreachable("offsite", "connection refused")


@pytest.fixture
def shelf() -> Shelf:
    return Shelf()


@pytest.fixture
def told() -> list[Delivery]:
    return []


@pytest.fixture
def courier(outbox: Outbox, clock: FakeClock, shelf: Shelf, told: list[Delivery]) -> Courier:
    return Courier(1, DeliveryRoute("offsite", shelf.carrier, lambda _: MemoryContent()), outbox, clock, told.append)


def test_it_carries_what_waits_and_tells(courier: Courier, outbox: Outbox, shelf: Shelf, told: list[Delivery]) -> None:
    outbox.add([delivery("a"), delivery("b")])
    while courier.step() == 0:
        pass
    assert shelf.there == {"a": b"a picture", "b": b"a picture"}
    assert [one.name for one in told] == ["a", "b"]
    found = outbox.find("offsite", "a")
    assert found
    assert (found.state, found.receipt, found.size_bytes) == (DeliveryState.DONE, "receipt of a", 9)


def test_it_keeps_its_connection_while_there_is_work_and_a_while_after(
    courier: Courier, outbox: Outbox, clock: FakeClock, shelf: Shelf
) -> None:
    for name in ("a", "b"):
        outbox.add([delivery(name)])
        courier.step()
    assert shelf.opened == 1
    clock.advance(30)
    courier.step()
    outbox.add([delivery("c")])
    courier.step()
    assert shelf.opened == 2


@pytest.mark.shows("PK23")
def test_a_target_that_is_away_is_tried_ever_more_rarely_and_for_ever(
    courier: Courier, outbox: Outbox, clock: FakeClock, shelf: Shelf
) -> None:
    outbox.add([delivery()])
    shelf.fails = [AWAY] * 40
    waits: list[float] = []
    while shelf.fails:
        wait_s = courier.step()
        waits.append(wait_s)
        clock.advance(wait_s + 0.01)
    assert FIRST_WAIT_S * 0.8 <= waits[0] <= FIRST_WAIT_S * 1.2
    assert all(wait_s <= MOST_WAIT_S * 1.2 for wait_s in waits)
    assert waits[-1] >= MOST_WAIT_S * 0.8
    courier.step()
    assert shelf.carried == ["a.jpg"]


def test_a_target_is_left_alone_for_as_long_as_it_asks_for(courier: Courier, outbox: Outbox, shelf: Shelf) -> None:
    outbox.add([delivery()])
    shelf.fails = [TargetBusy("offsite", "it responded with 429", 120.0)]
    assert courier.step() == 120


def test_while_it_is_away_nothing_else_is_tried(courier: Courier, outbox: Outbox, shelf: Shelf) -> None:
    outbox.add([delivery("a"), delivery("b")])
    shelf.fails = [AWAY]
    courier.step()
    courier.step()
    assert shelf.carried == []


def test_one_that_is_held_back_is_carried_later_and_holds_up_no_other(
    outbox: Outbox, clock: FakeClock, shelf: Shelf
) -> None:
    until_ms = clock.now_ms() + 3_600_000

    def held_until_ms(one: Delivery) -> int:
        return until_ms if one.name == "a" and clock.now_ms() < until_ms else 0

    route = DeliveryRoute("offsite", shelf.carrier, lambda _: MemoryContent(), held_until_ms=held_until_ms)
    courier = Courier(1, route, outbox, clock, lambda _: None)
    outbox.add([delivery("a"), delivery("b")])
    for _ in range(3):
        courier.step()
    assert (shelf.carried, outbox.trouble("offsite")) == (["b"], "")
    clock.advance(3600)
    courier.step()
    assert shelf.carried == ["b", "a"]


def test_what_is_tried_now_does_not_wait_for_the_rest_of_the_pause(
    courier: Courier, outbox: Outbox, shelf: Shelf
) -> None:
    outbox.add([delivery("a")])
    shelf.fails = [AWAY]
    assert courier.step() >= FIRST_WAIT_S * 0.8
    outbox.try_now("offsite")
    courier.try_now()
    courier.step()
    assert shelf.carried == ["a"]


def test_what_only_this_one_is_refused_for_does_not_hold_up_the_others(
    courier: Courier, outbox: Outbox, shelf: Shelf
) -> None:
    outbox.add([delivery("too large"), delivery("b")])
    shelf.fails = [DeliveryError("offsite", "this file is too large")]
    courier.step()
    courier.step()
    assert shelf.carried == ["b"]
    assert outbox.waiting("offsite").count == 1


def test_one_that_a_target_always_fails_with_holds_up_the_others_three_times(
    outbox: Outbox, clock: FakeClock, shelf: Shelf, courier: Courier
) -> None:
    outbox.add([delivery("a"), delivery("b"), delivery("c")])
    shelf.never = {"a": TargetBusy("offsite", "it responded with 500")}
    passed_s = 0.0
    while shelf.carried != ["b", "c"]:
        assert passed_s < 120, shelf.carried
        wait_s = courier.step() + 0.01
        clock.advance(wait_s)
        passed_s += wait_s
    assert outbox.waiting("offsite").count == 1
    shelf.never = {}
    clock.advance(MOST_WAIT_S * 1.2)
    courier.step()
    assert shelf.carried == ["b", "c", "a"]


@pytest.mark.parametrize("error", [TargetFull("offsite", "507"), TargetRefused("offsite", "403")], ids=["full", "403"])
def test_one_that_a_target_refuses_when_signed_in_holds_up_the_others_three_times(
    outbox: Outbox, clock: FakeClock, shelf: Shelf, courier: Courier, error: DeliveryError
) -> None:
    outbox.add([delivery("large"), delivery("b"), delivery("c")])
    shelf.never = {"large": error}
    passed_s = 0.0
    while shelf.carried != ["b", "c"]:
        assert passed_s < 120, shelf.carried
        wait_s = courier.step() + 0.01
        clock.advance(wait_s)
        passed_s += wait_s


def test_a_refused_sign_in_is_no_answer_to_the_delivery(outbox: Outbox, clock: FakeClock, shelf: Shelf) -> None:
    """Once the password is right again, the most important one goes first."""
    refusals = [TargetRefused("offsite", "wrong password")] * 5

    def carrier() -> Carrier:
        if refusals:
            raise refusals.pop()
        return shelf.carrier()

    courier = Courier(1, DeliveryRoute("offsite", carrier, lambda _: MemoryContent()), outbox, clock, lambda _: None)
    outbox.add([delivery("a"), delivery("b")])
    while shelf.carried != ["a", "b"]:
        assert "b" not in shelf.carried[:1]
        clock.advance(courier.step() + 0.01)


def test_a_token_that_expired_is_no_answer_to_the_delivery(
    outbox: Outbox, clock: FakeClock, shelf: Shelf, courier: Courier
) -> None:
    """Some targets say only with each file that the sign-in is refused."""
    outbox.add([delivery("a"), delivery("b")])
    shelf.fails = [TargetRefused("offsite", "ExpiredToken", is_sign_in=True) for _ in range(3)]
    while len(shelf.carried) < 2:
        clock.advance(courier.step() + 0.01)
    assert shelf.carried == ["a", "b"]


def test_tries_at_a_target_that_was_away_do_not_count_as_its_answers(
    outbox: Outbox, clock: FakeClock, shelf: Shelf, courier: Courier
) -> None:
    outbox.add([delivery("a"), delivery("b")])
    shelf.fails = [*[AWAY] * 9, TargetBusy("offsite", "it responded with 503")]
    while shelf.fails:
        clock.advance(courier.step() + 0.01)
    for _ in range(2):
        clock.advance(courier.step() + 0.01)
    assert shelf.carried == ["a", "b"]


@pytest.fixture
def rest(outbox: Outbox, clock: FakeClock, shelf: Shelf, courier: Courier) -> Delivery:
    """What is left of `a`, which some recipients have, as its name was tried first."""
    outbox.add([delivery("a", DeliveryKind.MESSAGE, content={"kind": "event", "event": "e"})])
    shelf.fails = [PartlySent("mail", "it responded with 452", ["ben@example.org"], "7")]
    courier.step()
    clock.advance(REST_WAIT_S)
    found = outbox.find("offsite", "rest/a")
    assert found
    return found


def test_a_message_that_some_recipients_have_is_sent_and_the_rest_is_a_delivery_of_its_own(
    outbox: Outbox, rest: Delivery, told: list[Delivery]
) -> None:
    """Its clip came hours later to all, and events were taken out of digests that a recipient had."""
    first = outbox.find("offsite", "a")
    assert first
    assert (first.state, first.receipt, [one.name for one in told]) == (DeliveryState.DONE, "7", ["a"])
    assert (rest.content["to"], rest.rank > DeliveryKind.MESSAGE.rank) == (["ben@example.org"], True)
    assert rest.what is DeliveryKind.MESSAGE  # as the page names it, which said "clip"
    whole = rest.whole
    assert (whole.name, whole.event, whole.camera, whole.content["kind"]) == ("a", first.event, first.camera, "event")
    assert outbox.of_event(EventId("e")) == [first]


def test_what_is_left_of_a_rest_keeps_its_time(outbox: Outbox, rest: Delivery, shelf: Shelf, courier: Courier) -> None:
    shelf.fails = [PartlySent("mail", "it responded with 452", ["cem@example.org"], "7")]
    courier.step()
    again = outbox.find("offsite", "rest/a")
    assert again
    assert (again.made_ms, again.content["to"]) == (rest.made_ms, ["cem@example.org"])
    assert again.whole.id == rest.whole.id


def test_a_recipient_that_is_left_is_no_trouble_of_the_channel(
    outbox: Outbox, rest: Delivery, shelf: Shelf, courier: Courier
) -> None:
    """A full mailbox, of one of several recipients, was a problem on Health for six hours and held up all others."""
    outbox.add([delivery("b")])
    shelf.never = {"rest/a": TargetBusy("mail", "it responded with 452")}
    for _ in range(2):
        courier.step()
    assert shelf.carried == ["b"]
    assert (outbox.waiting("offsite").count, outbox.trouble("offsite")) == (0, "")


def test_outages_are_forgotten_once_a_recipient_has_a_message(
    outbox: Outbox, clock: FakeClock, shelf: Shelf, courier: Courier
) -> None:
    """With one full mailbox, one busy answer held up all others for ever longer."""
    outbox.add([delivery("a"), delivery("b")])
    part = PartlySent("mail", "it responded with 452", ["ben@example.org"], "7")
    shelf.fails = [*[AWAY] * 12, part, AWAY]
    for _ in range(13):
        clock.advance(courier.step() + MOST_WAIT_S)
    assert courier.step() <= FIRST_WAIT_S * 1.2


def test_a_recipient_that_is_left_is_given_up_after_hours_with_two_warnings(
    outbox: Outbox,
    clock: FakeClock,
    rest: Delivery,
    shelf: Shelf,
    courier: Courier,
    caplog: pytest.LogCaptureFixture,
) -> None:
    """It was a warning for each attempt."""
    full = TargetBusy("mail", "it responded with 452")
    shelf.never = {"rest/a": full}
    while clock.now_ms() < rest.made_ms + REST_MS + MOST_WAIT_S * 1200:
        courier.step()
        clock.advance(MOST_WAIT_S / 3)
    ended = outbox.find("offsite", "rest/a")
    assert ended
    assert (ended.state, ended.why) == (DeliveryState.DROPPED, full.message)
    records = [*caplog.get_records("setup"), *caplog.get_records("call")]
    found = [one.getMessage() for one in records if one.levelname == "WARNING"]
    assert len(found) == 2
    assert found[0].endswith("Until it does, a is tried for 6 h.")
    assert found[1] == f"rest/a: {full.message}"


def test_a_recipient_that_is_left_is_not_given_up_for_hours_in_which_nothing_is_sent(
    clock: FakeClock, rest: Delivery, shelf: Shelf, courier: Courier
) -> None:
    """One try was left after quiet hours, a pause, or an outage of the network."""
    shelf.fails = [TargetBusy("mail", "it responded with 452"), AWAY, TargetBusy("mail", "it responded with 452")]
    for _ in range(4):
        courier.step()
        clock.advance(REST_MS / 1000)
    assert shelf.carried == [rest.name]


def test_refusals_before_quiet_hours_do_not_count_after_them(
    outbox: Outbox, clock: FakeClock, rest: Delivery, shelf: Shelf, courier: Courier
) -> None:
    shelf.never = {rest.name: TargetBusy("mail", "it responded with 452")}
    for _ in range(REST_TRIES):
        courier.step()
        clock.advance(MOST_WAIT_S * 1.2)
    clock.advance(REST_MS / 1000)
    courier.step()
    found = outbox.find("offsite", rest.name)
    assert found
    assert (found.state, found.tries) == (DeliveryState.WAITING, REST_TRIES + 1)


def test_errors_of_our_own_disk_are_no_refusals(outbox: Outbox, clock: FakeClock, rest: Delivery, shelf: Shelf) -> None:
    def content(_: Delivery) -> DeliveryContent:
        if clock.now_ms() < rest.made_ms + 2 * REST_MS:
            raise StorageUnavailable("/mnt/disk", "away")
        return MemoryContent()

    courier = Courier(1, DeliveryRoute("offsite", shelf.carrier, content), outbox, clock, lambda _: None)
    while clock.now_ms() < rest.made_ms + 2 * REST_MS + 2 * MOST_WAIT_S * 1000:
        courier.step()
        clock.advance(MOST_WAIT_S)
    assert shelf.carried == [rest.name]


@pytest.mark.parametrize("kind", DeliveryKind)
def test_a_refused_delivery_holds_up_the_target_but_a_refused_deletion(
    courier: Courier, outbox: Outbox, shelf: Shelf, kind: DeliveryKind
) -> None:
    """Of every kind: a login that may not delete can still upload."""
    outbox.add([delivery("refused", kind)])
    shelf.fails = [TargetRefused("offsite", "AccessDenied")]
    courier.step()
    outbox.add([delivery("next", DeliveryKind.PICTURE)])
    courier.step()
    is_deletion = kind is DeliveryKind.REMOVAL
    assert (shelf.carried, outbox.trouble("offsite") == "") == (["next"] if is_deletion else [], is_deletion)


@dataclass
class SmallDisk:
    """A target with room for so many files. stuck: those that can't be deleted there."""

    room: int = 0
    stuck: tuple[str, ...] = ()
    there: list[str] = field(default_factory=list)
    deleted: list[str] = field(default_factory=list)
    refused: int = 0

    def carry(self, delivery: Delivery, content: DeliveryContent, note: Callable[[str], None]) -> str:
        if delivery.name in self.stuck:
            raise DeliveryError("offsite", "it failed")
        if delivery.what is DeliveryKind.REMOVAL:
            self.deleted.append(delivery.name)
            self.room += 1
        elif self.room == 0:
            self.refused += 1
            raise TargetFull("offsite", "no space left")
        else:
            self.room -= 1
            self.there.append(delivery.name)
        return ""

    def close(self) -> None: ...


def on(disk: SmallDisk, outbox: Outbox, clock: FakeClock, **about: Any) -> Courier:
    route = DeliveryRoute("offsite", lambda: disk, lambda _: MemoryContent(), **about)
    return Courier(1, route, outbox, clock, lambda _: None)


def test_a_full_target_is_made_room_on_by_what_is_to_be_deleted_there(outbox: Outbox, clock: FakeClock) -> None:
    """Also outside its hours: a deletion takes no time."""
    disk = SmallDisk()
    courier = on(disk, outbox, clock, open_in_s=lambda: 3600.0)
    old = [delivery(f"old{number}", DeliveryKind.REMOVAL) for number in range(2)]
    outbox.add([*old, *(delivery(f"new{number}", at_ms=2000 + number) for number in range(3))])
    while courier.step() == 0:
        pass
    assert (disk.deleted, disk.there, disk.refused) == (["old0", "old1"], ["new0", "new1"], 2)
    assert courier.step() > 0
    assert disk.refused == 2, "it was asked again without a wait, though nothing more was deleted"


def test_what_was_set_aside_comes_first_again_once_there_is_room(outbox: Outbox, clock: FakeClock) -> None:
    disk = SmallDisk()
    courier = on(disk, outbox, clock)
    outbox.add([delivery("important")])
    for _ in range(ASIDE_TRIES):
        clock.advance(courier.step())
    outbox.add([delivery("clip", DeliveryKind.CLIP), delivery("old", DeliveryKind.REMOVAL)])
    clock.advance(MOST_WAIT_S / 100)
    for _ in range(10):
        clock.advance(min(courier.step(), 1.0))
    assert disk.there[:1] == ["important"]


def test_what_cannot_be_deleted_keeps_neither_the_rest_nor_the_uploads_back(outbox: Outbox, clock: FakeClock) -> None:
    disk = SmallDisk(stuck=("old0",))
    courier = on(disk, outbox, clock)
    outbox.add([delivery("new"), *(delivery(f"old{number}", DeliveryKind.REMOVAL) for number in range(2))])
    while courier.step() == 0:
        pass
    assert (disk.deleted, disk.there) == (["old1"], ["new"])


def test_while_a_full_target_is_paused_nothing_is_deleted_there(outbox: Outbox, clock: FakeClock) -> None:
    paused = [False]
    disk = SmallDisk()
    courier = on(disk, outbox, clock, is_paused=lambda: paused[0])
    outbox.add([delivery("new"), delivery("old", DeliveryKind.REMOVAL)])
    courier.step()
    paused[0] = True
    assert courier.step() > 0
    assert disk.deleted == []


@pytest.mark.parametrize("is_connected", [False, True])
def test_while_the_sign_in_is_refused_deletions_wait(
    outbox: Outbox, clock: FakeClock, shelf: Shelf, *, is_connected: bool
) -> None:
    """A connection refuses it for certain; a server that can't be signed in to may only say no."""
    refusals = [TargetRefused("offsite", "wrong password", is_sign_in=is_connected)]

    def carrier() -> Carrier:
        if refusals and not is_connected:
            raise refusals.pop()
        return shelf.carrier()

    shelf.fails = [*refusals] if is_connected else []
    courier = Courier(1, DeliveryRoute("offsite", carrier, lambda _: MemoryContent()), outbox, clock, lambda _: None)
    outbox.add([delivery("a", DeliveryKind.REMOVAL), delivery("b", DeliveryKind.REMOVAL)])
    assert courier.step() > 0
    assert outbox.waiting("offsite").count == 2
    for _ in range(2):
        clock.advance(2 * FIRST_WAIT_S)
        courier.step()
    assert shelf.carried == ["a", "b"]


def test_what_cannot_be_read_here_says_what_to_do(outbox: Outbox, clock: FakeClock, shelf: Shelf) -> None:
    def content(_: Delivery) -> MemoryContent:
        raise FileDamaged("porch.mp4", "it has no header")

    courier = Courier(1, DeliveryRoute("offsite", shelf.carrier, content), outbox, clock, lambda _: None)
    outbox.add([delivery()])
    courier.step()
    assert "`tawny check --repair`" in outbox.trouble("offsite")


@pytest.mark.parametrize(
    "error",
    [TargetRefused("nas", "denied"), TargetFull("nas", "full"), TargetMissing("nas", "gone"), StrangeTarget("nas")],
)
def test_what_needs_a_remedy_is_kept_with_it(
    courier: Courier, outbox: Outbox, shelf: Shelf, error: DeliveryError
) -> None:
    """Also for the next start."""
    shelf.fails = [error]
    outbox.add([delivery()])
    courier.step()
    assert outbox.trouble("offsite") == f"{error.message} {error.do}"


@pytest.mark.parametrize("error", [ValueError("Port out of range: 99999"), SystemExit(3)], ids=["error", "exit"])
def test_an_unexpected_error_is_told_and_tried_again_later(
    courier: Courier, outbox: Outbox, clock: FakeClock, shelf: Shelf, error: ValueError | SystemExit
) -> None:
    outbox.add([delivery("a"), delivery("b")])
    shelf.fails = [error]
    with pytest.raises(type(error)):
        courier.step()
    assert (outbox.waiting("offsite").count, type(error).__name__ in outbox.trouble("offsite")) == (2, True)
    courier.step()
    assert (shelf.carried, shelf.opened) == (["b"], 2)
    clock.advance(2 * FIRST_WAIT_S)
    courier.step()
    assert (shelf.carried, outbox.trouble("offsite")) == (["b", "a"], "")


class FullFile(SmallDb):
    """A file on a disk that is full while `is_full`: what was written is undone at the end."""

    is_full = False

    @contextmanager
    def writing(self) -> Iterator[sqlite3.Connection]:
        with super().writing() as db:
            yield db
            if self.is_full:
                raise DiskFull("outbox.db")


def test_what_is_sent_while_the_disk_is_full_is_sent_once(
    clock: FakeClock, shelf: Shelf, told: list[Delivery], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tawny.delivery.outbox.SmallDb", FullFile)
    outbox = Outbox(":memory:", clock)
    outbox.add([delivery("a"), delivery("b")])
    first, second = (
        Courier(number, DeliveryRoute("offsite", shelf.carrier, lambda _: MemoryContent()), outbox, clock, told.append)
        for number in (1, 2)
    )
    monkeypatch.setattr(FullFile, "is_full", True)
    for _ in range(20):
        assert first.step() > 0
        clock.advance(60)
    assert (shelf.carried, told) == (["a"], [])
    assert second.step() > 0
    assert shelf.carried == ["a", "b"]
    monkeypatch.setattr(FullFile, "is_full", False)
    for courier in (first, second):
        while courier.step() == 0:
            pass
    assert (shelf.carried, [one.name for one in told]) == (["a", "b"], ["a", "b"])
    found = outbox.find("offsite", "a")
    assert found
    assert (found.state, found.receipt, found.size_bytes) == (DeliveryState.DONE, "receipt of a", 9)
    outbox.close()


def test_content_that_fails_unexpectedly_is_tried_again_later(outbox: Outbox, clock: FakeClock, shelf: Shelf) -> None:
    errors = [KeyError("front-door")]

    def content(_: Delivery) -> MemoryContent:
        if errors:
            raise errors.pop()
        return MemoryContent()

    courier = Courier(1, DeliveryRoute("offsite", shelf.carrier, content), outbox, clock, lambda _: None)
    outbox.add([delivery("a")])
    with pytest.raises(KeyError):
        courier.step()
    clock.advance(2 * FIRST_WAIT_S)
    courier.step()
    assert shelf.carried == ["a"]


def test_what_is_gone_is_dropped_and_told(outbox: Outbox, clock: FakeClock, shelf: Shelf, told: list[Delivery]) -> None:
    def gone(_: Delivery) -> MemoryContent:
        raise ContentGone("offsite", "its recording was deleted")

    courier = Courier(1, DeliveryRoute("offsite", shelf.carrier, gone), outbox, clock, told.append)
    outbox.add([delivery()])
    courier.step()
    found = outbox.find("offsite", "a.jpg")
    assert found
    assert (found.state, "was deleted" in found.why) == (DeliveryState.DROPPED, True)
    assert [one.name for one in told] == ["a.jpg"]


def test_a_connection_is_not_used_again_after_its_file_was_gone(outbox: Outbox, clock: FakeClock, shelf: Shelf) -> None:
    """It is in the middle of the file: the next one would fail there and wait."""
    courier = Courier(
        1, DeliveryRoute("offsite", shelf.carrier, lambda _: MemoryContent()), outbox, clock, lambda _: None
    )
    shelf.fails = [ContentGone("offsite", "its recording was deleted")]
    outbox.add([delivery("a"), delivery("b")])
    courier.step()
    courier.step()
    assert (shelf.carried, shelf.opened) == (["b"], 2)


def test_outside_its_hours_only_what_matters_most_goes(outbox: Outbox, clock: FakeClock, shelf: Shelf) -> None:
    route = DeliveryRoute("offsite", shelf.carrier, lambda _: MemoryContent(), open_in_s=lambda: 3600.0)
    courier = Courier(1, route, outbox, clock, lambda _: None)
    outbox.add([delivery("clip", DeliveryKind.CLIP), delivery("picture", DeliveryKind.PICTURE)])
    courier.step()
    courier.step()
    assert shelf.carried == ["picture"]


def test_while_it_is_paused_nothing_goes(outbox: Outbox, clock: FakeClock, shelf: Shelf) -> None:
    paused = [True]
    route = DeliveryRoute("offsite", shelf.carrier, lambda _: MemoryContent(), is_paused=lambda: bool(paused))
    courier = Courier(1, route, outbox, clock, lambda _: None)
    outbox.add([delivery("picture"), delivery("message", DeliveryKind.MESSAGE)])
    assert courier.step() > 0
    assert (shelf.carried, shelf.opened) == ([], 0)
    paused.clear()
    courier.step()
    courier.step()
    assert shelf.carried == ["message", "picture"]


def test_the_end_of_the_program_puts_back_what_is_under_way(outbox: Outbox, clock: FakeClock) -> None:
    shelf = Shelf(fails=[CourierStopped()])
    courier = Courier(
        1, DeliveryRoute("offsite", shelf.carrier, lambda _: MemoryContent()), outbox, clock, lambda _: None
    )
    outbox.add([delivery()])
    courier.step()
    again = outbox.take("offsite")
    assert again
    assert again.tries == 0


def test_it_connects_ahead_once_so_that_the_first_event_does_not_wait_for_it(
    courier: Courier, outbox: Outbox, clock: FakeClock, shelf: Shelf
) -> None:
    courier.step()
    assert shelf.opened == 1
    outbox.add([delivery()])
    courier.step()
    assert (shelf.opened, set(shelf.there)) == (1, {"a.jpg"})
    clock.advance(30)
    for _ in range(3):
        courier.step()
    assert shelf.opened == 1  # who has nothing to carry leaves the target alone


def test_outside_its_hours_nobody_connects_ahead(outbox: Outbox, clock: FakeClock, shelf: Shelf) -> None:
    route = DeliveryRoute("offsite", shelf.carrier, lambda _: MemoryContent(), lambda: 600.0)
    Courier(1, route, outbox, clock, lambda _: None).step()
    assert shelf.opened == 0


def test_a_target_that_is_away_at_the_start_costs_the_first_delivery_nothing(
    outbox: Outbox, clock: FakeClock, shelf: Shelf
) -> None:
    away: list[DeliveryError] = [AWAY]

    def carrier() -> Carrier:
        if away:
            raise away.pop()
        return shelf.carrier()

    courier = Courier(1, DeliveryRoute("offsite", carrier, lambda _: MemoryContent()), outbox, clock, lambda _: None)
    courier.step()
    outbox.add([delivery()])
    courier.step()
    assert set(shelf.there) == {"a.jpg"}
