"""Encryption keys of a backup: which keys open new recordings after a restore, and key files that stay."""

import errno
import logging
import os
from collections.abc import Callable, Iterator
from hashlib import sha256
from pathlib import Path
from typing import Final

from tawny.service.backup.setting_changes import flat, key_names, tables_in
from tawny.storage.disk.private_files import write_private

_KEY_FILES: Final = (".age", ".json", ".pub")
"""Endings of what tawny writes there. A linked folder may be a whole stick, with other files."""
log = logging.getLogger(__name__)


def key_changes(new: Path, config: Path) -> Iterator[str]:
    """Yield sentences about keys for which only the settings here, or only those of the backup, encrypt.

    new: the settings file of the backup, which comes to the place of `config`.
    """
    now, past = _keys_in(config), _keys_in(config, "removed_cameras.")
    if not now or not new.exists():  # the settings here stay
        return
    then = _keys_in(new)
    for name in sorted(then - now):
        yield f"The key {name} opens no new recordings here now, and does after the restore."
    for name in sorted(now - then):
        yield f"The key {name} opens no new recordings after the restore."
    back = _keys_in(new, "removed_cameras.") - past - now - then
    for name in sorted(back):
        yield f"The key {name} comes back for recordings of removed cameras: the next change of keys lets it open them."
    if then - now or back:
        yield (
            "If a key that comes back was replaced because others may have it, note the output of `tawny encryption "
            f"keys`, restore in a terminal, and put these keys into {config} before tawny starts."
        )


def _keys_in(settings: Path, *tables: str) -> set[str]:
    """Return the short names of keys in these tables; of none: of all keys that open new recordings."""
    values = flat(tables_in(settings)).items()
    return {
        name
        for path, value in values
        if value
        and path.startswith(tables or ("encryption.", "cameras."))
        and path.endswith((".recipients", ".recovery"))
        for name in key_names(value)
    }


def keep_others(old: Path, here: Path) -> None:
    """Bring key files that the backup doesn't have back to `here`: each is locked by itself, and may be the only copy.

    One of another content than that of the same name gets a new name. What `old` links to stays as it is, and is
    copied as far as it can be read, but not by root for others. Can be interrupted and called again. Raises OSError.
    """
    if not old.is_symlink():
        _bring(old, here, _move)
        return
    linked = here.parent / old.readlink()  # a relative link began where `here` is
    if os.geteuid() == 0 and here.parent.stat().st_uid != 0:  # the recorder's user could have root read any folder
        log.warning("%s was a link to %s and is a folder now: copy the key files that you need", here, linked)
        return
    log.warning("%s was a link to %s and is a folder now: it gets copies of the key files there", here, linked)
    try:
        _bring(linked, here, _copy)
    except OSError as error:  # nothing is lost: tawny starts
        log.warning("not all key files in %s could be copied to %s: %s", linked, here, error)


def _bring(old: Path, here: Path, put: Callable[[Path, Path], None]) -> None:
    if not old.is_dir():
        return
    here.mkdir(mode=0o700, exist_ok=True)
    stems = {}
    for key in old.glob("*.age"):
        same = here / key.name
        if same.exists() and same.read_bytes() != (content := _content(key)):
            stems[key.stem] = f"{key.stem}-{sha256(content).hexdigest()[:8]}"
    for path in sorted(old.iterdir(), key=lambda one: (one.suffix == ".age", one)):  # keys last: they make the new name
        to = here / f"{stems.get(path.stem, path.stem)}{path.suffix}"
        if not to.exists():
            put(path, to)


def _content(key: Path) -> bytes:
    """Return what a key file contains; nothing if it can't be read, such as a link to a disk that is missing."""
    try:
        return key.read_bytes()
    except OSError as error:
        log.warning("%s can't be compared with the key file of the backup, so it gets a new name: %s", key.name, error)
        return b""


def _move(path: Path, to: Path) -> None:
    try:
        path.rename(to)
    except OSError as error:
        if error.errno != errno.EXDEV or not path.is_file() or path.is_symlink():
            raise
        write_private(to, path.read_bytes())  # out of a subvolume of Btrfs


def _copy(path: Path, to: Path) -> None:
    if path.suffix in _KEY_FILES and path.is_file():
        try:
            write_private(to, path.read_bytes())
        except OSError as error:  # of this file alone
            log.warning("%s could not be copied to %s: %s", path, to, error)
