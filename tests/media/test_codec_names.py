import pytest

from tawny.media.codec.parameter_sets import codec_string
from tawny.model.packets import AudioFormat, VideoCodec, VideoFormat
from tests.media.clips import encoded


@pytest.mark.parametrize(
    ("codec", "params", "pixels", "name"),
    [
        ("h264", "bframes=0", "yuv420p", "avc1.42c00a"),
        ("h264", "bframes=0:cqm=jvt", "yuv420p", "avc1.64000a"),
        ("h265", "bframes=0", "yuv420p", "hvc1.1.6.L30.90"),
        ("h265", "bframes=0:level-idc=4:high-tier=1", "yuv420p", "hvc1.1.6.H120.90"),
        ("h265", "bframes=0", "yuv420p10le", "hvc1.2.4.L30.90"),
        ("h265", "bframes=0", "yuv422p10le", "hvc1.4.10.L30.9D.8"),
    ],
)
def test_video(codec: VideoCodec, params: str, pixels: str, name: str) -> None:
    assert codec_string(encoded(codec, frames=2, params=params, pixels=pixels).video) == name


@pytest.mark.parametrize(
    ("config", "name"),
    [("1408", "mp4a.40.2"), ("1210", "mp4a.40.2"), ("2b8a0800", "mp4a.40.5"), ("f94640", "mp4a.40.42")],
)
def test_aac(config: str, name: str) -> None:
    assert codec_string(AudioFormat("aac", 16_000, 1, bytes.fromhex(config))) == name


def test_g711() -> None:
    assert codec_string(AudioFormat("pcmu", 8000, 1)) == "ulaw"
    assert codec_string(AudioFormat("pcma", 8000, 1)) == "alaw"


def test_a_format_without_its_settings_has_no_name() -> None:
    with pytest.raises(ValueError, match="parameter set"):
        codec_string(VideoFormat("h264", 16, 16, ()))
    with pytest.raises(ValueError, match="ends early"):
        codec_string(AudioFormat("aac", 16_000, 1))
