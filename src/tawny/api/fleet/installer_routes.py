"""Routes of the view “Maintenance” of a hub: health, version and settings of every recorder, without any picture.

And what a recorder itself answers for it: its settings as text.
"""

from collections.abc import Iterator, Mapping
from contextlib import suppress
from typing import Literal

from fastapi import APIRouter
from pydantic import ValidationError

from tawny.api import schemas
from tawny.api.auth.access import Access, Signed, rule
from tawny.api.context import Context
from tawny.api.errors import RequestRefused
from tawny.api.fleet.installer_rights import NEWER_FIELD, pass_in
from tawny.api.fleet.relay_routes import hub_of
from tawny.api.fleet.standby_routes import StandbyPartner, partners_in
from tawny.api.request_handling import WorkerRoute
from tawny.fleet.fleet_index import MOST_CAMERAS
from tawny.fleet.hub import BoxState
from tawny.model.errors import SettingsError
from tawny.model.states import EXPECTED, ON_WATCH, TROUBLE, CameraState
from tawny.model.times import LATEST_MS

router = APIRouter(prefix="/api/v1", route_class=WorkerRoute)
install = [rule(Access.INSTALL)]
MOST_PROBLEMS = 20
Level = Literal["offline", "problem", "warning", "unknown", "fine"]
_ORDER: Mapping[Level, int] = {"offline": 0, "problem": 1, "warning": 2, "unknown": 3, "fine": 4}


class InstallerProblem(schemas.ApiResponse):
    """camera, state: of a camera that doesn't record as it should; else empty. what, do: as sentences, may be empty.

    A state without a camera: some don't record, and it isn't known which; `what` counts them.
    """

    camera: str
    state: str
    what: str
    do: str


class InstallerRecorder(schemas.ApiResponse):
    """A recorder as those see it who look after it. All but `online` is as it was at `seen_ms`."""

    id: str
    name: str
    online: bool
    seen_ms: int
    version: str
    newer: str
    """A newer version that it knows of; empty: none."""
    level: Level
    """`unknown`: its owner doesn't allow `health`."""
    problems: list[InstallerProblem]
    """The worst one first."""
    working: int
    expected: int
    disk_days: float | None
    """Days of recordings that fit on its disk; null: unknown."""
    standbys: list[StandbyPartner]
    """Its standby, and the recorders that it protects."""
    allow: list[str]
    pass_until_ms: int | None
    """Until when its owner's pass lets installers see pictures; null: there is none."""


class InstallerRecorderList(schemas.ApiResponse):
    """now_ms: of the hub. Those with problems come first."""

    now_ms: int
    version: str
    recorders: list[InstallerRecorder]


class SettingsText(schemas.ApiResponse):
    """What differs from the defaults, one setting a line. Secrets are replaced."""

    text: str


@router.get("/fleet/maintenance", dependencies=install)
def fleet_maintenance(context: Context, signed: Signed) -> InstallerRecorderList:
    """Return health and version of every recorder of this hub, without any picture."""
    now_ms = context.recorder.clock.now_ms()
    found = [_kept(one, now_ms) for one in hub_of(context, signed).states()]
    found.sort(key=lambda one: (_ORDER[one.level], one.name.casefold(), one.id))
    return InstallerRecorderList(now_ms=now_ms, version=context.updates.running, recorders=found)


@router.get("/settings/text", dependencies=install)
def settings_text(context: Context) -> SettingsText:
    """Return the settings in force that differ from the defaults, as text without secrets."""
    try:
        return SettingsText(text=context.diagnostics.settings_text())
    except SettingsError as error:
        raise RequestRefused(
            409, "settings_damaged", "The settings can't be shown.", "Run `tawny config check`."
        ) from error


def _kept(state: BoxState, now_ms: int) -> InstallerRecorder:
    box, status = state.box, state.status
    knows_health = "health" in state.allow and bool(status)
    problems = list(_problems(status))[:MOST_PROBLEMS] if knows_health else []
    level: Level = "fine" if knows_health else "unknown"
    if problems:
        level = "problem" if problems[0].state else "warning"
    disk, until_ms = status.get("disk"), pass_in(status)[0]
    days = disk.get("keeps_days") if isinstance(disk, Mapping) else None
    return InstallerRecorder(
        id=box.id, name=box.name, online=state.is_online, seen_ms=box.seen_ms, version=state.version,
        newer=str(status.get(NEWER_FIELD) or "")[:60],
        level=level if state.is_online else "offline", problems=problems,
        working=_number(status.get("working")), expected=_number(status.get("expected")),
        disk_days=float(days) if isinstance(days, int | float) and 0 <= days < 1e6 else None,
        standbys=list(partners_in(status)) if knows_health else [],
        allow=list(state.allow),
        pass_until_ms=until_ms if state.is_online and now_ms < until_ms <= LATEST_MS else None,
    )  # fmt: skip


def _problems(status: Mapping[str, object]) -> Iterator[InstallerProblem]:
    """Yield the problems that a recorder reports: of its cameras, then of all of it. Other forms are left out."""
    cameras, warnings = status.get("cameras"), status.get("warnings")
    expected, working, others = status.get("expected"), status.get("working"), list[InstallerProblem]()
    missing = expected - working if isinstance(expected, int) and isinstance(working, int) else 0
    for one in cameras[:MOST_CAMERAS] if isinstance(cameras, list) else ():
        entry = one if isinstance(one, Mapping) else {}
        name, detail = str(entry.get("name", ""))[:100] or "?", str(entry.get("detail", ""))[:500]
        try:
            state = CameraState(str(entry.get("state")))
        except ValueError:  # of another version
            others.append(InstallerProblem(camera=name, state=CameraState.UNKNOWN, what=detail, do=""))
            continue
        missing -= state in EXPECTED - ON_WATCH
        if state in TROUBLE:
            yield InstallerProblem(camera=name, state=state, what=detail, do="")
    if missing > 0:
        summary = str(status.get("summary") or f"{working} of {expected} cameras working.")[:500]
        yield from others or [InstallerProblem(camera="", state=CameraState.UNKNOWN, what=summary, do="")]
    for one in warnings if isinstance(warnings, list) else ():
        with suppress(ValidationError):
            warning = schemas.WarningInfo.model_validate(one)
            yield InstallerProblem(camera="", state="", what=warning.message[:500], do=warning.hint[:500])


def _number(data: object) -> int:
    return data if type(data) is int else 0
