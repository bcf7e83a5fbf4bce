"""Files uploaded by other recorders, one folder per access token: `inbox/<pass>/…` next to the recordings.

A file appears under its name once it is complete and its SHA-256 is verified. Uploads can be resumed: unfinished ones
are in `.begun`, under the SHA-256 of the complete file and its name, and are deleted after a week. Files are stored as
they are.

A token that may only add files can't read, list, replace or delete them: a thief of the recorder that uploads has its
token. A second file of a name gets a number, as in `name~2.jpg`. If the quota is full, a complete upload
deletes the oldest files that are older than the token's time.

An upload reserves its size before it begins: of its token's quota, and of the disk above the free space that retention
keeps for recordings.
"""

import hashlib
import os
import re
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from pathlib import Path, PurePosixPath
from typing import Final

from tawny.api.auth.passes import UploadRight
from tawny.api.errors import RequestRefused, bad_input, not_found
from tawny.config.file_writing import sync_folder
from tawny.model.times import Clock, SystemClock
from tawny.model.validation import has_hidden
from tawny.storage.disk.disk import turned
from tawny.storage.disk.headroom import DiskHeadroom

FOLDER: Final = "inbox"
BEGUN: Final = ".begun"
PORTION_BYTES: Final = 1_048_576
LEAST_FILE_BYTES: Final = 4096
"""What a file takes of the quota at least, as on the disk: otherwise empty files would be without limit."""
MOST_OF_A_NAME: Final = 20
"""Maximum number of files whose names differ in their number only: to know one, all are read."""
MOST_AT_ONCE: Final = 4
"""Maximum number of concurrent uploads of one token: a recorder sends one file after the other."""
MOST_TOGETHER: Final = 16
"""Maximum number of concurrent uploads of all tokens."""
_PART = re.compile(r"[^/\\]{1,200}")
_MOST_PARTS: Final = 16
_SHA_LETTERS: Final = 64
_MOST_NAME_BYTES: Final = 180
"""How much of the name that it will have is in the name of an unfinished file, from its end."""
BEGUN_S: Final = 7 * 86_400
"""Time after which unfinished uploads that nothing was added to are deleted."""
_MOST_PART_BYTES: Final = 255
"""What file systems take."""


@dataclass(frozen=True, slots=True)
class BroughtInfo:
    name: str
    size: int
    """In bytes, of the complete file."""
    modified_ms: int


