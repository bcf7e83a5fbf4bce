"""Records a Raspberry Pi camera by Picamera2: main and small stream at once from the sensor, controls changed live.

A program of its own, because Picamera2 belongs to the Python of the system. It imports nothing of tawny. Its argument
is a JSON object (`main`); each line of its input is one, too (`_obey`). Its output is records: a header (`HEADER`:
kind, 1 for a keyframe, microseconds, bytes) and the data: H.264 in Annex B, or for the kind NOTES a JSON object.
"""

import json
import os
import sys
import threading
from contextlib import redirect_stdout
from struct import Struct
from typing import Any

HEADER = Struct("<BBqI")
MAIN, SUB, NOTES = 0, 1, 2
_IN_SHARES = ("ScalerCrop", "AfWindows")
"""Controls in shares of the image, of which pixels are made."""
_SINGLE_EXPOSURE = 3
_AUTO_FOCUS, _CONTINUOUS_FOCUS, _SCANNING, _FOCUS_FRAMES = 1, 2, 1, 60
"""Of libcamera's `AfMode` and `AfState`; frames that an autofocus cycle may take."""
_MODES = {"ExposureTime": "ExposureTimeMode", "AnalogueGain": "AnalogueGainMode"}
"""Switches (0: automatic) that libcamera has for these since version 0.5; before, the value 0 is automatic."""
_writing = threading.Lock()


def send(kind: int, data: bytes, microseconds: int = 0, *, is_keyframe: bool = False) -> None:
    """Write a record: from the threads of two encoders."""
    with _writing:
        sys.stdout.buffer.write(HEADER.pack(kind, is_keyframe, microseconds, len(data)))
        sys.stdout.buffer.write(data)
        sys.stdout.buffer.flush()


def main(argument: str) -> int:
    """Record until the input ends.

    argument: camera (its number), size, fps, bits (per second), gop (frames), flip ([left-right, up-down]), sub (size
    and bits, or null), mode (text), tuning (text), hdr (text), controls (by libcamera's names).
    """
    asked = json.loads(argument)
    try:
        from picamera2 import Picamera2
    except (ImportError, RuntimeError, ValueError) as error:  # NumPy of another version raises the others
        return _fail(f"Picamera2 can't be loaded: {error}")
    found = Picamera2.global_camera_info()
    if asked["camera"] >= len(found):
        return _fail("selected camera is not available" if found else "no cameras available")
    model, hints = str(found[asked["camera"]].get("Model", "")), list[str]()
    if model.startswith("imx708"):
        _set_sensor_hdr(asked["camera"], hints, is_on=asked["hdr"] in ("auto", "sensor"))
    tuning = _tuning(Picamera2, asked["tuning"], model, hints)
    camera = Picamera2(asked["camera"], tuning=tuning) if tuning else Picamera2(asked["camera"])
    return _record(camera, asked, model, hints)


def _fail(why: str) -> int:
    sys.stderr.write(f"ERROR: *** {' '.join(why.split()).rstrip('.')} ***\n")
    return 255


def _tell(_kind: type[BaseException], error: BaseException, _trace: object) -> None:
    """Say the first error of a chain: Picamera2 hides the reason behind "sequence did not complete"."""
    while error.__context__ is not None:
        error = error.__context__
    _fail(str(error) if isinstance(error, (RuntimeError, OSError)) else f"{type(error).__name__}: {error}")


def _set_sensor_hdr(number: int, hints: list[str], *, is_on: bool) -> None:
    """Switch the HDR of Camera Module 3, which its driver remembers, before the camera is opened."""
    try:
        from picamera2.devices.imx708 import IMX708

        with redirect_stdout(sys.stderr), IMX708(number) as sensor:  # it prints, and our output is records
            sensor.set_sensor_hdr_mode(is_on)
    except (ImportError, RuntimeError, OSError, ValueError):
        hints += ["The camera's own HDR can't be switched on."] if is_on else []


def _tuning(picamera2: Any, wanted: str, model: str, hints: list[str]) -> Any:
    """Return the tuning; None for the camera's own."""
    if not wanted or (wanted == "noir" and model.endswith("_noir")):
        return None
    file = f"{model}_noir.json" if wanted == "noir" else wanted
    try:
        folder, name = os.path.split(file)
        return picamera2.load_tuning_file(name, folder or None)
    except (RuntimeError, OSError, ValueError):
        hints.append(f"There is no tuning file {file}, so the camera uses its own.")
        return None


