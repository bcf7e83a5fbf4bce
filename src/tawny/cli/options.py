"""Options shared by several commands."""

import re
from argparse import ArgumentParser, ArgumentTypeError
from bisect import bisect_left
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

from tawny.config.units import seconds
from tawny.model.errors import UsageError
from tawny.model.times import Span, utc_from_text

NO_CAMERAS = "No cameras yet. Add one: tawny cameras add NAME SOURCE"


def data(parser: ArgumentParser) -> None:
    parser.add_argument("--config", metavar="FILE", help="settings file (default: ./tawny.toml, then ~/.config/tawny)")
    parser.add_argument("--data", metavar="DIR", help="folder with the recordings (default: from the settings)")


def times(parser: ArgumentParser, *, begin: str | None = None, end: str | None = None) -> None:
    """Add `--from` and `--to`; an option without a default is required."""
    text = 'for example 2026-11-20T05:58:12Z, "2026-11-20 05:58", 05:58, yesterday or "2 h ago"'
    parser.add_argument("--from", dest="begin", metavar="T", default=begin, required=begin is None, help=text)
    parser.add_argument("--to", dest="end", metavar="T", default=end, required=end is None, help="likewise")


def whole_number(least: int, most: int) -> Callable[[str], int]:
    """Return the `type` of an option that is a whole number from `least` to `most`."""

    def parse(text: str) -> int:
        try:
            number = int(text)
        except ValueError:  # also a number of thousands of digits
            number = least - 1
        if not least <= number <= most:
            raise ArgumentTypeError(f"{text} isn't a whole number from {least} to {most}")
        return number

    return parse


# Parse times from the command line, and format them.

_DAYS = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")
_FIRST_MS, _END_MS = -62_135_596_800_000, 253_402_300_800_000
"""Begin of the year 1 and end of the year 9999, ms UTC: other times have no text."""
_CLOCK = re.compile(r"(\d{1,2}):(\d\d)(?::(\d\d))?")


def instant(text: str, now_ms: int, *, fold: int = 0) -> int:
    """Parse a point in time to ms UTC. fold: 1: of a local time that comes twice, the second.

    Forms: `2026-11-20T05:58:12Z`, `2026-11-20 05:58`, `05:58` (today, local), `yesterday`, `2 h ago`, `now`.

    Raises UsageError.
    """
    try:
        ms = _instant_ms(text.strip(), now_ms, fold)
    except (ValueError, OverflowError):
        ms = _FIRST_MS - 1
    if not _FIRST_MS <= ms < _END_MS:
        raise UsageError(
            f"{text!r} isn't a valid time.",
            'Use 2026-11-20T05:58:12Z, "2026-11-20 05:58", 05:58, yesterday or "2 h ago".',
        )
    return ms


def _instant_ms(word: str, now_ms: int, fold: int) -> int:
    """Return the time; it may be outside of all years. Raises ValueError, OverflowError."""
    # without an offset, so that times of a day with a clock change keep their own
    local = datetime.fromtimestamp(now_ms / 1000, UTC).astimezone().replace(tzinfo=None)
    midnight = local.replace(hour=0, minute=0, second=0, microsecond=0)
    if word == "now":
        return now_ms
    if word in ("today", "yesterday"):
        return _ms((midnight - timedelta(days=word == "yesterday")).replace(fold=fold))
    clock = _CLOCK.fullmatch(word)
    if clock:
        return _ms(midnight.replace(hour=int(clock[1]), minute=int(clock[2]), second=int(clock[3] or 0), fold=fold))
    if word.endswith(" ago"):
        return now_ms - round(seconds(word.removesuffix(" ago")) * 1000)
    if re.search(r"([Zz]|[+-]\d\d:\d\d)$", word) and "T" in word.upper():
        return utc_from_text(word)
    return _ms(datetime.fromisoformat(word).replace(fold=fold))


