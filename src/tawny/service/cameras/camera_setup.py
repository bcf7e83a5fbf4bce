"""Sets up cameras while the recorder runs: finds them, tries them, adds, renames and removes them.

Passwords are never returned; they are stored in `secrets.toml`. Thread-safe; the methods wait for cameras and the disk.
"""

import logging
import math
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final, Literal
from urllib.parse import quote, urlsplit

from tawny.config.drafts import SettingsDraft, camera_id_for, secret_name
from tawny.config.lens_and_ptz import LensSettings, TrackSettings
from tawny.config.settings import CameraSettings, display_name
from tawny.model.errors import FolderUnwritable, NotDone, Problem, SettingsError, SourceRefused
from tawny.model.geometry import UPRIGHT, Orientation
from tawny.model.ids import CameraId, StreamName
from tawny.model.segments import Recording
from tawny.model.times import Clock
from tawny.protocols.login_history import LoginHistory
from tawny.service.cameras.added_values import chosen_values, keep_silent, recording_values, silent_tables, with_sound
from tawny.service.cameras.camera_moves import (
    check_moved,
    host_of,
    known_as,
    moved_addresses,
    moved_cameras,
    replaced_services,
)
from tawny.service.cameras.camera_previews import CameraPreviews, LoginTries, PreviewSource, PreviewStatus
from tawny.service.cameras.camera_trial import CameraTrial, TrialAdvice, advise, try_streams
from tawny.service.cameras.removed_cameras import RemovedCamera, RemovedCameras
from tawny.service.changeable_settings import ChangeableSettings
from tawny.service.plugin_registry import PluginRegistry, refuse_named, unknown_kind
from tawny.service.retention.recording_deletion import UNDO_S
from tawny.sources.discovery.finder import Search, find
from tawny.sources.discovery.found_camera import FoundCamera
from tawny.sources.discovery.known_cameras import without_quirks
from tawny.sources.discovery.networks import neighbours
from tawny.sources.discovery.onvif_details import OnvifDetails, change_clock, change_codec, change_keyframes
from tawny.sources.discovery.resolve import CameraPlace, CameraStreams, is_host, resolve
from tawny.sources.network_address import (
    NetworkAddress,
    claims_network,
    claims_rtsp,
    parse_network,
    public_address,
    stream_key,
)
from tawny.sources.phone import SCHEME as PHONE
from tawny.sources.picamera import SMALL_SIZE, small_stream

MOST_FOUND: Final = 1_000
TRY_S: Final = 6.0
"""Measuring for the browser, where the user waits."""
_KINDS: Final = ("rtsp", "http", "rtmp", "v4l2", "picamera", "demo")
"""Sources that a page may add. A file would let it read the recorder's disk; a phone joins by its own code."""
_OF_DEVICE: Final = frozenset({"fingerprint", "client", "transport"})
"""Settings of a source that another device in the camera's place may need otherwise."""
_PLACES: Final = ("source", "sub", "onvif", "event_api", "serial", "mac")
"""Settings that say where a camera is."""
_NO_FILE: Final = (
    "These cameras aren't in a settings file.", "Create one with `tawny init` and restart tawny with it.",
)  # fmt: skip
log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class CameraDraft:
    """What a person knows. address: a host, or a source such as `rtsp://…`.

    onvif, maker, rtsp_port, path: from a search, or empty.
    """

    address: str
    user: str = ""
    password: str = field(default="", repr=False)
    sub: str = ""
    onvif: str = ""
    maker: str = ""
    rtsp_port: int = 0
    path: str = ""


@dataclass(frozen=True, slots=True)
class ResolvedCamera:
    """The camera as the settings would have it. secrets: values of the `${NAME}`s in values."""

    settings: CameraSettings
    values: Mapping[str, Any]
    secrets: Mapping[str, str] = field(repr=False)
    details: OnvifDetails | None = None

    @property
    def public(self) -> dict[str, str]:
        """The addresses without logins."""
        return {key: public_address(text) if "://" in text else text for key, text in (
            ("source", self.settings.source), ("sub", self.settings.sub)) if text}  # fmt: skip


