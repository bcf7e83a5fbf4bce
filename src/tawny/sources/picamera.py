"""Raspberry Pi camera (CSI): runs Picamera2, or Raspberry Pi's camera program, and records what it makes.

Both use the hardware encoder of models up to the Pi 4, and the CPU on the Pi 5. Picamera2 makes main and small stream
from the sensor at once, and takes changed controls while it runs. Without it, the small stream costs CPU: the camera
program hands over raw pictures, and tawny encodes both.

Main and sub stream of a camera share one program, which ends with the last of the two connections.
"""

import json
import os
import re
import selectors
import shutil
import subprocess
import threading
from collections import deque
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, ClassVar, Final

from tawny.model.errors import NoSuchDevice, NotDone, SourceClosed, SourceError, SourceStalled, SourceUnusable
from tawny.model.ids import StreamName
from tawny.model.packets import SourcePacket
from tawny.model.times import Clock
from tawny.model.validation import value_text
from tawny.sources import picamera2_program as program
from tawny.sources.pi_controls import (
    CONTROLS,
    FOCUS_NOW,
    PiBoard,
    board_of,
    described,
    flips,
    libcamera_values,
    rpicam_words,
    size_of,
    words,
)
from tawny.sources.pi_streams import AnnexbSplitter, RawSplitter, RecordSplitter, Splitter
from tawny.sources.picture_controls import PictureControl, Value
from tawny.sources.source import CameraConnection, IdleUntil, SourceContext

PROGRAMS: Final = ("rpicam-vid", "libcamera-vid")
"""The camera program: current name, and the name before Debian 12."""
CHIP: Final = Path("/dev/video11")
"""Hardware encoder of models up to the Pi 4."""
MODEL: Final = Path("/proc/device-tree/model")
SYSTEM_PYTHON: Final = "/usr/bin/python3"
_PICAMERA2: Final = Path("/usr/lib/python3/dist-packages/picamera2")
"""Where Debian installs it, for the Python of the system."""
OPEN_S, STALL_S, LOOK_S, CLOSE_S, LIST_S = 9.0, 5.0, 0.25, 0.4, 8.0
READ_BYTES, MOST_ERROR_BYTES, MOST_WAITING = 1 << 16, 4_000, 300
RAW_WIDTH: Final = 64
"""Raw pictures come without padding only in widths of a multiple of this, px."""
SMALL_SIZE: Final = "640x360"
"""Resolution of the small stream of a camera that is added."""
_ADDRESS: Final = re.compile(r"picamera:(?P<number>\d)?(?P<sub>/sub)?")
_SIZE: Final = re.compile(r"(\d{2,4})x(\d{2,4})")
_ERROR: Final = re.compile(r"ERROR: \*\*\* (.+?) \*\*\*")
_SENSOR: Final = re.compile(r"^\s*(\d+)\s*:\s*(\S+)\s*\[", re.MULTILINE)
_NUMBERS: Final = {"fps": (1, 120), "mbit": (0.1, 25), "keyframe": (0.5, 10), "sub_mbit": (0.1, 25)}
_USUAL: Final = {
    "size": "1280x720", "fps": 15, "mbit": 2.5, "keyframe": 2.0, "flip": "none", "sub_size": "", "sub_mbit": 0.5,
    "program": "auto",
}  # fmt: skip
_USES: Final = ("auto", "picamera2", "rpicam")


def installed() -> str | None:
    """Return the path of the installed camera program; None if it is missing."""
    return next(filter(None, map(shutil.which, PROGRAMS)), None)


def system_picamera2() -> str | None:
    """Return the Python that has Picamera2; None if it is not installed."""
    return SYSTEM_PYTHON if _PICAMERA2.is_dir() else None


def small_stream(address: str) -> str:
    """Return the small stream of a camera that is added; empty if it isn't one, or has none without more CPU time."""
    found = _ADDRESS.fullmatch(address)
    is_main = found is not None and not found["sub"] and bool(found["number"])
    return f"{address}/sub" if is_main and system_picamera2() is not None else ""


def this_board() -> PiBoard | None:
    """Return this computer's model; None if it is no Raspberry Pi that is known."""
    try:
        return board_of(MODEL.read_bytes().decode("utf-8", "replace").strip("\0"))
    except OSError:
        return None


