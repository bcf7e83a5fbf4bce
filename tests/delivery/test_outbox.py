from dataclasses import replace
from pathlib import Path
from unittest.mock import Mock

import pytest

from tawny.delivery.delivery import URGENT_RANK, Delivery, DeliveryKind, DeliveryState, rest_of
from tawny.delivery.outbox import MOST_WAITING, QUEUE_FULL, REMEMBERED_MS, REPLACED, Outbox
from tawny.delivery.targets import OutboxBacklog
from tawny.model.errors import DiskFull
from tawny.model.ids import EventId
from tawny.model.times import Span
from tawny.testing.clock import FakeClock
from tests.delivery.carried import PORCH, clip, delivery


def drain(outbox: Outbox) -> list[str]:
    """Names in the order in which they are given out."""
    names: list[str] = []
    while (taken := outbox.take("offsite")) is not None:
        names.append(taken.name)
        outbox.done(taken, "", 0)
    return names


def test_what_matters_most_goes_first_and_then_the_oldest(outbox: Outbox) -> None:
    kinds = [DeliveryKind.FOOTAGE, DeliveryKind.CLIP, DeliveryKind.MESSAGE, DeliveryKind.PICTURE]
    outbox.add([delivery(f"{what} {at}", what, at) for what in kinds for at in (2000, 1000)])
    assert drain(outbox) == [
        "message 1000", "message 2000", "picture 1000", "picture 2000",
        "clip 1000", "clip 2000", "footage 1000", "footage 2000",
    ]  # fmt: skip


def test_problems_go_first_then_what_is_fresh_and_rings_before_others_then_what_is_late(
    outbox: Outbox, clock: FakeClock
) -> None:
    now_ms = clock.now_ms()
    ages_min = {"late 2": 60, "late 1": 90, "fresh 2": 1, "fresh 1": 9, "ring": 1, "late ring": 30}
    ages_min |= {"old problem": 40, "problem": 0}
    about: dict[str, dict[str, object]] = {one: {"kind": "event", "ring": True} for one in ("ring", "late ring")}
    about |= {one: {"kind": "alarm"} for one in ("old problem", "problem")}
    outbox.add(
        replace(delivery(name, DeliveryKind.MESSAGE, now_ms - age * 60_000), content=about.get(name, {"kind": "event"}))
        for name, age in ages_min.items()
    )
    outbox.add([delivery("old clip", DeliveryKind.CLIP, now_ms - 1), delivery("clip", DeliveryKind.CLIP, now_ms)])
    assert outbox.take("offsite", URGENT_RANK) is None  # as while it is paused
    assert drain(outbox) == [
        "old problem", "problem", "ring", "fresh 1", "fresh 2", "late ring", "late 1", "late 2", "old clip", "clip",
    ]  # fmt: skip


def test_the_end_of_a_change_of_detection_is_not_sent_before_its_begin(outbox: Outbox, clock: FakeClock) -> None:
    for name, age_ms in (("on", 700_000), ("off", 0)):
        made = delivery(name, DeliveryKind.MESSAGE, clock.now_ms() - age_ms)
        outbox.add([replace(made, content={"kind": "change"})])
    assert drain(outbox) == ["on", "off"]


def test_one_name_is_one_delivery(outbox: Outbox) -> None:
    assert [outbox.add([delivery()]), outbox.add([delivery()])] == [1, 0]
    assert drain(outbox) == ["a.jpg"]
    assert outbox.add([delivery()]) == 0


def test_what_is_taken_is_given_to_nobody_else(outbox: Outbox) -> None:
    outbox.add([delivery("a"), delivery("b")])
    assert [one and one.name for one in (outbox.take("offsite"), outbox.take("offsite"), outbox.take("offsite"))] == [
        "a",
        "b",
        None,
    ]


def test_a_try_that_failed_is_made_again_when_it_is_due(outbox: Outbox, clock: FakeClock) -> None:
    outbox.add([delivery()])
    taken = outbox.take("offsite")
    assert taken
    outbox.failed(taken, "It isn't responding.", clock.now_ms() + 5000)
    assert outbox.take("offsite") is None
    assert outbox.trouble("offsite") == "It isn't responding."
    clock.advance(5)
    again = outbox.take("offsite")
    assert again
    assert (again.tries, again.name) == (1, "a.jpg")


