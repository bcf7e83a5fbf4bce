"""How many pictures a second a camera sends."""

from dataclasses import replace

from tawny.model.ids import RunId
from tawny.service.cameras.stream_figures import rates
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
