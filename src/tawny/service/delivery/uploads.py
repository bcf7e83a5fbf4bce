"""Uploads: couriers per destination, connection tests, remote cleanup and links to uploaded clips."""

import logging
import threading
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, tzinfo
from zoneinfo import ZoneInfo

from tawny.config.destinations import DestinationSettings as Settings
from tawny.delivery.carrier import DeliveryContent
from tawny.delivery.connection_check import ConnectionTestStep, check_destination
from tawny.delivery.courier import Courier, CourierStopped, DeliveryRoute
from tawny.delivery.delivery import Delivery, DeliveryKind, DeliveryState
from tawny.delivery.destination import Destination, DestinationConnection, DestinationContext, FileCarrier, RemoteFile
from tawny.delivery.file_names import FORMER_PRESETS, checked
from tawny.delivery.outbox import Outbox
from tawny.delivery.rate_limit import RateLimitedContent, RateLimiter
from tawny.delivery.remote_cleanup import expired_files
from tawny.delivery.send_schedule import NEVER_S, SendSchedule
from tawny.delivery.witness_files import WitnessCarrier
from tawny.engine import Engine
from tawny.model.clock import Clock
from tawny.model.errors import DeliveryError
from tawny.model.ids import CameraId, EventId
from tawny.sealed.witness import Witness
from tawny.service.delivery.contents import ContentFactory
from tawny.service.delivery.upload_scheduler import UploadRule
from tawny.service.delivery.worker_pool import TargetWorker, WorkerPool
from tawny.service.plugin_registry import PluginRegistry

SWEEP_FIRST_S, SWEEP_AGAIN_S, SWEEP_EVERY_S = 120.0, 3600.0, 86_400.0
LINK_S = 6 * 3600.0
"""Validity, s, of a link in a message."""
log = logging.getLogger(__name__)


