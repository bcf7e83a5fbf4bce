"""A recorder that records nothing, and a browser to look at it with."""

import asyncio
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path
from typing import Any
from unittest.mock import Mock
from zoneinfo import ZoneInfo

import httpx
from fastapi import FastAPI

from tawny.api.application import make_routes
from tawny.api.auth.access import COOKIE
from tawny.api.auth.accounts import Account, Accounts, Caller, Role
from tawny.api.auth.accounts_file import AccountsFile
from tawny.api.auth.passes import Passes
from tawny.api.auth.passwords import Passwords
from tawny.api.auth.shares import Shares
from tawny.api.client_address import AllowedHosts
from tawny.api.context import AppContext
from tawny.api.errors import not_found
from tawny.api.inbox import Inbox
from tawny.api.past.clip_store import ClipStore
from tawny.api.static_files import StaticFiles
from tawny.config.changes import plain_table
from tawny.config.recognition import SearchSettings
from tawny.config.settings import DetectionSettings, LiveSettings, Settings, UpdateSettings
from tawny.config.zones import Points
from tawny.delivery.outbox_marks import OutboxMarks
from tawny.detection.detector import DetectorParameter
from tawny.detection.watcher import LiveMeter
from tawny.engine import Bus, ThreadEngine
from tawny.engine.connections import ConnectionManager
from tawny.events.modes import ActiveHold
from tawny.model.errors import TawnyError
from tawny.model.events import Event
from tawny.model.geometry import UPRIGHT, Orientation
from tawny.model.ids import CameraId, EventId, StreamName
from tawny.model.messages import Alarm, EventChanged
from tawny.model.observations import MotionFigure, ObjectPath, RecognisedText
from tawny.model.states import CameraState, CameraStatus
from tawny.model.times import Span
from tawny.playback.evidence import EvidenceCheck, EvidenceResult
from tawny.playback.past_orientation import PastOrientation
from tawny.service.address.address_service import AddressMeans, AddressService
from tawny.service.backup.backup_service import BackupService
from tawny.service.cameras.masking_cost import MaskingCost
from tawny.service.changeable_settings import ChangeableSettings, SettingsEditor
from tawny.service.delivery.delivery_service import DeliveryService
from tawny.service.delivery.target_settings import TargetSettingsService
from tawny.service.detection.appearance_service import AppearanceService, AppearanceSource
from tawny.service.detection.embedding_search import SearchModel
from tawny.service.detection.event_marks import Muting, MutingOffer, Mutings
from tawny.service.detection.identity_store import IdentityStore
from tawny.service.detection.recognition_service import IdentityService
from tawny.service.detection.sound_service import DetectedSound
from tawny.service.health.monitor import HealthMonitor, HealthReport
from tawny.service.integrations.integration_service import CommandMeans, IntegrationService
from tawny.service.languages import Languages
from tawny.service.modes.mode_controller import ModeController
from tawny.service.modes.mode_service import ModePlan, ModeStatus, OutcomeInfo
from tawny.service.modes.replay import Replay
from tawny.service.plugin_registry import PluginRegistry
from tawny.service.recorder import (
    CameraView,
    DetectionChangedInfo,
    DetectionView,
    DetectorView,
    DiskInfo,
    RecorderWarning,
)
from tawny.service.sealing.history_watch import HistoryWatch
from tawny.service.sealing.sealing_service import SealingService
from tawny.service.system_actions import SystemActions
from tawny.service.updates import UpdateCheck
from tawny.service.visits import Neighbors
from tawny.sources.phone import Phone
from tawny.sources.source import Speaker
from tawny.storage.disk.layout import scores_path
from tawny.storage.disk.volume import Volume
from tawny.storage.index.appearance_db import AppearanceDb
from tawny.storage.index.protocol import Index
from tawny.stream.hub import Hub
from tawny.testing.clock import FakeClock
from tests.playback.archives import MAIN, PORCH, SUB, FakeArchive

PASSWORD = "correct horse battery"
ORIGIN = "http://tawny.test"
OURS = {"X-Tawny": "1", "Origin": ORIGIN}


