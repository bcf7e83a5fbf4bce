"""Cameras that were just removed: for half a minute, they can be restored as they were, also after a restart.

What a restart must not lose is in `secrets.toml` until then, because addresses may hold passwords.
"""

import json
import logging
import math
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Final

import tomlkit

from tawny.config.drafts import SettingsDraft, secret_name
from tawny.config.loader import stored_secrets
from tawny.engine import ActorHandle, Engine
from tawny.model.errors import SettingsError, TawnyError
from tawny.model.ids import CameraId
from tawny.model.times import Clock
from tawny.protocols.login_history import LoginHistory, LoginPlace, SignIn
from tawny.service.changeable_settings import ChangeableSettings
from tawny.service.retention.recording_deletion import UNDO_S

_KEPT: Final = "REMOVED_"
_EVERY_S: Final = 60.0
log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class RemovedCamera:
    """A removed camera as it was. before, after: texts of the settings file; empty after a restart."""

    table: Any
    secrets: Mapping[str, str] = field(repr=False)
    logins: Mapping[LoginPlace, SignIn]
    before: str = field(default="", repr=False)
    after: str = field(default="", repr=False)
    until_s: float = 0.0
    """It can be restored until then, s monotonic."""


class RemovedCameras:
    """Actor that forgets what can no longer be restored. Call the other methods while holding `changing`."""

    name = "removed cameras"

    def __init__(self, settings: ChangeableSettings, clock: Clock) -> None:
        self._settings, self._clock = settings, clock
        self._removed = dict(_read(settings.file, clock)) if settings.file is not None else {}
        self._handle = ActorHandle()

    def start(self, engine: Engine) -> None:
        self._handle.start(engine, self.name, lambda: self)

    def keep(self, camera: CameraId, removed: RemovedCamera, until_ms: int) -> None:
        """Keep a camera that was just removed. until_ms: about UNDO_S from now, for a restart."""
        self._removed[camera] = replace(removed, until_s=self._clock.mono_s() + UNDO_S)
        try:
            self._write(camera, removed, until_ms)
        except TawnyError as error:
            log.warning("after a restart, the removed camera %s couldn't be restored: %s", camera, error)
        self._handle.wake()

    def find(self, camera: CameraId) -> RemovedCamera | None:
        """Return a camera that can still be restored."""
        found = self._removed.get(camera)
        return found if found is not None and found.until_s >= self._clock.mono_s() else None

    def forget(self, camera: CameraId) -> None:
        """Call this when it was restored."""
        self._removed[camera] = replace(self._removed[camera], until_s=-math.inf)
        self._handle.wake()

    def step(self) -> float:
        file = self._settings.file
        with self._settings.changing():
            over = [camera for camera in self._removed if self.find(camera) is None]
            try:
                if over and file is not None:
                    draft = SettingsDraft(file, "", {})
                    for camera in over:
                        draft.put_secret(_KEPT + secret_name(camera), None)
                    draft.write()
            except TawnyError as error:
                log.warning("secrets.toml still holds the removed cameras %s: %s", ", ".join(over), error)
                return _EVERY_S
            for camera in over:
                del self._removed[camera]
            left_s = [one.until_s - self._clock.mono_s() for one in self._removed.values()]
            return min([_EVERY_S, *(one + 1.0 for one in left_s)])

    def close(self) -> None:
        """Nothing to release."""

    def _write(self, camera: CameraId, removed: RemovedCamera, until_ms: int) -> None:
        file, logins = self._settings.file, LoginHistory()
        if file is None or file.with_name("secrets.toml").is_symlink():  # a link may be for reading only
            return
        for place, sign_in in removed.logins.items():
            logins.offered(place, sign_in)
        draft = SettingsDraft(file, "", {})
        kept = {
            "camera": camera,
            "until_ms": until_ms,
            "table": tomlkit.dumps({"camera": removed.table}),
            "secrets": removed.secrets,
            "logins": logins.to_bytes().decode(),
        }
        draft.put_secret(_KEPT + secret_name(camera), json.dumps(kept))
        draft.write()


def _read(file: Path, clock: Clock) -> Mapping[CameraId, RemovedCamera]:
    """Return what a run before removed; what is unreadable can't be restored."""
    found = dict[CameraId, RemovedCamera]()
    with suppress(SettingsError):
        for name, value in stored_secrets(file.parent).items():
            with suppress(ValueError, KeyError, TypeError):
                if name.startswith(_KEPT):
                    kept, logins = json.loads(value), LoginHistory()
                    logins.load(kept["logins"].encode())
                    camera, left_s = CameraId(kept["camera"]), (kept["until_ms"] - clock.now_ms()) / 1000
                    found[camera] = RemovedCamera(
                        tomlkit.parse(kept["table"])["camera"], kept["secrets"], logins.of(camera),
                        until_s=clock.mono_s() + min(left_s, UNDO_S),
                    )  # fmt: skip
    return found
