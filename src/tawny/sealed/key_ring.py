"""Key ring of a camera's day: one JSON line per wrapped epoch key. Opens files whose own wrapped key is outdated.

A line torn by a power cut is skipped.
"""

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from tawny.sealed.key_wrapping import Identity, from_text, text_of, unwrap, wrap
from tawny.sealed.sealer import compact


@dataclass(frozen=True, slots=True)
class RingLine:
    commit: bytes
    born_ms: int
    wrapped: bytes

    def text(self) -> bytes:
        return compact({"age": text_of(self.wrapped), "born": self.born_ms, "commit": self.commit.hex()}) + b"\n"


def read_ring(text: bytes) -> dict[bytes, RingLine]:
    """Parse a ring. Return lines by commit; the last line of a key counts."""
    lines = (_line(line) for line in text.split(b"\n"))
    return {line.commit: line for line in lines if line is not None}


def _line(text: bytes) -> RingLine | None:
    try:
        said = json.loads(text)
        line = RingLine(bytes.fromhex(said["commit"]), int(said["born"]), from_text(said["age"]))
    except (ValueError, KeyError, TypeError, OverflowError, RecursionError):
        return None
    return line if len(line.commit) == 32 else None


def rewrapped(
    ring: Mapping[bytes, RingLine], identities: Sequence[Identity], recipients: Iterable[str]
) -> dict[bytes, RingLine]:
    """Return the same keys for other recipients. Video is unchanged.

    Raises SealedFileBroken if a key cannot be opened.
    """
    to = list(recipients)
    return {
        commit: RingLine(commit, line.born_ms, wrap(unwrap(line.wrapped, identities, commit), to))
        for commit, line in ring.items()
    }