def test_somebody_may_have_it_tried_at_once(outbox: Outbox, clock: FakeClock) -> None:
    outbox.add([delivery()])
    taken = outbox.take("offsite")
    assert taken
    outbox.failed(taken, "no", clock.now_ms() + 900_000)
    outbox.add([replace(delivery("later"), next_ms=clock.now_ms() + 60_000)])
    outbox.try_now("offsite")
    assert drain(outbox) == ["a.jpg"]


def test_a_clip_that_has_grown_is_sent_again_also_while_the_old_one_is_under_way(outbox: Outbox) -> None:
    outbox.add([clip("c.mp4", 1000)])
    old = outbox.take("offsite")
    assert old
    outbox.renew(replace(clip("c.mp4", 1000), size_bytes=5000))
    outbox.done(old, "old", 1000)
    new = outbox.take("offsite")
    assert new
    assert new.size_bytes == 5000


def test_of_a_clip_that_was_renewed_meanwhile_no_part_is_removed(outbox: Outbox) -> None:
    outbox.add([clip("c.mp4", 1000)])
    old = outbox.take("offsite")
    assert old
    outbox.add([clip("c.001.mp4", 1000, what=DeliveryKind.PIECE)])
    outbox.renew(replace(clip("c.mp4", 1000), size_bytes=5000))
    outbox.done(old, "old", 1000, [delivery("c.001.mp4", DeliveryKind.REMOVAL)])
    part = outbox.find("offsite", "c.001.mp4")
    assert part
    assert part.what is DeliveryKind.PIECE


def test_what_has_arrived_of_the_old_clip_is_known_to_the_new_one(outbox: Outbox) -> None:
    outbox.add([clip("c.mp4", 1000)])
    old = outbox.take("offsite")
    assert old
    outbox.note(old, "two parts")
    outbox.renew(clip("c.mp4", 1000))
    new = outbox.find("offsite", "c.mp4")
    assert new
    assert new.progress == "two parts"


@pytest.mark.shows("PK24")
def test_over_the_budget_the_least_important_is_dropped_and_told(outbox: Outbox) -> None:
    outbox.add(
        [
            clip("old", 1000, 400, DeliveryKind.FOOTAGE),
            clip("new", 9000, 400, DeliveryKind.FOOTAGE),
            clip("clip", 500, 400),
        ]
    )
    outbox.add([delivery("message", DeliveryKind.MESSAGE)])
    dropped = outbox.keep_within(900)
    assert [(one.name, one.state) for one in dropped] == [("old", DeliveryState.DROPPED)]
    assert outbox.keep_within(900) == []
    assert drain(outbox) == ["message", "clip", "new"]


def test_of_too_many_for_one_target_the_least_important_and_oldest_are_dropped(outbox: Outbox) -> None:
    alarm = {"kind": "alarm"}
    outbox.add([replace(delivery(f"event {n}", DeliveryKind.MESSAGE), at_ms=2000 + n) for n in range(3)])
    outbox.add([replace(delivery("problem", DeliveryKind.MESSAGE), at_ms=1000, content=alarm)])
    outbox.add([replace(delivery("summary", DeliveryKind.RECAP), at_ms=9000)])
    outbox.add([replace(delivery(f"other {n}", DeliveryKind.MESSAGE), to="other") for n in range(3)])
    dropped = outbox.keep_within(10**9, most=3)
    assert [one.name for one in dropped] == ["summary", "event 0"]
    assert outbox.overflowed(0) == {"offsite": 2}
    assert outbox.keep_within(10**9, most=3) == []
    assert drain(outbox) == ["problem", "event 1", "event 2"]
    assert outbox.waiting("other").count == 3


