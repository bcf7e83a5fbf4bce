"""Restoring a backup: unpack and verify next to the data, compare, then replace.

`.restore.new` holds what is being unpacked, for one request or command at a time. Once it is whole and on the disk, it
is renamed to `.restore` with a plan; from then on the restore is carried out, also after a power cut: `finish_restore`
does the rest at the next start, and nothing else is unpacked before.
"""

import errno
import fcntl
import json
import os
import re
import shutil
import tomllib
from collections.abc import Iterable, Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from tawny.config.file_writing import modes_optional, settings_unwritable, sync_folder
from tawny.model.errors import FolderInUse, NotDone, StorageError
from tawny.sealed.broken import SealedFileBroken
from tawny.sealed.signing import hash_of
from tawny.sealed.statements import SigningState, lines_of, statements_name
from tawny.service import languages
from tawny.service.backup.backup_file import (
    DAMAGED,
    DATABASES,
    SETTINGS_FILE,
    BackupInfo,
    fingerprint_in,
    is_kept,
    read_backup,
)
from tawny.service.backup.fitted_settings import FittedSettings
from tawny.service.backup.obstacles import like_former, linked_file, mount_obstacle, settings_obstacle
from tawny.service.backup.restored_accounts import ACCOUNTS, access_changes, end_sign_ins
from tawny.service.backup.restored_keys import keep_others, key_changes
from tawny.service.backup.restored_outbox import OUTBOX, merge_wal, skip_what_was_sent
from tawny.service.backup.setting_changes import (
    SettingChange,
    expanded,
    flat,
    new_programs,
    setting_changes,
    tables_in,
)
from tawny.storage.disk.disk import turned
from tawny.storage.disk.lock import holder
from tawny.storage.disk.private_files import give_to_owner, make_folder, open_lock_file
from tawny.storage.disk.volume import Volume
from tawny.storage.history import left_cameras
from tawny.storage.history.signed_files import FOLDER, NAMES, STATE, read_object
from tawny.storage.index.damaged_files import forget_put_aside

PENDING: Final = ".restore"
NO_SETTINGS: Final = "The backup has no settings file."
_UNPACKING: Final = ".restore.new"
_LOCK: Final = ".restore.lock"
UPLOAD: Final = ".restore.upload"
_DONE: Final = ".restore.done"
_PLAN: Final = "plan.json"
_OLD: Final = "old"
_INDEX: Final = "tawny.db"
_KEYS: Final = "keys"
_UNITS: Final = (
    *DATABASES,
    "fleet.key",
    "standby.key",
    "camera-logins.json",
    "known.bin",
    "mutings.json",
    "setup.json",
    "history",
    _KEYS,
    "models",
    languages.FOLDER,
)
"""What is replaced in the data folder, each as a whole; keys that the backup doesn't have stay."""
_MASKS: Final = left_cameras.LEFT
"""Replaced where the history stays and has lost it."""
_SIGNING: Final = (NAMES, STATE)
"""Restored where the history stays and has lost its keys, as that of a mirror, which has none."""
_UNREADABLE: Final = (OSError, SealedFileBroken, ValueError, KeyError, IndexError, TypeError)
_WITH_SETTINGS: Final = ("secrets.toml", "known.key", "certificates")
_PATHS: Final = re.compile(
    r"storage\.(mirror|spare|tiers\.\d+\.path)|web\.secure\.(certificate|key|authority)|log\.file"
    r"|scripts\.folder|files\.[^.]+\.folder|cameras\.[^.]+\.detection\.[^.]+\.file"
)


@dataclass(frozen=True, slots=True)
class RestorePlan:
    """What a restore would do. overwrites: names of what is replaced. notes: sentences about what to look at.

    listens: the address of the web interface after it, if it becomes another one. refused: whether a restore would be.
    """

    info: BackupInfo
    changes: Sequence[SettingChange]
    overwrites: Sequence[str]
    notes: Sequence[str]
    listens: str
    refused: bool


