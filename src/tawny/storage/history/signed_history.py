"""The signed history: what was recorded, removed and missed, stated every ten minutes with keys that move on.

`history/signed/`: `days.jsonl`, and for each day `2026-11-20.jsonl` and `.list` (public); `state.json` with the keys of
the statement to come, `names.key` (mode 600); `items-<n>.jsonl`, what statement n will list. Order of writes: the new
state beside the old one, sync, rename, sync of the folder, and the old key is gone; then each line, cut to where it
begins, appended and synced. The next start does the lines again, so that a cut anywhere gives the same bytes.
Recording depends on none of it: what cannot be written waits in memory, and is tried again; while one waits for the
disk here, nobody else does who only takes a place or signs. Any thread may call.
"""

import logging
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from hashlib import sha256
from typing import Any

from tawny.model.ids import CameraId
from tawny.model.times import utc_text
from tawny.sealed.broken import SealedFileBroken
from tawny.sealed.signing import Signer, is_signed
from tawny.sealed.statements import DAYS, Item, SigningState, StatementLines, genesis_of, make_statement
from tawny.storage.disk.disk import DiskAccess
from tawny.storage.history.signed_files import (
    FOLDER,
    STATE,
    append_at,
    camera_mark,
    compact_json,
    is_public,
    items_path,
    names_key,
    object_name,
    read_object,
    recorder_of,
    told_items,
    waiting_items,
    write_secret,
)

log = logging.getLogger(__name__)

Pending = tuple[str, int, bytes]
"""A line that is still to stand in a file from an offset on."""


@dataclass(frozen=True, slots=True)
class ChainPosition:
    """Of a file in the row of its camera, stream and kind. prev: digest of the one before; zeros where not known."""

    number: int
    prev: bytes


@dataclass(frozen=True, slots=True)
class SignedRow:
    """camera: 16 bytes, as headers name it."""

    camera: bytes
    kind: int
    stream: int

    @property
    def text(self) -> str:
        return f"{self.camera.hex()}/{self.kind}/{self.stream}"


@dataclass(slots=True)
class _Unwritten:
    """A statement that was made, and may not be on the disk yet. files: what `state.json` says of them."""

    made: StatementLines
    files: dict[str, list[Any]]
    listed: list[str]
    """Paths of what it lists, to be removed when it is there."""
    pending: list[Pending] = field(default_factory=list)