@pytest.mark.shows("PK26")
def test_a_notifier_that_is_down_for_long_does_not_fill_the_disk(outbox: Outbox) -> None:
    outbox.add([replace(delivery(f"event {n}", DeliveryKind.MESSAGE), at_ms=n) for n in range(MOST_WAITING + 7)])
    under_way = outbox.take("offsite")
    assert under_way
    assert [one.name for one in outbox.keep_within(10**9)] == [f"event {n}" for n in range(1, 8)]
    assert outbox.waiting("offsite").count == MOST_WAITING


def with_parts(at_ms: int) -> list[Delivery]:
    """A clip of 10 s, and its two parts."""
    event = EventId(f"e{at_ms}")
    halves = Span(at_ms, at_ms + 5000), Span(at_ms + 5000, at_ms + 10_000)
    parts = [replace(clip(f"part {one.begin_ms}", at_ms, 50, DeliveryKind.PIECE), needs=one) for one in halves]
    whole = replace(clip(f"clip {at_ms}", at_ms, 100), content={"from_ms": at_ms, "to_ms": at_ms + 10_000})
    return [replace(one, event=event) for one in (*parts, whole)]


@pytest.mark.parametrize("limits", [(10**9, 3), (225, MOST_WAITING)])
def test_parts_that_a_waiting_clip_holds_go_first_and_are_no_loss(outbox: Outbox, limits: tuple[int, int]) -> None:
    outbox.add([*with_parts(0), *with_parts(20_000)])
    outbox.add([clip("recording", 0, 25, DeliveryKind.FOOTAGE)])
    dropped = outbox.keep_within(limits[0], most=limits[1])
    names = ["part 0", "part 5000", "part 20000", "part 25000"]
    assert [(one.name, one.why) for one in dropped] == [(name, REPLACED) for name in names]
    assert (outbox.overflowed(0), drain(outbox)) == ({}, ["clip 0", "clip 20000", "recording"])


def test_a_clip_that_goes_after_its_parts_is_a_loss(outbox: Outbox) -> None:
    outbox.add([*with_parts(0), delivery("picture", DeliveryKind.PICTURE)])
    outbox.keep_within(10**9, most=1)
    assert (outbox.overflowed(0), drain(outbox)) == ({"offsite": 1}, ["picture"])


@pytest.mark.parametrize("tried", ["clip 0", "part 0"])
def test_parts_that_were_tried_or_whose_clip_was_tried_are_not_replaced(outbox: Outbox, tried: str) -> None:
    outbox.add([one for one in with_parts(0) if one.name in (tried, "clip 0", "part 0")])
    found = outbox.find("offsite", tried)
    assert found
    outbox.failed(found, "413 Content Too Large", 0)
    dropped = outbox.keep_within(10**9, most=1)
    assert [(one.name, one.why) for one in dropped] == [("clip 0", QUEUE_FULL)]


def test_parts_are_replaced_by_a_clip_that_is_being_sent(outbox: Outbox) -> None:
    outbox.add(with_parts(0))
    first, second, _ = outbox.take("offsite"), outbox.take("offsite"), outbox.take("offsite")
    assert first and second
    for part in (first, second):
        outbox.put_back(part)
    assert [(one.name, one.why) for one in outbox.keep_within(10**9, most=2)] == [("part 0", REPLACED)]


def test_replaced_parts_are_a_loss_once_no_clip_can_replace_them(outbox: Outbox) -> None:
    *parts, whole = with_parts(0)
    outbox.add([*parts, whole, replace(whole, name="clip 0.fmp4", content={**whole.content, "form": "fmp4"})])
    outbox.keep_within(10**9, most=2)
    clips = [one for one in iter(lambda: outbox.take("offsite"), None) if one]
    lost = [outbox.drop(one, "It would be larger than 20 GB.") for one in clips]
    assert (lost, outbox.overflowed(0)) == ([0, 2], {"offsite": 2})


@pytest.mark.parametrize("other", [{"form": "gif"}, {"form": "ts"}, {"form": "sheet"}])
def test_a_preview_replaces_no_parts(outbox: Outbox, other: dict[str, object]) -> None:
    *parts, whole = with_parts(0)
    outbox.add([*parts, replace(whole, content={**whole.content, **other})])
    assert [one.why for one in outbox.keep_within(10**9, most=2)] == [QUEUE_FULL]


