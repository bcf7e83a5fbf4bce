"""`tawny decrypt` and `tawny verify`: without a recorder."""

import errno
import os
import re
from argparse import ArgumentParser, Namespace
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from itertools import count
from mmap import mmap
from pathlib import Path
from typing import Final

from tawny.cli.keys import add_key, named
from tawny.cli.options import time_text
from tawny.cli.output import Output
from tawny.cli.paths import output_error
from tawny.model.errors import DiskReadOnly, FolderUnwritable, NotDone, StorageError, StorageUnavailable, UsageError
from tawny.model.ids import CameraId, StreamName
from tawny.model.times import stamp, utc_text
from tawny.sealed.broken import SealedFileBroken, WrongKey
from tawny.sealed.evidence import CHAIN, EvidenceVerdict, verify
from tawny.sealed.evidence_names import printable
from tawny.sealed.file_reader import FileEnding, FileScan, InMemorySource, SealedFileReader, open_sealed, scan_file
from tawny.sealed.header import SealedFileKind
from tawny.sealed.key_wrapping import Identity
from tawny.sealed.records import BLOB, FRAGMENTS, INFO, INIT
from tawny.sealed.sealer import read_compact
from tawny.sealed.statements import DAYS, genesis_of
from tawny.storage.disk.disk import turned
from tawny.storage.disk.layout import LONGEST_MS, SegmentName, hour_folder, is_camera, segment_name
from tawny.storage.history.evidence_folder import read_evidence
from tawny.storage.sealing.epoch_keys import from_ring

NOTHING: Final = "–"
_LATEST_MS: Final = 253_370_764_800_000
"""The year 9999, after which times can't be written."""
_OPAQUE: Final = re.compile(r"[a-z2-7]{26}")
"""A name without meaning that uploads and archives give encrypted files (`signed_files.object_name`)."""
_STREAMS: Final = frozenset(each.value for each in StreamName)
_CONTENT: Final = frozenset({INIT, BLOB, *FRAGMENTS})
_ENDS: Final = {
    FileEnding.SIGNED: "complete, signature not checked",
    FileEnding.CLOSED: "complete, not signed",
    FileEnding.OPEN: "not closed properly: a power cut, still recording, or cut off",
    FileEnding.TORN: "last second incomplete",
    FileEnding.DAMAGED: "DAMAGED: showing what can still be opened",
}
_CUT_OFF: Final = "CUT OFF: its end is missing"
_UNFINISHED: Final = "CUT OFF, or not finished before a power cut: its end is missing"
_EDGE_MS: Final = 2_000
"""After a power cut, the name states an end up to this long after the last fragment's start."""


def describe_decrypt(parser: ArgumentParser) -> None:
    parser.add_argument("files", nargs="+", metavar="FILE", help="encrypted files (.tws) or folders with them")
    key = parser.add_mutually_exclusive_group(required=True)
    add_key(key, "a file with AGE-SECRET-KEY-1…, with or without a passphrase")
    key.add_argument("--words", action="store_true", help="enter the 24 words of the recovery sheet")
    parser.add_argument(
        "-o",
        "--output",
        metavar="DIR",
        default=".",
        help="output folder for videos and images (default: current folder)",
    )


@dataclass(slots=True)
class _Opened:
    """One file. problem: why it can't be opened; then nothing else is known.

    written: relative to the output folder; None if there is nothing in it.
    """

    path: Path
    problem: str = ""
    is_other_key: bool = False
    state: str = ""
    is_fine: bool = False
    camera: str = ""
    start_ms: int | None = None
    written: Path | None = None

    def row(self) -> tuple[str, ...]:
        at = time_text(self.start_ms) if self.start_ms is not None else NOTHING
        state = f"can't open: {self.problem}" if self.problem else self.state
        return self.path.name, str(self.written or NOTHING), self.camera or NOTHING, at, state

    def record(self, target: Path) -> dict[str, object]:
        return {
            "file": str(self.path),
            "written": str(target / self.written) if self.written else None,
            "camera": self.camera or None,
            "start": utc_text(self.start_ms) if self.start_ms is not None else None,
            "state": self.row()[-1],
            "ok": self.is_fine,
        }


