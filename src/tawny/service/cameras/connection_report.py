"""Connection report of a camera that users can share: its protocol dialog and tolerated deviations.

It never contains credentials, and contains the host only on request.
"""

import json
from collections.abc import Iterator, Mapping
from contextlib import suppress
from typing import Any, Final

from tawny import __version__
from tawny.config.settings import CameraSettings
from tawny.model.damage import damage_sum
from tawny.model.errors import NothingToReport, SourceError
from tawny.model.ids import CameraId, StreamName
from tawny.model.segments import Gap
from tawny.model.states import STATE_WORDS, CameraState, CameraStatus
from tawny.model.times import Clock, Span, utc_text
from tawny.protocols.login_history import LoginHistory
from tawny.service import json_format
from tawny.service.cameras.guarded_source import settings_of
from tawny.service.plugin_registry import PluginRegistry
from tawny.sources.source import ReportingSource, SourceContext
from tawny.storage.index.protocol import Index

Report = Mapping[str, Any]
_BACK_MS: Final = 7 * 86_400_000
_MOST_GAPS: Final = 100


def openings(
    camera: CameraId,
    settings: CameraSettings,
    plugins: PluginRegistry,
    clock: Clock,
    logins: LoginHistory | None = None,
) -> dict[StreamName, tuple[ReportingSource, SourceContext]]:
    """Return the camera's streams that support reports. Raises NothingToReport if none does.

    logins: what sign-in cameras offered before, for connections made for the report.
    """
    found: dict[StreamName, tuple[ReportingSource, SourceContext]] = {}
    for stream, address in ((StreamName.MAIN, settings.source), (StreamName.SUB, settings.sub)):
        source = plugins.source_of(address) if address else None
        if source is not None and isinstance(source, ReportingSource):
            with suppress(SourceError):  # its plug-in fails
                options = settings_of(source, settings)
                found[stream] = source, SourceContext(camera, stream, address, options, clock, logins or LoginHistory())
    if not found:
        raise NothingToReport(camera)
    return found


def report(
    camera: CameraId,
    found: Mapping[StreamName, tuple[ReportingSource, SourceContext]],
    clock: Clock,
    *,
    with_host: bool,
    status: CameraStatus | None = None,
    index: Index | None = None,
    ended: Mapping[StreamName, str] | None = None,
) -> Report:
    """Return the report.

    status, index: of the running recorder; None: not available. ended: why a stream opened for this report ended.
    """
    made: dict[str, Any] = {
        "tawny": __version__,
        "made": utc_text(clock.now_ms()),
        "camera": camera,
        "state": None if status is None else _state(status),
        "streams": {stream.value: _stream(*one) for stream, one in found.items()},
        "history": [] if index is None else _history(camera, index, clock.now_ms()),
        "damage": None if index is None else _damage(camera, index, clock.now_ms()),
    }
    for stream, why in (ended or {}).items():
        made["streams"][stream.value]["ended"] = why
    text = json.dumps(made, ensure_ascii=False)
    loaded: Any = _hidden(json.loads(text), found, with_host=with_host)
    return dict(loaded)


def _stream(source: ReportingSource, opening: SourceContext) -> dict[str, Any]:
    options = {name: bool(value) if name == "fingerprint" else value for name, value in opening.options.items()}
    report = {"talk": [], "forgiven": [], "counted": {}} | dict(source.report(opening))
    return {"address": opening.address, "settings": options, **report}


def _state(status: CameraStatus) -> dict[str, Any]:
    return {"state": status.state.value, "since": utc_text(status.since_ms), "detail": status.detail}


def _history(camera: CameraId, index: Index, now_ms: int) -> list[Report]:
    gaps: list[Gap] = index.gaps(camera, Span(max(0, now_ms - _BACK_MS), now_ms + 1))
    return [json_format.gap(gap) for gap in gaps[-_MOST_GAPS:]]


def _damage(camera: CameraId, index: Index, now_ms: int) -> Report:
    return json_format.damage_sum(damage_sum(index.damage(camera, Span(max(0, now_ms - _BACK_MS), now_ms + 1))))


def _hidden(value: Any, found: Mapping[StreamName, tuple[ReportingSource, SourceContext]], *, with_host: bool) -> Any:
    """Return the value with secrets removed from every text in it."""
    if isinstance(value, str):
        for source, opening in found.values():
            value = source.without_secrets(opening, value, with_host=with_host)
        return value
    if isinstance(value, list):
        return [_hidden(one, found, with_host=with_host) for one in value]
    if isinstance(value, dict):
        return {name: _hidden(one, found, with_host=with_host) for name, one in value.items()}
    return value


def report_text(made: Report) -> str:
    """Return the report as text."""
    return "\n".join(_lines(made)) + "\n"


def _lines(made: Report) -> Iterator[str]:
    yield f"Report for camera {made['camera']}, tawny {made['tawny']}, {made['made']}"
    yield "Contains no password, user name or key. Read it before you share it."
    if made["state"]:
        state = made["state"]
        yield f"State: {STATE_WORDS[CameraState(state['state'])]} since {state['since']}. {state['detail']}".rstrip()
    for name, stream in made["streams"].items():
        yield from ("", f"== {name}: {stream['address']}")
        yield "Settings: " + ", ".join(f"{key} = {value}" for key, value in stream["settings"].items())
        if "ended" in stream:
            yield f"It ended: {stream['ended']}"
        yield "Counted: " + (", ".join(f"{key} {value}" for key, value in stream["counted"].items()) or "nothing yet")
        yield "Forgiven: " + ("; ".join(stream["forgiven"]) or "nothing")
        for message in stream["talk"]:
            yield from ("", f"-- {message['by']} after {message['at_s']:.3f} s" if message["by"] else "--")
            yield from (f"{_SIGN.get(message['by'], ' ')} {line}" for line in message["text"].split("\n"))
    if made["damage"] and made["damage"]["spans"]:
        yield from ("", f"Damage of the last 7 days: {made['damage']}")
    if made["history"]:
        yield from ("", "== missing in the last 7 days, and why")
    for gap in made["history"]:
        yield f"{gap['start']} to {gap['end'] or 'now'}: {gap['words']}. {gap['detail']}".rstrip()
        seen = {key: value for key, value in (gap["evidence"] or {}).items() if value}
        if seen:
            yield "    " + ", ".join(f"{key} {value}" for key, value in seen.items())


_SIGN: Final = {"tawny": ">", "camera": "<"}
