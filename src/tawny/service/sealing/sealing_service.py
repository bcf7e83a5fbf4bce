"""Sealing service: reads and changes encryption settings and unlock methods at runtime.

Implements `service.interfaces.sealing.SealingApi`.
"""

import threading
from collections.abc import Callable, Mapping
from pathlib import Path

from tawny.config.changes.sealing import change_seal
from tawny.config.settings import Settings
from tawny.model.clock import Clock
from tawny.model.errors import NotDone
from tawny.model.ids import CameraId
from tawny.service.interfaces.sealing import SealingStatus, UnlockMethod
from tawny.service.sealing.unlock_methods import OWNER, UnlockMethodStore


class SealingService:
    """Changes encryption settings.

    settings: returns the current ones; apply: applies changed ones. config: the settings file; None: not in use.
    fingerprint: of the recorder's first signing key.
    """

    def __init__(
        self,
        folder: Path,
        clock: Clock,
        settings: Callable[[], Settings],
        apply: Callable[[Settings, str], None],
        config: Path | None,
        fingerprint: str,
    ) -> None:
        self._ways, self._clock = UnlockMethodStore(folder), clock
        self._settings, self._apply, self._config = settings, apply, config
        self._fingerprint = fingerprint
        self._lock = threading.Lock()

    def now(self) -> SealingStatus:
        settings, sheet = self._settings(), self._ways.sheet()
        return SealingStatus(
            recipients=settings.encryption.recipients,
            recovery=settings.encryption.recovery,
            is_everything=settings.storage.encrypt,
            cameras={CameraId(name): settings.is_sealed(name) for name in settings.cameras},
            fingerprint=self._fingerprint,
            ways=self._ways.all(),
            made_ms=sheet.get("made_ms"),
            tested_ms=sheet.get("tested_ms"),
            is_in_file=self._config is not None,
        )

    def opens(self, recipient: str) -> str:
        settings = self._settings()
        if recipient == settings.encryption.recovery:
            return "the recovery sheet, which opens everything"
        if recipient in settings.encryption.recipients:
            return "a key that opens everything"
        cameras = [camera.name or name for name, camera in settings.cameras.items() if recipient in camera.recipients]
        return f"a key that opens {', '.join(cameras)}" if cameras else ""

    def set_up(self, recipient: str, recovery: str, wrapped: bytes) -> None:
        with self._lock:
            settings, config = self._settings(), self._file()
            if settings.encryption.all or self._ways.all():
                raise NotDone(
                    "Encryption is already set up.",
                    "Recordings encrypted with the existing keys need them. Reload the page.",
                )
            own = {name: camera.encrypt for name, camera in settings.cameras.items() if camera.encrypt is not None}
            self._ways.add(wrapped, self._clock.now_ms(), "Passphrase", OWNER)
            new = change_seal(config, everything=settings.storage.encrypt, cameras=own, keys=(recipient, recovery))
            self._ways.sheet_shown(self._clock.now_ms())
            self._apply(new, str(config))

    def wrapped(self, way: str) -> bytes | None:
        return self._ways.wrapped(way)

    def add_way(self, name: str, wrapped: bytes) -> UnlockMethod:
        with self._lock:
            return self._ways.add(wrapped, self._clock.now_ms(), name)

    def remove_way(self, way: str) -> None:
        with self._lock:
            self._ways.remove(way)

    def tested(self, recovery: str) -> bool:
        is_ours = recovery == self._settings().encryption.recovery
        if is_ours:
            self._ways.sheet_shown(self._clock.now_ms())
        return is_ours

    def seal(self, *, everything: bool, cameras: Mapping[CameraId, bool]) -> None:
        with self._lock:
            config = self._file()
            new = change_seal(config, everything=everything, cameras=dict(cameras))
            self._apply(new, str(config))

    def _file(self) -> Path:
        if self._config is None:
            raise NotDone("There is no settings file to store the public keys in.", "Create one with `tawny init`.")
        return self._config
