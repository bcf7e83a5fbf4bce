"""Index row of a closed file, from the file's metadata."""

from tawny.model.errors import FileDamaged
from tawny.model.segments import Segment
from tawny.storage.disk.layout import SegmentName
from tawny.storage.disk.volume import Volume
from tawny.storage.segments.metadata import read_about


def row_of(volume: Volume, name: SegmentName, size_bytes: int) -> Segment:
    """Return the row of a closed file. Reads the file's header.

    Raises FileDamaged if the header is unreadable or belongs to another camera, stream or time.
    """
    said = read_about(volume.disk, name.path)
    if said is None:
        raise FileDamaged(str(volume.root / name.path), "it does not say what it is")
    if said.name != SegmentName(name.camera, name.stream, name.start_ms, None, is_sealed=name.is_sealed):
        raise FileDamaged(
            str(volume.root / name.path), f"it says that it is {said.stream} of {said.camera} from {said.start_ms} on"
        )
    return said.segment(name, size_bytes)
