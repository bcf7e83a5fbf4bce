"""The backup file: an age file (passphrase) around a gzip-compressed tar archive of plain files, format 1.

The first member is `backup.json`, then `settings/…` and `data/…`. Only names that `is_kept` knows exist in it, so a
hostile file can't name anything else. Databases are copied by SQLite's backup, which works while a recorder runs.
"""

import json
import os
import re
import sqlite3
import zlib
from collections.abc import Iterable, Iterator
from contextlib import closing
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Final

from tawny import __version__
from tawny.model.errors import NotDone, StorageError
from tawny.sealed.age_file import lock_parts, open_parts
from tawny.sealed.broken import NotEnoughMemory, SealedFileBroken, WrongPassphrase
from tawny.sealed.statements import DAYS
from tawny.service import languages
from tawny.storage.disk.disk import turned
from tawny.storage.index.mapped_memory import connect

FORMAT: Final = 1
SUFFIX: Final = ".tawny-backup"
INFO: Final = "backup.json"
SETTINGS_FILE: Final = "settings/tawny.toml"
MOST_BYTES: Final = 8 << 30
"""Limit of the unpacked content."""
MOST_FILES: Final = 100_000
MOST_INFO: Final = 1 << 20
"""Limit of `backup.json` and of the settings file."""
_BLOCK: Final = 512
_PORTION: Final = 256 * 1024
_TRIES: Final = 20
_END: Final = "end"
_WORD: Final = r"[A-Za-z0-9_@~+-][A-Za-z0-9._@~+-]{0,88}"
_KEPT: Final = re.compile(
    r"settings/(tawny\.toml|secrets\.toml|known\.key)"
    rf"|settings/certificates/{_WORD}(/{_WORD})?"
    r"|data/(accounts\.db|modes\.db|outbox\.db|hub\.db|standby\.db|fleet\.key|standby\.key)"
    r"|data/(camera-logins\.json|known\.bin|mutings\.json|setup\.json)"
    r"|data/history/(\d{4}-\d\d-\d\d(-\d+)?\.jsonl|volume|owner)"
    r"|data/history/((volumes|witnesses|deletions)\.json|borrowed-cameras\.json(\.damaged)?)"
    rf"|data/history/signed/{_WORD}\.(json|jsonl|list|key)"
    rf"|data/keys/{_WORD}|data/models/(sounds/)?{_WORD}"
    r"|data/languages/[a-z]{2,3}(-[A-Za-z0-9]{2,8})?\.json"
    r"|damaged/(accounts|modes|outbox|hub|standby)\.db(-wal)?"
)
DATABASES: Final = ("accounts.db", "modes.db", "outbox.db", "hub.db", "standby.db")
DAMAGED: Final = "damaged"
"""Folder in a backup for databases that SQLite can't read: kept for experts, and not restored."""
_IN_USE: Final = frozenset({sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED})
_IN_PART: Final = {"hub.db": "boxes", "standby.db": "boxes"}
"""The table whose rows are kept; the others stay empty: recorders send a hub their history again.

They send a standby their cameras again, too, so that no credentials of others are in a backup.
"""
_SIGNED: Final = "history/signed"


@dataclass(frozen=True, slots=True)
class BackupInfo:
    """About a backup. folder: of the recordings when it was made. fingerprint: of the signed history; empty: none."""

    made_ms: int
    version: str
    host: str
    folder: str
    fingerprint: str


@dataclass(frozen=True, slots=True)
class BackedUpFile:
    """A file of a backup, read in portions. Read it whole before the next one."""

    name: str
    size: int
    portions: Iterator[bytes]

    def read(self) -> bytes:
        """Return the content. Raises NotDone: if it is longer than such a file can be."""
        if self.size > MOST_INFO:
            raise _broken(f"{self.name} is too long")
        return b"".join(self.portions)


def is_kept(name: str) -> bool:
    """Return whether a backup holds files of this name."""
    return _KEPT.fullmatch(name) is not None and not name.endswith((".new", ".tmp"))


# --- making


