"""What a hub may ask a box, by what the box's owner allows (`fleet.allow`). Everything else is refused by the box."""

from typing import Final

from starlette.routing import compile_path

ALWAYS: Final = ("GET /api/v1/session", "GET /api/v1/time", "GET /api/v1/languages/{code}")
"""What every page needs. A hub without any right learns the recorder's name and time zone."""

BY_SHARE: Final[dict[str, tuple[str, ...]]] = {
    "health": (
        "GET /api/v1/health",
        "GET /api/v1/cameras",
        "GET /api/v1/wall",
        "GET /api/v1/plan",
        "GET /api/v1/modes",
        "GET /api/v1/monitoring",
        "GET /api/v1/sealed",
        "GET /api/v1/snoozes",
        "WS /api/v1/ws",
    ),
    "events": (
        "GET /api/v1/events",
        "GET /api/v1/events/{event}",
        "GET /api/v1/events/{event}/loop",
        "GET /api/v1/events/{event}/objects",
        "GET /api/v1/events/{event}/visit",
        "GET /api/v1/visits",
        "GET /api/v1/visits/new",
        "GET /api/v1/find",
        "GET /api/v1/days",
        "GET /api/v1/recorded",
        "GET /api/v1/timeline",
        "GET /api/v1/cameras/{camera}/heat",
        "GET /api/v1/cameras/{camera}/sounds",
        "GET /media/{event}.jpg",
    ),
    "live": (
        "GET /api/v1/live/clock",
        "GET /api/v1/cameras/{camera}/snapshot",
        "GET /api/v1/cameras/{camera}/mjpeg",
        "GET /api/v1/cameras/{camera}/hls/index.m3u8",
        "GET /api/v1/cameras/{camera}/hls/{stream}/live.m3u8",
        "GET /api/v1/cameras/{camera}/hls/{stream}/header-{number}.mp4",
        "GET /api/v1/cameras/{camera}/hls/{stream}/part-{number}-{part}.m4s",
        "GET /api/v1/cameras/{camera}/hls/{stream}/segment-{number}.m4s",
        "WS /api/v1/cameras/{camera}/live",
        "WS /api/v1/cameras/{camera}/pictures",
        "GET /api/v1/plan/image",
    ),
    "clips": (
        "GET /api/v1/cameras/{camera}/figures",
        "GET /api/v1/cameras/{camera}/frame",
        "GET /api/v1/cameras/{camera}/from",
        "GET /api/v1/cameras/{camera}/hls/past.m3u8",
        "GET /api/v1/cameras/{camera}/hls/past/{segment}/header.mp4",
        "GET /api/v1/cameras/{camera}/hls/past/{segment}/{zero_ms}-{first}-{count}.m4s",
        "GET /api/v1/cameras/{camera}/motion",
        "GET /api/v1/cameras/{camera}/motion-search",
        "GET /api/v1/cameras/{camera}/picture",
        "GET /api/v1/cameras/{camera}/play",
        "GET /api/v1/cameras/{camera}/sound",
        "GET /api/v1/clip",
        "HEAD /api/v1/clip",
        "GET /api/v1/clip/sheet",
        "GET /media/{event}.mp4",
        "HEAD /media/{event}.mp4",
        "GET /media/{segment}/play",
    ),
    "orders": (
        "GET /api/v1/cameras/{camera}/controls",
        "PUT /api/v1/cameras/{camera}/hold",
        "GET /api/v1/cameras/{camera}/talk",
        "WS /api/v1/cameras/{camera}/talk",
        "PATCH /api/v1/events/{event}",
        "POST /api/v1/events/bulk",
        "PUT /api/v1/mode",
        "POST /api/v1/orders",
    ),
    "copies": (
        "GET /api/v1/copies/about",
        "GET /api/v1/copies/history",
        "GET /api/v1/copies/recordings",
        "GET /api/v1/copies/days",
        "GET /api/v1/copies/file",
    ),
    "settings": ("GET /api/v1/settings/text",),
    "scans": ("POST /api/v1/scans",),
    "training": ("POST /api/v1/training",),
    "updates": ("POST /api/v1/updates",),
}
OF_PEOPLE: Final = frozenset(BY_SHARE) - {"copies", "scans", "training", "updates"}
"""What people at a hub may ask for through it. Files as they lie, without privacy masks, are for the hub alone; so are
scans, images for training, and updates."""
OF_COPIES: Final = frozenset(
    {
        *ALWAYS,
        "GET /api/v1/health",
        "GET /api/v1/cameras",
        "WS /api/v1/ws",
        *(route for route in BY_SHARE["events"] if not route.endswith(("/find", "/sounds"))),
        *BY_SHARE["clips"],
    }
)
"""What a hub answers itself from the copies of a box. The rest concerns the box's settings or live video."""
_RULES: Final = [
    (method, compile_path(path)[0], share)
    for share, routes in (("", ALWAYS), *BY_SHARE.items())
    for method, path in (route.split(" ", 1) for route in routes)
]
_NEVER: Final = frozenset({"/media/shared.mp4"})
"""Paths of other routes that a pattern above would match."""
_OF_COPIES: Final = [(method, compile_path(path)[0]) for method, path in (one.split(" ", 1) for one in OF_COPIES)]
OF_EVENTS: Final = frozenset({"event", "gap", "damage", "segment", "alert", "motion", "job"})
"""Channels of the WebSocket `/api/v1/ws` that need `events`."""


def required_share(method: str, path: str) -> str | None:
    """Return what a request needs, empty for what is always answered; None: no hub may ask it. path: decoded."""
    if path in _NEVER or any(part in ("", ".", "..") for part in path.split("/")[1:]):
        return None
    return next((share for of, pattern, share in _RULES if of == method and pattern.fullmatch(path)), None)


def is_of_copies(method: str, path: str) -> bool:
    """Return whether a hub may answer a request from copies. path: decoded."""
    if required_share(method, path) is None:
        return False
    return any(of == method and pattern.fullmatch(path) is not None for of, pattern in _OF_COPIES)
