"""From events and alarms to messages: at once, at most one a minute, never lost, and nothing twice."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from tawny.delivery.delivery import Delivery, DeliveryKind, DeliveryState
from tawny.model.events import Event, new_event_id
from tawny.model.messages import Alarm, ProblemKind
from tawny.model.times import Span
from tawny.service.delivery.notification_filter import SELDOM_MS, NotificationFilter, quiet_until_ms
from tawny.service.delivery.notification_scheduler import PICTURE_MS
from tawny.testing.clock import FakeClock
from tests.playback.archives import PORCH
from tests.service.delivery import scheduler_rig
from tests.service.delivery.scheduler_rig import BERLIN, PHONE, YARD, Bench, kinds


@pytest.fixture
def bench(tmp_path: Path) -> Iterator[Bench]:
    made = Bench(tmp_path)
    yield made
    made.outbox.close()


def test_an_event_is_told_at_once(bench: Bench) -> None:
    event = bench.happens()
    (answer,) = bench.delivered()
    assert (answer.what, answer.name, answer.content) == (
        DeliveryKind.MESSAGE,
        f"event/{event.id}",
        {"kind": "event", "event": event.id},
    )


def test_it_waits_a_moment_for_a_picture_and_goes_with_it(bench: Bench) -> None:
    event = bench.happens(picture_ms=None)
    assert bench.delivered() == []
    bench.tell(replace(event, picture_ms=5), "updated")
    assert kinds(bench.delivered()) == ["event"]


def test_it_goes_without_a_picture_when_none_comes(bench: Bench) -> None:
    bench.happens(picture_ms=None)
    bench.clock.advance(PICTURE_MS / 1000)
    assert kinds(bench.delivered()) == ["event"]


def test_its_clip_follows_in_its_place_when_it_is_over(bench: Bench) -> None:
    event = bench.happens()
    bench.delivered()
    bench.clock.advance(5)
    bench.over(event)
    assert bench.delivered() == []
    bench.clock.advance(10)
    (clip,) = bench.delivered()
    assert (clip.what, clip.content["edits"]) == (DeliveryKind.CLIP, f"receipt of event/{event.id}")
    assert clip.needs == Span(event.start_ms - 2_000, event.start_ms + 8_000)
    bench.over(event)
    bench.clock.advance(60)
    assert bench.delivered() == []


def test_a_clip_follows_also_when_the_message_was_late(bench: Bench) -> None:
    event = bench.happens()
    bench.clock.advance(3600)
    bench.over(event)
    assert kinds(bench.delivered()) == ["event"]
    bench.clock.advance(30)
    assert kinds(bench.delivered()) == ["clip"]


def test_what_follows_and_takes_no_place_keeps_the_pace(tmp_path: Path) -> None:
    bench = Bench(tmp_path, NotificationFilter("phone"))
    event = bench.happens()
    bench.delivered()
    bench.clock.advance(2)
    bench.over(event)
    bench.clock.advance(40)
    assert bench.delivered() == []
    bench.clock.advance(30)
    assert kinds(bench.delivered()) == ["clip"]


def test_what_comes_within_a_minute_is_told_in_one(bench: Bench) -> None:
    bench.happens()
    bench.delivered()
    later = []
    for _ in range(3):
        bench.clock.advance(10)
        later.append(bench.happens().id)
    assert bench.delivered() == []
    bench.clock.advance(30)
    (digest,) = bench.delivered()
    assert digest.content == {"kind": "digest", "camera": PORCH, "events": later}


def test_another_camera_is_told_at_once(bench: Bench) -> None:
    bench.happens()
    bench.happens(camera=YARD)
    assert kinds(bench.delivered()) == ["event", "event"]


def test_a_thousand_events_in_an_hour(bench: Bench) -> None:
    """At most one message a camera and minute, then digests; every event is in one of them."""
    happened: set[str] = set()
    received: list[tuple[float, Delivery]] = []
    begin_s = bench.clock.mono_s()
    for number in range(1000):
        event = bench.happens(camera=(PORCH, YARD)[number % 2])
        happened.add(event.id)
        bench.over(event)
        received += [(bench.clock.mono_s(), one) for one in bench.delivered()]
        bench.clock.advance(3.6)
    for _ in range(40):
        bench.clock.advance(60)
        received += [(bench.clock.mono_s(), one) for one in bench.delivered()]
    messages = [(at_s, one) for at_s, one in received if one.what is DeliveryKind.MESSAGE]
    for camera in (PORCH, YARD):
        at = [at_s for at_s, one in messages if one.camera == camera]
        assert all(after - before >= 59.9 for before, after in pairwise(at))
        assert len([at_s for at_s in at if at_s - begin_s <= 3600]) <= 10
        assert max(after - before for before, after in pairwise(at)) <= SELDOM_MS / 1000 + 61
    in_messages = [key for _, one in messages for key in one.content.get("events", [one.event])]
    assert sorted(in_messages) == sorted(happened)
    assert bench.outbox.waiting().count == 0


def test_when_it_is_calm_again_events_are_told_at_once_again(bench: Bench) -> None:
    for _ in range(30):
        bench.happens()
        bench.clock.advance(20)
        bench.delivered()
    bench.clock.advance(3600)
    bench.delivered()
    bench.happens()
    assert kinds(bench.delivered()) == ["event"]
    bench.clock.advance(61)
    bench.happens()
    assert kinds(bench.delivered()) == ["event"]


def test_in_quiet_hours_events_wait_and_are_told_in_one(tmp_path: Path) -> None:
    bench = Bench(tmp_path, replace(PHONE, quiet="05:00-07:00"))  # in Berlin it is six
    first, second = bench.happens(), bench.happens()
    bench.clock.advance(3500)
    assert bench.delivered() == []
    bench.clock.advance(200)
    (digest,) = bench.delivered()
    assert digest.content["events"] == [first.id, second.id]


@pytest.mark.parametrize(
    ("quiet", "now", "until"),
    [
        ("22:00-06:30", "2026-11-20T23:10:00+01:00", "2026-11-21T06:30:00+01:00"),
        ("22:00-06:30", "2026-11-20T03:00:00+01:00", "2026-11-20T06:30:00+01:00"),
        ("22:00-06:30", "2026-10-24T23:10:00+02:00", "2026-10-25T06:30:00+01:00"),  # the clock goes back
        ("22:00-06:30", "2027-03-27T23:10:00+01:00", "2027-03-28T06:30:00+02:00"),  # and forward
        ("02:30-06:00", "2026-10-25T02:10:00+01:00", "2026-10-25T06:00:00+01:00"),  # the second 02:10
        ("22:00-02:30", "2026-10-25T02:10:00+01:00", ""),
        ("22:00-02:30", "2027-03-28T01:50:00+01:00", "2027-03-28T03:00:00+02:00"),
        ("22:00-22:00", "2026-11-20T23:00:00+01:00", ""),
        ("22:00-06:30", "2026-11-20T12:00:00+01:00", ""),
        ("", "2026-11-20T12:00:00+01:00", ""),
    ],
)
def test_quiet_hours_are_of_the_wall_clock(quiet: str, now: str, until: str) -> None:
    def ms(text: str) -> int:
        return round(datetime.fromisoformat(text).timestamp() * 1000) if text else 0

    assert quiet_until_ms(quiet, ms(now), BERLIN) == ms(until)


@pytest.mark.parametrize(
    ("ear", "is_told"),
    [
        (replace(PHONE, kinds=frozenset({"person"})), True),
        (replace(PHONE, kinds=frozenset({"vehicle"})), False),
        (replace(PHONE, cameras=frozenset({YARD})), False),
        (replace(PHONE, may_see=lambda camera: camera == YARD), False),
        (replace(PHONE, events=False), False),
    ],
)
def test_who_is_not_to_hear_of_it_does_not(tmp_path: Path, ear: NotificationFilter, is_told: bool) -> None:
    bench = Bench(tmp_path, ear)
    bench.happens()
    assert bool(bench.delivered()) is is_told


def test_what_turns_out_to_be_a_person_is_told_then(tmp_path: Path) -> None:
    bench = Bench(tmp_path, replace(PHONE, kinds=frozenset({"person"})))
    event = bench.happens("motion")
    assert bench.delivered() == []
    bench.tell(replace(event, kind="person"), "updated")
    assert kinds(bench.delivered()) == ["event"]


def test_what_was_muted_is_not_told_later(bench: Bench) -> None:
    bench.muted.add(PORCH)
    event = bench.happens()
    bench.muted.clear()
    bench.tell(event, "updated")
    assert bench.delivered() == []


def test_what_is_like_muted_false_alarms_is_told_once_it_is_not(bench: Bench) -> None:
    event = bench.happens("motion", muted="ab12")
    assert bench.delivered() == []
    bench.tell(replace(event, muted="", kind="person"), "updated")
    assert len(bench.delivered()) == 1


def test_after_a_kill_what_was_missed_is_told_once(bench: Bench) -> None:
    result = bench.happens()
    bench.clock.advance(70)
    missed = Event(new_event_id(bench.clock.now_ms()), PORCH, "person", bench.clock.now_ms(), None, 50.0)
    bench.archive.index.put_event(missed.ended(missed.start_ms + 1000))  # its message was lost with the power
    for _ in range(2):
        bench.clock.advance(5)
        bench.scheduler = bench.again()
        bench.scheduler.step()
    names = [one.name for one in bench.delivered()]
    assert names == [f"event/{result.id}", f"event/{missed.id}"]


def test_a_restart_in_a_storm_gathers_on(bench: Bench) -> None:
    bench.happens()
    bench.delivered()
    bench.clock.advance(5)
    first = bench.happens()
    bench.scheduler = bench.again()
    bench.scheduler.step()
    bench.clock.advance(5)
    second = bench.happens()
    bench.clock.advance(55)
    (digest,) = bench.delivered()
    assert digest.content["events"] == [first.id, second.id]


def test_what_was_long_ago_is_not_told_when_somebody_marks_it(bench: Bench) -> None:
    old = bench.clock.now_ms() - 86_400_000
    event = Event(new_event_id(old), PORCH, "person", old, old + 5000, 50.0)
    bench.tell(replace(event, kept=True), "updated")
    assert bench.delivered() == []


def test_a_person_after_a_cat_is_told_at_once_and_another_cat_waits(bench: Bench) -> None:
    bench.happens("motion")
    bench.happens("animal")
    person, cat = bench.happens("person"), bench.happens("animal")
    result = bench.delivered()
    assert kinds(result) == ["event", "event", "event"]
    assert result[-1].event == person.id
    bench.clock.advance(120)
    (digest,) = bench.delivered()
    assert digest.content["events"] == [cat.id]


def test_what_went_through_the_image_is_told_at_once_after_what_only_moved(bench: Bench) -> None:
    bench.happens("motion")
    event = bench.happens("motion", travel=3.0)
    assert [one.event for one in bench.delivered()][1:] == [event.id]


@pytest.mark.parametrize("others", [0, 1], ids=["alone in the digest", "with another"])
def test_what_a_digest_collected_is_told_at_once_when_it_turns_out_to_be_a_person(bench: Bench, others: int) -> None:
    bench.happens("motion")
    event = bench.happens("motion")
    left = [bench.happens("motion").id for _ in range(others)]
    assert kinds(bench.delivered()) == ["event"]
    for _ in range(2):  # told once
        bench.tell(replace(event, kind="person"), "updated")
    (answer,) = bench.delivered()
    assert (answer.content["kind"], answer.event) == ("event", event.id)
    bench.clock.advance(120)
    assert [one.content["events"] for one in bench.delivered()] == [left] * others


def test_in_quiet_hours_a_person_waits_as_well(tmp_path: Path) -> None:
    bench = Bench(tmp_path, replace(PHONE, quiet="00:00-23:59"))
    first, second = bench.happens("motion"), bench.happens("motion")
    bench.tell(replace(second, kind="person"), "updated")
    bench.happens("person")
    assert bench.delivered() == []
    bench.clock.advance(86_400)
    events = [one for text in bench.delivered() for one in text.content["events"]]
    assert {first.id, second.id} <= set(events)
    assert len(events) == 3
    bench.outbox.close()


# --- alarms ----------------------------------------------------------------------------------------------------------


def alarm(bench: Bench, **about: Any) -> Alarm:
    return replace(Alarm(ProblemKind.CAMERA, PORCH, bench.clock.now_ms(), "No answer."), **about)


def test_trouble_is_told_once_and_once_when_it_is_over(bench: Bench) -> None:
    trouble = alarm(bench)
    for _ in range(3):
        bench.scheduler.on_message(trouble)
        bench.scheduler.step()
    assert kinds(bench.delivered()) == ["alarm"]
    bench.clock.advance(600)
    for _ in range(2):
        bench.scheduler.on_message(replace(trouble, until_ms=bench.clock.now_ms()))
        bench.scheduler.step()
    (over,) = bench.delivered()
    assert (over.content["since_ms"], over.content["until_ms"]) == (trouble.since_ms, bench.clock.now_ms())


@pytest.mark.parametrize(
    "meanwhile",
    [[replace(PHONE, alarms=False)], [replace(PHONE, cameras=frozenset({YARD}))], []],
    ids=["problems are off", "another camera", "no such channel"],
)
def test_trouble_after_one_whose_end_was_not_told_is_told(bench: Bench, meanwhile: list[NotificationFilter]) -> None:
    trouble = alarm(bench)
    bench.scheduler.on_message(trouble)
    bench.scheduler.step()
    assert kinds(bench.delivered()) == ["alarm"]
    bench.scheduler.take_over(meanwhile, links=False)
    bench.clock.advance(600)
    bench.scheduler.on_message(replace(trouble, until_ms=bench.clock.now_ms()))
    bench.scheduler.step()
    bench.scheduler.take_over([PHONE], links=False)
    bench.clock.advance(86_400)
    bench.scheduler.on_message(alarm(bench))
    bench.scheduler.step()
    assert kinds(bench.delivered()) == ["alarm"]


def test_trouble_that_lasts_over_a_restart_is_not_told_again(bench: Bench) -> None:
    bench.scheduler.on_message(alarm(bench))
    bench.scheduler.step()
    bench.delivered()
    bench.clock.advance(100)
    bench.scheduler = bench.again()
    bench.scheduler.on_message(alarm(bench))
    bench.scheduler.step()
    assert bench.delivered() == []


def test_trouble_that_changed_is_told_again_and_ends_once(bench: Bench) -> None:
    trouble = alarm(bench)
    bench.scheduler.on_message(trouble)
    bench.scheduler.step()
    bench.delivered()
    for detail in ("No answer. No disk.", "No disk."):
        bench.clock.advance(60)
        bench.scheduler.on_message(replace(trouble, detail=detail, about=detail, changed_ms=bench.clock.now_ms()))
        bench.scheduler.step()
        (again,) = bench.delivered()
        assert (again.content["detail"], again.content["since_ms"]) == (detail, trouble.since_ms)
    bench.clock.advance(60)
    bench.scheduler.on_message(replace(trouble, until_ms=bench.clock.now_ms()))
    bench.scheduler.step()
    (over,) = bench.delivered()
    assert (over.content["since_ms"], over.content["until_ms"]) == (trouble.since_ms, bench.clock.now_ms())


def test_several_troubles_that_last_over_a_restart_are_not_told_again(bench: Bench) -> None:
    first = replace(alarm(bench), about="disk")
    both = replace(first, about="disk\nfan")
    for trouble in (first, replace(both, changed_ms=bench.clock.now_ms() + 60_000)):
        bench.scheduler.on_message(trouble)
        bench.scheduler.step()
        assert len(bench.delivered()) == 1
    bench.scheduler = bench.again()
    bench.clock.advance(100)
    for trouble in (first, replace(both, changed_ms=bench.clock.now_ms())):
        bench.scheduler.on_message(trouble)
        bench.scheduler.step()
    assert bench.delivered() == []
    bench.scheduler.on_message(replace(both, about="disk\nfan\nroom", changed_ms=bench.clock.now_ms()))
    bench.scheduler.step()
    assert len(bench.delivered()) == 1


def test_trouble_that_ended_while_nobody_was_there_is_over(bench: Bench) -> None:
    bench.scheduler.on_message(alarm(bench))
    bench.scheduler.step()
    bench.delivered()
    bench.scheduler = bench.again()
    bench.scheduler.step()
    bench.clock.advance(200)
    bench.scheduler.step()
    (over,) = bench.delivered()
    assert over.content["until_ms"] == bench.clock.now_ms()


def test_a_clock_that_is_set_after_the_start_ends_no_trouble(bench: Bench) -> None:
    """A computer without a clock of its own gets the time from the network some seconds after the start."""
    bench.scheduler.on_message(alarm(bench))
    bench.scheduler.step()
    bench.delivered()
    bench.scheduler = bench.again()
    bench.scheduler.step()
    bench.clock.jump_utc(300)
    bench.clock.advance(4)
    bench.scheduler.step()
    assert bench.delivered() == []


def test_trouble_is_told_in_quiet_hours_too(tmp_path: Path) -> None:
    bench = Bench(tmp_path, replace(PHONE, quiet="05:00-07:00"))
    bench.scheduler.on_message(alarm(bench))
    bench.scheduler.step()
    assert kinds(bench.delivered()) == ["alarm"]


# --- the day ---------------------------------------------------------------------------------------------------------


def test_the_day_is_told_at_its_time_once(tmp_path: Path) -> None:
    bench = Bench(tmp_path, replace(PHONE, recap=20 * 60))
    received: list[int] = []
    for hour in range(72):
        bench.scheduler.step()
        received += [hour] * len(bench.delivered())
        bench.clock.advance(3600)
        if hour % 7 == 0:
            bench.scheduler = bench.again()
    assert received == [14, 38, 62]  # the clock begins at six in Berlin
    assert bench.outbox.ended("phone")[0].what is DeliveryKind.RECAP
    assert {one.state for one in bench.outbox.ended("phone")} == {DeliveryState.DONE}


@pytest.mark.parametrize(
    ("start", "hours"), [("2026-10-24T18:30:00Z", [24, 25, 24]), ("2026-03-28T19:30:00Z", [24, 23, 24])]
)
def test_the_days_of_summaries_follow_each_other_when_the_clocks_change(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, start: str, hours: list[int]
) -> None:
    monkeypatch.setattr(scheduler_rig, "FakeClock", lambda: FakeClock(start))
    bench = Bench(tmp_path, replace(PHONE, recap=21 * 60))
    found = []
    for _ in range(3 * 24):
        bench.clock.advance(3600)
        bench.scheduler.step()
        found += [(one.content["from_ms"], one.content["to_ms"]) for one in bench.delivered()]
    assert [(end - begin) / 3_600_000 for begin, end in found[:3]] == hours
    assert all(before[1] == after[0] for before, after in pairwise(found))


def test_a_summary_after_a_power_cut_is_of_the_same_day(tmp_path: Path) -> None:
    bench = Bench(tmp_path, replace(PHONE, recap=20 * 60))
    bench.clock.advance(16 * 3600)  # 22:00
    bench.scheduler = bench.again()
    bench.scheduler.step()
    (summary,) = bench.delivered()
    days = [datetime.fromtimestamp(summary.content[key] / 1000, BERLIN) for key in ("from_ms", "to_ms")]
    assert [f"{one:%d. %H:%M}" for one in days] == ["19. 20:00", "20. 20:00"]


def test_a_recorder_that_is_off_in_the_evening_sends_the_summary_in_the_morning(tmp_path: Path) -> None:
    bench, sent = Bench(tmp_path, replace(PHONE, recap=20 * 60)), []
    for _ in range(4):  # from 6:00 to 18:00
        for _ in range(12):
            bench.scheduler.step()
            sent += [one.content for one in bench.delivered()]
            bench.clock.advance(3600)
        bench.clock.advance(12 * 3600)
        bench.scheduler = bench.again()
    assert [(one["to_ms"] - one["from_ms"]) / 3_600_000 for one in sent] == [24, 24, 24]
    assert all(before["to_ms"] == after["from_ms"] for before, after in pairwise(sent))


@pytest.mark.parametrize(("away_days", "days"), [(3, 3), (30, 7)])
def test_the_summary_after_days_without_one_is_of_all_of_them_up_to_a_week(
    tmp_path: Path, away_days: int, days: int
) -> None:
    bench = Bench(tmp_path, replace(PHONE, recap=20 * 60))
    bench.scheduler.step()
    bench.clock.advance(away_days * 86_400)
    bench.scheduler = bench.again()
    bench.scheduler.step()
    (summary,) = bench.delivered()
    assert (summary.content["to_ms"] - summary.content["from_ms"]) / 86_400_000 == days


@pytest.mark.parametrize(
    ("first", "second", "spans"),
    [
        (8, 20, ["19 08 - 20 08", "20 08 - 21 08", "21 08 - 21 20", "21 20 - 22 20"]),
        (20, 8, ["19 20 - 20 20", "20 20 - 21 08", "21 08 - 22 08"]),
    ],
)
def test_no_hour_is_left_out_or_told_twice_after_another_time_is_chosen(
    tmp_path: Path, first: int, second: int, spans: list[str]
) -> None:
    bench, sent = Bench(tmp_path, replace(PHONE, recap=first * 60)), []
    for hour in range(6, 3 * 24):
        if hour == 34:
            bench.scheduler.take_over([replace(PHONE, recap=second * 60)], links=True)
        bench.scheduler.step()
        sent += [(one.content["from_ms"], one.content["to_ms"]) for one in bench.delivered()]
        bench.clock.advance(3600)
    assert [" - ".join(f"{datetime.fromtimestamp(ms / 1000, BERLIN):%d %H}" for ms in span) for span in sent] == spans


def test_a_summary_goes_on_where_an_earlier_version_ended(tmp_path: Path) -> None:
    bench = Bench(tmp_path, replace(PHONE, recap=20 * 60))
    bench.outbox.mark("recap/phone", "2026-11-18")
    bench.scheduler.step()
    (summary,) = bench.delivered()
    assert (summary.content["to_ms"] - summary.content["from_ms"]) / 3_600_000 == 24


def test_the_mark_of_the_last_summary_is_a_day_that_an_earlier_version_reads(tmp_path: Path) -> None:
    bench = Bench(tmp_path, replace(PHONE, recap=20 * 60))
    bench.scheduler.step()
    assert bench.outbox.marks("recap/") == {"recap/phone": "2026-11-19", "recap/phone/at": "1200"}


def test_a_summary_that_is_switched_on_again_begins_with_the_day(tmp_path: Path) -> None:
    chosen = replace(PHONE, recap=20 * 60)
    bench = Bench(tmp_path, chosen)
    bench.scheduler.step()
    bench.scheduler.take_over([replace(PHONE, recap=None)], links=True)
    bench.clock.advance(30 * 86_400)
    bench.scheduler.take_over([chosen], links=True)
    bench.scheduler.step()
    assert bench.delivered() == []


def test_a_start_with_a_wrong_clock_repeats_no_summary(tmp_path: Path) -> None:
    bench, sent = Bench(tmp_path, replace(PHONE, recap=20 * 60)), []
    for _ in range(9):
        bench.scheduler.step()
        sent += [one.content for one in bench.delivered()]
        bench.clock.advance(86_400)
    bench.clock.jump_utc(-300 * 86_400)
    bench.scheduler = bench.again()
    bench.scheduler.step()
    bench.clock.jump_utc(300 * 86_400)
    bench.scheduler.step()
    sent += [one.content for one in bench.delivered()]
    assert len(sent) == 9
    assert all(before["to_ms"] == after["from_ms"] for before, after in pairwise(sent))


def test_a_digest_that_would_be_due_in_the_quiet_hours_waits_for_their_end(tmp_path: Path) -> None:
    bench = Bench(tmp_path, replace(PHONE, quiet="06:01-07:00", cool_down_ms=120_000))
    bench.happens()
    bench.delivered()
    bench.happens()
    bench.clock.advance(1800)
    assert bench.delivered() == []
    bench.clock.advance(1800)
    assert kinds(bench.delivered()) == ["digest"]


def test_a_digest_put_off_into_the_quiet_hours_waits_for_their_end_with_the_next_event(tmp_path: Path) -> None:
    bench = Bench(tmp_path, replace(PHONE, quiet="06:10-07:00"))
    begun_ms = bench.clock.now_ms()
    for _ in range(2):
        bench.happens()
        bench.delivered()
    bench.clock.advance(62)
    digest = bench.outbox.take("phone")
    assert digest
    bench.outbox.failed(digest, "It is busy.", bench.clock.now_ms() + 900_000)
    bench.clock.advance(600)
    joined = bench.happens()
    found = bench.outbox.find("phone", digest.name)
    assert found
    assert (found.content["events"][-1], found.next_ms) == (joined.id, begun_ms + 3_600_000)


def test_an_update_of_a_visit_that_would_be_due_in_the_quiet_hours_waits_for_their_end(tmp_path: Path) -> None:
    bench = Bench(tmp_path, replace(PHONE, quiet="06:01-07:00", visits=True, cool_down_ms=120_000))
    begun_ms = bench.clock.now_ms()
    bench.over(bench.happens())
    bench.delivered()
    bench.clock.advance(5)
    update = bench.outbox.find("phone", f"event/{bench.happens().id}")
    assert update
    assert (bool(update.content["edits"]), update.next_ms) == (True, begun_ms + 3_600_000)


@pytest.mark.parametrize("kind", ["person", "doorbell"])
def test_a_clip_that_is_a_message_of_its_own_waits_for_the_end_of_the_quiet_hours(tmp_path: Path, kind: str) -> None:
    """That of a ring follows at once."""
    bench = Bench(tmp_path, replace(PHONE, quiet="06:01-07:00", edits=False, cool_down_ms=120_000))
    event = bench.happens(kind)
    bench.delivered()
    bench.over(event)
    bench.clock.advance(300)
    assert kinds(bench.delivered()) == ([] if kind == "person" else ["clip"])
