"""What can be set, with defaults. A camera needs only a source. `tawny.toml` holds what differs from here."""

import re
from typing import Annotated, Any, Literal
from urllib.parse import urlsplit

from pydantic import ConfigDict, Field, field_validator, model_validator

from tawny.config.alarming import Alarm
from tawny.config.arming import Arm
from tawny.config.hearing import Sound
from tawny.config.keeping import CameraKeep, Keep, Table
from tawny.config.live import Live
from tawny.config.objects import Objects, Suggest
from tawny.config.outward import Destination, TargetName, Waiting
from tawny.config.places import Corners, Line, PlaceName, Zone
from tawny.config.programs import Emit, Input, Mqtt, Relay, Scripts
from tawny.config.quantities import Duration, Share, Size
from tawny.config.recognisers import Recogniser
from tawny.config.rules import Rule
from tawny.config.sealing import Recipient, Sealed
from tawny.config.telling import Notifier

_CAMERA_ID = re.compile(r"[a-z0-9]+(-[a-z0-9]+)*")
_TAKEN = frozenset({"history", "keys", "lock", "control", "outbox", "inbox", "clips"})
"""What lies in the data folder beside the cameras' folders."""


def listen_address(text: str) -> tuple[str, int]:
    """`0.0.0.0:8000` or `[::1]:8000` as host and port. ValueError tells what is allowed."""
    host, colon, port = text.rpartition(":")
    host = host.removeprefix("[").removesuffix("]")
    if not colon or not host or not port.isdigit() or not 0 <= int(port) <= 65_535:
        raise ValueError("HOST:PORT, such as 0.0.0.0:8000")
    return host, int(port)


class Tier(Table):
    """A volume that older recordings are moved to."""

    path: str = Field(min_length=1, description="The folder there.")
    after: Duration = Field(description="Older recordings are moved there; others too, if the first disk is full.")


class Storage(Table):
    """Where recordings are, and how long they are kept (a table of its own)."""

    path: str = Field("", description="The folder that recordings go to. Empty: ~/tawny (as root /var/lib/tawny).")
    mode: Literal["disk", "memory"] = Field(
        "disk", description="`memory`: nothing is ever written to any disk; all is gone when tawny ends."
    )
    memory: Annotated[Size, Field(ge=16_000_000)] = Field(
        256_000_000, description="So much memory recordings take in that mode: 16 MB or more."
    )
    buffer: Annotated[Duration, Field(ge=5, le=600)] = Field(
        60.0, description="So long recording goes on in memory while the disk takes nothing: 5 s to 10 min."
    )
    spare: str = Field(
        "", description="A folder on another disk, on which recording goes on while the first cannot be written."
    )
    mirror: str = Field("", description="A folder on another disk, which gets all recordings a second time.")
    tiers: tuple[Tier, ...] = Field(
        (), description='Volumes for older recordings, in order: `[{ path = "/mnt/big", after = "7 days" }]`.'
    )
    clips: Annotated[Size, Field(ge=10_000_000)] = Field(
        5_000_000_000,
        description="So much room saved clips take at most; the oldest that are not kept make way. "
        "In memory mode a quarter of `memory`, if that is less.",
    )
    sealed: bool = Field(
        default=False, description="Whether what is recorded is sealed to the keys of `sealed`: only they open it."
    )
    keep: Keep = Keep()