def backup_parts(
    data: Path, config: Path | None, passphrase: str, made_ms: int, host: str, damaged: list[str] | None = None
) -> Iterator[bytes]:
    """Return a backup of this recorder, which may run. Raises NotDone: at once for a link; StorageError.

    damaged: for what a restore replaces, which is kept whatever its state is: the settings file may be missing, and the
    names of databases that can't be read are added here. None: both are errors.
    """
    info = BackupInfo(made_ms, __version__, host, str(data.absolute()), fingerprint_in(data))
    found = list(_found(data, config))
    if damaged is not None:
        found = [(name, path) for name, path in found if name != SETTINGS_FILE or path.exists()]
    return lock_parts(_compressed(_archive(data, info, found, damaged)), passphrase)


def fingerprint_in(data: Path) -> str:
    """Return the fingerprint of the recorder whose history is in this folder; empty: none."""
    try:
        with (data / _SIGNED / DAYS).open("rb") as file:
            header = json.loads(file.readline(_PORTION))
        return str(header.get("genesis", "")) if isinstance(header, dict) else ""
    except (OSError, ValueError):
        return ""


def _archive(
    data: Path, info: BackupInfo, found: Iterable[tuple[str, Path]], damaged: list[str] | None
) -> Iterator[bytes]:
    yield from _member(INFO, json.dumps({"format": FORMAT, **asdict(info)}).encode())
    for name, path in found:
        if path.parent == data and path.name in DATABASES:
            try:
                copy = _database(path)
            except sqlite3.Error as error:
                if damaged is None or getattr(error, "sqlite_errorcode", 0) & 0xFF in _IN_USE:
                    raise StorageError(str(path), f"it can't be copied ({error})") from error
                damaged.append(path.name)
                for raw in (path, path.with_name(f"{path.name}-wal")):
                    if raw.is_file():
                        yield from _file_member(f"{DAMAGED}/{raw.name}", raw)
            else:
                yield from _member(name, copy)
        else:
            yield from _file_member(name, path)
    yield from _signed_history(data)
    yield from _member(_END, b"")
    yield bytes(2 * _BLOCK)


def _found(data: Path, config: Path | None) -> Iterator[tuple[str, Path]]:
    """Yield what is kept: the settings file first, as readers of a beginning expect it. Raises NotDone: for a link.

    The files of secrets may be links, as other programs make them: their places are fixed. Elsewhere a link could make
    root save any file of the computer.
    """
    if config is not None:
        yield SETTINGS_FILE, config
        home = config.absolute().parent
        for path in (home / "secrets.toml", home / "known.key"):
            if path.is_symlink() and not os.path.isfile(path):  # noqa: PTH113 - raises nothing
                raise NotDone(
                    f"{path} is a link to a file that isn't there, or that tawny may not read.",
                    "Bring that file back, or delete the link, then try again.",
                )
            if path.is_file():
                yield f"settings/{path.name}", path
        yield from _kept_in("settings", home, sorted(home.glob("certificates/**/*")))
    yield from _kept_in("data", data, sorted(data.glob("*")))
    for folder in (data / "history", data / "keys"):
        _refuse_link(folder)
        yield from _kept_in("data", data, sorted(folder.glob("*")))
    for name, inside in (("models", ("*", "sounds/*")), (languages.FOLDER, ("*",))):
        if not (folder := data / name).is_symlink():  # they are elsewhere, or can be had again: links are left out
            found = [path for one in inside for path in sorted(folder.glob(one)) if not path.is_symlink()]
            yield from _kept_in("data", data, found)


def _kept_in(place: str, folder: Path, paths: Iterable[Path]) -> Iterator[tuple[str, Path]]:
    for path in paths:
        name = f"{place}/{path.relative_to(folder)}"
        if is_kept(name):
            _refuse_link(path)
            if path.is_file():
                yield name, path


def _refuse_link(path: Path) -> None:
    if path.is_symlink():
        raise NotDone(
            f"{path} is a link, which a backup doesn't follow: it would be missing after a restore.",
            "Replace the link by what it points to, then try again.",
        )


def _database(path: Path) -> bytes:
    """Return a consistent copy of a database that may be in use. Raises sqlite3.Error; DiskFull."""
    with closing(connect(path, "rw", timeout_s=10)) as source, closing(sqlite3.connect(":memory:")) as copy:
        if path.name in _IN_PART:
            _copy_table(source, copy, _IN_PART[path.name])
        else:
            source.backup(copy)
        return copy.serialize()


