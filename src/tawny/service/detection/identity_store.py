"""Identity store: known license plates and face embeddings, encrypted.

The store is one small file in the data folder. Its key is stored next to the settings, so a lost recording disk or a
copy of it reveals nothing. Events refer to an identity by an ID that has no meaning outside this store. A deleted
identity therefore loses its name in old events too. Each deletion re-encrypts the file with a new key, so older copies
cannot be opened.
"""

import json
import secrets
import threading
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Final

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import ChaCha20Poly1305

from tawny.detection.plates.text import alike, plain_plate
from tawny.detection.recognition import RecogniserResult
from tawny.model.errors import NotDone
from tawny.model.events import Event
from tawny.model.observations import RecognisedText, spoken
from tawny.storage.disk.private_files import (
    LOCK_FILE,
    access_remedy,
    locked,
    make_folder,
    remove_leftovers,
    write_private,
)


@dataclass(frozen=True, slots=True)
class IdentityInfo:
    id: str
    name: str
    by: str
    """Its recognizer."""
    text: str
    """A plate; empty for a face."""
    prints: int
    """Count of face embeddings."""


FILE: Final = "known.bin"
KEY: Final = "known.key"
_KEY_BYTES, _NONCE_BYTES = 32, 12
_SAID_FOR: Final = b"tawny: who is known"
LONGEST_NAME: Final = 60
PLATES: Final = "plates"
KNOWN, UNKNOWN = "known", "unknown"
MOST: Final = 1000
_TRIES: Final = 3
"""To read a file that another process replaces meanwhile."""
_Version = tuple[tuple[int, int, int] | None, tuple[int, int, int] | None]
"""Of the file and of its key."""


@dataclass(frozen=True, slots=True)
class KnownIdentity:
    """A known identity. by: its recognizer. text: the plate as written; empty for a face. prints: face embeddings."""

    id: str
    name: str
    by: str
    text: str = ""
    prints: tuple[tuple[float, ...], ...] = ()


