"""Stands in for Picamera2: a package that records what it is asked, and encodes as two clips.

`fake_picamera2` writes the packages `picamera2` and `libcamera` into a folder, and a Python that finds them there.
What it was asked is in `asked.jsonl`, one line for each call.
"""

import json
import sys
from pathlib import Path
from typing import Any

from tawny.media.codec.nal import annexb
from tawny.model.packets import VideoFormat
from tawny.testing.clips import ClipSpec, made_clip

CONTROLS = {
    "AeEnable": (0, 1, 1), "ExposureTime": (0, 66_666, None), "AnalogueGain": (1.0, 16.0, None),
    "AeExposureMode": (0, 3, 0), "AeConstraintMode": (0, 3, 0), "AeMeteringMode": (0, 3, 0),
    "ExposureValue": (-8.0, 8.0, 0.0), "AeFlickerMode": (0, 1, 0), "AeFlickerPeriod": (100, 1_000_000, None),
    "AwbEnable": (0, 1, 1), "AwbMode": (0, 7, 0), "ColourGains": (0.0, 32.0, None), "Brightness": (-1.0, 1.0, 0.0),
    "Contrast": (0.0, 32.0, 1.0), "Saturation": (0.0, 32.0, 1.0), "Sharpness": (0.0, 16.0, 1.0),
    "NoiseReductionMode": (0, 4, 0), "ScalerCrop": ((0, 0, 64, 64), (8, 4, 4608, 2592), (8, 4, 4608, 2592)),
}  # fmt: skip
"""Minimum, maximum and default, as Picamera2 has them."""
FOCUS = {
    "AfMode": (0, 2, 0), "AfRange": (0, 2, 0), "AfSpeed": (0, 1, 0), "AfMetering": (0, 1, 0),
    "AfWindows": ((0, 0, 0, 0), (65_535, 65_535, 65_535, 65_535), None), "LensPosition": (0.0, 32.0, 1.0),
    "AfTrigger": (0, 1, 0),
}  # fmt: skip

_PACKAGE = """
import json, threading, time
from pathlib import Path
HERE = Path(__file__).parent.parent
ABOUT = json.loads((HERE / "about.json").read_text())

def note(call, **said):
    with (HERE / "asked.jsonl").open("a") as file:
        file.write(json.dumps({"call": call, **said}, default=str) + "\\n")

class Picamera2:
    camera_controls = ABOUT["controls"]
    camera_properties = {"ScalerCropMaximum": (8, 4, 4608, 2592)}
    sensor_modes = [{"size": (1536, 864), "bit_depth": 10}, {"size": (2304, 1296), "bit_depth": 10}]
    @staticmethod
    def global_camera_info():
        return [{"Model": model, "Num": number} for number, model in enumerate(ABOUT["models"])]
    @staticmethod
    def load_tuning_file(name, dir=None):
        if name not in ABOUT["tunings"]:
            raise RuntimeError("Tuning file not found")
        return {"name": name, "dir": dir}
    def __init__(self, number, tuning=None):
        if ABOUT["fails"]:
            try:
                raise RuntimeError(ABOUT["fails"])
            except RuntimeError:
                raise RuntimeError("Camera __init__ sequence did not complete.")
        note("camera", number=number, tuning=tuning)
    def create_video_configuration(self, **said):
        return said
    def configure(self, said):
        turn = said.pop("transform")
        note("configure", transform=[turn.hflip, turn.vflip], **said)
    def set_controls(self, said):
        note("set_controls", controls=said)
        if "AfTrigger" in said:
            self.focusing = iter(ABOUT["focusing"])
    def capture_metadata(self):
        state = next(self.focusing)
        note("focus state", state=state)
        return {"AfState": state}
    def start_encoder(self, encoder, output, name):
        note("encoder", name=name, bitrate=encoder.bitrate, iperiod=encoder.iperiod, repeat=encoder.repeat)
        threading.Thread(target=self._film, args=(output, name), daemon=True).start()
    def _film(self, output, name):
        film, sizes = (HERE / f"{name}.h264").read_bytes(), json.loads((HERE / f"{name}.json").read_text())
        for turn in range(ABOUT["rounds"]):
            at = 0
            for number, (size, is_key) in enumerate(sizes):
                frame = (turn * len(sizes) + number) * 1_000_000 // 15
                output.outputframe(film[at : at + size], bool(is_key), frame, None, False)
                at += size
                time.sleep(ABOUT["pause_s"])
    def start(self):
        note("start")
    def stop(self):
        note("stop")
    def close(self):
        note("close")
"""
_OTHERS = {
    "picamera2/outputs.py": "class Output:\n    def __init__(self, pts=None):\n        pass\n",
    "picamera2/encoders.py": (
        "class H264Encoder:\n    def __init__(self, bitrate, repeat, iperiod, framerate):\n"
        "        self.bitrate, self.repeat, self.iperiod, self.framerate = bitrate, repeat, iperiod, framerate\n"
    ),
    "picamera2/devices/__init__.py": "import http.client  # as that of imx500 does\n",
    "picamera2/devices/imx708.py": (
        "from picamera2 import ABOUT, note\n"
        "class IMX708:\n    def __init__(self, number):\n        self.number = number\n"
        "    def __enter__(self):\n        return self\n    def __exit__(self, *_):\n        pass\n"
        "    def set_sensor_hdr_mode(self, enable):\n        note('sensor hdr', number=self.number, enable=enable)\n"
        "        print('IMX708: it prints')\n"
        "        if ABOUT['no_hdr']:\n            raise RuntimeError('v4l2 device node not found')\n"
    ),
    "libcamera/__init__.py": (
        "class Transform:\n    def __init__(self, hflip, vflip):\n        self.hflip, self.vflip = hflip, vflip\n"
    ),
}