class PiCamera:
    """Raspberry Pi cameras: `picamera:0`, or `picamera:1` for the second one; `picamera:0/sub` for the small stream.

    - `size` ("1280x720"): resolution.
    - `fps` (15): frame rate.
    - `mbit` (2.5): bit rate in Mbit/s.
    - `keyframe` (2.0): keyframe interval in seconds.
    - `sub_size` (""): resolution of the small stream, such as "640x360"; empty: none.
    - `sub_mbit` (0.5): bit rate of the small stream in Mbit/s.
    - `program` ("auto"): "picamera2", "rpicam" (the camera program), or "auto": Picamera2 where it is installed.
    - `flip` ("none"): "none", "left-right", "up-down" or "both".
    - `exposure_time` (0): in microseconds; 0: automatic. `gain` (0): of the sensor; 0: automatic.
    - `exposure` ("normal"): "short", "long" or "custom"; `constraint` ("normal"): "highlight", "shadows" or "custom".
    - `metering` ("centre"): "spot", "average" or "custom"; `ev` (0): exposure correction, -8 to 8.
    - `flicker` ("off"): "50" or "60", the frequency of the power grid in Hz.
    - `awb` ("auto"): "incandescent", "tungsten", "fluorescent", "indoor", "daylight", "cloudy" or "custom".
    - `red_gain`, `blue_gain` (0): fixed white balance, if both are set.
    - `brightness` (0), `contrast` (1), `saturation` (1), `sharpness` (1).
    - `denoise` ("auto"): "off", "cdn_off", "cdn_fast" or "cdn_hq".
    - `focus` ("default"): "manual", "auto" or "continuous"; `focus_range` ("normal"): "macro" or "full";
      `focus_speed` ("normal"): "fast"; `focus_window` (""): "left,top,width,height" as shares of the image.
    - `lens_position` (-1): in dioptres: 0 is far away, 10 is 10 cm; -1: the lens's rest position.
    - `roi` (""): digital zoom, "left,top,width,height" as shares of the image.
    - `hdr` ("off"): "auto", "sensor" or "single-exp".
    - `sensor_mode` (""): a number, or "WIDTH:HEIGHT:BITS"; empty: chosen to fit `size` and `fps`.
    - `tuning` (""): "noir" for cameras without infrared filter, or a tuning file.
    """

    scheme: ClassVar[str] = "picamera"
    warm_up_s: ClassVar[float] = 2.0
    """Time until exposure and colors have settled, s."""

    def __init__(
        self,
        find: Callable[[], str | None] = installed,
        picamera2: Callable[[], str | None] = system_picamera2,
        board: Callable[[], PiBoard | None] = this_board,
    ) -> None:
        self._find, self._picamera2, self._board = find, picamera2, board
        self._lock = threading.Lock()
        self._runs: dict[str, _CameraRun] = {}
        self._sensors: dict[str, str] = {}
        """Sensors of cameras by number, as listed."""

    def settings(self, table: Mapping[str, Any]) -> Mapping[str, Any]:
        checked: dict[str, Any] = _USUAL | dict(table)
        allowed = (*_USUAL, *(name for name in CONTROLS if name not in _USUAL))
        if unknown := set(checked) - set(allowed):
            raise ValueError(f"{min(unknown)}: found an unknown key; allowed: {', '.join(allowed)}")
        for name in ("size", "sub_size"):
            value = checked[name]
            if (value or name == "size") and not (isinstance(value, str) and _SIZE.fullmatch(value)):
                raise ValueError(f'{name}: found {value_text(value)}; allowed: a size such as "1280x720"')
        sizes = [size_of(checked[name] or checked["size"]) for name in ("sub_size", "size")]
        if any(sub > main for sub, main in zip(*sizes, strict=True)):
            raise ValueError(f"sub_size: found {value_text(checked['sub_size'])}; allowed: at most {checked['size']}")
        for name, (least, most) in _NUMBERS.items():
            value = checked[name]
            if isinstance(value, bool) or not isinstance(value, int | float) or not least <= value <= most:
                raise ValueError(f"{name}: found {value_text(value)}; allowed: {least} to {most}")
        if checked["program"] not in _USES:
            raise ValueError(f"program: found {value_text(checked['program'])}; allowed: {', '.join(_USES)}")
        for name in CONTROLS:
            if name in checked:
                CONTROLS[name].check(checked[name])
        return checked

    def claims(self, address: str) -> bool:
        return address.startswith("picamera:")

    def public(self, address: str) -> str:
        return address

    def open(self, opening: SourceContext) -> CameraConnection:
        number, stream = _place(opening.address)
        options = self.settings(opening.options)
        if stream is StreamName.SUB and not options["sub_size"]:
            raise SourceError(opening.address, "its table `picamera` has no `sub_size`")
        plan = self._plan(number, options, opening.address)
        with self._lock:
            run = self._runs.get(number)
            if run is None or run.is_over or not run.plan.serves(plan):
                if run is not None:
                    run.end()
                run = self._runs[number] = _CameraRun(plan, opening.address, opening.clock)
            elif run.plan.controls != plan.controls:
                run.take(plan)
            run.add(stream)
        connection = _PiConnection(run, stream, opening.address, opening.clock)
        try:
            connection.begin()
        except SourceError:
            connection.close()
            raise
        return connection

    def controls(self, opening: SourceContext) -> list[PictureControl]:
        number, _ = _place(opening.address)
        options = self.settings(opening.options)
        run = self._runs.get(number)
        by_picamera2 = self._uses_picamera2(options)
        sensor = (run.notes.get("model") if run is not None else "") or self._sensor(number)
        return described(options, str(sensor), self._board(), by_picamera2=by_picamera2)

    def setting(self, control: PictureControl, value: Value) -> tuple[str, Value]:
        is_whole = control.kind == "number" and float(value).is_integer()
        return control.name, int(value) if is_whole else value

    def adjust(self, opening: SourceContext, options: Mapping[str, Any]) -> bool:
        number, _ = _place(opening.address)
        before, after = self.settings(opening.options), self.settings(options)
        run = self._runs.get(number)
        if run is None or run.is_over:
            return True  # the next start takes the new settings
        if not run.plan.is_live or any(before.get(key) != after.get(key) for key in {*before, *after} - _LIVE):
            return False
        run.take(replace(run.plan, controls=libcamera_values(after)))
        return True

    def press(self, opening: SourceContext, name: str) -> None:
        number, _ = _place(opening.address)
        run = self._runs.get(number)
        if name != FOCUS_NOW or run is None or run.is_over or not run.plan.is_live:
            raise NotDone("The camera can't focus now.", "It must be running, by Picamera2.")
        run.write({"focus": True})

    def _uses_picamera2(self, options: Mapping[str, Any]) -> bool:
        return options["program"] == "picamera2" or (options["program"] == "auto" and self._picamera2() is not None)

    def _plan(self, number: str, options: Mapping[str, Any], where: str) -> "_Plan":
        """Return what to run. Raises SourceError."""
        if self._uses_picamera2(options):
            python = self._picamera2()
            if python is None:
                raise NoSuchDevice(where, "Picamera2 is missing: `sudo apt install python3-picamera2`")
            return _Plan((python, "-u", program.__file__), options, number, libcamera_values(options), is_live=True)
        path = self._find()
        if path is None:
            raise NoSuchDevice(where, "Raspberry Pi's camera program is missing: `sudo apt install rpicam-apps-lite`")
        if options["sub_size"] and size_of(options["size"])[0] % RAW_WIDTH:
            why = f"without Picamera2, `size` must have a width of a multiple of {RAW_WIDTH}, such as 1280 or 1920"
            raise SourceUnusable(where, why)
        needs_sensor = options.get("tuning") == "noir" or str(options.get("sensor_mode", "")).isdecimal()
        sensor = self._sensor(number) if needs_sensor else ""
        arguments = words(number, options, has_chip=CHIP.exists())
        return _Plan((path, *arguments, *rpicam_words(options, sensor, self._board())), options, number)

    def _sensor(self, number: str) -> str:
        """Return the sensor of a camera as the camera program lists it; empty if it is unknown."""
        path = self._find()
        if not self._sensors and path is not None:
            with suppress(OSError, subprocess.TimeoutExpired):
                done = subprocess.run([path, "--list-cameras"], capture_output=True, timeout=LIST_S, check=False)
                self._sensors = dict(_SENSOR.findall((done.stdout + done.stderr).decode("utf-8", "replace")))
        return self._sensors.get(number, "")