def future_instant(text: str, now_ms: int) -> int:
    """Return the next `23:00` or `sunday 23:00` after `now_ms`; any other time as `instant` does. Raises UsageError."""
    day, _, clock = text.strip().lower().partition(" ")
    found = _CLOCK.fullmatch(clock or day)
    weekday = next(
        (number for number, name in enumerate(_DAYS) if clock and len(day) >= 3 and name.startswith(day)), None
    )
    if found is None or (clock and weekday is None):
        try:
            return instant(text, now_ms)
        except UsageError:
            raise UsageError(
                f"{text!r} isn't a valid time.", 'Use 23:00, "sunday 23:00" or "2026-12-24 18:00".'
            ) from None
    instant(clock or day, now_ms)  # refuses 25:00
    at = datetime.fromtimestamp(now_ms / 1000, UTC).astimezone().replace(tzinfo=None)
    at = at.replace(hour=int(found[1]), minute=int(found[2]), second=int(found[3] or 0), microsecond=0)
    while True:
        for both in (at, at.replace(fold=1)):  # the clock may show it twice
            if _ms(both) >= now_ms and weekday in (None, at.weekday()):
                return _ms(both)
        at += timedelta(days=1)  # wall-clock days, so that DST changes keep the time of day


def span(begin: str, end: str, now_ms: int) -> Span:
    """Return the span. Raises UsageError: when the end is not after the start."""
    begin_ms, end_ms = instant(begin, now_ms), instant(end, now_ms)
    if end_ms <= begin_ms and begin != end:  # from 2:57 to 2:02, when the clock goes back at 3:00
        end_ms = instant(end, now_ms, fold=1)
    if end_ms <= begin_ms and end == "now" and begin_ms > now_ms:  # there is nothing to swap: mostly no end was given
        day_before = datetime.fromtimestamp(begin_ms / 1000, UTC).astimezone() - timedelta(days=1)
        todo = f'Give the date: "{day_before:%Y-%m-%d %H:%M}".' if _CLOCK.fullmatch(begin.strip()) else ""
        raise UsageError(f"The start ({begin}) is still to come.", todo or "Choose an earlier one.")
    if end_ms <= begin_ms:
        todo = "Swap them." if end_ms < begin_ms else "Choose a later end."
        raise UsageError(f"The end ({end}) isn't after the start ({begin}).", todo)
    return Span(begin_ms, end_ms)


LAST_MS = 253_402_214_400_000
"""The last day of the year 9999, which has a date in all time zones; ms UTC."""
_SHOWN_FROM_MS = -62_135_424_000_000
"""The third day of the year 1: `astimezone` needs a day before it."""


def time_text(ms: int | None) -> str:
    """Return local date and time to the second, at most that of LAST_MS; a dash for None.

    If the clock shows this time twice, its offset follows: `2026-10-25 02:00:42+01:00`.
    """
    if ms is None:
        return "–"
    at = datetime.fromtimestamp(min(max(ms, _SHOWN_FROM_MS), LAST_MS) / 1000).astimezone()
    shown = at.replace(tzinfo=None)
    is_twice = at.year < 9999 and _ms(shown.replace(fold=0)) != _ms(shown.replace(fold=1))
    return (at if is_twice else shown).isoformat(" ", "seconds")


def _ms(at: datetime) -> int:
    """Return a local time without a zone; for one that the clock skips, the moment of the change."""
    first_s, last_s = at.replace(fold=0).timestamp(), at.replace(fold=1).timestamp()
    if first_s <= last_s:
        return round(at.timestamp() * 1000)
    seconds_between = range(int(last_s), int(first_s))
    return 1000 * seconds_between[bisect_left(seconds_between, _offset(first_s), key=_offset)]


def _offset(at_s: float) -> timedelta:
    """Return how far the local clock is ahead of UTC."""
    return datetime.fromtimestamp(at_s, UTC).astimezone().utcoffset() or timedelta()


def option_s(text: str, option: str) -> float:
    """Parse a duration to s. option: its name, for the message. Raises UsageError."""
    try:
        return seconds(text)
    except ValueError as error:
        raise UsageError(f"{option} {text} is invalid.", f"Use {error}.") from None


def lapse_speed(text: str | None) -> float | None:
    if not text:
        return None
    try:
        return float(text.removesuffix("x"))
    except ValueError:
        raise UsageError(f"--timelapse {text} is invalid.", "Use a speed, for example 60.") from None


def sheet_tiles(text: str) -> tuple[int, int]:
    from tawny.config.targets import sheet_size  # lazy import: `tawny status` loads no settings

    try:
        return sheet_size(text)
    except ValueError as error:
        raise UsageError(f"--sheet {text} is invalid.", f"Use {error}.") from None
