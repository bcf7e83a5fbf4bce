"""Answers of the control socket, in the JSON that `tawny` commands and scripts rely on."""

from base64 import b64encode
from collections.abc import AsyncGenerator, Callable, Mapping, Sequence
from dataclasses import asdict
from datetime import UTC, datetime
from functools import partial
from typing import Any
from zoneinfo import ZoneInfo

from pydantic import ValidationError

from tawny.api.admin.mode_routes import RehearsalRequest
from tawny.api.auth.accounts import Role
from tawny.api.errors import RequestRefused
from tawny.api.fleet.fleet_routes import FleetSearch, found_in_fleet
from tawny.api.fleet.membership_routes import link_seen_by
from tawny.app.control_socket import Stream
from tawny.app.running import RecorderRuntime
from tawny.app.web_interface import WebInterface, status_json
from tawny.fleet.box_orders import Work, boxes_for, order_at
from tawny.model.errors import NotDone
from tawny.model.ids import CameraId, EventId
from tawny.model.times import Clock, Span, utc_text
from tawny.service import json_format
from tawny.service.cameras.gap_filler import STATE_TEXTS
from tawny.service.delivery.delivery_service import DeliveryService
from tawny.service.delivery.notification_filter import Snoozes
from tawny.service.json_format import utc_text_or_none
from tawny.service.modes.mode_service import ModeService, OutcomeInfo, Rehearsal
from tawny.service.retention.recording_deletion import DeletionScope

Answer = Callable[[dict[str, Any]], dict[str, Any]]
_NO_HUB = {
    "code": "not_done", "message": "This recorder isn't a hub.",
    "hint": "Run this on the hub, or make this recorder one with `tawny hub`.",
}  # fmt: skip
_TOO_MUCH = {
    "code": "usage", "message": "This search is too long.", "hint": "Use at most 200 letters, and `--most` up to 200.",
}  # fmt: skip
_WORKS: Mapping[str, Work] = {"scan": "scans", "training": "training", "update": "updates"}
"""What the commands of a hub order at boxes: `scan boxes` lists those that allow it, `scan box` orders it at one."""
COMMAND_LINE = "command line"
"""Who asks, for the recorders of a hub."""


def control_answers(web: WebInterface) -> dict[str, Answer]:
    """Return the handlers by command. They raise TawnyError and ValidationError for what they refuse."""
    running, outward, programs = web.running, web.outward, web.programs

    def status(_: Mapping[str, Any]) -> dict[str, Any]:
        return {
            **status_json(running, outward, web.site.health),
            "snoozes": _snoozes(outward.snoozes),
            "again": json_format.reclassification(running.naming.progress),
            "fingerprint": "" if running.sealing.seals is None else running.sealing.seals.history.genesis,
            "version": web.site.updates.running, "newer": json_format.newer_version(web.site.updates),
        }  # fmt: skip

    def confirm_history(request: Mapping[str, Any]) -> dict[str, Any]:
        """Confirm the signed history for `tawny check --confirm-history`; return what was confirmed."""
        texts, watch = request.get("witnesses"), running.sealing.watch
        given = [str(one) for one in texts] if isinstance(texts, list) else []
        return {"confirmed": watch.confirm(given)}

    def diagnostics() -> list[dict[str, str]]:
        """Return the files of the diagnostics bundle, their data in Base64."""
        made = web.site.diagnostics.make().files
        return [{"name": one.name, "about": one.about, "data": b64encode(one.data).decode()} for one in made]

    def move_camera(request: Mapping[str, Any]) -> dict[str, Any]:
        """Use a camera's new address for `tawny cameras move`."""
        camera, host = CameraId(str(request.get("camera"))), str(request.get("address"))
        if camera not in running.settings.cameras:
            return {"known": list(running.settings.cameras)}
        web.site.setup.move(camera, host)
        return {"camera": camera, "address": host}

    return {
        "status": status,
        "where": lambda _: {
            "address": web.site.address or web.url,
            "addresses": list(dict.fromkeys([web.site.address or web.url, *web.site.own_addresses()])),
            "rtsp": web.site.rtsp or None,
        },
        "standby": lambda request: _standby(web, request),
        "instances": lambda _: _instances(web),
        "report": running.report,
        "diagnostics": lambda _: {"items": diagnostics()},
        "confirm history": confirm_history,
        "accept-login": running.accept_login,
        "join-code": _code_answer(web),
        "move-camera": move_camera,
        **{f"{name} boxes": partial(_boxes_for, web, work) for name, work in _WORKS.items()},
        "targets": lambda _: {"items": outward.overview()},
        "programs": lambda _: {"items": programs.overview()},
        "order": lambda request: programs.commanded(request.get("order")),
        "test": lambda request: outward.tested(str(request.get("name"))),
        "sweep": lambda request: outward.swept(str(request.get("name")), dry_run=request.get("dry_run") is not False),
        "resend": partial(_resent, outward, forget=False),
        "forget lost": partial(_resent, outward, forget=True),  # an earlier version would send them
        "delete": _deletion_answer(running),
        "fill": _fill_answer(running),
        **_mode_answers(web.modes, web.site.zone, running.clock),
    }


