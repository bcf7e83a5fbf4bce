"""Connects a recorder to others: a hub and what it copies, the connection to a hub, and both sides of a standby."""

import sys
from collections.abc import Callable, Iterator
from dataclasses import asdict
from pathlib import Path
from typing import Any

from fastapi import FastAPI

from tawny import __version__
from tawny.api import serializers
from tawny.api.auth.accounts import Caller
from tawny.api.context import AppContext
from tawny.api.fleet.box_requests import PICTURES_SEEN, BoxRequestHandler
from tawny.api.fleet.installer_rights import NEWER_FIELD, STATUS_FIELD
from tawny.api.fleet.standby_routes import STANDBY_FIELD
from tawny.app.recorder_parts import RecorderPlace
from tawny.app.running import RecorderRuntime
from tawny.fleet.box import BoxOffer, FleetMember, MemberState
from tawny.fleet.copies import FleetCopies
from tawny.fleet.copies_folder import REMEMBERED
from tawny.fleet.copy_store import CopyStore
from tawny.fleet.doubles import DOUBLE, DOUBLE_DO
from tawny.fleet.history_reader import HistoryReader
from tawny.fleet.hub import FleetHub
from tawny.fleet.hub_pass import PassStore, PassUse
from tawny.fleet.identity import fingerprint, load_or_make_key
from tawny.fleet.index_opening import open_index
from tawny.fleet.nats_link import NatsListener
from tawny.fleet.standby_member import StandbyMember, StandbyOffer
from tawny.fleet.standby_server import StandbyServer
from tawny.model.messages import ProblemKind
from tawny.service.box_scans import BoxScans
from tawny.service.box_update import UPDATE_LOG, UPDATE_ORDERED, BoxUpdate
from tawny.service.cameras.standby_cameras import (
    StandbyCameras,
    StandbyPlanner,
    member_problems,
    protected_problems,
)
from tawny.service.cameras.standby_condition import StandbyCondition, recorded_of
from tawny.service.cameras.standby_footage import PlacingServices, StandbyFootage
from tawny.service.health.alarms import HealthProblem
from tawny.service.json_format import newer_version
from tawny.service.standby_service import StandbyParts, StandbyService


def make_hub(place: RecorderPlace, site: AppContext) -> FleetHub | None:
    if not place.settings().hub.enabled or place.kept_in is None:
        return None
    key = load_or_make_key(place.kept_in)
    index = open_index(place.settings().hub.database, place.kept_in, place.clock, renew=True)
    return FleetHub(index, key, lambda: site.title, place.clock)


def make_nats_listener(place: RecorderPlace, hub: FleetHub) -> NatsListener | None:
    chosen = place.settings().hub.nats
    return NatsListener(chosen, fingerprint(hub.public_key), hub.accept) if chosen.address else None


def nats_problems(listener: NatsListener) -> Iterator[HealthProblem]:
    """Yield a problem while no recorder can connect through the NATS server."""
    if listener.problem:
        detail = f"Recorders can't connect to this hub by NATS: {listener.problem}."
        yield HealthProblem(ProblemKind.NATS, None, detail, "Check the NATS server and [hub.nats] in the settings.")


def hub_problems(hub: FleetHub) -> Iterator[HealthProblem]:
    """Yield why this hub stores nothing of its recorders, and the recorders that are there twice."""
    if (error := hub.storage_problem()) is not None:
        detail = f"What recorders send can't be stored here: {error.message}"
        yield HealthProblem(ProblemKind.HUB, None, detail, error.do, "storage")
    for name in hub.doubles.names():
        detail = f"Another recorder with the key of {name} wants to connect to this hub, and is refused."
        yield HealthProblem(ProblemKind.HUB, None, detail, DOUBLE_DO, f"double {name}")


def refusal_problems(member: FleetMember) -> Iterator[HealthProblem]:
    """Yield why the hub that this recorder has joined refuses it."""
    if member.state is MemberState.REFUSED:
        detail = f"This recorder isn't connected to its hub: {member.detail}."
        do = DOUBLE_DO if member.detail == DOUBLE else "See Settings → Hub."
        yield HealthProblem(ProblemKind.HUB, None, detail, do, "refused")


def make_copies(place: RecorderPlace, hub: FleetHub) -> FleetCopies:
    """Return what copies recordings of other recorders."""
    chosen = place.settings().hub.copies_folder
    folder = Path(chosen).expanduser() if chosen else place.folder / "copies"

    def keep_share() -> float:
        is_shared = folder.stat().st_dev == place.folder.stat().st_dev
        return place.settings().storage.retention.min_free if is_shared else 0.0

    store = CopyStore(folder, place.clock, keep_share, place.folder / REMEMBERED if chosen else None)
    return FleetCopies(hub, store, lambda: place.settings().hub.copies, place.clock)


