"""Routes of all settings and of the whole recorder: single keys of the file, countdowns of actions, the log."""

import re
from collections.abc import Iterator, Sized
from contextlib import contextmanager
from dataclasses import asdict, replace
from typing import Annotated, Literal
from urllib.parse import urlsplit

from fastapi import APIRouter
from pydantic import Field
from starlette.requests import Request

from tawny import __version__
from tawny.api.auth.access import Access, Note, Signed, rule
from tawny.api.auth.account_routes import require_recent
from tawny.api.auth.accounts import Role
from tawny.api.auth.linked_names import BY_PROXY
from tawny.api.client_address import TrustedProxies
from tawny.api.context import AppContext, Context
from tawny.api.errors import RequestRefused, bad_setting
from tawny.api.request_handling import WorkerRoute
from tawny.api.schemas import ApiRequest, ApiResponse, OkResponse
from tawny.config.catalog import Kind, SettingTable, TableInstance
from tawny.config.settings import Settings, proxy_networks
from tawny.config.units import duration_text
from tawny.model.errors import FolderUnwritable, NotDone, SettingsError
from tawny.service.changeable_settings import SettingConflict, SettingWrite
from tawny.service.json_format import newer_version
from tawny.service.recorder import DiskInfo
from tawny.service.system_actions import (
    LONGEST_STOP_S,
    Action,
    MachineFacts,
    machine_facts,
)
from tawny.service.updates import UpdateCheck, Way, installed_by

router = APIRouter(prefix="/api/v1", route_class=WorkerRoute)
own = [rule(Access.OWN)]
Text = Annotated[str, Field(max_length=2000)]
SettingValue = bool | int | float | Text | Annotated[list[Text], Field(max_length=200)] | None
_CAREFUL = re.compile(r"(sign_in|web|api_clients|mqtt|webhooks|heartbeat|updates\.url)\b")
"""Tables that decide who gets in, or to whom something is sent: changed only soon after a proof of who asks."""


class SettingKeyInfo(ApiResponse):
    """One key of a table; see `tawny.config.catalog.SettingKey`."""

    key: str
    kind: Kind
    help: str
    default: str
    choices: list[str]
    least: float | None
    most: float | None
    required: bool
    at_start: bool


class SettingTableInfo(ApiResponse):
    """A table of the file, such as `cameras.<id>`."""

    path: str
    about: str
    keys: list[SettingKeyInfo]


class WrittenInfo(ApiResponse):
    """What the file says for a key. value: null for secrets. line: in the file."""

    value: bool | int | float | str | list[str] | None
    line: int | None


class TableInstanceInfo(ApiResponse):
    """A table as it can be written, such as `cameras.front`. written: by key."""

    path: str
    table: str
    written: dict[str, WrittenInfo]


class SettingsInfo(ApiResponse):
    """file: the settings file; empty: the settings came from the command line, and nothing can be changed."""

    file: str
    tables: list[SettingTableInfo]
    instances: list[TableInstanceInfo]


class SettingRequest(ApiRequest):
    """path: such as `storage.buffer`. value: null sets the default. before: what was shown; null: not set."""

    path: Annotated[str, Field(max_length=200, pattern=r"^[A-Za-z0-9_.-]+$")]
    value: SettingValue
    before: SettingValue = None


class SettingSaved(ApiResponse):
    """restart: the change takes effect when tawny starts again."""

    restart: bool
    instances: list[TableInstanceInfo]


@router.get("/settings", dependencies=own)
def settings(context: Context) -> SettingsInfo:
    """Return every setting: what it is, and what the file says. Secrets are never returned."""
    editor = context.editor
    with _refused():
        found = editor.instances()
    return SettingsInfo(
        file=str(editor.file or ""),
        tables=[_table(one) for one in editor.tables],
        instances=[_instance(one) for one in found],
    )


class SectionStates(ApiResponse):
    """A line of state for each section of the settings, by its ID."""

    lines: dict[str, str]


@router.get("/settings/sections", dependencies=own)
def section_states(context: Context) -> SectionStates:
    """Return how each section of the settings stands, in a few words."""
    return SectionStates(lines=dict(_section_lines(context)))


