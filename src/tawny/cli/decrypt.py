"""`tawny decrypt`: decrypt encrypted files with a key into a folder, without a recorder."""

from argparse import ArgumentParser, Namespace
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from tawny.cli.keys import from_file, from_words
from tawny.cli.output import Output
from tawny.model.errors import FileDamaged, FolderUnwritable, NotDone, StorageError
from tawny.sealed.broken import SealedFileBroken, WrongKey
from tawny.sealed.file_reader import SealedFileReader, open_sealed
from tawny.sealed.file_scanner import FileEnding, InMemorySource, scan_file
from tawny.sealed.key_wrapping import Identity
from tawny.sealed.records import BLOB, FRAGMENTS, INIT
from tawny.storage.sealing.key_ring_file import from_ring

_CONTENT: Final = frozenset({INIT, BLOB, *FRAGMENTS})
_ENDS: Final = {
    FileEnding.SIGNED: "complete, signed",
    FileEnding.CLOSED: "complete, not signed",
    FileEnding.OPEN: "not closed properly: a power cut, still recording, or cut off",
    FileEnding.TORN: "last second incomplete",
    FileEnding.DAMAGED: "DAMAGED: showing what can still be opened",
}


def describe(parser: ArgumentParser) -> None:
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


def run(args: Namespace, out: Output) -> int:
    identities = [from_words()] if args.words else from_file(Path(args.key))
    target = Path(args.output)
    rows, told, is_well = [], [], True
    for path in _sealed_files(args.files):
        written, said, is_fine = _decrypt(path, identities, target)
        is_well = is_well and is_fine
        rows.append((path.name, written.name if written else "–", said))
        told.append({"file": str(path), "written": str(written) if written else None, "state": said, "ok": is_fine})
    if not told:
        raise NotDone("No encrypted files (.tws) found.")
    out.data({"files": told}, out.table(("SEALED", "WRITTEN", "STATE"), rows, empty=""))
    return 0 if is_well else 1


def _decrypt(path: Path, identities: list[Identity], target: Path) -> tuple[Path | None, str, bool]:
    """Decrypt one file. Return the path written (None if no content), its state as text, and whether it is intact.

    Raises NotDone: when the key does not fit.
    """
    try:
        file = scan_file(InMemorySource(path.read_bytes()))
        one = open_sealed(file, identities, from_ring(path, file))
    except OSError as error:
        raise StorageError(str(path), error.strerror or "") from error
    except WrongKey as error:
        raise NotDone(f"Can't open {path}: {error}.", "Try another key or the recovery sheet.") from None
    except SealedFileBroken as error:
        raise FileDamaged(str(path), str(error)) from error
    parts, problem = list[bytes](), ""
    try:
        parts += (content for record, content in one.contents() if record.type in _CONTENT)
    except SealedFileBroken as error:
        problem = f"; {error}"
    said = f"{_ENDS[file.ends]}{'; keyframes only' if file.is_thinned else ''}{problem}"
    is_fine = not problem and file.ends is not FileEnding.DAMAGED
    return (_written(target / (path.stem + _suffix(one)), parts) if parts else None), said, is_fine


def _suffix(one: SealedFileReader) -> str:
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
