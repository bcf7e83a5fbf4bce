"""Write units: parts of files, each written and synced at once."""

from dataclasses import dataclass

from tawny.model.ids import RunId
from tawny.model.packets import AudioFormat, Packet, VideoFormat
from tawny.storage.segments.metadata import SegmentTrailer


@dataclass(frozen=True, slots=True)
class NewSegmentFile:
    """A file that begins with the frame at `first_pts`."""

    run: RunId
    start_ms: int
    first_pts: int
    video: VideoFormat
    audio: AudioFormat | None


@dataclass(frozen=True, slots=True)
class WriteFragment:
    """Frames in decode order, and audio of about the same time."""

    pictures: tuple[Packet, ...]
    sounds: tuple[Packet, ...] = ()


@dataclass(frozen=True, slots=True)
class WriteUnit:
    """The next fragments of one file.

    begins: create the file first. next_pts: timestamp of the following frame; None if unknown. ends: close the file
    afterwards; `end_ms` 0 means at the end of its last frame. losses: number of losses before this unit.
    """

    fragments: tuple[WriteFragment, ...]
    begins: NewSegmentFile | None = None
    next_pts: int | None = None
    ends: SegmentTrailer | None = None
    losses: int = 0

    @property
    def packets(self) -> list[Packet]:
        """All packets, fragment by fragment."""
        return [packet for one in self.fragments for packet in (*one.pictures, *one.sounds)]
