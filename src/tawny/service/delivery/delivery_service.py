"""Delivery service: the outbox, the schedulers that fill it, and the couriers. Recording does not depend on it."""

import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from tawny.config.settings import Settings
from tawny.delivery.delivery import Delivery, ReceivedAccess
from tawny.delivery.destination import ConnectionTestStep, RemoteFile
from tawny.delivery.notifiers import webpush
from tawny.delivery.outbox import Outbox, OutboxBacklog
from tawny.engine import Engine
from tawny.model.clock import Clock
from tawny.model.errors import DeliveryError, TawnyError
from tawny.model.events import Event
from tawny.model.ids import CameraId
from tawny.model.messages import Message
from tawny.model.times import Span, utc_text
from tawny.playback.clips import ClipCache
from tawny.service.delivery.contents import ContentFactory
from tawny.service.delivery.delivery_api import TargetView as AnyTarget
from tawny.service.delivery.notifications import MaySee, Notifications
from tawny.service.delivery.upload_scheduler import UploadScheduler
from tawny.service.delivery.uploads import Sweeper, Uploads
from tawny.service.health.alarms import HealthProblem
from tawny.service.health.checks import uploads_behind
from tawny.service.modes.decider import Decider
from tawny.service.modes.mode_service import RehearsalTargets
from tawny.service.plugin_registry import PluginRegistry
from tawny.service.recorder import RecorderService
from tawny.service.sealing.sealed_export import NoSealedExport, SealedExportApi

MEMORY_SHARE = 2
"""In memory mode the outbox may hold recordings of at most 1/MEMORY_SHARE of the memory limit."""
OVERFLOW_TOLD_MS = 86_400_000
"""How long, ms, it is told that deliveries were dropped."""
_STOP_S = 5.0


@dataclass(frozen=True, slots=True)
class DestinationStatus:
    """State of a destination."""

    name: str
    where: str
    waiting: OutboxBacklog
    trouble: str
    """Why deliveries fail at present; empty when they do not."""
    is_paused: bool
    last: Sequence[Delivery]


