"""The log: text or JSON lines, to standard error and, if set, to a new file for each day.

Under systemd, text has no time and level, because the journal stores both. Repeated lines are counted instead of
written, so that nothing that clients or cameras cause fills a disk.
"""

import json
import logging
import os
import sys
from collections import deque
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from io import TextIOWrapper
from logging.handlers import TimedRotatingFileHandler
from pathlib import Path
from typing import Final

from tawny.config.settings import LogSettings
from tawny.model.errors import NotDone
from tawny.model.times import utc_text

INTERVAL_S: Final = 60.0
LINES_OF_KIND: Final = 20
"""Lines of one kind written in an interval: one for each camera of a large home. Later ones are counted."""
MOST_KINDS: Final = 500
MOST_LINES: Final = 1000
MOST_CHARACTERS: Final = 2000
"""Of a line that is kept for diagnostics."""
_TEXT: Final = logging.Formatter("%(asctime)s %(levelname)s %(message)s", "%Y-%m-%d %H:%M:%S")
_BARE: Final = logging.Formatter("%(message)s")


@dataclass(slots=True)
class _Kind:
    """Lines from one place in the code. until_s: end of the interval, in s since 1970."""

    until_s: float
    level: int
    written: int = 0
    counted: int = 0
    last: str = ""
    """The last line that was counted."""


class CountingHandler(logging.Handler):
    """Writes LINES_OF_KIND lines of one logger, level and message template in an interval, and then their count.

    The count is written with the first line of any kind after the interval, and at the end. targets: write the lines;
    closed with this handler.
    """

    def __init__(self, targets: Sequence[logging.Handler]) -> None:
        super().__init__()
        self._targets = targets
        self._kinds: dict[tuple[str, int, str], _Kind] = {}

    def emit(self, record: logging.LogRecord) -> None:
        self._write_counts(record.created)
        key = record.name, record.levelno, str(record.msg)[:200]
        kind = self._kinds.get(key)
        if kind is None:
            if len(self._kinds) >= MOST_KINDS:
                self._write_counts(float("inf"))
            kind = self._kinds[key] = _Kind(record.created + INTERVAL_S, record.levelno)
        if kind.written < LINES_OF_KIND:
            kind.written += 1
            self._write(record)
        else:
            kind.counted += 1
            kind.last = _text(record)

    def close(self) -> None:
        self._write_counts(float("inf"))
        for target in self._targets:
            target.close()
        super().close()

    def _write(self, record: logging.LogRecord) -> None:
        for target in self._targets:
            target.handle(record)

    def _write_counts(self, now_s: float) -> None:
        """End the intervals that are over at this time, in s since 1970, and those of a clock that was set back."""
        ended = [key for key, kind in self._kinds.items() if not now_s < kind.until_s <= now_s + 2 * INTERVAL_S]
        for key in ended:
            kind = self._kinds.pop(key)
            if kind.counted:
                text = f"repeated {kind.counted} times within a minute, last: {kind.last}"
                self._write(logging.LogRecord(key[0], kind.level, "", 0, "%s", (text,), None))


def _text(record: logging.LogRecord) -> str:
    try:
        return record.getMessage()
    except (KeyError, TypeError, ValueError):  # its template is wrong, which must not end what comes later
        return str(record.msg)


class RecentLines(logging.Handler):
    """Keeps the last lines in memory, for diagnostics."""

    def __init__(self) -> None:
        super().__init__()
        self._lines: deque[str] = deque(maxlen=MOST_LINES)
        self.setFormatter(_TEXT)

    def emit(self, record: logging.LogRecord) -> None:
        try:
            self._lines.append(self.format(record)[:MOST_CHARACTERS])
        except (KeyError, TypeError, ValueError):  # a wrong template, as in logging's own handlers
            self.handleError(record)

    def text(self) -> str:
        return "\n".join(self._lines.copy())


class JsonLines(logging.Formatter):
    """One JSON object a line: `time` (UTC), `level`, `part` (the module), `message`, and `error` with a traceback."""

    def format(self, record: logging.LogRecord) -> str:
        line = {
            "time": utc_text(round(record.created * 1000)),
            "level": record.levelname.lower(),
            "part": record.name,
            "message": record.getMessage(),
        }
        if record.exc_info:
            line["error"] = self.formatException(record.exc_info)
        return json.dumps(line, ensure_ascii=False)


class DailyFile(TimedRotatingFileHandler):
    """A file for its owner only; at local midnight it becomes `NAME.YYYY-MM-DD`. A full disk loses lines, not more."""

    _device: int | None = None
    """The device with the file. While its disk is away, its empty mount point, which is on another, gets no file."""

    def __init__(self, path: Path, days: int) -> None:
        super().__init__(path, when="midnight", backupCount=days, encoding="utf-8")
        self._has_failed = False

    def _open(self) -> TextIOWrapper:
        device = Path(self.baseFilename).parent.stat().st_dev
        create = os.O_CREAT if self._device in (None, device) else 0
        file = os.open(self.baseFilename, os.O_WRONLY | os.O_APPEND | create | os.O_CLOEXEC, 0o600)
        self._device = device
        return os.fdopen(file, "a", encoding="utf-8", errors="backslashreplace")  # names of files

    def rotate(self, source: str, dest: str) -> None:
        if Path(source).exists():  # on its disk, which may be another device now
            self._device = None
        super().rotate(source, dest)

    def close(self) -> None:
        with suppress(OSError):  # lines that a full disk didn't take
            super().close()

    def handleError(self, record: logging.LogRecord) -> None:  # noqa: N802  # the base class's name
        """Say on standard error, once, that a line could not be written. The next one opens the file that is there."""
        if not isinstance(sys.exc_info()[1], OSError):  # a wrong template
            super().handleError(record)
            return
        self.close()
        if not self._has_failed:
            self._has_failed = True
            sys.stderr.write(f"Can't write the log {self.baseFilename}: {sys.exc_info()[1]}\n")


def _is_useful(record: logging.LogRecord) -> bool:
    """Leave out what asyncio logs for each write to a client that has left: it names no client and no remedy."""
    return (record.name, record.msg) != ("asyncio", "socket.send() raised exception.")


def configure_logging(settings: LogSettings) -> RecentLines:
    """Log to standard error and to the file of the settings. Other packages log from WARNING on.

    `TAWNY_LOG` sets tawny's level instead of the settings. Return what keeps the last lines.

    Raises NotDone: when the file cannot be opened.
    """
    shown = logging.StreamHandler(sys.stderr)
    is_json = settings.format == "json"
    shown.setFormatter(JsonLines() if is_json else _BARE if "JOURNAL_STREAM" in os.environ else _TEXT)
    recent = RecentLines()
    targets: list[logging.Handler] = [shown, recent]
    if settings.file:
        path = Path(settings.file).expanduser()
        try:
            file = DailyFile(path, settings.days)
        except OSError as error:
            raise NotDone(f"Can't write the log {path}: {error.strerror}.", "Change `file` under [log].") from None
        file.setFormatter(JsonLines() if is_json else _TEXT)
        targets.append(file)
    root, counting = logging.getLogger(), CountingHandler(targets)
    counting.addFilter(_is_useful)
    root.handlers[:] = [counting]
    root.setLevel(logging.WARNING)
    logging.getLogger("tawny").setLevel(os.environ.get("TAWNY_LOG", settings.level).upper())
    return recent