class UnpackedBackup:
    """A whole and verified backup next to the data, the only one at a time. Call `commit` or `discard`."""

    def __init__(self, data: Path, folder: Path, info: BackupInfo, undo: ExitStack) -> None:
        """undo: removes the folder, and lets others unpack."""
        self.info = info
        self._data, self._folder, self._undo = data, folder, undo
        self._fit: FittedSettings | None = None

    @classmethod
    def unpack(cls, parts: Iterable[bytes], passphrase: str, data: Path) -> "UnpackedBackup":
        """Unpack into the data folder, which may be new. Raises NotDone, StorageError: nothing is left behind."""
        folder: Path = data / _UNPACKING
        info: BackupInfo | None = None
        made = [one for one in (data, *data.parents) if not one.exists()]
        with ExitStack() as undo:
            undo.callback(_remove_empty, made)
            try:
                make_folder(data)
                undo.enter_context(_unpacking(data))
                undo.callback(shutil.rmtree, folder, ignore_errors=True)
                _remove(folder)
                folder.mkdir(mode=0o700)
                for info, file in read_backup(parts, passphrase):  # noqa: B007 - the same each time
                    path = folder / file.name
                    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
                    _write(path, file.portions)
            except OSError as error:
                raise turned(error, str(data)) from error
            if info is None:
                raise NotDone("This backup is empty.", "Use another one. Nothing was changed.")
            kept = undo.pop_all()
        return cls(data, folder, info, kept)

    def plan(self, config: Path, listens: str = "") -> RestorePlan:
        """Return what `commit` would do here. config: the settings file that is replaced or made.

        listens: the address of the web interface now; empty: that of the settings file.
        """
        units = [name for name in self._units() if name != _KEYS]  # those here stay, too
        there = [str(self._data / name) for name in units if _is_there(self._data / name)]
        there += [str(path) for path in (config, *map(config.with_name, _WITH_SETTINGS)) if _is_there(path)]
        fitted = self._fitted(config)
        notes = list(self._notes(config, fitted))
        changes = setting_changes(config, self._folder / SETTINGS_FILE)
        is_fixed = listens not in ("", fitted.listened)  # by `--listen`, as the next start too
        then = "" if is_fixed or fitted.listens == fitted.listened else fitted.listens
        return RestorePlan(self.info, changes, there, notes, then, self._obstacle(config) is not None)

    def _notes(self, config: Path, fitted: FittedSettings) -> Iterator[str]:
        if self._keeps_history():
            yield self._staying()
            if self._masks() is not None:
                yield "Lost privacy masks of removed cameras come from the backup."
        elif self._is_same_recorder():
            yield "The history in this folder is older: that of the backup goes on from it, and replaces it."
        elif self.info.fingerprint:
            yield f"The recorder gets the fingerprint {self.info.fingerprint[:16]}… of the backup."
        for path, value in flat(tables_in(self._folder / SETTINGS_FILE)).items():
            if value and _PATHS.fullmatch(path) and not os.access(config.parent / expanded(str(value)), os.F_OK):
                yield f"{path} is {value}, which doesn't exist here. Create or mount it, or change it in {config}."
        for file in sorted((self._folder / DAMAGED).glob("*.db")):
            yield f"{file.name} was damaged when it was saved, and isn't restored."
        yield from access_changes(self._folder / "data" / ACCOUNTS, self._data / ACCOUNTS)
        yield from key_changes(self._folder / SETTINGS_FILE, config)
        yield from fitted.notes()
        if (obstacle := self._obstacle(config)) is not None:
            yield str(obstacle)
        if not _is_there(self._folder / SETTINGS_FILE):
            yield NO_SETTINGS
            return
        if why := fitted.wrong():
            yield f"The settings of the backup need a look before they work here: {why}"

    def _fitted(self, config: Path) -> FittedSettings:
        """Return the same each time: a port may get free between the plan and the restore."""
        if self._fit is None:
            self._fit = FittedSettings(self._folder / SETTINGS_FILE, config, self._data)
        return self._fit

    def check_programs(self, config: Path) -> None:
        """Raise NotDone if the settings of the backup run programs which those here don't run, or use such files.

        For restores over the network: an intruder in an owner's browser could otherwise run anything.
        """
        if new := new_programs(config, self._folder / SETTINGS_FILE):
            raise NotDone(
                f"This backup would run programs, or use files, that aren't used here yet: {', '.join(new)}.",
                "Restore it in a terminal of this computer, with `tawny restore`. Nothing was changed.",
            )

    def check_place(self, config: Path) -> None:
        """Raise NotDone if something here can't be replaced, as `commit` does: before what is here is saved."""
        if (obstacle := self._obstacle(config)) is not None:
            raise obstacle

    def _obstacle(self, config: Path) -> NotDone | None:
        in_data = mount_obstacle(self._data / name for name in self._replaced())
        return in_data or settings_obstacle(self._folder / "settings", config)

    def check_start(self, config: Path) -> None:
        """Raise NotDone if tawny wouldn't start with the settings of the backup.

        For restores over the network: they couldn't be corrected there.
        """
        if _is_there(self._folder / SETTINGS_FILE) and (why := self._fitted(config).wrong()):
            raise NotDone(
                f"The settings of this backup don't work here: {why}",
                "Restore it in a terminal here with `tawny restore`, and correct them. Nothing was changed.",
            )

    def _units(self) -> list[str]:
        """Return what is replaced. Languages, which earlier versions didn't save, and keys stay if it has none."""
        stay = (languages.FOLDER, _KEYS)
        return [name for name in _UNITS if name not in stay or _is_there(self._folder / "data" / name)]

    def _replaced(self) -> list[str]:
        units = [name for name in self._units() if not (name == "history" and self._keeps_history())]
        return units + self._lost_keys()

    def _keeps_history(self) -> bool:
        """Whether the folder has a history of the same recorder, and the backup has none that goes on from it."""
        return self._is_same_recorder() and not _goes_on(self._folder / "data", self._data)

    def _lost_keys(self) -> list[str]:
        """Return the keys of a history that stays if it has lost them and the backup has them."""
        if not self._keeps_history() or _is_there(self._data / STATE):
            return []
        return [name for name in _SIGNING if _is_there(self._folder / "data" / name)]

    def _staying(self) -> str:
        """Return the note about a history that stays."""
        if STATE not in self._lost_keys():
            return "The history in this folder is of the same recorder and stays: it is never set back."
        try:
            here, there = _end_of(self._data), _end_of(self._folder / "data")
        except _UNREADABLE:
            return (
                "The history in this folder stays, and can't be compared with the keys in the backup: if it is newer, "
                "tawny begins a new one when it starts, with another fingerprint. Export evidence before."
            )
        if here == there and here[1] == _days_of(self._data)[-1].stem:  # no later day was begun
            return "The history in this folder stays, and gets its keys from the backup."
        return (
            "The history in this folder stays, and is newer than the keys in the backup: when tawny starts, it begins "
            "a new one, with another fingerprint. Export evidence before."
        )

    def _is_same_recorder(self) -> bool:
        return bool(self.info.fingerprint) and fingerprint_in(self._data) == self.info.fingerprint

    def _masks(self) -> bytes | None:
        """Return the masks of removed cameras if those of the history that stays are lost."""
        saved = self._folder / "data" / _MASKS
        if not self._keeps_history() or not _is_there(saved):
            return None
        return left_cameras.regained(Volume.at(self._data).disk, saved.read_bytes())

    def commit(self, config: Path) -> None:
        """Make the restore certain; `finish_restore` carries it out. Raises NotDone, StorageError."""
        self.check_place(config)
        units = self._replaced()
        try:
            if (masks := self._masks()) is not None:
                units.append(_MASKS)
                (self._folder / "data" / _MASKS).unlink()
                _write(self._folder / "data" / _MASKS, [masks])
            present = [name for name in units if _is_there(self._folder / "data" / name)]
            plan = {"config": str(config.absolute()), "units": units, "present": present}
            if (text := self._fitted(config).text()) is not None:
                (path := self._folder / SETTINGS_FILE).unlink()
                _write(path, [text.encode()])
            _write(self._folder / _PLAN, [json.dumps(plan).encode()])
            _sync_tree(self._folder)
            self._folder.rename(self._data / PENDING)
            sync_folder(self._data)
        except OSError as error:
            raise turned(error, str(self._data)) from error
        self.discard()

    def discard(self) -> None:
        """Remove what was unpacked, and let others unpack; after `commit` there is nothing to remove."""
        self._undo.close()


