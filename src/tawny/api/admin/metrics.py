"""`/metrics`: metrics in Prometheus text format, for this computer or with the token `web.metrics`.

This computer asks over loopback under a loopback name, not through a proxy: a page in a browser on this computer could
have any other name.
"""

import hmac
from collections.abc import Iterable, Mapping
from typing import Final

from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response

from tawny.api.auth.access import Access, caller_of, rule
from tawny.api.auth.audit_counts import ACCESS_REFUSED
from tawny.api.context import AppContext, Context
from tawny.api.errors import RequestRefused
from tawny.api.request_handling import WorkerRoute, is_local_by_name
from tawny.model.states import EXPECTED, RECORDED

router = APIRouter(route_class=WorkerRoute)
FORM: Final = "text/plain; version=0.0.4; charset=utf-8"

Labels = Mapping[str, str]
Value = tuple[Labels, float]


@router.head("/metrics", dependencies=[rule(Access.PUBLIC)], include_in_schema=False)
@router.get("/metrics", dependencies=[rule(Access.PUBLIC)], include_in_schema=False)
def metrics(request: Request, context: Context) -> Response:
    if not _may(request, context.metrics_token):
        if "authorization" in request.headers:
            context.accounts.counts.count(ACCESS_REFUSED, "metrics", caller_of(request).address)
        raise RequestRefused(
            403,
            "not_here",
            "Metrics are only available on this computer, at http://localhost.",
            "Set `web.metrics` and send it as a bearer token.",
        )
    return PlainTextResponse("".join(_text(context)), media_type=FORM)


def _may(request: Request, token: str) -> bool:
    kind, _, sent = request.headers.get("authorization", "").partition(" ")
    if token and kind.lower() == "bearer" and hmac.compare_digest(sent.encode(), token.encode()):
        return True
    return is_local_by_name(request)


def _text(context: AppContext) -> Iterable[str]:
    recorder = context.recorder
    now_ms, cameras = recorder.clock.now_ms(), context.health.cameras()
    of = [{"camera": one.status.id} for one in cameras]
    states = [one.status for one in cameras]
    yield _metric("up_seconds", "Seconds since tawny started.", [({}, (now_ms - recorder.started_ms) / 1000)])
    wanted = zip(of, (float(one.state in EXPECTED) for one in states), strict=True)
    yield _metric("camera_wanted", "1 if the camera should be recording now.", wanted)
    recorded = zip(of, (float(one.state in RECORDED) for one in states), strict=True)
    yield _metric("camera_recording", "1 if the camera is recording.", recorded)
    of_state = [({"camera": one.id, "state": one.state.value}, 1.0) for one in states]
    yield _metric("camera_state", "The camera's state.", of_state)
    figures: dict[str, tuple[str, list[float | None]]] = {
        "camera_frames_per_second": ("Frames received per second.", [one.fps for one in states]),
        "camera_bits_per_second": ("Bits received per second.", [one.bit_rate for one in states]),
        "camera_clock_offset_seconds": (
            "How far the camera's clock is ahead.",
            [one.clock_offset_s for one in states],
        ),
        "camera_latency_seconds": (
            "Time from capture until arrival.",
            [one.latency_s for one in states],
        ),
        "camera_recorded_today_ratio": (
            "Share of today that is recorded, 0 to 1.",
            [one.today.share for one in cameras],
        ),
        "camera_gaps_today": ("Unwanted gaps today.", [one.today.gaps for one in cameras]),
        "camera_damaged_today_seconds": (
            "Seconds of damaged video today.",
            [one.today.damage.seconds for one in cameras],
        ),
        "camera_last_packet_age_seconds": (
            "Age of the newest frame.",
            [None if one.last_packet_ms is None else (now_ms - one.last_packet_ms) / 1000 for one in states],
        ),
    }
    for name, (help_text, values) in figures.items():
        yield _metric(
            name, help_text, [(label, value) for label, value in zip(of, values, strict=True) if value is not None]
        )
    disk = recorder.disk()
    if disk is not None:
        yield _metric("disk_free_bytes", "Free disk space.", [({}, disk.free_bytes)])
        yield _metric("disk_total_bytes", "Disk size.", [({}, disk.total_bytes)])
        yield _metric("recordings_bytes", "Space used by recordings.", [({}, disk.used_bytes)])
    alarms = dict.fromkeys((one.what, one.camera or "") for one in recorder.alarms())
    yield _metric("alarm", "A current problem.", [({"what": what, "camera": name}, 1.0) for what, name in alarms])
    yield _metric("warnings", "Number of things that need attention.", [({}, len(recorder.warnings()))])


def _metric(name: str, help_text: str, values: Iterable[Value]) -> str:
    lines = [f"# HELP tawny_{name} {help_text}", f"# TYPE tawny_{name} gauge"]
    for labels, value in values:
        inside = ",".join(f'{key}="{_escaped(text)}"' for key, text in labels.items())
        lines.append(f"tawny_{name}{{{inside}}} {value:.15g}" if inside else f"tawny_{name} {value:.15g}")
    return "\n".join(lines) + "\n"


def _escaped(text: str) -> str:
    return text.replace("\\", r"\\").replace('"', r"\"").replace("\n", r"\n")
