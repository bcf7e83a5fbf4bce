"""Log format: short on a terminal; without time and level under systemd, whose journal stores both."""

import logging
import os
import sys


def configure_logging(level: int = logging.WARNING) -> None:
    """Log to standard error. Other packages log from WARNING on; `TAWNY_LOG` sets tawny's level."""
    handler = logging.StreamHandler(sys.stderr)
    form = "%(message)s" if "JOURNAL_STREAM" in os.environ else "%(asctime)s %(levelname)s %(message)s"
    handler.setFormatter(logging.Formatter(form, "%H:%M:%S"))
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(logging.WARNING)
    logging.getLogger("tawny").setLevel(os.environ.get("TAWNY_LOG", logging.getLevelName(level)).upper())