class FakeTuning:
    """`service.recorder.DetectionTuningApi` of the one camera."""

    def __init__(self, clock: FakeClock, index: Index) -> None:
        self.muted = Mutings(None, index, clock, lambda _camera, _span: (), lambda _at_ms: True)
        self.sounds_heard: list[DetectedSound] = []
        self.clock, self.watch, self.met = clock, DetectionSettings(), LiveMeter()
        self.masks: tuple[Points, ...] = ()
        self.changed: DetectionChangedInfo | None = None
        self.notes: dict[str, Any] = {}
        self.orientation = UPRIGHT
        self.refuses: TawnyError | None = None

    def detectors(self) -> Sequence[DetectorView]:
        numbers = {"sensitivity": DetectorParameter(50, 1, 100, is_whole=True)}
        return [DetectorView("motion", "Ours.", numbers), DetectorView("framediff", "Simple.", numbers)]

    def readers(self) -> Sequence[str]:
        return ["plates"]

    def watching(self, camera: CameraId) -> DetectionView | None:
        if camera != PORCH:
            return None
        version = str(hash(str([plain_table(self.watch), self.masks])))
        return DetectionView(
            self.watch, self.masks, version, is_kept=True, notes=self.notes, trouble="", changed=self.changed
        )

    def meter(self, camera: CameraId) -> LiveMeter | None:
        return self.met if camera == PORCH else None

    def change(self, camera: CameraId, watch: DetectionSettings, privacy_masks: tuple[Points, ...], by: str) -> None:
        if self.refuses is not None:
            raise self.refuses
        self.watch, self.masks, self.changed = watch, privacy_masks, DetectionChangedInfo(by, self.clock.now_ms())

    def masking_cost(self, camera: CameraId) -> MaskingCost:
        if self.refuses is not None:
            raise self.refuses
        return MaskingCost(0.354, 24_000_000_000, 18_000_000_000, "libx264", is_quick_enough=True, seconds=8.0)

    def turn(self, camera: CameraId, orientation: Orientation, by: str) -> None:
        if self.refuses is not None:
            raise self.refuses
        self.orientation, self.changed = orientation, DetectionChangedInfo(by, self.clock.now_ms())

    def sounds(self, camera: CameraId) -> Sequence[DetectedSound]:
        return self.sounds_heard

    def sound_models(self) -> Sequence[str]:
        return ["house-sounds"]

    def mutings(self, camera: CameraId) -> tuple[Sequence[Muting], Sequence[MutingOffer]]:
        return self.muted.all(camera), self.muted.offers(camera)

    def mute(self, camera: CameraId, event: EventId, by: str) -> Muting:
        return self.muted.mute(camera, event, by)

    def renew_muting(self, camera: CameraId, muting: str) -> bool:
        return self.muted.renew(camera, muting)

    def unmute(self, camera: CameraId, muting: str) -> bool:
        return self.muted.unmute(camera, muting)


