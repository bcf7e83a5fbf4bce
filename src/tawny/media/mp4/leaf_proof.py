"""Leaves of an unencrypted file: hashes that prove each fragment, stored behind the last one.

Same scheme as in sealed files. The metadata box in the header has `proof`: the 192 bytes of a sealed file's header and
the leaf key. A `uuid` box behind the fragments has head and leaf of each record (44 bytes). The statement's number and
the signature of the digest follow (72 bytes, or none). Record 0 is the metadata without `proof`, record 1 the init
segment; then the fragments; the end box is last. Stateless; call from any thread.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from hashlib import sha256
from typing import Any, Final
from uuid import UUID

from tawny.media.mp4.boxes import box
from tawny.media.mp4.byte_reader import open_stored, read_exactly
from tawny.media.mp4.fragment_writer import Buffer
from tawny.media.mp4.segment_reader import SegmentReader
from tawny.sealed.header import HEADER_BYTES
from tawny.sealed.records import END, INFO, INIT, KEY, REST, Digest, head_of, leaf_of
from tawny.sealed.sealer import compact

PROOF: Final = "proof"
KIND: Final = UUID("5c0f1a6e-57f7-4f0e-9f0c-8f5b5b3e9a41").bytes
_ENTRY_BYTES, _SIGNATURE_BYTES = 44, 72
_HEAD_BYTES = 8 + len(KIND)

Leaf = tuple[bytes, bytes]
"""Head and leaf hash of a record."""


@dataclass(frozen=True, slots=True)
class LeafProof:
    """Parsed proof of a file. signature: over the digest, with the key of `statement`; empty if unsigned."""

    header: bytes
    leaf_key: bytes
    leaves: list[Leaf]
    statement: int = 0
    signature: bytes = b""

    @property
    def digest(self) -> bytes:
        digest = Digest(self.header)
        for head, leaf in self.leaves:
            digest.add(head, leaf)
        return digest.value


def leaf(leaf_key: bytes, type_: int, seq: int, time_ms: int, parts: Sequence[bytes | bytearray | memoryview]) -> Leaf:
    head = head_of(type_, sum(map(len, parts)), seq, time_ms)
    return head, leaf_of(leaf_key, head, *parts)


def first_leaves(leaf_key: bytes, about: Mapping[str, object], init: bytes) -> list[Leaf]:
    """Return the leaves of metadata and init segment. about: the metadata without `proof`."""
    return [leaf(leaf_key, INFO, 0, 0, [compact(about)]), leaf(leaf_key, INIT, 1, 0, [init])]


def end_leaf(leaf_key: bytes, seq: int, time_ms: int, reason: int, end: Mapping[str, object]) -> Leaf:
    return leaf(leaf_key, END + reason, seq, time_ms, [compact(end)])


def leaf_box(leaves: Iterable[Leaf], signature: bytes = b"") -> bytes:
    """Return the `uuid` box. signature: statement number and signature, 72 bytes."""
    return box(b"uuid", KIND, *(head + one for head, one in leaves), signature)


def proof_keys(about: Mapping[str, Any] | None) -> tuple[bytes, bytes] | None:
    """Return header and leaf key from the metadata; None if missing or invalid."""
    stored: Any = (about or {}).get(PROOF)
    try:
        header, leaf_key = bytes.fromhex(stored["header"]), bytes.fromhex(stored["leaf_key"])
    except (TypeError, KeyError, ValueError):
        return None
    return (header, leaf_key) if (len(header), len(leaf_key)) == (HEADER_BYTES, 32) else None


def in_box(content: bytes) -> tuple[list[Leaf], bytes]:
    """Split a box's content into leaves and the trailing signature. Raises ValueError if it is invalid."""
    signed = content[-_SIGNATURE_BYTES:] if len(content) % _ENTRY_BYTES == _SIGNATURE_BYTES % _ENTRY_BYTES else b""
    rest = content[: len(content) - len(signed)]
    if len(rest) % _ENTRY_BYTES:
        raise ValueError("the box of leaves is damaged")
    entries = [rest[at : at + _ENTRY_BYTES] for at in range(0, len(rest), _ENTRY_BYTES)]
    return [(entry[:12], entry[12:]) for entry in entries], signed


def stored_proof(segment: SegmentReader) -> LeafProof | None:
    """Return the stored proof. None if missing: an older file, or one interrupted by a crash and not yet closed."""
    keys = proof_keys(segment.about)
    if keys is None or not segment.fragments:
        return None
    begin = segment.trailer_at
    with open_stored(segment.path) as file:
        if begin + _HEAD_BYTES > segment.intact_bytes:
            return None
        head = read_exactly(segment.path, file, _HEAD_BYTES, begin)
        size = int.from_bytes(head[:4], "big")
        if head[4:] != b"uuid" + KIND or not _HEAD_BYTES <= size <= segment.intact_bytes - begin:
            return None
        content = read_exactly(segment.path, file, size - _HEAD_BYTES, begin + _HEAD_BYTES)
    return proof_in(keys, content)


def proof_in(keys: tuple[bytes, bytes], content: bytes) -> LeafProof | None:
    """Parse a proof; None if invalid. content: of the `uuid` box."""
    try:
        leaves, signed = in_box(content)
    except ValueError:
        return None
    return LeafProof(*keys, leaves, int.from_bytes(signed[:8], "big"), signed[8:])


