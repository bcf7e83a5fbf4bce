"""All settings with their defaults. A camera requires only a source; `tawny.toml` contains the deviations."""

import re
from typing import Annotated, Any, Literal
from urllib.parse import urlsplit

from pydantic import ConfigDict, Field, field_validator, model_validator

from tawny.config.audio import AudioSettings
from tawny.config.classification import FallbackKindSettings, ObjectModelSettings
from tawny.config.destinations import DestinationSettings, OutboxSettings, TargetName
from tawny.config.heartbeat import HeartbeatSettings
from tawny.config.integrations import EmitterSettings, InputSettings, MqttSettings, RelaySettings, ScriptSettings
from tawny.config.live import LiveSettings
from tawny.config.modes import ModesSettings
from tawny.config.notifiers import NotifierSettings
from tawny.config.quantities import Duration, Share, Size
from tawny.config.recognition import RecogniserSettings
from tawny.config.retention import CameraRetentionSettings, RetentionSettings, Table
from tawny.config.rules import RuleSettings
from tawny.config.sealing import Recipient, SealingSettings
from tawny.config.web import HostName, ProxyNetwork
from tawny.config.zones import Corners, LineSettings, PlaceName, ZoneSettings
from tawny.model.labels import LabelText

_CAMERA_ID = re.compile(r"[a-z0-9]+(-[a-z0-9]+)*")
_TAKEN = frozenset({"history", "keys", "lock", "control", "outbox", "inbox", "clips"})
"""Names in the data folder that camera folders must not use."""


def listen_address(text: str) -> tuple[str, int]:
    """Parse `0.0.0.0:8000` or `[::1]:8000` into host and port. Raises ValueError: with the allowed form."""
    host, colon, port = text.rpartition(":")
    host = host.removeprefix("[").removesuffix("]")
    if not colon or not host or not port.isdigit() or not 0 <= int(port) <= 65_535:
        raise ValueError("HOST:PORT, for example 0.0.0.0:8000")
    return host, int(port)


class TierSettings(Table):
    """An archive disk for older recordings."""

    path: str = Field(min_length=1, description="Folder on that disk.")
    after: Duration = Field(description="Move recordings there after this time, or earlier if the main disk is full.")


class StorageSettings(Table):
    """Where recordings are stored. Retention has its own table, `storage.retention`."""

    path: str = Field("", description="Folder for recordings. Empty: ~/tawny (/var/lib/tawny if run as root).")
    mode: Literal["disk", "memory"] = Field(
        "disk",
        description="`disk`, or `memory`: nothing is ever written to a disk, and everything is gone when tawny stops.",
    )
    memory: Annotated[Size, Field(ge=16_000_000)] = Field(
        256_000_000, description="Memory for recordings in memory mode. At least 16 MB."
    )
    buffer: Annotated[Duration, Field(ge=5, le=600)] = Field(
        60.0, description="How long tawny keeps recording to memory while the disk isn't responding: 5 s to 10 min."
    )
    spare: str = Field("", description="Fallback: a folder on another disk, used while the main disk fails.")
    mirror: str = Field("", description="Mirror: a folder on another disk that gets a second copy of all recordings.")
    tiers: tuple[TierSettings, ...] = Field(
        (), description='Archive disks for older recordings, in order: `[{ path = "/mnt/big", after = "7 days" }]`.'
    )
    clips: Annotated[Size, Field(ge=10_000_000)] = Field(
        5_000_000_000,
        description="Space limit for clips. Beyond it, the oldest are deleted, except those you keep. In memory "
        "mode at most a quarter of `memory`.",
    )
    encrypt: bool = Field(
        default=False, description="Encrypt recordings so that only the keys under `encryption` can open them."
    )
    retention: RetentionSettings = RetentionSettings()


