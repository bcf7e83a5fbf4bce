"""Device control: pan, tilt and zoom by ONVIF; relays by ONVIF or by user scripts."""

import json
import logging
import math
import re
import threading
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Literal

from tawny.config.lens_and_ptz import PtzSettings
from tawny.config.settings import Settings
from tawny.delivery.commands import MOST_RELAY, CameraControls, RelayOutput
from tawny.delivery.notifier import NotifierStore
from tawny.delivery.scripts import ScriptRunner
from tawny.engine import ActorHandle
from tawny.engine.actor import start_thread
from tawny.model.errors import NotDone, SourceError, SourceLoginWeaker, SourceRefused, StorageError, TawnyError
from tawny.model.ids import CameraId
from tawny.model.times import Clock
from tawny.protocols.login_history import LoginHistory, LoginRecord
from tawny.sources.discovery.onvif_details import (
    EncoderChoice,
    EncoderSettings,
    ask_details,
    change_clock,
    change_encoder,
    read_encoders,
)
from tawny.sources.onvif import OnvifCamera, OnvifRelay, OnvifService, preset_token
from tawny.sources.onvif_imaging import ImagingControl, change_imaging, read_imaging

IDLE_S = 30.0
AGAIN_S = 2.0
TRIES = 5
TRIES_AFTER_START = 150
"""For what the recorder left on when it crashed: after a power failure cameras take minutes to answer."""
STEP_S, CLOSE_S = 1.0, 4.0
"""How long a step, and the end of the recorder, wait for all ends; slower ones continue in their threads."""
RESTARTS_S, RETURNS_S = 3.0, 25.0
"""How long a camera may still send the former video after its encoder was changed, and when it must send again, s."""
OBEYS_S = 0.3
"""How much later than its timeout a camera may stop by itself, s."""
_RELAY = "relay "
"""Before a relay's name, in the keys of pending ends."""
HOME = "home"
"""Name that stands for the camera's own home position."""
STEERS_S = 8.0
"""How long after a command of a person others can't move the camera."""
_SIREN, _LIGHT = re.compile(r"siren|alarm|sound|horn", re.IGNORECASE), re.compile(r"light|lamp|led", re.IGNORECASE)
log = logging.getLogger(__name__)


def relay_kind(name: str) -> Literal["", "siren", "light"]:
    """Return what a relay seems to be by the name that the camera gives it."""
    return "siren" if _SIREN.search(name) else "light" if _LIGHT.search(name) else ""


def preset_uses(settings: Settings, camera: str, names: Collection[str]) -> list[str]:
    """Return the settings that send a camera to the preset with these names."""
    ptz = settings.cameras[camera].ptz if camera in settings.cameras else PtzSettings()
    by_itself = {"return_to": (ptz.return_to,), "patrol": ptz.patrol}
    uses = [f"cameras.{camera}.ptz.{key}" for key, chosen in by_itself.items() if {*names} - {HOME} & {*chosen}]
    wanted = {("ptz", camera, name) for name in names}
    rules = [any((do.verb, do.name, do.more) in wanted for do in rule.do) for rule in settings.rules]
    return uses + [f"rules[{number}].do" for number, is_use in enumerate(rules) if is_use]


@dataclass(slots=True)
class _Due:
    """A pending end. tries: failed attempts. most: attempts until it is given up."""

    at_s: float
    """Infinite while it is being done."""
    do: Callable[[], object]
    kept: str = ""
    """What a start after a crash must know to do it; empty: nothing."""
    tries: int = 0
    most: int = TRIES


@dataclass(frozen=True, slots=True)
class DeviceDetails:
    """What a camera says of itself by ONVIF. ahead_s: its clock minus this computer's."""

    maker: str
    model: str
    firmware: str
    ahead_s: float
    imaging: tuple[ImagingControl, ...]
    encoders: tuple[EncoderSettings, ...]