@dataclass(frozen=True, slots=True)
class TriedCamera:
    """Result of a try."""

    camera: ResolvedCamera
    trials: Mapping[StreamName, CameraTrial]

    @property
    def advice(self) -> list[TrialAdvice]:
        details = self.camera.details
        main, sub = self.trials[StreamName.MAIN], self.trials.get(StreamName.SUB)
        found = advise(main, sub, details.ahead_ms if details else None)
        return [one if details else replace(one, change="") for one in found]


def resolve_camera(name: str, draft: CameraDraft, clock: Clock, secrets: Mapping[str, str]) -> ResolvedCamera:
    """Find out the camera's streams. name: the ID that it gets. secrets: of `${NAME}`s in its source.

    It is new, so any sign-in that it asks for is accepted. Raises SourceError, NotDone, SettingsError.
    """
    return camera_with(name, draft, find_streams(draft, clock), secrets)


def find_streams(draft: CameraDraft, clock: Clock) -> CameraStreams | None:
    """Return the streams of a network camera, after signing in; None for any other. As `resolve_camera`."""
    if is_host(draft.address):
        place = CameraPlace(
            draft.address.strip("[]"), draft.user, draft.password, draft.onvif, draft.rtsp_port, draft.path,
            draft.maker,
        )  # fmt: skip
        return resolve(place, clock)
    if claims_network(draft.address) and "${" not in draft.address + draft.sub:
        main = _with_login("address", draft.address, draft.user, draft.password)
        return CameraStreams(main, _with_login("sub", draft.sub, main.user, main.password) if draft.sub else None)
    return None


def camera_with(
    name: str, draft: CameraDraft, streams: CameraStreams | None, secrets: Mapping[str, str]
) -> ResolvedCamera:
    """Return the camera as the settings would have it. streams: of `find_streams`. Raises SettingsError."""
    if (key := stream_key(draft.address)) and "${" not in key:
        place = draft.address.rstrip("/").removesuffix(key)
        source, own = f"{place}${{{secret_name(name)}}}", {secret_name(name): key}
        return ResolvedCamera(_understood(name, {"source": source}, own, secrets), {"source": source}, own)
    if streams is None:
        small = draft.sub or small_stream(draft.address)
        given: dict[str, Any] = {"source": draft.address} | ({"sub": small} if small else {})
        if small.startswith("picamera:"):
            given["picamera"] = {"sub_size": SMALL_SIZE}
        return ResolvedCamera(_understood(name, given, {}, secrets), given, {})
    values, own = addresses_of(name, streams)
    return ResolvedCamera(_understood(name, values, own, secrets), values, own, streams.details)


def _with_login(key: str, address: str, user: str, password: str) -> NetworkAddress:
    """Return the parsed address with this login, or with its own if none is given. Raises SettingsError."""
    try:
        found = without_quirks(parse_network(address))
    except ValueError as error:
        raise SettingsError("your input", (Problem(key, "an invalid address", str(error)),)) from None
    if not user and not password:
        return found
    if found.user and (found.user, found.password) != (user, password):
        allowed = "an address without user name and password: both streams use the same login, from its fields"
        raise SettingsError("your input", (Problem(key, "an address with a login of its own", allowed),))
    return replace(found, user=user, password=password)


def _understood(
    name: str, values: Mapping[str, Any], own: Mapping[str, str], secrets: Mapping[str, str]
) -> CameraSettings:
    draft = SettingsDraft(None, "", secrets, may_refer=True)
    draft.add_camera(name, values, own)
    return draft.understood().cameras[name]


def addresses_of(name: str, streams: CameraStreams) -> tuple[dict[str, str], dict[str, str]]:
    """Return the values for the settings file, and those of the `${NAME}` in them."""
    password = streams.main.password or (streams.sub.password if streams.sub else "")  # both have one login
    values = {"source": _written(streams.main, name)}
    if streams.sub:
        values["sub"] = _written(streams.sub, name)
    if streams.onvif:
        parts = urlsplit(streams.onvif)
        place = parts.netloc.rpartition("@")[2]
        values["onvif"] = f"{parts.scheme}://{_login(streams.main, name)}{place}{parts.path}"
    if streams.details and streams.details.serial:
        values["serial"] = streams.details.serial
    if mac := neighbours().get(streams.main.host):
        values["mac"] = mac
    return values, {secret_name(name): quote(password, safe="")} if password else {}