class SignedHistory:
    """`opened` makes it. recipients: who can open what is sealed now, by short names; every statement says it."""

    def __init__(self, disk: DiskAccess, names: bytes, state: SigningState) -> None:
        self._disk, self._names, self._state = disk, names, state
        self._writing = threading.Lock()  # whoever waits for the disk has this one, and never the next
        self._lock = threading.Lock()
        self._under_way = threading.Condition(self._lock)
        self._signing = 0
        self._genesis = ""
        self._places: dict[str, tuple[int, str]] = {}  # the next number of a row, and the digest of the one before
        self._open: dict[str, set[int]] = {}  # numbers of files that are not closed yet
        self._stated: dict[str, int] = {}  # below this number all is stated that is not open
        self._items: list[Item] = []
        self._written = 0  # of them, so many are durable
        self._unwritten: _Unwritten | None = None
        self.recipients: Callable[[], Sequence[str]] = tuple

    @classmethod
    def opened(cls, disk: DiskAccess, now_ms: int) -> "SignedHistory":
        """Of the recorder that holds the folder; a new one is begun where there is none, or its keys are lost.

        Raises StorageError.
        """
        disk.make_folder(FOLDER)
        made = cls(disk, names_key(disk), SigningState.first())
        if disk.entry(STATE) is None and disk.entry(f"{FOLDER}/{DAYS}") is None:
            made._begin_anew(now_ms)
            return made
        try:
            made._go_on()
        except SealedFileBroken as problem:
            log.error("The signed history begins anew: %s.", problem)
            made._begin_anew(now_ms)
        return made

    @staticmethod
    def is_there(disk: DiskAccess) -> bool:
        """Whether one was begun here."""
        return disk.entry(f"{FOLDER}/{DAYS}") is not None

    # --- names

    @property
    def genesis(self) -> str:
        """The recorder's fingerprint: its first public key, hexadecimal."""
        return self._genesis

    @property
    def recorder(self) -> bytes:
        """As headers name it."""
        return recorder_of(self._genesis)

    def camera(self, camera: CameraId) -> bytes:
        """As headers and lists name it: who has only these does not learn what it is called."""
        return camera_mark(self._names, camera)

    def object_name(self, path: str, at_ms: int) -> str:
        """What a sealed file of this path is called where it is brought. at_ms: when it began."""
        return object_name(self._names, self.recorder, path, at_ms)

    # --- files

    def take_place(self, row: SignedRow) -> ChainPosition:
        """For a file that is begun now."""
        with self._lock:
            number, prev = self._places.get(row.text, (0, ""))
            self._places[row.text] = number + 1, ""
            self._open.setdefault(row.text, set()).add(number)
            return ChainPosition(number, bytes.fromhex(prev) if prev else bytes(32))

    @contextmanager
    def signing(self) -> Iterator[Signer]:
        """For the end of a file: while it is written, the next statement waits, so that it is the one that lists it."""
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
        """Whether it is our signature of a file for the statement to come."""
        with self._lock:
            signer = self._state.signer
        return statement == signer.statement and is_signed(signer.public, b"file", digest, signature)

    def give_back(self, row: SignedRow, number: int) -> None:
        """The file held nothing, and is gone."""
        with self._lock:
            self._open.get(row.text, set()).discard(number)

    def is_stated(self, row: SignedRow, number: int) -> bool:
        """Whether a statement lists this file, or will."""
        with self._lock:
            return self._is_stated(row, number)

    def _is_stated(self, row: SignedRow, number: int) -> bool:
        if number < self._stated.get(row.text, 0) and number not in self._open.get(row.text, ()):
            return True
        same = ["file", row.camera.hex(), row.kind, row.stream, number]
        return any(list(item[:5]) == same for item in self._items)

    def add_file(self, row: SignedRow, number: int, digest: bytes, ends: str) -> None:
        """It is durable, and ends as it says. Nothing happens when it is stated already."""
        with self._lock:
            if self._is_stated(row, number):
                return
            self._open.get(row.text, set()).discard(number)
            if number + 1 >= self._places.get(row.text, (0, ""))[0]:
                self._places[row.text] = number + 1, digest.hex()
            self._items.append(["file", row.camera.hex(), row.kind, row.stream, number, digest.hex(), ends])

    def all_found(self) -> None:
        """Whoever looked for files that the last recorder left has found all there are."""
        with self._lock:
            self._open.clear()

    def add(self, *items: Item) -> None:
        """Something else that the next statement lists."""
        with self._lock:
            self._items += items

    def write_items(self) -> None:
        """Make durable what waits for the next statement. Raises StorageError; then it is tried again."""
        with self._writing:
            with self._lock:
                fresh, path = self._items[self._written :], items_path(self._state.n)
            if not fresh:
                return
            file = self._disk.create(path) if self._disk.entry(path) is None else self._disk.extend(path)
            try:
                torn = file.size_bytes and self._disk.read(path, file.size_bytes - 1) != b"\n"
                file.append([b"\n" if torn else b"", *(compact_json(item) + b"\n" for item in fresh)])
                file.sync()
            finally:
                file.close()
            self._disk.sync_folder(FOLDER)
            with self._lock:
                self._written += len(fresh)

    # --- statements

    def state(self, now_ms: int, wait_s: float = 5.0) -> bool:
        """State what there is. False when files that are being signed do not come to an end in time: try again soon.

        Raises StorageError; then the next call goes on from there.
        """
        with self._writing:
            self._write_unwritten()
            told = told_items(self._disk)
            with self._under_way:
                if not self._under_way.wait_for(lambda: self._signing == 0, wait_s):
                    return False
                self._items += [item for items in told.values() for item in items]
                made, items = (
                    make_statement(self._state, self._items, self.recipients(), utc_text(now_ms)),
                    self._state.n,
                )
                self._state, self._items, self._written = made.state, [], 0
                self._stated = {row: number for row, (number, _) in self._places.items()}
                files = {row: [*place, sorted(self._open.get(row, ()))] for row, place in self._places.items()}
            self._unwritten = _Unwritten(made, files, [items_path(items), *told])
            self._write_unwritten()
            return True

    def _write_unwritten(self) -> None:
        """The statement at hand, from its beginning, however far an earlier try came."""
        one = self._unwritten
        if one is None:
            return
        if not one.pending:
            one.pending = self._places_of(one.made.lines)
        lines = [[name, offset, line.decode()] for name, offset, line in one.pending]
        said = one.made.state.record() | {"files": one.files, "pending": lines}
        write_secret(self._disk, STATE, compact_json(said))
        self._append(one.pending)
        for path in one.listed:
            self._disk.unlink(path)
        self._unwritten = None

    def _places_of(self, lines: Sequence[tuple[str, bytes]]) -> list[Pending]:
        """Where each line is to begin."""
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

    # --- the beginning

    def _go_on(self) -> None:
        """From where the last recorder ended. Broken when that is not there, or not what it was."""
        if self._disk.entry(STATE) is None:
            raise SealedFileBroken("the keys that it was signed with are not here")
        said = read_object(self._disk.read(STATE))
        self._state = SigningState.read(said)
        try:
            for row, (number, prev, opened) in said["files"].items():
                self._places[row], self._stated[row] = (int(number), str(prev)), int(number)
                self._open[row] = {int(each) for each in opened}
            pending = [(str(name), int(offset), str(line).encode()) for name, offset, line in said["pending"]]
        except (KeyError, TypeError, ValueError, AttributeError) as problem:
            raise SealedFileBroken("its state cannot be read") from problem
        for name, offset, _ in pending[:1]:  # what follows in the same file stands behind it
            entry = self._disk.entry(f"{FOLDER}/{name}")
            if (entry.size_bytes if entry is not None else 0) < offset:
                raise SealedFileBroken(f"{name} became shorter")
        self._append(pending)
        self._genesis = genesis_of(self._disk.read(f"{FOLDER}/{DAYS}"))
        self._disk.unlink(items_path(self._state.n - 1))
        for item in waiting_items(self._disk):
            self._take_again(item)
        self._written = len(self._items)

    def _take_again(self, item: Item) -> None:
        self._items.append(item)
        if item[0] == "file" and len(item) == 7:
            _, camera, kind, stream, number, digest, _ = item
            row = f"{camera}/{kind}/{stream}"
            if number + 1 >= self._places.get(row, (0, ""))[0]:
                self._places[row] = number + 1, digest

    def _begin_anew(self, now_ms: int) -> None:
        """With keys of its own; what was stated before is put aside, and the first item names it."""
        items: list[Item] = []
        days = f"{FOLDER}/{DAYS}"
        if self._disk.entry(days) is not None:
            with suppress(SealedFileBroken):
                old = genesis_of(self._disk.read(days))
                items.append(["restored", old, sha256(self._disk.read(days)).hexdigest()])
            self._put_aside(sha256(self._disk.read(days)).hexdigest()[:8])
        self._state, self._places, self._open, self._stated = SigningState.first(), {}, {}, {}
        self._items, self._written = items, 0
        self.state(now_ms)
        self._genesis = genesis_of(self._disk.read(days))

    def _put_aside(self, mark: str) -> None:
        """What was public stays, under names that say so; the rest goes. `days.jsonl` last: while it is there, this is
        not done."""
        for one in sorted(self._disk.entries(FOLDER), key=lambda one: one.name == DAYS):
            path = f"{FOLDER}/{one.name}"
            if is_public(one.name):
                self._disk.rename(path, f"{FOLDER}/before-{mark}-{one.name}")
            elif one.name.startswith(("state.json", "items-")):
                self._disk.unlink(path)
        self._disk.sync_folder(FOLDER)
