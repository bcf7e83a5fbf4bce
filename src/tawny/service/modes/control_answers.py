"""Control requests about modes and rules, answered in the JSON that scripts rely on."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict
from datetime import UTC, datetime
from typing import Annotated, Any, Final
from zoneinfo import ZoneInfo

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from tawny.model.clock import Clock
from tawny.model.errors import NotDone
from tawny.model.ids import EventId
from tawny.model.times import utc_text
from tawny.model.validation import problem_text
from tawny.service.json_format import utc_text_or_none
from tawny.service.modes.mode_service import ModeService, OutcomeInfo, Rehearsal

Answer = Callable[[dict[str, Any]], dict[str, Any]]
Word = Annotated[str, Field(min_length=1, max_length=60)]
Words = Annotated[list[Word], Field(max_length=40)]
_LATEST_MS: Final = 4_102_444_800_000
"""The year 2100."""


class RehearsalRequest(BaseModel):
    """A hypothetical event.

    mode, home: null: as expected at that time. at: local time of the recorder, takes precedence over at_ms.
    Both null: now.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    camera: Annotated[str, Field(min_length=1, max_length=40)]
    kind: Word = "person"
    at: Annotated[str, Field(pattern=r"^20\d\d-\d\d-\d\dT[0-2]\d:[0-5]\d$")] | None = None
    at_ms: Annotated[int, Field(ge=0, le=_LATEST_MS)] | None = None
    zones: Words = Field(default_factory=list)
    mode: Word | None = None
    home: Words | None = None
    lasts_s: Annotated[float, Field(ge=0, le=3600)] = 10.0


def answers(desk: ModeService, zone: ZoneInfo, clock: Clock) -> dict[str, Answer]:
    """Return the request handlers by name: `modes`, `rehearse`, `why`."""

    def modes(_: Mapping[str, Any]) -> dict[str, Any]:
        now = desk.now()
        return {
            "modes": list(now.modes),
            "mode": now.mode,
            "by": now.by,
            "by_hand": now.is_by_hand,
            "since": utc_text(now.since_ms),
            "until": utc_text_or_none(now.until_ms),
            "next": [{"at": utc_text(one.at_ms), "mode": one.mode} for one in now.ahead],
            "people": [
                {"name": one.name, "home": one.is_home, "seen": utc_text_or_none(one.seen_ms), "source": one.source}
                for one in now.people
            ],
        }

    def rehearse(asked: Mapping[str, Any]) -> dict[str, Any]:
        wanted = RehearsalRequest.model_validate({key: value for key, value in asked.items() if key != "command"})
        at_ms = clock.now_ms() if wanted.at_ms is None else wanted.at_ms
        home = None if wanted.home is None else tuple(wanted.home)
        imagined = Rehearsal(
            wanted.camera, wanted.kind, at_ms, tuple(wanted.zones), wanted.mode, home, wanted.lasts_s
        )  # fmt: skip
        found = desk.rehearse(imagined)
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
            "outcomes": _told(found.outcomes),
        }

    def why(asked: Mapping[str, Any]) -> dict[str, Any]:
        return {"event": str(asked.get("event")), "outcomes": _told(desk.why(EventId(str(asked.get("event")))))}

    return {name: _safely(ask) for name, ask in (("modes", modes), ("rehearse", rehearse), ("why", why))}


def _told(outcomes: Sequence[OutcomeInfo]) -> list[dict[str, Any]]:
    return [{key: value for key, value in asdict(one).items() if key != "wait_ms"} for one in outcomes]


def _safely(ask: Callable[[Mapping[str, Any]], dict[str, Any]]) -> Answer:
    """Return a handler that returns errors as part of the response."""

    def answer(asked: dict[str, Any]) -> dict[str, Any]:
        try:
            return ask(asked)
        except NotDone as error:
            return {"error": {"code": error.code, "message": error.message, "hint": error.do}}
        except ValidationError as error:
            first = error.errors(include_url=False)[0]
            return {"error": {"code": "bad_input", "message": f"{problem_text(first)}.", "hint": ""}}

    return answer
