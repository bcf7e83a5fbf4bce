"""The file of the sign-ins that cameras offered (`camera-logins.json` in the data folder).

Written by an actor of its own, because the threads that read cameras must not wait for the disk. After a power cut
within seconds of a camera's first sign-in, that sign-in may be unknown again.
"""

import logging
import os
from pathlib import Path
from typing import Final

from tawny.engine import ActorHandle, Engine
from tawny.model.errors import StorageError
from tawny.protocols.login_history import LoginHistory
from tawny.storage.disk.disk import DiskAccess, RealDisk

NAME: Final = "camera-logins.json"
_NEW: Final = NAME + ".new"
_IDLE_S, _RETRY_S = 3600.0, 60.0
log = logging.getLogger(__name__)


class LoginFile:
    """Loads the history at construction and saves its changes as an actor.

    disk: None in memory mode. spare: folder of the spare disk, which gets a copy: after a failover it is the main one.
    """

    name = "camera logins"

    def __init__(self, disk: DiskAccess | None, spare: Path | None = None) -> None:
        self._disk, self._spare, self._is_changed = disk, spare, spare is not None
        self._handle = ActorHandle()
        self.history = LoginHistory(self._changed)
        if disk is not None:
            load(disk, self.history)

    def start(self, engine: Engine) -> None:
        self._handle.start(engine, self.name, lambda: self)

    def step(self) -> float:
        if self._disk is None or not self._is_changed:
            return _IDLE_S
        self._is_changed = False
        try:
            _save(self._disk, self.history.to_bytes())
        except StorageError as error:
            self._is_changed = True
            log.warning("cannot save the sign-ins of cameras: %s", error)
            return _RETRY_S
        self._copy()
        return _IDLE_S

    def close(self) -> None:
        """Save what changed last."""
        self.step()

    def _copy(self) -> None:
        if self._spare is None or not os.access(self._spare / "history", os.F_OK):
            return
        try:
            _save(RealDisk(self._spare), self.history.to_bytes())
        except StorageError as error:
            log.warning("cannot copy the sign-ins of cameras to the spare disk: %s", error)

    def _changed(self) -> None:
        self._is_changed = True
        self._handle.wake()


def load(disk: DiskAccess, history: LoginHistory) -> None:
    """Add the saved records, if any. An unusable file is logged: the cameras' next sign-ins replace it."""
    if disk.entry(NAME) is None:
        return
    try:
        history.load(disk.read(NAME))
    except (StorageError, ValueError) as error:
        log.warning("cannot read the sign-ins that cameras offered before: %s", error)


def _save(disk: DiskAccess, data: bytes) -> None:
    """Replace the file durably."""
    disk.unlink(_NEW)
    file = disk.create(_NEW)
    try:
        file.append([data])
        file.sync()
    finally:
        file.close()
    disk.rename(_NEW, NAME)
    disk.sync_folder("")
