"""`tawny verify`: verify an evidence folder against its recorder's fingerprint. Exit 0: verified; 1: failed."""

import re
from argparse import ArgumentParser, Namespace
from mmap import ACCESS_READ, mmap
from pathlib import Path

from tawny.cli.output import Output
from tawny.model.errors import NotDone, UsageError
from tawny.sealed.broken import SealedFileBroken
from tawny.sealed.evidence import CHAIN, EvidenceVerdict, verify
from tawny.sealed.statements import DAYS, genesis_of

_AS = {
    False: "as recorded.",
    True: "REDACTED: parts of the image were made unrecognizable. This is not the original.",
}
_FINGERPRINT = re.compile(r"[0-9a-f]{64}")


def describe(parser: ArgumentParser) -> None:
    parser.add_argument("folder", metavar="EXPORT", help="folder created by `tawny export --evidence`")
    parser.add_argument(
        "--recorder", metavar="FINGERPRINT", help="the recorder's fingerprint, from its owner: 64 hex digits"
    )


def run(args: Namespace, out: Output) -> int:
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
    told = {
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
    out.data(told, _text(verdict, genesis, is_known=is_known))
    return 0 if told["ok"] else 1


def _claimed(days: bytes | mmap) -> str:
    try:
        return genesis_of(days[:])
    except SealedFileBroken as problem:
        raise NotDone(f"This isn't valid evidence: {problem}.") from None


def _text(verdict: EvidenceVerdict, genesis: str, *, is_known: bool) -> str:
    said = verdict.manifest
    lines = [f"FAILED: {problem}." for problem in verdict.problems]
    if not verdict.problems:
        lines.append(f"VERIFIED: {said['camera']}, {said['from']} to {said['to']}, {_AS[verdict.is_redacted]}")
        lines.append(f"Signed by {genesis}, stated until {verdict.until}.")
    lines += [f"Note: {note}." for note in verdict.notes]
    if not is_known:
        lines.append("RECORDER NOT VERIFIED: ask the recorder's owner for its fingerprint and pass it with --recorder.")
    lines.append("This doesn't prove that the scene was real or that the clock was right.")
    return "\n".join(lines)