def _section_lines(context: AppContext) -> Iterator[tuple[str, str]]:
    now = context.changeable.now()
    has_model = bool(context.models.there())
    yield "detection", "People, vehicles and more" if has_model else "Motion, built-in types"
    outward = _counted(now.notifiers, "channel") + _counted(now.destinations, "upload")
    outward += _counted(now.files, "folder of files", "folders of files")
    yield "notifications", ", ".join(outward) or "None"
    if (disk := context.recorder.disk()) is not None:
        yield "storage", _storage_line(disk, now)
    yield "modes", f"{context.modes.now().mode.capitalize()} now"
    people = context.accounts.people()
    guests = sum(one.role is Role.GUEST for one in people)
    counted = _counted(range(len(people) - guests), "person", "people") + _counted(range(guests), "guest")
    yield "people", ", ".join(counted)
    encrypted = sum(now.is_sealed(name) for name in now.cameras)
    yield "encryption", "Off" if not encrypted else _counted(range(encrypted), "camera")[0]
    yield "address", urlsplit(context.address).hostname or "Only at home"
    named = (["MQTT"] if now.mqtt.url else []) + _counted(now.webhooks, "webhook") + _counted(now.api_clients, "client")
    yield "integrations", ", ".join(named + (["RTSP"] if context.rtsp else [])) or "None"
    if (line := _standby_line(context)) != "":
        yield "standby", line
    days, hours = divmod((context.recorder.clock.now_ms() - context.recorder.started_ms) // 3_600_000, 24)
    running = _counted(range(days), "day") or _counted(range(hours), "hour") or ["less than an hour"]
    newer = newer_version(context.updates)
    yield "system", f"Version {newer['version']} is available" if newer else f"Running {running[0]}"


def _standby_line(context: AppContext) -> str:
    member, states = context.protected, context.standby.states() if context.standby is not None else []
    if any(one.taken for one in states):
        return "Records for another recorder"
    own = ""
    if member is not None and member.state != "none":
        own = "Ready" if member.state == "ready" and not member.why_not_ready else "Not ready"
    protects = [f"Protects {one}" for one in _counted(states, "recorder")]
    return ", ".join([own, *protects] if own else protects)


def _storage_line(disk: DiskInfo, now: Settings) -> str:
    fits = "Measuring how much fits" if disk.keeps_days is None else f"{disk.keeps_days:.0f} days fit"
    wanted_s = now.storage.retention.min
    return f"{fits}, {duration_text(wanted_s)} wanted" if wanted_s else fits


def _counted(what: Sized, one: str, several: str = "") -> list[str]:
    return [f"{len(what)} {one if len(what) == 1 else several or f'{one}s'}"] if what else []


@router.put("/settings", dependencies=own)
def change_setting(
    body: SettingRequest, signed: Signed, note: Note, request: Request, context: Context
) -> SettingSaved:
    """Write one setting to the file and apply it. 409 `changed`: another person changed it since it was shown."""
    if _CAREFUL.match(body.path):
        require_recent(signed, context)
    if body.path == "web.proxies" and signed.how == BY_PROXY:
        _keep_proxy(context, request, body.value)
    editor = context.editor
    try:
        with _refused():
            key = editor.change(SettingWrite(body.path, body.value, body.before), signed.person.name)
            found = editor.instances()
    except SettingConflict as other:
        by = other.last.by if other.last else ""
        who = f"{by} has changed this meanwhile." if by else "This was changed in the settings file meanwhile."
        more = {"value": other.value, "by": by, "at_ms": other.last.at_ms if other.last else None}
        todo = "Look at it, then change it again if you still want to."
        raise RequestRefused(409, "changed", who, todo, more) from None
    note("setting changed", body.path)
    return SettingSaved(restart=key.at_start, instances=[_instance(one) for one in found])


def _keep_proxy(context: AppContext, request: Request, value: SettingValue) -> None:
    """Raise RequestRefused for proxies without the one that has signed this owner in, if no owner could get in then."""
    try:
        left = TrustedProxies(proxy_networks(value if isinstance(value, list) else ()))
    except ValueError:  # the editor says what is wrong
        return
    is_left = left.trusts(request.scope["state"]["peer"])
    if not is_left and not context.identities.can_owner_get_in(replace(context.elsewhere, by_proxy=False)):
        what = "The reverse proxy is the only way for an owner to sign in."
        raise RequestRefused(409, "only_way", what, "Set a password first.")


@contextmanager
def _refused() -> Iterator[None]:
    """Convert errors of settings to refusals."""
    try:
        yield
    except SettingsError as error:
        raise bad_setting(error) from error
    except NotDone as error:
        raise RequestRefused(409, "not_saved", error.what, error.todo) from error
    except FolderUnwritable as error:
        raise RequestRefused(409, "not_saved", "The settings file can't be written.", error.do) from error


def _table(one: SettingTable) -> SettingTableInfo:
    return SettingTableInfo(
        path=one.path,
        about=one.about,
        keys=[SettingKeyInfo.model_validate(asdict(key) | {"choices": list(key.choices)}) for key in one.keys],
    )


def _instance(one: TableInstance) -> TableInstanceInfo:
    written = {key: WrittenInfo(value=value.value, line=value.line) for key, value in one.written.items()}
    return TableInstanceInfo(path=one.path, table=one.table, written=written)


# The whole recorder.


class UpdateInfo(ApiResponse):
    """Newer versions, as far as known. host: the server asked. daily: asked once a day.

    asked_ms: null: not since the start. newest: empty: none is published. notes: URL of the release notes, or empty.
    problem, todo: why the last question had no answer, and what to do.
    """

    host: str
    daily: bool
    asked_ms: int | None
    newest: str
    is_newer: bool
    notes: str
    problem: str
    todo: str


class SystemInfo(ApiResponse):
    """can: actions that this process has the right to. way: how this tawny was installed, and so how it is updated."""

    version: str
    started_ms: int
    can: list[Action]
    refused: str
    way: Way
    update: UpdateInfo
    machine: MachineFacts


class ActionRequest(ApiRequest):
    """for_s: how long recording stops; of the action `stop` only."""

    for_s: Annotated[float, Field(ge=60, le=LONGEST_STOP_S)] = 3600.0


class LogLine(ApiResponse):
    """at: local time of the recorder, as written. camera: the ID of the camera that it names; empty: none."""

    at: str
    level: Literal["debug", "info", "warning", "error"]
    text: str
    camera: str


class LogLines(ApiResponse):
    items: list[LogLine]


@router.get("/system", dependencies=own)
def system(context: Context) -> SystemInfo:
    """Return what runs here, and what owners can do to it."""
    actions = context.system
    return SystemInfo(
        version=__version__,
        started_ms=context.recorder.started_ms,
        can=actions.available(),
        refused=actions.refused,
        way=installed_by(),
        update=_update(context.updates),
        machine=machine_facts(),
    )


def _update(check: UpdateCheck) -> UpdateInfo:
    now = check.state
    newest, notes = (now.newest.version, now.newest.notes) if now.newest else ("", "")
    return UpdateInfo(
        host=check.host, daily=check.is_daily, asked_ms=now.asked_ms, newest=newest, is_newer=now.is_newer,
        notes=notes, problem=now.problem, todo=now.todo,
    )  # fmt: skip


@router.post("/system/update-check", dependencies=own)
def look_for_update(note: Note, context: Context) -> UpdateInfo:
    """Ask the configured list of releases for a new version. May take 10 s; a failure is in the answer."""
    note("looked for a new version", context.updates.host)
    context.updates.ask()
    return _update(context.updates)


@router.post("/system/{action}", dependencies=own)
def begin_action(action: Action, body: ActionRequest, signed: Signed, note: Note, context: Context) -> OkResponse:
    """Begin the countdown of 10 s. Every page shows it and can cancel.

    All but a restart, after which recording goes on, need a recent confirmation.
    """
    if action != "restart":
        require_recent(signed, context)
    with _refused():
        context.system.plan(action, signed.person.name, body.for_s)
    note(f"{action.replace('_', ' ')} begun", "")
    return OkResponse()


@router.delete("/system/action", dependencies=[rule(Access.DIRECT)])
def cancel_action(note: Note, context: Context) -> OkResponse:
    """Cancel the countdown. No effect if none runs."""
    found = context.system.cancel()
    if found is not None:
        note(f"{found.action.replace('_', ' ')} cancelled", "")
    return OkResponse()


@router.delete("/system/stop", dependencies=own)
def resume_recording(note: Note, context: Context) -> OkResponse:
    """End a stop of recording before its time."""
    context.system.resume()
    note("recording resumed", "")
    return OkResponse()


@router.get("/logs", dependencies=own)
def logs(context: Context) -> LogLines:
    """Return the last lines of the log, oldest first."""
    names = context.recorder.camera_names()
    named = [(str(camera), word) for camera, name in names.items() for word in (str(camera), name)]
    found = [(re.compile(rf"(?<![\w-]){re.escape(word)}(?![\w-])"), camera) for camera, word in named]
    return LogLines(items=list(_lines(context.log_lines(), found)))


_LINE = re.compile(r"(\d{4}-\d\d-\d\d \d\d:\d\d:\d\d) (DEBUG|INFO|WARNING|ERROR|CRITICAL) (.*)", re.DOTALL)


def _lines(text: str, cameras: list[tuple[re.Pattern[str], str]]) -> Iterator[LogLine]:
    """Yield the lines; what belongs to the one before, such as a traceback, is added to it."""
    parts: list[str] = []
    for line in [*text.splitlines(), "0000-00-00 00:00:00 INFO "]:
        if _LINE.match(line) and parts:
            if found := _LINE.fullmatch("\n".join(parts)):
                camera = next((one for pattern, one in cameras if pattern.search(found[3])), "")
                level: Literal["debug", "info", "warning", "error"] = (
                    "debug" if found[2] == "DEBUG" else "info" if found[2] == "INFO"
                    else "warning" if found[2] == "WARNING" else "error"
                )  # fmt: skip
                yield LogLine(at=found[1], level=level, text=found[3], camera=camera)
            parts = []
        parts.append(line)
