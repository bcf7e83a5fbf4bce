"""Microphones of this computer, for cameras without sound: read by a program of ALSA or PulseAudio (and PipeWire).

Off unless a camera names one: in many countries, recording what people say without their consent is a crime. The sound
is G.711 (mu-law), 8 kHz, mono, as of most cameras; sound of the camera itself is left out. It never delays or ends the
video: without the microphone, a camera goes on without sound, and its page says why.
"""

import math
import os
import shutil
import subprocess
from collections import deque
from collections.abc import Callable, Mapping
from contextlib import suppress
from typing import Any, Final

from tawny.media.audio import g711
from tawny.model.packets import VIDEO_RATE, AudioFormat, SourcePacket
from tawny.model.times import Clock
from tawny.sources.source import CameraConnection, IdleUntil

FORMAT: Final = AudioFormat("pcmu", 8_000, 1)
AGAIN_S: Final = 10.0
"""Time until a microphone that failed is tried again, s."""
_BLOCK: Final = 320
"""Samples of one packet: 40 ms."""
_LOOK_S: Final = 0.05
_SLIPPED_S: Final = 0.2
"""Difference between the clocks of microphone and computer from which sound is placed again, s."""
_READ_BYTES: Final = 1 << 16
_CLOSE_S: Final = 0.2
_BACK_S: Final = 1.0
"""A step back of the video's times from which its clock has jumped, s; smaller ones are B-frames."""
_LATE_S: Final = 60.0
"""Time after which pictures that come late show a slow clock, not a delay, s."""


def recorder_words(address: str) -> list[str]:
    """Return the program that records a microphone, which writes 16-bit samples to its output."""
    kind, _, device = address.partition(":")
    if kind == "alsa":
        return ["arecord", "-q", "-D", device, "-t", "raw", "-f", "S16_LE", "-r", "8000", "-c", "1"]
    chosen = [] if device == "default" else [f"--device={device}"]
    return ["parec", *chosen, "--raw", "--format=s16le", "--rate=8000", "--channels=1", "--latency-msec=50"]


def with_microphone(camera: CameraConnection, address: str, clock: Clock) -> CameraConnection:
    """Return the connection with this microphone; as it is without an address."""
    return MicrophoneConnection(camera, address, clock) if address else camera


class MicrophoneConnection:
    """A camera's connection with the sound of a microphone. Read from one thread."""

    def __init__(
        self, camera: CameraConnection, address: str, clock: Clock, find: Callable[[str], str | None] = shutil.which
    ) -> None:
        self._camera, self._address, self._clock, self._find = camera, address, clock, find
        self._process: subprocess.Popen[bytes] | None = None
        self._again_s = -math.inf
        self._hint = ""
        self._samples = bytearray()
        self._ready: deque[SourcePacket] = deque()
        self._ahead_s: float | None = None
        """Time of the video minus that of its arrival, at the least delay of the last minutes."""
        self._most_s = self._picture_s = self._since_s = -math.inf
        """The same since `_since_s`; the time of the last picture."""
        self._pts: int | None = None
        """Where the next sound belongs, in samples."""
        self._end_pts = 0
        """Where the sound ends that was passed on, in samples."""
        self._begin()

    def read(self) -> SourcePacket | IdleUntil:
        self._listen()
        if self._ready:
            return self._ready.popleft()
        got = self._camera.read()
        if isinstance(got, IdleUntil):
            return IdleUntil(min(got.for_s, _LOOK_S))
        if not got.is_video:
            return IdleUntil(0.0)  # the camera's own sound: there is one track
        self._align(got.pts / VIDEO_RATE, self._clock.mono_s())
        return got

    def close(self) -> None:
        self._end()
        self._camera.close()

    @property
    def notes(self) -> Mapping[str, Any]:
        text = " ".join(filter(None, (str(self._camera.notes.get("hint", "")), self._hint)))
        return {**self._camera.notes, "microphone": self._address} | ({"hint": text} if text else {})

    def _align(self, picture_s: float, now_s: float) -> None:
        """Follow the video's clock. picture_s: the time of a picture, which came now."""
        ahead_s = picture_s - now_s
        if picture_s < self._picture_s - _BACK_S:
            self._pts, self._end_pts, self._ahead_s = None, 0, None
        self._picture_s = picture_s
        if self._ahead_s is None or ahead_s > self._ahead_s:
            self._ahead_s = self._most_s = ahead_s
            self._since_s = now_s
        elif now_s - self._since_s >= _LATE_S:
            self._ahead_s, self._most_s, self._since_s = self._most_s, ahead_s, now_s
        self._most_s = max(self._most_s, ahead_s)

    def _begin(self) -> None:
        """Start the microphone, or note why not."""
        self._again_s = self._clock.mono_s() + AGAIN_S
        name, *words = recorder_words(self._address)
        path = self._find(name)
        if path is None:
            package = "alsa-utils" if name == "arecord" else "pulseaudio-utils"
            self._hint = f"No sound: {name} is missing. Run `sudo apt install {package}`."
            return
        nowhere = subprocess.DEVNULL
        try:
            self._process = subprocess.Popen(
                [path, *words], stdin=nowhere, stdout=subprocess.PIPE, stderr=nowhere, start_new_session=True
            )
        except OSError as error:
            self._hint = f"No sound: {name} can't be started ({(error.strerror or '').lower()})."
            return
        assert self._process.stdout is not None
        os.set_blocking(self._process.stdout.fileno(), False)
        self._pts, self._hint = None, ""
        self._samples.clear()

    def _listen(self) -> None:
        """Take what was recorded, without waiting."""
        if self._process is None:
            if self._clock.mono_s() >= self._again_s:
                self._begin()
            return
        assert self._process.stdout is not None
        try:
            data = os.read(self._process.stdout.fileno(), _READ_BYTES)
        except BlockingIOError:
            return
        if not data:
            self._end()
            self._hint = f"No sound: the microphone {self._address} isn't there, or another program uses it."
            return
        if self._ahead_s is None:
            return  # nothing to be placed by, before the first picture
        self._samples += data
        self._place(self._clock.mono_s() + self._ahead_s - len(self._samples) / 2 / FORMAT.rate)

    def _place(self, begin_s: float) -> None:
        """Make packets of the samples. begin_s: where the first of them belongs, on the video's clock."""
        wanted = round(begin_s * FORMAT.rate)
        if self._pts is None or abs(wanted - self._pts) > _SLIPPED_S * FORMAT.rate:
            self._pts = wanted
        while len(self._samples) >= 2 * _BLOCK:
            if self._pts >= self._end_pts:  # a clock that is fast brings more than fits
                self._ready.append(SourcePacket(FORMAT, g711("pcmu", bytes(self._samples[: 2 * _BLOCK])), self._pts))
                self._end_pts = self._pts + _BLOCK
            del self._samples[: 2 * _BLOCK]
            self._pts += _BLOCK

    def _end(self) -> None:
        process, self._process = self._process, None
        self._again_s = self._clock.mono_s() + AGAIN_S
        if process is None:
            return
        assert process.stdout is not None
        process.terminate()
        with suppress(subprocess.TimeoutExpired):
            process.wait(_CLOSE_S)
        process.kill()
        process.wait()
        process.stdout.close()
