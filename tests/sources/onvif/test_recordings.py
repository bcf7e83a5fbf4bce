"""What a camera says of its own recordings (ONVIF Profile G)."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tawny.model.errors import NotDone, SourceError
from tawny.model.times import SystemClock
from tawny.protocols.soap import UnreadableXml, read_xml
from tawny.sources.onvif import OnvifCamera
from tawny.sources.onvif_recordings import CameraCard, camera_instant_ms, read_recordings, replay_place
from tawny.testing.clips import ClipSpec, made_clip
from tawny.testing.rtsp_card import MemoryCard
from tests.support.onvif_simulator import OnvifSimulator, simulated


def card_of(camera: OnvifSimulator) -> CameraCard:
    return CameraCard(OnvifCamera(camera.url, SystemClock()))


@pytest.mark.parametrize("by_services", [False, True])
def test_a_card_is_searched(by_services: bool) -> None:
    """Also of a camera that lists these services only where newer ones do."""
    card, clip = MemoryCard(ahead_s=90), made_clip(ClipSpec(seconds=4))
    card.begin()
    card.begun_s -= 600
    card.begun_ms -= 600_000
    with simulated(card=card, clip=clip, replay="rtsp://h/x", tells_by_services=by_services) as camera:
        (found,) = card_of(camera).recordings()
        assert card_of(camera).replay_address(found.token) == "rtsp://h/x"
        assert "EndSearch" in [name for name, _ in camera.told]
    assert (found.token, found.lens) == ("card-0", "lens0")
    assert abs(found.span.begin_ms - card.begun_ms - 90_000) < 2
    assert abs(found.span.seconds - 600) < 2


def test_a_camera_without_a_card_is_named() -> None:
    with simulated() as camera, pytest.raises(NotDone, match="recorded itself"):
        card_of(camera).recordings()


def test_only_rtsp_is_an_address_of_a_replay() -> None:
    card, clip = MemoryCard(), made_clip(ClipSpec(seconds=4))
    with simulated(card=card, clip=clip, replay="http://h/x") as camera, pytest.raises(SourceError):
        card_of(camera).replay_address("card-0")


@pytest.mark.parametrize(
    ("address", "place"),
    [
        ("rtsp://192.0.2.9/a/b?c=1", (554, "/a/b?c=1")),
        ("rtsp://user:word@192.0.2.9:8554", (8554, "/")),
    ],
)
def test_of_the_address_only_port_and_path_count(address: str, place: tuple[int, str]) -> None:
    assert replay_place(address) == place


@pytest.mark.parametrize("address", ["rtsp://h:99999/", "rtsp://h/a b", "rtsp://h/a\x01b", "rtsp://h/ä"])
def test_other_addresses_are_refused(address: str) -> None:
    with pytest.raises(ValueError, match=r".*"):
        replay_place(address)


@given(st.text(max_size=40))
def test_any_text_is_a_time_or_none(text: str) -> None:
    found = camera_instant_ms(text)
    assert found is None or 900_000_000_000 < found < 4_200_000_000_000


@pytest.mark.parametrize(
    ("text", "ms"),
    [
        ("2026-11-23T01:30:08.65Z", 1_795_397_408_650),
        ("2026-11-23T01:30:08", 1_795_397_408_000),
        ("1970-01-01T00:00:00Z", None),
    ],
)
def test_times_without_an_offset_are_utc(text: str, ms: int | None) -> None:
    assert camera_instant_ms(text) == ms


@given(st.lists(st.sampled_from(
    ["<RecordingInformation>", "</RecordingInformation>", "<RecordingToken>a</RecordingToken>", "<Track>", "</Track>",
     "<TrackType>Video</TrackType>", "<DataFrom>2026-11-23T01:30:08Z</DataFrom>", "<DataTo>x</DataTo>",
     "<EarliestRecording>2026-11-23T01:30:08Z</EarliestRecording>",
     "<LatestRecording>2026-11-23T01:20:08Z</LatestRecording>"]
), max_size=30))  # fmt: skip
def test_any_answer_is_read(parts: list[str]) -> None:
    """Recordings that end before they begin, that have no time, or no token are skipped."""
    try:
        root = read_xml(f"<r>{''.join(parts)}</r>".encode())
    except UnreadableXml:
        return
    for one in read_recordings(root):
        assert one.token
        assert one.span.end_ms >= one.span.begin_ms
