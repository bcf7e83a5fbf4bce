"""Log format: short on a terminal; without time and level under systemd, whose journal stores both.

Repeated lines are counted instead of written, so that nothing that clients or cameras cause fills a disk.
"""

import logging
import os
import sys
from dataclasses import dataclass
from typing import Final, TextIO

INTERVAL_S: Final = 60.0
LINES_OF_KIND: Final = 20
"""Lines of one kind written in an interval: one for each camera of a large home. Later ones are counted."""
MOST_KINDS: Final = 500


@dataclass(slots=True)
class _Kind:
    """Lines from one place in the code. until_s: end of the interval, in s since 1970."""

    until_s: float
    level: int
    written: int = 0
    counted: int = 0


class CountingHandler(logging.StreamHandler[TextIO]):
    """Writes LINES_OF_KIND lines of one logger, level and message template in an interval, and then their count.

    The count is written with the first line of any kind after the interval, and at the end.
    """

    def __init__(self, stream: TextIO) -> None:
        super().__init__(stream)
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
            super().emit(record)
        else:
            kind.counted += 1

    def close(self) -> None:
        self._write_counts(float("inf"))
        super().close()

    def _write_counts(self, now_s: float) -> None:
        """End the intervals that are over at this time, in s since 1970."""
        for key in [key for key, kind in self._kinds.items() if kind.until_s <= now_s]:
            kind = self._kinds.pop(key)
            if kind.counted:
                said = f"repeated {kind.counted} times within a minute: {key[2]}"
                super().emit(logging.LogRecord(key[0], kind.level, "", 0, "%s", (said,), None))


def configure_logging(level: int = logging.WARNING) -> None:
    """Log to standard error. Other packages log from WARNING on; `TAWNY_LOG` sets tawny's level."""
    handler = CountingHandler(sys.stderr)
    form = "%(message)s" if "JOURNAL_STREAM" in os.environ else "%(asctime)s %(levelname)s %(message)s"
    handler.setFormatter(logging.Formatter(form, "%H:%M:%S"))
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(logging.WARNING)
    logging.getLogger("tawny").setLevel(os.environ.get("TAWNY_LOG", logging.getLevelName(level)).upper())
