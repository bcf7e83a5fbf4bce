"""Content of a segment file as bytes: MP4 fragments with hashes, or sealed records.

One writer per open file. No I/O. One thread at a time.
"""

import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final, Protocol

from tawny.media.mp4.fragment_writer import aligned_boxes, end_box, padding_before
from tawny.media.mp4.leaf_proof import PROOF, LeafProof, end_leaf, first_leaves, hash_box, hashes_of, leaf, leaf_box
from tawny.model.errors import StorageError
from tawny.sealed.header import SealedFlag, SealedHeader
from tawny.sealed.records import AFTER_KEY, KEY, KEY_ALONE, REST
from tawny.sealed.sealer import Sealer
from tawny.sealed.signing import Signer, signed_digest
from tawny.storage.disk.disk import Bytes
from tawny.storage.segments.metadata import SegmentMetadata, SegmentTrailer

MakeInit = Callable[[Mapping[str, object]], bytes]
"""Builds the initialization segment, with additional metadata entries."""


@dataclass(frozen=True, slots=True)
class WrittenFragment:
    """One MP4 fragment. time_ms: its first frame, relative to the segment's start."""

    parts: Sequence[Bytes]
    time_ms: int
    is_keyframe: bool


class SegmentContent(Protocol):
    """Content writer of one file. `begin` is complete after construction."""

    @property
    def begin(self) -> Sequence[Bytes]: ...
    @property
    def splits(self) -> bool:
        """Whether a keyframe must be a separate fragment."""
        ...

    def add(self, fragments: Sequence[WrittenFragment], offset: int) -> list[Bytes]:
        """Return the bytes of the fragments, in order. offset: size of the file before them."""
        ...

    def taken(self, fragments: Sequence[WrittenFragment]) -> None:
        """Report that the last fragments are durable."""
        ...

    def end(self, end: SegmentTrailer, signer: Signer | None, offset: int) -> Sequence[Bytes]:
        """Return the last bytes of the file. offset: size of the file before them."""
        ...

    @property
    def digest(self) -> bytes | None:
        """Digest of all written data. None if not available."""
        ...


def _aligned(fragments: Sequence[WrittenFragment], offset: int) -> list[Bytes]:
    """Return the fragments' buffers with padding, so that players can open the file wherever a power cut tears it."""
    found: list[Bytes] = []
    for one in fragments:
        parts = [padding_before(offset, len(one.parts[0])), *one.parts]
        offset += sum(map(len, parts))
        found += parts
    return found


class PlainContent:
    """Standard MP4 with hashes."""

    def __init__(self, init: bytes) -> None:
        self.begin: Sequence[Bytes] = [init]
        self.splits = False
        self._hashes: list[bytes] = []

    def add(self, fragments: Sequence[WrittenFragment], offset: int) -> list[Bytes]:
        return _aligned(fragments, offset)

    def taken(self, fragments: Sequence[WrittenFragment]) -> None:
        for one in fragments:
            self._hashes += hashes_of(one.parts)

    def end(self, end: SegmentTrailer, signer: Signer | None, offset: int) -> Sequence[Bytes]:
        return aligned_boxes([hash_box(self._hashes), end_box(end.record())], offset)

    digest: bytes | None = None


class ProvedContent:
    """Standard MP4 with a proof of each fragment after the last one."""

    splits = False

    def __init__(self, header: SealedHeader, about: SegmentMetadata, make_init: MakeInit) -> None:
        self._header, self._about, self._leaf_key = header.packed(), about, os.urandom(32)
        init = make_init({PROOF: {"header": self._header.hex(), "leaf_key": self._leaf_key.hex()}})
        self.begin: Sequence[Bytes] = [init]
        self._leaves = first_leaves(self._leaf_key, about.record(), init)

    def add(self, fragments: Sequence[WrittenFragment], offset: int) -> list[Bytes]:
        return _aligned(fragments, offset)

    def taken(self, fragments: Sequence[WrittenFragment]) -> None:
        for one in fragments:
            type_ = KEY if one.is_keyframe else REST
            self._leaves.append(leaf(self._leaf_key, type_, len(self._leaves), one.time_ms, one.parts))

    def end(self, end: SegmentTrailer, signer: Signer | None, offset: int) -> Sequence[Bytes]:
        time_ms = max(0, end.end_ms - self._about.start_ms)
        totals = end.record()
        self._leaves.append(end_leaf(self._leaf_key, len(self._leaves), time_ms, ending_reason(end.why), totals))
        signature = signed_digest(signer, self.digest) if signer is not None else b""
        return aligned_boxes([leaf_box(self._leaves, signature), end_box(totals)], offset)

    @property
    def digest(self) -> bytes:
        return LeafProof(self._header, self._leaf_key, self._leaves).digest


_REASONS: Final = {"length": 0, "size": 0, "another begins": 0, "recording ended": 3, "tawny stopped": 4}
_CLOCK, _DISK, _CAMERA, _SOURCE = 5, 6, 2, 1


def ending_reason(why: str) -> int:
    """Return the number of an end reason, for readers without the key."""
    if why in _REASONS:
        return _REASONS[why]
    if "clock" in why:
        return _CLOCK
    if "disk" in why:
        return _DISK
    return _SOURCE if why.startswith("another") else _CAMERA


class SealedSegmentContent:
    """Records that only recipients can open.

    Sealed data that could not be written is returned again unchanged: a record number is never used for two contents.
    """

    def __init__(self, sealer: Sealer, about: SegmentMetadata, init: bytes, software: str) -> None:
        self._sealer, self.splits = sealer, bool(sealer.header.flags & SealedFlag.SPLIT)
        self._about = about
        self.begin: Sequence[Bytes] = sealer.begin({**about.record(), "software": software}, init)
        self._waiting: tuple[list[bytes], list[Bytes]] | None = None
        self._has_lost = False

    def add(self, fragments: Sequence[WrittenFragment], offset: int) -> list[Bytes]:
        """Raises StorageError if other sealed data is still unwritten. The file then ends without it."""
        contents = [b"".join(one.parts) for one in fragments]
        if self._waiting is not None:
            if self._waiting[0] != contents:
                self._has_lost = True
                raise StorageError(self._about.name.path, "what was sealed before was not written")
            return self._waiting[1]
        sealed: list[Bytes] = []
        for one, content in zip(fragments, contents, strict=True):
            sealed += self._sealer.record(self._type(one), one.time_ms, [content])
        self._waiting = contents, sealed
        return sealed

    def _type(self, one: WrittenFragment) -> int:
        if self.splits:
            return KEY_ALONE if one.is_keyframe else AFTER_KEY
        return KEY if one.is_keyframe else REST

    def taken(self, fragments: Sequence[WrittenFragment]) -> None:
        self._waiting = None

    def end(self, end: SegmentTrailer, signer: Signer | None, offset: int) -> Sequence[Bytes]:
        """Return no bytes if sealed data is missing in the file: it has no end record."""
        if self._waiting is not None or self._has_lost:
            self._has_lost = True
            return []
        time_ms = max(0, end.end_ms - self._about.start_ms)
        return list(self._sealer.end(ending_reason(end.why), time_ms, end.record(), signer))

    @property
    def digest(self) -> bytes | None:
        """None if it must be computed from the file."""
        return None if self._has_lost else self._sealer.digest
