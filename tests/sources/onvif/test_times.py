"""The times that ONVIF cameras state."""

from datetime import UTC, datetime

import pytest

from tawny.protocols.soap import read_xml
from tawny.sources.onvif_times import camera_time_ms

NOW = datetime(2026, 7, 4, 12, 0, 0, tzinfo=UTC)
NOW_MS = round(NOW.timestamp() * 1000)


def element(name: str, at: datetime) -> str:
    time = f"<Time><Hour>{at.hour}</Hour><Minute>{at.minute}</Minute><Second>{at.second}</Second></Time>"
    date = f"<Date><Year>{at.year}</Year><Month>{at.month}</Month><Day>{at.day}</Day></Date>"
    return f"<{name}>{time}{date}</{name}>"


def ahead_min(stated: str, zone: str = "") -> float:
    named = f"<TimeZone><TZ>{zone}</TZ></TimeZone>" if zone else ""
    answer = read_xml(f"<r><SystemDateAndTime>{named}{stated}</SystemDateAndTime></r>".encode())
    return (camera_time_ms(answer, NOW_MS) - NOW_MS) / 60_000


@pytest.mark.parametrize(
    ("zone", "hour", "minute"),
    [
        ("CST-8", 20, 7),
        ("CST-8:00:00", 20, 7),
        ("&lt;+08&gt;-8", 20, 7),
        ("EST5", 7, 7),
        ("EST5EDT,M3.2.0,M11.1.0", 8, 7),
        ("CET-1CEST,M3.5.0,M10.5.0/3", 14, 7),
        ("GMT+00:00", 12, 7),
        ("GMT+05:30", 17, 37),
        ("Asia/Shanghai", 12, 7),
    ],
)
def test_local_time_alone_is_read_with_its_zone(zone: str, hour: int, minute: int) -> None:
    assert ahead_min(element("LocalDateTime", NOW.replace(hour=hour, minute=minute)), zone) == 7


def test_local_time_without_a_zone_is_that_of_this_computer() -> None:
    assert ahead_min(element("LocalDateTime", NOW.astimezone().replace(minute=NOW.astimezone().minute + 7))) == 7


def test_a_local_clock_that_is_far_off_is_read_by_the_zone_as_it_is_written() -> None:
    assert ahead_min(element("LocalDateTime", NOW.replace(year=2025, hour=20)), "CST-8") == -365 * 1440


def test_utc_comes_before_local_time() -> None:
    both = element("LocalDateTime", NOW.replace(hour=1)) + element("UTCDateTime", NOW.replace(minute=3))
    assert ahead_min(both, "CST-8") == 3


def test_a_utc_of_zeros_leaves_the_local_time() -> None:
    zeros = element("UTCDateTime", NOW).replace("2026", "0")
    assert ahead_min(zeros + element("LocalDateTime", NOW.replace(hour=20, minute=1)), "CST-8") == 1


@pytest.mark.parametrize(
    "stated", ["", "<LocalDateTime/>", "<LocalDateTime><Date><Year>2026</Year></Date></LocalDateTime>"]
)
def test_without_a_whole_time_it_is_taken_to_run_like_ours(stated: str) -> None:
    assert ahead_min(stated, "CST-8") == 0