@contextmanager
def _unpacking(data: Path) -> Iterator[None]:
    """Unpack alone, and not while a restore waits for the next start. Raises NotDone, OSError."""
    fd = open_lock_file(path := data / _LOCK)
    try:
        try:
            fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
            is_alone = os.path.samestat(path.stat(), os.fstat(fd))
        except (BlockingIOError, FileNotFoundError):  # the second: another one has ended now
            is_alone = False
        if not is_alone:
            raise NotDone("Another check or restore of a backup is running here.", "Wait for it, then try again.")
        try:
            if (data / PENDING).is_dir():
                raise NotDone(
                    "A restore was prepared here already. The next start of tawny carries it out.",
                    "Restart tawny first. Nothing was changed.",
                )
            yield
        finally:
            path.unlink(missing_ok=True)
    finally:
        os.close(fd)


def _goes_on(new: Path, here: Path) -> bool:
    """Return whether the signed history in `new` has its keys, all of that in `here`, and more. Neither is verified."""
    if not _is_there(new / STATE):
        return False
    try:
        (n, day, prev), (theirs, *_) = _end_of(here), _end_of(new)
        lines = lines_of((new / FOLDER / statements_name(day)).read_bytes())
    except _UNREADABLE:
        return False
    return theirs > n and any(hash_of(line) == prev for line in lines)


