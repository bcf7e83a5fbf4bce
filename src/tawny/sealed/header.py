"""The first 192 bytes of a file. They never change and all enter its keys: after one flipped bit nothing opens."""

from dataclasses import dataclass
from enum import IntEnum, IntFlag
from struct import Struct
from typing import Final

from tawny.sealed.broken import SealedFileBroken
from tawny.sealed.keys import MOST_STEPS

MAGIC: Final = b"\x89tawny\r\n"
VERSION: Final = 1
HEADER_BYTES: Final = 192
NO_STREAM: Final = 255
_LAYOUT: Final = Struct(">8sBBBBHH16s16sqIIQqQQ32s32s32s")
assert _LAYOUT.size == HEADER_BYTES


class SealedFileKind(IntEnum):
    SEGMENT = 1
    PICTURE = 2
    STRIP = 3
    MOTION = 4
    CLIP = 5


class SealedFlag(IntFlag):
    SPLIT = 1
    """Keyframes are separate records, so that the rest can be thinned."""
    FILLED_IN = 2
    """Recorded elsewhere first: its start may precede earlier statements."""


@dataclass(frozen=True, slots=True)
class SealedHeader:
    """Header of a sealed or proved file.

    wrap_bytes: size of the wrapped key area after the header; 0, with a zero `commit`, in a file that is hashed and
    signed but not encrypted. recorder, camera: opaque ids, 16 bytes each. born_ms: creation of the epoch key. number:
    increases by 1 per camera, stream and type. prev: digest of the previous file.
    """

    kind: int
    stream: int
    flags: int
    wrap_bytes: int
    recorder: bytes
    camera: bytes
    born_ms: int
    step: int
    number: int
    start_ms: int
    run: int
    commit: bytes
    salt: bytes
    prev: bytes

    @property
    def is_sealed(self) -> bool:
        return any(self.commit)

    def packed(self) -> bytes:
        return _LAYOUT.pack(
            MAGIC,
            VERSION,
            self.kind,
            self.stream,
            self.flags,
            HEADER_BYTES,
            self.wrap_bytes,
            self.recorder,
            self.camera,
            self.born_ms,
            self.step,
            0,
            self.number,
            self.start_ms,
            self.run,
            0,
            self.commit,
            self.salt,
            self.prev,
        )

    @classmethod
    def read(cls, data: bytes) -> "SealedHeader":
        """Parse a header. Raises SealedFileBroken if it is invalid or of another format."""
        if len(data) < HEADER_BYTES or data[:8] != MAGIC:
            raise SealedFileBroken("not an encrypted tawny file")
        _, version, kind, stream, flags, size, wrap, *ids, born_ms, step, zero, number, start_ms, run, zeros = (
            _LAYOUT.unpack(data[:HEADER_BYTES])[:-3]
        )
        commit, salt, prev = _LAYOUT.unpack(data[:HEADER_BYTES])[-3:]
        if version != VERSION:
            raise SealedFileBroken(f"it uses encryption format {version}, which this version of tawny doesn't support")
        if size != HEADER_BYTES or zero or zeros or step > MOST_STEPS:
            raise SealedFileBroken("its header was modified")
        recorder, camera = ids
        return cls(
            kind, stream, flags, wrap, recorder, camera, born_ms, step, number, start_ms, run, commit, salt, prev
        )


def is_other_version(data: bytes) -> bool:
    """Return whether a file begins as an encrypted one of another format, which another version of tawny may read."""
    return data.startswith(MAGIC) and data[len(MAGIC) :][:1] not in (b"", bytes([VERSION]))
