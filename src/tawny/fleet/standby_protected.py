"""A recorder as its standby knows it while it runs: its lease, its plan, its line, and what is recorded for it."""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol

from tawny.fleet.doubles import OpenLine
from tawny.fleet.fleet_index import Box
from tawny.fleet.standby_lease import Lease
from tawny.fleet.standby_plan import StandbyCamera, StandbyPlan
from tawny.fleet.standby_store import ProtectedCamera, ProtectedState, Takeover


class NewsLine(OpenLine, Protocol):
    """Its line."""

    def send_news(self) -> None: ...
    def stop(self) -> None: ...


@dataclass(slots=True)
class LeasedRecorder:
    """A recorder that a standby protects.

    refused: why cameras could not be recorded, by id. recording: the change of them that goes on.
    """

    box: Box
    lease: Lease
    silent_ms: int
    plan: StandbyPlan | None
    takeovers: list[Takeover]
    since_ms: int
    clock_ms: int
    """Of `clock_ms` when this clock was set last."""
    ahead_ms: int | None = None
    """How far this clock is ahead of the recorder's, by its last status; None: unknown."""
    was_ahead_ms: int = 0
    """The same before this standby was started: its clock may have been wrong since, or then."""
    recorded: dict[str, StandbyCamera] = field(default_factory=dict)
    refused: Mapping[str, str] = field(default_factory=dict)
    unrecorded: Mapping[str, str] = field(default_factory=dict)
    """Why cameras that should be recorded now are not, by id."""
    connection: NewsLine | None = None
    task: asyncio.Task[None] | None = None
    recording: asyncio.Task[Mapping[str, str]] | None = None
    set_s: float = 0.0  # when its cameras were set last
    called: str = ""
    """What it has called itself on this line; empty: it has just joined."""
    unkept: bytes | None = None
    """Its plan, encrypted, until it is stored."""
    kept: Sequence[Takeover] = ()
    """Those that are stored."""
    keeping: asyncio.Lock = field(default_factory=asyncio.Lock)
    """Held while its plan and its takeovers are stored, so that the latest ones are stored last."""
    wrong: str = ""
    """Why what must be done for it fails now."""

    @property
    def plan_ahead_ms(self) -> int:
        """How far this clock is ahead of that by which the plan is, as far as is known."""
        return self.was_ahead_ms if self.ahead_ms is None else self.ahead_ms

    def hindrance(self, of_all: str) -> str:
        """Return why none of its cameras would be recorded. What it is recording, it goes on recording.

        of_all: why none of any recorder would be; empty: they would.
        """
        return of_all or ("" if self.recorded else self.wrong)

    def why_refused(self, hindrance: str) -> Mapping[str, str]:
        """Return why cameras are not recorded, or would not be, by id. hindrance: of all of them; empty: none."""
        all_of_them = self.plan.cameras if hindrance and self.plan is not None else ()
        return {**self.refused, **self.unrecorded, **{one.id: hindrance for one in all_of_them}}

    def state(self, now_ms: int, now_s: float, of_all: str) -> ProtectedState:
        """Return it as the standby shows it. of_all: as for `hindrance`."""
        refused = self.why_refused(hindrance := self.hindrance(of_all))
        cameras = tuple(
            ProtectedCamera(each.id, each.name, each.hindrance(now_ms, self.plan_ahead_ms) or refused.get(each.id, ""))
            for each in (self.plan.cameras if self.plan is not None else ())
        )
        is_watched = self.connection is not None and self.lease.is_settled(now_s) and not hindrance
        taken = () if hindrance else tuple(each for each in self.recorded if each not in self.unrecorded)
        return ProtectedState(
            self.box, self.lease.state, self.connection is not None, is_watched, self.silent_ms, self.since_ms,
            taken, cameras, tuple(self.takeovers), self.wrong,
        )  # fmt: skip
