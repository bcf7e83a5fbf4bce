"""Image and encoder settings of a camera, changed by ONVIF and read back."""

from collections.abc import Iterator
from dataclasses import replace

import pytest

from tawny.model.errors import NotDone, SourceError
from tawny.model.times import SystemClock
from tawny.protocols.soap import read_xml
from tawny.sources.discovery.onvif_details import change_encoder, read_encoders
from tawny.sources.onvif import OnvifCamera
from tawny.sources.onvif_imaging import ImagingControl, change_imaging, read_imaging
from tests.support.onvif_device import Stream
from tests.support.onvif_simulator import OnvifSimulator, simulated


@pytest.fixture
def camera() -> Iterator[OnvifSimulator]:
    streams = [
        Stream("main", "H264", 1920, 1080, "rtsp://10.0.0.2/main", fps=20, gop=80),
        Stream("sub", "H264", 640, 360, "rtsp://10.0.0.2/sub", fps=10, gop=20),
    ]
    with simulated(streams=streams) as made:
        yield made


def opened(camera: OnvifSimulator) -> OnvifCamera:
    return OnvifCamera(camera.url, SystemClock())


def test_what_it_offers_is_read(camera: OnvifSimulator) -> None:
    assert read_imaging(opened(camera)) == [
        ImagingControl("brightness", 50.0, 0.0, 100.0),
        ImagingControl("contrast", 40.0, 0.0, 100.0),
        ImagingControl("ir_cut", "AUTO", choices=("ON", "OFF", "AUTO")),
        ImagingControl("wdr", "OFF", choices=("ON", "OFF")),
    ]


def test_a_change_is_sent_in_the_order_of_the_schema_and_read_back(camera: OnvifSimulator) -> None:
    now = change_imaging(opened(camera), {"wdr": "ON", "brightness": 61.0})
    assert {one.name: one.value for one in now} == {"brightness": 61.0, "contrast": 40.0, "ir_cut": "AUTO", "wdr": "ON"}
    (sent,) = [values for name, values in camera.told if name == "SetImagingSettings"]
    assert (sent["VideoSourceToken"], [*sent].index("Brightness") < [*sent].index("Mode")) == ("lens0", True)
    assert "Contrast" not in sent


@pytest.mark.parametrize(
    "values", [{"brightness": 101.0}, {"brightness": "high"}, {"ir_cut": "MAYBE"}, {"hue": 1.0}, {"sharpness": 5.0}]
)
def test_what_it_does_not_offer_is_refused_before_it_is_asked(
    camera: OnvifSimulator, values: dict[str, float | str]
) -> None:
    with pytest.raises(NotDone):
        change_imaging(opened(camera), values)
    assert "SetImagingSettings" not in [name for name, _ in camera.told]


def test_a_refusal_is_said_in_the_cameras_words(camera: OnvifSimulator) -> None:
    camera.refuses = "Only by day"
    with pytest.raises(SourceError, match="Only by day"):
        change_imaging(opened(camera), {"brightness": 10.0})


def test_a_camera_without_imaging_says_so() -> None:
    with simulated(imaging={}) as camera, pytest.raises(NotDone):
        read_imaging(opened(camera))


def test_encoders_are_read_and_one_is_changed(camera: OnvifSimulator) -> None:
    main, sub = read_encoders(camera.url, SystemClock())
    assert (main.stream, main.codec, main.width, main.bit_rate, main.keyframe_s) == ("main", "h264", 1920, 4096, 4.0)
    assert (sub.stream, sub.width, sub.keyframe_s) == ("sub", 640, 2.0)
    change_encoder(camera.url, SystemClock(), replace(main, bit_rate=2048, keyframe_s=2.0))
    main, sub = read_encoders(camera.url, SystemClock())
    assert (main.bit_rate, main.keyframe_s, sub.keyframe_s) == (2048, 2.0, 2.0)


@pytest.mark.parametrize(
    "answer",
    [
        "<r><Brightness>nan</Brightness></r>",
        "<r><Brightness>1e99</Brightness><Brightness><Min>0</Min><Max>1</Max></Brightness></r>",
        "<r><IrCutFilter>AUTO</IrCutFilter><IrCutFilterModes/></r>",
        "<r><Brightness>5</Brightness><Brightness><Min>9</Min><Max>1</Max></Brightness></r>",
    ],
)
def test_settings_without_sense_are_left_out(
    camera: OnvifSimulator, answer: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = opened(camera)
    assert made.lens == "lens0"
    monkeypatch.setattr(made, "ask", lambda *_args, **_how: read_xml(answer.encode()))
    assert read_imaging(made) == []


def test_an_encoder_says_what_it_offers_and_takes_it() -> None:
    streams = [
        Stream("big", "H265", 2560, 1440, "rtsp://10.0.0.2/main"),
        Stream("small", "H264", 640, 360, "rtsp://10.0.0.2/sub"),
    ]
    offers = {"H264": [(1920, 1080), (1280, 720)], "H265": [(2560, 1440)], "JPEG": [(640, 360)]}
    with simulated(profile="T", streams=streams, offers=offers) as camera:
        main, _ = read_encoders(camera.url, SystemClock())
        assert [(one.codec, one.sizes, one.rates, one.quality) for one in main.choices] == [
            ("h264", ((1920, 1080), (1280, 720)), (5.0, 15.0, 20.0), (1.0, 6.0)),
            ("h265", ((2560, 1440),), (5.0, 15.0, 20.0), (1.0, 6.0)),
        ]
        wanted = replace(main, codec="h264", width=1280, height=720, fps=15.0, quality=6.0, keyframe_s=2.0)
        change_encoder(camera.url, SystemClock(), wanted)
        main, sub = read_encoders(camera.url, SystemClock())
        assert (main.codec, main.width, main.height, main.fps, main.quality, main.keyframe_s) == (
            "h264",
            1280,
            720,
            15.0,
            6.0,
            2.0,
        )
        assert (sub.width, sub.fps) == (640, 20.0)


def test_an_encoder_of_media_1_has_one_part_for_each_codec() -> None:
    text = (
        "<r><Options><QualityRange><Min>0</Min><Max>100</Max></QualityRange>"
        "<JPEG><ResolutionsAvailable><Width>640</Width><Height>480</Height></ResolutionsAvailable></JPEG>"
        "<H264><ResolutionsAvailable><Width>1280</Width><Height>720</Height></ResolutionsAvailable>"
        "<FrameRateRange><Min>1</Min><Max>25</Max></FrameRateRange></H264></Options></r>"
    )
    with simulated(streams=[Stream("big", "H264", 1280, 720, "rtsp://10.0.0.2/main")], options=text) as camera:
        (main,) = read_encoders(camera.url, SystemClock())
    (choice,) = main.choices
    assert (choice.codec, choice.sizes, choice.fps, choice.quality) == ("h264", ((1280, 720),), (1, 25), (0, 100))