def _copy_table(source: sqlite3.Connection, copy: sqlite3.Connection, kept: str) -> None:
    """Copy the schema, and the rows of one table."""
    source.execute("BEGIN")  # all of it as of one moment
    for (sql,) in source.execute("SELECT sql FROM sqlite_master WHERE sql != '' AND name NOT LIKE 'sqlite_%'"):
        copy.execute(sql)
    rows = source.execute(f"SELECT * FROM {kept}")  # noqa: S608 - a name of ours
    places = ", ".join("?" for _ in rows.description)
    copy.executemany(f"INSERT INTO {kept} VALUES ({places})", rows)  # noqa: S608
    copy.commit()
    copy.execute(f"PRAGMA user_version = {source.execute('PRAGMA user_version').fetchone()[0]}")


def _signed_history(data: Path) -> Iterator[bytes]:
    """Yield the signed history as of one moment: its state with the lines that belong to it."""
    folder = data / _SIGNED
    for _ in range(_TRIES):
        before = _stamp_of(folder)
        paths = [path for path in sorted(folder.glob("*")) if is_kept(f"data/{_SIGNED}/{path.name}")]
        newest = max((path.name for path in paths if path.suffix == ".list"), default="")[:10]
        changing = {path for path in paths if path.suffix in (".json", ".key") or path.name[:10] >= newest}
        try:
            held = {path: path.read_bytes() for path in paths if path in changing}
        except FileNotFoundError:
            continue  # the items of a statement that has been written meanwhile
        if _stamp_of(folder) == before:
            break
    else:
        raise NotDone("The history changed each time that it was read.", "Try again.")
    for path in paths:
        name = f"data/{_SIGNED}/{path.name}"
        yield from _member(name, held[path]) if path in held else _file_member(name, path)


def _stamp_of(folder: Path) -> list[tuple[str, int, int, int]]:
    found = []
    for path in sorted(folder.glob("*")):
        try:
            state = path.stat()
        except FileNotFoundError:
            continue
        found.append((path.name, state.st_ino, state.st_size, state.st_mtime_ns))
    return found


def _member(name: str, content: bytes) -> Iterator[bytes]:
    yield _head(name, len(content))
    yield content
    yield bytes(-len(content) % _BLOCK)


def _file_member(name: str, path: Path) -> Iterator[bytes]:
    """Yield a file as long as it is now; it may grow meanwhile."""
    try:
        with path.open("rb") as file:
            size = left = path.stat().st_size
            yield _head(name, size)
            while left:
                portion = file.read(min(left, _PORTION))
                if not portion:
                    raise StorageError(str(path), "it became shorter while it was copied")
                left -= len(portion)
                yield portion
    except OSError as error:
        raise turned(error, str(path)) from error
    yield bytes(-size % _BLOCK)


def _head(name: str, size: int) -> bytes:
    import tarfile

    made = tarfile.TarInfo(name)
    made.size, made.mode = size, 0o600
    return made.tobuf(tarfile.USTAR_FORMAT)


def _compressed(parts: Iterable[bytes]) -> Iterator[bytes]:
    packer = zlib.compressobj(6, zlib.DEFLATED, 31)
    for part in parts:
        if packed := packer.compress(part):
            yield packed
    yield packer.flush()


# --- reading


def read_backup(data: Iterable[bytes], passphrase: str) -> Iterator[tuple[BackupInfo, BackedUpFile]]:
    """Yield the files. Nothing of it may be used before the iteration has ended.

    Raises NotDone: for a wrong passphrase, a cut or changed file, a newer one, and one that holds anything else.
    """
    try:
        reader = _Reader(_unpacked(open_parts(data, passphrase)))
        (name, size) = reader.head()
        if name != INFO or size > MOST_INFO:
            raise _broken("it isn't a backup of tawny")
        info = _info(b"".join(reader.content(size)))
        seen: set[str] = set()
        while True:
            name, size = reader.head()
            if name == _END:
                break
            if not is_kept(name) or name in seen or len(seen) >= MOST_FILES:
                raise _broken("it holds a file that no backup of tawny has")
            seen.add(name)
            yield info, BackedUpFile(name, size, reader.content(size))
        reader.check_end()
    except WrongPassphrase:
        raise NotDone("Wrong passphrase for this backup.", "Check each word, and try again.") from None
    except NotEnoughMemory as error:
        raise NotDone(f"Can't open this backup: {error}.", "Close other programs, or use another computer.") from None
    except SealedFileBroken as error:
        raise _broken(str(error)) from None


