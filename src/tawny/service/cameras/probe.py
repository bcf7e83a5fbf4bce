"""Camera probe: tests a camera before it is added, by connecting and waiting for its first keyframe."""

import threading
from dataclasses import dataclass

from tawny.config.settings import CameraSettings
from tawny.model.clock import Clock
from tawny.model.errors import NotDone
from tawny.model.ids import CameraId, StreamName
from tawny.model.packets import VideoFormat
from tawny.protocols.login_history import LoginHistory
from tawny.service.plugin_registry import PluginRegistry
from tawny.sources.source import IdleUntil, SourceContext

TRY_S = 15.0
UNKNOWN_KIND = ("Unknown type of address.", "Use rtsp://…, /dev/video0, picamera:0 or a video file.")
"""Problem and remedy."""


@dataclass(frozen=True, slots=True)
class ProbeResult:
    """Format of the first keyframe."""

    codec: str
    width: int
    height: int


def probe(
    doors: PluginRegistry,
    name: str,
    camera: CameraSettings,
    stream: StreamName,
    clock: Clock,
    logins: LoginHistory | None = None,
) -> ProbeResult:
    """Connect and return the video format. Blocks for up to TRY_S. Raises SourceError and NotDone.

    logins: what sign-in cameras offered before; None: any is accepted.
    """
    address = camera.source if stream is StreamName.MAIN else camera.sub
    source = doors.source_of(address)
    if source is None:
        raise NotDone(*UNKNOWN_KIND)
    options = source.settings(camera.table(source.scheme))
    opening = SourceContext(CameraId(name), stream, address, options, clock, logins or LoginHistory())
    until_s, pause = clock.mono_s() + TRY_S, threading.Event()
    connection = source.open(opening)
    try:
        while clock.mono_s() < until_s:
            got = connection.read()
            if isinstance(got, IdleUntil):
                pause.wait(got.for_s)
            elif isinstance(got.format, VideoFormat) and got.is_keyframe:
                return ProbeResult(got.format.codec, got.format.width, got.format.height)
    finally:
        connection.close()
    raise NotDone(f"{source.public(address)} responded but sent no video within {TRY_S:.0f} s.", "Check the camera.")
