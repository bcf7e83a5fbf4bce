"""Camera connection service: changes a camera's address and login at runtime, tested before they are saved.

Passwords are never returned; they are stored in `secrets.toml`. Thread-safe.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from urllib.parse import quote

from tawny.config.drafts import SettingsDraft, secret_name
from tawny.config.settings import CameraSettings, Settings
from tawny.model.errors import NotDone, Problem, SettingsError
from tawny.model.ids import CameraId, StreamName
from tawny.model.packets import VideoFormat
from tawny.model.times import Clock
from tawny.protocols.login_history import LoginHistory
from tawny.service.cameras.added_values import keep_silent, silent_tables
from tawny.service.cameras.camera_moves import address_parts, addresses_in, following
from tawny.service.cameras.camera_trial import NO_VIDEO_HINT
from tawny.service.cameras.guarded_source import open_camera, settings_of
from tawny.service.changeable_settings import ChangeableSettings
from tawny.service.plugin_registry import PluginRegistry, unknown_kind
from tawny.sources.network_address import LEFT_OUT, NetworkAddress, claims_network, parse_network
from tawny.sources.source import SourceContext, read_packets


@dataclass(frozen=True, slots=True)
class CameraAddress:
    """A camera's addresses, without login and password. sub: empty without a sub stream."""

    source: str
    sub: str
    user: str
    has_password: bool


@dataclass(frozen=True, slots=True)
class CameraAddressChange:
    """A change of address. password: None: unchanged."""

    source: str
    sub: str
    user: str
    password: str | None = field(repr=False)


# Camera probe: tests a camera before it is added, by connecting and waiting for its first keyframe.

TRY_S = 15.0


@dataclass(frozen=True, slots=True)
class ProbeResult:
    """Format of the first keyframe."""

    codec: str
    width: int
    height: int