def read_passphrase(beginning: bytes, typed: str) -> str:
    """Return the passphrase that opens it: as typed, else its words with hyphens, as tawny generates them.

    Raises NotDone.
    """
    words = "-".join(typed.lower().replace("-", " ").split())
    for tried in dict.fromkeys((typed, words)):
        try:
            next(open_parts([beginning], tried), b"")
        except WrongPassphrase:
            continue
        except SealedFileBroken:
            return tried  # a beginning alone is never whole
        return tried
    return typed


class _Reader:
    """Plain members of a tar archive; anything else is refused."""

    def __init__(self, parts: Iterator[bytes]) -> None:
        self._parts, self._held, self._total = parts, bytearray(), 0

    def head(self) -> tuple[str, int]:
        """Return name and size of the next member."""
        import tarfile  # 0.3 MB, for backups alone

        block = self._take(_BLOCK)
        try:
            found = tarfile.TarInfo.frombuf(block, "utf-8", "strict")
        except (tarfile.TarError, ValueError):
            raise _broken("it has no end") from None
        if found.type != tarfile.REGTYPE or not 0 <= found.size <= MOST_BYTES - self._total:
            raise _broken("it holds something that isn't a file, or too much")
        return found.name, found.size

    def content(self, size: int) -> Iterator[bytes]:
        left = size
        while left:
            portion = self._take(min(left, _PORTION))
            left -= len(portion)
            yield portion
        self._take(-size % _BLOCK)

    def check_end(self) -> None:
        """Read the rest, which authenticates the whole file."""
        rest = bytes(self._held)
        for part in self._parts:
            rest += part
            if len(rest) > 2 * _BLOCK:
                break
        if rest != bytes(2 * _BLOCK):
            raise _broken("something follows its end")

    def _take(self, size: int) -> bytes:
        while len(self._held) < size:
            part = next(self._parts, None)
            if part is None:
                raise _broken("its end is missing")
            self._held += part
            self._total += len(part)
            if self._total > MOST_BYTES:
                raise _broken("it is too large")
        taken = bytes(self._held[:size])
        del self._held[:size]
        return taken


def _unpacked(parts: Iterable[bytes]) -> Iterator[bytes]:
    """Yield the content in portions of limited size, however well it was compressed."""
    unpacker = zlib.decompressobj(31)
    try:
        for part in parts:
            held = part
            while held and not unpacker.eof:
                portion = unpacker.decompress(held, _PORTION)
                held = unpacker.unconsumed_tail
                if portion:
                    yield portion
            if unpacker.eof and unpacker.unused_data:
                raise _broken("something follows its end")
        while portion := unpacker.decompress(b"", _PORTION):
            yield portion
    except zlib.error:
        raise _broken("its content isn't a backup") from None
    if not unpacker.eof:
        raise _broken("its end is missing")


def _info(content: bytes) -> BackupInfo:
    try:
        header: Any = json.loads(content)
        number = int(header["format"])
        made = BackupInfo(
            int(header["made_ms"]),
            str(header["version"]),
            str(header["host"]),
            str(header["folder"]),
            str(header["fingerprint"]),
        )
    except (ValueError, KeyError, TypeError):
        raise _broken("it doesn't say what it is") from None
    if number > FORMAT or _numbers(made.version) > _numbers(__version__):
        raise NotDone(
            f"This backup was made by tawny {made.version}, which is newer than this one ({__version__}).",
            "Install that version or a later one, then restore. Nothing was changed.",
        )
    return made


def _numbers(version: str) -> list[int]:
    found = re.match(r"\d+(\.\d+)*", version)
    return [int(one) for one in found[0].split(".")[:3]] if found else []


def _broken(why: str) -> NotDone:
    return NotDone(f"Can't use this backup: {why}.", "Use another copy of the file. Nothing was changed.")
