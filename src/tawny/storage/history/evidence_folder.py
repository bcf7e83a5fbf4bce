"""Evidence folder: recorded fragments as written, their proofs, and the signed history.

`sealed.evidence.verify` checks it without a recorder. The films play in any player.
"""

import json
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field, replace
from hashlib import sha256
from mmap import ACCESS_READ, mmap
from pathlib import Path
from typing import Any, Final

from tawny.media.mp4.byte_reader import open_stored, read_bytes, read_exactly
from tawny.media.mp4.leaf_proof import Leaf, proof_keys, stored_proof
from tawny.media.mp4.progressive import ProgressiveMp4
from tawny.media.mp4.segment_reader import read_segment
from tawny.model.errors import FileDamaged, NotDone
from tawny.model.segments import Gap, Segment
from tawny.model.times import Span, utc_text
from tawny.sealed.broken import SealedFileBroken
from tawny.sealed.evidence import CHAIN, DERIVED, FILM, MANIFEST, PROOF, UNREADABLE
from tawny.sealed.file_reader import SealedFileReader
from tawny.sealed.header import SealedHeader
from tawny.sealed.records import BEGINS, FRAGMENTS, INIT
from tawny.sealed.signing import Signer, signed
from tawny.sealed.statements import DAYS, SigningState
from tawny.storage.disk.disk import DiskAccess, turned
from tawny.storage.disk.layout import is_open, is_sealed, is_thinned
from tawny.storage.disk.volume import Volume
from tawny.storage.history.signed_files import FOLDER, STATE, lists_of, read_object

MAIN_FINGERPRINT: Final = "The fingerprint is on the recorder's recovery sheet, or the owner knows it."
FALLBACK_FINGERPRINT: Final = "The fingerprint is its fallback disk's, not on the recovery sheet; the owner knows it."
README: Final = """\
What this is
  Recordings of a camera, as the recorder {recorder} wrote them, with what proves them. The films (000.mp4, ...) play in
  any player; each begins and ends where the recorder's own files do, or at the nearest second. clip.mp4 is one film of
  the very same pictures, for convenience: it is not what proves. If the camera's image was turned on the recorder, the
  films say so in their headers, and players turn them; the pictures in them are as the camera sent them.

What it shows
  That this recorder has written these seconds, and stated so within twenty minutes after they were over, or as soon as
  it was on again, which the check says; that nothing in them was changed, left out or put elsewhere since; what is
  missing around them, and if the recorder explains it.

What it does not show
  That the scene was real, that the camera wasn't fooled, or that the recorder's clock was right.

How to check it
  tawny verify FOLDER --recorder FINGERPRINT
  on any machine; or with verify.py, a short program in tawny's documentation, which needs nothing of tawny.
  {whose}
  This folder's own claim is {genesis}.
"""


REDACTED_README: Final = """\
What this is
  A film of a camera (redacted.mp4) that the recorder {recorder} made of its recordings, with parts of the pictures made
  unrecognizable on purpose, and without sound. It is NOT what was recorded: every frame was re-encoded.

What it shows
  That this recorder made the film; that it had recorded the time that the film is of, and stated so within twenty
  minutes, or as soon as it was on again; what is missing around it. The manifest says what was hidden. The original,
  which can be proved, is the evidence whose manifest.json has the SHA-256 that is said there as "redacted_of".

What it does not show
  That the pictures are as they were recorded: only the original does.

How to check it
  tawny verify FOLDER --recorder FINGERPRINT
  on any machine; or with verify.py, a short program in tawny's documentation, which needs nothing of tawny.
  {whose}
  This folder's own claim is {genesis}.
"""


@dataclass(frozen=True, slots=True)
class ExportedRecording:
    """The exported part of one recording.

    parts: the initialization segment and the chosen fragments, as written. Without `leaf_key`, a fragment cannot be
    matched against the recording.
    """

    header: bytes
    leaf_key: bytes
    leaves: Sequence[Leaf]
    shown: Sequence[int]
    parts: Sequence[bytes]
    statement: int
    signature: bytes

    @property
    def start_ms(self) -> int:
        return SealedHeader.read(self.header).start_ms

    @property
    def hidden(self) -> "ExportedRecording":
        """The same statements without data that reveals the video."""
        return replace(self, leaf_key=b"", shown=(), parts=())

    def proof(self) -> bytes:
        data = {
            "header": self.header.hex(),
            "leaf_key": self.leaf_key.hex(),
            "shown": list(self.shown),
            "records": [(head + leaf).hex() for head, leaf in self.leaves],
            "statement": self.statement,
            "signature": self.signature.hex(),
        }
        return json.dumps(data, sort_keys=True, separators=(",", ":")).encode()