_LIVE: Final = {name for name, one in CONTROLS.items() if one.is_live}


def _place(address: str) -> tuple[str, StreamName]:
    """Return the camera's number and the stream. Raises NoSuchDevice."""
    found = _ADDRESS.fullmatch(address)
    if found is None:
        raise NoSuchDevice(address, "the first camera is picamera:0")
    return found["number"] or "0", StreamName.SUB if found["sub"] else StreamName.MAIN


@dataclass(frozen=True)
class _Plan:
    """What to run. controls: of libcamera, which may change while it runs (`is_live`)."""

    command: tuple[str, ...]
    options: Mapping[str, Any]
    number: str
    controls: Mapping[str, Any] | None = None
    is_live: bool = False

    def serves(self, other: "_Plan") -> bool:
        """Return whether the same running program can do both; live controls are written to it."""
        return self.command == other.command and self.shape == other.shape

    @property
    def shape(self) -> dict[str, Any]:
        """What only a new start changes."""
        return {key: value for key, value in self.options.items() if key not in _LIVE or not self.is_live}

    @property
    def asked(self) -> dict[str, Any]:
        """The argument of `picamera2_program`."""
        one = self.options
        sub = {"size": size_of(one["sub_size"]), "bits": round(one["sub_mbit"] * 1e6)} if one["sub_size"] else None
        return {
            "camera": int(self.number), "size": size_of(one["size"]), "fps": one["fps"],
            "bits": round(one["mbit"] * 1e6), "gop": round(one["keyframe"] * one["fps"]), "flip": flips(one["flip"]),
            "sub": sub, "mode": one.get("sensor_mode", ""), "tuning": one.get("tuning", ""),
            "hdr": one.get("hdr", "off"), "controls": self.controls,
        }  # fmt: skip

    @property
    def starts(self) -> list[str]:
        return [*self.command, *([json.dumps(self.asked)] if self.is_live else [])]


