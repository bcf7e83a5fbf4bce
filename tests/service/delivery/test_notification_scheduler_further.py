"""What follows a message, or takes its place: clips and where they lead, changes of detection, the event as a whole
once it has ended, and visits of several cameras."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from tawny.delivery.delivery import Delivery, DeliveryKind
from tawny.model.events import Event, SeenObject
from tawny.service.delivery.notification_filter import NotificationFilter
from tawny.service.delivery.notification_scheduler import (
    LINK_MS,
    SETTLE_MS,
)
from tests.playback.archives import PORCH
from tests.service.delivery.scheduler_rig import PHONE, YARD, Bench, kinds


@pytest.fixture
def bench(tmp_path: Path) -> Iterator[Bench]:
    made = Bench(tmp_path)
    yield made
    made.outbox.close()


def brought_to(bench: Bench, event: Event) -> Delivery:
    """Its clip waits to go to a destination."""
    clip = Delivery(
        "nas", f"{event.id}.mp4", DeliveryKind.CLIP, {}, bench.clock.now_ms(), event.start_ms, event=event.id
    )
    bench.outbox.add([clip])
    found = bench.outbox.take("nas")
    assert found
    return found


def test_a_message_waits_for_its_clip_to_be_where_it_leads_and_no_longer(bench: Bench) -> None:
    bench.scheduler.take_over(bench.filters, links=True)
    event = bench.happens()
    bench.delivered()
    bench.clock.advance(5)
    bench.over(event)
    clip = brought_to(bench, event)
    bench.clock.advance(3 + SETTLE_MS / 1000 + 0.1)
    assert bench.delivered() == []
    bench.outbox.done(clip, "", 1)
    bench.scheduler.ended(clip)
    bench.scheduler.step()
    assert kinds(bench.delivered()) == ["clip"]


def test_a_clip_that_does_not_get_there_is_not_waited_for_for_ever(bench: Bench) -> None:
    bench.scheduler.take_over(bench.filters, links=True)
    event = bench.happens()
    bench.delivered()
    bench.clock.advance(5)
    bench.over(event)
    brought_to(bench, event)
    bench.clock.advance(3 + (SETTLE_MS + LINK_MS) / 1000)
    assert kinds(bench.delivered()) == ["clip"]


CHANGES = NotificationFilter("phone", changes=True, cool_down_ms=0)


def changes(bench: Bench) -> list[bool]:
    return [one.content["on"] for one in bench.delivered() if one.content["kind"] == "change"]


def test_a_change_of_detection_is_told_each_time_however_soon(tmp_path: Path) -> None:
    bench = Bench(tmp_path, CHANGES)
    for _ in range(5):
        event = bench.happens()
        bench.clock.advance(2)
        bench.over(event)
        bench.clock.advance(2)
    bench.clock.advance(10)
    result = bench.delivered()
    assert [one.content["on"] for one in result] == [True, False] * 5
    assert all(one.content["to_ms"] - one.content["from_ms"] == 6000 for one in result)
    bench.outbox.close()


def test_detection_goes_on_until_the_last_of_several_events_is_over(tmp_path: Path) -> None:
    bench = Bench(tmp_path, CHANGES)
    first = bench.happens()
    second = bench.happens()
    elsewhere = bench.happens(camera=YARD)
    bench.over(first)
    bench.clock.advance(10)
    assert changes(bench) == [True, True]
    bench.over(second)
    bench.over(elsewhere)
    bench.clock.advance(10)
    assert changes(bench) == [False, False]
    bench.outbox.close()


def test_an_end_during_a_restart_is_told_after_it(tmp_path: Path) -> None:
    bench = Bench(tmp_path, CHANGES)
    event = bench.happens()
    bench.clock.advance(10)
    assert changes(bench) == [True]
    bench.archive.index.put_event(event.ended(bench.clock.now_ms()))
    bench.scheduler = bench.again()
    bench.scheduler.step()
    bench.clock.advance(10)
    assert changes(bench) == [False]
    bench.outbox.close()


ONCE = NotificationFilter("phone", once=True)


@pytest.mark.parametrize("channel", [ONCE, NotificationFilter("phone", edits=True)])
def test_what_follows_a_long_event_that_a_power_cut_ended_is_sent_once_at_the_next_start(
    tmp_path: Path, channel: NotificationFilter
) -> None:
    bench = Bench(tmp_path, channel)
    bench.clock.advance(7200)
    lasting = bench.happens()
    found = [[str(one.content["kind"]) for one in bench.delivered()]]
    for _ in range(30):
        bench.clock.advance(60)
        bench.scheduler.step()
    bench.archive.index.put_event(lasting.ended(bench.clock.now_ms()))  # as the start of the recorder does
    for _ in range(2):
        bench.scheduler = bench.again()
        bench.scheduler.step()
        bench.clock.advance(60)
        found.append([str(one.content["kind"]) for one in bench.delivered()])
    assert found == ([[], ["whole"], []] if channel.once else [["event"], ["clip"], []])


def test_events_that_ended_long_before_a_start_are_not_sent(tmp_path: Path) -> None:
    bench = Bench(tmp_path, ONCE)
    lasting = bench.happens()
    bench.clock.advance(3600)
    bench.archive.index.put_event(lasting.ended(bench.clock.now_ms()))
    bench.clock.advance(2 * 86_400)
    bench.scheduler = bench.again()
    bench.scheduler.step()
    assert bench.delivered() == []


def test_one_message_tells_of_an_event_once_it_has_ended(tmp_path: Path) -> None:
    bench = Bench(tmp_path, ONCE)
    event = bench.happens()
    assert bench.delivered() == []
    bench.clock.advance(10)
    bench.over(event)
    assert bench.delivered() == []
    bench.clock.advance(3 + SETTLE_MS / 1000)
    (answer,) = bench.delivered()
    assert (answer.what, answer.content["kind"], answer.content["from_ms"]) == (
        DeliveryKind.MESSAGE,
        "whole",
        event.start_ms - 2000,
    )
    bench.over(event)
    bench.clock.advance(120)
    assert bench.delivered() == []
    bench.scheduler = bench.again()
    bench.scheduler.step()
    assert bench.delivered() == []


def test_one_message_waits_for_what_it_links_to(tmp_path: Path) -> None:
    bench = Bench(tmp_path, ONCE)
    bench.scheduler.take_over([ONCE], links=True)
    event = bench.happens()
    bench.over(event)
    clip = Delivery("bucket", "x.gif", DeliveryKind.CLIP, {"form": "gif"}, 1, event.start_ms, event=event.id)
    bench.outbox.add([clip])
    bench.clock.advance(10)
    assert bench.delivered() == []
    bench.delivered("bucket")
    assert kinds(bench.delivered()) == ["whole"]


WALKER = replace(PHONE, visits=True)


@pytest.fixture
def walk(tmp_path: Path) -> Iterator[Bench]:
    made = Bench(tmp_path, WALKER, NotificationFilter("program", edits=True, cool_down_ms=0))
    yield made
    made.outbox.close()


def test_a_visit_has_one_message_that_each_camera_updates(walk: Bench) -> None:
    first = walk.happens(camera=YARD)
    (answer,) = walk.delivered()
    walk.clock.advance(10)
    walk.over(first)
    walk.clock.advance(20)
    next_one = walk.happens(camera=PORCH)
    update, clip = walk.delivered()
    receipt = f"receipt of {answer.name}"
    assert clip.content["edits"] == receipt
    assert update.content == {"kind": "event", "event": next_one.id, "edits": receipt, "about": first.id}
    walk.over(next_one)
    walk.clock.advance(20)
    (clip,) = walk.delivered()
    assert (clip.content["edits"], clip.content["about"]) == (f"receipt of {update.name}", first.id)
    assert [one.content.get("edits", "") for one in walk.delivered("program") if one.content["kind"] == "event"] == [
        "", ""
    ], "programs get each event"  # fmt: skip


def test_on_one_camera_a_visit_updates_its_message_at_most_once_a_minute(walk: Bench) -> None:
    begun_ms = walk.clock.now_ms()
    sent, events = list[Delivery](), list[Event]()
    for _ in range(30):
        events.append(walk.happens())
        sent += walk.delivered()
        walk.clock.advance(5)
        walk.over(events[-1])
        walk.clock.advance(5)
        sent += walk.delivered()
    walk.clock.advance(600)
    sent += walk.delivered()
    messages = [one for one in sent if one.content["kind"] == "event"]
    assert [bool(one.content.get("edits")) for one in messages] == [False, *[True] * (len(messages) - 1)]
    assert 2 <= len(messages) <= 4
    again = walk.again()
    again.step()
    rows = walk.outbox.since("phone", begun_ms)
    found = {one for row in rows for one in row.content.get("events", [row.event])}
    assert found == {one.id for one in events}, "none is told again after a restart"


def test_what_ranks_higher_than_its_visit_has_a_sound(walk: Bench) -> None:
    walk.happens("person", level="detection")
    walk.delivered()
    walk.clock.advance(10)
    walk.happens("person", camera=YARD, level="alert")
    (answer,) = walk.delivered()
    assert "edits" not in answer.content
    assert answer.content["about"], "it takes the place of the first one all the same"


def test_a_person_doesnt_wait_for_an_event_of_a_type_that_is_called_like_an_urgent_sound(walk: Bench) -> None:
    """Another program made it."""
    walk.over(walk.happens("alarm", level="alert"))
    walk.delivered()
    walk.clock.advance(10)
    made = walk.happens("person", level="alert")
    assert ["edits" in one.content for one in walk.delivered() if one.event == made.id] == [False]


@pytest.mark.parametrize("label", ["glass", "alarm", "gunshot", "voices"])
def test_an_urgent_sound_after_barking_has_its_own_message_at_once(walk: Bench, label: str) -> None:
    walk.over(walk.happens("sound", objects=(SeenObject("bark", 0.9),)))
    walk.delivered()
    walk.clock.advance(13)
    made = walk.happens("sound", objects=(SeenObject(label, 0.9),))
    found = ["edits" in one.content for one in walk.delivered() if one.event == made.id]
    assert found == ([] if label == "voices" else [False])


@pytest.mark.parametrize(
    ("first", "then", "at_once"), [("glass", "alarm", True), ("alarm", "gunshot", True), ("alarm", "glass", False)]
)
def test_a_more_urgent_sound_doesnt_wait_for_one_that_is_less(
    walk: Bench, first: str, then: str, at_once: bool
) -> None:
    walk.over(walk.happens("sound", objects=(SeenObject(first, 0.9),)))
    walk.delivered()
    walk.clock.advance(13)
    made = walk.happens("sound", objects=(SeenObject(then, 0.9), SeenObject("bark", 0.9)))
    assert [one.event for one in walk.delivered() if "edits" not in one.content] == [made.id] * at_once


def test_another_visit_has_its_own_message(walk: Bench) -> None:
    walk.over(walk.happens())
    walk.delivered()
    walk.clock.advance(600)
    walk.over(walk.happens(camera=YARD))
    assert [
        ("edits" in one.content, "about" in one.content) for one in walk.delivered() if one.name[:5] == "event"
    ] == [(False, False)]


@pytest.mark.parametrize("is_deleted", [True, False])
def test_what_a_message_stood_for_is_sent_if_its_own_event_is_gone(walk: Bench, is_deleted: bool) -> None:
    """The others of the visit were never told of: their event counted as sent."""
    first = walk.happens(picture_ms=None)
    walk.clock.advance(0.5)
    second, third = walk.happens(camera=YARD, picture_ms=None), walk.happens(camera=YARD, picture_ms=None)
    walk.clock.advance(1)
    (waiting,) = list(iter(lambda: walk.outbox.take("phone"), None))
    assert waiting.content["events"] == [first.id, second.id, third.id]
    if is_deleted:
        walk.archive.index.drop_event(second.id)
    walk.outbox.drop(waiting, "the event was deleted")
    walk.scheduler.ended(waiting)
    walk.scheduler.step()
    (answer,) = walk.delivered()
    left = [third.id] if is_deleted else [second.id, third.id]
    assert (answer.content["event"], answer.content["events"]) == (left[0], left)
    walk.clock.advance(100)
    assert walk.delivered() == [], "once"