def check_encoder(wanted: EncoderSettings, before: EncoderSettings) -> None:
    """Raise NotDone for what the camera doesn't say that it can do."""
    is_other = (wanted.codec, wanted.width, wanted.height) != (before.codec, before.width, before.height)
    codec = wanted.codec.upper()
    choice = next((one for one in before.choices if one.codec == wanted.codec), EncoderChoice(wanted.codec, ()))
    if is_other and not choice.sizes:
        known = ", ".join(one.codec.upper() for one in before.choices) or "nothing else"
        raise NotDone(f"This camera doesn't offer {codec}.", f"Offered: {known}.")
    if is_other and (wanted.width, wanted.height) not in choice.sizes:
        sizes = ", ".join(f"{width} × {height}" for width, height in choice.sizes)
        raise NotDone(f"This camera doesn't offer {wanted.width} × {wanted.height} with {codec}.", f"Offered: {sizes}.")
    if wanted.fps != before.fps and not _is_within(wanted.fps, choice.fps) and wanted.fps not in choice.rates:
        rates = ", ".join(f"{one:g}" for one in choice.rates) or f"{choice.fps[0]:g} to {choice.fps[1]:g}"
        raise NotDone(f"This camera doesn't offer {wanted.fps:g} frames per second.", f"Offered: {rates}.")
    if wanted.quality != before.quality and not _is_within(wanted.quality, choice.quality):
        least, most = choice.quality
        raise NotDone(f"This camera doesn't offer a quality of {wanted.quality:g}.", f"Offered: {least:g} to {most:g}.")


def _is_within(value: float, span: tuple[float, float]) -> bool:
    return span[1] > 0 and span[0] <= value <= span[1]


@dataclass(frozen=True, slots=True)
class DeviceChange:
    """What to change in a camera. imaging: values by name. sets_clock: to this computer's time, in UTC."""

    imaging: Mapping[str, float | str] = field(default_factory=dict)
    encoder: EncoderSettings | None = None
    sets_clock: bool = False