class WebSettings(Table):
    """The web interface."""

    listen: str = Field(
        "127.0.0.1:8000", description="Address and port of the web interface. 0.0.0.0:8000 lets other devices connect."
    )

    public_url: str = Field(
        "",
        description="Address under which phones reach tawny, for example https://cam.example.org, used for links in "
        "notifications. Empty: no links.",
    )

    hosts: tuple[HostName, ...] = Field(
        (),
        description="More names under which browsers may open tawny, for example nas.local. Always allowed: IP "
        "addresses, localhost, this computer's name, and the name in `public_url`.",
    )

    proxies: tuple[ProxyNetwork, ...] = Field(
        (),
        description="Addresses or networks of your reverse proxies, for example 127.0.0.1. Only their "
        "X-Forwarded-For, X-Forwarded-Proto, X-Forwarded-Host and Forwarded headers are trusted.",
    )

    metrics: str = Field(
        "",
        description="Token for reading /metrics from other computers (`Authorization: Bearer`). Empty: only from this "
        "computer.",
    )

    rtsp: str = Field(
        "",
        description="Address and port of the RTSP server for other apps, for example 0.0.0.0:8554. They need an access "
        "token (`tawny tokens create`). Empty: off.",
    )

    @field_validator("listen")
    @classmethod
    def _host_and_port(cls, text: str) -> str:
        listen_address(text)
        return text

    @field_validator("public_url")
    @classmethod
    def _an_address(cls, text: str) -> str:
        parts = urlsplit(text)
        if text and (parts.scheme not in ("http", "https") or not parts.hostname or parts.query or parts.fragment):
            raise ValueError("an address, for example https://cam.example.org")
        return text.rstrip("/")

    @field_validator("rtsp")
    @classmethod
    def _host_and_port_or_none(cls, text: str) -> str:
        return cls._host_and_port(text) if text else text


class DetectionSettings(Table):
    """Detection on this camera. Settings of the detector go in a table with its name."""

    model_config = ConfigDict(extra="allow", frozen=True)

    detector: str = Field("motion", description="`motion`, `off`, or the name of an installed detector.")
    effort: Literal["thorough", "balanced", "frugal"] = Field(
        "balanced",
        description=(
            "Detection effort. `thorough`: decode every frame; misses nothing, uses the most CPU. `balanced`: "
            "decode only keyframes while there is no motion (if they are at most 2.5 s apart); saves most of "
            "the CPU time, may miss something between two keyframes, and random checks measure how often. "
            "`frugal`: the same with keyframes up to 5 s apart and a third of the checks, for slow computers."
        ),
    )

    threshold: Annotated[int, Field(ge=1, le=100)] = Field(
        50, description="Motion threshold. Higher: fewer events; lower: more events."
    )
    frames: Annotated[int, Field(ge=1, le=100)] = Field(
        1, description="How many of the last `within` samples (five per second) must reach the threshold."
    )
    within: Annotated[int, Field(ge=1, le=600)] = Field(1, description="See `frames`. At least as many.")

    zones: dict[PlaceName, ZoneSettings] = Field(
        default_factory=dict, description="Zones by name. If there are any, only motion in a zone creates events."
    )
    lines: dict[PlaceName, LineSettings] = Field(
        default_factory=dict, description="Lines by name. tawny reports anyone who crosses one."
    )
    motion_masks: tuple[Corners, ...] = Field(
        (), description="Motion masks: areas that detection ignores. They are still recorded."
    )
    notify_types: tuple[str, ...] = Field(
        ("person", "vehicle"),
        description=(
            "With a model (see `tawny models`): what to notify about, by event type (`person`, `vehicle`, "
            "`animal`) or by the model's own label (`dog`). Other motion is stored without notification. "
            "Empty: nothing is classified."
        ),
    )
    recognize: tuple[str, ...] = Field(
        (),
        description=(
            "Recognizers to use: `plates`, or one from `recognizers`. Empty: nothing is recognized or stored."
        ),
    )
    recognize_confidence: Share = Field(0.6, description="Minimum confidence of a recognition.")
    recognize_zones: tuple[PlaceName, ...] = Field((), description="Recognize only in these zones. Empty: everywhere.")
    possible: FallbackKindSettings = FallbackKindSettings()
    sound: AudioSettings = AudioSettings()
    decode: Literal["auto", "software"] = Field(
        "auto", description="`auto`: decode large video in hardware where possible. `software`: never."
    )

    @property
    def options(self) -> dict[str, Any]:
        """Return the table of the selected detector."""
        return self.options_of(self.detector)

    def options_of(self, detector: str) -> dict[str, Any]:
        """Return the table of a detector; empty if there is none."""
        return dict((self.model_extra or {}).get(detector, {}))