def run_decrypt(args: Namespace, out: Output) -> int:
    identities = named(args)
    target, paths = Path(args.output), list(_sealed_files(args.files))
    if not paths:
        raise NotDone("No encrypted files (.tws) found.")
    done = []
    for number, path in enumerate(paths, 1):
        out.progress(f"{number} of {len(paths)}: {path.name}")
        done.append(_decrypt(path, identities, target))
    out.progress("")
    text = out.table(("SEALED", "WRITTEN", "CAMERA", "TIME", "STATE"), [one.row() for one in done], empty="")
    if failed := sum(not one.is_fine for one in done):
        text += f"\n{failed} of {len(done)} files have problems: see their state."
    if any(one.is_other_key for one in done):
        text += " For files of another key, add it with another `--key`, or try the recovery sheet."
    out.data({"files": [one.record(target) for one in done]}, text)
    return 1 if failed else 0


def _decrypt(path: Path, identities: list[Identity], target: Path) -> _Opened:
    """Decrypt one file. Errors of this file are its problem. Raises StorageError: of the target."""
    found = _Opened(path)
    try:
        file = scan_file(InMemorySource(path.read_bytes()))
        one = open_sealed(file, identities, from_ring(path, file))
    except (OSError, StorageError, SealedFileBroken) as error:
        found.problem = (error.strerror or str(error)) if isinstance(error, OSError) else str(error)
        found.is_other_key = isinstance(error, WrongKey)
        return found
    parts, info, problem = list[bytes](), dict[str, object](), ""
    try:
        for record, content in one.contents():
            if record.type == INFO:
                info = read_compact(content)
            elif record.type in _CONTENT:
                parts.append(content)
    except SealedFileBroken as error:
        problem = f"; {error}"
    cut_off = _cut_off(path, file)
    found.state = f"{cut_off or _ENDS[file.ends]}{'; keyframes only' if file.is_thinned else ''}{problem}"
    found.is_fine = not problem and not cut_off and file.ends is not FileEnding.DAMAGED
    found.start_ms = file.header.start_ms if file.header.start_ms < _LATEST_MS else None
    camera = info.get("camera")
    found.camera = camera if isinstance(camera, str) and is_camera(camera) else ""
    if parts:
        found.written, is_new = _written(target, _name(found, one, str(info.get("stream"))), parts)
        found.state += "" if is_new else "; already there"
    return found


def _cut_off(path: Path, file: FileScan) -> str:
    """Return that the end of a file is missing that the recorder had finished, as after half a download; else "".

    Of a file that was being recorded when a power cut came, which its name says, nothing else was written.
    """
    is_torn, start_ms = file.ends is FileEnding.TORN, file.header.start_ms
    inner_name = (
        segment_name(f"{hour_folder(CameraId('any'), start_ms)}/{path.name}") if start_ms < _LATEST_MS else None
    )
    if inner_name is None and is_torn:
        return _CUT_OFF if _OPAQUE.fullmatch(path.stem) else _UNFINISHED
    if inner_name is None or inner_name.end_ms is None:
        return ""
    ends_early = file.ends is FileEnding.OPEN and inner_name.end_ms - file.last_ms > _EDGE_MS
    return _CUT_OFF if is_torn or ends_early else ""


def _name(found: _Opened, one: SealedFileReader, stream: str) -> Path:
    """Return the name for the content. A file with an opaque name gets the one that the recorder would give it."""
    suffix, start_ms = _suffix(one), found.start_ms
    if not _OPAQUE.fullmatch(found.path.stem) or not found.camera or start_ms is None:
        return Path(found.path.stem + suffix)
    camera, header = CameraId(found.camera), one.file.header
    if header.kind == SealedFileKind.SEGMENT and stream in _STREAMS:
        end_ms = max(start_ms, min(one.file.last_ms, start_ms + LONGEST_MS))
        return Path(SegmentName(camera, StreamName(stream), start_ms, end_ms, one.file.is_thinned).path)
    return Path(hour_folder(camera, start_ms), f"{stamp(start_ms)}-{header.number}{suffix}")


def _suffix(one: SealedFileReader) -> str:
    if one.file.header.kind == SealedFileKind.MOTION:
        return ".jsonl"
    return ".jpg" if one.file.init is None else ".mp4"


def _written(target: Path, name: Path, parts: list[bytes]) -> tuple[Path, bool]:
    """Write a file completely or not at all, and nothing over another one. Return its name, and whether it is new.

    The same content may be there from a run that was interrupted. Another file of this name keeps it: this one gets a
    number.
    """
    for number in count(1):
        free = name if number == 1 else name.with_stem(f"{name.stem}-{number}")
        path, part = target / free, target / free.with_name(f"{free.name}.part")
        try:
            if path.exists():
                if _is_same(path, parts):
                    return free, False
                continue
            path.parent.mkdir(parents=True, exist_ok=True)
            with part.open("wb") as file:
                file.writelines(parts)
                file.flush()
                os.fsync(file.fileno())
            part.rename(path)
        except OSError as error:
            with suppress(OSError):
                part.unlink(missing_ok=True)
            refused = turned(error, str(path.parent))
            if error.errno != errno.EIO and not isinstance(refused, StorageUnavailable | DiskReadOnly):
                refused = FolderUnwritable(refused.where, error.strerror or "")  # the disk is well
            raise output_error(refused) from None
        return free, True
    raise AssertionError