class DeviceControl:
    """Controls devices; as an actor it ends timed movements and relay pulses, each in a thread of its own.

    The other methods are thread-safe and wait for cameras and scripts. settings: returns the current ones. Raises
    NotDone and SourceError. logins: what sign-in cameras offered before. newest_ms: returns when the newest frame of a
    camera's main or sub stream came, ms UTC; None if it isn't recorded now. kept: durable key-value store of relays
    that must be switched back, so that none stays on after a crash; None: not kept.
    """

    name = "timed orders"

    def __init__(
        self,
        settings: Callable[[], Settings],
        scripts: ScriptRunner,
        clock: Clock,
        logins: LoginHistory | None = None,
        newest_ms: Callable[[CameraId, str], int | None] = lambda *_: None,
        pause: Callable[[float], object] | None = None,
        kept: NotifierStore | None = None,
    ) -> None:
        self._settings, self._scripts, self._clock = settings, scripts, clock
        self._newest_ms, self._pause = newest_ms, pause or threading.Event().wait
        self._logins = logins or LoginHistory()
        self._steering: dict[CameraId, tuple[str, float]] = {}
        """Who has moved a camera last, and when, s monotonic."""
        self._moved_s: dict[CameraId, float] = {}
        self._saved_s: dict[tuple[CameraId, str], float] = {}
        """When a preset was saved last, s monotonic."""
        self._onvif: dict[CameraId, tuple[str, OnvifCamera]] = {}
        self._listeners: list[Callable[[str, bool], object]] = []
        self.due: dict[str, _Due] = {}
        self._lock = threading.Lock()
        self._kept, self._keeping, self._is_read = kept, threading.Lock(), kept is None
        self._needless: set[str] = set()
        """What could not be forgotten in `kept`."""
        self._ending: list[threading.Thread] = []
        self.handle = ActorHandle()

    def move(self, camera: CameraId, pan: float, tilt: float, zoom: float, lasts_s: float) -> None:
        made = self._camera(camera)
        self._no_later(f"track {camera}")
        with self._ended_later(f"ptz {camera}", lasts_s, made.stop), self._steered(camera):
            made.move(pan, tilt, zoom, lasts_s)  # not every camera obeys the timeout

    def stop(self, camera: CameraId) -> None:
        """Stop; once more later if the camera does not answer."""
        self._no_later(f"track {camera}")
        with self._steered(camera):
            self._stop(camera, f"ptz {camera}")

    def go_to(self, camera: CameraId, preset: str) -> None:
        with self._instead_of(f"ptz {camera}", f"track {camera}"), self._steered(camera):
            self._camera(camera).go_to(preset)

    def go_home(self, camera: CameraId) -> None:
        with self._instead_of(f"ptz {camera}", f"track {camera}"), self._steered(camera):
            self._camera(camera).go_home()

    def save_preset(self, camera: CameraId, name: str) -> None:
        """Store the present position; `home`: as the home position."""
        made = self._camera(camera)
        made.save_home() if name == HOME else made.save_preset(name)
        self._saved_s[camera, name] = self._clock.mono_s()

    def saved_s(self, camera: CameraId, name: str) -> float:
        """Return when a preset was saved last, s monotonic; -infinite if it wasn't since the start."""
        return self._saved_s.get((camera, name), -math.inf)

    def remove_preset(self, camera: CameraId, preset: str) -> None:
        """Remove a preset, given by name or token. Raises NotDone, also for one that the settings use."""
        made = self._camera(camera)
        there = made.presets()
        token = preset_token(preset, there)
        texts = {text for one in there if one.token == token for text in (one.name, token) if text}
        names = {text for text in texts if preset_token(text, there) == token}  # a token may be another one's name
        if used := preset_uses(self._settings(), camera, names):
            raise NotDone(f"Preset {preset} is still used: {', '.join(used)}.", "Choose another one there first.")
        made.remove_preset(preset)

    def steer(self, camera: CameraId, who: str) -> None:
        """Take the camera for STEERS_S. Raises NotDone while another person has it."""
        now_s = self._clock.mono_s()
        with self._lock:
            by, at_s = self._steering.get(camera, ("", -math.inf))
            if who != by and now_s - at_s < STEERS_S:
                left = math.ceil(STEERS_S - (now_s - at_s))
                raise NotDone(f"{by} is steering this camera.", f"Try again in {left} s.")
            self._steering[camera] = who, now_s

    def steered_by(self, camera: CameraId) -> str:
        """Return who steers the camera now; empty: no person."""
        by, at_s = self._steering.get(camera, ("", -math.inf))
        return by if self._clock.mono_s() - at_s < STEERS_S else ""

    def idle_s(self, camera: CameraId) -> float:
        """Return how long no command has moved the camera, s; infinite if none has, below 0 while one does."""
        return self._clock.mono_s() - self._moved_s.get(camera, -math.inf)

    def by_itself(self, camera: CameraId, preset: str) -> None:
        """Go to a preset, or HOME, without counting as steered: for patrols and the way back."""
        made = self._camera(camera)
        with self._instead_of(f"track {camera}"):
            made.go_home() if preset == HOME else made.go_to(preset)

    def drive(self, camera: CameraId, velocity: tuple[float, float, float], lasts_s: float) -> None:
        """Move without counting as steered: for tracking."""
        made = self._camera(camera)
        with self._ended_later(f"track {camera}", lasts_s + OBEYS_S, made.stop):
            made.move(*velocity, lasts_s)

    def halt(self, camera: CameraId) -> None:
        """Stop without counting as steered; once more later if the camera does not answer."""
        self._stop(camera, f"track {camera}")

    def _stop(self, camera: CameraId, key: str) -> None:
        made = self._camera(camera)
        self._no_later(key)
        try:
            made.stop()
        except SourceRefused:
            raise
        except TawnyError:
            self.do_later(key, AGAIN_S, made.stop)
            raise

    def position(self, camera: CameraId) -> tuple[float | None, float | None, float | None]:
        """Return pan, tilt and zoom as the camera reports them; None for what it doesn't."""
        return self._camera(camera).position()

    @contextmanager
    def _steered(self, camera: CameraId) -> Iterator[None]:
        """Count the camera as moved until it has answered, which may take longer than `return_after`."""
        with self._lock:
            self._moved_s[camera] = math.inf
        try:
            yield
        finally:
            with self._lock:
                self._moved_s[camera] = self._clock.mono_s()

    def switch(self, relay: str, *, on: bool, lasts_s: float | None) -> None:
        """Switch a relay. lasts_s: switch it back after this time, s, even if its answer to this order is lost."""
        self._read_kept()
        key, set_to = f"{_RELAY}{relay}", self._relay(relay)
        if lasts_s is not None:
            until_ms = self._clock.now_ms() + round(lasts_s * 1000)
            kept = json.dumps({"on": not on, "until_ms": until_ms, "lasts_s": lasts_s})
            with self._ended_later(key, lasts_s, lambda: set_to(not on), kept):
                set_to(on)
            return
        with self._instead_of(key):
            set_to(on)
        self._forget(key)

    def subscribe(self, listener: Callable[[str, bool], object]) -> None:
        """Tell each success of a relay: its name, and whether it is on. Called from any thread; must return at once."""
        self._listeners.append(listener)

    def relay_camera(self, relay: str) -> str | None:
        """Return the relay's camera, empty if it has none; None for an unknown relay."""
        found = self._settings().relays.get(relay)
        if found is not None:
            return found.camera
        camera, slash, _ = relay.partition("/")
        return camera if slash and self.turns(CameraId(camera)) else None

    def turns(self, camera: CameraId) -> bool:
        """Return whether this camera may support PTZ."""
        found = self._settings().cameras.get(camera)
        return found is not None and bool(found.onvif)

    def controls(self, camera: CameraId) -> CameraControls:
        """Query presets from the camera. A camera that does not respond is assumed to support PTZ."""
        relays = tuple(
            RelayOutput(name, one.camera, one.pulse or None)
            for name, one in self._settings().relays.items()
            if one.camera in ("", camera)
        )
        if not self.turns(camera):
            return CameraControls(turns=False, relays=relays)
        made, by = self._camera(camera), self.steered_by(camera)
        try:
            presets: tuple[str, ...] | None = tuple(one.name or one.token for one in made.presets())
        except NotDone:
            presets = None
        except SourceError as error:
            if isinstance(error, SourceLoginWeaker):
                log.warning("%s: %s", camera, error)
            return CameraControls(turns=True, relays=relays)
        try:
            relays += self._own_relays(camera, made.relays())
        except SourceError:
            log.info("%s reports no relays", camera)
        if presets is None:
            return CameraControls(turns=False, relays=relays)
        return CameraControls(turns=True, presets=presets, relays=relays, steered_by=by)

    def _own_relays(self, camera: CameraId, reported: Sequence[OnvifRelay]) -> tuple[RelayOutput, ...]:
        """Return the relays that the camera reports, without those that the settings name."""
        named = {one.output for one in self._settings().relays.values() if one.camera == camera}
        named |= {reported[0].token} if "" in named and reported else set()
        return tuple(
            RelayOutput(f"{camera}/{one.token}", camera, one.pulse_s, one.token, relay_kind(one.token))
            for one in reported
            if one.token not in named and len(f"{camera}/{one.token}") <= MOST_RELAY
        )

    def device(self, camera: CameraId) -> DeviceDetails:
        """Ask a camera what it is and how it is set. Raises NotDone without ONVIF, SourceError."""
        made, url, record = self._place(camera)
        about = ask_details(url, self._clock, record)
        try:
            imaging = tuple(read_imaging(made))
        except (NotDone, SourceError) as error:
            log.info("%s: no image settings: %s", camera, error)
            imaging = ()
        encoders = tuple(read_encoders(url, self._clock, record))
        return DeviceDetails(about.maker, about.model, about.firmware, about.ahead_ms / 1000, imaging, encoders)

    def change_device(self, camera: CameraId, wanted: DeviceChange) -> DeviceDetails:
        """Change settings of a camera, and return all as it then has them. Raises as `device`."""
        made, url, record = self._place(camera)
        if wanted.imaging:
            change_imaging(made, wanted.imaging)
        if wanted.encoder is not None:
            self._change_encoder(camera, wanted.encoder)
        if wanted.sets_clock:
            change_clock(url, self._clock, record)
            made.forget()
        return self.device(camera)

    def _change_encoder(self, camera: CameraId, wanted: EncoderSettings) -> None:
        """Set an encoder, and undo it if the stream that was there doesn't come back."""
        _, url, record = self._place(camera)
        encoders = read_encoders(url, self._clock, record)
        before = next((one for one in encoders if one.stream == wanted.stream), None)
        if before is None:
            raise NotDone(f"This camera has no {wanted.stream} stream that can be set.", "Reload the page.")
        check_encoder(wanted, before)
        was_there = self._newest_ms(camera, wanted.stream) is not None
        change_encoder(url, self._clock, wanted, record)
        if not was_there or self._returns(camera, wanted.stream):
            return
        change_encoder(url, self._clock, replace(before, token=wanted.token), record)
        raise NotDone(
            f"With these settings the camera sent no video within {RETURNS_S:.0f} s, so tawny has undone them.",
            "Try another codec or resolution.",
        )

    def _returns(self, camera: CameraId, stream: str) -> bool:
        """Return whether a stream delivers after its encoder was changed."""
        since_ms = self._clock.now_ms() + round(RESTARTS_S * 1000)
        until_s = self._clock.mono_s() + RETURNS_S
        while self._clock.mono_s() < until_s:
            newest_ms = self._newest_ms(camera, stream)
            if newest_ms is not None and newest_ms >= since_ms:
                return True
            self._pause(0.25)
        return False

    def _place(self, camera: CameraId) -> tuple[OnvifCamera, str, LoginRecord]:
        made, url = self._camera(camera), self._settings().cameras[camera].onvif
        place = OnvifService.of(url)
        return made, url, self._logins.record(camera, place.host, place.port_used)

    def step(self) -> float:
        self._read_kept()
        now_s = self._clock.mono_s()
        with self._lock:
            ready = {key: due for key, due in self.due.items() if due.at_s <= now_s}
            for due in ready.values():
                due.at_s = math.inf
        self._end_together(ready, STEP_S)
        with self._lock:
            return max(0.0, min([now_s + IDLE_S, *(one.at_s for one in self.due.values())]) - now_s)

    def close(self) -> None:
        """End all timed movements and relay pulses, also those that are being ended."""
        until_s = self._clock.mono_s() + CLOSE_S
        with self._lock:
            ready = {key: due for key, due in self.due.items() if due.at_s < math.inf}
        self._end_together(ready, CLOSE_S)
        for one in self._ending:
            one.join(max(0.0, until_s - self._clock.mono_s()))

    def _end_together(self, ready: Mapping[str, _Due], wait_s: float) -> None:
        """End each in a thread of its own: a camera that does not answer must not delay another's end."""
        until_s = self._clock.mono_s() + wait_s
        running = [start_thread(f"end {key}", partial(self._end, key, due)) for key, due in ready.items()]
        self._ending = [*(one for one in self._ending if one.is_alive()), *running]
        for one in running:
            one.join(max(0.0, until_s - self._clock.mono_s()))

    def _end(self, key: str, due: _Due) -> None:
        try:
            due.do()
        except TawnyError as error:
            due.tries += 1
            if due.tries <= TRIES or due.tries == due.most:
                log.warning("cannot end %s (attempt %d of %d): %s", key, due.tries, due.most, error)
            if due.tries < due.most and not isinstance(error, SourceRefused):  # which may lock the account
                due.at_s = self._clock.mono_s() + AGAIN_S
                self.handle.wake()
                return
        with self._lock:
            if self.due.get(key) is not due:
                return
            del self.due[key]
        if due.kept:
            self._forget(key)

    def _relay(self, relay: str) -> Callable[[bool], object]:
        """Return what switches the relay on or off. Raises NotDone for an unknown one."""
        means = self._relay_means(relay)
        return lambda on: self._set_relay(relay, means, on=on)

    def _set_relay(self, relay: str, means: Callable[[bool], object], *, on: bool) -> None:
        means(on)
        for listener in self._listeners:
            listener(relay, on)

    def _relay_means(self, relay: str) -> Callable[[bool], object]:
        found = self._settings().relays.get(relay)
        camera, slash, output = relay.partition("/")
        if found is None and slash:
            made = self._camera(CameraId(camera))
        elif found is None:
            raise NotDone(f"No relay named {relay}.", "See `relays` in the settings.")
        elif found.camera:
            made, output = self._camera(CameraId(found.camera)), found.output
        else:
            script = found.script
            return lambda on: self._scripts.run_well(script, {"type": "relay", "relay": relay, "on": on})
        return lambda on: made.switch(output, on=on)

    def _camera(self, camera: CameraId) -> OnvifCamera:
        found = self._settings().cameras.get(camera)
        if found is None or not found.onvif:
            raise NotDone(f"{camera} has no pan, tilt or relays.", f"Set `onvif` under `[cameras.{camera}]`.")
        with self._lock:
            known = self._onvif.get(camera)
            if known is None or known[0] != found.onvif:
                place = OnvifService.of(found.onvif)
                record = self._logins.record(camera, place.host, place.port_used)
                known = self._onvif[camera] = found.onvif, OnvifCamera(found.onvif, self._clock, record)
            return known[1]

    @contextmanager
    def _ended_later(self, key: str, seconds: float, do: Callable[[], object], kept: str = "") -> Iterator[None]:
        """End later what is ordered within, also if its answer is lost: the camera may have obeyed all the same."""
        try:
            yield
        except SourceRefused:  # it did nothing
            raise
        except TawnyError:
            self.do_later(key, seconds, do, kept)
            raise
        self.do_later(key, seconds, do, kept)

    @contextmanager
    def _instead_of(self, *keys: str) -> Iterator[None]:
        """Cancel the pending ends that the order within makes needless. If it fails, they stay."""
        with self._lock:
            before = {key: due for key in keys if (due := self.due.pop(key, None)) is not None}
        try:
            yield
        except TawnyError:
            for key, due in before.items():
                left_s = due.at_s - self._clock.mono_s()  # infinite while it is being done
                self.do_later(key, max(0.0, left_s) if left_s < math.inf else AGAIN_S, due.do, due.kept)
            raise

    def do_later(self, key: str, seconds: float, do: Callable[[], object], kept: str = "") -> None:
        due = _Due(self._clock.mono_s() + seconds, do, kept)
        with self._lock:
            self.due[key] = due
        self.handle.wake()
        if self._kept is None or not kept:
            return
        with self._keeping:
            try:
                if self.due.get(key) is due:  # else it was done or replaced meanwhile
                    self._kept.mark(key, kept)
            except StorageError as error:
                log.warning("%s is not switched back if the recorder crashes: %s", key, error)

    def _forget(self, key: str) -> None:
        """Forget what was kept of an end that was done, was given up or is needless."""
        if self._kept is None:
            return
        with self._keeping:
            try:
                if key not in self.due and key in self._kept.marks():
                    self._kept.mark(key, "")
            except StorageError as error:
                self._needless.add(key)
                log.warning("%s may be switched back once more at the next start: %s", key, error)

    def _read_kept(self) -> None:
        """Once after the start, take up the ends that a crash left undone; those overdue are due now.

        If it could not be read at once, orders since then take precedence.
        """
        with self._keeping:
            if self._is_read or self._kept is None:
                return
            try:
                marks = self._kept.marks()
            except StorageError as error:
                log.warning("cannot read which relays must be switched back, will retry: %s", error)
                return
            self._is_read = True
            for key, kept in marks.items():
                if key.startswith(_RELAY) and key not in self._needless:
                    try:
                        due = self._kept_due(key.removeprefix(_RELAY), kept)
                    except (ValueError, KeyError, TypeError) as error:
                        log.warning("cannot read when %s must be switched back: %r", key, error)
                        continue
                    with self._lock:
                        self.due.setdefault(key, due)

    def _kept_due(self, relay: str, kept: str) -> _Due:
        """Return the end that was kept. Raises ValueError, KeyError, TypeError."""
        about, found = json.loads(kept), self._settings().relays.get(relay)
        left_s = min(about["lasts_s"], max(0.0, (about["until_ms"] - self._clock.now_ms()) / 1000))
        most = TRIES if found is not None and found.script else TRIES_AFTER_START  # scripts need not start up
        do = partial(self._switch_back, relay, on=about["on"])
        return _Due(self._clock.mono_s() + left_s, do, kept, most=most)

    def _switch_back(self, relay: str, *, on: bool) -> None:
        try:
            set_to = self._relay(relay)
        except NotDone as error:
            log.warning("%s was left on by a crash, and is not in the settings any more: %s", relay, error)
            return
        set_to(on)

    def _no_later(self, *keys: str) -> None:
        with self._lock:
            for key in keys:
                self.due.pop(key, None)
