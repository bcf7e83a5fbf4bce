"""Raspberry Pi camera (CSI): runs Raspberry Pi's camera program and records its H.264 output unchanged.

tawny does not encode here. The program uses the hardware encoder on models up to the Pi 4, the CPU on the Pi 5.
"""

import os
import re
import selectors
import shutil
import subprocess
from collections.abc import Callable, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any, ClassVar

from tawny.media.codec.nal import split_annexb
from tawny.model.errors import NoSuchDevice, SourceClosed, SourceError, SourceStalled, SourceUnusable
from tawny.model.packets import VIDEO_RATE, SourcePacket
from tawny.model.times import Clock
from tawny.model.validation import value_text
from tawny.sources.packet_builder import AnnexbStream, PacketBuilder
from tawny.sources.source import CameraConnection, IdleUntil, SourceContext

PROGRAMS = ("rpicam-vid", "libcamera-vid")
"""The camera program: current name, and the name before Debian 12."""
CHIP = Path("/dev/video11")
"""Hardware encoder of models up to the Pi 4."""
OPEN_S, STALL_S, LOOK_S, CLOSE_S = 9.0, 5.0, 0.25, 0.4
READ_BYTES, MOST_SAID_BYTES = 1 << 16, 4_000
_ADDRESS = re.compile(r"picamera:(\d)?")
_SIZE = re.compile(r"(\d{2,4})x(\d{2,4})")
_ERROR = re.compile(r"ERROR: \*\*\* (.+?) \*\*\*")
_FLIPS = {"none": (), "left-right": ("--hflip",), "up-down": ("--vflip",), "both": ("--hflip", "--vflip")}
_NUMBERS = {
    "fps": (1, 120), "mbit": (0.1, 25), "keyframe": (0.5, 10),
    "ev": (-8, 8), "brightness": (-1, 1), "contrast": (0, 32), "saturation": (0, 32), "sharpness": (0, 16),
}  # fmt: skip
_LOOKS = ("ev", "brightness", "contrast", "saturation", "sharpness")
"""Passed on only if set."""
_USUAL = {"size": "1280x720", "fps": 15, "mbit": 2.5, "keyframe": 2.0, "flip": "none"}


def installed() -> str | None:
    """Return the path of the installed camera program; None if it is missing."""
    return next(filter(None, map(shutil.which, PROGRAMS)), None)


class PiCamera:
    """Raspberry Pi cameras: `picamera:`, or `picamera:1` for the second one.

    - `size` ("1280x720"): resolution.
    - `fps` (15): frame rate.
    - `mbit` (2.5): bit rate in Mbit/s.
    - `keyframe` (2.0): keyframe interval in seconds.
    - `flip` ("none"): "none", "left-right", "up-down" or "both".
    - `ev`, `brightness`, `contrast`, `saturation`, `sharpness`: as in Raspberry Pi's camera program. Default: its own.
    """

    scheme: ClassVar[str] = "picamera"
    warm_up_s: ClassVar[float] = 2.0
    """Time until exposure and colors have settled, s."""

    def __init__(self, find: Callable[[], str | None] = installed) -> None:
        self._find = find

    def settings(self, table: Mapping[str, Any]) -> Mapping[str, Any]:
        checked: dict[str, Any] = _USUAL | dict(table)
        allowed = ("size", "flip", *_NUMBERS)
        if unknown := set(checked) - set(allowed):
            raise ValueError(f"{min(unknown)}: found an unknown key; allowed: {', '.join(allowed)}")
        if not isinstance(checked["size"], str) or not _SIZE.fullmatch(checked["size"]):
            raise ValueError(f'size: found {value_text(checked["size"])}; allowed: a size such as "1280x720"')
        if checked["flip"] not in _FLIPS:
            raise ValueError(f"flip: found {value_text(checked['flip'])}; allowed: {', '.join(_FLIPS)}")
        for name, (least, most) in _NUMBERS.items():
            value = checked.get(name, least)
            if isinstance(value, bool) or not isinstance(value, int | float) or not least <= value <= most:
                raise ValueError(f"{name}: found {value_text(value)}; allowed: {least} to {most}")
        return checked

    def claims(self, address: str) -> bool:
        return address.startswith("picamera:")

    def public(self, address: str) -> str:
        return address

    def open(self, opening: SourceContext) -> CameraConnection:
        where = opening.address
        found = _ADDRESS.fullmatch(where)
        if found is None:
            raise NoSuchDevice(where, "the first camera is picamera:0")
        program = self._find()
        if program is None:
            raise NoSuchDevice(where, "Raspberry Pi's camera program is missing: `sudo apt install rpicam-apps-lite`")
        options = self.settings(opening.options)
        running = _Running([program, *words(found[1] or "0", options, has_chip=CHIP.exists())], where)
        connection = _PiConnection(running, Path(program).name, options["fps"], where, opening.clock)
        try:
            connection.begin()
        except SourceError:
            connection.close()
            raise
        return connection


