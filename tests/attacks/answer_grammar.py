"""Random words, numbers and pieces, of which answers of cameras are made."""

import random
from collections.abc import Callable, Sequence
from typing import Final, TypeVar

_SHARE, _DISTINCT = 0.25, 24
"""Share of a long answer's pieces that may become the long one; how many of its repetitions differ."""
_COUNTS: Final = (64, 65, 150, 300, 1_000, 5_001, 20_000, 60_000)
"""Below, at and above what the readers accept."""
T = TypeVar("T")


class Rng(random.Random):
    """Random choices, cheaper than the standard library's. longs: pieces that may still be repeated very often."""

    longs = 0

    def choice(self, seq: Sequence[T]) -> T:  # type: ignore[override]
        return seq[int(self.random() * len(seq))]

    def randint(self, a: int, b: int) -> int:
        return a + int(self.random() * (b - a + 1))

    def is_long(self) -> bool:
        if not self.longs or self.random() > _SHARE:
            return False
        self.longs = 0
        return True


def count_of(rng: Rng, least: int = 0, most: int = 6) -> int:
    if rng.longs and rng.is_long():
        return rng.choice(_COUNTS)
    return least + int(rng.random() * (most - least + 1))


def pieces_of(rng: Rng, count: int, make: Callable[[Rng], T]) -> list[T]:
    """Make so many pieces; of many, only some differ."""
    made = [make(rng) for _ in range(min(count, _DISTINCT))]
    return made if count <= _DISTINCT else (made * (count // _DISTINCT + 1))[:count]


_WORDS: Final = (
    "admin",
    "0",
    "-1",
    "1",
    "99999999999",
    "camera",
    "%41",
    "é",
    "\u202e",
    "a b",
    "",
    "nonce",
    "rtsp://h/p",
    "..",
    "//",
    "http://[::1",
    "\x00",
    "\t",
    "true",
    "NaN",
    "1e999",
    "<",
    "&amp;",
    "'",
    '"',
    ",",
    ";",
    "=",
    "٣",
    "track1",
    "\r",
)
_NUMBERS: Final = ("0", "1", "96", "97", "554", "8000", "90000", "-1", "65536", "4294967296", "x", "", "007", "٣")


def word_text(rng: Rng) -> str:
    return rng.choice(_WORDS) * count_of(rng, 1, 2)


def number_text(rng: Rng) -> str:
    return rng.choice(_NUMBERS)


def spoilt(rng: Rng, data: bytes) -> bytes:
    """Change some bytes of every fifth answer."""
    if rng.random() > 0.2 or not data:
        return data
    changed = bytearray(data)
    for _ in range(rng.randint(1, 4)):
        at = rng.randint(0, max(0, len(changed) - 1))
        match rng.randint(0, 2):
            case 0:
                changed[at : at + 1] = rng.randbytes(1)
            case 1:
                del changed[at : at + rng.randint(1, 30)]
            case _:
                changed[at:at] = rng.randbytes(rng.randint(1, 8))
    return bytes(changed)


def _challenge_field(rng: Rng) -> str:
    name = rng.choice(("realm", "nonce", "algorithm", "qop", "opaque", "stale"))
    value = rng.choice(("c", "MD5", "SHA-256", "auth", "a", None))
    if value is None:
        value = word_text(rng)
    elif value == "a":
        value *= count_of(rng, 1, 9)
    return f'{name}{rng.choice(("=" + chr(34), "=", "=" + chr(39)))}{value}"'


def challenge(rng: Rng) -> str:
    scheme = rng.choice(("Digest ", "Digest ", "Basic realm=x", "Bearer", "digest", ", Basic, Digest ", ""))
    return (scheme or "a" * count_of(rng)) + ", ".join(pieces_of(rng, count_of(rng, 0, 5), _challenge_field))
