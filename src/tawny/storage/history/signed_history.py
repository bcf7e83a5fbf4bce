"""Signed history: statements of recorded, removed and missing data, with a new signing key each.

`history/signed/` has `days.jsonl`, and `2026-11-20.jsonl` and `.list` per day (public). `state.json` holds the keys of
the next statement, `names.key` (mode 600) the key for names. `items-<n>.jsonl` holds the items of statement n.

Order of writes: new state file, sync, rename, sync of the folder, which removes the old key. Then each line is written
at its offset, after truncation. The state file holds these lines and the next start repeats them, so that an
interruption at any point gives the same bytes; they are synced before the next state file replaces it.

Recording does not depend on the history: unwritten data stays in memory and is retried. Waiting for the disk does not
block callers that only reserve numbers or sign. Thread-safe.
"""

import logging
import os
import re
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from hashlib import sha256
from typing import Any, Final

from tawny.model.ids import CameraId
from tawny.model.times import utc_from_text, utc_text
from tawny.sealed.broken import SealedFileBroken
from tawny.sealed.header import SealedHeader
from tawny.sealed.signing import Signer, hash_of, is_signed, read_signed
from tawny.sealed.statements import (
    DAYS,
    Item,
    SigningState,
    StatementLines,
    Witness,
    genesis_of,
    lines_of,
    make_statement,
    recorder_of,
    statements_name,
    witness_of,
)
from tawny.storage.disk.disk import DiskAccess
from tawny.storage.history.signed_files import (
    FOLDER,
    NAMES,
    NAMES_BYTES,
    PICTURE,
    REMOVED_OF,
    RESTORED,
    STATE,
    THINNED_OF,
    announced_pictures,
    append_at,
    camera_mark,
    compact_json,
    is_public,
    items_path,
    names_key,
    object_name,
    read_object,
    reported_items,
    sync_appended,
    waiting_items,
    write_secrets,
)

log = logging.getLogger(__name__)

_BEHIND_MS: Final = 1_200_000
"""Recordings may be signed this long after they ended."""
_IS_DAY: Final = re.compile(r"\d{4}-\d\d-\d\d\.jsonl").fullmatch

Pending = tuple[str, int, bytes]
"""File name, offset and content of a line still to be written."""


@dataclass(frozen=True, slots=True)
class ChainPosition:
    """Position of a file in the chain of its camera, stream and type.

    prev: digest of the previous file; zeros if unknown.
    """

    number: int
    prev: bytes


@dataclass(frozen=True, slots=True)
class SignedRow:
    """One chain of files. camera: 16 bytes, as in headers."""

    camera: bytes
    kind: int
    stream: int

    @property
    def text(self) -> str:
        return f"{self.camera.hex()}/{self.kind}/{self.stream}"


@dataclass(slots=True)
class _Unwritten:
    """A statement that may not be on the disk yet.

    files: its chain positions for `state.json`. later: items left to a later statement, durable there.
    """

    made: StatementLines
    files: dict[str, list[Any]]
    later: list[Item]
    listed: list[str]
    """Paths of the files with its items, removed after it is written."""
    pending: list[Pending] = field(default_factory=list)