class DeliveryService:
    """Runs uploads and notifications. Created, started and closed together with the recorder.

    The other methods are thread-safe.
    """

    def __init__(
        self,
        settings: Settings,
        where: Path | str,
        recorder: RecorderService,
        doors: PluginRegistry,
        clock: Clock,
        engine: Engine,
        may_see: MaySee = lambda *_: False,
        deciding: Decider | None = None,
        sealed: SealedExportApi | None = None,
    ) -> None:
        """Create the service; `start` starts it.

        where: path of the outbox database, or `:memory:`. engine: runs the service's actors and no
        others. deciding: the rules. sealed: None: no camera is sealed.
        """
        sealed = sealed or NoSealedExport()
        self.outbox = Outbox(where, clock)
        self._settings, self._recorder, self._clock = settings, recorder, clock
        self._paused: set[str] = set()
        self._changing = threading.Lock()
        self._is_working = False
        self._engine = engine
        self._unsubscribe: Callable[[], None] = lambda: None
        self.sending = UploadScheduler(
            self.outbox,
            recorder,
            [],
            self._clip_of,
            clock,
            budget_bytes(settings),
            lambda: self._names,
            deciding,
            sealed,
        )
        self.bringing = Uploads(
            self.outbox,
            ContentFactory(recorder, ClipCache(recorder), recorder.event_picture, sealed),
            doors,
            clock,
            lambda: recorder.zone,
            self._paused.__contains__,
            self._brought,
            self._engine,
            lambda: None if (found := sealed.witness()) is None else (found, recorder.host),
        )
        self.messaging = Notifications(
            settings,
            self.outbox,
            recorder,
            doors,
            clock,
            self._clip_of,
            self.bringing.clip_link,
            may_see,
            deciding,
            sealed,
        )
        self._started = False
        self.save_write_only: Callable[[str], None] | None = None
        """Sets `write_only` of a destination in the settings. Raises TawnyError. None: the settings are fixed."""

    def start(self) -> None:
        self._unsubscribe = self._recorder.bus.subscribe(self._heard)
        self._started = True
        self.apply(self._settings)

    def apply(self, settings: Settings) -> None:
        """Apply changed settings, already validated. Restart only targets that differ; waiting deliveries stay."""
        with self._changing:
            before, self._settings = self._settings, settings
            if not self._started:
                return
            self.bringing.take_over(settings.destinations)
            self.sending.take_over(self.bringing.wishes(), budget_bytes(settings))
            if not self._is_working and self._names:
                self._is_working = True
                self.sending.handle = self._engine.start(self.sending.name, lambda: self.sending)
                self._engine.start(Sweeper.name, lambda: Sweeper(self.bringing, self.outbox, self._clock))
                self.messaging.start(self._engine, self._paused.__contains__)
            self.messaging.take_over(settings)
            for name in self._names:
                if _of(before, name) != _of(settings, name):
                    self.outbox.try_now(name)  # the backoff was caused by the previous settings

    def stop(self) -> None:
        """Stop the couriers. Interrupted and waiting deliveries stay in the outbox until the next start."""
        with self._changing:
            self._started = False
            self._unsubscribe()
            self.bringing.stop()
            self.messaging.stop()
            self._engine.stop(_STOP_S)

    def close(self) -> None:
        """Stop, and close the outbox. No method may be called afterwards."""
        self.stop()
        self.outbox.close()

    @property
    def rehearsed(self) -> RehearsalTargets:
        """The targets as the rule rehearsal sees them."""
        return RehearsalTargets(self.messaging.ears, self.bringing.wishes, self.messaging.acts.is_muted)

    def targets(self) -> list[DestinationStatus]:
        """Return the destinations."""
        return [self._target(name) for name in self._settings.destinations]

    def held(self) -> list[tuple[CameraId, Span]]:
        """Return the recordings that wait for upload, except those for targets no longer in the settings."""
        return self.outbox.held(self._names)

    def summary(self) -> dict[str, object]:
        """Return the backlog's count and age, as in `tawny status --json`."""
        waiting = self.outbox.waiting()
        oldest = None if waiting.oldest_ms is None else utc_text(waiting.oldest_ms)
        return {"waiting": waiting.count, "oldest": oldest}

    def pause(self, name: str, *, paused: bool) -> None:
        """Pause or resume a target. While paused, its deliveries wait. Raises KeyError for an unknown target."""
        self._known(name)
        (self._paused.add if paused else self._paused.discard)(name)
        self.try_now(name)

    def try_now(self, name: str) -> None:
        self._known(name)
        self.outbox.try_now(name)

    def troubles(self) -> list[HealthProblem]:
        """Return the targets whose backlog is too large or too old, or was cut. Reads the disk."""
        if not self._started:
            return []
        now_ms = self._clock.now_ms()
        overflowed = self.outbox.overflowed(now_ms - OVERFLOW_TOLD_MS)
        return list(uploads_behind(self.all_targets(), budget_bytes(self._settings), now_ms, overflowed))

    def all_targets(self) -> list[AnyTarget]:
        """Return the destinations, then the notifiers."""
        settings = self._settings
        found = [
            AnyTarget(
                one.name, "destination", one.where, "", ", ".join(settings.destinations[one.name].upload),
                one.waiting, one.trouble, one.is_paused, one.last, {}, _receives(settings, one.name),
            )
            for one in self.targets()
        ]  # fmt: skip
        for told in self.messaging.all():
            name = told.name
            found.append(
                AnyTarget(
                    name, "notifier", told.public, told.traits.shows, told.gets, self.outbox.waiting(name),
                    self.outbox.trouble(name), name in self._paused, self.outbox.ended(name),
                    self.messaging.acts.mutes(name), told.receives,
                )
            )  # fmt: skip
        return found

    def mute(self, name: str, camera: CameraId, for_ms: int) -> None:
        """Mute a camera for this time; 0 unmutes."""
        self._known(name)
        self.messaging.acts.mute(name, camera, for_ms)

    def push_key(self) -> str:
        """Return the VAPID public key browsers subscribe with; empty when no notifier uses Web Push."""
        kept = self.messaging.browsers()
        return webpush.public_key(kept) if kept else ""

    def tell_browser(self, person: str, endpoint: str, keys: tuple[str, str] | None) -> None:
        """Add or remove a browser subscription.

        keys: its p256dh and auth; None removes it. Raises ValueError if they are invalid and KeyError without a Web
        Push notifier.
        """
        kept = self.messaging.browsers()
        if kept is None:
            raise KeyError("webpush")
        if keys is None:
            webpush.remove(kept, endpoint)
        else:
            webpush.add(kept, webpush.Browser(person, endpoint, *keys))

    def act_words(self, name: str, token: str) -> str:
        """Return the question of a message action. Raises NotDone if the token is invalid or expired."""
        return self.messaging.acts.look(name, token).words

    def act(self, name: str, token: str) -> str:
        """Execute a message action; return its confirmation. Raises NotDone like `act_words`."""
        return self.messaging.acts.do(name, token)

    def told(self) -> list[dict[str, object]]:
        """Return all targets, as in `tawny notifications list --json` and `tawny uploads list --json`."""
        return [
            {
                "name": one.name,
                "kind": one.kind,
                "where": one.where,
                "waiting": one.waiting.count,
                "trouble": one.trouble,
                "paused": one.is_paused,
            }
            for one in self.all_targets()
        ]

    def tested(self, name: str) -> dict[str, object]:
        """Return the output of `tawny notifications test` and `tawny uploads test`.

        `known`: all names, for an unknown target.
        """
        try:
            steps = self.test(name)
        except KeyError:
            return {"known": self._names}
        return {"steps": [{"what": one.what, "wrong": one.wrong, "hint": one.do} for one in steps]}

    def swept(self, name: str, *, only_told: bool) -> dict[str, object]:
        """Return the output of `tawny uploads clean`. only_told: list the files, delete none.

        `known`: names, for an unknown destination.
        """
        chosen = self._settings.destinations
        if name not in chosen:
            return {"known": list(chosen)}
        try:
            found = self.bringing.too_old(name) if only_told else self.bringing.sweep(name)
        except DeliveryError as error:
            return {"error": {"code": error.code, "message": error.message, "hint": error.do}}
        items = [{"name": one.name, "size_bytes": one.size_bytes, "written_ms": one.modified_ms} for one in found]
        return {"keep_s": chosen[name].retention, "removed": not only_told, "items": items}

    def test(self, name: str) -> list[ConnectionTestStep]:
        """Test a destination or a notifier; set `write_only` of a destination whose login may not delete.

        Raises KeyError for an unknown name. Waits for the network.
        """
        settings = self._settings
        if name in settings.notifiers:
            return self.messaging.test(name)
        steps = self.bringing.test(name)
        if steps[-1].write_only and self.save_write_only is not None:
            try:
                self.save_write_only(name)
                steps.append(
                    ConnectionTestStep("`write_only = true` is now set: tawny deletes and lists nothing there")
                )
            except TawnyError as error:
                steps.append(ConnectionTestStep("Set `write_only = true`", error.message, error.do))
        return steps

    def too_old(self, name: str) -> list[RemoteFile]:
        """Return the files older than the destination's `retention`; delete none.

        Raises KeyError for an unknown destination and DeliveryError. Waits for the network.
        """
        return self.bringing.too_old(name)

    # --- inside ------------------------------------------------------------------------------------------------------

    @property
    def _names(self) -> list[str]:
        """Names of all targets."""
        return [*self._settings.destinations, *self._settings.notifiers]

    def _known(self, name: str) -> None:
        if name not in self._names:
            raise KeyError(name)

    def _heard(self, message: Message) -> None:
        if self._is_working:
            self.sending.heard(message)
            self.messaging.heard(message)

    def _brought(self, delivery: Delivery) -> None:
        """Forward a delivery that a destination's courier has ended."""
        self.sending.ended(delivery)
        self.messaging.telling.ended(delivery)

    def _target(self, name: str) -> DestinationStatus:
        return DestinationStatus(
            name,
            self.bringing.public(name),
            self.outbox.waiting(name),
            self.outbox.trouble(name),
            name in self._paused,
            self.outbox.ended(name),
        )

    def _clip_of(self, event: Event, now_ms: int) -> Span:
        known = {camera.status.id: camera for camera in self._recorder.cameras()}
        camera = known.get(event.camera)
        return event.clip(now_ms, camera.pre_s, camera.post_s) if camera else event.clip(now_ms, 5.0, 10.0)


def _of(settings: Settings, name: str) -> object:
    return settings.destinations.get(name) or settings.notifiers.get(name)


def _receives(settings: Settings, name: str) -> ReceivedAccess:
    """Return CLEAR unless all cameras of the destination are sealed."""
    cameras = settings.destinations[name].cameras or tuple(settings.cameras)
    is_sealed = bool(cameras) and all(settings.is_sealed(camera) for camera in cameras)
    return ReceivedAccess.SEALED if is_sealed else ReceivedAccess.CLEAR


def budget_bytes(settings: Settings) -> int:
    """Return the size limit, in bytes, of the recordings the outbox may hold on disk or in memory."""
    storage = settings.storage
    if storage.mode == "memory":
        return min(settings.outbox.budget, storage.memory // MEMORY_SHARE)
    return settings.outbox.budget
