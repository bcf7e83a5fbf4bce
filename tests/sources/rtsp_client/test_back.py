"""Sound to a camera's loudspeaker: what it hears is what was said, and a camera without one is told apart."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tawny.media.audio import g711, linear
from tawny.model.errors import SourceError, SourceRefused, SourceUnreachable
from tawny.model.ids import CameraId, StreamName
from tawny.model.times import SystemClock
from tawny.protocols.sdp import read_sdp
from tawny.sources.rtsp.source import Rtsp
from tawny.sources.source import SourceContext, Speaker
from tawny.testing.clips import ClipSpec, made_clip
from tawny.testing.rtsp_camera import RtspCamera
from tawny.testing.rtsp_viewer import CameraSetup
from tawny.testing.waiting import until

HZ = 440


def speaker(address: str) -> Speaker:
    source = Rtsp()
    options = source.settings({})
    return source.speaker(SourceContext(CameraId("door"), StreamName.MAIN, address, options, SystemClock()))


def tone(seconds: float, hz: float = HZ) -> bytes:
    at = np.arange(round(8000 * seconds)) / 8000
    return (np.sin(2 * np.pi * hz * at) * 12_000).astype("<i2").tobytes()


def pitch(samples: "np.ndarray[tuple[int], np.dtype[np.float32]]") -> float:
    """The loudest frequency."""
    strength = np.abs(np.fft.rfft(samples * np.hanning(len(samples))))
    return float(np.argmax(strength) * 8000 / len(samples))


@pytest.mark.parametrize("codec", ["pcmu", "pcma"])
@pytest.mark.parametrize("login", ["", "md5"])
def test_the_camera_hears_what_is_said(codec: str, login: str) -> None:
    setup = CameraSetup(speaker=codec, login=login, password="secret")
    with RtspCamera(made_clip(ClipSpec()), setup) as camera:
        result = speaker(camera.address)
        result.open()
        for at in range(0, 16_000, 640):
            result.speak(tone(1.0)[at : at + 640])
        until(lambda: len(camera.viewers[-1].heard) >= 8000, 60, "a second of sound")
        result.close()
        until(lambda: camera.viewers[-1].ended != "", 60, "the end")
        viewer = camera.viewers[-1]
    assert viewer.requests[-1] == "TEARDOWN"
    assert viewer.sent == []
    assert abs(pitch(linear(codec, bytes(viewer.heard))) - HZ) < 3


def test_whether_it_has_a_loudspeaker_is_asked_and_nothing_else() -> None:
    for codec, has in (("pcmu", True), ("", False)):
        with RtspCamera(made_clip(ClipSpec()), CameraSetup(speaker=codec)) as camera:
            asked = speaker(camera.address)
            assert asked.has_one() is has
            asked.close()
            assert camera.viewers[-1].requests == ["OPTIONS", "DESCRIBE"]


def test_a_camera_that_is_gone_or_wants_another_password_says_so() -> None:
    with RtspCamera(made_clip(ClipSpec()), CameraSetup(speaker="pcmu", login="md5", password="right")) as camera:
        address = camera.address.replace("right", "wrong")
        refused = speaker(address)
        with pytest.raises(SourceRefused):
            refused.has_one()
        refused.close()
        result = speaker(camera.address)
        result.open()
        camera.kick()

        def is_told() -> bool:
            try:
                result.speak(tone(0.02))
            except SourceError:
                return True
            return False

        until(is_told, 60, "the end to be told")
        result.close()
    gone = speaker(address)
    with pytest.raises(SourceUnreachable):
        gone.open()
    gone.close()


def test_without_a_loudspeaker_it_cannot_be_opened() -> None:
    with RtspCamera(made_clip(ClipSpec()), CameraSetup()) as camera:
        result = speaker(camera.address)
        with pytest.raises(SourceError):
            result.open()
        result.close()


def test_what_the_camera_takes_is_not_recorded() -> None:
    text = "v=0\r\nm=audio 0 RTP/AVP 0\r\na=control:b\r\na=sendonly\r\nm=audio 0 RTP/AVP 8\r\na=control:a\r\n"
    found = read_sdp(text.encode())
    assert found.audio is not None
    assert found.audio.control == "a"


@given(st.lists(st.integers(-32768, 32767), max_size=200), st.sampled_from(["pcmu", "pcma"]))
def test_each_sample_becomes_the_value_nearest_to_it(samples: list[int], codec: str) -> None:
    pcm = np.array(samples, "<i2")
    coded = g711(codec, pcm.tobytes())
    assert len(coded) == len(samples)
    heard = linear(codec, coded)
    every = linear(codec, bytes(range(256)))
    for sample, got in zip(pcm / 32768, heard, strict=True):
        assert abs(got - sample) <= np.abs(every - sample).min() + 1e-6
