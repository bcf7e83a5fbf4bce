"""Unlock methods: users' private keys, stored encrypted as `keys/<id>.age`.

Next to each is `<id>.json` with its display name. `sheet.json` contains the time the recovery sheet was last shown. The
files alone cannot be decrypted.
"""

import json
import os
import secrets
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final, Literal

from tawny.model.errors import FolderUnwritable, NotDone
from tawny.service.interfaces.sealing import UnlockMethod

KEYS: Final = "keys"
OWNER: Final = "owner"
_SHEET: Final = "sheet.json"
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

    def all(self) -> list[UnlockMethod]:
        """Return all, oldest first."""
        found = [self._way(path) for path in self._folder.glob("*.age")]
        return sorted(found, key=lambda way: (way.made_ms, way.id))

    def wrapped(self, way: str) -> bytes | None:
        return next((path.read_bytes() for path in self._folder.glob("*.age") if path.stem == way), None)

    def add(self, wrapped: bytes, now_ms: int, name: str, way: str = "") -> UnlockMethod:
        """Add an unlock method. way: its ID; empty: a new one.

        Raises NotDone if the ID exists or the key is not encrypted.
        """
        if not wrapped.startswith(b"age-encryption.org/v1\n"):
            raise NotDone("This isn't a valid key.", "Try again.")
        if len(list(self._folder.glob("*.age"))) >= _MOST:
            raise NotDone(f"You already have {_MOST} unlock methods.", "Remove one of them first.")
        path = self._folder / f"{way or secrets.token_hex(6)}.age"
        write_secret_file(path, wrapped)
        self._note(path.with_suffix(".json").name, {"name": name, "made_ms": now_ms})
        return self._way(path)

    def remove(self, way: str) -> None:
        """Delete an unlock method. Raises NotDone for an unknown or the last one."""
        there = [path for path in self._folder.glob("*.age") if path.stem == way]
        if not there:
            raise NotDone("This unlock method doesn't exist.", "Reload the page.")
        if len(list(self._folder.glob("*.age"))) == 1:
            raise NotDone("This is the last unlock method besides the recovery sheet.", "Add another one first.")
        try:
            there[0].unlink()
            there[0].with_suffix(".json").unlink(missing_ok=True)
        except OSError as error:
            raise FolderUnwritable(str(self._folder), error.strerror or "") from None

    def sheet(self) -> dict[str, Any]:
        """Return `made_ms` and `tested_ms` if known."""
        return _read(self._folder / _SHEET)

    def sheet_shown(self, now_ms: int) -> None:
        said = self.sheet()
        self._note(_SHEET, {"made_ms": said.get("made_ms", now_ms), "tested_ms": now_ms})

    def _way(self, path: Path) -> UnlockMethod:
        said, head = _read(path.with_suffix(".json")), path.read_bytes()[:2000]
        kind: _Kind = next((kind for mark, kind in _KINDS.items() if mark in head), "other")
        name, made_ms = said.get("name"), said.get("made_ms")
        return UnlockMethod(
            path.stem,
            kind,
            name if isinstance(name, str) and name else _NAMES[kind],
            made_ms if isinstance(made_ms, int) else round(path.stat().st_mtime * 1000),
        )

    def _note(self, name: str, said: Mapping[str, Any]) -> None:
        new = self._folder / f"{name}.new"
        try:
            self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            new.write_text(json.dumps(said))
            new.replace(self._folder / name)
        except OSError as error:
            raise FolderUnwritable(str(self._folder), error.strerror or "") from None


def write_secret_file(path: Path, data: bytes) -> None:
    """Write a file durably, readable by its owner only, whatever the umask. Raises NotDone if it exists.

    A file that cannot be written whole is removed.
    """
    try:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        file = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
        try:
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


def _read(path: Path) -> dict[str, Any]:
    try:
        said = json.loads(path.read_text())
    except (OSError, ValueError):
        return {}
    return said if isinstance(said, dict) else {}