class FakeRecorder(FakeArchive):
    """`api.Recorder`: one camera, `porch`, with both streams."""

    host, zone = "garage-pi", "Europe/Berlin"

    def __init__(self, root: Path, clock: FakeClock) -> None:
        super().__init__(root)
        self.clock, self.bus, self.started_ms = clock, Bus(), clock.now_ms()
        self.tuning = FakeTuning(clock, self.index)
        self.speakers: dict[CameraId, Speaker] = {}
        self.hubs = {(PORCH, MAIN): Hub(), (PORCH, SUB): Hub()}
        self.listed = [
            CameraView(CameraStatus(PORCH, "Front door", CameraState.RECORDING, clock.now_ms()), (MAIN, SUB))
        ]
        self.viewers: list[tuple[CameraId, StreamName, int]] = []
        self.warned: list[RecorderWarning] = []
        self.alarmed: list[Alarm] = []
        self.event_pictures: dict[EventId, bytes] = {}
        self.sealed_pictures: dict[EventId, Path] = {}
        self.event_loops: dict[EventId, bytes] = {}
        self.sealed_paths: dict[EventId, Path] = {}
        self.proved = EvidenceResult(1, "ab" * 32, (), EvidenceCheck([], [], 0, 0))
        self.event_paths: dict[EventId, tuple[ObjectPath, ...]] = {}
        self.moved: list[tuple[int, int]] = []
        self.measured: list[MotionFigure] = []
        self.known: dict[str, str] = {}
        self.removed: dict[CameraId, str] = {}
        self.near: frozenset[frozenset[CameraId]] = frozenset()

    def cameras(self) -> Sequence[CameraView]:
        return self.listed

    def camera_names(self) -> Mapping[CameraId, str]:
        return {one.status.id: one.status.name for one in self.listed}

    def neighbors(self) -> Neighbors:
        return self.near

    def removed_cameras(self) -> Mapping[CameraId, str]:
        return self.removed

    def set_state(self, state: CameraState, detail: str = "") -> None:
        status = replace(self.listed[0].status, state=state, detail=detail, since_ms=self.clock.now_ms())
        self.listed[0] = replace(self.listed[0], status=status)

    def hub(self, camera: CameraId, stream: StreamName) -> Hub | None:
        return self.hubs.get((camera, stream))

    def speaker(self, camera: CameraId) -> Speaker | None:
        return self.speakers.get(camera)

    def watched(self, camera: CameraId, stream: StreamName, viewers: int) -> None:
        self.viewers.append((camera, stream, viewers))

    def disk(self) -> DiskInfo | None:
        return DiskInfo(
            free_bytes=70, total_bytes=100, used_bytes=20, full_at_ms=None, keeps_days=None, fits=None, outlook=""
        )

    def warnings(self) -> Sequence[RecorderWarning]:
        return self.warned

    def alarms(self) -> Sequence[Alarm]:
        return self.alarmed

    def zone_scores(self, camera: CameraId, zone: str, within: Span) -> bytes:
        scores_path(camera, within.begin_ms, zone)
        return bytes(len(self.scores(camera, within)))

    def grids(self, camera: CameraId, within: Span) -> Sequence[tuple[int, int]]:
        return [(at_ms, grid) for at_ms, grid in self.moved if within.begin_ms <= at_ms < within.end_ms]

    def figures(self, camera: CameraId, within: Span) -> Sequence[MotionFigure]:
        return [one for one in self.measured if within.begin_ms <= one.at_ms < within.end_ms]

    def motion_frames(self, event: Event) -> int:
        return sum(one.moves for one in self.measured)

    def called(self, read: RecognisedText) -> str:
        return self.known.get(read.who or read.text, "")

    def event_loop(self, event: Event) -> bytes | None:
        return self.event_loops.get(event.id)

    def event_objects(self, event: Event) -> tuple[ObjectPath, ...]:
        return self.event_paths.get(event.id, ())

    def sealed_objects(self, event: Event) -> Path | None:
        return self.sealed_paths.get(event.id)

    def event_picture(self, event: Event) -> bytes | None:
        return self.event_pictures.get(event.id)

    def prove(self, camera: CameraId, span: Span, folder: Path, progress: Callable[[float], None]) -> EvidenceResult:
        folder.mkdir()
        (folder / "manifest.json").write_text(f"{camera} {span.begin_ms}")
        progress(1.0)
        return self.proved

    def masked(self, event: Event, stored: bytes | None, *, is_strip: bool = False) -> bytes | None:
        return PastOrientation(self).masked(event, stored, is_strip=is_strip)

    def sealed_picture(self, event: Event, *, is_loop: bool = False) -> Path | None:
        return self.sealed_pictures.get(event.id)

    def mark_event(
        self,
        event_id: EventId,
        *,
        kept: bool | None = None,
        reviewed: bool | None = None,
        false_alarm: str | None = None,
        said: str | None = None,
        known: RecognisedText | None = None,
    ) -> Event | None:
        event = self.index.event(event_id)
        if event is None:
            return None
        event = replace(
            event,
            kept=event.kept if kept is None else kept,
            reviewed=event.reviewed if reviewed is None else reviewed,
            false_alarm=event.false_alarm if false_alarm is None else false_alarm,
            said=event.said if said is None else said,
            reads=event.reads if known is None else (known,),
        )
        self.index.put_event(event)
        self.bus.publish(EventChanged("updated", event))
        return event


class FakeModes(Mock):
    """`api.ModesDesk`: the porch is private."""

    def now(self) -> ModeStatus:
        held = ActiveHold(PORCH, "pause", "Anna", 5, None)
        return ModeStatus(("home", "away"), "home", "", False, 0, None, (), (), "", (held,), ())

    def plan(self) -> ModePlan:
        return ModePlan({}, (), is_in_file=True, does={"home": "All is recorded."})

    def does(self, seen: Iterable[str] | None = None) -> dict[str, str]:
        return {"home": "All is recorded."}

    def why(self, event: EventId) -> Sequence[OutcomeInfo]:
        return ()

    def presets(self) -> dict[str, object]:
        return {}

    def replay(self, *_: object) -> Replay:
        return Replay(0, 1, "", (), ())


class Unwatched(HealthMonitor):
    """A recorder that has not tested itself yet."""

    def __init__(self) -> None: ...

    def now(self) -> HealthReport:
        return HealthReport(None, is_testing=False, check_in=None)

    def test_now(self) -> None: ...


class NotGiven:
    """In place of a service that a test has to give its house itself: the answer to each request for it says so."""

    def __init__(self, part: str) -> None:
        self.part = part

    def __getattr__(self, name: str) -> Any:
        raise not_found(f"This house has no {self.part}.", f"Set `site.{self.part}` to one with {name}.")


def not_given(part: str) -> Any:
    return NotGiven(part)


def machine_names() -> frozenset[str]:
    return frozenset({"garage-pi"})