class _Running:
    """The running camera program and its pipes."""

    def __init__(self, command: list[str], where: str) -> None:
        quiet = os.environ | {"LIBCAMERA_LOG_LEVELS": "*:ERROR"}
        pipe = subprocess.PIPE
        try:
            self._process = subprocess.Popen(command, stdin=pipe, stdout=pipe, stderr=pipe, env=quiet)
        except OSError as error:
            raise NoSuchDevice(where, f"{command[0]}: {error.strerror or error}") from error
        self._waiting = selectors.DefaultSelector()
        for one in (self._process.stdout, self._process.stderr):
            assert one is not None
            os.set_blocking(one.fileno(), False)
            self._waiting.register(one.fileno(), selectors.EVENT_READ)
        self._errors = b""

    def read(self, most_s: float) -> bytes | None:
        """Return the output received within `most_s`; empty if none, None after the program has ended."""
        assert self._process.stdout is not None
        self._waiting.select(most_s)
        self._read_errors()
        try:
            return os.read(self._process.stdout.fileno(), READ_BYTES) or None
        except BlockingIOError:
            return b""

    def write(self, line: str) -> None:
        """Write a line to its input; without effect if it has ended."""
        assert self._process.stdin is not None
        with suppress(BrokenPipeError):
            self._process.stdin.write(f"{line}\n".encode())
            self._process.stdin.flush()

    def why(self) -> str:
        """Return the program's error message after its end."""
        with suppress(subprocess.TimeoutExpired):
            self._process.wait(CLOSE_S)
        self._read_errors()
        errors = _ERROR.findall(self._errors.decode("utf-8", "replace"))
        return errors[-1] if errors else f"the camera program exited with code {self._process.returncode}"

    def _read_errors(self) -> None:
        assert self._process.stderr is not None
        with suppress(BlockingIOError):
            self._errors = (self._errors + os.read(self._process.stderr.fileno(), READ_BYTES))[-MOST_ERROR_BYTES:]

    def close(self) -> None:
        self._waiting.close()
        self._process.terminate()
        try:
            self._process.wait(CLOSE_S)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        for pipe in (self._process.stdin, self._process.stdout, self._process.stderr):
            assert pipe is not None
            with suppress(BrokenPipeError):
                pipe.close()


