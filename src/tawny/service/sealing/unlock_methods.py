"""Private keys that the recorder keeps for people, each locked with something that it does not have: `keys/<id>.age`.

Beside each is `<id>.json`, with the name that people gave it. `sheet.json` says when the recovery sheet was last shown.
Whoever has the folder's files can open none of them.
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
    """folder: the data folder. Raises FolderUnwritable, NotDone."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder / KEYS

    def all(self) -> list[UnlockMethod]:
        """The oldest first."""
        found = [self._way(path) for path in self._folder.glob("*.age")]
        return sorted(found, key=lambda way: (way.made_ms, way.id))

    def wrapped(self, way: str) -> bytes | None:
        return next((path.read_bytes() for path in self._folder.glob("*.age") if path.stem == way), None)

    def add(self, wrapped: bytes, now_ms: int, name: str, way: str = "") -> UnlockMethod:
        """way: its id; a new one if empty. NotDone when that is there already, or it is no locked key."""
        if not wrapped.startswith(b"age-encryption.org/v1\n"):
            raise NotDone("This isn't a valid key.", "Try again.")
        if len(list(self._folder.glob("*.age"))) >= _MOST:
            raise NotDone(f"You already have {_MOST} unlock methods.", "Remove one of them first.")
        path = self._folder / f"{way or secrets.token_hex(6)}.age"
        write_secret_file(path, wrapped)
        self._note(path.with_suffix(".json").name, {"name": name, "made_ms": now_ms})
        return self._way(path)

    def remove(self, way: str) -> None:
        """NotDone for the last one."""
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
        """`made_ms`, `tested_ms`, as far as they are known."""
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
    """For its owner alone, durably. NotDone when something is there already."""
    try:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        file = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
        try:
            os.write(file, data)
            os.fsync(file)
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
