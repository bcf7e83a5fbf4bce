"""`tawny decrypt` and `tawny verify`: without a recorder."""

import re
from argparse import ArgumentParser, Namespace
from collections.abc import Iterator
from mmap import ACCESS_READ, mmap
from pathlib import Path
from typing import Final

from tawny.cli.keys import from_file, from_words
from tawny.cli.output import Output
from tawny.model.errors import FileDamaged, FolderUnwritable, NotDone, UsageError
from tawny.sealed.broken import SealedFileBroken, WrongKey
from tawny.sealed.evidence import CHAIN, EvidenceVerdict, verify
from tawny.sealed.file_reader import FileEnding, InMemorySource, SealedFileReader, open_sealed, scan_file
from tawny.sealed.header import SealedFileKind
from tawny.sealed.key_wrapping import Identity
from tawny.sealed.records import BLOB, FRAGMENTS, INIT
from tawny.sealed.statements import DAYS, genesis_of
from tawny.storage.disk.disk import turned
from tawny.storage.sealing.epoch_keys import from_ring

_CONTENT: Final = frozenset({INIT, BLOB, *FRAGMENTS})
_ENDS: Final = {
    FileEnding.SIGNED: "complete, signed",
    FileEnding.CLOSED: "complete, not signed",
    FileEnding.OPEN: "not closed properly: a power cut, still recording, or cut off",
    FileEnding.TORN: "last second incomplete",
    FileEnding.DAMAGED: "DAMAGED: showing what can still be opened",
}


def describe_decrypt(parser: ArgumentParser) -> None:
    parser.add_argument("files", nargs="+", metavar="FILE", help="encrypted files (.tws) or folders with them")
    key = parser.add_mutually_exclusive_group(required=True)
    key.add_argument("--key", metavar="FILE", help="a file with AGE-SECRET-KEY-1…, with or without a passphrase")
    key.add_argument("--words", action="store_true", help="enter the 24 words of the recovery sheet")
    parser.add_argument(
        "-o",
        "--output",
        metavar="DIR",
        default=".",
        help="output folder for videos and images (default: current folder)",
    )


def run_decrypt(args: Namespace, out: Output) -> int:
    identities = [from_words()] if args.words else from_file(Path(args.key))
    target = Path(args.output)
    rows, files, is_well = [], [], True
    for path in _sealed_files(args.files):
        written, state, is_fine = _decrypt(path, identities, target)
        is_well = is_well and is_fine
        rows.append((path.name, written.name if written else "–", state))
        files.append({"file": str(path), "written": str(written) if written else None, "state": state, "ok": is_fine})
    if not files:
        raise NotDone("No encrypted files (.tws) found.")
    out.data({"files": files}, out.table(("SEALED", "WRITTEN", "STATE"), rows, empty=""))
    return 0 if is_well else 1


def _decrypt(path: Path, identities: list[Identity], target: Path) -> tuple[Path | None, str, bool]:
    """Decrypt one file. Return the path written (None if no content), its state as text, and whether it is intact.

    Raises NotDone: when the key does not fit.
    """
    try:
        file = scan_file(InMemorySource(path.read_bytes()))
        one = open_sealed(file, identities, from_ring(path, file))
    except OSError as error:
        raise turned(error, str(path)) from error
    except WrongKey as error:
        raise NotDone(f"Can't open {path}: {error}.", "Try another key or the recovery sheet.") from None
    except SealedFileBroken as error:
        raise FileDamaged(str(path), str(error)) from error
    parts, problem = list[bytes](), ""
    try:
        parts += (content for record, content in one.contents() if record.type in _CONTENT)
    except SealedFileBroken as error:
        problem = f"; {error}"
    state = f"{_ENDS[file.ends]}{'; keyframes only' if file.is_thinned else ''}{problem}"
    is_fine = not problem and file.ends is not FileEnding.DAMAGED
    return (_written(target / (path.stem + _suffix(one)), parts) if parts else None), state, is_fine


def _suffix(one: SealedFileReader) -> str:
    if one.file.header.kind == SealedFileKind.MOTION:
        return ".jsonl"
    return ".jpg" if one.file.init is None else ".mp4"


def _written(path: Path, parts: list[bytes]) -> Path:
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with path.open("xb") as file:
            file.writelines(parts)
    except FileExistsError:
        raise NotDone(f"{path} already exists.", "It was not changed. Choose another folder with `-o`.") from None
    except OSError as error:
        raise FolderUnwritable(str(path.parent), error.strerror or "") from None
    return path


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
    if not folder.is_dir():
        raise NotDone(f"Folder {folder} doesn't exist.")

    def read(name: str) -> bytes | mmap | None:
        path = folder / name
        if not path.is_file() or path.is_symlink():
            return None
        with path.open("rb") as file:
            return mmap(file.fileno(), 0, access=ACCESS_READ) if path.stat().st_size else b""

    genesis = args.recorder.lower() if args.recorder else _claimed(read(CHAIN + DAYS) or b"")
    if not _FINGERPRINT.fullmatch(genesis):
        raise UsageError(f"{args.recorder} isn't a valid fingerprint.", "A fingerprint has 64 hex digits (0-9, a-f).")
    verdict = verify(read, genesis)
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
    lines = [f"FAILED: {problem}." for problem in verdict.problems]
    if not verdict.problems:
        lines.append(
            f"VERIFIED: {manifest['camera']}, {manifest['from']} to {manifest['to']}, {_AS[verdict.is_redacted]}"
        )
        lines.append(f"Signed by {genesis}, stated until {verdict.until}.")
    lines += [f"Note: {note}." for note in verdict.notes]
    if not is_known:
        lines.append("RECORDER NOT VERIFIED: ask the recorder's owner for its fingerprint and pass it with --recorder.")
    lines.append("This doesn't prove that the scene was real or that the clock was right.")
    return "\n".join(lines)