def _end_of(data: Path) -> tuple[int, str, str]:
    """Return the number of the next statement, and day and hash of the last one; without keys, as its line says.

    Raises one of `_UNREADABLE`.
    """
    if _is_there(data / STATE):
        state = SigningState.read(read_object((data / STATE).read_bytes()))
        return state.n, state.day, state.prev
    for day in reversed(_days_of(data)):  # the only line of the newest may be torn
        if lines := lines_of(day.read_bytes()):
            return int(read_object(lines[-1])["n"]) + 1, day.stem, hash_of(lines[-1])
    raise SealedFileBroken("it has no statement")


def _days_of(data: Path) -> list[Path]:
    return sorted((data / FOLDER).glob(statements_name("????-??-??")))


def _has_gone_on(new: Path, here: Path) -> bool:
    """Return whether the history here is of the same recorder, and has statements that the other lacks."""
    ours = fingerprint_in(here)
    return bool(ours) and ours == fingerprint_in(new) and not _goes_on(new, here)


def _remove_empty(folders: Iterable[Path]) -> None:
    with suppress(OSError):
        for one in folders:
            one.rmdir()


def stated_folder(parts: Iterable[bytes], passphrase: str) -> str:
    """Return `storage.path` of the settings in a backup; empty: the default folder. Raises NotDone."""
    for _, file in read_backup(parts, passphrase):
        if file.name == SETTINGS_FILE:
            with suppress(ValueError):
                return str(flat(tomllib.loads(file.read().decode("utf-8-sig"))).get("storage.path") or "")
        break
    return ""


@contextmanager
def held(data: Path) -> Iterator[None]:
    """Keep recorders from starting in this folder. Raises FolderInUse; StorageError."""
    try:
        fd = open_lock_file(data / "lock")
    except OSError as error:
        raise turned(error, str(data)) from error
    try:
        fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)  # what it says stays: the next start reads it
        yield
    except BlockingIOError:
        raise in_use(data) from None
    finally:
        os.close(fd)


def in_use(data: Path) -> FolderInUse:
    life = holder(data)
    return FolderInUse(str(data), f"process {life.pid}" if life and life.pid else "which one is unknown")


def finish_restore(data: Path) -> bool:
    """Carry out a restore that was committed; return whether there was one. Hold the folder's lock.

    It can be interrupted at any time and called again. Raises StorageError.
    """
    folder = data / PENDING
    if not folder.is_dir() or folder.is_symlink():
        return False
    try:
        plan = json.loads((folder / _PLAN).read_text())
        config, units = Path(plan["config"]), [name for name in plan["units"] if name in (*_UNITS, _MASKS, *_SIGNING)]
    except (OSError, ValueError, KeyError, TypeError):
        raise StorageError(str(folder), "the plan of a restore can't be read; move this folder away") from None
    try:
        (folder / _OLD).mkdir(mode=0o700, exist_ok=True)
        for path in (folder, *folder.glob("**/*")):
            give_to_owner(path, data)
        end_sign_ins(folder / "data" / ACCOUNTS, data / ACCOUNTS)
        if "history" in units and _has_gone_on(folder / "data", data):
            units.remove("history")  # signed here since the restore was decided
        for name in units:
            is_in_backup = name in plan["present"]
            _replace(data / name, folder / "data" / name, folder / _OLD / name, is_in_backup=is_in_backup)
            if is_in_backup:
                forget_put_aside(data, name)
        keep_others(folder / _OLD / _KEYS, data / _KEYS)
        skip_what_was_sent(data / OUTBOX, None if "history" in units else folder / _OLD / OUTBOX)
        if _MASKS in units and not _is_there(folder / "data" / left_cameras.DAMAGED):
            (data / left_cameras.DAMAGED).unlink(missing_ok=True)
            sync_folder((data / _MASKS).parent)
        if "history" in units:
            _keep_others(folder / _OLD / "history", data / "history")
            for name in (_INDEX, f"{_INDEX}-wal", f"{_INDEX}-shm"):  # made again from the recordings
                (data / name).unlink(missing_ok=True)
        try:
            _put_settings(folder / "settings", config, data)
        except OSError as error:
            raise settings_unwritable(error, config.parent) from error
        sync_folder(data)
        _remove(done := data / _DONE)
        folder.rename(done)
        _remove(done)
    except OSError as error:
        raise turned(error, str(data)) from error
    return True


