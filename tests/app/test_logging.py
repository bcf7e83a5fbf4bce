"""The log: repeated lines are counted, and different ones are all written."""

import contextlib
import io
import json
import logging
import logging.handlers
import os
import re
import time
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path

import pytest
from pydantic import ValidationError

from tawny.app import logging_setup
from tawny.app.logging_setup import LINES_OF_KIND, CountingHandler, DailyFile, RecentLines, configure_logging
from tawny.config.settings import LogSettings
from tawny.model.errors import NotDone


class Log:
    def __init__(self) -> None:
        self.text = io.StringIO()
        self.handler = CountingHandler([logging.StreamHandler(self.text)])
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
    assert log.lines[LINES_OF_KIND:] == ["repeated 99980 times within a minute, last: cannot accept: 99999", "another"]
    log.write("cannot accept: %s", "again")
    assert log.lines[-1] == "cannot accept: again"


def test_what_is_counted_is_written_at_the_end() -> None:
    log = Log()
    for _ in range(LINES_OF_KIND + 3):
        log.write("full")
    log.handler.close()
    assert log.lines[-1] == "repeated 3 times within a minute, last: full"


def test_a_clock_that_is_set_back_doesnt_silence_the_log() -> None:
    log = Log()
    log.now_s += 30 * 86_400
    log.write("connection lost")
    log.now_s -= 30 * 86_400
    for _ in range(LINES_OF_KIND * 2):
        log.write("connection lost")
        log.now_s += 3600
    assert len(log.lines) == LINES_OF_KIND * 2 + 1


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
    for _ in range(LINES_OF_KIND + 1):
        log.write("line")
    for number in range(50):
        log.write(f"line {number}")
    assert len(log.lines) == LINES_OF_KIND + 50 + 1
    assert "repeated 1 times within a minute, last: line" in log.lines[-2], "counted early, and then forgotten"
    log.write("line")
    assert log.lines[-1] == "line"


def test_a_wrong_template_that_repeats_ends_no_later_line() -> None:
    log, recent = Log(), RecentLines()
    log.handler = CountingHandler([recent])
    with contextlib.redirect_stderr(io.StringIO()):
        for _ in range(LINES_OF_KIND + 1):
            log.write("%s %s", "one")
    log.now_s += 61
    log.write("another")
    counted, last = recent.text().splitlines()
    assert counted.endswith("repeated 1 times within a minute, last: %s %s")
    assert last.endswith("another")


class Calendar:
    """The part of `time` that the file uses, at a set time."""

    localtime, strftime, mktime, timezone = time.localtime, time.strftime, time.mktime, time.timezone

    def __init__(self) -> None:
        self.now_s = time.time() // 86_400 * 86_400

    def time(self) -> float:
        return self.now_s


@pytest.fixture
def root() -> Iterator[logging.Logger]:
    """The root logger, as it was afterwards."""
    logger, ours = logging.getLogger(), logging.getLogger("tawny")
    before = logger.handlers[:], logger.level, ours.level
    yield logger
    for handler in logger.handlers:
        handler.close()
    logger.handlers[:], level, our_level = before
    logger.setLevel(level)
    ours.setLevel(our_level)