class Web(Table):
    """The interface."""

    listen: str = Field("127.0.0.1:8000", description="Address and port of the interface; 0.0.0.0:8000 for all.")

    address: str = Field(
        "",
        description="How phones reach this interface, such as https://cam.example.org: for links in messages. "
        "Empty: messages have none.",
    )

    metrics: str = Field(
        "", description="A token for /metrics from other machines (`Authorization: Bearer`). Empty: only from this one."
    )

    rtsp: str = Field(
        "",
        description="Address and port on which other programs get cameras by RTSP, with a pass (`tawny passes make`): "
        "0.0.0.0:8554. Empty: not at all.",
    )

    @field_validator("listen")
    @classmethod
    def _host_and_port(cls, text: str) -> str:
        listen_address(text)
        return text

    @field_validator("address")
    @classmethod
    def _an_address(cls, text: str) -> str:
        parts = urlsplit(text)
        if text and (parts.scheme not in ("http", "https") or not parts.hostname or parts.query or parts.fragment):
            raise ValueError("an address such as https://cam.example.org")
        return text.rstrip("/")

    @field_validator("rtsp")
    @classmethod
    def _host_and_port_or_none(cls, text: str) -> str:
        return cls._host_and_port(text) if text else text


class Watch(Table):
    """How the camera is watched. The detector's own settings are in a table with its name."""

    model_config = ConfigDict(extra="allow", frozen=True)

    detector: str = Field("motion", description="`motion`, `off`, or the name of an installed detector.")
    mode: Literal["thorough", "balanced", "frugal"] = Field(
        "balanced",
        description=(
            "`thorough`: every picture is decoded; nothing can be missed for saving, and it costs most. "
            "`balanced`: while nothing happens only keyframes are, where they are at most 2.5 s apart; saves most of "
            "the work. What passes between two of them can be missed, and checks now and then tell whether it is. "
            "`frugal`: the same up to 5 s apart and with a third of the checks: slow processors, places that can wait."
        ),
    )

    level: Annotated[int, Field(ge=1, le=100)] = Field(
        50, description="From this score on a movement is an event: higher for fewer events, lower for more."
    )
    frames: Annotated[int, Field(ge=1, le=100)] = Field(
        1, description="So many of the last `within` looks (five a second) must reach the level."
    )
    within: Annotated[int, Field(ge=1, le=600)] = Field(1, description="See `frames`; as many, if that is more.")

    zones: dict[PlaceName, Zone] = Field(
        default_factory=dict, description="By name: with zones, only what is in one of them is an event."
    )
    lines: dict[PlaceName, Line] = Field(default_factory=dict, description="By name: who crosses one is told of.")
    mask: tuple[Corners, ...] = Field((), description="Polygons that detectors do not see; they are recorded.")
    objects: tuple[str, ...] = Field(
        ("person", "vehicle"),
        description=(
            "With a model (`tawny models`): what is told of, by kind (`person`, `vehicle`, `animal`) or by the model's "
            "own label (`dog`). Other movement is kept as motion, and nobody is told. Empty: nothing is named."
        ),
    )
    read: tuple[str, ...] = Field(
        (),
        description=(
            "What is read of what was seen, by the name of a recogniser: `plates`, or one of `recognisers`. "
            "Empty: nothing, and nothing of the kind is stored."
        ),
    )
    read_sure: Share = Field(0.6, description="What is read less surely counts for nothing.")
    read_zones: tuple[PlaceName, ...] = Field((), description="Only what is in one of these zones is read. Empty: all.")
    suggest: Suggest = Suggest()
    private: tuple[Corners, ...] = Field(
        (),
        description=(
            "Polygons that nobody is to see: black in tawny's pages, pictures and clips, and no detector sees them. "
            "The stored video still has them."
        ),
    )
    sound: Sound = Sound()
    decode: Literal["auto", "software"] = Field(
        "auto", description="`auto`: large pictures in hardware where there is any that works. `software`: never."
    )

    @property
    def options(self) -> dict[str, Any]:
        """The table of the chosen detector."""
        return dict((self.model_extra or {}).get(self.detector, {}))


