"""The log: repeated lines are counted, and different ones are all written."""

import io
import logging

import pytest

from tawny.app import logging_setup
from tawny.app.logging_setup import LINES_OF_KIND, CountingHandler


class Log:
    def __init__(self) -> None:
        self.text = io.StringIO()
        self.handler = CountingHandler(self.text)
        self.now_s = 1_000_000.0

    def write(self, message: str, *args: object, name: str = "tawny.recorder", level: int = logging.WARNING) -> None:
        record = logging.LogRecord(name, level, "", 0, message, args, None)
        record.created = self.now_s
        self.handler.handle(record)

    @property
    def lines(self) -> list[str]:
        return self.text.getvalue().splitlines()


def test_a_line_that_repeats_is_written_a_few_times_and_then_counted() -> None:
    log = Log()
    for number in range(100_000):
        log.write("cannot accept: %s", number)
    assert len(log.lines) == LINES_OF_KIND
    log.now_s += 61
    log.write("another")
    assert log.lines[LINES_OF_KIND:] == ["repeated 99980 times within a minute: cannot accept: %s", "another"]
    log.write("cannot accept: %s", "again")
    assert log.lines[-1] == "cannot accept: again"


def test_what_is_counted_is_written_at_the_end() -> None:
    log = Log()
    for _ in range(LINES_OF_KIND + 3):
        log.write("full")
    log.handler.close()
    assert log.lines[-1] == "repeated 3 times within a minute: full"


def test_lines_of_other_places_and_levels_are_counted_apart() -> None:
    log = Log()
    for name in ("a", "b"):
        for level in (logging.WARNING, logging.ERROR):
            for _ in range(LINES_OF_KIND):
                log.write("same", name=name, level=level)
    assert len(log.lines) == 4 * LINES_OF_KIND


def test_lines_that_are_all_different_take_a_limited_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(logging_setup, "MOST_KINDS", 50)
    log = Log()
    for number in range(1000):
        log.write(f"line {number}")
    assert len(log.lines) == 1000
    assert len(log.handler._kinds) <= 50
