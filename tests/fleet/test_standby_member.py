"""The recorder's end of the line to its standby, without a network, when both clocks differ."""

import asyncio
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path

import pytest

from tawny.fleet.message_link import LineClosed, MemoryLink
from tawny.fleet.session import Kind, LineFrame, as_payload, decode_frame
from tawny.fleet.standby_member import (
    MOST_TRIES,
    NotNow,
    StandbyKnowledge,
    StandbyLine,
    StandbyOffer,
    StandbyWelcome,
)
from tawny.fleet.standby_plan import MOST_AHEAD_MS, StandbyPlan
from tawny.fleet.standby_store import Takeover, takeovers_in
from tawny.model.errors import DiskFull, FileDamaged, NotDone, StorageError
from tawny.model.times import Span
from tawny.sealed.key_wrapping import Identity
from tawny.testing.clock import FakeClock
from tests.fleet.rig import eventually

HOUR_MS = 3_600_000


@dataclass
class Placer:
    """Notes what it is asked. parts: what it lacks. failing: what storing raises, by the begin of a part."""

    asked: list[Takeover] = field(default_factory=list)
    explained: list[Takeover] = field(default_factory=list)
    is_confused: bool = False
    parts: list[Span] = field(default_factory=list)
    failing: dict[int, list[Exception]] = field(default_factory=dict)

    def explain(self, takeover: Takeover, standby: str) -> None:
        if self.is_confused:
            raise ValueError("a span cannot end before it begins")
        self.explained.append(takeover)

    def missing(self, takeover: Takeover) -> Sequence[Span]:
        self.asked.append(takeover)
        return list(self.parts)

    def place(self, camera: str, hole: Span, files: Sequence[Path], ahead_ms: int, standby: str) -> None:
        if errors := self.failing.get(hole.begin_ms):
            raise errors.pop(0)
        self.parts.remove(hole)


async def told(
    placer: Placer,
    clock: FakeClock,
    folder: Path,
    takeover: Takeover,
    now_ms: int,
    known: StandbyKnowledge | None = None,
    asked: list[LineFrame] | None = None,
) -> LineFrame:
    """Say of a takeover by the standby's clock; return the answer. Raises LineClosed: the recorder ends the line.

    asked: gets what the recorder asks for.
    """
    here, there = MemoryLink.pair()
    offer = StandbyOffer("Barn", "1", StandbyPlan, lambda: None, placer)
    welcome = StandbyWelcome("Barn", "", "Shed", Identity.new().recipient)
    known = known or StandbyKnowledge()
    serving = asyncio.create_task(StandbyLine(here, offer, welcome, folder / "incoming", clock, known).serve())
    try:
        result = as_payload({"now_ms": now_ms, "takeovers": [asdict(takeover)]})
        await there.send(LineFrame(Kind.STANDBY, 0, result).encoded())
        while (frame := decode_frame(await there.receive())).kind is not Kind.HANDED:
            if frame.kind is Kind.OPEN:
                if asked is not None:
                    asked.append(frame)
                answer = as_payload({"is_ready": True, "sizes": []})
                await there.send(LineFrame(Kind.HEAD, frame.exchange, answer).encoded())
        return frame
    except LineClosed:
        await serving
        raise
    finally:
        serving.cancel()
        await asyncio.gather(serving, return_exceptions=True)


async def test_the_standbys_times_are_used_by_this_recorders_clock(tmp_path: Path) -> None:
    clock, placer = FakeClock(), Placer()
    now_ms = clock.now_ms() + 10_000
    frame = await told(placer, clock, tmp_path, Takeover("front", now_ms - 9000, now_ms - 6000, now_ms), now_ms)
    assert (frame.kind, frame.json) == (Kind.HANDED, {"camera": "front", "begin_ms": now_ms - 6000, "is_gone": False})
    here_ms = clock.now_ms()
    assert placer.asked == [Takeover("front", here_ms - 9000, here_ms - 6000, here_ms, ahead_ms=10_000)]


@pytest.mark.parametrize(
    ("then_ms", "used_ms"), [(600_000, 600_000), (-600_000, -600_000), (900, 0)], ids=["ahead", "behind", "only late"]
)
async def test_a_takeover_is_understood_by_the_clocks_of_its_time(tmp_path: Path, then_ms: int, used_ms: int) -> None:
    """The standby's clock was set right since then."""
    clock, placer = FakeClock(), Placer()
    now_ms = clock.now_ms()
    takeover = Takeover("front", now_ms - 9000, now_ms - 6000, now_ms, ahead_ms=then_ms)
    known = StandbyKnowledge()
    await told(placer, clock, tmp_path, takeover, now_ms, known)
    begin_ms = now_ms - 6000 - used_ms
    assert placer.asked == [Takeover("front", begin_ms - 3000, begin_ms, now_ms - used_ms, ahead_ms=used_ms)]
    assert list(known.takeovers) == placer.asked


async def test_the_standby_is_asked_by_the_clock_that_it_had(tmp_path: Path) -> None:
    clock, placer = FakeClock(), Placer()
    now_ms = clock.now_ms()
    placer.parts = [Span(now_ms - 606_000, now_ms - 600_000)]
    takeover = Takeover("front", now_ms - 9000, now_ms - 6000, now_ms, ahead_ms=600_000)
    asked: list[LineFrame] = []
    await told(placer, clock, tmp_path, takeover, now_ms, asked=asked)
    assert [one.json for one in asked] == [{"camera": "front", "begin_ms": now_ms - 6000, "end_ms": now_ms}]


