"""File names and durable writes of the signed history."""

import json
from base64 import b32encode
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack, suppress
from hmac import digest as hmac
from secrets import token_hex
from typing import Any, Final

from tawny.model.errors import FileMissing, StorageError
from tawny.model.ids import CameraId
from tawny.sealed.broken import SealedFileBroken
from tawny.sealed.statements import Item, lines_of, list_name, statements_name
from tawny.storage.disk.disk import DiskAccess, OpenFile, sync_together

FOLDER: Final = "history/signed"
STATE: Final = f"{FOLDER}/state.json"
NAMES: Final = f"{FOLDER}/names.key"
NEW: Final = ".new"
REPORTED: Final = "told-"
"""Prefix of files in which other processes report their changes to recordings, for the next statement."""
Place = tuple[str, int, int, int]
"""Identity of a file in the signed history: camera, kind, stream and number."""
PICTURE: Final = "picture"
"""First word of a line in `items-<n>.jsonl` that announces a sealed picture; no statement lists it."""
RESTORED: Final = "restored"
"""Item of a history that began anew: first key of the one before, hash of its days, hash of its last statement."""
REMOVED_OF: Final = "removed_of"
THINNED_OF: Final = "thinned_of"
"""Items of files of another chain, with the recorder id of that chain after the type."""
BETTER_PICTURE: Final = "a better one took its place"
NAMES_BYTES: Final = 32
_MARK_BYTES: Final = 16
_OBJECT_LETTERS: Final = 26


def public_files(disk: DiskAccess) -> list[str]:
    """Return the paths of all public files, also of histories that were put aside."""
    names = [one.name for one in disk.entries(FOLDER) if one.kind == "file"]
    return [f"{FOLDER}/{name}" for name in names if is_public(name.removeprefix("before-"))]


def waiting_items(disk: DiskAccess) -> Iterator[Item]:
    """Yield the durable items of the next statements: first those that the last one left to a later one."""
    with suppress(SealedFileBroken):
        later = read_object(disk.read(STATE)).get("later") if disk.entry(STATE) is not None else None
        yield from later if isinstance(later, list) else ()  # not in files of older versions
    for items in _listed(disk, "items-").values():
        yield from items


def announced_pictures(items: Iterable[Item]) -> dict[str, Item]:
    """Return the announced pictures: path and identity (camera, kind, stream, number) of the file to be replaced.

    The identity is empty for a first picture. Pictures whose replaced file is recorded as removed are left out.
    """
    found: dict[str, Item] = {}
    for item in items:
        match list(item):
            case [word, str(path), *old] if word == PICTURE and len(old) in (0, 4):
                found[path] = old
            case ["removed", *place] if len(place) > 4:
                found = {path: old for path, old in found.items() if list(old) != place[:4]}
    return found


def reported_items(disk: DiskAccess) -> dict[str, list[Item]]:
    """Return the items that other processes reported, by file path."""
    return _listed(disk, REPORTED)


def _listed(disk: DiskAccess, prefix: str) -> dict[str, list[Item]]:
    """Return the items of files with this prefix, by path. A statement that is made meanwhile removes such files."""
    before: list[str] = []
    while True:
        names = [one.name for one in disk.entries(FOLDER) if one.name.startswith(prefix)]
        paths = [f"{FOLDER}/{name}" for name in names if not name.endswith(NEW)]
        try:
            return {path: list(_items_in(disk, path)) for path in paths}
        except FileMissing:
            if paths == before:  # listed again, so that no statement removed it
                raise
            before = paths


def _items_in(disk: DiskAccess, path: str) -> Iterator[Item]:
    for line in lines_of(disk.read(path)):
        with suppress(ValueError):  # a line torn by a power cut
            item = json.loads(line)
            if isinstance(item, list) and item:
                yield item


def is_public(name: str) -> bool:
    return name.endswith((".jsonl", ".list")) and not name.startswith(("before-", "items-"))


def lists_of(day: str) -> tuple[str, str]:
    """Return the paths of a day's statements and lists."""
    return f"{FOLDER}/{statements_name(day)}", f"{FOLDER}/{list_name(day)}"


def items_path(n: int) -> str:
    return f"{FOLDER}/items-{n}.jsonl"


def compact_json(data: object) -> bytes:
    return json.dumps(data, separators=(",", ":"), ensure_ascii=False).encode()


def read_object(text: bytes) -> dict[str, Any]:
    with suppress(ValueError, RecursionError):
        data = json.loads(text)
        if isinstance(data, dict):
            return data
    raise SealedFileBroken("its state cannot be read")


def camera_mark(names: bytes, camera: CameraId) -> bytes:
    """Return the camera id used in headers and lists: 16 bytes that do not reveal the camera's name."""
    return hmac(names, b"camera\0" + camera.encode(), "sha256")[:_MARK_BYTES]


def object_name(names: bytes, recorder: bytes, path: str, day: str) -> str:
    """Return the name of a file in remote storage. It does not reveal the camera. day: as in `20261120`."""
    letters = b32encode(hmac(names, b"object\0" + path.encode(), "sha256")).decode().lower()
    return f"{recorder.hex()[:8]}/{day}/{letters[:_OBJECT_LETTERS]}.tws"


def pass_items(disk: DiskAccess, items: Sequence[Item]) -> None:
    """Pass items to the next statement of this recorder, running or not. Raises StorageError."""
    disk.make_folder(FOLDER)
    path = f"{FOLDER}/{REPORTED}{token_hex(8)}"
    file = disk.create(path + NEW)
    try:
        file.append([compact_json(item) + b"\n" for item in items])
        file.sync()
    finally:
        file.close()
    disk.rename(path + NEW, path)
    disk.sync_folder(FOLDER)


def names_key(disk: DiskAccess) -> bytes | None:
    """Return the key for names. None if there is none."""
    entry = disk.entry(NAMES)
    return disk.read(NAMES) if entry is not None and entry.size_bytes == NAMES_BYTES else None


def write_secrets(disk: DiskAccess, secrets: Mapping[str, bytes]) -> None:
    """Replace files durably. Readable and writable by the owner only."""
    with ExitStack() as closing:
        files: list[OpenFile] = []
        for path, data in secrets.items():
            disk.unlink(path + NEW)
            files.append(disk.create(path + NEW))
            closing.callback(files[-1].close)
            files[-1].append([data])
        sync_together(files)
    for path in secrets:
        disk.rename(path + NEW, path)
    disk.sync_folder(FOLDER)
    disk.sync_parents(FOLDER)


def append_at(disk: DiskAccess, path: str, offset: int, line: bytes) -> None:
    """Write `line` at `offset`, truncating the file there first. `sync_appended` makes it durable."""
    entry = disk.entry(path)
    if (entry.size_bytes if entry is not None else 0) < offset:
        raise StorageError(path, "it became shorter")
    file = disk.create(path) if entry is None else disk.extend(path)
    try:
        file.cut(offset)
        file.append([line])
    finally:
        file.close()


def sync_appended(disk: DiskAccess, paths: Iterable[str]) -> None:
    """Make files and their names durable. A file that was removed meanwhile is skipped."""
    with ExitStack() as closing:
        files = [disk.extend(path) for path in paths if disk.entry(path) is not None]
        for file in files:
            closing.callback(file.close)
        sync_together(files)
    disk.sync_folder(FOLDER)