def test_the_name_of_a_file_that_is_no_text_is_written_escaped(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = DailyFile(tmp_path / "tawny.log", 1)
    file.emit(_line("Can't read %s.", os.fsdecode(b"caf\xe9.mp4")))
    file.close()
    assert (tmp_path / "tawny.log").read_text() == "Can't read caf\\udce9.mp4.\n"
    assert capsys.readouterr().err == ""


@pytest.mark.shows("PK27")
def test_forty_midnights_leave_33_files_of_earlier_days(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    calendar = Calendar()
    monkeypatch.setattr(logging.handlers, "time", calendar)
    file = DailyFile(tmp_path / "tawny.log", 33)
    for day in range(41):
        file.emit(logging.LogRecord("tawny", logging.WARNING, "", 0, "day %d", (day,), None))
        calendar.now_s += 86_400
    file.close()
    assert len(list(tmp_path.iterdir())) == 34
    assert (tmp_path / "tawny.log").read_text() == "day 40\n"
    days = sorted(path.read_text() for path in tmp_path.iterdir())
    assert days == sorted(f"day {day}\n" for day in range(7, 41))


def _line(text: str, *more: object) -> logging.LogRecord:
    return logging.LogRecord("tawny", logging.WARNING, "", 0, text, more, None)


def _fail(file: DailyFile) -> None:
    """As for a disk that is gone or full."""
    before = file.setStream(os.fdopen(os.open("/dev/full", os.O_WRONLY), "w"))
    assert before is not None
    before.close()
    file.emit(_line("lost"))


def test_a_file_goes_on_when_its_disk_is_mounted_again(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """While it is away, its empty mount point, on the device below, gets no file."""
    disk = tmp_path / "disk"
    disk.symlink_to("/dev/shm")
    if disk.stat().st_dev == tmp_path.stat().st_dev:
        pytest.skip("needs two devices")
    file = DailyFile(disk / f"{tmp_path.parent.name}-{tmp_path.name}.log", 33)
    path = Path(file.baseFilename)
    try:
        file.emit(_line("before"))
        disk.unlink()
        disk.mkdir()
        _fail(file)
        file.emit(_line("lost"))
        assert list(disk.iterdir()) == []
        disk.rmdir()
        disk.symlink_to("/dev/shm")
        file.emit(_line("after"))
        file.close()
        assert path.read_text() == "before\nafter\n"
    finally:
        path.unlink()
    assert capsys.readouterr().err.count("Can't write the log") == 1


def test_a_file_that_was_renamed_is_made_again(tmp_path: Path) -> None:
    """As `logrotate` does: at the next error, such as of a full disk."""
    file = DailyFile(tmp_path / "tawny.log", 33)
    file.emit(_line("before"))
    (tmp_path / "tawny.log").rename(tmp_path / "saved.log")
    _fail(file)
    file.emit(_line("after"))
    file.close()
    assert (tmp_path / "tawny.log").read_text() == "after\n"


def test_a_wrong_template_closes_no_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(logging, "raiseExceptions", False)
    file = DailyFile(tmp_path / "tawny.log", 33)
    stream = file.stream
    file.emit(_line("%d", "one"))
    assert file.stream is stream
    file.close()


@pytest.mark.shows("PK27")
def test_the_file_has_dates_and_is_for_its_owner_only(tmp_path: Path, root: logging.Logger) -> None:
    path = tmp_path / "tawny.log"
    configure_logging(LogSettings(file=str(path)))
    logging.getLogger("tawny.recorder").warning("camera %s is offline", "porch")
    assert re.fullmatch(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d WARNING camera porch is offline\n", path.read_text())
    assert path.stat().st_mode & 0o777 == 0o600


@pytest.mark.shows("RC21")
def test_json_lines_hold_one_object_each(
    tmp_path: Path, root: logging.Logger, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "tawny.log"
    configure_logging(LogSettings(format="json", file=str(path)))
    logging.getLogger("tawny.recorder").warning("line 1\nline 2 “quoted” %s", '"porch"')
    for text in (path.read_text(), capsys.readouterr().err):
        (line,) = text.splitlines()
        data = json.loads(line)
        assert datetime.fromisoformat(data.pop("time")).tzinfo is not None
        assert data == {"level": "warning", "part": "tawny.recorder", "message": 'line 1\nline 2 “quoted” "porch"'}


def test_a_client_that_leaves_while_it_is_sent_to_is_not_logged(
    root: logging.Logger, capsys: pytest.CaptureFixture[str]
) -> None:
    configure_logging(LogSettings())
    logging.getLogger("asyncio").warning("socket.send() raised exception.")
    logging.getLogger("asyncio").warning("another warning")
    shown = capsys.readouterr().err.splitlines()
    assert [line.endswith("WARNING another warning") for line in shown] == [True]


def test_a_file_that_cannot_be_opened_stops_the_start_with_its_name(tmp_path: Path, root: logging.Logger) -> None:
    with pytest.raises(NotDone, match=r"missing/tawny\.log"):
        configure_logging(LogSettings(file=str(tmp_path / "missing" / "tawny.log")))


def test_a_full_disk_loses_lines_and_is_said_once(root: logging.Logger, capsys: pytest.CaptureFixture[str]) -> None:
    configure_logging(LogSettings(file="/dev/full"))
    for number in range(3):
        logging.getLogger("tawny").warning("line %d", number)
    output = capsys.readouterr().err
    assert output.count("Can't write the log /dev/full") == 1
    assert "line 2" in output


@pytest.mark.parametrize("file", ["tawny.log", "../tawny.log", "log/"])
def test_a_path_that_depends_on_the_folder_is_refused(file: str) -> None:
    with pytest.raises(ValidationError, match="whole path"):
        LogSettings(file=file)