def remove_leftovers(data: Path) -> None:
    """Remove what killed checks, uploads and restores left, before a recorder starts; some of it isn't encrypted."""
    names = (_UNPACKING, UPLOAD, _DONE, _LOCK)
    if not any(_is_there(data / name) for name in names):
        return
    with (
        suppress(OSError, NotDone, StorageError),
        held(data),
        _unpacking(data),
    ):  # not of a recorder or command that runs
        for name in names[:-1]:
            with suppress(OSError):  # such as those of root
                _remove(data / name)


def _keep_others(old: Path, here: Path) -> None:
    """Take over files of a replaced history that no backup has, such as the checksums of archived recordings."""
    for path in sorted(old.iterdir()) if old.is_dir() else ():
        if path.is_file() and not is_kept(f"data/history/{path.name}") and not _is_there(here / path.name):
            _move(path, here / path.name)


def _replace(there: Path, new: Path, old: Path, *, is_in_backup: bool) -> None:
    """Put `new` in the place of `there`, which moves to `old`; what is not in the backup is taken away."""
    if is_in_backup and not _is_there(new):
        return  # done before an interruption
    if there.suffix == ".db":
        merge_wal(there)
    old.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    if _is_there(there) and not _is_there(old):
        _move(there, old)
    if is_in_backup:
        _move(new, there)
        sync_folder(there.parent)


def _move(path: Path, to: Path) -> None:
    """Rename; copy a file of `history` where that is a subvolume of Btrfs. Can be interrupted and called again."""
    try:
        path.rename(to)
    except OSError as error:
        if error.errno != errno.EXDEV or not path.is_file():
            raise
        part = to.with_name(f".{to.name}.restore")
        part.unlink(missing_ok=True)
        _write(part, [path.read_bytes()], path, path.stat().st_mode & 0o777)
        part.rename(to)
        path.unlink()


def _put_settings(new: Path, config: Path, data: Path) -> None:
    """Write the settings and what belongs to them; an interrupted try is repeated.

    Without the settings file, as of a folder that had lost it, what the backup doesn't have stays.
    """
    if not new.is_dir():
        return
    is_whole = (new / "tawny.toml").exists()
    make_folder(config.parent)
    certificates = config.with_name("certificates")
    if certificates.is_symlink():
        raise StorageError(str(certificates), "it is a link")
    if is_whole or (new / "certificates").exists():
        _remove(certificates)
    users = [path for path in (data, config.parent, config) if path.exists() and path.stat().st_uid]
    like = users[0] if users else config.parent  # tawny runs as the owner of its data
    if (new / "certificates").exists():
        make_folder(certificates)
        _give(certificates, like)
    for path in sorted(new.glob("**/*")):
        name = f"settings/{path.relative_to(new)}"
        if path.is_dir() or not is_kept(name):
            continue
        to = linked_file(config if name == SETTINGS_FILE else config.parent / path.relative_to(new))
        make_folder(to.parent)
        written = to.with_name(f".{to.name}.restore")
        written.unlink(missing_ok=True)
        _write(written, [path.read_bytes()], *like_former(to, like, is_settings=name == SETTINGS_FILE))
        written.replace(to)
        sync_folder(to.parent)
    for name in ("secrets.toml", "known.key") if is_whole else ():
        if not (new / name).exists():
            config.with_name(name).unlink(missing_ok=True)
    sync_folder(config.parent)


def _give(made: Path | int, like: Path) -> None:
    with suppress(PermissionError), modes_optional():  # as in a container
        give_to_owner(made, like)


def _is_there(path: Path) -> bool:
    return os.path.lexists(path)


def _write(path: Path, portions: Iterable[bytes], like: Path | None = None, mode: int = 0o600) -> None:
    """Write a new file durably. like: whose owner gets what root writes; None: root keeps it."""
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
    with os.fdopen(os.open(path, flags, 0o600), "wb") as file:
        if like is not None:
            _give(file.fileno(), like)
        with modes_optional():
            os.fchmod(file.fileno(), mode)
        for portion in portions:
            file.write(portion)
        file.flush()
        os.fsync(file.fileno())


def _remove(path: Path) -> None:
    if path.is_symlink() or path.is_file():
        path.unlink()
    elif path.is_dir():
        shutil.rmtree(path)


def _sync_tree(folder: Path) -> None:
    for one in (folder, *(path for path in folder.glob("**/*") if path.is_dir())):
        sync_folder(one)
