"""All settings with their defaults. A camera requires only a source; `tawny.toml` contains the deviations."""

import ipaddress
import re
from collections.abc import Iterable
from functools import cached_property
from ipaddress import IPv4Network, IPv6Network, ip_address, ip_network
from typing import Annotated, Any, ClassVar, Literal
from urllib.parse import urlsplit

from pydantic import AfterValidator, AwareDatetime, ConfigDict, Field, field_validator, model_validator

from tawny import REPOSITORY
from tawny.config.encryption import Recipient, SealingSettings
from tawny.config.fleet import FleetSettings, HubSettings, StandbySettings
from tawny.config.integrations import EmitterSettings, InputSettings, MqttSettings, RelaySettings, ScriptSettings
from tawny.config.lens_and_ptz import NO_LENS, EventApiSettings, LensSettings, PtzSettings
from tawny.config.modes import AS_SET, ModeCameraSettings, ModesSettings, RuleSettings, places_of
from tawny.config.quantities import Duration, LabelText, LocalPath, Microphone, Program, Share, Size
from tawny.config.recognition import (
    AudioSettings,
    FallbackKindSettings,
    ObjectModelSettings,
    RecogniserSettings,
    SearchSettings,
)
from tawny.config.retention import CameraRetentionSettings, RetentionSettings, SnapshotSettings, Table, TierSettings
from tawny.config.secure import HostName, SecureSettings, web_address
from tawny.config.sign_in import SignInSettings
from tawny.config.targets import DestinationSettings, FileSetSettings, NotifierSettings, OutboxSettings, TargetName
from tawny.config.zones import Corners, LineSettings, PlaceName, ZoneSettings
from tawny.model.events import ALERT_TYPES, POST_S, PRE_S, SOUND, AlertRules
from tawny.model.geometry import Orientation, Rotation
from tawny.model.ids import REMOVED
from tawny.model.segments import Recording

# Settings of the heartbeat to an external monitor.


class HeartbeatSettings(Table):
    """A heartbeat for an external monitor, which warns you if it stops."""

    url: Annotated[str, web_address("https://example.org/ping/TOKEN")] = Field(
        "",
        description="tawny sends a GET request here while everything is fine, for example "
        "https://example.org/ping/TOKEN. Empty: off.",
    )
    interval: Annotated[Duration, Field(ge=10)] = Field(300.0, description="How often. Minimum 10 s.")


class UpdateSettings(Table):
    """Looking for a new version. Nothing is asked unless you press the button or set `check`."""

    check: bool = Field(
        default=False, description="Look for a new version once a day. The server asked learns this computer's address."
    )
    url: Annotated[str, web_address("https://example.org/releases.json")] = Field(
        f"https://api.github.com/repos/{REPOSITORY}/releases",
        description="Address of the list of releases, in JSON as GitHub, GitLab, Gitea, Forgejo or PyPI answer it.",
    )
    command: Program = Field(
        (),
        description="Program, by its full path, and its arguments: it updates this recorder when its hub orders that "
        "(`tawny hub update`) and `fleet.allow` has `updates`. Empty: a hub can't update this recorder.",
    )


# Settings of live view in browsers: the table `live`.

_STUN = re.compile(r"stuns?:[^\s?]+")
_TURN = re.compile(r"turns?:[^\s?]+(\?transport=(udp|tcp))?")


class TurnServerSettings(Table):
    """A TURN server, used when no direct connection is possible."""

    url: str = Field(
        description="For example `turn:HOST:3478`, `turn:HOST:3478?transport=tcp` or `turns:HOST:5349?transport=tcp`."
    )
    secret: str = Field(
        "", description="For your own server: coturn's `static-auth-secret`. Credentials are valid for one hour."
    )
    user: str = Field("", description="For a hosted service: your user name.")
    password: str = Field("", description="For a hosted service: your password.")

    @field_validator("url")
    @classmethod
    def _turn(cls, text: str) -> str:
        if not _TURN.fullmatch(text):
            raise ValueError("turn:HOST:PORT, with ?transport=tcp for TCP")
        return text

    @model_validator(mode="after")
    def _one_login(self) -> "TurnServerSettings":
        if bool(self.secret) == bool(self.user):
            raise ValueError("either `secret`, or `user` and `password`")
        return self


