"""From a closed file to its row, by what the file says of itself."""

from tawny.model.errors import FileDamaged
from tawny.model.segments import Segment
from tawny.storage.disk.layout import SegmentName
from tawny.storage.disk.volume import Volume
from tawny.storage.segments.metadata import read_about


def row_of(volume: Volume, name: SegmentName, size_bytes: int) -> Segment:
    """The row that belongs to a closed file of this name. Reads its beginning.

    FileDamaged when it has none that can be read, or says that it belongs to another camera, stream or time.
    """
    said = read_about(volume.disk, name.path)
    if said is None:
        raise FileDamaged(str(volume.root / name.path), "it does not say what it is")
    if said.name != SegmentName(name.camera, name.stream, name.start_ms, None, is_sealed=name.is_sealed):
        raise FileDamaged(
            str(volume.root / name.path), f"it says that it is {said.stream} of {said.camera} from {said.start_ms} on"
        )
    return said.segment(name, size_bytes)
