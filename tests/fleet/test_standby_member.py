"""The recorder's end of the line to its standby, without a network, when both clocks differ."""

import asyncio
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path

import pytest

from tawny.fleet.message_link import LineClosed, MemoryLink
from tawny.fleet.session import Kind, LineFrame, as_payload, decode_frame
from tawny.fleet.standby_member import StandbyKnowledge, StandbyLine, StandbyOffer, StandbyWelcome
from tawny.fleet.standby_plan import StandbyPlan
from tawny.fleet.standby_store import Takeover, takeovers_in
from tawny.model.times import Span
from tawny.sealed.key_wrapping import Identity
from tawny.testing.clock import FakeClock

HOUR_MS = 3_600_000


@dataclass
class Placer:
    """Lacks nothing, and notes what it is asked."""

    asked: list[Takeover] = field(default_factory=list)
    is_confused: bool = False

    def explain(self, takeover: Takeover, standby: str) -> None:
        if self.is_confused:
            raise ValueError("a span cannot end before it begins")

    def missing(self, takeover: Takeover) -> Sequence[Span]:
        self.asked.append(takeover)
        return []

    def place(self, camera: str, hole: Span, files: Sequence[Path], ahead_ms: int, standby: str) -> None:
        raise AssertionError("nothing is missing")


async def told(
    placer: Placer,
    clock: FakeClock,
    folder: Path,
    takeover: Takeover,
    now_ms: int,
    known: StandbyKnowledge | None = None,
) -> LineFrame:
    """Say of a takeover by the standby's clock; return the answer. Raises LineClosed: the recorder ends the line."""
    here, there = MemoryLink.pair()
    offer = StandbyOffer("Barn", "1", StandbyPlan, lambda: None, placer)
    welcome = StandbyWelcome("Barn", "", "Shed", Identity.new().recipient)
    known = known or StandbyKnowledge()
    serving = asyncio.create_task(StandbyLine(here, offer, welcome, folder / "incoming", clock, known).serve())
    try:
        said = as_payload({"now_ms": now_ms, "takeovers": [asdict(takeover)]})
        await there.send(LineFrame(Kind.STANDBY, 0, said).encoded())
        while (frame := decode_frame(await there.receive())).kind is not Kind.HANDED:
            pass
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
    assert (frame.kind, frame.json) == (Kind.HANDED, {"camera": "front", "begin_ms": now_ms - 6000})
    here_ms = clock.now_ms()
    assert placer.asked == [Takeover("front", here_ms - 9000, here_ms - 6000, here_ms)]


async def test_a_takeover_that_cannot_be_understood_ends_the_line_with_the_reason(tmp_path: Path) -> None:
    clock = FakeClock()
    now_ms = clock.now_ms()
    with pytest.raises(LineClosed, match=r"says of front couldn't be understood: a span cannot end"):
        await told(Placer(is_confused=True), clock, tmp_path, Takeover("front", 1, 2, now_ms), now_ms)


@pytest.mark.parametrize("wrong", [{"silent_ms": -1}, {"begin_ms": 1 << 60}, {"end_ms": 1 << 62}])
def test_times_outside_of_the_calendar_are_refused(wrong: dict[str, int]) -> None:
    said = asdict(Takeover("front", 1, 2, HOUR_MS))
    assert takeovers_in([said]) != []
    with pytest.raises(ValueError, match="out of range"):
        takeovers_in([said | wrong])