def control_streams(web: WebInterface) -> dict[str, Stream]:
    """Return the handlers of commands that are answered by several lines, by command."""

    def order_box(work: Work, request: Mapping[str, Any]) -> AsyncGenerator[Mapping[str, Any], None]:
        """Pass an order of `tawny scan --on boxes`, `kinds export --on boxes` or `hub update` to a box."""
        if web.site.hub is None:
            return _no_hub()
        order = request.get("order")
        return order_at(web.site.hub, str(request.get("box")), work, order if isinstance(order, dict) else {})

    return {
        **{f"{name} box": partial(order_box, work) for name, work in _WORKS.items()},
        "find in boxes": partial(_find_in_boxes, web),
    }


async def _find_in_boxes(web: WebInterface, request: Mapping[str, Any]) -> AsyncGenerator[Mapping[str, Any], None]:
    """Search for `tawny find --on boxes`; the only answer is as that of `GET /api/v1/fleet/find`."""
    hub = web.site.hub
    if hub is None:
        yield {"error": _NO_HUB}
        return
    try:
        asked = FleetSearch(q=str(request.get("words")), limit=int(request.get("most", 0)))
    except (ValidationError, ValueError, TypeError):
        yield {"error": _TOO_MUCH}
        return
    yield (await found_in_fleet(web.site, asked, COMMAND_LINE, Role.OWNER)).model_dump(mode="json")


async def _no_hub() -> AsyncGenerator[Mapping[str, Any], None]:
    yield {"error": _NO_HUB}


def _boxes_for(web: WebInterface, work: Work, _request: Mapping[str, Any]) -> dict[str, Any]:
    return {"boxes": boxes_for(web.site.hub, work)} if web.site.hub is not None else {"error": _NO_HUB}


def _code_answer(web: WebInterface) -> Callable[[Mapping[str, Any]], dict[str, Any]]:
    def join_code(asked: Mapping[str, Any]) -> dict[str, Any]:
        """Return the join link that a camera sees now, for `tawny fleet join --camera`."""
        try:
            return {"link": link_seen_by(web.site, CameraId(str(asked.get("camera"))))}
        except RequestRefused as error:
            raise NotDone(error.message, error.do) from None

    return join_code


def _instances(web: WebInterface) -> dict[str, str]:
    """Return by which numbers a hub and a standby know this run, for `tawny fleet leave` and `tawny standby leave`."""
    lines = {"hub": web.site.member, "standby": web.site.protected}
    return {whom: line.instance for whom, line in lines.items() if line is not None}


def _standby(web: WebInterface, request: Mapping[str, Any]) -> dict[str, Any]:
    """Return both sides for `tawny standby`: this recorder's own standby, and the recorders that it protects.

    retry: the same standby was chosen again, so that no setting has changed.
    """
    own, protecting = web.site.protected, web.site.standby
    if own is not None and request.get("retry") is True:
        own.retry()
    return {
        "is_standby": protecting is not None and protecting.is_ready,
        "standby": None if own is None or own.state == "none" else {
            "name": own.standby, "state": "not_ready" if own.known.hindrance else own.state.value,
            "since_ms": own.since_ms, "detail": own.why_not_ready,
            "problems": dict(own.problems()),
        },
        "protected": [
            {
                "id": one.box.id, "name": one.box.name, "words": one.box.words, "lease": one.lease.value,
                "is_connected": one.is_connected, "since_ms": one.since_ms, "recorded": list(one.taken),
                "problems": dict(one.problems),
            }
            for one in (protecting.states() if protecting is not None else ())
        ],
    }  # fmt: skip


def _snoozes(snoozes: Snoozes) -> list[dict[str, Any]]:
    return [
        {
            "camera": one.camera,
            "rule": snoozes.name_of(one.rule) or None,
            "everyone": one.everyone,
            "by": one.name,
            "until": utc_text_or_none(one.until_ms),
        }
        for one in snoozes.all()
    ]