class CameraSettings(Table):
    """A camera. Settings specific to its source type go in a table with that name, such as `rtsp`."""

    model_config = ConfigDict(extra="allow", frozen=True)

    source: str = Field(
        description="rtsp://user:password@host/path, /dev/video0, picamera:0, a video file, or demo:front."
    )
    sub: str = Field("", description="Sub stream of the same camera. Used for detection, and recorded too.")
    name: LabelText = Field("", description="Display name. Empty: made from the table's name.")
    group: Literal["", "outside", "inside"] = Field(
        "", description="`outside` or `inside`: adds the camera to that group in the live view."
    )
    record: Literal["continuous", "off"] = Field("continuous", description="`continuous` or `off`.")
    pre: Annotated[Duration, Field(ge=0, le=30)] = Field(
        5.0, description="Pre-roll: time kept before an event, 0 s to 30 s."
    )
    post: Annotated[Duration, Field(ge=0, le=300)] = Field(
        10.0, description="Post-roll: time kept after an event, 0 s to 5 min."
    )
    onvif: str = Field(
        "",
        description="ONVIF address for pan, tilt, zoom and relays: http://user:password@host/onvif/device_service.",
    )
    encrypt: bool | None = Field(
        None, description="Encrypt this camera's recordings. Not set: same as `storage.encrypt`."
    )
    recipients: tuple[Recipient, ...] = Field(
        (), description="More public keys that can open this camera's recordings: `age1…`."
    )
    retention: CameraRetentionSettings | None = Field(
        None,
        description="Different retention for this camera: same settings as `storage.retention`, except `min_free`.",
    )
    privacy_masks: tuple[Corners, ...] = Field(
        (),
        description=(
            "Privacy masks: areas blacked out in tawny's pages, images and clips, and ignored by detection. "
            "The stored video still contains them."
        ),
    )
    detection: DetectionSettings = DetectionSettings()

    @field_validator("source")
    @classmethod
    def _not_empty(cls, text: str) -> str:
        if not text.strip():
            raise ValueError("an address, for example rtsp://192.168.1.20/main")
        return text

    @field_validator("onvif")
    @classmethod
    def _a_service(cls, text: str) -> str:
        parts = urlsplit(text)
        if text and (parts.scheme not in ("http", "https") or not parts.hostname):
            raise ValueError("an address, for example http://user:password@192.168.1.20/onvif/device_service")
        return text

    def table(self, scheme: str) -> dict[str, Any]:
        """Return the settings table of a source type."""
        return dict((self.model_extra or {}).get(scheme, {}))

    @property
    def tables(self) -> dict[str, Any]:
        return dict(self.model_extra or {})


class Settings(Table):
    storage: StorageSettings = StorageSettings()
    encryption: SealingSettings = SealingSettings()
    web: WebSettings = WebSettings()
    live: LiveSettings = LiveSettings()
    heartbeat: HeartbeatSettings = HeartbeatSettings()
    modes: ModesSettings = ModesSettings()
    object_detection: ObjectModelSettings = ObjectModelSettings()
    recognizers: dict[TargetName, RecogniserSettings] = Field(default_factory=dict)
    rules: tuple[RuleSettings, ...] = ()
    outbox: OutboxSettings = OutboxSettings()
    destinations: dict[TargetName, DestinationSettings] = Field(default_factory=dict)
    notifiers: dict[TargetName, NotifierSettings] = Field(default_factory=dict)
    webhooks: dict[TargetName, EmitterSettings] = Field(default_factory=dict)
    api_clients: dict[TargetName, InputSettings] = Field(default_factory=dict)
    mqtt: MqttSettings = MqttSettings()
    scripts: ScriptSettings = ScriptSettings()
    relays: dict[TargetName, RelaySettings] = Field(default_factory=dict)
    cameras: dict[str, CameraSettings] = Field(default_factory=dict)

    @model_validator(mode="after")
    def _can_be_opened(self) -> "Settings":
        """Require recipients for encrypted cameras, and refuse encryption in memory mode."""
        sealed = any(self.is_sealed(name) for name in self.cameras)
        if sealed and not (self.encryption.recipients and self.encryption.recovery):
            raise ValueError(
                "for encrypted cameras: `encryption.recipients` and `encryption.recovery` (see `tawny "
                "encryption setup`)"
            )
        if sealed and self.storage.mode == "memory":
            raise ValueError('no encrypted cameras with `storage.mode = "memory"`, because nothing is stored')
        return self

    def is_sealed(self, camera: str) -> bool:
        own = self.cameras[camera].encrypt if camera in self.cameras else None
        return self.storage.encrypt if own is None else own


def is_camera_id(text: str) -> bool:
    """Return whether the text is a valid camera ID: a-z, 0-9, single hyphens, at most 40 characters, not reserved."""
    return bool(_CAMERA_ID.fullmatch(text)) and len(text) <= 40 and text not in _TAKEN


def display_name(camera_id: str, camera: CameraSettings) -> str:
    """Return the camera's name, or else its ID as text: `Front door` for `front-door`."""
    return camera.name or camera_id.replace("-", " ").capitalize()
