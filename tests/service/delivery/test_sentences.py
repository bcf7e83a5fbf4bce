"""The words of messages."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from tawny.delivery.delivery import Delivery, DeliveryKind
from tawny.model.events import Event, SeenObject, new_event_id
from tawny.model.ids import CameraId, EventId
from tawny.model.messages import Alarm, ProblemKind
from tawny.model.observations import RecognisedText
from tawny.model.segments import Gap, GapReason
from tawny.model.times import utc_from_text
from tawny.service.delivery import message_composer, problems
from tawny.service.delivery.notification_filter import is_late
from tawny.service.visits import EventVisit
from tawny.testing.http_service import StandIn, served
from tests.playback.archives import PORCH
from tests.service.delivery.test_messaging import HOME, Bench, bot, until_done

BERLIN = ZoneInfo("Europe/Berlin")
AT_MS = 1_795_203_960_000  # 20:46 there


def event(**about: Any) -> Event:
    return replace(Event(EventId("e"), CameraId("front"), "person", AT_MS, None, 50.0), **about)


@pytest.mark.parametrize(
    ("about", "title", "text"),
    [
        ({"zones": ("porch",)}, "Person at Front door", "Porch, 20:46."),
        ({}, "Person at Front door", "20:46."),
        ({"end_ms": AT_MS + 90_000}, "Person at Front door", "20:46 to 20:47."),
        (
            {"end_ms": AT_MS + 1000, "objects": (SeenObject("person", 0.9), SeenObject("dog", 0.5))},
            "Person at Front door",
            "20:46. Detected: person, dog.",
        ),
        ({"kind": "motion", "said": "vehicle"}, "Vehicle at Front door", "20:46."),
        ({"kind": "person", "said": "nothing"}, "Motion at Front door", "20:46."),
        ({"kind": "object", "objects": (SeenObject("left", 1.0),)}, "Object left at Front door", "20:46."),
    ],
)
def test_an_event(about: dict[str, object], title: str, text: str) -> None:
    assert message_composer.of_event(event(**about), "Front door", BERLIN, AT_MS, lambda _who: "") == (title, text)


@pytest.mark.parametrize(
    ("begin", "end", "text"),
    [
        ("2026-10-25T00:10:00.000Z", "2026-10-25T01:10:00.000Z", "02:10 CEST to 02:10 CET."),
        ("2026-10-25T00:50:00.000Z", "2026-10-25T02:10:00.000Z", "02:50 CEST to 03:10."),
        ("2026-10-25T01:10:00.000Z", "2026-10-25T01:10:30.000Z", "02:10 CET."),
        ("2026-03-29T00:50:00.000Z", "2026-03-29T01:10:00.000Z", "01:50 to 03:10."),
    ],
)
def test_times_that_the_clock_shows_twice_name_their_zone(begin: str, end: str, text: str) -> None:
    start_ms, end_ms = map(utc_from_text, (begin, end))
    one = event(start_ms=start_ms, end_ms=end_ms)
    assert message_composer.of_event(one, "Front door", BERLIN, end_ms, lambda _who: "")[1] == text


def test_who_was_recognised_and_what_was_read() -> None:
    known = event(
        reads=(RecognisedText("plates", "BAB123", 0.9, "k1"), RecognisedText("faces", "", 0.8, "k2")), kind="vehicle"
    )
    names = {"k1": "Anna's car", "k2": "Anna"}
    named = message_composer.of_event(known, "Gate", BERLIN, AT_MS, lambda read: names[read.who])
    assert named[0] == "Anna's car and Anna at Gate"
    assert message_composer.of_event(known, "Gate", BERLIN, AT_MS, lambda _who: "")[0] == "Vehicle BAB123 at Gate"


@pytest.mark.parametrize(
    ("cameras", "title", "text"),
    [
        (["Gate", "Drive", "Front door"], "Person: Gate → Front door", "20:46 to 20:51."),
        (["Gate"], "Person at Gate", "Porch, 20:46 to 20:51."),
    ],
)
def test_a_visit(cameras: list[str], title: str, text: str) -> None:
    several = EventVisit((event(zones=("porch",), picture_ms=AT_MS), event(start_ms=AT_MS + 300_000)))
    assert message_composer.of_visit(several, cameras, BERLIN, AT_MS, lambda _who: "") == (title, text)


def test_several_events() -> None:
    several = [event(), event(start_ms=AT_MS + 300_000), event(kind="vehicle")]
    result = message_composer.of_events(several, "Front door", BERLIN, AT_MS)
    assert result == ("Front door: 3 more events", "20:46–20:51: 2 × person, 1 × vehicle")


def test_a_camera_that_is_not_recorded() -> None:
    counts = "1 of 2 cameras working: 1 offline."
    result = problems.of_alarm("camera", ["Garage"], "14:02", "No answer.", "", counts)
    assert result == ("Garage has not been recording since 14:02.", f"No answer. {counts}")


def test_another_problem_names_itself_and_the_camera() -> None:
    result = problems.of_alarm("gap", ["Garage"], "14:02", "65 s are missing.", "Check its network.", "")
    assert result == ("Garage: many short gaps.", "65 s are missing. Check its network.")
    over = problems.of_alarms_end("clock", [], "14:02", "20:51", "")
    assert over == ("Resolved: Clock not synchronized.", "From 14:02 to 20:51.")


def test_a_camera_that_is_back() -> None:
    result = problems.of_alarms_end("camera", ["Garage"], "14:02", "20:51", "")
    assert result == ("Garage is recording again.", "Missing: 14:02 to 20:51.")


@pytest.mark.parametrize(
    ("part", "text"),
    [(1.0, "100 %"), (0.99984, "99.98 %"), (0.999999, "99.99 %"), (0.5, "50.00 %"), (0.0, "0.00 %")],
)
def test_a_share_is_never_more_than_is_true(part: float, text: str) -> None:
    assert message_composer.share(part) == text


def test_a_day() -> None:
    result = message_composer.of_day(0.99984, [event(), event(kind="animal")])
    assert result == ("Daily summary: 99.98 % recorded", "2 events: 1 × person, 1 × animal.")
    assert message_composer.of_day(None, []) == ("Daily summary", "No events.")


# --- as they are sent ------------------------------------------------------------------------------------------------


@pytest.fixture
def service() -> Iterator[StandIn]:
    with served(StandIn(bot)) as made:
        yield made


def words(bench: Bench) -> list[str]:
    """The first lines of what was sent."""
    forms = [one.form for one in bench.sent()]
    return [(form.get("caption") or form["text"]).decode().splitlines()[0] for form in forms]


@pytest.mark.parametrize(
    ("hours", "language", "said"),
    [
        (51, "en", "Front door is recording again. Missing: Fri 06:00 to Sun 09:00."),
        (51, "de", "Front door zeichnet wieder auf. Es fehlt: Fr 06:00 bis So 09:00."),
        (9 * 24, "en", "Front door is recording again. Missing: Fri 2026-11-20 06:00 to Sun 06:00."),
        (9 * 24, "de", "Front door zeichnet wieder auf. Es fehlt: Fr 2026-11-20 06:00 bis So 06:00."),
    ],
)
def test_an_outage_of_days_says_which(tmp_path: Path, service: StandIn, hours: int, language: str, said: str) -> None:
    bench = Bench(tmp_path, service, language=language)
    trouble = Alarm(ProblemKind.CAMERA, PORCH, bench.clock.now_ms(), "No answer.")
    bench.notifications.scheduler.on_message(trouble)
    bench.notifications.scheduler.step()
    until_done(bench)
    bench.clock.advance(hours * 3600 - (bench.clock.now_ms() - trouble.since_ms) / 1000)
    bench.notifications.scheduler.on_message(replace(trouble, until_ms=bench.clock.now_ms()))
    bench.notifications.scheduler.step()
    until_done(bench)
    assert words(bench)[-1] == said
    bench.outbox.close()


def test_a_message_of_another_day_says_which(tmp_path: Path, service: StandIn) -> None:
    bench = Bench(tmp_path, service)
    for kind in ("person", "doorbell"):
        bench.happens(kind=kind)
    service.fails = [None]
    bench.work()
    bench.clock.advance(2 * 86_400)
    until_done(bench)
    assert words(bench) == ["Someone rang at Front door. Fri 06:00.", "Person at Front door. Fri 06:00."]
    bench.outbox.close()


def test_what_comes_hours_late_is_silent(tmp_path: Path, service: StandIn) -> None:
    bench = Bench(tmp_path, service)
    bench.happens(kind="doorbell")
    service.fails = [None]
    bench.work()
    bench.clock.advance(3600)
    bench.work()
    bench.happens(kind="doorbell")
    bench.work()
    assert [one.form.get("disable_notification") for one in bench.sent()] == [b"true", None]
    bench.outbox.close()


@pytest.mark.parametrize(("away_s", "sound"), [(0, None), (700, b"true")])
def test_a_digest_of_long_intervals_is_late_only_after_its_own_time(
    tmp_path: Path, service: StandIn, away_s: int, sound: bytes | None
) -> None:
    bench = Bench(tmp_path, service, min_interval="1 h", clip="none")
    earlier = bench.happens()
    bench.work()
    bench.tell(earlier.ended(bench.clock.now_ms()))
    bench.clock.advance(1800)
    bench.happens()
    bench.clock.advance(1800)
    service.fails = [None]
    bench.work()
    bench.clock.advance(10 + away_s)
    bench.work()
    assert [one.form.get("disable_notification") for one in bench.sent()] == [None, sound]
    bench.outbox.close()


def test_what_failed_before_an_update_is_not_late() -> None:
    """When it was due is not known."""
    waiting = Delivery("phone", "event/e", DeliveryKind.MESSAGE, {"kind": "event"}, AT_MS, AT_MS, tries=1)
    assert not is_late(waiting, AT_MS + 3_600_000)


def test_what_is_late_waits_for_the_end_of_the_quiet_hours_and_problems_do_not(
    tmp_path: Path, service: StandIn
) -> None:
    bench = Bench(tmp_path, service, quiet_hours="07:00-09:00", clip="none")
    bench.happens()
    bench.clock.advance(61)
    bench.happens(camera=CameraId("yard"))  # not tried while the service is away
    service.fails = [None]
    bench.work()
    bench.clock.advance(5400)
    bench.notifications.scheduler.on_message(Alarm(ProblemKind.CAMERA, PORCH, bench.clock.now_ms(), "No answer."))
    for _ in range(4):
        bench.work()
    result = words(bench)
    assert result[0] == "Front door has not been recording since 07:31. No answer."
    assert not [one for one in result if "Person" in one]
    bench.clock.advance(5400)
    for _ in range(4):
        bench.work()
    assert words(bench)[len(result) :] == ["Person at Front door. 06:00.", "Person at yard. 06:01."]
    bench.outbox.close()


def test_several_events_of_the_quiet_hours_are_not_more_and_as_they_were_corrected(
    tmp_path: Path, service: StandIn
) -> None:
    bench = Bench(tmp_path, service, quiet_hours="05:00-07:00")
    events = [bench.happens() for _ in range(4)]
    bench.recorder.index.put_event(replace(events[0], said="animal"))
    bench.recorder.index.put_event(replace(events[1], muted="always"))
    bench.clock.advance(3700)
    bench.work()
    assert words(bench) == ["Front door: 3 events. 06:00: 2 × person, 1 × animal"]
    bench.outbox.close()


@pytest.mark.parametrize(
    ("levels", "page"),
    [
        (("alert", "motion"), "/events"),
        (("motion", "detection"), "/events?tab=detections"),
        (("motion", "motion"), "/events?tab=motion"),
    ],
)
def test_the_link_of_several_events_opens_the_page_that_has_them(
    tmp_path: Path, service: StandIn, levels: tuple[str, ...], page: str
) -> None:
    bench = Bench(tmp_path, service, quiet_hours="05:00-07:00", levels=["alert", "detection", "motion"])
    for level in levels:
        bench.happens(level=level)
    bench.clock.advance(3700)
    bench.work()
    (sent,) = bench.sent()
    assert sent.form["text"].decode().endswith(f"\n{HOME}{page}")
    bench.outbox.close()


def test_a_digest_leaves_out_what_was_marked_as_false_alarm(tmp_path: Path, service: StandIn) -> None:
    bench = Bench(tmp_path, service, quiet_hours="05:00-07:00")
    first, *_ = [bench.happens() for _ in range(3)]
    bench.recorder.index.put_event(replace(first, false_alarm="other"))
    bench.clock.advance(3700)
    bench.work()
    (sent,) = bench.sent()
    assert b"2 events" in sent.form["caption" if "caption" in sent.form else "text"]
    bench.outbox.close()


@pytest.mark.parametrize(
    ("change", "why"),
    [
        ({"false_alarm": "other"}, "the events are marked as false alarms"),
        ({"muted": "always"}, "the events are muted"),
    ],
)
def test_a_digest_of_events_that_are_all_left_out_is_not_sent(
    tmp_path: Path, service: StandIn, change: dict[str, Any], why: str
) -> None:
    bench = Bench(tmp_path, service, quiet_hours="05:00-07:00")
    for event in [bench.happens() for _ in range(2)]:
        bench.recorder.index.put_event(replace(event, **change))
    bench.clock.advance(3700)
    bench.work()
    assert [one.why for one in bench.outbox.ended("phone")] == [f"Nothing left to send to phone: {why}."]
    bench.outbox.close()


@pytest.mark.parametrize(
    ("name", "language", "said"),
    [
        ("No. 5", "de", "No. 5: Es hat geklingelt. 06:00."),
        ("St. Anna", "de", "St. Anna: Es hat geklingelt. 06:00."),
        ("No. 5", "en", "Someone rang at No. 5. 06:00."),
    ],
)
def test_no_name_is_translated(tmp_path: Path, service: StandIn, name: str, language: str, said: str) -> None:
    bench = Bench(tmp_path, service, language=language)
    bench.recorder.name = name
    bench.happens(kind="doorbell")
    bench.work()
    assert words(bench) == [said]
    bench.outbox.close()


# --- the daily summary -----------------------------------------------------------------------------------------------


def summary(bench: Bench) -> str:
    """What is sent at 06:30."""
    bench.clock.advance(1800 - (bench.clock.now_ms() % 3_600_000) / 1000)
    bench.notifications.scheduler.step()
    until_done(bench)
    return words(bench)[-1]


@pytest.mark.parametrize("reason", [GapReason.MODE, GapReason.PRIVACY])
def test_a_day_with_time_off_by_choice_is_recorded(tmp_path: Path, service: StandIn, reason: GapReason) -> None:
    bench = Bench(tmp_path, service, daily_summary="06:30", cameras=["porch"])
    begin_ms = bench.clock.now_ms()
    bench.recorder.record(begin_ms, seconds=20)
    bench.recorder.index.put_gap(Gap(PORCH, begin_ms + 20_000, begin_ms + 1_800_000, reason))
    assert summary(bench) == "Daily summary: 100 % recorded. No events."
    bench.outbox.close()


def test_the_file_that_is_being_written_is_recorded(tmp_path: Path, service: StandIn) -> None:
    bench = Bench(tmp_path, service, daily_summary="06:30", cameras=["porch"])
    begin_ms = bench.clock.now_ms() + 1_760_000
    bench.recorder.record(begin_ms, seconds=20)
    bench.recorder.record(begin_ms + 20_000, seconds=20, is_open=True)
    assert summary(bench) == "Daily summary: 100 % recorded. No events."
    bench.outbox.close()


@pytest.mark.parametrize(
    ("about", "said"),
    [
        ({"kinds": ["person"]}, "2 events: 1 × person, 1 × doorbell."),
        ({"kinds": ["person"], "rings": False}, "1 event: 1 × person."),
        ({"kinds": ["animal"], "rings": False}, "1 event: 1 × animal."),
    ],
)
def test_the_summary_counts_the_types_that_the_channel_gets(
    tmp_path: Path, service: StandIn, about: dict[str, Any], said: str
) -> None:
    bench = Bench(tmp_path, service, daily_summary="06:30", **about)
    begin_ms = bench.clock.now_ms()
    corrected: dict[str, Any] = {"said": "animal"}
    muted: dict[str, Any] = {"muted": "always"}
    for number, (kind, more) in enumerate(
        [("person", {}), ("vehicle", {}), ("doorbell", {}), ("person", corrected), ("person", muted)]
    ):
        at_ms = begin_ms + number * 1000
        one = Event(new_event_id(at_ms), PORCH, kind, at_ms, at_ms + 500, 50.0, level="alert")
        bench.recorder.index.put_event(replace(one, **more))
    assert summary(bench) == f"Daily summary. {said}"
    bench.outbox.close()


def test_the_summary_counts_every_event_of_the_day(tmp_path: Path, service: StandIn) -> None:
    bench = Bench(tmp_path, service, daily_summary="06:30", snapshot=False)
    begin_ms = bench.clock.now_ms()
    with bench.recorder.index.together():
        for number in range(2_001):
            at_ms = begin_ms + number * 100
            one = Event(new_event_id(at_ms), PORCH, "person", at_ms, at_ms + 50, 50.0, level="alert")
            bench.recorder.index.put_event(one)
    assert summary(bench) == "Daily summary. 2001 events: 2001 × person."
    bench.outbox.close()


def test_the_summary_of_an_earlier_day_or_of_several_says_which(tmp_path: Path, service: StandIn) -> None:
    bench = Bench(tmp_path, service, daily_summary="06:30")
    bench.clock.advance(1800)
    bench.notifications.scheduler.step()
    service.fails = [None]
    bench.work()
    bench.clock.advance(2 * 86_400)
    until_done(bench)
    assert words(bench) == [
        "Daily summary of Thu 2026-11-19. No events.",
        "Daily summary of Fri 2026-11-20 – Sun 2026-11-22. No events.",
    ]
    bench.outbox.close()
