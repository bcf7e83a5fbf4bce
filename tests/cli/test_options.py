"""Times on the command line are local, also on days on which the clock changes."""

import time
from collections.abc import Iterator

import pytest

from tawny.cli.options import instant, time_text
from tawny.model.times import utc_from_text, utc_text


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
    ],
)
def test_local_times(now: str, text: str, meant: str) -> None:
    assert utc_text(instant(text, utc_from_text(now)))[:19] == meant


@pytest.mark.parametrize("ms", [253_402_214_400_000, 300_000_000_000_000, 2**63 - 1])
def test_a_time_after_all_dates_is_shown_as_the_last_one(ms: int) -> None:
    assert time_text(ms) == "9999-12-31 01:00:00"