def probe(
    plugins: PluginRegistry,
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
    source = plugins.source_of(address)
    if source is None:
        raise NotDone(*unknown_kind(address))
    options = settings_of(source, camera)
    opening = SourceContext(CameraId(name), stream, address, options, clock, logins or LoginHistory())
    until_s = clock.mono_s() + TRY_S
    connection = open_camera(source, lambda: opening)
    try:
        for got in read_packets(connection, clock, until_s):
            if isinstance(got.format, VideoFormat) and got.is_keyframe:
                return ProbeResult(got.format.codec, got.format.width, got.format.height)
    finally:
        connection.close()
    raise NotDone(f"{source.public(address)} responded but sent no video within {TRY_S:.0f} s.", NO_VIDEO_HINT)


_IN_FILE = "Change it in the settings file. No restart is needed."


class CameraConnectionService:
    """Changes the addresses and logins of cameras. Thread-safe; waits for the disk and for the camera.

    logins: what sign-in cameras offered before. A user who enters a password accepts any sign-in of the camera.
    """

    def __init__(
        self,
        settings: ChangeableSettings,
        plugins: PluginRegistry,
        clock: Clock,
        logins: LoginHistory | None = None,
    ) -> None:
        self._settings, self._plugins, self._clock = settings, plugins, clock
        self._logins = logins or LoginHistory()

    def place(self, camera: CameraId) -> CameraAddress:
        """Return the camera's address. Raises NotDone if it cannot be changed here."""
        return _camera_address(self._camera(camera))

    def change(self, camera: CameraId, wanted: CameraAddressChange, *, untried: bool) -> Mapping[str, str]:
        """Change the address, after a test connection unless untried. Return the video format by stream.

        Takes effect at once. Raises SourceError, SettingsError, NotDone and FolderUnwritable; nothing is changed then.
        """
        with self._settings.changing():
            _, tried = self._edited(camera, wanted)
        found = {} if untried else self._tried(camera, tried, None if wanted.password else self._logins)
        with self._settings.changing():
            draft, made = self._edited(camera, wanted)  # the settings may have changed while the camera was tried
            if addresses_in(made) != addresses_in(tried):
                raise NotDone("The camera was changed meanwhile.", "Try again.")
            draft.write()
            if wanted.password:
                self._logins.forget(camera)
            self._settings.apply_written(self._with(camera, made))
        return found

    def _edited(self, camera: CameraId, wanted: CameraAddressChange) -> tuple[SettingsDraft, CameraSettings]:
        """Return the changed file, which is valid, and the camera in it."""
        now = self._camera(camera)
        if wanted.password is None:
            _refuse_new_places(now, wanted)
        draft = SettingsDraft(self._settings.file, "", {})
        _write_into(draft, camera, now, wanted)
        keep_silent(draft, camera, now, self._plugins)
        made = draft.understood().cameras[camera]
        self._plugins.check(self._with(camera, made), "the settings")
        return draft, made

    def _tried(self, camera: CameraId, made: CameraSettings, logins: LoginHistory | None) -> Mapping[str, str]:
        streams = (StreamName.MAIN, StreamName.SUB) if made.sub else (StreamName.MAIN,)
        seen = {one.value: probe(self._plugins, camera, made, one, self._clock, logins) for one in streams}
        return {name: f"{one.codec.upper()} {one.width}x{one.height}" for name, one in seen.items()}

    def _camera(self, camera: CameraId) -> CameraSettings:
        found = self._settings.now().cameras.get(camera)
        if found is None:
            raise NotDone(f"No camera named {camera}.", "It may have been removed. Reload the page.")
        if self._settings.file is None:
            raise NotDone(
                "These cameras aren't in a settings file.", "Create one with `tawny init` and restart tawny with it."
            )
        if not claims_network(found.source) or (found.sub and not claims_network(found.sub)):
            raise NotDone("This isn't a network camera.", _IN_FILE)
        return found

    def _with(self, camera: CameraId, made: CameraSettings) -> Settings:
        """Return the current settings with this camera's addresses replaced; command-line overrides stay in effect."""
        settings = self._settings.now()
        before = settings.cameras[camera]
        places = {"source": made.source, "sub": made.sub, "onvif": made.onvif, "event_api": made.event_api}
        after = before.model_copy(update=places)
        after = after.model_copy(update=silent_tables(before, after, self._plugins))
        return settings.model_copy(update={"cameras": {**settings.cameras, camera: after}})


def _camera_address(camera: CameraSettings) -> CameraAddress:
    main = parse_network(camera.source)
    sub = parse_network(camera.sub).public if camera.sub else ""
    return CameraAddress(main.public, sub, main.user, bool(main.password))


def _refuse_new_places(now: CameraSettings, wanted: CameraAddressChange) -> None:
    """Raise SettingsError if the stored password would go to a host, port or protocol that it was not entered for."""
    stored = parse_network(now.source)
    if not stored.password:
        return
    known = {_place(stored)}
    if now.sub and (sub := parse_network(now.sub)).password == stored.password:
        known.add(_place(sub))
    for address in (wanted.source, wanted.sub):
        if address and claims_network(address) and _place(_parsed(address)) not in known:
            raise _wrong(
                "password", "no password for a new address", "entered again, because tawny would send it there"
            )


def _place(address: NetworkAddress) -> tuple[str, str, int, bool]:
    return address.protocol, address.host.lower(), address.port, address.is_encrypted


def _write_into(draft: SettingsDraft, camera: CameraId, now: CameraSettings, wanted: CameraAddressChange) -> None:
    """Write the change into the draft. Raises SettingsError, which names the invalid field."""
    before, raw, place = parse_network(now.source), draft.addresses(camera), _camera_address(now)
    secret = secret_name(camera)
    _, _, kept = address_parts(raw.get("source", ""))[1].partition(":")
    secrets: dict[str, str] = {}
    password = before.password if wanted.password is None else wanted.password
    if not password:
        kept = ""
    elif wanted.password is not None or "${" not in kept:
        kept, secrets = f"${{{secret}}}", {secret: quote(password, safe="")}
    login = quote(wanted.user, safe="") + (f":{kept}" if kept else "")
    values = {"source": _address("source", wanted.source, place.source, raw.get("source", ""), login)}
    if wanted.sub or "sub" in raw:
        values["sub"] = _address("sub", wanted.sub, place.sub, raw.get("sub", ""), login) if wanted.sub else ""
    values |= following(raw, now, before, _host(wanted.source), login)
    draft.put_addresses(camera, values, secrets)


def _address(key: str, request: str, shown: str, raw: str, login: str) -> str:
    """Return the address for the file. An unchanged address keeps its secret parts, which the client never received."""
    scheme, _, rest = address_parts(raw if request == shown and raw else request)
    if request != shown and LEFT_OUT in request:
        raise _wrong(key, "an address with a hidden part", "the full address")
    try:
        found = parse_network(request)
    except ValueError as error:
        raise _wrong(key, "an invalid address", str(error)) from None
    if found.user or found.password:
        raise _wrong(key, "an address containing a user name or password", "enter them in their own fields")
    return f"{scheme}{login}{'@' if login else ''}{rest}"


def _host(address: str) -> str:
    return _parsed(address).host


def _parsed(address: str) -> NetworkAddress:
    try:
        return parse_network(address)
    except ValueError as error:
        raise _wrong("source", "an invalid address", str(error)) from None


def _wrong(key: str, found: str, allowed: str) -> SettingsError:
    return SettingsError("your input", (Problem(key, found, allowed),))