def test_rings_and_problems_that_go_from_a_full_queue_are_a_loss(outbox: Outbox) -> None:
    about = ({"kind": "event", "ring": True}, {"kind": "alarm"})
    outbox.add(replace(delivery(str(one), DeliveryKind.MESSAGE), content=one) for one in about)
    assert [one.why for one in outbox.keep_within(10**9, most=0)] == [QUEUE_FULL] * 2


def test_what_is_under_way_is_not_dropped(outbox: Outbox) -> None:
    outbox.add([clip("a", 1000, 400)])
    outbox.take("offsite")
    assert outbox.keep_within(0) == []


def test_recordings_that_wait_are_held(outbox: Outbox) -> None:
    outbox.add([clip("a", 1000)])
    assert outbox.held() == [(PORCH, Span(1000, 11_000))]
    drain(outbox)
    assert outbox.held() == []


def test_recordings_are_held_for_recipients_who_are_left(outbox: Outbox) -> None:
    """Their mail came without the clip that the others had."""
    outbox.add([rest_of(clip("a", 1000), ["ben@example.org"], 2000)])
    assert outbox.held() == [(PORCH, Span(1000, 11_000))]


def test_what_waits_for_a_target_that_is_gone_holds_nothing_and_takes_no_room(outbox: Outbox) -> None:
    outbox.add([clip("a", 1000, 400), replace(clip("b", 2000, 400), to="gone")])
    assert outbox.held(["offsite"]) == [(PORCH, Span(1000, 11_000))]
    assert outbox.keep_within(500, ["offsite"]) == []
    assert [one.name for one in outbox.keep_within(300, ["offsite"])] == ["a"]


def test_it_tells_how_much_waits_and_since_when(outbox: Outbox) -> None:
    assert outbox.waiting() == OutboxBacklog()
    outbox.add([clip("a", 2000, 10), clip("b", 1000, 5)])
    assert outbox.waiting("offsite") == OutboxBacklog(2, 15, 1000)
    assert outbox.waiting("elsewhere") == OutboxBacklog()


def test_all_of_an_event_is_found(outbox: Outbox) -> None:
    outbox.add([clip("c", 1), delivery("m", DeliveryKind.MESSAGE), delivery("other", event=EventId("f"))])
    assert [one.name for one in outbox.of_event(EventId("e"))] == ["m", "c"]


def test_what_ended_long_ago_is_forgotten_and_what_waits_never(outbox: Outbox, clock: FakeClock) -> None:
    outbox.add([delivery("done"), delivery("waits")])
    taken = outbox.take("offsite")
    assert taken
    outbox.done(taken, "", 0)
    clock.advance(REMEMBERED_MS / 1000 + 1)
    outbox.forget_old()
    assert [outbox.find("offsite", name) is None for name in ("done", "waits")] == [True, False]


@pytest.mark.parametrize(("to", "is_known"), [("offsite", False), ("files hours", True)])
def test_files_are_known_only_as_long_as_they_are_in_a_folder_of_ours(
    outbox: Outbox, clock: FakeClock, to: str, *, is_known: bool
) -> None:
    outbox.add([delivery("file", DeliveryKind.FILE, to=to)])
    taken = outbox.take(to)
    assert taken
    outbox.done(taken, "", 0)
    clock.advance(REMEMBERED_MS / 1000 + 1)
    outbox.forget_old()
    assert (outbox.find(to, "file") is not None) is is_known


def test_it_is_told_when_there_is_something(outbox: Outbox) -> None:
    heard: list[str] = []
    outbox.whenever_added(heard.append)
    outbox.add([delivery("a"), delivery("b"), delivery("c", to="phone")])
    assert sorted(heard) == ["offsite", "phone"]


@pytest.mark.shows("DY14")
def test_everything_survives_a_kill(tmp_path: Path, clock: FakeClock) -> None:
    path = tmp_path / "outbox.db"
    before = Outbox(path, clock)
    whole = replace(clip("c.mp4", 1000), content={"from_ms": 1, "words": "Ä"}, progress="")
    before.add([whole, delivery("a.jpg")])
    taken = before.take("offsite")
    assert taken
    before.note(taken, "part 3")
    after = Outbox(path, clock)  # the first was never closed
    again = after.take("offsite")
    other = after.take("offsite")
    assert again and other
    assert (again.name, again.progress) == ("a.jpg", "part 3")
    assert other == whole
    after.close()
    before.close()