def _record(camera: Any, asked: Any, model: str, hints: list[str]) -> int:
    from libcamera import Transform
    from picamera2.encoders import H264Encoder
    from picamera2.outputs import Output

    class Records(Output):  # type: ignore[misc]  # Picamera2 has no types
        """Writes what one encoder makes."""

        def __init__(self, kind: int) -> None:
            super().__init__()
            self._kind = kind

        def outputframe(self, frame: Any, keyframe: bool = True, timestamp: int | None = None, *_: Any) -> None:  # noqa: FBT001, FBT002  Picamera2's
            send(self._kind, bytes(frame), timestamp or 0, is_keyframe=bool(keyframe))

    size, sub = tuple(asked["size"]), asked["sub"]
    left_right, up_down = asked["flip"]
    more = {"lores": {"size": tuple(sub["size"]), "format": "YUV420"}} if sub else {}
    mode = _mode(camera, asked["mode"], hints)
    more |= {"sensor": mode} if mode else {}
    camera.configure(
        camera.create_video_configuration(
            main={"size": size, "format": "YUV420"}, transform=Transform(hflip=left_right, vflip=up_down),
            controls={"FrameRate": asked["fps"]}, **more,
        )
    )  # fmt: skip
    set_now: dict[str, Any] = {}
    hints += _set(camera, asked["controls"], set_now)
    if "HdrMode" in camera.camera_controls:  # of the Pi 5
        camera.set_controls({"HdrMode": _SINGLE_EXPOSURE if asked["hdr"] in ("auto", "single-exp") else 0})
    for kind, name, bits in ((MAIN, "main", asked["bits"]), *(((SUB, "lores", sub["bits"]),) if sub else ())):
        encoder = H264Encoder(bitrate=bits, repeat=True, iperiod=asked["gop"], framerate=asked["fps"])
        camera.start_encoder(encoder, Records(kind), name=name)
    camera.start()
    offered = sorted(camera.camera_controls)
    send(NOTES, json.dumps({"model": model, "controls": offered, "hint": " ".join(hints)}).encode())
    _obey(camera, set_now)
    camera.stop()
    camera.close()
    return 0


def _mode(camera: Any, wanted: str, hints: list[str]) -> dict[str, Any]:
    """Return the configuration of a sensor mode, by number or as `WIDTH:HEIGHT:BITS`; empty: the usual one."""
    if not wanted:
        return {}
    if wanted.isdecimal():
        modes = camera.sensor_modes
        if int(wanted) >= len(modes):
            hints.append(f"This camera has no sensor mode {wanted}, so it chooses one.")
            return {}
        chosen = modes[int(wanted)]
        return {"output_size": chosen["size"], "bit_depth": chosen["bit_depth"]}
    width, height, *bits = wanted.split(":")
    return {"output_size": (int(width), int(height))} | ({"bit_depth": int(bits[0])} if bits else {})


def _set(camera: Any, values: Any, set_now: dict[str, Any]) -> list[str]:
    """Set these controls; those that were set before and are not named get their defaults. Return what is missing."""
    offered = camera.camera_controls
    changes: dict[str, Any] = {}
    missing: list[str] = []
    for name in {*values, *set_now}:
        if name not in offered:
            missing += [name] if name != "AfMode" else []  # sent to every camera
        elif name in values:
            changes[name] = _pixels(camera, values[name]) if name in _IN_SHARES else values[name]
            changes |= {_MODES[name]: 1} if _MODES.get(name) in offered else {}
        elif name in _MODES:
            changes |= {_MODES[name]: 0} if _MODES[name] in offered else {name: 0}
        else:
            changes[name] = offered[name][2]
    changes = {name: value for name, value in changes.items() if value is not None}
    camera.set_controls(changes)
    set_now.clear()
    set_now.update({name: value for name, value in values.items() if name in offered})
    return [f"This camera doesn't offer {', '.join(sorted(missing))}."] if missing else []


def _pixels(camera: Any, shares: Any) -> Any:
    """Return a rectangle, or a list of them, in pixels of the sensor."""
    if isinstance(shares[0], list):
        return [_pixels(camera, one) for one in shares]
    left, top, width, height = (
        camera.camera_properties.get("ScalerCropMaximum") or camera.camera_controls["ScalerCrop"][1]
    )
    return (
        left + round(shares[0] * width),
        top + round(shares[1] * height),
        round(shares[2] * width),
        round(shares[3] * height),
    )


def _obey(camera: Any, set_now: dict[str, Any]) -> None:
    """Apply the lines of the input until it ends: `controls`, all that are to be set; `focus`: one autofocus cycle."""
    for line in sys.stdin:
        asked = json.loads(line)
        if "controls" in asked:
            _set(camera, asked["controls"], set_now)
        if asked.get("focus"):
            camera.set_controls({"AfMode": _AUTO_FOCUS, "AfTrigger": 0})
            if set_now.get("AfMode") == _CONTINUOUS_FOCUS:
                _await_focus(camera)
                camera.set_controls({"AfMode": _CONTINUOUS_FOCUS})


def _await_focus(camera: Any) -> None:
    """Wait until an autofocus cycle that was asked for has begun and ended."""
    was_scanning = False
    for _ in range(_FOCUS_FRAMES):
        is_scanning = camera.capture_metadata().get("AfState") == _SCANNING
        if was_scanning and not is_scanning:
            return
        was_scanning = is_scanning


if __name__ == "__main__":
    del sys.path[0]  # this folder, whose http.py would hide Python's own
    sys.excepthook = _tell
    raise SystemExit(main(sys.argv[1]))