def make_member(running: RecorderRuntime, site: AppContext, app: FastAPI) -> FleetMember:
    place = running.parts.place
    passes = PassStore(place.kept_in, place.clock, lambda: place.settings().fleet.hub_key)

    def note_seen(person: str, what: str) -> None:
        site.accounts.note(PICTURES_SEEN, person, Caller(""), what)

    answers = BoxRequestHandler(app, lambda: frozenset(place.settings().fleet.allow), PassUse(passes, note_seen))
    history = HistoryReader(running.parts.storage.store.volume.disk)

    def status() -> dict[str, Any]:
        given = passes.now()
        stated = {"until_ms": given.until_ms, "shares": given.shares} if given is not None else None
        newer = newer_version(site.updates)
        partners = [asdict(one) for one in site.standbys.stated()] if site.standbys is not None else []
        more = {STATUS_FIELD: stated, NEWER_FIELD: newer["version"] if newer else "", STANDBY_FIELD: partners}
        return serializers.health(site.health.now(), site.system).model_dump(mode="json") | more

    def offer() -> BoxOffer:
        name = place.settings().web.name or site.recorder.host  # `site` has a changed one later
        return BoxOffer(name, __version__, place.settings().fleet.allow, history, status, answers)

    return FleetMember(place.kept_in, lambda: place.settings().fleet, offer, place.clock)


def make_scans(place: RecorderPlace, is_at_risk: Callable[[], bool]) -> BoxScans:
    settings = ["--config", str(place.config)] if place.config is not None else []
    command = [sys.executable, "-P", "-m", "tawny.cli.scan_worker", "--data", str(place.folder), *settings]
    return BoxScans(command, is_at_risk)


def make_update(place: RecorderPlace, site: AppContext) -> BoxUpdate:
    def note() -> None:
        site.accounts.note(UPDATE_ORDERED, "", Caller(""), place.settings().fleet.hub)

    return BoxUpdate(lambda: place.settings().updates.command, place.folder / UPDATE_LOG, note)


def connect_standbys(running: RecorderRuntime, site: AppContext) -> None:
    """Make both sides of a standby, and what shows them to people."""
    place = running.parts.place
    storage = running.parts.storage
    condition = StandbyCondition(
        running.is_alive, lambda: running.arming.stopped is not None, running.parts.cameras.statuses,
        storage.store.volume.space,
    )  # fmt: skip
    work = StandbyCameras(running, running.index, storage.ledger, lambda: site.title, place.clock, condition)
    planner = StandbyPlanner(place.settings, running.arming, site.own_addresses, place.clock)
    site.standby = _make_standby(running, site, work)
    site.protected = _make_protected(running, site, planner)
    parts = StandbyParts(
        place.kept_in, site.protected, site.standby, running.index, place.clock, planner, work.id_of,
        lambda: site.title, lambda: [*site.own_addresses(), site.address],
    )  # fmt: skip
    site.standbys = StandbyService(running.changeable, parts)


def _make_standby(running: RecorderRuntime, site: AppContext, work: StandbyCameras) -> StandbyServer:
    place = running.parts.place

    def answer(standby: str) -> bool | None:
        return _recorded(running) is not None if place.settings().standby.key == standby else None

    return StandbyServer(
        place.kept_in, place.clock, work, lambda: place.settings().standby.enabled, lambda: site.title, answer
    )


def _make_protected(running: RecorderRuntime, site: AppContext, planner: StandbyPlanner) -> StandbyMember:
    place, parts = running.parts.place, running.parts
    placer = StandbyFootage(
        PlacingServices(
            place.settings, lambda: site.title, parts.storage.store.volume, running.index, parts.storage.ledger,
            running.bus, place.clock, parts.storage.sealing.seals, parts.filler, running.arming.modes.changes,
        )
    )  # fmt: skip

    def offer() -> StandbyOffer:
        name = place.settings().web.name or site.recorder.host  # `site` has a changed one later
        return StandbyOffer(name, __version__, planner, lambda: _recorded(running), placer)

    return StandbyMember(place.kept_in, lambda: place.settings().standby, offer, place.clock)


def _recorded(running: RecorderRuntime) -> list[str] | None:
    return recorded_of(running.parts.cameras.statuses()) if running.is_alive() else None


def standby_problems(standby: StandbyServer, protected: StandbyMember) -> list[HealthProblem]:
    doubles = standby.doubles.names()
    return [*protected_problems(standby.states(), standby.why_not_ready, doubles), *member_problems(protected)]
