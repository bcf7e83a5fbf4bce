"""Key ring lookup for a sealed file whose own wrapped key is for other recipients."""

from pathlib import Path

from tawny.sealed.file_scanner import FileScan
from tawny.sealed.key_ring import read_ring


def from_ring(path: Path, file: FileScan) -> bytes:
    """Return the wrapped key from a key ring in the file's folder or its parent folder. Empty if none has it."""
    for folder in (path.parent, path.parent.parent):
        for ring in sorted(folder.glob("*.keys")):
            line = read_ring(ring.read_bytes()).get(file.header.commit)
            if line is not None:
                return line.wrapped
    return b""