HEADER: Final = -1
"""Stands for the header in a list of changed fragments: metadata and init segment."""


def change_text(changed: Sequence[int], fragments: int) -> str:
    """Return what differs, for users; empty if nothing. changed: as of `changed_fragments`. fragments: their number."""
    count = sum(number != HEADER for number in changed)
    parts = ["its header was changed"] if HEADER in changed else []
    parts += [f"{count} of {fragments} fragments don't match what was written"] if count else []
    return ", and ".join(parts)


def changed_leaves(segment: SegmentReader, proof: LeafProof) -> list[int]:
    """Return the numbers of changed fragments, and HEADER. Reads the whole file. Raises FileDamaged, StorageError."""
    about = {name: value for name, value in (segment.about or {}).items() if name != PROOF}
    found = []
    with open_stored(segment.path) as file:
        begin = first_leaves(proof.leaf_key, about, read_exactly(segment.path, file, segment.init_bytes, 0))
        if begin != proof.leaves[: len(begin)]:
            found.append(HEADER)
        for number, fragment in enumerate(segment.fragments):
            head, hashed = proof.leaves[number + 2] if number + 2 < len(proof.leaves) else (b"", b"")
            data = read_exactly(segment.path, file, fragment.size, fragment.offset)
            if int.from_bytes(head[1:4], "big") != len(data) or leaf_of(proof.leaf_key, head, data) != hashed:
                found.append(number)
    return found


def holds(segment: SegmentReader, proof: LeafProof) -> bool:
    """Return whether the whole file matches its leaves, from metadata to end. Reads all of it. Raises as above."""
    again, last = rebuild_proof(segment), proof.leaves[-1:]
    if again is None or segment.end is None or len(proof.leaves) != len(again) + 1:
        return False
    head, hashed = last[0]
    is_so = leaf_of(proof.leaf_key, head, compact(segment.end)) == hashed
    return is_so and not changed_leaves(segment, proof)


def rebuild_proof(segment: SegmentReader) -> list[Leaf] | None:
    """Recompute the leaves of a file interrupted by a crash, without an end record.

    None if the file has no leaf key.
    """
    keys = proof_keys(segment.about)
    if keys is None or segment.about is None:
        return None
    _, leaf_key = keys
    about = {name: value for name, value in segment.about.items() if name != PROOF}
    with open_stored(segment.path) as file:
        leaves = first_leaves(leaf_key, about, read_exactly(segment.path, file, segment.init_bytes, 0))
        for seq, fragment in enumerate(segment.fragments, 2):
            data = read_exactly(segment.path, file, fragment.size, fragment.offset)
            type_ = KEY if fragment.is_keyframe else REST
            leaves.append(leaf(leaf_key, type_, seq, max(0, fragment.start_ticks) // 90, [data]))
    return leaves


# Fragment hashes stored behind a file's last fragment: detect changed bits on disk.

_KIND: Final = UUID("0e0b3f1b-8a94-4b1c-9d0f-6f6b6a1d2c53").bytes
_SIZE: Final = 32
_HASHES_HEAD_BYTES: Final = 8 + len(_KIND)


def hashes_of(parts: Iterable[Buffer]) -> list[bytes]:
    """Return the hash of each fragment. parts: consecutive buffers from `fragment_writer.fragment`."""
    found = []
    for part in parts:
        if bytes(part[4:8]) == b"moof":
            found.append(sha256())
        found[-1].update(part)
    return [one.digest() for one in found]


def hash_box(hashes: Iterable[bytes]) -> bytes:
    return box(b"uuid", _KIND, b"".join(hashes))


def stored_hashes(segment: SegmentReader) -> list[bytes] | None:
    """Return the stored hashes. None if the file has none: an older file, or one interrupted by a crash."""
    if not segment.fragments:
        return None
    begin = segment.trailer_at
    size = _HASHES_HEAD_BYTES + _SIZE * len(segment.fragments)
    if begin + size > segment.intact_bytes:
        return None
    with open_stored(segment.path) as file:
        stored = read_exactly(segment.path, file, size, begin)
    if stored[:_HASHES_HEAD_BYTES] != size.to_bytes(4, "big") + b"uuid" + _KIND:
        return None
    return [stored[at : at + _SIZE] for at in range(_HASHES_HEAD_BYTES, size, _SIZE)]


def changed_fragments(segment: SegmentReader) -> list[int] | None:
    """Return the numbers of the fragments changed since writing; None if the file has no hashes or leaves.

    HEADER is among them if the header was changed, which only leaves can tell. Reads the whole file. Raises
    FileDamaged, StorageError.
    """
    proof = stored_proof(segment)
    if proof is not None:
        return changed_leaves(segment, proof)
    stored = stored_hashes(segment)
    if stored is None:
        return None
    found: list[int] = []
    with open_stored(segment.path) as file:
        for number, (fragment, hashed) in enumerate(zip(segment.fragments, stored, strict=True)):
            if sha256(read_exactly(segment.path, file, fragment.size, fragment.offset)).digest() != hashed:
                found.append(number)
    return found