def _written(address: NetworkAddress, name: str) -> str:
    scheme, _, rest = address.url.partition("://")
    return f"{scheme}://{_login(address, name)}{rest}"


def _login(address: NetworkAddress, name: str) -> str:
    if not address.user and not address.password:
        return ""
    return quote(address.user, safe="") + (f":${{{secret_name(name)}}}" if address.password else "") + "@"


@dataclass(frozen=True, slots=True)
class SearchResult:
    """found: with the ID of each camera that the settings already have, else an empty text.

    moved: new address by the ID of a camera that has been offline for MOVED_AFTER_S.
    """

    is_running: bool
    found: tuple[tuple[FoundCamera, str], ...]
    moved: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class CameraRemoval:
    """What becomes of a removed camera's recordings. by: who removes it. with_kept: kept events go too."""

    by: str
    with_recordings: bool = False
    with_kept: bool = False


def removed_values(camera: str, settings: CameraSettings, removal: CameraRemoval, now_ms: int) -> dict[str, Any]:
    """Return what the settings keep of a removed camera."""
    values: dict[str, Any] = {"name": display_name(camera, settings)}
    if removal.with_recordings:
        due_s = math.ceil(now_ms / 1000 + UNDO_S) + 1  # later than an undo at the last moment
        values |= {"delete_after": datetime.fromtimestamp(due_s, UTC), "deleted_by": removal.by}
        values |= {"delete_kept": True} if removal.with_kept else {}
    return values