class Uploads:
    """Runs the destinations. Thread-safe. ended: called with every delivery that a courier has ended."""

    def __init__(
        self,
        outbox: Outbox,
        contents: ContentFactory,
        doors: PluginRegistry,
        clock: Clock,
        zone: Callable[[], str],
        is_paused: Callable[[str], bool],
        ended: Callable[[Delivery], None],
        engine: Engine,
        witness: Callable[[], tuple[Witness, str] | None] = lambda: None,
    ) -> None:
        """witness: returns the newest witness of the signed history and the name of this computer, if there is one."""
        self._witness, self._witnessed = witness, dict[str, str]()
        self._outbox, self._contents, self._doors, self._clock = outbox, contents, doors, clock
        self._zone, self._is_paused, self._ended = zone, is_paused, ended
        self._settings: Mapping[str, Settings] = {}
        self._without_links: set[str] = set()
        self._crew = WorkerPool[Settings](engine, self._begin)

    def take_over(self, settings: Mapping[str, Settings]) -> None:
        """Apply changed destinations: start, restart and stop couriers accordingly."""
        self._settings, self._without_links = dict(settings), set()
        self._crew.take_over(settings)

    def stop(self) -> None:
        """Stop the couriers. Interrupted deliveries stay in the outbox until the next start."""
        self._crew.stop()

    def wishes(self) -> list[UploadRule]:
        return [_wish(name, one, self._zone_of(one)) for name, one in self._settings.items()]

    def public(self, name: str) -> str:
        """Return the address without secrets. Raises KeyError for an unknown destination."""
        one = self._settings[name]
        return self._kind(one.url).public(one.url)

    def test(self, name: str, one: Settings | None = None) -> list[ConnectionTestStep]:
        """Test a destination. one: settings to test; None: the current ones.

        Raises KeyError for an unknown name. Waits for the network.
        """
        one = one or self._settings[name]
        kind = self._kind(one.url)
        public = f"{name} ({kind.public(one.url)})"
        return check_destination(lambda: self._connect(name, one), public, write_only=one.write_only)

    def too_old(self, name: str) -> list[RemoteFile]:
        """Return the files older than the destination's `retention`.

        Raises KeyError for an unknown destination and DeliveryError. Waits for the network.
        """
        one = self._settings[name]
        if one.retention is None:
            return []
        before_ms = self._clock.now_ms() - round(one.retention * 1000)
        connection = self._connect(name, one)
        try:
            former = [FORMER_PRESETS[one.names]] if one.names in FORMER_PRESETS else []
            patterns = [checked(one.names), *former]
            return list(expired_files(connection.files(), patterns, before_ms, self._zone_of(one)))
        finally:
            connection.close()

    def sweep(self, name: str) -> list[RemoteFile]:
        """Queue the removal of expired files behind all waiting deliveries. Return these files."""
        found = self.too_old(name)
        now_ms = self._clock.now_ms()
        for there in found:
            self._outbox.renew(
                Delivery(name, there.name, DeliveryKind.REMOVAL, {}, made_ms=now_ms, at_ms=there.modified_ms)
            )
        return found

    def kept_for_a_time(self) -> list[str]:
        """Return the names of destinations with a retention."""
        return [name for name, one in self._settings.items() if one.retention is not None]

    def clip_link(self, event: EventId) -> str:
        """Return a public link to an event's uploaded clip; empty if no destination offers one."""
        for done in self._outbox.of_event(event):
            one = self._settings.get(done.to)
            is_there = one is not None and done.what is DeliveryKind.CLIP and done.state is DeliveryState.DONE
            is_sealed = done.name.endswith(".tws")  # a sealed clip cannot be played through a link
            if one is None or not is_there or is_sealed or one.write_only or done.to in self._without_links:
                continue
            try:
                connection = self._connect(done.to, one)
                try:
                    link = connection.link(done.name, LINK_S)
                finally:
                    connection.close()
            except DeliveryError:
                continue
            if link:
                return link
            self._without_links.add(done.to)
        return ""

    # --- inside ------------------------------------------------------------------------------------------------------

    def _zone_of(self, one: Settings) -> tzinfo:
        return UTC if one.time_zone == "utc" else ZoneInfo(self._zone())

    def _begin(self, name: str, one: Settings, ending: threading.Event) -> Sequence[TargetWorker]:
        kind, pace = self._kind(one.url), RateLimiter(one.limit, self._clock)
        public = f"{name} ({kind.public(one.url)})"
        trigger = self._trigger(name, one)

        def carrier() -> WitnessCarrier:
            connection = self._connect(name, one)
            files = FileCarrier(connection, public, write_only=one.write_only)
            return WitnessCarrier(files, connection, name, self._witness, self._witnessed)

        def content(delivery: Delivery) -> DeliveryContent:
            return RateLimitedContent(self._contents.of(delivery), pace, wait)

        def wait(seconds: float) -> None:
            if ending.wait(seconds):
                raise CourierStopped

        def open_in_s() -> float:
            return NEVER_S if self._is_paused(name) else trigger.open_in_s()

        route = DeliveryRoute(name, carrier, content, open_in_s)
        numbers = range(1, one.parallel + 1)
        return [Courier(number, route, self._outbox, self._clock, self._ended) for number in numbers]

    def _trigger(self, name: str, one: Settings) -> SendSchedule:
        zone = ZoneInfo(self._zone())
        return SendSchedule(
            name, self._outbox, self._clock, zone, after=one.batch, minutes=one.minutes, hours=one.hours
        )

    def _connect(self, name: str, one: Settings) -> DestinationConnection:
        kind = self._kind(one.url)
        options = kind.settings(one.url, one.options)
        return kind.connect(DestinationContext(name, one.url, options, self._clock, one.write_only))

    def _kind(self, url: str) -> Destination:
        kind = self._doors.destination_of(url)
        assert kind is not None  # the settings were validated
        return kind


class Sweeper:
    """Removes expired files at destinations once a day; retries after SWEEP_AGAIN_S on failure."""

    name = "sweeping"

    def __init__(self, bringing: Uploads, outbox: Outbox, clock: Clock) -> None:
        self._bringing, self._outbox, self._clock = bringing, outbox, clock
        self._due_s: dict[str, float] = {}
        self._forgets_s = 0.0

    def step(self) -> float:
        now_s = self._clock.mono_s()
        if now_s >= self._forgets_s:
            self._outbox.forget_old()
            self._forgets_s = now_s + SWEEP_EVERY_S
        for name in self._bringing.kept_for_a_time():
            if self._due_s.setdefault(name, now_s + SWEEP_FIRST_S) <= now_s:
                self._due_s[name] = now_s + self._sweep(name)
        return SWEEP_FIRST_S

    def close(self) -> None:
        """No resources to release."""

    def _sweep(self, name: str) -> float:
        """Remove expired files. Return the delay until the next run, s."""
        try:
            self._bringing.sweep(name)
        except KeyError:  # the destination was removed
            return SWEEP_EVERY_S
        except DeliveryError as error:
            log.warning("cannot list expired files: %s", error)
            return SWEEP_AGAIN_S
        return SWEEP_EVERY_S


def _wish(name: str, one: Settings, zone: tzinfo) -> UploadRule:
    return UploadRule(
        name,
        checked(one.names),
        frozenset(one.upload),
        frozenset(CameraId(camera) for camera in one.cameras) or None,
        frozenset(one.kinds) or None,
        follows=not one.minutes and (one.batch or 1) == 1,
        names_sealed=one.sealed_names == "readable",
        write_only=one.write_only,
        zone=zone,
        max_s=one.max_duration,
    )