class IdentityStore:
    """Stores known identities. Thread-safe and multi-process safe. Only changes raise errors; see `trouble`.

    folder: the data folder; None: keep in memory only. key_folder: folder of the key. alike: returns the minimum
    similarity of two embeddings of the same face for a recognizer.
    """

    def __init__(
        self, folder: Path | None, key_folder: Path | None, alike: Callable[[str], float] = lambda _by: 0.4
    ) -> None:
        self._file = folder / FILE if folder is not None else None
        self._key_file = (key_folder or folder or Path()) / KEY
        self._alike = alike
        self._lock = threading.Lock()
        self._read_of: _Version | None = None
        self._all: dict[str, KnownIdentity] = {}
        self.trouble = ""
        """Why the store cannot be read, and the remedy; empty if it can."""

    def all(self) -> list[KnownIdentity]:
        """Return all identities sorted by name."""
        with self._lock:
            self._refresh()
            return sorted(self._all.values(), key=lambda one: (one.name.lower(), one.text))

    def name(self, read: RecognisedText) -> str:
        """Return the name of what was recognized; empty if there is none or it was deleted.

        A plate may have got its name after it was read.
        """
        with self._lock:
            self._refresh()
            found = self._all.get(read.who)
            if found is None and read.text:
                found = _plate(read.text, [one for one in self._all.values() if one.by == read.by])
            return found.name if found is not None else ""

    def add(self, name: str, by: str, text: str = "", print_: Sequence[float] = ()) -> KnownIdentity:
        """Add an identity, or another embedding to an existing one.

        Raises NotDone if invalid or full, if the store can't be read or written, or while another process changes it.
        """
        name = " ".join(name.split())
        if not 0 < len(name) <= LONGEST_NAME or not name.isprintable():
            raise NotDone("Invalid name.", f"Use 1 to {LONGEST_NAME} characters.")
        if not print_ and not plain_plate(text):
            raise NotDone("Nothing to recognize.", "Add a license plate or a photo of a face.")
        with self._changing():
            same = [one for one in self._all.values() if one.by == by and self._is_same(one, name, text)]
            if not same and len(self._all) >= MOST:
                raise NotDone(f"You already have {MOST} known faces and plates.", "Delete some first.")
            before = same[0] if same else KnownIdentity(secrets.token_hex(6), name, by, text.strip().upper())
            prints = (*before.prints, tuple(float(one) for one in print_)) if print_ else before.prints
            made = KnownIdentity(before.id, name, by, before.text, prints[-8:])
            self._put({**self._all, made.id: made}, (self._keys() or [secrets.token_bytes(_KEY_BYTES)])[0])
            return made

    def forget(self, *who: str) -> int:
        """Delete the identities with these IDs or names; return the count. The rest is re-encrypted with a new key.

        Raises NotDone as `add`.
        """
        words = {one.lower() for one in who}
        return self._forget(lambda one: one.id in who or one.name.lower() in words)

    def forget_all(self) -> int:
        """Delete all identities and the key, also where they can't be read; return the count of those that were read.

        Raises NotDone if the files can't be deleted.
        """
        with self._changing(is_readable=False):
            count = len(self._all)
            for file in (self._key_file, self._file) if self._file is not None else ():
                remove_leftovers(file)
                file.unlink(missing_ok=True)
            self._all, self._read_of, self.trouble = {}, None, ""
            return count

    def who(self, by: str, reading: RecogniserResult) -> str:
        """Return the ID of a recognized identity; empty if unknown.

        Of plates, the same one; else the only one that may be the same, as with O for 0.
        """
        with self._lock:
            self._refresh()
            known = [one for one in self._all.values() if one.by == by]
        if reading.text:
            found = _plate(reading.text, known)
            return found.id if found is not None else ""
        scores = [(likeness(print_, reading.print), one.id) for one in known for print_ in one.prints]
        best = max(scores, default=(0.0, ""))
        return best[1] if best[0] >= self._alike(by) else ""

    def words(self, event: Event) -> frozenset[str]:
        """Return the words rules can match for an event: recognizers, plate texts, names, known or unknown."""
        found = set()
        for read in event.reads:
            name = self.name(read)
            found |= {spoken(word) for word in (read.by, read.text, name, KNOWN if name else UNKNOWN)} - {""}
        return frozenset(found)

    # --- inside

    @staticmethod
    def _is_same(one: KnownIdentity, name: str, text: str) -> bool:
        return plain_plate(one.text) == plain_plate(text) if text else one.name.lower() == name.lower()

    @contextmanager
    def _changing(self, *, is_readable: bool = True) -> Iterator[None]:
        """Hold the store and read its current content, for a change. Raises NotDone.

        is_readable: whether the change needs the content.
        """
        if self._file is None:
            with self._lock:
                yield
            return
        try:
            make_folder(self._file.parent, 0o750)
            with locked(self._file.with_name(LOCK_FILE)), self._lock:
                self._refresh()
                if is_readable and self.trouble:
                    raise NotDone(self.trouble)
                yield
        except OSError as error:
            raise _unwritable(self._file, error) from None

    def _forget(self, goes: Callable[[KnownIdentity], bool]) -> int:
        with self._changing():
            left = {one.id: one for one in self._all.values() if not goes(one)}
            count = len(self._all) - len(left)
            if count:
                self._put(left, secrets.token_bytes(_KEY_BYTES))
            return count

    def _refresh(self) -> None:
        """Reload the file if it has changed: another process may have written it. Sets `trouble`."""
        if self._file is None:
            return
        try:
            for _ in range(_TRIES):
                version = _version(self._file), _version(self._key_file)
                if version == self._read_of:
                    return
                self._all, self.trouble = self._opened(self._file.read_bytes())
                self._read_of = version
        except FileNotFoundError:
            self._all, self._read_of, self.trouble = {}, None, ""
        except OSError as error:
            file = Path(error.filename or self._file)
            self.trouble = str(
                NotDone(
                    f"Known faces and plates are unavailable: {file} can't be read ({error.strerror}).",
                    access_remedy(error, file, self._file.parent),
                )
            )
            self._all, self._read_of = {}, None

    def _opened(self, sealed: bytes) -> tuple[dict[str, KnownIdentity], str]:
        for key in self._keys():
            with suppress(InvalidTag, ValueError, KeyError, TypeError):
                text = ChaCha20Poly1305(key).decrypt(sealed[:_NONCE_BYTES], sealed[_NONCE_BYTES:], _SAID_FOR)
                made = [
                    KnownIdentity(one["id"], one["name"], one["by"], one["text"], tuple(map(tuple, one["prints"])))
                    for one in json.loads(text)
                ]
                return {one.id: one for one in made}, ""
        return {}, (
            f"Known faces and plates are unavailable: {self._file} can't be opened with {self._key_file}. "
            "Restore the key from a backup, or start over with `tawny known forget --all`."
        )

    def _put(self, now: dict[str, KnownIdentity], key: bytes) -> None:
        """Write the file with this key, while `_changing`. The old key is kept until the new file is in place."""
        if self._file is not None:
            nonce = secrets.token_bytes(_NONCE_BYTES)
            text = json.dumps([asdict(one) for one in now.values()]).encode()
            sealed = nonce + ChaCha20Poly1305(key).encrypt(nonce, text, _SAID_FOR)
            before = self._keys()
            self._write(self._key_file, b"".join(dict.fromkeys([key, *before])))
            self._write(self._file, sealed)
            if before not in ([], [key]):
                self._write(self._key_file, key)
            self._read_of = _version(self._file), _version(self._key_file)
        self._all = now

    def _write(self, file: Path, content: bytes) -> None:
        """Replace one of the two files. Both are for the user who owns the data folder. Raises NotDone."""
        assert self._file is not None
        try:
            make_folder(file.parent, 0o750)
            write_private(file, content, self._file.parent)
        except OSError as error:
            raise _unwritable(file, error) from None

    def _keys(self) -> list[bytes]:
        """Return the keys, that of the current file first; none without a key file. Raises OSError."""
        try:
            content = self._key_file.read_bytes()
        except FileNotFoundError:
            return []
        return [content[at : at + _KEY_BYTES] for at in range(0, len(content), _KEY_BYTES)]


def _plate(text: str, known: Iterable[KnownIdentity]) -> KnownIdentity | None:
    """Return the identity with this plate, else the only one that may have it; None if there is none."""
    near = [one for one in known if one.text and alike(one.text, text)]
    found = [one for one in near if plain_plate(one.text) == plain_plate(text)] or near
    return found[0] if len(found) == 1 else None


def likeness(one: Sequence[float], other: Sequence[float]) -> float:
    """Return the cosine similarity of two embeddings; 0 if they cannot be compared."""
    if not one or len(one) != len(other):
        return 0.0
    import numpy as np  # local: speeds up commands that only search events

    a, b = np.asarray(one, np.float64), np.asarray(other, np.float64)
    lengths = float(np.linalg.norm(a) * np.linalg.norm(b))
    return float(a @ b) / lengths if lengths else 0.0


def _version(file: Path) -> tuple[int, int, int] | None:
    """Return what differs after each change of a file; None if there is none. Raises OSError."""
    try:
        status = file.stat()
    except FileNotFoundError:
        return None
    return status.st_ino, status.st_mtime_ns, status.st_size


def _unwritable(file: Path, error: OSError) -> NotDone:
    return NotDone(f"Can't write {file}: {error.strerror}.", "Give tawny write permission for the folder.")
