"""Asks the boxes of a hub for what only they know: what objects looked like. All at once, each by its own search.

A box answers by its own settings, search model and time zone, and only if its owner allows `events`.
"""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Annotated, Any, Final, Literal
from urllib.parse import urlencode

from pydantic import AfterValidator, BaseModel, Field

from tawny.fleet.hub import FleetHub
from tawny.fleet.message_link import LineClosed
from tawny.fleet.session import Kind, json_answer
from tawny.model.errors import NotDone

FIND_PATH: Final = "/api/v1/find"
ANSWER_S: Final = 5.0
"""Time in s after which the search goes on without the boxes that have not answered."""
MOST_AT_ONCE: Final = 16
MOST_ANSWER_BYTES: Final = 1024 * 1024
MOST_HITS: Final = 200
"""Of one box."""

Reason = Literal["offline", "not_allowed", "no_answer", "no_model"]
"""Why a box has not searched. no_model: it has no search model, and the words name no colour or size."""


def _shown(text: str) -> str:
    if not text.isprintable():
        raise ValueError("a terminal would obey control characters")
    return text


Text = Annotated[str, Field(max_length=200), AfterValidator(_shown)]
Instant = Annotated[int, Field(ge=0, le=253_402_300_799_000)]


class BoxHit(BaseModel):
    """An event that a box has found, as its own search shows it. Types are checked: a box may answer anything."""

    id: Annotated[str, Field(pattern=r"^[A-Za-z0-9_-]{1,64}$")]
    camera: Annotated[str, Field(pattern=r"^[a-z0-9-]{1,64}$")]
    title: Text
    display_type: Text
    level: Literal["alert", "detection", "motion"]
    start_ms: Instant
    end_ms: Instant | None
    snapshot: str | None


class _HitList(BaseModel):
    items: Annotated[list[BoxHit], Field(max_length=MOST_HITS)]
    unknown: Annotated[list[Text], Field(max_length=100)]
    why: dict[str, Text]
    scores: dict[str, Annotated[float, Field(ge=0, le=1)]]
    more: bool | None = None
    """None: earlier versions don't say."""


@dataclass(frozen=True, slots=True)
class BoxFound:
    """What a box has found. reason: why it did not search; None: it did. why, scores: by event, of those by look.

    has_more: it may have found more than it answered.
    """

    box: str
    reason: Reason | None = None
    hits: tuple[BoxHit, ...] = ()
    unknown: frozenset[str] = frozenset()
    why: Mapping[str, str] = field(default_factory=dict)
    scores: Mapping[str, float] = field(default_factory=dict)
    has_more: bool = False


@dataclass(frozen=True, slots=True)
class BoxQuestion:
    """person, role: of the user who searches; the box decides what they may see.

    from_ms, to_ms: replace the time in the words.
    """

    words: str
    person: str
    role: str
    from_ms: int | None = None
    own: Mapping[str, str] = field(default_factory=dict)
    """Other words, for boxes that have the name of a camera."""
    to_ms: int | None = None
    """Earlier versions ignore it: what they answer is cut here."""


async def ask_boxes(
    hub: FleetHub, boxes: Sequence[str], question: BoxQuestion, within_s: float = ANSWER_S
) -> list[BoxFound]:
    """Return the answers of boxes, in their order. Never raises for what a box does."""
    turns = asyncio.Semaphore(MOST_AT_ONCE)
    deadline_s = asyncio.get_running_loop().time() + within_s

    async def ask(box: str) -> BoxFound:
        if not hub.is_online(box):
            return BoxFound(box, "offline")
        if "events" not in hub.allowed(box):
            return BoxFound(box, "not_allowed")
        try:
            async with asyncio.timeout_at(deadline_s), turns:
                return await _ask(hub, box, question)
        except (TimeoutError, LineClosed, NotDone, ValueError):
            return BoxFound(box, "no_answer" if hub.is_online(box) else "offline")

    return list(await asyncio.gather(*map(ask, boxes)))


async def _ask(hub: FleetHub, box: str, question: BoxQuestion) -> BoxFound:
    """Raises LineClosed, NotDone, ValueError."""
    query: dict[str, Any] = {"q": question.own.get(box, question.words), "limit": MOST_HITS}
    times = {"from_ms": question.from_ms, "to_ms": question.to_ms}
    query |= {name: at_ms for name, at_ms in times.items() if at_ms is not None}
    asked = {
        "method": "GET", "path": FIND_PATH, "query": urlencode(query), "headers": [], "person": question.person,
        "role": question.role,
    }  # fmt: skip
    exchange = await hub.ask(box, asked)
    try:
        await exchange.send(Kind.END)
        status, answer = await json_answer(exchange, MOST_ANSWER_BYTES)
    finally:
        exchange.close()
    if status == 403:
        return BoxFound(box, "not_allowed")
    if status != 200:
        return BoxFound(box, "no_answer")
    found = _HitList.model_validate(answer)
    has_more = len(found.items) >= MOST_HITS if found.more is None else found.more
    return BoxFound(box, None, tuple(found.items), frozenset(found.unknown), found.why, found.scores, has_more)
