"""Setup of a test camera, and its records of each viewer as the reference for tests."""

from dataclasses import dataclass, field
from typing import Protocol

from tawny.testing.clips import SampleClip
from tawny.testing.rtsp_faults import CameraFaults


@dataclass(slots=True)
class CameraSetup:
    """Properties of the camera; may be changed while it runs. login: `` (none), `basic`, `md5` or `sha-256`."""

    user: str = "viewer"
    password: str = ""
    login: str = ""
    speed: float = 1.0
    """Factor by which units are sent faster than real time."""
    sets_in_band: bool = True
    """Send parameter sets before every keyframe."""
    sets_in_sdp: bool = True
    aggregate: bool = False
    """Combine small NAL units of a frame in one packet."""
    sender_reports: bool = True
    passes: int | None = None
    """Number of times the clip is played before the camera closes the connection; None: endless."""
    udp_refused: bool = False
    timeout_s: int = 60
    """Session timeout without requests, s."""
    speaker: str = ""
    """`pcmu` or `pcma`: the camera has a speaker and offers the ONVIF backchannel."""
    time_base: int | None = None
    """RTP timestamp of the first unit; None for a random one."""


@dataclass(frozen=True, slots=True)
class SentUnit:
    """A sent unit. is_damaged: a fault was applied."""

    is_video: bool
    data: bytes
    """The data as in a `Packet`."""
    pts: int
    is_keyframe: bool
    is_damaged: bool = False


@dataclass(slots=True)
class FakeRtspViewer:
    """Requests of a viewer and the media sent to it. ended: reason of the end, empty while active."""

    requests: list[str] = field(default_factory=list)
    """Methods, in order."""
    transport: str = ""
    sent: list[SentUnit] = field(default_factory=list)
    heard: bytearray = field(default_factory=bytearray)
    """Backchannel audio, as received."""
    is_playing: bool = False
    """Whether PLAY was ever answered."""
    ended: str = ""


class FakeCameraView(Protocol):
    """The camera as its sessions use it."""

    clip: SampleClip
    setup: CameraSetup
    faults: CameraFaults
