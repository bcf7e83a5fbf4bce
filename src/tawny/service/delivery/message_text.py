"""Texts of messages: what, where, when; the same for all notifiers."""

from collections import Counter
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from zoneinfo import ZoneInfo

from tawny.api.serializers import TITLES, actor_name, what
from tawny.model.events import Event
from tawny.model.messages import PROBLEM_WORDS, ProblemKind


def clock_text(at_ms: int, zone: ZoneInfo) -> str:
    return datetime.fromtimestamp(at_ms / 1000, UTC).astimezone(zone).strftime("%H:%M")


def of_event(event: Event, camera: str, zone: ZoneInfo, called: Callable[[str], str]) -> tuple[str, str]:
    """Return `Person (porch).` and `Front door, 20:46.` called: returns the name of an identity by its ID."""
    where = f" ({event.zones[0].replace('-', ' ')})" if event.zones else ""
    begin = clock_text(event.start_ms, zone)
    end = begin if event.end_ms is None else clock_text(event.end_ms, zone)
    when = begin if end == begin else f"{begin} to {end}"
    others = [one for one in dict.fromkeys(seen.label for seen in event.objects) if one != event.kind]
    seen = f" Detected: {', '.join([event.kind, *others])}." if others and event.end_ms is not None else ""
    return f"{actor_name(event, called) or what(event)}{where}.", f"{camera}, {when}.{seen}"


def of_events(events: Sequence[Event], camera: str, zone: ZoneInfo) -> tuple[str, str]:
    """Return `7 more events` and `Front door, 20:46 to 20:51: 5 × person, 2 × vehicle.` At least one event."""
    begin, end = (clock_text(pick(one.start_ms for one in events), zone) for pick in (min, max))
    when = begin if begin == end else f"{begin} to {end}"
    return f"{len(events)} more events", f"{camera}, {when}: {counts(events)}."


def counts(events: Sequence[Event]) -> str:
    found = Counter(event.kind for event in events)
    return ", ".join(f"{count} × {TITLES.get(kind, kind).lower()}" for kind, count in found.most_common())


def of_alarm(what: str, camera: str, since: str, detail: str, do: str, summary: str) -> tuple[str, str]:
    """Return `Garage has not been recording since 14:02.` and details. summary: counts the cameras if several."""
    if what == ProblemKind.CAMERA:
        return f"{camera} has not been recording since {since}.", f"{detail} {summary}".strip()
    return f"{_subject(what, camera)}.", f"{detail} {do}".strip()


def of_alarms_end(what: str, camera: str, since: str, until: str, detail: str) -> tuple[str, str]:
    """Return `Garage is recording again.` and `Missing: 14:02 to 20:51.`"""
    if what == ProblemKind.CAMERA:
        return f"{camera} is recording again.", f"Missing: {since} to {until}."
    return f"Resolved: {_subject(what, camera)}.", f"From {since} to {until}{f': {detail}' if detail else '.'}"


def _subject(what: str, camera: str) -> str:
    """Return `Front door: many short gaps`. what: as stored in the outbox, maybe by a newer version."""
    words = PROBLEM_WORDS[ProblemKind(what)] if what in list(ProblemKind) else "Recorder problem"
    return f"{camera}: {words[0].lower()}{words[1:]}" if camera else words


def of_day(recorded: float | None, events: Sequence[Event]) -> tuple[str, str]:
    """Return the daily summary. recorded: recorded share of the day, 0..1; None if no recording was expected."""
    title = "Daily summary" if recorded is None else f"Daily summary: {share(recorded)} recorded"
    if not events:
        return title, "No events."
    return title, f"{len(events)} event{'' if len(events) == 1 else 's'}: {counts(events)}."


def share(part: float) -> str:
    """Return a percentage, rounded down: 99.999 % is `99.99 %`."""
    hundredths = int(part * 10_000 + 1e-6)
    return "100 %" if hundredths >= 10_000 else f"{hundredths / 100:.2f} %"
