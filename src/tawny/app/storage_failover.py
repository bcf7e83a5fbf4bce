"""Failover to the fallback disk while the main disk is missing, and return to the main disk when it is back."""

import logging
from collections.abc import Callable
from pathlib import Path

from tawny.app.program import Program, Tell
from tawny.config.loader import read_settings
from tawny.config.settings import Settings
from tawny.model.errors import DiskMissing
from tawny.storage.disk.failover import is_disk_missing

log = logging.getLogger(__name__)

Missing = Callable[[Path], str]


def record(
    settings: Settings, folder: Path, tell: Tell, *, config: Path | None = None, is_missing: Missing = is_disk_missing
) -> None:
    """Run until stopped.

    Raises DiskMissing: when neither the main disk nor the fallback disk is available. Propagates startup errors.
    """
    while True:
        why = "" if settings.storage.mode == "memory" else is_missing(folder)
        if not why:
            Program(settings, folder, config=config).run(tell)
            return
        spare = Path(settings.storage.spare).expanduser() if settings.storage.spare else None
        if spare is None or not (spare / "history" / "volume").is_file() or is_missing(spare):
            raise DiskMissing(str(folder), why)
        log.warning("%s; recording to the fallback disk at %s until it is", why, spare)
        program = Program(_standing_in(settings, spare), spare, stands_for=folder, until=lambda: not is_missing(folder))
        program.run(tell)
        if not program.came_back:
            return
        settings = read_settings(config) if config is not None else settings


def _standing_in(settings: Settings, spare: Path) -> Settings:
    """Return the settings for the fallback disk alone.

    Without accounts on it, sign-in is impossible, so the web interface listens on this computer only.
    """
    storage = settings.storage.model_copy(update={"path": str(spare), "spare": "", "mirror": "", "tiers": ()})
    web = settings.web
    if not (spare / "accounts.db").is_file():
        _, _, port = web.listen.rpartition(":")
        web = web.model_copy(update={"listen": f"127.0.0.1:{port}"})
    return settings.model_copy(update={"storage": storage, "web": web})