def words(number: str, options: Mapping[str, Any], *, has_chip: bool) -> list[str]:
    """Return the program's arguments.

    has_chip: hardware encoder present; without it the output format must be named.
    """
    width, _, height = options["size"].partition("x")
    told = {
        "camera": number, "timeout": 0, "width": width, "height": height, "framerate": options["fps"], "codec": "h264",
        "profile": "baseline", "intra": round(options["keyframe"] * options["fps"]),
        "bitrate": round(options["mbit"] * 1e6), "output": "-",
    }  # fmt: skip
    told |= {name: options[name] for name in _LOOKS if name in options}
    said = [word for name, value in told.items() for word in (f"--{name}", str(value))]
    format_ = () if has_chip else ("--libav-format", "h264")
    return [*said, "--nopreview", "--inline", "--flush", *format_, *_FLIPS[options["flip"]]]


class _Running:
    """The running camera program and its output pipes."""

    def __init__(self, command: list[str], where: str) -> None:
        quiet = os.environ | {"LIBCAMERA_LOG_LEVELS": "*:ERROR"}
        try:
            self._process = subprocess.Popen(
                command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=quiet
            )
        except OSError as error:
            raise NoSuchDevice(where, f"{command[0]}: {error.strerror or error}") from error
        self._waiting = selectors.DefaultSelector()
        for pipe in (self._process.stdout, self._process.stderr):
            assert pipe is not None
            os.set_blocking(pipe.fileno(), False)
            self._waiting.register(pipe.fileno(), selectors.EVENT_READ)
        self._said = b""

    def read(self, most_s: float) -> bytes | None:
        """Return the output received within `most_s`; empty if none, None after the program has ended."""
        assert self._process.stdout is not None
        self._waiting.select(most_s)
        self._hear()
        try:
            return os.read(self._process.stdout.fileno(), READ_BYTES) or None
        except BlockingIOError:
            return b""

    def why(self) -> str:
        """Return the program's error message after its end."""
        with suppress(subprocess.TimeoutExpired):
            self._process.wait(CLOSE_S)
        self._hear()
        errors = _ERROR.findall(self._said.decode("utf-8", "replace"))
        return errors[-1] if errors else f"the camera program exited with code {self._process.returncode}"

    def _hear(self) -> None:
        assert self._process.stderr is not None
        with suppress(BlockingIOError):
            self._said = (self._said + os.read(self._process.stderr.fileno(), READ_BYTES))[-MOST_SAID_BYTES:]

    def close(self) -> None:
        self._waiting.close()
        self._process.terminate()
        try:
            self._process.wait(CLOSE_S)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        for pipe in (self._process.stdout, self._process.stderr):
            assert pipe is not None
            pipe.close()


class _PiConnection:
    def __init__(self, running: _Running, tool: str, fps: float, where: str, clock: Clock) -> None:
        self._running, self._where, self._clock = running, where, clock
        self._notes = {"fps": fps, "tool": tool}
        self._stream, self._pictures = AnnexbStream(), PacketBuilder("h264")
        self._ready: list[SourcePacket] = []
        self._begun_s = self._alive_s = clock.mono_s()

    def begin(self) -> None:
        """Wait for the first frame. Raises SourceError."""
        while not self._ready:
            if self._clock.mono_s() - self._begun_s > OPEN_S:
                raise SourceStalled(self._where, f"no video within {OPEN_S:g} s")
            self._take()

    def read(self) -> SourcePacket | IdleUntil:
        if not self._ready:
            self._take()
        if self._ready:
            return self._ready.pop(0)
        if self._clock.mono_s() - self._alive_s >= STALL_S:
            raise SourceStalled(self._where, f"no video for {STALL_S:g} s")
        return IdleUntil(0.0)

    def close(self) -> None:
        self._ready.clear()
        self._running.close()

    @property
    def notes(self) -> Mapping[str, Any]:
        return self._notes

    def _take(self) -> None:
        data = self._running.read(LOOK_S)
        if data is None:
            raise self._ended()
        try:
            pictures = self._stream.feed(data, self._clock.mono_s())
        except ValueError as error:
            raise SourceUnusable(self._where, str(error)) from error
        for picture in pictures:
            self._alive_s = self._clock.mono_s()
            pts = round((picture.came_s - self._begun_s) * VIDEO_RATE)
            with suppress(ValueError):  # a damaged frame
                packet = self._pictures.packet(split_annexb(picture.data), pts)
                self._ready += [packet] if packet is not None else []

    def _ended(self) -> SourceError:
        why = self._running.why()
        if "no cameras available" in why:
            return NoSuchDevice(self._where, "the Raspberry Pi found no camera. Check the ribbon cable at both ends")
        return SourceClosed(self._where, why)
