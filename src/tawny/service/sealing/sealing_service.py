"""Sealing service: reads and changes encryption settings and unlock methods at runtime."""

import json
import logging
import os
import re
import secrets
import threading
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, replace
from functools import lru_cache
from pathlib import Path
from typing import Any, Final, Literal

from tawny.config.changes import change_seal
from tawny.config.file_writing import modes_optional
from tawny.config.settings import Settings
from tawny.model.errors import FolderUnwritable, NotDone
from tawny.model.ids import CameraId
from tawny.model.times import Clock
from tawny.sealed.key_wrapping import short_name
from tawny.sealed.statements import statements_name
from tawny.service.changeable_settings import ChangeableSettings
from tawny.storage.history.signed_files import FOLDER

log = logging.getLogger(__name__)
_RECIPIENTS: Final = re.compile(rb'"recipients": ?\[([^]]*)]')
_NAME: Final = re.compile(rb"[0-9a-f]{16}")


@dataclass(frozen=True, slots=True)
class SealedWay:
    id: str
    """Of a private key that a passphrase or passkey encrypts."""
    kind: Literal["passphrase", "passkey", "other"]
    name: str
    made_ms: int
    recipient: str | None
    """The public key; None: unknown, as of methods made by older versions."""
    in_force: bool | None
    """New recordings are encrypted for this key; None: unknown."""


@dataclass(frozen=True, slots=True)
class SealingStatus:
    """State of encryption.

    recipients: public keys that can open sealed files, except the recovery sheet's. fingerprint: of the recorder's
    first signing key. tested_ms: when a user last proved possession of the sheet, ms UTC.
    """

    recipients: Sequence[str]
    recovery: str | None
    is_everything: bool
    cameras: Mapping[CameraId, bool]
    fingerprint: str
    ways: Sequence[SealedWay]
    made_ms: int | None
    tested_ms: int | None
    is_in_file: bool


NOTHING: Final = SealingStatus(
    (), None, is_everything=False, cameras={}, fingerprint="", ways=(), made_ms=None, tested_ms=None, is_in_file=False
)
"""Used where encryption is not available."""


# Unlock methods: users' private keys, stored encrypted as `keys/<id>.age`.

KEYS: Final = "keys"
OWNER: Final = "owner"
_SHEET: Final = "sheet.json"
_PUBLIC: Final = ".pub"
"""Ending of files named after keys that recordings were encrypted for."""
EARLIER_SHEET: Final = (
    "This is an earlier recovery sheet. It opens what was encrypted for it, such as uploads from then."
)
EARLIER_SHEET_DO: Final = "Keep it as long as there are recordings or copies from then."
NO_SHEET: Final = "This key opens new recordings, but isn't the recovery sheet in use."
NO_SHEET_DO: Final = "Keep it, and enter the words of the recovery sheet."
_MOST: Final = 32
_Kind = Literal["passphrase", "passkey", "other"]
_KINDS: Final[Mapping[bytes, _Kind]] = {
    b"-> scrypt ": "passphrase",
    b"-> age-encryption.org/fido2prf ": "passkey",
}
_NAMES: Final = {"passphrase": "Passphrase", "passkey": "Passkey", "other": "Key"}