@dataclass
class House:
    """All that a test needs."""

    recorder: FakeRecorder
    clock: FakeClock
    accounts: Accounts
    passes: Passes
    site: AppContext
    app: FastAPI

    def person(self, name: str, role: Role, password: str = PASSWORD) -> Account:
        return self.accounts.put_person(name, role, asyncio.run(self.site.passwords.hash(password)))

    def signed_in(self, role: Role = Role.OWNER, cameras: Iterable[str] | None = None) -> httpx.AsyncClient:
        """A browser with a session of its own. cameras: those that may be seen; None: all."""
        person = self.accounts.put_person(f"{role} {len(self.accounts.people())}", role)
        if cameras is not None:
            person = self.accounts.change_person(person, role, map(CameraId, cameras))
        return self.browser(self.accounts.begin_session(person, Caller("127.0.0.1")))

    def browser(self, session: str = "") -> httpx.AsyncClient:
        """A page of ours in a browser: it sends what browsers send."""
        client = httpx.AsyncClient(
            transport=httpx.ASGITransport(self.app, raise_app_exceptions=False), base_url=ORIGIN, headers=OURS
        )
        if session:
            client.cookies.set(COOKIE, session)
        return client


def make_house(folder: Path) -> House:
    clock = FakeClock()
    recorder = FakeRecorder(folder, clock)
    file = AccountsFile(":memory:")
    accounts, passes = Accounts(file, clock), Passes(file, clock)
    site = make_site(recorder, accounts, passes, Shares(file, clock))
    site.names = AllowedHosts(clock, machine_names, ["tawny.test"])
    site.owner.has_owner = True  # what a new recorder answers is in test_first_setup
    app = routes()
    app.state.site = site
    return House(recorder, clock, accounts, passes, site, app)


def make_site(recorder: FakeRecorder, accounts: Accounts, passes: Passes, shares: Shares) -> AppContext:
    """The parts of a recorder without settings that any page may use; the others are NotGiven."""
    clock, folder = recorder.clock, recorder.root
    changeable = ChangeableSettings(Settings, lambda *_: None, None)
    engine, plugins = ThreadEngine(clock, lambda *_: None), plug_ins()
    outside = DeliveryService(Settings(), ":memory:", recorder, plugins, clock, engine)
    modes = ModeController(Settings, ZoneInfo("UTC"), None, clock, Bus(), lambda _: False, lambda _: frozenset())
    means = CommandMeans(Mock(), modes.modes, OutboxMarks(outside.outbox, "inputs/"), lambda *_: None)
    address = AddressService(changeable, AddressMeans(machine_names), clock)
    source = AppearanceSource(recorder.index, lambda _: None, lambda _: False, lambda: 0.0)
    return AppContext(
        recorder=recorder,
        accounts=accounts,
        passes=passes,
        shares=shares,
        interface=StaticFiles({}),
        passwords=Passwords(memory_kib=8, rounds=1),
        languages=Languages(None),
        metrics_token="",
        live=LiveSettings(),
        answer_challenge=address.challenges.answer,
        clip_store=ClipStore(None, 64_000_000),
        inbox=Inbox(None),
        phones=Phone(),
        hosts=("127.0.0.1",),
        connections=ConnectionManager(clock),
        machine_names=machine_names,
        own_addresses=tuple,
        can_restart=False,
        restart=lambda: None,
        caring=Unwatched(),
        outside=outside,
        modes=FakeModes(),
        models=not_given("models"),
        known=IdentityService(IdentityStore(None, None), Settings, {}),
        appearance=AppearanceService(lambda: AppearanceDb(None), source, SearchModel(SearchSettings, {}), clock),
        placing=TargetSettingsService(changeable, outside, plugins),
        orders=IntegrationService(Settings, recorder, means, clock, engine),
        keeping=not_given("keeping"),
        connecting=not_given("connecting"),
        picture=not_given("picture"),
        setup=not_given("setup"),
        first_setup=not_given("first_setup"),
        storing=not_given("storing"),
        recording=not_given("recording"),
        deleting=not_given("deleting"),
        diagnostics=not_given("diagnostics"),
        sealed=SealingService(folder, clock, changeable, ""),
        history=HistoryWatch(Volume.at(folder), None, clock, "UTC"),
        secure=address,
        backup=BackupService(None, None, "garage", clock),
        changeable=changeable,
        editor=SettingsEditor(changeable, clock),
        system=SystemActions({}, lambda _: False, recorder.bus.publish, clock, lambda: None, lambda: None),
        updates=UpdateCheck(lambda: UpdateSettings(url=""), clock, "0.1.0"),
        log_lines=str,
    )


@cache
def plug_ins() -> PluginRegistry:
    return PluginRegistry.opened()


@cache
def routes() -> FastAPI:
    """Making them takes a tenth of a second: all tests share them, one after the other."""
    return make_routes()
