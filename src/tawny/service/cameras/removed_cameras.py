"""Cameras that were just removed: for half a minute, they can be restored as they were, also after a restart.

What a restart must not lose is in `secrets.toml` until then, because addresses may hold passwords.
"""

import json
import logging
import math
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field
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

_EVERY_S: Final = 60.0
log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class RemovedCamera:
    """A removed camera as it was. until_s: until when it can be restored, monotonic.

    secrets: its lines of `secrets.toml`. before, after: texts of the settings file; empty after a restart.
    """

    table: Any
    secrets: Mapping[str, str] = field(repr=False)
    logins: Mapping[LoginPlace, SignIn]
    until_s: float
    before: str = field(default="", repr=False)
    after: str = field(default="", repr=False)


_OVER: Final = RemovedCamera(None, {}, {}, -math.inf)


class RemovedCameras:
    """Actor that forgets what can no longer be restored. Call the other methods while holding `changing`."""

    name = "removed cameras"

    def __init__(self, settings: ChangeableSettings, clock: Clock) -> None:
        self._settings, self._clock = settings, clock
        self._removed = _read(settings.file, clock) if settings.file is not None else {}
        """By line of `secrets.toml`; also what only has to go from it."""
        self._handle = ActorHandle()

    def start(self, engine: Engine) -> None:
        self._handle.start(engine, self.name, lambda: self)

    def put(self, draft: SettingsDraft, camera: CameraId, removed: RemovedCamera, until_ms: int) -> None:
        """Put what a restart must not lose into the draft that removes a camera. until_ms: UNDO_S from now."""
        file, logins = self._settings.file, LoginHistory()
        if file is None or file.with_name("secrets.toml").is_symlink():  # a link may be for reading only
            return
        for place, sign_in in removed.logins.items():
            logins.offered(place, sign_in)
        kept = {
            "camera": camera,
            "until_ms": until_ms,
            "table": tomlkit.dumps({"camera": removed.table}),
            "secrets": removed.secrets,
            "logins": logins.to_bytes().decode(),
        }
        draft.put_secret(_line_of(camera), json.dumps(kept))

    def keep(self, camera: CameraId, removed: RemovedCamera) -> None:
        """Call this when it was removed."""
        self._removed[_line_of(camera)] = removed
        self._handle.wake()

    def find(self, camera: CameraId) -> RemovedCamera | None:
        """Return a camera that can still be restored."""
        found = self._removed.get(_line_of(camera))
        return found if found is not None and found.until_s >= self._clock.mono_s() else None

    def forget(self, camera: CameraId) -> None:
        """Call this when it was restored."""
        self._removed[_line_of(camera)] = _OVER
        self._handle.wake()

    def step(self) -> float:
        file = self._settings.file
        with self._settings.changing():
            over = [line for line, one in self._removed.items() if one.until_s < self._clock.mono_s()]
            try:
                if over and file is not None:
                    draft = SettingsDraft(file, "", {})
                    for line in over:
                        draft.put_secret(line, None)
                    draft.write()
            except TawnyError as error:
                log.warning("secrets.toml still holds %s of removed cameras: %s", ", ".join(over), error)
                return _EVERY_S
            for line in over:
                del self._removed[line]
            left_s = [one.until_s - self._clock.mono_s() for one in self._removed.values()]
            return min([_EVERY_S, *(one + 1.0 for one in left_s)])

    def close(self) -> None:
        """Nothing to release."""


def _line_of(camera: str) -> str:
    """Return the name of a removed camera's line in `secrets.toml`."""
    return f"REMOVED_{secret_name(camera)}"


def _read(file: Path, clock: Clock) -> dict[str, RemovedCamera]:
    """Return what a run before removed, by line; what is unreadable can't be restored."""
    found = dict[str, RemovedCamera]()
    with suppress(SettingsError):
        kept = {line: value for line, value in stored_secrets(file.parent).items() if line.startswith(_line_of(""))}
        for line, value in kept.items():
            found[line] = _OVER
            with suppress(ValueError, KeyError, TypeError):
                found[line] = _restorable(json.loads(value), clock)
    return found


def _restorable(kept: Any, clock: Clock) -> RemovedCamera:
    """Raises ValueError, KeyError, TypeError."""
    logins, left_s = LoginHistory(), (kept["until_ms"] - clock.now_ms()) / 1000
    logins.load(kept["logins"].encode())
    table, until_s = tomlkit.parse(kept["table"])["camera"], clock.mono_s() + min(left_s, UNDO_S)
    return RemovedCamera(table, kept["secrets"], logins.of(CameraId(kept["camera"])), until_s)