class LiveSettings(Table):
    """Live video in browsers. The defaults suit most networks; see docs/how-to/remote-access.md for others."""

    webrtc: bool = Field(default=True, description="Offer WebRTC: lowest latency, and works through most firewalls.")
    port: int = Field(
        0, ge=0, le=65_535, description="WebRTC port (UDP and TCP) to forward in your router. 0: any free port."
    )
    listen: str = Field("", description="Address WebRTC listens on. Empty: same as the web interface.")
    addresses: tuple[str, ...] = Field((), description="Public addresses of this computer, if the port is forwarded.")
    stun: tuple[str, ...] = Field(
        (), description="STUN servers, for example `stun:HOST:3478`. None is contacted unless set here."
    )
    turn: tuple[TurnServerSettings, ...] = Field((), description="TURN servers.")

    @field_validator("addresses")
    @classmethod
    def _are_addresses(cls, addresses: tuple[str, ...]) -> tuple[str, ...]:
        for text in addresses:
            ipaddress.ip_address(text)
        return addresses

    @field_validator("stun")
    @classmethod
    def _are_stun(cls, urls: tuple[str, ...]) -> tuple[str, ...]:
        if not all(_STUN.fullmatch(url) for url in urls):
            raise ValueError("stun:HOST:PORT")
        return urls


# Values of the `web` table: trusted reverse proxies and additional host names.

Network = IPv4Network | IPv6Network


def _checked_network(text: str) -> str:
    try:
        found = ip_network(text, strict=False)
    except ValueError:
        raise ValueError("an IP address or a network, for example 127.0.0.1 or 172.30.32.0/24") from None
    if not found.prefixlen:
        raise ValueError("only the addresses of your proxies; this network is every address and would trust everyone")
    address = text.partition("/")[0]
    if ip_address(address) != found.network_address:
        raise ValueError(f"{found} for the whole network, or {address} for this address alone")
    return text


ProxyNetwork = Annotated[str, AfterValidator(_checked_network)]


def proxy_networks(proxies: Iterable[str]) -> tuple[Network, ...]:
    """Return the setting `web.proxies` as networks; an address is a network of one."""
    return tuple(ip_network(one) for one in proxies)


_CAMERA_ID = re.compile(r"[a-z0-9]+(-[a-z0-9]+)*")
_TAKEN = frozenset({"history", "keys", "lock", "control", "outbox", "inbox", "clips", "snapshots"})
"""Names in the data folder that camera folders must not use."""


def listen_address(text: str) -> tuple[str, int]:
    """Parse `0.0.0.0:8000` or `[::1]:8000` into host and port. Raises ValueError: with the allowed form."""
    host, colon, port = text.rpartition(":")
    host = host.removeprefix("[").removesuffix("]")
    if not colon or not host or not port.isdigit() or not 0 <= int(port) <= 65_535:
        raise ValueError("HOST:PORT, for example 0.0.0.0:8000")
    return host, int(port)


class StorageSettings(Table):
    """Where recordings are stored. Retention has its own table, `storage.retention`."""

    path: LocalPath = Field(
        "",
        description="Folder for recordings. Empty: ~/.local/share/tawny (/var/lib/tawny if run "
        "as root), or ~/tawny if an earlier version recorded there.",
    )
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
    spare: LocalPath = Field("", description="Fallback: a folder on another disk, used while the main disk fails.")
    mirror: LocalPath = Field(
        "", description="Mirror: a folder on another disk that gets a second copy of all recordings."
    )
    tiers: tuple[TierSettings, ...] = Field(
        (), description='Archive disks for older recordings, in order: `[{ path = "/mnt/big", after = "7 days" }]`.'
    )
    clips: Annotated[Size, Field(ge=10_000_000)] = Field(
        5_000_000_000,
        description="Space limit for clips. Beyond it, the oldest are deleted, except those you keep or share. In "
        "memory mode at most a quarter of `memory`.",
    )
    encrypt: bool = Field(
        default=False, description="Encrypt recordings so that only the keys under `encryption` can open them."
    )
    retention: RetentionSettings = RetentionSettings()
    snapshots: SnapshotSettings = SnapshotSettings()


