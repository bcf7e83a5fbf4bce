"""What the recorder hands to the disk: pieces of files, each written and synced in one go."""

from dataclasses import dataclass

from tawny.model.ids import RunId
from tawny.model.packets import AudioFormat, Packet, VideoFormat
from tawny.storage.segments.metadata import SegmentTrailer


@dataclass(frozen=True, slots=True)
class NewSegmentFile:
    """A file that begins with the picture that has this time."""

    run: RunId
    start_ms: int
    first_pts: int
    video: VideoFormat
    audio: AudioFormat | None


@dataclass(frozen=True, slots=True)
class WriteFragment:
    """Pictures in decode order, and the sound of about the same time."""

    pictures: tuple[Packet, ...]
    sounds: tuple[Packet, ...] = ()


@dataclass(frozen=True, slots=True)
class WriteUnit:
    """One file's next fragments.

    begins: the file is made first. next_pts: of the picture that follows, None when that is not known yet. ends: the
    file is closed behind it; `end_ms` 0 there means: where its last picture ends. losses: how often pictures were lost
    before it.
    """

    fragments: tuple[WriteFragment, ...]
    begins: NewSegmentFile | None = None
    next_pts: int | None = None
    ends: SegmentTrailer | None = None
    losses: int = 0

    @property
    def packets(self) -> list[Packet]:
        """All, fragment by fragment."""
        return [packet for one in self.fragments for packet in (*one.pictures, *one.sounds)]