class Camera(Table):
    """One camera. Settings of its kind of source are in a table with the source's name, such as `rtsp`."""

    model_config = ConfigDict(extra="allow", frozen=True)

    source: str = Field(
        description="rtsp://user:password@host/path, /dev/video0, picamera:0, a video file, or demo:front."
    )
    sub: str = Field("", description="The same camera's small picture: watched instead of the large; recorded too.")
    name: str = Field("", description="As people call it. Empty: from the table's name.")
    where: Literal["", "outside", "inside"] = Field(
        "", description="`outside` or `inside`: a group of that name is on the live wall."
    )
    record: Literal["continuous", "off"] = Field("continuous", description="`continuous` or `off`.")
    pre: Annotated[Duration, Field(ge=0, le=30)] = Field(5.0, description="Kept before an event: 0 s to 30 s.")
    post: Annotated[Duration, Field(ge=0, le=300)] = Field(10.0, description="Kept after an event: 0 s to 5 min.")
    onvif: str = Field(
        "",
        description="Its ONVIF service, to turn it and switch its relays: "
        "http://user:password@host/onvif/device_service.",
    )
    sealed: bool | None = Field(None, description="Whether it is sealed. Not said: as `storage.sealed`.")
    recipients: tuple[Recipient, ...] = Field((), description="Others who can open this camera alone: `age1…`.")
    keep: CameraKeep | None = Field(
        None, description="What is kept otherwise than in `storage.keep`: a table of the same settings but `free`."
    )
    watch: Watch = Watch()

    @field_validator("source")
    @classmethod
    def _not_empty(cls, text: str) -> str:
        if not text.strip():
            raise ValueError("an address, such as rtsp://192.168.1.20/main")
        return text

    @field_validator("onvif")
    @classmethod
    def _a_service(cls, text: str) -> str:
        parts = urlsplit(text)
        if text and (parts.scheme not in ("http", "https") or not parts.hostname):
            raise ValueError("an address such as http://user:password@192.168.1.20/onvif/device_service")
        return text

    def table(self, scheme: str) -> dict[str, Any]:
        """The table of settings of this kind of source."""
        return dict((self.model_extra or {}).get(scheme, {}))

    @property
    def tables(self) -> dict[str, Any]:
        return dict(self.model_extra or {})


class Settings(Table):
    storage: Storage = Storage()
    sealed: Sealed = Sealed()
    web: Web = Web()
    live: Live = Live()
    alarm: Alarm = Alarm()
    arm: Arm = Arm()
    objects: Objects = Objects()
    recognisers: dict[TargetName, Recogniser] = Field(default_factory=dict)
    rules: tuple[Rule, ...] = ()
    outbox: Waiting = Waiting()
    destinations: dict[TargetName, Destination] = Field(default_factory=dict)
    notifiers: dict[TargetName, Notifier] = Field(default_factory=dict)
    emit: dict[TargetName, Emit] = Field(default_factory=dict)
    inputs: dict[TargetName, Input] = Field(default_factory=dict)
    mqtt: Mqtt = Mqtt()
    scripts: Scripts = Scripts()
    relays: dict[TargetName, Relay] = Field(default_factory=dict)
    cameras: dict[str, Camera] = Field(default_factory=dict)

    @model_validator(mode="after")
    def _can_be_opened(self) -> "Settings":
        """Sealed to nobody would be lost; in memory nothing is kept that could be sealed."""
        sealed = any(self.is_sealed(name) for name in self.cameras)
        if sealed and not (self.sealed.recipients and self.sealed.recovery):
            raise ValueError("for sealed cameras `sealed.recipients` and `.recovery`: `tawny seal init` makes them")
        if sealed and self.storage.mode == "memory":
            raise ValueError('no sealed camera with `storage.mode = "memory"`: there nothing is kept')
        return self

    def is_sealed(self, camera: str) -> bool:
        own = self.cameras[camera].sealed if camera in self.cameras else None
        return self.storage.sealed if own is None else own


def is_camera_id(text: str) -> bool:
    """Whether it can be a camera's id: `front-door`; a-z, 0-9, single hyphens, at most 40, and not one of our own."""
    return bool(_CAMERA_ID.fullmatch(text)) and len(text) <= 40 and text not in _TAKEN


def display_name(camera_id: str, camera: Camera) -> str:
    """`front-door` is called `Front door` unless it has a name."""
    return camera.name or camera_id.replace("-", " ").capitalize()