class WebSettings(Table):
    """The web interface."""

    listen: str = Field(
        "127.0.0.1:8000", description="Address and port of the web interface. 0.0.0.0:8000 lets other devices connect."
    )
    name: Annotated[LabelText, Field(max_length=60)] = Field(
        "",
        description="Name of this recorder, shown on its pages and in test notifications. Empty: the host name.",
    )
    public_url: str = Field(
        "",
        description="Address under which phones reach tawny, without a path, for example https://cam.example.org, "
        "used for links in notifications and invitations. Empty: the address in `web.secure`, which may work at home "
        "only; without it, no links.",
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

    secure: SecureSettings = SecureSettings()

    @property
    def trusted_proxies(self) -> tuple[str, ...]:
        """The configured proxies, and Tailscale on this computer if it answers https."""
        return (*self.proxies, "127.0.0.1", "::1") if self.secure.way == "tailscale" else self.proxies

    @property
    def link_url(self) -> str:
        """Address for links: the public one, else the secure one, which may work at home only; empty for none."""
        secure = self.secure
        if self.public_url or secure.way == "off" or not secure.domain:
            return self.public_url
        port = 443 if secure.way == "tailscale" else listen_address(self.listen)[1]
        return f"https://{secure.domain}" + ("" if port == 443 else f":{port}")

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


class LogSettings(Table):
    """The program's log."""

    format: Literal["text", "json"] = Field("text", description="`text`, or `json`: one object per line.")
    file: str = Field(
        "",
        description="Also write the log to this file, for example /var/log/tawny/tawny.log. At midnight it becomes "
        "`NAME.YYYY-MM-DD`. Empty: standard error only.",
    )
    days: Annotated[int, Field(ge=1, le=3650)] = Field(33, description="Number of files of earlier days to keep.")
    level: Literal["warning", "info", "debug"] = Field("warning", description="`warning`, `info` or `debug`.")

    @field_validator("file")
    @classmethod
    def _whole_path(cls, text: str) -> str:
        if text and not text.startswith(("/", "~/")):
            raise ValueError("a whole path, for example /var/log/tawny/tawny.log")
        return text


class DetectionSettings(Table):
    """Detection on this camera. Settings of the detector go in a table with its name."""

    model_config = ConfigDict(extra="allow", frozen=True)

    detector: str = Field("motion", description="`motion`, `off`, or the name of an installed detector.")
    detector_when_on: str = Field("motion", description="With `off`: the detector when someone turns detection on.")
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
    alert: tuple[str, ...] | None = Field(
        None,
        description=(
            "What is an alert: event types (`person`, `vehicle`, `animal`, `motion`, `sound`) or the model's own "
            "labels (`dog`). Not set: `notify_types`, and sounds. A line crossed, loitering, an object left or "
            "removed, camera tampering and events of other programs always are."
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
    certainty: FallbackKindSettings = FallbackKindSettings()
    sound: AudioSettings = AudioSettings()
    decode: Literal["auto", "software"] = Field(
        "auto", description="`auto`: decode large video in hardware where possible. `software`: never."
    )

    def alert_rules(self, *, is_named: bool) -> AlertRules:
        """Return what is an alert. is_named: whether a model names objects."""
        types = (*(self.notify_types or ALERT_TYPES), SOUND) if self.alert is None else self.alert
        zones = frozenset(name for name, zone in self.zones.items() if zone.alert)
        return AlertRules(types, zones, frozenset(self.lines), is_named)

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
    follows_modes: ClassVar[bool] = True
    source: str = Field(
        description="rtsp://user:password@host/path, http://…, /dev/video0, picamera:0, a video file, or demo:front. "
        "Phones (`phone:…`) are added in the interface."
    )
    sub: str = Field("", description="Sub stream of the same camera. Used for detection, and recorded too.")
    microphone: Microphone = Field("", description="Of this computer: `alsa:plughw:1`, `pulse:default`. Empty: none.")
    name: LabelText = Field("", description="Display name. Empty: made from the table's name.")
    group: Literal["", "outside", "inside"] = Field(
        "", description="`outside` or `inside`: adds the camera to that group in the live view."
    )
    rotate: Rotation = Field(
        0, description="Rotate the image clockwise by `90`, `180` or `270` degrees. The stored video stays as it is."
    )
    mirror: bool = Field(default=False, description="Swap left and right in the image, after `rotate`.")
    lens: LensSettings = NO_LENS
    record: Recording = Field(
        "continuous",
        description="`continuous`; `events`: only around events; `transitions`: only around start and end of events; "
        "or `off`. A mode can differ: `modes.NAME.cameras.ID.record`.",
    )
    pre: Annotated[Duration, Field(ge=0, le=30)] = Field(PRE_S, description="Pre-roll before an event, 0 s to 30 s.")
    post: Annotated[Duration, Field(ge=0, le=300)] = Field(
        POST_S, description="Post-roll: time kept after an event, 0 s to 5 min."
    )
    warm_up: Annotated[Duration, Field(ge=0, le=60)] | None = Field(
        None, description="Drop this much after each start of the camera, 0 s to 60 s. Not set: 2 s for a Pi camera."
    )
    neighbors: tuple[str, ...] | None = Field(
        None,
        description="Cameras that people reach from here within a minute: their events can be one visit. Not set: "
        "learned from events. `[]`: none.",
    )
    onvif: Annotated[str, web_address("http://user:password@192.168.1.20/onvif/device_service")] = Field(
        "",
        description="ONVIF address for pan, tilt, zoom, relays and the camera's own events: "
        "http://user:password@host/onvif/device_service.",
    )
    camera_events: Literal["auto", "all", "off"] = Field(
        "auto",
        description="Events that the camera itself reports. `auto`: doorbell, inputs, tampering, lines, "
        "people, vehicles and animals are events; motion only starts detection. `all`: motion is an event, too. `off`: "
        "none are read. Without detection, `auto` is like `all`.",
    )
    event_api: EventApiSettings | None = Field(
        None,
        description="Events by the maker's own API, for cameras without events by ONVIF: "
        '`{ maker = "dahua", url = "http://user:password@192.168.1.20" }`.',
    )
    sleeps: bool = Field(default=False, description="The camera runs on a battery: only events connect to it.")
    events_port: Annotated[int, Field(ge=0, le=65_535)] = Field(
        0, description="Port to which the camera may send its events if it can't be asked for them (ONVIF). 0: none."
    )
    fill_gaps: bool = Field(
        default=False,
        description="Fill gaps from the camera's own card, by ONVIF Profile G. The camera must record continuously.",
    )
    ptz: PtzSettings = PtzSettings()
    serial: Annotated[LabelText, Field(max_length=80)] = Field(
        "", description="Serial number, as the camera says by ONVIF. Written when it is added."
    )
    mac: Annotated[str, Field(pattern=r"^$|^[0-9a-f]{2}(:[0-9a-f]{2}){5}$")] = Field(
        "", description="Hardware address (MAC), such as `00:11:22:aa:bb:cc`: finds the camera at a new address."
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
        (), description="Privacy masks: areas that are black in pages, images and clips, and ignored by detection."
    )
    burn_in_masks: bool = Field(
        default=False, description="Burn privacy masks into the recordings. Costs CPU time. Off: files show the areas."
    )
    detection: DetectionSettings = DetectionSettings()

    @field_validator("source")
    @classmethod
    def _not_empty(cls, text: str) -> str:
        if not text.strip():
            raise ValueError("an address, for example rtsp://192.168.1.20/main")
        return text

    @property
    def orientation(self) -> Orientation:
        return Orientation(self.rotate, self.mirror)

    def left(self) -> "RemovedCameraSettings":
        """Return what stays of it for its recordings once it is removed."""
        return RemovedCameraSettings(
            name=self.name,
            retention=self.retention,
            privacy_masks=self.privacy_masks,
            rotate=self.rotate,
            mirror=self.mirror,
            recipients=self.recipients,
        )

    def table(self, scheme: str) -> dict[str, Any]:
        """Return the settings table of a source type."""
        return dict((self.model_extra or {}).get(scheme, {}))

    @property
    def tables(self) -> dict[str, Any]:
        return dict(self.model_extra or {})


class RemovedCameraSettings(Table):
    """A camera that was removed and whose recordings stay for their retention. Written when it is removed."""

    name: LabelText = Field("", description="Its display name.")
    retention: CameraRetentionSettings | None = Field(None, description="As `cameras.ID.retention`.")
    privacy_masks: tuple[Corners, ...] = Field((), description="Its privacy masks, which still apply.")
    rotate: Rotation = Field(0, description="Rotation of the image that has the masks.")
    mirror: bool = Field(default=False, description="Whether that image is mirrored.")
    recipients: tuple[Recipient, ...] | None = Field(
        None, description="As `cameras.ID.recipients`. Not set: not known, so commands leave its keys as they are."
    )
    delete_after: AwareDatetime | None = Field(
        None, description="Delete what was recorded before this time. Not set: retention deletes it."
    )
    delete_kept: bool = Field(default=False, description="Delete its kept events, too.")
    deleted_by: LabelText = Field("", description="Who asked for it, for the signed history.")


class Settings(Table):
    storage: StorageSettings = StorageSettings()
    encryption: SealingSettings = SealingSettings()
    web: WebSettings = WebSettings()
    sign_in: SignInSettings = SignInSettings()
    live: LiveSettings = LiveSettings()
    heartbeat: HeartbeatSettings = HeartbeatSettings()
    updates: UpdateSettings = UpdateSettings()
    fleet: FleetSettings = FleetSettings()
    hub: HubSettings = HubSettings()
    standby: StandbySettings = StandbySettings()
    log: LogSettings = LogSettings()
    modes: ModesSettings = ModesSettings()
    object_detection: ObjectModelSettings = ObjectModelSettings()
    search: SearchSettings = SearchSettings()
    recognizers: dict[TargetName, RecogniserSettings] = Field(default_factory=dict)
    rules: tuple[RuleSettings, ...] = ()
    outbox: OutboxSettings = OutboxSettings()
    destinations: dict[TargetName, DestinationSettings] = Field(default_factory=dict)
    files: dict[TargetName, FileSetSettings] = Field(default_factory=dict)
    notifiers: dict[TargetName, NotifierSettings] = Field(default_factory=dict)
    webhooks: dict[TargetName, EmitterSettings] = Field(default_factory=dict)
    api_clients: dict[TargetName, InputSettings] = Field(default_factory=dict)
    mqtt: MqttSettings = MqttSettings()
    scripts: ScriptSettings = ScriptSettings()
    relays: dict[TargetName, RelaySettings] = Field(default_factory=dict)
    cameras: dict[str, CameraSettings] = Field(default_factory=dict)
    removed_cameras: dict[str, RemovedCameraSettings] = Field(default_factory=dict)

    @model_validator(mode="after")
    def _check_encryption(self) -> "Settings":
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

    @model_validator(mode="after")
    def _believes_known_proxies_only(self) -> "Settings":
        if self.sign_in.proxy_header and not self.web.proxies:
            raise ValueError(
                "with `sign_in.proxy_header`: the addresses of your reverse proxies as `web.proxies`, because anyone "
                "else could send this header"
            )
        return self

    @cached_property
    def removed_names(self) -> dict[str, str]:
        """What removed cameras are called, by ID: `Front door (removed)`."""
        return {
            camera: f"{one.name or camera.replace('-', ' ').capitalize()}{REMOVED}"
            for camera, one in self.removed_cameras.items()
            if camera not in self.cameras
        }

    def is_sealed(self, camera: str) -> bool:
        own = self.cameras[camera].encrypt if camera in self.cameras else None
        return self.storage.encrypt if own is None else own


def in_mode(settings: Settings, mode: str, camera: str) -> ModeCameraSettings:
    """Return what a mode does with a camera, from its own table and those of its places. Empty for unknown ones."""
    found = settings.cameras.get(camera)
    if found is None or not found.follows_modes:
        return AS_SET
    return settings.modes.chosen(mode, camera, places_of(found.group, f"{camera} {found.name}"))


def is_camera_id(text: str) -> bool:
    """Return whether the text is a valid camera ID: a-z, 0-9, single hyphens, at most 40 characters, not reserved."""
    return bool(_CAMERA_ID.fullmatch(text)) and len(text) <= 40 and text not in _TAKEN


def display_name(camera_id: str, camera: CameraSettings) -> str:
    """Return the camera's name, or else its ID as text: `Front door` for `front-door`."""
    return camera.name or camera_id.replace("-", " ").capitalize()
