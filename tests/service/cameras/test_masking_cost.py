"""What burning in privacy masks costs, where it can't be measured."""

import pytest

from tawny.model.errors import MaskingFailed, NotDone
from tawny.model.ids import CameraId, RunId, StreamName
from tawny.model.packets import Packet
from tawny.service.cameras.masking_cost import MOST_S, masking_cost
from tawny.sources.masking_process import MaskingMessage, MaskingProcess
from tawny.stream.hub import Hub
from tawny.testing.clips import ClipSpec, made_clip
from tawny.testing.clock import FakeClock

DOOR = CameraId("door")


def hubs() -> dict[StreamName, Hub]:
    hub = Hub()
    for number, one in enumerate(one for one in made_clip(ClipSpec()).packets if one.is_video):
        at_ms = 1_000_000 + one.pts // 90
        hub.append(Packet(RunId("r"), number, one.format, one.data, one.pts, at_ms, one.is_keyframe))
    return {StreamName.MAIN: hub}


def test_no_cost_is_given_if_no_frame_is_masked_in_time() -> None:
    class Busy(MaskingProcess):
        def read(self, most_s: float) -> MaskingMessage | None:
            clock.advance(MOST_S / 4)
            return None

    clock = FakeClock()
    with pytest.raises(NotDone, match="none of the frames"):
        masking_cost(DOOR, hubs(), clock, Busy)


def test_a_process_that_cannot_be_started_is_an_error_with_the_reason() -> None:
    def start() -> MaskingProcess:
        raise OSError(11, "Resource temporarily unavailable")

    with pytest.raises(MaskingFailed) as caught:
        masking_cost(DOOR, hubs(), FakeClock(), start)
    assert caught.value.detail == "no process can be started (Resource temporarily unavailable)"
