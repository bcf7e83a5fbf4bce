"""Times on the command line are local, also on days on which the clock changes; extreme values are refused."""

import re
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tawny.cli.main import parser
from tawny.cli.options import future_instant, instant, span, time_text
from tawny.model.errors import UsageError
from tawny.model.times import utc_from_text, utc_text
from tests.cli.conftest import Tawny


@pytest.fixture(autouse=True)
def berlin(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    with monkeypatch.context() as patch:
        patch.setenv("TZ", "Europe/Berlin")
        time.tzset()
        yield
    time.tzset()


@pytest.mark.parametrize(
    ("now", "text", "meant"),
    [
        ("2026-10-25T11:00:00Z", "00:30", "2026-10-24T22:30:00"),
        ("2026-10-25T11:00:00Z", "01:30", "2026-10-24T23:30:00"),
        ("2026-10-25T11:00:00Z", "04:30", "2026-10-25T03:30:00"),
        ("2026-10-25T11:00:00Z", "today", "2026-10-24T22:00:00"),
        ("2026-10-25T11:00:00Z", "yesterday", "2026-10-23T22:00:00"),
        ("2026-10-26T11:00:00Z", "yesterday", "2026-10-24T22:00:00"),
        ("2026-03-29T11:00:00Z", "01:30", "2026-03-29T00:30:00"),
        ("2026-03-29T11:00:00Z", "today", "2026-03-28T23:00:00"),
        ("2026-03-30T11:00:00Z", "yesterday", "2026-03-28T23:00:00"),
        ("2026-07-01T11:00:00Z", "yesterday", "2026-06-29T22:00:00"),
        ("2026-07-01T11:00:00Z", "2026-10-25 04:30", "2026-10-25T03:30:00"),
        ("2026-07-01T11:00:00Z", "2026-03-29 02:30", "2026-03-29T01:00:00"),
        ("2026-03-29T11:00:00Z", "02:30", "2026-03-29T01:00:00"),
        ("2026-03-29T11:00:00Z", "03:00", "2026-03-29T01:00:00"),
        ("2026-03-29T11:00:00Z", "01:59:59", "2026-03-29T00:59:59"),
    ],
)
def test_local_times(now: str, text: str, meant: str) -> None:
    assert utc_text(instant(text, utc_from_text(now)))[:19] == meant


@pytest.mark.parametrize(
    ("now", "text", "meant"),
    [
        ("2026-11-20T05:58:12Z", "06:00", "2026-11-21T05:00:00"),
        ("2026-11-20T05:58:12Z", "sunday 23:00", "2026-11-22T22:00:00"),
        ("2026-10-25T00:15:00Z", "02:30", "2026-10-25T00:30:00"),
        ("2026-10-25T01:15:00Z", "02:30", "2026-10-25T01:30:00"),
        ("2026-10-25T01:45:00Z", "02:30", "2026-10-26T01:30:00"),
        ("2026-03-29T00:15:00Z", "02:30", "2026-03-29T01:00:00"),
    ],
)
def test_the_next_time_that_the_clock_shows(now: str, text: str, meant: str) -> None:
    assert utc_text(future_instant(text, utc_from_text(now)))[:19] == meant


@pytest.mark.parametrize(
    ("at", "shown"),
    [
        ("2026-10-25T00:00:42.7Z", "2026-10-25 02:00:42+02:00"),
        ("2026-10-25T01:00:42.7Z", "2026-10-25 02:00:42+01:00"),
        ("2026-10-24T23:59:59Z", "2026-10-25 01:59:59"),
        ("2026-10-25T02:00:00Z", "2026-10-25 03:00:00"),
        ("2026-03-29T01:00:00Z", "2026-03-29 03:00:00"),
    ],
)
def test_a_time_that_the_clock_shows_twice_has_its_offset(at: str, shown: str) -> None:
    assert time_text(utc_from_text(at)) == shown


@pytest.mark.parametrize(
    ("begin", "end", "seconds"),
    [
        ("2026-10-25 02:57", "2026-10-25 02:02", 300),
        ("2026-10-25 02:00", "2026-10-25 02:10", 600),
        ("2026-10-25 02:00:42+01:00", "2026-10-25 02:10", 558),
        ("2026-10-25 02:00:42+01:00", "2026-10-25 02:01:42+01:00", 60),
        ("2026-10-25 02:30+01:00", "2026-10-25 02:40", 600),
        ("02:57", "02:02", 300),
        ("2026-03-29 01:00", "2026-03-29 02:30", 3600),
        ("2026-03-29 02:30", "2026-03-29 03:30", 1800),
    ],
)
def test_spans_when_clocks_change(begin: str, end: str, seconds: int) -> None:
    assert span(begin, end, utc_from_text("2026-10-25T11:00:00Z")).seconds == seconds


def test_on_other_days_an_end_before_the_start_is_refused() -> None:
    with pytest.raises(UsageError, match="isn't after the start"):
        span("2026-10-24 02:57", "2026-10-24 02:02", utc_from_text("2026-10-25T11:00:00Z"))


def test_a_start_that_is_still_to_come_is_asked_for_with_its_date() -> None:
    with pytest.raises(UsageError, match=r"22:00\) is still to come") as raised:
        span("22:00", "now", utc_from_text("2026-11-29T04:11:00Z"))
    assert raised.value.do == 'Give the date: "2026-11-28 22:00".'


def test_a_time_that_comes_twice_is_no_span_from_and_to_itself() -> None:
    with pytest.raises(UsageError, match="isn't after the start"):
        span("02:30", "02:30", utc_from_text("2026-10-25T11:00:00Z"))


def test_an_hour_that_the_clock_skips_is_no_span() -> None:
    with pytest.raises(UsageError, match="isn't after the start") as raised:
        span("02:10", "02:50", utc_from_text("2026-03-29T11:00:00Z"))
    assert raised.value.do == "Choose a later end."


@pytest.mark.parametrize("ms", [253_402_214_400_000, 300_000_000_000_000, 2**63 - 1])
def test_a_time_after_all_dates_is_shown_as_the_last_one(ms: int) -> None:
    assert time_text(ms) == "9999-12-31 01:00:00"


@pytest.mark.parametrize(
    "text",
    [
        "999999999999 days ago", "9" * 400 + " days ago", "0001-01-01T00:00:00+14:00", "9999-12-31T23:59:59-14:00",
        "0001-01-01", "0001-01-01 00:30",
    ],
)  # fmt: skip
def test_a_time_outside_of_all_years_is_refused(text: str) -> None:
    with pytest.raises(UsageError, match="isn't a valid time"):
        instant(text, utc_from_text("2026-11-20T05:58:12Z"))


@pytest.mark.parametrize("text", ["0001-01-01T00:00:00Z", "9999-12-31T23:59:59Z", "2000 days ago"])
def test_a_time_of_the_years_1_to_9999_has_a_text(text: str) -> None:
    ms = instant(text, utc_from_text("2026-11-20T05:58:12Z"))
    assert utc_text(ms)
    assert time_text(ms)


EXTREME = "999999999999 days ago"


@pytest.mark.parametrize(
    "words",
    [
        ("events", "--from", EXTREME), ("timeline", "--camera", "x", "--from", EXTREME),
        ("find", "cat", "--like", "x", "--since", EXTREME), ("kinds", "export", "x", "--from", EXTREME),
        ("export", "--camera", "x", "--from", EXTREME, "--to", "now", "-o", "x.mp4"),
        ("user", "log", "--since", EXTREME),
    ],
    ids=lambda words: words[0],
)  # fmt: skip
def test_commands_refuse_extreme_times(tawny: Tawny, archive: Path, words: tuple[str, ...]) -> None:
    result = tawny(*words, "--data", str(archive))
    assert result.code in (2, 3), result
    assert result.err.startswith("tawny: ")


@pytest.mark.parametrize("most", ["-1", "0", "9" * 20, "9" * 5000, "x", "1.5"])
def test_a_count_that_is_none_is_refused(tawny: Tawny, most: str) -> None:
    result = tawny("find", f"--most={most}", "cat")
    assert result.code == 2, result
    assert result.err == f"tawny: --most {most} isn't a whole number from 1 to 1000000. See `tawny find --help`.\n"


@pytest.mark.parametrize(
    "words",
    [
        ("find", "--spot=--"), ("events", "--kind=--"), ("check", "--witness=--"), ("scan", "x.mp4", "--region=--"),
        ("scan", "x.mp4", "--set=--"), ("scan", "x.mp4", "--detector=--"),
        ("user", "add", "x", "--role", "guest", "--cameras=--"), ("tokens", "create", "x", "--cameras=--"),
    ],
    ids=lambda words: " ".join(words),
)  # fmt: skip
def test_two_hyphens_are_a_value_like_others(tawny: Tawny, archive: Path, words: tuple[str, ...]) -> None:
    result = tawny(*words, "--data", str(archive))
    assert result.code in (0, 1, 2, 3, 29, 34, 49), result
    assert "Traceback" not in result.err


def test_two_hyphens_alone_still_end_the_options() -> None:
    args = parser(["find"]).parse_args(["find", "--spot", "0,0,1,1", "--", "--cat"])
    assert (args.spot, args.words) == ("0,0,1,1", ["--cat"])
    assert parser(["find"]).parse_args(["find", "--like=--", "x"]).like == "--"
    assert parser(["export"]).parse_args(["export", *EXPORT, "--timelapse=--"]).timelapse == "--"
    with pytest.raises(UsageError):
        parser(["export"]).parse_args(["export", *EXPORT, "--stream=--"])


EXPORT = ("--camera", "x", "--from", "now", "--to", "now", "-o", "x.mp4")


@pytest.mark.parametrize("split", ["9" * 5000, "9" * 5000 + " h", "9" * 5000 + " GB", "9" * 400 + " days"])
def test_parts_without_bounds_are_refused(tawny: Tawny, archive: Path, split: str) -> None:
    words = ("--camera", "door", "--from", "1 day ago", "--to", "now", "-o", "x.mp4", "--split", split)
    assert tawny("export", *words, "--data", str(archive)).code == 2


def test_an_option_may_not_be_abbreviated() -> None:
    """`--js` made rows and no errors JSON."""
    with pytest.raises(UsageError, match="Unrecognized arguments: --js"):
        parser(["events"]).parse_args(["events", "--js"])


def test_a_missing_action_is_named_as_the_help_does() -> None:
    with pytest.raises(UsageError, match=re.escape("are required: {list,test}")):
        parser(["notifications"]).parse_args(["notifications"])