def _deletion_answer(running: RecorderRuntime) -> Callable[[Mapping[str, Any]], dict[str, Any]]:
    def delete(request: Mapping[str, Any]) -> dict[str, Any]:
        """Measure a deletion for `tawny delete`; with `yes`, carry it out at once."""
        cameras = [CameraId(str(one)) for one in request.get("cameras") or ()]
        for one in cameras:
            is_known = one in running.settings.cameras or running.index.bounds(one) is not None
            if not is_known and one not in running.deleting.cameras():
                raise NotDone(f"No camera named {one}.", f"Known: {', '.join(running.settings.cameras)}.")
        span = Span(max(1, int(request["from_ms"])), int(request["to_ms"])) if "from_ms" in request else None
        event = EventId(str(request["event"])) if request.get("event") else None
        wanted = DeletionScope(cameras, span, () if event is None else (event,), request.get("with_kept") is True)
        found = running.deleting.measure(wanted)
        if request.get("yes") is True:
            running.deleting.delete(wanted, f"{request.get('by')} with `tawny delete`", undo_s=0.0)
        return {
            "deleted": request.get("yes") is True,
            "bytes": found.bytes,
            "files": found.files,
            "images": found.images,
            "events": found.events,
            "kept": found.kept,
            "kept_bytes": found.kept_bytes,
            "from": utc_text_or_none(found.from_ms),
            "to": utc_text_or_none(found.to_ms),
            "away": list(found.away),
        }

    return delete


def _resent(outward: DeliveryService, request: Mapping[str, Any], *, forget: bool) -> dict[str, object]:
    return outward.resent(str(request.get("name")), int(request.get("since_ms") or 0), forget=forget)


def _fill_answer(running: RecorderRuntime) -> Callable[[Mapping[str, Any]], dict[str, Any]]:
    def fill(request: Mapping[str, Any]) -> dict[str, Any]:
        """Begin to fill a camera's gaps for `tawny fill`; without a time, return how far that is."""
        camera, filler = CameraId(str(request.get("camera"))), running.parts.filler
        missing_s = None
        if "from_ms" in request:
            missing_s = filler.ask(camera, Span(max(1, int(request["from_ms"])), int(request["to_ms"])))
        now = next((one for one in filler.progress() if one.camera == camera), None)
        return {
            "camera": camera,
            "missing_s": missing_s,
            "state": "done" if now is None else now.state,
            "left_s": 0.0 if now is None else now.left_s,
            "text": "" if now is None else STATE_TEXTS[now.state],
            "why": "" if now is None else now.why,
        }

    return fill


def _mode_answers(service: ModeService, zone: ZoneInfo, clock: Clock) -> dict[str, Answer]:
    """Return the handlers of `modes`, `rehearse` and `why`."""

    def modes(_: Mapping[str, Any]) -> dict[str, Any]:
        now = service.now()
        return {
            "modes": list(now.modes),
            "mode": now.mode,
            "by": now.by,
            "by_hand": now.is_by_hand,
            "since": utc_text(now.since_ms),
            "until": utc_text_or_none(now.until_ms),
            "next": [{"at": utc_text(one.at_ms), "mode": one.mode} for one in now.ahead],
            "problem": now.problem,
            "people": [
                {"name": one.name, "home": one.is_home, "seen": utc_text_or_none(one.seen_ms), "source": one.source}
                for one in now.people
            ],
        }

    def rehearse(request: Mapping[str, Any]) -> dict[str, Any]:
        wanted = RehearsalRequest.model_validate({key: value for key, value in request.items() if key != "command"})
        at_ms = clock.now_ms() if wanted.at_ms is None else wanted.at_ms
        home = None if wanted.home is None else tuple(wanted.home)
        imagined = Rehearsal(
            wanted.camera, wanted.kind, at_ms, tuple(wanted.zones), wanted.mode, home, wanted.lasts_s
        )  # fmt: skip
        found = service.rehearse(imagined)
        local = datetime.fromtimestamp(at_ms / 1000, UTC).astimezone(zone)
        return {
            "at": utc_text(at_ms),
            "when": f"{local:%A %H:%M}",
            "mode": found.mode,
            "by": found.by,
            "home": list(found.home),
            "recorded": found.is_recorded,
            "unrecorded": found.unrecorded,
            "noticed": found.is_noticed,
            "outcomes": _outcome_list(found.outcomes),
        }

    def why(request: Mapping[str, Any]) -> dict[str, Any]:
        return {
            "event": str(request.get("event")),
            "outcomes": _outcome_list(service.why(EventId(str(request.get("event"))))),
        }

    return {"modes": modes, "rehearse": rehearse, "why": why}


def _outcome_list(outcomes: Sequence[OutcomeInfo]) -> list[dict[str, Any]]:
    return [{key: value for key, value in asdict(one).items() if key != "wait_ms"} for one in outcomes]