Open = Callable[[str], SealedFileReader]
"""Opens the sealed file at a path with its key. Raises NotDone without a key."""


def shown_of(volume: Volume, segment: Segment, within: Span, open_sealed: Open) -> ExportedRecording | None:
    """Export the fragments from the keyframe at or before the span's begin to its end.

    Return None if none of it can be proved. Raises StorageError if the recording can't be read.
    """
    if is_thinned(segment):
        return None
    if is_sealed(segment.path):
        try:
            return _sealed(open_sealed(segment.path), within)
        except SealedFileBroken as error:
            raise FileDamaged(str(volume.path(segment.path)), str(error)) from error
    read = read_segment(volume.path(segment.path))
    proof = stored_proof(read)
    if proof is None:
        if proof_keys(read.about) is not None and not is_open(segment):
            raise FileDamaged(str(read.path), "its end with the proof is missing")
        return None
    times = [(seq, one.is_keyframe, max(0, one.start_ticks) // 90) for seq, one in enumerate(read.fragments, 2)]
    chosen = _chosen(times, within.begin_ms - segment.start_ms, within.end_ms - segment.start_ms)
    if not chosen:
        return None
    with open_stored(read.path) as file:
        parts = [read_exactly(read.path, file, read.init_bytes, 0)]
        for seq in chosen:
            fragment = read.fragments[seq - 2]
            parts.append(read_exactly(read.path, file, fragment.size, fragment.offset))
    return ExportedRecording(
        proof.header, proof.leaf_key, proof.leaves, [1, *chosen], parts, proof.statement, proof.signature
    )


def _sealed(one: SealedFileReader, within: Span) -> ExportedRecording | None:
    file, start_ms = one.file, one.file.header.start_ms
    there = [record for record in file.records if record.type in FRAGMENTS and not record.is_emptied]
    times = [(record.seq, record.type in BEGINS, record.time_ms) for record in there]
    chosen = set(_chosen(times, within.begin_ms - start_ms, within.end_ms - start_ms))
    if not chosen:
        return None
    shown = [record for record in file.records if record.type == INIT or record.seq in chosen]
    return ExportedRecording(
        file.packed,
        one.leaf_key,
        [(record.head, record.leaf) for record in file.records],
        [record.seq for record in shown],
        [one.content(record) for record in shown],
        file.statement or 0,
        file.signature,
    )


def _chosen(times: Iterable[tuple[int, bool, int]], begin_ms: int, end_ms: int) -> list[int]:
    """Return the record numbers to export. times: (number, starts with a keyframe, time in ms) of each record."""
    inside = [one for one in times if one[2] < end_ms]
    begins = [at for at, (_, begins, time_ms) in enumerate(inside) if begins and time_ms <= begin_ms]
    first = begins[-1] if begins else next((at for at, one in enumerate(inside) if one[1]), len(inside))
    return [seq for seq, _, _ in inside[first:]]


def signer_of(disk: DiskAccess) -> Signer:
    """Return the signer of the next statement. Raises NotDone if the recorder's keys cannot be read."""
    if disk.entry(STATE) is None and disk.entry(f"{FOLDER}/{DAYS}") is not None:
        raise NotDone(
            "The keys of the signed history aren't in this folder: a mirror has none.",
            "Restore a backup of the recorder into a copy of this folder, and export before tawny starts there.",
        )
    if disk.entry(STATE) is None:
        raise NotDone("This recorder has no signed history yet.", "It starts when tawny runs for the first time.")
    return _state_of(disk).signer


def _state_of(disk: DiskAccess) -> SigningState:
    return SigningState.read(read_object(disk.read(STATE)))


@dataclass(slots=True)
class EvidenceFolder:
    """An evidence folder under construction. Raises NotDone if it already exists, StorageError."""

    folder: Path
    files: dict[str, dict[str, Any]] = field(default_factory=dict)
    derived: dict[str, dict[str, Any]] = field(default_factory=dict)
    """Films assembled from other files here: size of their own header in bytes, then the source ranges."""

    @classmethod
    def begun(cls, folder: Path) -> "EvidenceFolder":
        try:
            folder.mkdir(parents=True)
        except FileExistsError:
            raise NotDone(f"{folder} already exists.", "Choose another name with `-o`.") from None
        except OSError as error:
            raise turned(error, str(folder)) from error
        return cls(folder)

    def put(self, name: str, parts: Iterable[bytes]) -> None:
        self.files[name] = self._written(name, parts)

    def take(self, name: str) -> None:
        """Add a file that is already in the folder."""
        path = self.folder / name
        hashed, size = sha256(), path.stat().st_size
        for piece in read_bytes(path, 0, size):
            hashed.update(piece)
        self.files[name] = {"bytes": size, "sha256": hashed.hexdigest()}

    def put_shown(self, number: int, shown: ExportedRecording) -> None:
        self.put(f"{number:03}{FILM}", shown.parts)
        self.put_proof(number, shown)

    def put_proof(self, number: int, shown: ExportedRecording) -> None:
        """Add a proof without its film, for a recording not exported as recorded."""
        self.put(f"{number:03}{PROOF}", [shown.proof()])

    def put_derived(self, name: str, film: ProgressiveMp4) -> None:
        """Add a film assembled from parts of the folder's files."""
        self.put(name, film.read())
        parts = [["" if source is None else source.name, begin, size] for source, begin, size in film.origins]
        self.derived[name] = {"head": len(film.header), "of": parts}

    def put_history(self, disk: DiskAccess, days: Iterable[str]) -> None:
        """Add the chain of all days and the statements of `days`, and of the day that the signing keys follow."""
        self.put(CHAIN + DAYS, [_whole_lines(disk, f"{FOLDER}/{DAYS}")])
        for day in sorted({*days, _state_of(disk).day}):  # keys of a backup may be days older than the statements
            for path in lists_of(day):
                if disk.entry(path) is not None:
                    self.put(CHAIN + path.rpartition("/")[2], [_whole_lines(disk, path)])

    def close(
        self, signer: Signer, data: dict[str, Any], gaps: Iterable[Gap], readme: str, unreadable: Iterable[Gap] = ()
    ) -> bytes:
        """Write and sign the manifest, which lists all files. Return it.

        data: recorder, software, camera, from, to, made, and specific entries. unreadable: recorded, but not in here.
        """
        self.put("README.txt", [readme.encode()])
        gap_list = [
            {"from": utc_text(gap.begin_ms), "reason": gap.reason.value, "to": _text(gap.end_ms)} for gap in gaps
        ]
        manifest = {"v": 1, **data, "gaps": gap_list, "files": self.files, "statement": signer.statement}
        if lacks := [
            {"from": utc_text(gap.begin_ms), "error": gap.detail, "to": _text(gap.end_ms)} for gap in unreadable
        ]:
            manifest[UNREADABLE] = lacks
        if self.derived:
            manifest[DERIVED] = self.derived
        line = signed(manifest, b"export", signer.key)
        self._written(MANIFEST, [line])
        return line

    def _written(self, name: str, parts: Iterable[bytes]) -> dict[str, Any]:
        hashed, size = sha256(), 0
        try:
            with (self.folder / name).open("xb") as file:
                for part in parts:
                    file.write(part)
                    hashed.update(part)
                    size += len(part)
        except OSError as error:
            raise turned(error, str(self.folder)) from error
        return {"bytes": size, "sha256": hashed.hexdigest()}


def _whole_lines(disk: DiskAccess, path: str) -> bytes:
    """Return a file of the history without what a power cut left of a line, which no reader takes for one."""
    text = disk.read(path)
    return text[: text.rfind(b"\n") + 1]


def _text(at_ms: int | None) -> str:
    return utc_text(at_ms) if at_ms is not None else ""


def read_evidence(folder: Path, name: str) -> bytes | mmap | None:
    """Return a file of an evidence folder; None if it is missing. Films may be larger than memory."""
    path = folder / name
    if not path.is_file() or path.is_symlink():
        return None
    with path.open("rb") as file:
        return mmap(file.fileno(), 0, access=ACCESS_READ) if path.stat().st_size else b""