class FakePicamera2:
    """python: the Python that has it."""

    def __init__(self, folder: Path, models: tuple[str, ...] = ("imx708",), **about: Any) -> None:
        """about: `rounds` of the clips; `pause_s` between pictures; `tunings`; `fails`: why it can't be opened;
        `no_hdr` of the sensor; `focusing`: states of an autofocus cycle; `more` controls."""
        controls = CONTROLS | (FOCUS if models and models[0].startswith("imx708") else {}) | about.pop("more", {})
        usual: dict[str, Any] = {"rounds": 200, "pause_s": 0.005, "tunings": [], "fails": "", "no_hdr": False}
        usual["focusing"] = [2, 1, 1, 2]
        self._folder = folder
        self.specs = {"main": ClipSpec(), "lores": ClipSpec(width=160, height=120)}
        for name, spec in self.specs.items():
            pictures = []
            for packet in made_clip(spec).packets:
                assert isinstance(packet.format, VideoFormat)
                pictures.append((annexb(packet.data, packet.format), packet.is_keyframe))
            (folder / f"{name}.h264").write_bytes(b"".join(data for data, _ in pictures))
            (folder / f"{name}.json").write_text(json.dumps([[len(data), is_key] for data, is_key in pictures]))
        (folder / "about.json").write_text(json.dumps(usual | about | {"models": models, "controls": controls}))
        for path, text in (_OTHERS | {"picamera2/__init__.py": _PACKAGE}).items():
            (folder / path).parent.mkdir(parents=True, exist_ok=True)
            (folder / path).write_text(text)
        self.python = folder / "python3"
        self.python.write_text(f'#!/bin/sh\nPYTHONPATH={folder} exec {sys.executable} "$@"\n')
        self.python.chmod(0o755)

    def asked(self, call: str) -> list[dict[str, Any]]:
        """Return what was asked with these calls, in order."""
        path = self._folder / "asked.jsonl"
        lines = [json.loads(line) for line in path.read_text().splitlines()] if path.exists() else []
        return [line for line in lines if line["call"] == call]