def test_files_to_be_deleted_take_no_place_in_the_queue(outbox: Outbox) -> None:
    """As many as are at the destination expire at once when its retention is set."""
    outbox.add([delivery(f"old {n}", DeliveryKind.REMOVAL) for n in range(5)])
    outbox.add([delivery(f"new {n}", DeliveryKind.FILE, 1000 + n) for n in range(4)])
    assert [one.name for one in outbox.keep_within(10**9, most=3)] == ["new 0"]
    assert (outbox.overflowed(0), outbox.waiting("offsite").count) == ({"offsite": 1}, 8)


@pytest.mark.parametrize("is_restarted", [False, True])
@pytest.mark.parametrize(("ahead_s", "is_digest_due"), [(3600, False), (30 * 86_400, True)])
def test_when_the_clock_is_set_back_only_what_is_planned_waits(
    tmp_path: Path, clock: FakeClock, ahead_s: int, is_digest_due: bool, is_restarted: bool
) -> None:
    path, in_12_h_ms = tmp_path / "outbox.db", clock.now_ms() + 43_200_000
    outbox = Outbox(path, clock)
    outbox.add([delivery("tried"), replace(delivery("quiet hours"), next_ms=in_12_h_ms)])
    taken = outbox.take("offsite")
    assert taken
    clock.jump_utc(ahead_s)
    assert outbox.take("another") is None
    ahead_ms = clock.now_ms()
    outbox.failed(taken, "no network", ahead_ms + 900_000)
    digest = replace(delivery("digest"), made_ms=ahead_ms, next_ms=in_12_h_ms + ahead_s * 1000)
    outbox.add([replace(delivery("new"), made_ms=ahead_ms, next_ms=ahead_ms + 8_000), digest])
    clock.jump_utc(-ahead_s)
    if is_restarted:
        outbox.close()
        outbox = Outbox(path, clock)
    assert drain(outbox) == ["tried", "new"] + ["digest"] * is_digest_due
    assert outbox.next_ms("offsite") == in_12_h_ms
    outbox.close()


def test_a_target_that_was_first_used_while_the_clock_was_ahead_counts_from_now(
    outbox: Outbox, clock: FakeClock
) -> None:
    clock.jump_utc(400 * 86_400)
    outbox.take("offsite")
    outbox.since_ms("offsite")
    clock.jump_utc(-400 * 86_400)
    now_ms = clock.now_ms()
    outbox.take("offsite")
    clock.advance(60)
    assert outbox.since_ms("offsite") == now_ms


@pytest.mark.parametrize("further_s", [0, -60])
def test_a_start_with_a_clock_that_is_behind_leaves_when_a_target_was_first_used(
    tmp_path: Path, clock: FakeClock, further_s: int
) -> None:
    """Also if it is set back further."""
    outbox = Outbox(tmp_path / "outbox.db", clock)
    first_ms = outbox.since_ms("offsite")
    outbox.close()
    clock.jump_utc(-86_400)
    outbox = Outbox(tmp_path / "outbox.db", clock)
    assert outbox.since_ms("offsite") == clock.now_ms()
    clock.jump_utc(further_s)
    outbox.take("offsite")
    clock.jump_utc(86_400 - further_s)
    clock.advance(60)
    assert outbox.since_ms("offsite") == first_ms
    outbox.close()


def test_a_digest_that_was_planned_again_waits_for_its_new_time(tmp_path: Path, clock: FakeClock) -> None:
    outbox = Outbox(tmp_path / "outbox.db", clock)
    ahead_ms = clock.now_ms() + 3 * 86_400_000
    digest = replace(delivery("digest"), made_ms=ahead_ms, next_ms=ahead_ms + 43_200_000)
    outbox.add([digest])
    waiting = outbox.find(digest.to, digest.name)
    assert waiting
    in_9_h_ms = clock.now_ms() + 9 * 3_600_000
    assert outbox.amend(replace(waiting, next_ms=in_9_h_ms))
    clock.jump_utc(-10)
    assert outbox.take(digest.to) is None
    assert outbox.next_ms(digest.to) == in_9_h_ms
    outbox.close()


