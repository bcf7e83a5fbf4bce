"""Witness: a line of text that names the newest statement of a recorder's signed history.

It goes to places that a thief of the recorder can't reach: messages, uploads, the owner's browser. A history that was
cut or put back to an older copy doesn't contain the statement. The text holds no secret and says nothing of cameras:

    tawny-3f2a91c0-1234-20261120T055000Z-mz2kq…  recorder, number and time of the statement, 128 bits of its hash
"""

import re
from base64 import b32encode
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from hashlib import sha256
from typing import Final

from tawny.model.times import utc_from_text, utc_text

RECORDER_LETTERS: Final = 8
"""Hexadecimal digits of the recorder id, as in names of encrypted uploads."""
MARK_BYTES: Final = 16
_TEXT: Final = re.compile(r"tawny-([0-9a-f]{8})-(\d{1,12})-(\d{8})T(\d{6})Z-([a-z2-7]{26})(?![a-z2-7])", re.IGNORECASE)


@dataclass(frozen=True, slots=True, order=True)
class Witness:
    """One statement. recorder: RECORDER_LETTERS of its id. mark: 128 bits of the hash of its line, base32.

    at_ms: its time, ms UTC, whole seconds.
    """

    recorder: str
    n: int
    at_ms: int
    mark: str

    @property
    def text(self) -> str:
        at = re.sub(r"[-:]|\.\d+", "", utc_text(self.at_ms))
        return f"tawny-{self.recorder}-{self.n}-{at}-{self.mark}"

    @property
    def day(self) -> str:
        """The day whose statements contain it, as `2026-11-20`."""
        return utc_text(self.at_ms)[:10]


def recorder_of(genesis: str) -> bytes:
    """Return the id of the recorder with this first key: 16 bytes, hexadecimal. Raises ValueError if it is no key."""
    return sha256(bytes.fromhex(genesis)).digest()[:16]


def witness_of(recorder: bytes, n: int, time: str, line_hash: str) -> Witness:
    """Return the witness of a statement. time, line_hash: as in the history."""
    at_ms = utc_from_text(time)
    return Witness(recorder.hex()[:RECORDER_LETTERS], n, at_ms - at_ms % 1000, mark_of(line_hash))


def mark_of(line_hash: str) -> str:
    """Return the hash of a line as a witness states it."""
    return b32encode(bytes.fromhex(line_hash)[:MARK_BYTES]).decode().rstrip("=").lower()


def find_witnesses(text: str) -> Iterator[Witness]:
    """Yield the witnesses in a text, such as a saved e-mail."""
    for found in _TEXT.finditer(text):
        recorder, n, day, time, mark = found.groups()
        written = f"{day[:4]}-{day[4:6]}-{day[6:]}T{time[:2]}:{time[2:4]}:{time[4:]}Z"
        try:
            yield Witness(recorder.lower(), int(n), utc_from_text(written), mark.lower())
        except ValueError:  # no date of any calendar
            continue


def newest_of_each(witnesses: Iterable[Witness]) -> list[Witness]:
    """Return the newest witness of each recorder; a history that contains it contains the earlier ones."""
    found: dict[str, Witness] = {}
    for one in witnesses:
        known = found.get(one.recorder)
        if known is None or (one.n, one.at_ms) > (known.n, known.at_ms):
            found[one.recorder] = one
    return list(found.values())