class _CameraRun:
    """One running program, which both streams of a camera read. Thread-safe."""

    def __init__(self, plan: _Plan, where: str, clock: Clock) -> None:
        self.plan, self._where, self._clock = plan, where, clock
        options = plan.options
        self._splitter: Splitter = (
            RecordSplitter() if plan.is_live else RawSplitter(options) if options["sub_size"] else AnnexbSplitter()
        )
        self._running = _Running(plan.starts, where)
        self._reading, self._state = threading.Lock(), threading.Lock()
        self._waiting: dict[StreamName, deque[SourcePacket]] = {}
        self._error: SourceError | None = None
        tool = "Picamera2" if plan.is_live else Path(plan.command[0]).name
        self._notes = {"fps": options["fps"], "tool": tool}

    @property
    def notes(self) -> dict[str, Any]:
        return self._notes | self._splitter.notes

    @property
    def is_over(self) -> bool:
        return self._error is not None

    def add(self, stream: StreamName) -> None:
        """Keep packets of a stream from now on."""
        with self._state:
            self._waiting[stream] = deque(maxlen=MOST_WAITING)

    def remove(self, stream: StreamName) -> None:
        """End the stream, and with the last one the program."""
        with self._state:
            self._waiting.pop(stream, None)
            is_last = not self._waiting
        if is_last:
            self.end()

    def end(self) -> None:
        """End the program; connections that still read it fail."""
        with self._state:
            if self._error is not None:
                return
            self._error = SourceClosed(self._where, "it was closed")
        with self._reading:
            self._running.close()

    def take(self, plan: _Plan) -> None:
        """Set other controls while the program runs."""
        self.plan = plan
        self.write({"controls": plan.controls})

    def write(self, order: Mapping[str, Any]) -> None:
        with self._state:
            if self._error is None:
                self._running.write(json.dumps(order))

    def read(self, stream: StreamName) -> SourcePacket | None:
        """Return the next packet of a stream, or None after LOOK_S. Reads for both streams. Raises SourceError."""
        if (packet := self._next(stream)) is not None:
            return packet
        if self._reading.acquire(timeout=LOOK_S):
            try:
                if self._error is None and not self._waiting.get(stream):
                    self._take()
            finally:
                self._reading.release()
        if (packet := self._next(stream)) is not None:
            return packet
        if self._error is not None:
            raise self._error
        return None

    def _next(self, stream: StreamName) -> SourcePacket | None:
        with self._state:
            waiting = self._waiting.get(stream)
            return waiting.popleft() if waiting else None

    def _take(self) -> None:
        data = self._running.read(LOOK_S)
        if data is None:
            self._fail(self._ended())
            return
        try:
            for stream, packet in self._splitter.feed(data, self._clock.mono_s()):
                with self._state:
                    if stream in self._waiting:
                        self._waiting[stream].append(packet)
        except ValueError as error:
            self._fail(SourceUnusable(self._where, str(error)))

    def _fail(self, error: SourceError) -> None:
        with self._state:
            self._error = self._error or error
        self._running.close()

    def _ended(self) -> SourceError:
        why = self._running.why()
        if "no cameras available" in why:
            return NoSuchDevice(self._where, "the Raspberry Pi found no camera. Check the ribbon cable at both ends")
        if "selected camera is not available" in why:
            return NoSuchDevice(self._where, "the Raspberry Pi found fewer cameras; the first is picamera:0")
        if "busy" in why:
            return SourceError(self._where, "another program is using it")
        if "allocat" in why:
            return SourceError(self._where, "the memory for its images is used up; choose a smaller `size`")
        return SourceClosed(self._where, why)


class _PiConnection:
    """One stream of a running camera."""

    def __init__(self, run: _CameraRun, stream: StreamName, where: str, clock: Clock) -> None:
        self._run, self._stream, self._where, self._clock = run, stream, where, clock
        self._first: SourcePacket | None = None
        self._alive_s = clock.mono_s()

    def begin(self) -> None:
        """Wait for the first frame. Raises SourceError."""
        begun_s = self._clock.mono_s()
        while self._first is None:
            if self._clock.mono_s() - begun_s > OPEN_S:
                raise SourceStalled(self._where, f"no video within {OPEN_S:g} s")
            self._first = self._run.read(self._stream)
        self._alive_s = self._clock.mono_s()

    def read(self) -> SourcePacket | IdleUntil:
        packet, self._first = self._first, None
        packet = packet or self._run.read(self._stream)
        if packet is not None:
            self._alive_s = self._clock.mono_s()
            return packet
        if self._clock.mono_s() - self._alive_s >= STALL_S:
            raise SourceStalled(self._where, f"no video for {STALL_S:g} s")
        return IdleUntil(0.0)

    def close(self) -> None:
        self._first = None
        self._run.remove(self._stream)

    @property
    def notes(self) -> Mapping[str, Any]:
        """`tool`, `fps`, and with Picamera2 the sensor (`model`) and its `controls`."""
        return self._run.notes