class CameraSetupService:
    """The running recorder's cameras. One search runs at a time.

    logins: what sign-in cameras offered before. restart: connects to a camera again. is_offline: whether a camera has
    not answered for a minute.
    """

    def __init__(
        self,
        settings: ChangeableSettings,
        plugins: PluginRegistry,
        clock: Clock,
        logins: LoginHistory,
        restart: Callable[[CameraId], None] = lambda _: None,
        is_offline: Callable[[CameraId], bool] = lambda _: True,
    ) -> None:
        self._settings, self._plugins, self._clock, self._logins = settings, plugins, clock, logins
        self._restart, self._is_offline = restart, is_offline
        self._lock, self.removed = threading.Lock(), RemovedCameras(settings, clock)
        self._tries = LoginTries(clock)
        self.previews = CameraPreviews(plugins, clock, self._tries)
        self._found: dict[str, FoundCamera] = {}
        self._searching: threading.Thread | None = None

    # --- search

    def search(self, search: Search) -> None:
        """Begin a search; the results of the one before are forgotten. No effect while one runs."""
        with self._lock:
            if self._searching is not None and self._searching.is_alive():
                return
            self._found = {}
            self._searching = threading.Thread(
                target=find, args=(search, self._clock, self._came), name="find cameras", daemon=True
            )
            self._searching.start()

    def _came(self, camera: FoundCamera) -> None:
        with self._lock:
            if camera.place in self._found or len(self._found) < MOST_FOUND:
                self._found[camera.place] = camera

    def found(self) -> SearchResult:
        """Return what the newest search has found so far, in the order in which it was found."""
        with self._lock:
            cameras, running = list(self._found.values()), self._searching
        settings = self._settings.now()
        is_running = running is not None and running.is_alive()
        moved = {} if is_running else moved_cameras(settings, cameras)  # hardware addresses are known at its end
        return SearchResult(
            is_running,
            tuple((one, known_as(one, settings)) for one in cameras),
            {name: place for name, place in moved.items() if self._is_offline(CameraId(name))},
        )

    @property
    def fixed(self) -> str:
        """Why cameras cannot be added or removed here; empty if they can."""
        return " ".join(_NO_FILE) if self._settings.file is None else ""

    # --- one camera

    def try_out(self, draft: CameraDraft, seconds: float = TRY_S) -> TriedCamera:
        """Find out the streams and try them; nothing is changed. Raises SourceError, NotDone, SettingsError."""
        self._refuse_kind(draft)
        place = _place_of(draft)
        self._tries.check(place)
        try:
            camera = resolve_camera("test", draft, self._clock, {})
        except SourceRefused:
            self._tries.refused(place)
            raise
        self._tries.accepted(place)
        return TriedCamera(camera, try_streams(self._plugins, camera.settings, seconds, self._clock))

    def change_camera(
        self, draft: CameraDraft, change: Literal["keyframes", "clock", "h264"], seconds: float = TRY_S
    ) -> TriedCamera:
        """Change a setting of the camera by ONVIF, and try it again. Errors as of `try_out`."""
        self._refuse_kind(draft)
        self._tries.check(_place_of(draft))
        streams = find_streams(draft, self._clock)
        if streams is None or not streams.onvif:
            raise NotDone(
                "tawny can't change this camera, because it has no ONVIF.", "Change it in the camera's own app."
            )
        acts = {"keyframes": change_keyframes, "clock": change_clock, "h264": change_codec}
        acts[change](streams.onvif, self._clock)
        return self.try_out(draft, seconds)

    def preview(self, draft: CameraDraft) -> PreviewStatus:
        """Begin to show live test pictures of a camera; nothing is changed. Raises NotDone."""
        self._refuse_kind(draft)

        def find() -> PreviewSource:
            streams = find_streams(draft, self._clock)
            settings = camera_with("preview", draft, streams, {}).settings
            # a small stream of this computer needs more settings than its address
            return PreviewSource((settings.sub if streams else "") or settings.source, streams, draft)

        return self.previews.start(_place_of(draft), find, with_login=bool(draft.user or draft.password))

    def add_previewed(
        self,
        preview: str,
        name: str,
        record: Recording = "continuous",
        orientation: Orientation = UPRIGHT,
        *,
        sound: bool = False,
    ) -> CameraId:
        """Add a camera that is shown, without signing in again; it is no longer shown then. Raises as `add` does."""
        source = self.previews.source(preview)
        assert isinstance(source.wanted, CameraDraft)
        added = self._add(name, source.wanted, source.streams, chosen_values(record, orientation), sound=sound)
        self.previews.stop(preview)
        return added

    def add(
        self,
        name: str,
        draft: CameraDraft,
        record: Recording = "continuous",
        orientation: Orientation = UPRIGHT,
        *,
        sound: bool = False,
    ) -> CameraId:
        """Add a camera under this display name; it is recorded at once, as `record` and `sound` say. Return its ID.

        Raises SourceError, SettingsError, NotDone and FolderUnwritable; nothing is changed then.
        """
        self._file()
        self._refuse_kind(draft)
        streams = find_streams(draft, self._clock)
        return self._add(name, draft, streams, chosen_values(record, orientation), sound=sound)

    def add_phone(self, name: str, phone: str, record: Recording = "continuous") -> CameraId:
        """Add a camera whose picture the phone with this ID sends. Raises SettingsError, NotDone, FolderUnwritable."""
        return self._add(name, CameraDraft(PHONE + phone), None, recording_values(record), sound=False)

    def phone_of(self, camera: CameraId) -> str:
        """Return the ID of a camera's phone; empty for any other camera."""
        found = self._settings.now().cameras.get(camera)
        return found.source.removeprefix(PHONE) if found and found.source.startswith(PHONE) else ""

    def camera_of_phone(self, phone: str) -> tuple[CameraId, str] | None:
        """Return ID and name of the camera whose picture this phone sends; None if it was removed."""
        for camera, one in self._settings.now().cameras.items():
            if phone and one.source == PHONE + phone:
                return CameraId(camera), display_name(camera, one)
        return None

    def _add(
        self, name: str, draft: CameraDraft, streams: CameraStreams | None, chosen: Mapping[str, Any], *, sound: bool
    ) -> CameraId:
        with self._settings.changing():
            config, settings = self._file(), self._settings.now()
            camera_id = camera_id_for(name, {**settings.removed_cameras, **settings.cameras})
            camera = camera_with(camera_id, draft, streams, {})
            values = with_sound({**camera.values, **chosen}, self._plugins, camera.settings, sound=sound)

            def edit(draft: SettingsDraft) -> None:
                draft.add_camera(camera_id, values, camera.secrets)
                if name.strip():
                    draft.put_name(camera_id, draft.free_name(name.strip(), camera_id))

            self._change(config, edit)
        return CameraId(camera_id)

    def rename(self, camera: CameraId, name: str, group: str | None = None) -> None:
        """Set the display name; empty: made from the ID. group: None: unchanged.

        Raises SettingsError, NotDone, FolderUnwritable.
        """

        def edit(draft: SettingsDraft) -> None:
            draft.put_name(camera, name.strip())
            if group is not None:
                draft.put_addresses(camera, {"group": group}, {})

        self._change(self._file(camera), edit)

    def put_lens(self, camera: CameraId, lens: LensSettings) -> None:
        """Set how pages straighten the image. Raises SettingsError, NotDone, FolderUnwritable."""
        self._change(self._file(camera), lambda draft: draft.put_lens(camera, lens.written()))

    def put_track(self, camera: CameraId, track: TrackSettings) -> None:
        """Set what a PTZ camera follows, at once. Raises SettingsError, NotDone, FolderUnwritable."""
        self._change(self._file(camera), lambda draft: draft.put_track(camera, track.written()))

    def remove(self, camera: CameraId, removal: CameraRemoval) -> int:
        """Remove a camera from the settings. Return until when it can be restored, ms UTC.

        Raises SettingsError, NotDone, FolderUnwritable; nothing is changed then.
        """
        with self._settings.changing():
            config, now_ms = self._file(camera), self._clock.now_ms()
            refuse_named(camera, self._settings.now())
            was = self._settings.now().cameras[camera]
            until_ms = now_ms + round(UNDO_S * 1000)
            kept = RemovedCamera(None, {}, self._logins.of(camera), self._clock.mono_s() + UNDO_S)

            def edit(draft: SettingsDraft) -> None:
                nonlocal kept
                before, (table, secrets) = draft.text, draft.take_camera(camera)
                draft.remove_camera(camera, removed_values(camera, was, removal, now_ms))
                kept = replace(kept, table=table, secrets=secrets, before=before, after=draft.text)

            def edit_and_keep(draft: SettingsDraft) -> None:
                edit(draft)
                self.removed.put(draft, camera, kept, until_ms)

            try:
                self._change(config, edit_and_keep)
            except FolderUnwritable as error:  # perhaps only `secrets.toml`, which may be mounted by itself
                self._change(config, edit)
                log.warning("after a restart, the removed camera %s couldn't be restored: %s", camera, error)
            self._logins.forget(camera)
            self.removed.keep(camera, kept)
        return until_ms

    def restore(self, camera: CameraId) -> None:
        """Put back a camera that was just removed, with all its settings; its recordings are not deleted.

        Raises NotDone: when it is too late. Raises SettingsError, FolderUnwritable.
        """
        with self._settings.changing():
            was, config = self.removed.find(camera), self._file()
            if was is None:
                raise NotDone("This camera can no longer be restored.", "Add it again under “Add a camera”.")

            def edit(draft: SettingsDraft) -> None:
                if was.after and draft.text == was.after:  # never after a restart
                    draft.put_text(was.before, was.secrets)
                else:
                    draft.put_camera(camera, was.table, was.secrets)

            self._change(config, edit)
            self.removed.forget(camera)
        for place, sign_in in was.logins.items():
            self._logins.offered(place, sign_in)

    def replace(self, camera: CameraId, draft: CameraDraft) -> None:
        """Put another device in a camera's place; name, zones, rules and recordings stay. Raises as `add` does."""
        config = self._file(camera)
        self._refuse_kind(draft)
        self._tries.check(_place_of(draft))
        try:
            made = camera_with(camera, draft, find_streams(draft, self._clock), {})
        except SourceRefused:
            self._tries.refused(_place_of(draft))
            raise
        values = dict.fromkeys(("sub", "onvif", "serial", "mac"), "") | dict(made.values)

        def edit(draft: SettingsDraft) -> None:
            raw, before = draft.addresses(camera), self._settings.now().cameras[camera]
            same = replaced_services(raw, before, made.values["source"], made.settings.source)
            draft.put_addresses(camera, same | values, made.secrets)
            for table, keys in before.tables.items():
                for key in _OF_DEVICE & set(keys):
                    draft.put_setting(f"cameras.{camera}.{table}.{key}", None, is_secret=False)
            keep_silent(draft, camera, before, self._plugins)

        self._logins.forget(camera)
        self._change(config, edit, addresses_of=camera)

    def move(self, camera: CameraId, host: str) -> None:
        """Use a camera's new address, after a check that it is the same device. The password is not sent to it.

        Raises NotDone: when that cannot be proved. Raises SourceError, SettingsError, FolderUnwritable.
        """
        config, now = self._file(camera), self._settings.now().cameras[camera]
        if not is_host(host) or not claims_rtsp(now.source):
            raise NotDone("This isn't the address of a network camera.", "Use an address such as 192.168.1.20.")
        check_moved(camera, now, host, self._logins, self._clock)

        def edit(draft: SettingsDraft) -> None:
            if self._settings.now().cameras.get(camera) != now:
                raise NotDone("The camera was changed meanwhile.", "Try again.")
            draft.put_addresses(camera, moved_addresses(draft.addresses(camera), now, host), {})

        self._change(config, edit, addresses_of=camera)

    def restart(self, camera: CameraId) -> None:
        """Disconnect from a camera and connect to it again. Raises NotDone."""
        if camera not in self._settings.now().cameras:
            raise NotDone(*_no_camera(camera))
        self._restart(camera)

    # --- internal

    def _refuse_kind(self, draft: CameraDraft) -> None:
        if is_host(draft.address):
            return
        for address in filter(None, (draft.address, draft.sub)):
            source = self._plugins.source_of(address)
            if source is None or source.scheme not in _KINDS:
                raise NotDone(*unknown_kind(address))
            if "${" in address:
                raise NotDone(
                    "`${…}` works in the settings file only.", "Enter user name and password in their fields."
                )

    def _file(self, camera: CameraId | None = None) -> Path:
        if camera is not None and camera not in self._settings.now().cameras:
            raise NotDone(*_no_camera(camera))
        if self._settings.file is None:
            raise NotDone(*_NO_FILE)
        return self._settings.file

    def _change(self, config: Path, edit: Callable[[SettingsDraft], None], addresses_of: str = "") -> None:
        """Write an edit and apply it. addresses_of: the camera of which it changes the addresses."""
        with self._settings.changing():
            draft = SettingsDraft(config, "", {})
            edit(draft)
            settings, written = self._settings.now(), draft.understood()
            cameras = {name: _in_effect(settings.cameras.get(name), one) for name, one in written.cameras.items()}
            if addresses_of:
                places = {key: getattr(written.cameras[addresses_of], key) for key in _PLACES}
                before = cameras[addresses_of]
                tables = {
                    scheme: {
                        key: value
                        for key, value in table.items()
                        if key not in _OF_DEVICE or key in written.cameras[addresses_of].table(scheme)
                    }
                    for scheme, table in before.tables.items()
                }
                after = before.model_copy(update=places | tables)
                cameras[addresses_of] = after.model_copy(update=silent_tables(before, after, self._plugins))
            new = settings.model_copy(update={"cameras": cameras, "removed_cameras": written.removed_cameras})
            self._plugins.check(new, "the settings")
            draft.write()
            self._settings.apply_written(new)


def _place_of(draft: CameraDraft) -> str:
    """Return what refused sign-ins are counted by: the host, or the source of a camera without one."""
    address = draft.address
    if is_host(address):
        return address.strip("[]")
    return host_of(address) or (public_address(address) if stream_key(address) else address)


def _no_camera(camera: str) -> tuple[str, str]:
    return f"No camera named {camera}.", "It may have been removed. Reload the page."


def _in_effect(running: CameraSettings | None, written: CameraSettings) -> CameraSettings:
    """Return a camera's settings after an edit: a running one takes over what needs no restart; overrides stay."""
    taken = {key: getattr(written, key) for key in ("name", "group", "ptz")}
    return written if running is None else running.model_copy(update=taken)