class UnlockMethodStore:
    """Stores unlock methods below the data folder. Raises FolderUnwritable and NotDone."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder / KEYS
        self._pending = self._folder / f"{OWNER}.age.new"
        """The first key, until the settings name its recipient."""

    def all(self) -> list[SealedWay]:
        """Return all, oldest first."""
        found = [self._way(path) for path in self._folder.glob("*.age")]
        return sorted(found, key=lambda way: (way.made_ms, way.id))

    def wrapped(self, way: str) -> bytes | None:
        return next((path.read_bytes() for path in self._folder.glob("*.age") if path.stem == way), None)

    def refuse_earlier(self) -> None:
        """Raise NotDone if there are unlock methods."""
        if self.all():
            raise NotDone(
                f"{self._folder} has keys of an earlier set-up.",
                "Recordings may need them. Move that folder elsewhere, or name their public keys in the settings file.",
            )

    @contextmanager
    def first(self, wrapped: bytes, now_ms: int, recipient: str | None = None) -> Iterator[None]:
        """Add the first unlock method, which counts when the block has named its recipient in the settings.

        If the block raises, nothing is left; if tawny ends meanwhile, nothing that counts. Raises NotDone if there are
        unlock methods, or the key is not encrypted; FolderUnwritable.
        """
        self.refuse_earlier()
        _check_wrapped(wrapped)
        _remove(self._pending)
        with ExitStack() as undo:
            undo.callback(_remove, self._pending, self._folder / f"{OWNER}.json", self._folder / _SHEET)
            write_secret_file(self._pending, wrapped)
            self._note_way(f"{OWNER}.json", _NAMES["passphrase"], now_ms, recipient)
            self.sheet_made(now_ms)
            yield
            undo.pop_all()  # the settings name its recipient: the key stays, whatever comes
        self.finish()

    def finish(self) -> None:
        """Let the first unlock method count whose recipient was named before tawny ended, if there is one.

        One that can't be completed is tried again at the next start: recording goes on all the same.
        """
        owner = self._folder / f"{OWNER}.age"
        try:
            if not owner.exists():  # it may have been restored meanwhile
                self._pending.rename(owner)
        except FileNotFoundError:
            return
        except OSError as error:
            log.error("the key in %s can't be completed: %s", self._pending, error)

    def add(self, wrapped: bytes, now_ms: int, name: str, *, recipient: str | None = None) -> SealedWay:
        """Add an unlock method of this public key. Raises NotDone if the key is not encrypted, and FolderUnwritable.
        Nothing is added then.
        """
        _check_wrapped(wrapped)
        if len(list(self._folder.glob("*.age"))) >= _MOST:
            raise NotDone(f"You already have {_MOST} unlock methods.", "Remove one of them first.")
        path = self._folder / f"{secrets.token_hex(6)}.age"
        write_secret_file(path, wrapped)
        with ExitStack() as undo:
            undo.callback(_remove, path)
            self._note_way(path.with_suffix(".json").name, name, now_ms, recipient)
            undo.pop_all()
        return self._way(path)

    def remove(self, way: str, in_force: Collection[str]) -> None:
        """Delete an unlock method. Raises NotDone for an unknown one, the last one, and the last one known of a key.

        in_force: public keys that new recordings are encrypted for. A method whose key isn't known may be of any, so
        with one left, all others can be removed: a stolen passkey has to go.
        """
        ways = {one.id: one for one in self.all()}
        one = ways.pop(way, None)
        if one is None:
            raise NotDone("This unlock method doesn't exist.", "Reload the page.")
        if not ways:
            raise NotDone("This is the last unlock method besides the recovery sheet.", "Add another one first.")
        if one.recipient in in_force and {one.recipient, None}.isdisjoint(other.recipient for other in ways.values()):
            raise NotDone(
                "This is the only unlock method known for a key that new recordings are encrypted for.",
                "Add another one for this key first.",
            )
        path = self._folder / f"{way}.age"
        try:
            path.unlink()
            path.with_suffix(".json").unlink(missing_ok=True)
        except OSError as error:
            raise FolderUnwritable(str(self._folder), error.strerror or "") from None

    def used_for(self, recipient: str) -> None:
        """Remember that files are encrypted for this key, in a file of its own. Raises FolderUnwritable."""
        path = self._folder / f"{short_name(recipient)}{_PUBLIC}"
        try:
            self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            path.write_text(f"{recipient}\n")
        except OSError as error:
            raise FolderUnwritable(str(self._folder), error.strerror or "") from None

    def sheet(self) -> dict[str, Any]:
        """Return `made_ms` and `tested_ms` if known."""
        return _read(self._folder / _SHEET)

    def sheet_made(self, now_ms: int) -> None:
        """Note that a sheet has replaced the one before, and was tested."""
        self._note(_SHEET, {"made_ms": now_ms, "tested_ms": now_ms})

    def sheet_shown(self, now_ms: int) -> None:
        sheet = self.sheet()
        self._note(_SHEET, {"made_ms": sheet.get("made_ms", now_ms), "tested_ms": now_ms})

    def _way(self, path: Path) -> SealedWay:
        values, head = _read(path.with_suffix(".json")), path.read_bytes()[:2000]
        kind: _Kind = next((kind for mark, kind in _KINDS.items() if mark in head), "other")
        name, made_ms, recipient = (values.get(key) for key in ("name", "made_ms", "recipient"))
        return SealedWay(
            path.stem,
            kind,
            name if isinstance(name, str) and name else _NAMES[kind],
            made_ms if isinstance(made_ms, int) else round(path.stat().st_mtime * 1000),
            recipient if isinstance(recipient, str) else None,
            None,
        )

    def _note_way(self, name: str, called: str, made_ms: int, recipient: str | None) -> None:
        self._note(name, {"name": called, "made_ms": made_ms, "recipient": recipient})

    def _note(self, name: str, values: Mapping[str, Any]) -> None:
        new = self._folder / f"{name}.new"
        try:
            self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            new.write_text(json.dumps(values))
            new.replace(self._folder / name)
        except OSError as error:
            raise FolderUnwritable(str(self._folder), error.strerror or "") from None


def _check_wrapped(wrapped: bytes) -> None:
    if not wrapped.startswith(b"age-encryption.org/v1\n"):
        raise NotDone("This isn't a valid key.", "Try again.")


def write_secret_file(path: Path, data: bytes) -> None:
    """Write a file durably, readable by its owner only where files have rights, whatever the umask.

    Raises NotDone if it exists, and FolderUnwritable. A file that cannot be written whole is removed.
    """
    try:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        file = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
        try:
            with modes_optional():  # a stick may have none
                os.fchmod(file, 0o600)  # the umask may have taken our own rights, too
            written = 0
            while written < len(data):  # a call may write less
                written += os.write(file, data[written:])
            os.fsync(file)
        except OSError:
            path.unlink()
            raise
        finally:
            os.close(file)
    except FileExistsError:
        raise NotDone(f"{path} already exists.", "Nothing was changed. Move that file first.") from None
    except OSError as error:
        raise FolderUnwritable(str(path.parent), error.strerror or "") from None


def _by_use(ways: Sequence[SealedWay], in_force: Collection[str]) -> list[SealedWay]:
    """Return the methods, those of keys in force first: pages try them in this order. Earlier keys are last."""
    known = [replace(one, in_force=None if one.recipient is None else one.recipient in in_force) for one in ways]
    return sorted(known, key=lambda one: (True, None, False).index(one.in_force))


def keys_in_force(settings: Settings) -> set[str]:
    """Return the public keys that new recordings are encrypted for, of single cameras, too."""
    return {*settings.encryption.all, *(one for camera in settings.cameras.values() for one in camera.recipients)}


def _remove(*paths: Path) -> None:
    """Delete files as far as the disk allows it: an error is under way."""
    for path in paths:
        with suppress(OSError):
            path.unlink(missing_ok=True)


def _read(path: Path) -> dict[str, Any]:
    try:
        values = json.loads(path.read_text())
    except (OSError, ValueError):
        return {}
    return values if isinstance(values, dict) else {}


@lru_cache(maxsize=4096)
def _recipients_in(statements: Path, _size_bytes: int) -> frozenset[bytes]:
    """Return the short names of the keys in a day's statements. The size is there because today's file grows."""
    lists = set(_RECIPIENTS.findall(statements.read_bytes()))
    return frozenset(name for one in lists for name in _NAME.findall(one))


def was_used_for(folder: Path, recipient: str) -> bool:
    """Return whether files below the data folder were encrypted for a key, by notes and by the signed history.

    The notes also have a key that was in force between two statements only; statements also go back to before there
    were notes, and to a history put aside.
    """
    name = short_name(recipient)
    if (folder / KEYS / f"{name}{_PUBLIC}").exists():
        return True
    for path in (folder / FOLDER).glob(f"*{statements_name('????-??-??')}"):
        with suppress(OSError):  # put aside meanwhile
            if name.encode() in _recipients_in(path, path.stat().st_size):
                return True
    return False


class SealingService:
    """Changes encryption settings. Thread-safe; calls wait for the disk.

    Raises NotDone, SettingsError, FolderUnwritable and StorageError; nothing is changed then.

    fingerprint: of the recorder's first signing key; empty: in memory, where nothing is encrypted.
    """

    def __init__(self, folder: Path, clock: Clock, settings: ChangeableSettings, fingerprint: str) -> None:
        self._ways, self._clock, self._settings = UnlockMethodStore(folder), clock, settings
        self._folder, self._fingerprint = folder, fingerprint
        self._lock = threading.Lock()
        if self.is_possible and settings.now().encryption.all:
            self._ways.finish()

    @property
    def is_possible(self) -> bool:
        """Return whether recordings can be encrypted here. Otherwise call `now` only."""
        return self._fingerprint != ""

    def now(self) -> SealingStatus:
        if not self.is_possible:
            return NOTHING
        settings, sheet = self._settings.now(), self._ways.sheet()
        return SealingStatus(
            recipients=settings.encryption.recipients,
            recovery=settings.encryption.recovery,
            is_everything=settings.storage.encrypt,
            cameras={CameraId(name): settings.is_sealed(name) for name in settings.cameras},
            fingerprint=self._fingerprint,
            ways=_by_use(self._ways.all(), keys_in_force(settings)),
            made_ms=sheet.get("made_ms"),
            tested_ms=sheet.get("tested_ms"),
            is_in_file=self._settings.file is not None,
        )

    def opens(self, recipient: str) -> str:
        """Return what a key opens here, as text; empty if nothing."""
        settings = self._settings.now()
        if recipient == settings.encryption.recovery:
            return "the recovery sheet, which opens everything"
        if recipient in settings.encryption.recipients:
            return "a key that opens everything"
        cameras = [camera.name or name for name, camera in settings.cameras.items() if recipient in camera.recipients]
        if cameras:
            return f"a key that opens {', '.join(cameras)}"
        if was_used_for(self._folder, recipient):
            return "an earlier key, which opens only what is still encrypted for it"
        return ""

    def set_up(self, recipient: str, recovery: str, wrapped: bytes) -> None:
        """Set the recipients of future recordings. wrapped: the private key, encrypted with a passphrase."""
        with self._lock, self._settings.changing():
            settings, config = self._settings.now(), self._file()
            if settings.encryption.all:
                raise NotDone(
                    "Encryption is already set up.",
                    "Recordings encrypted with the existing keys need them. Reload the page.",
                )
            own = {name: camera.encrypt for name, camera in settings.cameras.items() if camera.encrypt is not None}
            with self._ways.first(wrapped, self._clock.now_ms(), recipient):
                new = change_seal(config, everything=settings.storage.encrypt, cameras=own, keys=(recipient, recovery))
            self._settings.apply_written(new)

    def wrapped(self, way: str) -> bytes | None:
        return self._ways.wrapped(way)

    def add_way(self, name: str, wrapped: bytes, recipient: str | None = None) -> SealedWay:
        with self._lock:
            return self._ways.add(wrapped, self._clock.now_ms(), name, recipient=recipient)

    def remove_way(self, way: str) -> None:
        with self._lock:
            self._ways.remove(way, keys_in_force(self._settings.now()))

    def tested(self, recovery: str) -> bool:
        """Record that a user proved possession of a recovery sheet. Return whether its public key is ours.

        Raises NotDone for an earlier one, and for another key in use.
        """
        is_ours = recovery == self._settings.now().encryption.recovery
        if is_ours:
            self._ways.sheet_shown(self._clock.now_ms())
        elif recovery in keys_in_force(self._settings.now()):
            raise NotDone(NO_SHEET, NO_SHEET_DO)
        elif was_used_for(self._folder, recovery):
            raise NotDone(EARLIER_SHEET, EARLIER_SHEET_DO)
        return is_ours

    def seal(self, *, everything: bool, cameras: Mapping[CameraId, bool]) -> None:
        """Select the cameras to encrypt from now on. cameras: exceptions from `everything`."""
        with self._settings.changing():
            config = self._file()
            new = change_seal(config, everything=everything, cameras=dict(cameras))
            self._settings.apply_written(new)

    def _file(self) -> Path:
        if self._settings.file is None:
            raise NotDone("There is no settings file to store the public keys in.", "Create one with `tawny init`.")
        return self._settings.file