def _is_same(path: Path, parts: list[bytes]) -> bool:
    if not path.is_file() or path.stat().st_size != sum(map(len, parts)):
        return False
    with path.open("rb") as file:
        return all(file.read(len(part)) == part for part in parts)


def _sealed_files(names: list[str]) -> Iterator[Path]:
    for name in names:
        path = Path(name)
        if path.is_dir():
            yield from sorted(path.rglob("*.tws"))
        elif path.exists():
            yield path
        else:
            raise NotDone(f"File {name} doesn't exist.")


# `tawny verify`: verify an evidence folder against its recorder's fingerprint. Exit 0: verified; 1: failed.

_AS = {
    False: "as recorded.",
    True: "REDACTED: parts of the image were made unrecognizable. This is not the original.",
}
_FINGERPRINT = re.compile(r"[0-9a-f]{64}")


def describe_verify(parser: ArgumentParser) -> None:
    parser.add_argument("folder", metavar="EXPORT", help="folder created by `tawny export --evidence`")
    parser.add_argument(
        "--recorder", metavar="FINGERPRINT", help="the recorder's fingerprint, from its owner: 64 hex digits"
    )


def run_verify(args: Namespace, out: Output) -> int:
    folder = Path(args.folder)
    if folder.is_file():
        raise NotDone(f"{folder} isn't a folder.", "If it is a ZIP file, unpack it, and pass the folder `evidence`.")
    if not folder.is_dir():
        raise NotDone(f"Folder {folder} doesn't exist.")
    read = partial(read_evidence, folder)
    genesis = args.recorder.lower() if args.recorder else _claimed(read(CHAIN + DAYS) or b"")
    if not _FINGERPRINT.fullmatch(genesis):
        raise UsageError(f"{args.recorder} isn't a valid fingerprint.", "A fingerprint has 64 hex digits (0-9, a-f).")
    verdict = verify(read, genesis, [one.name + "/" * one.is_dir() for one in folder.iterdir()])
    is_known = bool(args.recorder)
    result = {
        "ok": not verdict.problems and is_known,
        "problems": verdict.problems,
        "notes": verdict.notes,
        "fingerprint": genesis,
        "compared": is_known,
        "redacted": verdict.is_redacted,
        "camera": verdict.manifest.get("camera"),
        "from": verdict.manifest.get("from"),
        "to": verdict.manifest.get("to"),
        "recorded_from": utc_text(verdict.recorded.begin_ms) if verdict.recorded else None,
        "recorded_to": utc_text(verdict.recorded.end_ms) if verdict.recorded else None,
        "stated_until": verdict.until or None,
    }
    out.data(result, _text(verdict, genesis, is_known=is_known))
    return 0 if result["ok"] else 1


def _claimed(days: bytes | mmap) -> str:
    try:
        return genesis_of(days[:])
    except SealedFileBroken as problem:
        raise NotDone(f"This isn't valid evidence: {problem}.") from None


def _text(verdict: EvidenceVerdict, genesis: str, *, is_known: bool) -> str:
    manifest = verdict.manifest
    lines = [f"FAILED: {printable(problem)}." for problem in verdict.problems]
    if not verdict.problems:
        camera = printable(str(manifest["camera"]))
        lines.append(f"VERIFIED: {camera}, {manifest['from']} to {manifest['to']}, {_AS[verdict.is_redacted]}")
        if verdict.recorded:
            first, last = utc_text(verdict.recorded.begin_ms), utc_text(verdict.recorded.end_ms)
            lines.append(
                f"Recorded from {first} to {last}. The camera's name is the exporter's word: nothing proves it."
            )
        lines.append(f"Signed by {genesis}, stated until {verdict.until}.")
    lines += [f"Note: {printable(note)}." for note in verdict.notes]
    if not is_known:
        lines.append("RECORDER NOT VERIFIED: ask the recorder's owner for its fingerprint and pass it with --recorder.")
    lines.append("This doesn't prove that the scene was real or that the clock was right.")
    return "\n".join(lines)