async def test_a_gap_names_the_standby_also_while_both_clocks_differ(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tawny.fleet.standby_member.FETCH_S", (0.001, 0.001))
    clock, placer, ahead_ms = FakeClock(), Placer(), 3 * MOST_AHEAD_MS
    now_ms = clock.now_ms() + ahead_ms
    telling = asyncio.create_task(
        told(placer, clock, tmp_path, Takeover("front", now_ms - 9000, now_ms - 6000, now_ms), now_ms)
    )
    try:
        await eventually(lambda: len(placer.explained) > 1, "the gap to be explained")
        assert placer.asked == []
        clock.jump_utc(ahead_ms / 1000)
        await telling
    finally:
        telling.cancel()
    assert placer.asked[0].begin_ms == now_ms - 6000


async def test_a_standby_without_files_of_a_gap_is_told_so(tmp_path: Path) -> None:
    clock = FakeClock()
    now_ms = clock.now_ms()
    placer = Placer(parts=[Span(now_ms - 6000, now_ms)])
    frame = await told(placer, clock, tmp_path, Takeover("front", now_ms - 9000, now_ms - 6000, now_ms), now_ms)
    assert frame.json["is_gone"] is True


async def test_a_recorder_says_what_time_it_has(tmp_path: Path) -> None:
    here, there = MemoryLink.pair()
    clock = FakeClock()
    offer = StandbyOffer("Barn", "1", StandbyPlan, lambda: ["front"], Placer())
    welcome = StandbyWelcome("Barn", "", "Shed", Identity.new().recipient)
    serving = asyncio.create_task(StandbyLine(here, offer, welcome, tmp_path, clock, StandbyKnowledge()).serve())
    try:
        while (frame := decode_frame(await there.receive())).kind is not Kind.PRESENT:
            pass
    finally:
        serving.cancel()
        await asyncio.gather(serving, return_exceptions=True)
    assert frame.json == {"recorded": ["front"], "now_ms": clock.now_ms()}


async def test_a_takeover_that_cannot_be_understood_ends_the_line_with_the_reason(tmp_path: Path) -> None:
    clock = FakeClock()
    now_ms = clock.now_ms()
    with pytest.raises(LineClosed, match=r"says of front couldn't be understood: a span cannot end"):
        await told(Placer(is_confused=True), clock, tmp_path, Takeover("front", 1, 2, now_ms), now_ms)


@pytest.mark.parametrize(
    ("errors", "left"),
    [
        ([NotDone("It doesn't fit.")] * MOST_TRIES, [1]),
        ([FileDamaged("there", "it is torn")] * (MOST_TRIES - 1), []),
        ([DiskFull("here")] * 2 * MOST_TRIES, []),
        ([StorageError("here", "Input/output error")] * 2 * MOST_TRIES, []),
        ([NotNow("Its card is being read.")] * 2 * MOST_TRIES, []),
    ],
    ids=["in vain", "at last", "disk full", "disk error", "card"],
)
async def test_a_part_that_cannot_be_stored_keeps_no_other_from_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, errors: list[Exception], left: list[int]
) -> None:
    monkeypatch.setattr("tawny.fleet.standby_member.FETCH_S", (0.001, 0.001))
    clock = FakeClock()
    now_ms = clock.now_ms()
    parts = [Span(now_ms - HOUR_MS + n * 120_000, now_ms - HOUR_MS + (n + 1) * 120_000) for n in range(3)]
    placer = Placer(parts=list(parts), failing={parts[1].begin_ms: list(errors)})
    takeover = Takeover("front", parts[0].begin_ms - 3000, parts[0].begin_ms, parts[-1].end_ms)
    await told(placer, clock, tmp_path, takeover, now_ms)
    assert placer.parts == [parts[number] for number in left]
    assert placer.failing[parts[1].begin_ms] == []


@pytest.mark.parametrize("wrong", [None, "600000", True, 1 << 62])
def test_a_takeover_without_a_difference_of_the_clocks_is_understood(wrong: object) -> None:
    """One of an earlier version has none."""
    data = asdict(Takeover("front", 1, 2, HOUR_MS, ahead_ms=-600_000))
    assert takeovers_in([data]) == [Takeover("front", 1, 2, HOUR_MS, ahead_ms=-600_000)]
    assert takeovers_in([data | {"ahead_ms": wrong}]) == [Takeover("front", 1, 2, HOUR_MS)]
    del data["ahead_ms"]
    assert takeovers_in([data]) == [Takeover("front", 1, 2, HOUR_MS)]


@pytest.mark.parametrize("wrong", [{"silent_ms": -1}, {"begin_ms": 1 << 60}, {"end_ms": 1 << 62}])
def test_times_outside_of_the_calendar_are_refused(wrong: dict[str, int]) -> None:
    data = asdict(Takeover("front", 1, 2, HOUR_MS))
    assert takeovers_in([data]) != []
    with pytest.raises(ValueError, match="out of range"):
        takeovers_in([data | wrong])
