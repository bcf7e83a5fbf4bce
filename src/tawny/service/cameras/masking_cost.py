"""What it costs to burn privacy masks into a camera's recordings, measured with the video that it has just sent."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Final

from tawny.media.codec.encoder import SOFTWARE
from tawny.model.errors import MaskingFailed, NotDone
from tawny.model.geometry import Polygon
from tawny.model.ids import CameraId, StreamName
from tawny.model.packets import VIDEO_RATE, Packet, SourcePacket
from tawny.model.times import Clock
from tawny.sources.masking_process import MaskedFormat, MaskedPacket, MaskingEnd, MaskingProcess, PacketDone
from tawny.stream.hub import Hub

SAMPLE_S: Final = 8.0
"""Video that is measured, s."""
MOST_S: Final = 12.0
"""Limit of measuring one stream, s: a computer that needs longer than the video lasts is too slow."""
ENOUGH: Final = 1.3
"""Speed, as a multiple of real time, that is enough to keep up."""
_LEAST_S: Final = 1.0
_LOOK_S: Final = 0.2
_DAY_S: Final = 86_400
_SAMPLE_MASK: Final = Polygon(((0.4, 0.4), (0.6, 0.4), (0.6, 0.6), (0.4, 0.6)))


@dataclass(frozen=True, slots=True)
class MaskingCost:
    """Of all streams of a camera.

    cores: processor cores in use all the time, such as 0.35. bytes_day, bytes_day_before: recorded in a day with masks
    burned in, and as the camera sends it. encoder: FFmpeg's name. seconds: video that was measured.
    """

    cores: float
    bytes_day: int
    bytes_day_before: int
    encoder: str
    is_quick_enough: bool
    seconds: float

    @property
    def is_hardware(self) -> bool:
        return bool(self.encoder) and self.encoder not in SOFTWARE


def masking_cost(
    camera: CameraId,
    hubs: Mapping[StreamName, Hub],
    clock: Clock,
    start: Callable[[], MaskingProcess] = MaskingProcess,
) -> MaskingCost:
    """Measure it. Blocks for some seconds, at most MOST_S for each stream.

    Raises NotDone without video to measure, or if no frame is masked in this time, MaskingFailed if masks can't be
    burned in here.
    """
    costs = [_cost(camera, hub, clock, start) for hub in hubs.values() if hub.newest is not None]
    if not costs:
        raise NotDone("The camera sends no video right now, so nothing can be measured.", "Try again when it does.")
    return MaskingCost(
        cores=sum(one.cores for one in costs),
        bytes_day=sum(one.bytes_day for one in costs),
        bytes_day_before=sum(one.bytes_day_before for one in costs),
        encoder=costs[0].encoder,
        is_quick_enough=all(one.is_quick_enough for one in costs),
        seconds=min(one.seconds for one in costs),
    )


def _cost(camera: CameraId, hub: Hub, clock: Clock, start: Callable[[], MaskingProcess]) -> MaskingCost:
    packets = _sample(hub)
    frames = len(packets)
    lasts_s = (packets[-1].pts - packets[0].pts) / VIDEO_RATE if frames > 1 else 0.0
    if lasts_s < _LEAST_S:
        raise NotDone("The camera hasn't sent enough video yet to measure it.", "Try again in ten seconds.")
    lasts_s *= frames / (frames - 1)
    masks = hub.private or (_SAMPLE_MASK,)
    try:
        process = start()
    except OSError as error:
        raise MaskingFailed(camera, f"no process can be started ({error.strerror})") from None
    begun_s, tally = clock.mono_s(), _Tally(camera)
    try:
        for packet in packets:
            source = SourcePacket(packet.format, packet.data, packet.pts, packet.is_keyframe)
            process.pass_on(source, masks, frames / lasts_s)
        process.end()
        while not tally.is_over and clock.mono_s() - begun_s < MOST_S:
            tally.take(process)
    finally:
        process.close()
    wall_s, done = clock.mono_s() - begun_s, tally.done
    if not (done and tally.encoder):
        raise NotDone(
            "This computer burned the privacy masks into none of the frames.",
            "It may be too slow or too busy for it. Try again when it has less to do.",
        )
    return MaskingCost(
        cores=tally.cpu_s / lasts_s * frames / done,
        bytes_day=round(tally.bytes / lasts_s * frames / done * _DAY_S),
        bytes_day_before=round(sum(len(one.data) for one in packets) / lasts_s * _DAY_S),
        encoder=tally.encoder,
        is_quick_enough=tally.is_over and lasts_s / wall_s >= ENOUGH,
        seconds=lasts_s,
    )


def _sample(hub: Hub) -> list[Packet]:
    """Return whole groups of frames of one format, from a keyframe up to the next, as long as the sample."""
    found: list[Packet] = []
    for packet in hub.recent(SAMPLE_S):
        if packet.is_video:
            begins = not found or (packet.run, packet.format) != (found[0].run, found[0].format)
            found = [packet] if begins else [*found, packet]
    last = max((number for number, one in enumerate(found) if one.is_keyframe), default=0)
    return found[:last] or found


class _Tally:
    def __init__(self, camera: CameraId) -> None:
        self._camera = camera
        self.bytes = self.done = 0
        self.cpu_s = 0.0
        self.encoder = ""
        self.is_over = False

    def take(self, process: MaskingProcess) -> None:
        """Take the next message. Raises MaskingFailed."""
        try:
            message = process.read(_LOOK_S)
        except ValueError as error:
            raise MaskingFailed(self._camera, str(error)) from None
        match message:
            case MaskedFormat(_, encoder):
                self.encoder = encoder
            case MaskedPacket(_, _, data):
                self.bytes += len(data)
            case PacketDone(cpu_s):
                self.done, self.cpu_s = self.done + 1, cpu_s
            case MaskingEnd(why):
                self.is_over = True
                if why:
                    raise MaskingFailed(self._camera, why)