class SignedHistory:
    """The signed history of one volume; create it with `opened`.

    recipients: returns short names of the keys that can open new sealed files. Every statement lists them.
    """

    def __init__(
        self, disk: DiskAccess, names: bytes | None, state: SigningState, recipients: Callable[[], Sequence[str]]
    ) -> None:
        self._disk, self._state, self._recipients = disk, state, recipients
        self._names, self._has_names = names or os.urandom(NAMES_BYTES), names is not None
        self._writing = threading.Lock()  # held while waiting for the disk, without `_lock`
        self._lock = threading.Lock()
        self._under_way = threading.Condition(self._lock)
        self._signing = 0
        self._genesis = ""
        self._places: dict[str, tuple[int, str]] = {}  # by chain: next number, digest of the previous file
        self._open: dict[str, set[int]] = {}  # by chain: numbers of files not closed yet
        self._stated: dict[str, int] = {}  # by chain: files with lower numbers are stated or open
        self._items: list[Item] = []
        self._written = 0  # number of items that are durable
        self._announced: dict[str, Item] = {}  # by path of a sealed picture: identity of the file it replaces
        self._unwritten: _Unwritten | None = None
        self._head: tuple[int, str, str] | None = None  # number, time and hash of the last durable statement
        self._is_behind = False  # the clock is behind the last statement
        self._unsynced: set[str] = set()  # files with appended lines that are durable in the state file only

    @classmethod
    def opened(cls, disk: DiskAccess, now_ms: int, recipients: Callable[[], Sequence[str]] = tuple) -> "SignedHistory":
        """Open the recorder's signed history. Start a new one if none exists or its keys are lost.

        Raises StorageError.
        """
        disk.make_folder(FOLDER, sync=False)
        made = cls(disk, names_key(disk), SigningState.first(), recipients)
        if disk.entry(STATE) is None and disk.entry(f"{FOLDER}/{DAYS}") is None:
            made._start_new_history(now_ms)
            return made
        try:
            made._go_on()
        except SealedFileBroken as problem:
            log.error("Starting a new signed history: %s.", problem)
            made._start_new_history(now_ms)
        return made

    @staticmethod
    def is_there(disk: DiskAccess) -> bool:
        """Return whether the disk has a signed history."""
        return disk.entry(f"{FOLDER}/{DAYS}") is not None

    # --- names

    @property
    def genesis(self) -> str:
        """The recorder's fingerprint: its first public key, hexadecimal."""
        return self._genesis

    @property
    def recorder(self) -> bytes:
        """The recorder id used in headers."""
        return recorder_of(self._genesis)

    @property
    def head(self) -> Witness | None:
        """The witness of the last durable statement; None before the first. Call from any thread."""
        return witness_of(self.recorder, *self._head) if self._head is not None and self._genesis else None

    def camera(self, camera: CameraId) -> bytes:
        """Return the camera id used in headers and lists. It does not reveal the camera's name."""
        return camera_mark(self._names, camera)

    def object_name(self, path: str, day: str) -> str:
        """Return the name of a sealed file in remote storage. day: of the file's start, as in `20261120`."""
        return object_name(self._names, self.recorder, path, day)

    # --- files

    def take_place(self, row: SignedRow) -> ChainPosition:
        """Reserve the chain position of a new file."""
        with self._lock:
            number, prev = self._places.get(row.text, (0, ""))
            self._places[row.text] = number + 1, ""
            self._open.setdefault(row.text, set()).add(number)
            return ChainPosition(number, bytes.fromhex(prev) if prev else bytes(32))

    @contextmanager
    def signing(self) -> Iterator[Signer]:
        """Yield the signer for the end of a file.

        Delays the next statement until the end is written, so that this statement lists the file.
        """
        with self._lock:
            self._signing += 1
            signer = self._state.signer
        try:
            yield signer
        finally:
            with self._under_way:
                self._signing -= 1
                self._under_way.notify_all()

    def has_signed(self, statement: int, digest: bytes, signature: bytes) -> bool:
        """Return whether the signature of a file is valid for the next statement."""
        with self._lock:
            signer = self._state.signer
        return statement == signer.statement and is_signed(signer.public, b"file", digest, signature)

    def give_back(self, row: SignedRow, number: int) -> None:
        """Release the number of a file that held no data and was removed."""
        with self._lock:
            self._open.get(row.text, set()).discard(number)

    def is_stated(self, row: SignedRow, number: int) -> bool:
        """Return whether a statement lists this file, or the next one will."""
        with self._lock:
            return self._is_stated(row, number)

    def _is_stated(self, row: SignedRow, number: int) -> bool:
        if number < self._stated.get(row.text, 0) and number not in self._open.get(row.text, ()):
            return True
        same = ["file", row.camera.hex(), row.kind, row.stream, number]
        return any(list(item[:5]) == same for item in self._items)

    def add_file(self, row: SignedRow, number: int, digest: bytes, ends: str) -> None:
        """Add a closed, durable file to the next statement. No effect if already stated.

        ends: how the file ends.
        """
        with self._lock:
            if self._is_stated(row, number):
                return
            self._open.get(row.text, set()).discard(number)
            if number + 1 >= self._places.get(row.text, (0, ""))[0]:
                self._places[row.text] = number + 1, digest.hex()
            self._items.append(["file", row.camera.hex(), row.kind, row.stream, number, digest.hex(), ends])

    @property
    def unstated_files(self) -> list[Item]:
        """The files that the next statement lists."""
        with self._lock:
            return [item for item in self._items if item[0] == "file"]

    def all_found(self) -> None:
        """Report that the search for the previous recorder's files is complete."""
        with self._lock:
            self._open.clear()

    def add(self, *items: Item) -> None:
        """Add other items to the next statement."""
        with self._lock:
            self._items += items

    def add_removed(self, header: SealedHeader, why: str) -> None:
        """Add the removal of a file, which may belong to an earlier history or to that of another disk."""
        self._add_of(header, ("removed", REMOVED_OF), why)

    def add_thinned(self, header: SealedHeader) -> None:
        """Add the reduction of a file to keyframes."""
        self._add_of(header, ("thinned", THINNED_OF))

    def _add_of(self, header: SealedHeader, types: tuple[str, str], *why: str) -> None:
        whose = [types[0]] if header.recorder == self.recorder else [types[1], header.recorder.hex()]
        self.add([*whose, header.camera.hex(), header.kind, header.stream, header.number, header.number, *why])

    def write_items(self) -> None:
        """Make the last statement's lines and the next one's items durable.

        Raises StorageError; the next call retries.
        """
        with self._writing:
            self._sync_lines()
            with self._lock:
                fresh = self._items[self._written :]
            if fresh:
                self._append_items(fresh)
                with self._lock:
                    self._written += len(fresh)

    def _append_items(self, items: Sequence[Item]) -> None:
        """Append durably to the file of the next statement's items. Call with `_writing` held."""
        path = items_path(self._state.n)
        is_new = self._disk.entry(path) is None
        file = self._disk.create(path) if is_new else self._disk.extend(path)
        try:
            torn = file.size_bytes and self._disk.read(path, file.size_bytes - 1) != b"\n"
            file.append([b"\n" if torn else b"", *(compact_json(item) + b"\n" for item in items)])
            file.sync()
        finally:
            file.close()
        if is_new:
            self._disk.sync_folder(FOLDER)

    def announce_picture(self, path: str, old: Item) -> None:
        """Record durably that a sealed picture is about to be stored at `path`. Call while signing it.

        old: identity of the file it replaces: camera, kind, stream, number; empty if none. After a power cut the next
        start compares both with the file at `path`, and only then lists what is there. Raises StorageError.
        """
        with self._writing:
            self._append_items([[PICTURE, path, *old]])
            with self._lock:
                self._announced[path] = old

    def settle_picture(self, path: str) -> None:
        """Report that the picture announced for `path` is listed, or that it was not stored."""
        with self._lock:
            self._announced.pop(path, None)

    @property
    def announced(self) -> dict[str, Item]:
        """Announced pictures that are not settled: path, and identity of the replaced file or nothing."""
        with self._lock:
            return dict(self._announced)

    # --- statements

    def state(self, now_ms: int, wait_s: float = 5.0, later: Sequence[Item] = ()) -> bool:
        """Write a statement of all items, except these, which the state file keeps for a later one.

        Return False if files being signed do not finish within `wait_s` seconds: retry soon. Raises StorageError; the
        next call continues.
        """
        with self._under_way:  # without `_writing`, which a file being signed may need for its items
            if not self._under_way.wait_for(lambda: self._signing == 0, wait_s):
                return False
        with self._writing:
            self._write_unwritten()
            reported = reported_items(self._disk)
            with self._lock:
                if self._signing:
                    return False
                self._items += [item for items in reported.values() for item in items]
                kept = [item for item in self._items if item in later]
                stated, n = [item for item in self._items if item not in later], self._state.n
                made = make_statement(self._state, stated, self._recipients(), utc_text(now_ms))
                self._state, self._items, self._written = made.state, kept, len(kept)
                self._stated = {row: number for row, (number, _) in self._places.items()}
                files = {row: [*place, sorted(self._open.get(row, ()))] for row, place in self._places.items()}
            self._unwritten = _Unwritten(made, files, kept, [items_path(n), *reported])
            self._write_unwritten()
            self._compare_clock(made.state.time, now_ms)
            return True

    def _compare_clock(self, time: str, now_ms: int) -> None:
        """Log once that the clock was set back. time: of the last statement, which never goes back."""
        is_behind = utc_from_text(time) - now_ms > _BEHIND_MS
        if is_behind and not self._is_behind:
            log.warning(
                "The clock is behind the signed history, which had been signed until %s. Until then, the order of "
                "recordings is proven, and their time only as far as the clock is right.",
                time,
            )
        self._is_behind = is_behind

    def _write_unwritten(self) -> None:
        """Write the pending statement from its first line, regardless of earlier attempts."""
        one = self._unwritten
        if one is None:
            return
        if not one.pending:
            one.pending = self._places_of(one.made.lines)
        lines = [[name, offset, line.decode()] for name, offset, line in one.pending]
        record = one.made.state.record() | {"files": one.files, "later": one.later, "pending": lines}
        self._sync_lines()
        state = {STATE: compact_json(record)}
        write_secrets(self._disk, state if self._has_names else {NAMES: self._names, **state})
        self._has_names = True
        self._append(one.pending)
        for path in one.listed:
            self._disk.unlink(path)
        self._unwritten, self._head = None, _head_of(one.made.state)

    def _places_of(self, lines: Sequence[tuple[str, bytes]]) -> list[Pending]:
        """Return the lines with the offsets at which they begin."""
        pending, sizes = list[Pending](), dict[str, int]()
        for name, line in lines:
            if name not in sizes:
                entry = self._disk.entry(f"{FOLDER}/{name}")
                sizes[name] = entry.size_bytes if entry is not None else 0
            pending.append((name, sizes[name], line + b"\n"))
            sizes[name] += len(line) + 1
        return pending

    def _append(self, pending: Sequence[Pending]) -> None:
        for name, offset, line in pending:
            append_at(self._disk, f"{FOLDER}/{name}", offset, line)
            self._unsynced.add(f"{FOLDER}/{name}")

    def _sync_lines(self) -> None:
        if self._unsynced:
            sync_appended(self._disk, sorted(self._unsynced))
            self._unsynced.clear()

    # --- start

    def _go_on(self) -> None:
        """Continue the previous recorder's history. Raises SealedFileBroken if its state is missing or changed."""
        if self._disk.entry(STATE) is None:
            raise SealedFileBroken("the keys that it was signed with are not here")
        stored = read_object(self._disk.read(STATE))
        self._state = SigningState.read(stored)
        try:
            for row, (number, prev, opened) in stored["files"].items():
                self._places[row], self._stated[row] = (int(number), str(prev)), int(number)
                self._open[row] = {int(each) for each in opened}
            pending = [(str(name), int(offset), str(line).encode()) for name, offset, line in stored["pending"]]
        except (KeyError, TypeError, ValueError, AttributeError) as problem:
            raise SealedFileBroken("its state cannot be read") from problem
        begins = {name: offset for name, offset, _ in reversed(pending)}
        for name, offset in begins.items():
            entry = self._disk.entry(f"{FOLDER}/{name}")
            if (entry.size_bytes if entry is not None else 0) < offset:
                raise SealedFileBroken(f"{name} became shorter")
        if DAYS not in begins and self._disk.entry(f"{FOLDER}/{DAYS}") is None:
            raise SealedFileBroken(f"{DAYS} is missing")
        if self._has_unknown(begins, {line.rstrip(b"\n") for _, _, line in pending}):
            raise SealedFileBroken(
                "it has statements that are newer than its keys, as with keys of an older backup, or after a power cut "
                "on a disk that lost its newest write"
            )
        self._append(pending)
        self._head = _head_of(self._state)
        self._genesis = genesis_of(self._disk.read(f"{FOLDER}/{DAYS}"))
        self._disk.unlink(items_path(self._state.n - 1))
        waiting = list(waiting_items(self._disk))
        self._announced = announced_pictures(waiting)
        for item in waiting:
            if item[0] != PICTURE:
                self._take_again(item)
        self._written = len(self._items)

    def _has_unknown(self, begins: dict[str, int], known: set[bytes]) -> bool:
        """Return whether the files hold signed lines that the state does not know: to go on would write over them.

        begins: where the last statement's lines begin, by file. known: those lines.
        """
        for name, begin in begins.items():
            if name.endswith(".jsonl") and self._disk.entry(f"{FOLDER}/{name}") is not None:
                text = self._disk.read(f"{FOLDER}/{name}")
                lines = lines_of(text[text.rfind(b"\n", 0, begin) + 1 :])
                if any(line not in known and _is_signed_line(line) for line in lines):
                    return True
        days = f"{FOLDER}/{DAYS}"
        earlier = lines_of(self._disk.read(days))[:-1] if self._disk.entry(days) is not None else []
        newest = statements_name(self._state.day)
        return self._state.day_prev in map(hash_of, earlier) or any(
            _IS_DAY(one.name) and one.name > newest for one in self._disk.entries(FOLDER)
        )

    def _take_again(self, item: Item) -> None:
        self._items.append(item)
        if item[0] == "file" and len(item) == 7:
            _, camera, kind, stream, number, digest, _ = item
            row = f"{camera}/{kind}/{stream}"
            if number + 1 >= self._places.get(row, (0, ""))[0]:
                self._places[row] = number + 1, digest

    def _start_new_history(self, now_ms: int) -> None:
        """Start a history with new keys. Existing files are renamed, and the first item names the old history."""
        items: list[Item] = []
        days = f"{FOLDER}/{DAYS}"
        known = self._disk.read(days) if self._disk.entry(days) is not None else b""
        with suppress(SealedFileBroken, ValueError):
            old = genesis_of(known)
            items.append([RESTORED, old, sha256(known).hexdigest(), self._last_hash()])
            items += self._left_over(recorder_of(old).hex())
        if any(is_public(one.name) for one in self._disk.entries(FOLDER)):
            self._put_aside(sha256(known or self._last_hash().encode()).hexdigest()[:8])
        self._state, self._places, self._open, self._stated = SigningState.first(), {}, {}, {}
        self._items, self._written = items, 0
        self.state(now_ms)
        self._genesis = genesis_of(self._disk.read(days))

    def _left_over(self, old: str) -> Iterator[Item]:
        """Yield the removals that the old history had no time to state. old: its recorder id."""
        types = {"removed": REMOVED_OF, "thinned": THINNED_OF}
        for what, *place in waiting_items(self._disk):
            if what in types:
                yield [types[what], old, *place]

    def _last_hash(self) -> str:
        """Return the hash of the last statement in the files; empty if there is none."""
        for one in reversed(self._disk.entries(FOLDER)):
            if _IS_DAY(one.name) and (lines := lines_of(self._disk.read(f"{FOLDER}/{one.name}"))):
                return hash_of(lines[-1])
        return ""

    def _put_aside(self, mark: str) -> None:
        """Rename public files and remove the others.

        `days.jsonl` is last: while it exists, the step is not complete.
        """
        for one in sorted(self._disk.entries(FOLDER), key=lambda one: one.name == DAYS):
            path = f"{FOLDER}/{one.name}"
            if is_public(one.name):
                self._disk.rename(path, f"{FOLDER}/before-{mark}-{one.name}")
            elif one.name.startswith(("state.json", "items-")):
                self._disk.unlink(path)
        self._disk.sync_folder(FOLDER)


def _is_signed_line(line: bytes) -> bool:
    with suppress(SealedFileBroken):  # what a power cut left of a line
        read_signed(line)
        return True
    return False


def _head_of(state: SigningState) -> tuple[int, str, str]:
    """Return number, time and hash of the statement before the next one."""
    return state.n - 1, state.time, state.prev