def test_a_clock_that_goes_right_changes_no_time(tmp_path: Path, clock: FakeClock) -> None:
    outbox = Outbox(tmp_path / "outbox.db", clock)
    outbox.add([replace(delivery("clip"), made_ms=clock.now_ms(), next_ms=clock.now_ms() + 8_000)])
    outbox.close()
    outbox = Outbox(tmp_path / "outbox.db", clock)
    clock.jump_utc(-1)
    assert outbox.take("offsite") is None
    outbox.close()


def test_a_damaged_file_is_put_aside(tmp_path: Path, clock: FakeClock) -> None:
    """Waiting notifications are lost; recording isn't."""
    (tmp_path / "outbox.db").write_bytes(b"no database" * 1000)
    outbox = Outbox(tmp_path / "outbox.db", clock)
    outbox.add([delivery("clip")])
    outbox.close()
    assert len(list(tmp_path.glob("outbox.db.damaged-*"))) == 1


def test_counters_go_on_above_those_of_a_damaged_file(tmp_path: Path, clock: FakeClock) -> None:
    (tmp_path / "outbox.db").write_bytes(b"no database" * 1000)
    outbox = Outbox(tmp_path / "outbox.db", clock)
    from_s = clock.now_ms() // 1000
    assert [outbox.number("offsite", key) for key in "aba"] == [from_s + 1, from_s + 2, from_s + 1]
    outbox.close()


def test_counters_follow_a_clock_that_was_behind_when_they_were_raised(outbox: Outbox, clock: FakeClock) -> None:
    outbox.raise_counters()
    outbox.number("offsite", "a")
    clock.jump_utc(86_400)
    from_s = clock.now_ms() // 1000
    assert [outbox.number("offsite", key) for key in "ba"] == [from_s + 1, from_s - 86_400 + 1]
    clock.jump_utc(-7200)
    assert outbox.number("offsite", "c") == from_s + 2


def test_counters_that_were_raised_by_a_clock_behind_follow_it_at_the_next_opening(
    tmp_path: Path, clock: FakeClock
) -> None:
    clock.jump_utc(-86_400)
    outbox = Outbox(tmp_path / "outbox.db", clock)
    outbox.raise_counters()
    outbox.close()
    clock.jump_utc(86_400)
    outbox = Outbox(tmp_path / "outbox.db", clock)
    assert outbox.number("offsite", "a") == clock.now_ms() // 1000 + 1
    outbox.close()


def test_counters_follow_the_clock_although_the_first_write_fails(outbox: Outbox, clock: FakeClock) -> None:
    outbox.raise_counters()
    outbox.number("offsite", "a")
    clock.jump_utc(86_400)
    with pytest.MonkeyPatch.context() as full, pytest.raises(DiskFull):
        full.setattr("tawny.delivery.outbox.number_of", Mock(side_effect=DiskFull("outbox.db")))
        outbox.number("offsite", "b")
    assert outbox.number("offsite", "b") == clock.now_ms() // 1000 + 1


def test_counters_that_are_raised_again_while_the_clock_is_behind_go_on(outbox: Outbox, clock: FakeClock) -> None:
    outbox.raise_counters()
    last = outbox.number("offsite", "a")
    clock.jump_utc(-3600)
    outbox.raise_counters()
    assert outbox.number("nas", "a") == last


def test_a_key_keeps_its_number_after_counters_are_raised(outbox: Outbox) -> None:
    first = outbox.number("offsite", "a")
    outbox.raise_counters()
    outbox.number("offsite", "b")
    assert outbox.number("offsite", "a") == first


def test_a_delivery_is_the_same_after_the_file(outbox: Outbox) -> None:
    one: Delivery = clip("c.mp4", 1000)
    outbox.add([one])
    assert outbox.find("offsite", "c.mp4") == one
