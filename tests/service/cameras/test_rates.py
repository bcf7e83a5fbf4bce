"""How many pictures a second a camera sends."""

from dataclasses import replace
from types import SimpleNamespace
from typing import Any, cast

import pytest

from tawny.model.ids import CameraId, RunId, StreamName
from tawny.model.states import CameraState, CameraStatus
from tawny.service.cameras.camera_set import RunningCameras
from tawny.service.cameras.stream_figures import byte_rates, rates
from tawny.stream.hub import Hub
from tests.live.cameras import numbered, video


def test_a_moment_without_the_camera_says_nothing_of_its_rate() -> None:
    hub, alone = Hub(), Hub()
    before = list(numbered(video(count=20)))
    apart_ms = before[-1].at_ms - before[0].at_ms + 2_000
    for packet in before:
        later = replace(packet, run=RunId("later"), at_ms=packet.at_ms + apart_ms)
        hub.append(packet)
        alone.append(later)
    for packet in list(before):
        hub.append(replace(packet, run=RunId("later"), at_ms=packet.at_ms + apart_ms))
    assert rates(hub) == rates(alone) != (None, None)


@pytest.mark.parametrize("state", CameraState)
def test_a_camera_that_is_not_recorded_by_choice_stores_nothing(state: CameraState) -> None:
    yard, hub, running = CameraId("yard"), Hub(), RunningCameras()
    for packet in numbered(video(count=20)):
        hub.append(packet)
    status = CameraStatus(yard, "Yard", state, 0)
    camera = SimpleNamespace(hubs={StreamName.MAIN: hub}, coverage=SimpleNamespace(status=status))
    running.now = {yard: cast("Any", camera)}
    stored = running.recorded_rates()[yard, StreamName.MAIN]
    is_left_out = state in (CameraState.WAITING, CameraState.OFF, CameraState.PAUSED, CameraState.MODE_OFF)
    assert stored == ((0.0, 0.0) if is_left_out else byte_rates(hub))