class Inbox:
    """Inbox of all tokens. Thread-safe; methods block on the disk. root: None if nothing is stored on disk.

    headroom: the disk's space for other files than recordings; None: all but what the recorder needs.
    Invariant: what a token has stored and reserved is never more than its quota (`test_quotas.py`). If it may only add
    files, unfinished uploads may be more than that by what goes when they are complete. Raises RequestRefused.
    """

    def __init__(self, root: Path | None, headroom: DiskHeadroom | None = None, clock: Clock | None = None) -> None:
        self._root, self._clock = root, clock or SystemClock()
        self._headroom = headroom
        self._lock = threading.Lock()
        self._writing: dict[Path, _Reservation] = {}
        self._used: dict[str, int] = {}
        """Bytes stored by token, without what is being written. Counted on first use."""

    def find(self, holder: str, name: str) -> BroughtInfo | None:
        path = self._path(holder, name)
        try:
            found = path.stat()
        except (FileNotFoundError, NotADirectoryError):
            return None
        return BroughtInfo(name, found.st_size, found.st_mtime_ns // 1_000_000) if path.is_file() else None

    def sha256(self, holder: str, name: str) -> str:
        """Return the SHA-256, computed from the file."""
        return _sha256(self.path(holder, name))

    def same(self, holder: str, name: str, sha256: str) -> BroughtInfo | None:
        """Return the file of this name with this content; or of this name with a number."""
        home = self._home(holder)
        paths = [self._path(holder, name), *_numbered(self._path(holder, name))]
        found = next((one for one in paths if one.is_file() and _sha256(one) == sha256), None)
        return self.find(holder, found.relative_to(home).as_posix()) if found else None

    def begun_bytes(self, holder: str, sha256: str, name: str) -> int:
        """Return the bytes received of an unfinished upload."""
        part = self._part(holder, sha256, name)
        return part.stat().st_size if part.exists() else 0

    def path(self, holder: str, name: str) -> Path:
        """Return the path of a complete file."""
        if self.find(holder, name) is None:
            raise not_found("File not found.")
        return self._path(holder, name)

    def files(self, holder: str, prefix: str) -> list[BroughtInfo]:
        home = self._home(holder)
        begin = self._path(holder, prefix) if prefix else home
        found: list[BroughtInfo] = []
        for folder, folders, names in os.walk(begin):
            folders[:] = sorted(one for one in folders if one != BEGUN)
            for name in sorted(names):
                relative = (Path(folder) / name).relative_to(home).as_posix()
                there = self.find(holder, relative)
                found += [there] if there is not None else []
        return found

    def used_bytes(self, holder: str) -> int:
        """Return the space used by a token: files, unfinished uploads, and what running ones have reserved."""
        with self._lock:
            return self._taken_bytes(holder)

    def begin(self, holder: str, upload: "Upload", right: UploadRight) -> "InboxWrite":
        """Open an upload for appending at its offset, and reserve the rest of it. It ends an earlier one of this file.

        The earlier one's line may be dead: its sender has given up and begins again.
        """
        part, size_bytes = self._part(holder, upload.sha256, upload.name), upload.size_bytes
        self._forget_begun(holder, part)
        self._refuse_name(holder, upload.name, right)  # else all of it would be sent before it is refused
        with self._lock:
            earlier = self._writing.get(part)
        if earlier is not None and earlier.upload is not None:
            earlier.upload.close()
        with self._lock:
            begun = part.stat().st_size if part.exists() else 0
            before_bytes = _charged(begun) if part.exists() else 0
            more_bytes = _charged(size_bytes) - before_bytes
            if part in self._writing:
                raise _busy({"begun": begun})
            if upload.offset != begun:
                raise RequestRefused(
                    409, "elsewhere", f"{begun} bytes have already arrived.", "Continue from there.", {"begun": begun}
                )
            if size_bytes < begun:
                raise bad_input("size: more than that has already arrived.", "Send the file's whole size.")
            self._refuse_too_many(holder)
            over_bytes = self._taken_bytes(holder) + more_bytes - right.quota_bytes
            if over_bytes > 0 and over_bytes > sum(size_bytes for size_bytes, _ in self._old(holder, right)):
                do = "Delete older files, or ask for a higher limit."
                if right.only_adds:
                    do = "All that may be deleted for new files isn't enough. Ask for a higher limit."
                raise RequestRefused(507, "quota", "This access token has reached its storage limit.", do)
            reserved = self._writing[part] = self._reserve(holder, before_bytes, more_bytes)
        try:
            part.parent.mkdir(mode=0o750, parents=True, exist_ok=True)
            reserved.upload = InboxWrite(part, partial(self._note_written, part), partial(self._close_write, part))
            return reserved.upload
        except OSError as error:
            self._close_write(part)
            raise turned(error, str(part)) from error

    def finish(self, holder: str, upload: "Upload", right: UploadRight) -> str:
        """Verify the upload and move it to its name durably. Return the name.

        If the token may only add files, it replaces none, and those go for which it found no room. Not before it is
        complete: a thief would delete all with a beginning.
        """
        part, path = self._part(holder, upload.sha256, upload.name), self._path(holder, upload.name)
        try:
            if part.stat().st_size != upload.size_bytes or _sha256(part) != upload.sha256:
                raise RequestRefused(422, "damaged", "The file doesn't match its checksum.", "Send it again.")
            path.parent.mkdir(mode=0o750, parents=True, exist_ok=True)
            if upload.modified_ms and not right.only_adds:  # else it is when the file arrived
                os.utime(part, ns=(upload.modified_ms * 1_000_000, upload.modified_ms * 1_000_000))
            with part.open("rb") as file:
                os.fsync(file.fileno())
            with self._lock:
                path = _free_name(path) if right.only_adds else path
                replaced_bytes = _charged(path.stat().st_size) if path.is_file() else 0
                part.replace(path)
                self._count(holder, -replaced_bytes)
                if right.only_adds:
                    self._forget_oldest(holder, right)
            for folder in (path.parent, part.parent):
                sync_folder(folder)
            return path.relative_to(self._home(holder)).as_posix()
        except FileNotFoundError:
            raise not_found("The file wasn't uploaded.") from None
        except (RequestRefused, FileExistsError, IsADirectoryError, NotADirectoryError) as error:
            with suppress(FileNotFoundError):
                self._forget(holder, part)  # what arrived can never be this file
            raise error if isinstance(error, RequestRefused) else _in_the_way() from None
        except OSError as error:
            raise turned(error, str(path)) from error

    def remove(self, holder: str, name: str) -> None:
        """Delete a file, what an interrupted upload of this name left, and folders that are empty then.

        Not an error if it does not exist.
        """
        path, home = self._path(holder, name), self._home(holder)
        with self._lock:
            going = set(self._writing)
        for part in (home / BEGUN).glob("*"):
            if part.name[_SHA_LETTERS:] == f"-{_flat(name)}" and part not in going:
                self._forget(holder, part)
        with suppress(FileNotFoundError, NotADirectoryError, IsADirectoryError):
            self._forget(holder, path)
        _remove_empty(path, home)

    # --- internal ----------------------------------------------------------------------------------------------------

    def _taken_bytes(self, holder: str) -> int:
        """Return what a token has stored and reserved. Call with the lock."""
        if holder not in self._used:
            walked = os.walk(self._home(holder))
            paths = [Path(folder) / name for folder, _, names in walked for name in names]
            self._used[holder] = sum(_charged(path.stat().st_size) for path in paths)
        going = [one for one in self._writing.values() if one.holder == holder]
        return self._used[holder] + sum(one.size_bytes for one in going)

    def _count(self, holder: str, change_bytes: int) -> None:
        """Note that the token's files have grown or shrunk. Call with the lock."""
        if holder in self._used:
            self._used[holder] += change_bytes

    def _forget(self, holder: str, path: Path) -> None:
        """Delete a file and count it no more."""
        with self._lock:
            freed_bytes = _charged(path.stat().st_size)
            path.unlink()
            self._count(holder, -freed_bytes)

    def _forget_begun(self, holder: str, but: Path) -> None:
        """Delete unfinished uploads that nothing was added to for a while."""
        over_s = self._clock.now_ms() / 1000 - BEGUN_S
        with self._lock:
            going = {*self._writing, but}
        for part in but.parent.glob("*"):
            with suppress(FileNotFoundError):
                if part not in going and part.stat().st_mtime < over_s:
                    self._forget(holder, part)

    def _old(self, holder: str, right: UploadRight) -> list[tuple[int, Path]]:
        """Return size and path of the files that may go for new ones, in the order in which they arrived."""
        if right.keeps_ms is None:
            return []
        over_s = (self._clock.now_ms() - right.keeps_ms) / 1000
        walked = os.walk(self._home(holder))
        paths = [Path(folder) / name for folder, _, names in walked for name in names if Path(folder).name != BEGUN]
        found = sorted((path.stat().st_mtime, path) for path in paths)
        return [(_charged(path.stat().st_size), path) for arrived_s, path in found if arrived_s < over_s]

    def _forget_oldest(self, holder: str, right: UploadRight) -> None:
        """Delete files that may go until the quota is kept, and some more, so that not each upload looks for them.

        Only for complete files, not for what is unfinished or reserved. Call with the lock.
        """
        self._taken_bytes(holder)  # counts
        begun = (self._home(holder) / BEGUN).glob("*")
        over_bytes = self._used[holder] - sum(_charged(part.stat().st_size) for part in begun) - right.quota_bytes
        if over_bytes <= 0:
            return
        over_bytes += right.quota_bytes // 100
        for size_bytes, path in self._old(holder, right):
            if over_bytes <= 0:
                break
            path.unlink()
            self._count(holder, -size_bytes)
            over_bytes -= size_bytes
            _remove_empty(path, self._home(holder))

    def _refuse_name(self, holder: str, name: str, right: UploadRight) -> None:
        path, home = self._path(holder, name), self._home(holder)
        is_in_file = any(one.is_file() for one in path.parents if one.is_relative_to(home))
        if is_in_file or (path.is_dir() and not right.only_adds):
            raise _in_the_way()
        if right.only_adds:
            _free_name(path)

    def _refuse_too_many(self, holder: str) -> None:
        at_once = sum(one.holder == holder for one in self._writing.values())
        if at_once >= MOST_AT_ONCE or len(self._writing) >= MOST_TOGETHER:
            raise RequestRefused(
                429, "too_many_uploads", "Too many uploads at once.", "Send one file after the other.", {"wait_s": 5}
            )

    def _reserve(self, holder: str, before_bytes: int, more_bytes: int) -> "_Reservation":
        """Reserve space on the disk. Call with the lock."""
        assert self._root is not None
        try:
            self._root.mkdir(mode=0o750, parents=True, exist_ok=True)
            if self._headroom is None:
                self._headroom = DiskHeadroom(self._root)
            number = self._headroom.reserve(more_bytes)
        except OSError as error:
            raise turned(error, str(self._root)) from error
        if number is None:
            what = "The other recorder's disk has no space for uploads: its recordings need the rest."
            raise RequestRefused(507, "no_space", what, "Ask its owner to limit the space for recordings.")
        return _Reservation(holder, number, before_bytes, more_bytes)

    def _note_written(self, part: Path, size_bytes: int) -> None:
        with self._lock:
            one = self._writing[part]
            one.written_bytes += size_bytes
            if self._headroom is not None:
                self._headroom.resize(one.number, one.size_bytes - one.written_bytes)

    def _close_write(self, part: Path) -> None:
        with self._lock:
            one = self._writing.pop(part)
            self._count(one.holder, _charged(part.stat().st_size if part.exists() else 0) - one.before_bytes)
            if self._headroom is not None:
                self._headroom.resize(one.number, 0)

    def _home(self, holder: str) -> Path:
        if self._root is None:
            raise not_found("This tawny doesn't store anything on disk.", "Use another destination.")
        return self._root / holder

    def _path(self, holder: str, name: str) -> Path:
        parts = PurePosixPath(name).parts
        is_name = 0 < len(parts) <= _MOST_PARTS and "/".join(parts) == name
        if (
            not is_name
            or has_hidden(name)
            or any(len(part.encode()) > _MOST_PART_BYTES for part in parts)
            or any(not _PART.fullmatch(part) or part in (".", "..", BEGUN) for part in parts)
        ):
            raise bad_input("name: not a valid file name.", "Use folders and a name separated by /.")
        return self._home(holder).joinpath(*parts)

    def _part(self, holder: str, sha256: str, name: str) -> Path:
        self._path(holder, name)  # raises if it isn't one
        if not re.fullmatch(r"[0-9a-f]{64}", sha256):
            raise bad_input("sha256: must be 64 hex digits.")
        return self._home(holder) / BEGUN / f"{sha256}-{_flat(name)}"


@dataclass(frozen=True, slots=True)
class Upload:
    """A part of a file, from offset on. size_bytes: of the whole file. modified_ms: 0 if unknown."""

    name: str
    sha256: str
    size_bytes: int
    offset: int
    modified_ms: int


class InboxWrite:
    """An upload in progress. One thread at a time; `close` from any. Raises StorageError, DiskFull, RequestRefused."""

    def __init__(self, part: Path, on_written: Callable[[int], None], on_closed: Callable[[], None]) -> None:
        self._part, self._on_written, self._on_closed = part, on_written, on_closed
        self._lock = threading.Lock()
        part.touch(mode=0o600)
        self._file = part.open("ab", buffering=0)

    def write(self, data: bytes) -> None:
        with self._lock:
            if self._file.closed:  # by a later upload of this file
                raise _busy({})
            try:
                left = memoryview(data)
                while left:  # a write to a nearly full disk may end early
                    written = self._file.write(left)
                    self._on_written(written)
                    left = left[written:]
            except OSError as error:
                raise turned(error, str(self._part)) from error

    def close(self) -> None:
        """End it. What arrived stays. No effect if it has ended."""
        with self._lock:
            if not self._file.closed:
                self._file.close()
                self._on_closed()


@dataclass(slots=True)
class _Reservation:
    """What a running upload has reserved of its token's quota and, under `number`, of the disk.

    before_bytes: what its unfinished file was charged with before; size_bytes: what this upload may add.
    """

    holder: str
    number: int
    before_bytes: int
    size_bytes: int
    written_bytes: int = 0
    upload: InboxWrite | None = None


def _busy(more: Mapping[str, int]) -> RequestRefused:
    return RequestRefused(409, "busy", "This file is being uploaded right now.", "Wait and try again.", more)


def _in_the_way() -> RequestRefused:
    return bad_input("name: a file or folder is in the way.", "Choose another name.")


def _flat(name: str) -> str:
    """Return the end of a name, as part of one file name."""
    return name.replace("/", "+").encode()[-_MOST_NAME_BYTES:].decode(errors="ignore")


def _numbered(path: Path) -> Iterator[Path]:
    """Yield the names that further files of a name get, as long as there are any."""
    for number in range(2, MOST_OF_A_NAME + 1):
        one = _with_number(path, number)
        if not one.exists():
            return
        yield one


def _free_name(path: Path) -> Path:
    """Return a path that no file has, with a number if need be. Raises RequestRefused."""
    if not path.exists():
        return path
    number = 2 + len(list(_numbered(path)))
    if number > MOST_OF_A_NAME:
        raise bad_input("name: too many files have this name.", "Delete some of them on that recorder.")
    return _with_number(path, number)


def _with_number(path: Path, number: int) -> Path:
    end = f"~{number}{path.suffix}"
    stem = path.stem.encode()[: _MOST_PART_BYTES - len(end.encode())]
    return path.with_name(stem.decode(errors="ignore") + end)


def _remove_empty(path: Path, home: Path) -> None:
    """Remove the folders of a file that are empty now, up to the token's."""
    for folder in path.parents:
        if folder == home:
            break
        with suppress(OSError):  # not empty
            folder.rmdir()


def _charged(size_bytes: int) -> int:
    return max(size_bytes, LEAST_FILE_BYTES)


def _sha256(path: Path) -> str:
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while portion := file.read(PORTION_BYTES):
            digest.update(portion)
    return digest.hexdigest()
