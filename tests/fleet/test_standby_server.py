"""A standby with recorders that connect to it in memory, on a clock that the test moves."""

import asyncio
import threading
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any
from unittest.mock import AsyncMock, Mock

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from tawny.config.fleet import StandbySettings
from tawny.fleet import doubles, session, standby_server
from tawny.fleet.doubles import DOUBLE
from tawny.fleet.fleet_index import Box
from tawny.fleet.identity import fingerprint, forget_key, load_key, load_or_make_key
from tawny.fleet.member_line import LineRefused, is_final
from tawny.fleet.message_link import LineClosed, MemoryLink, SecureLink, WebSocketLink, open_as_box
from tawny.fleet.session import Kind, LineFrame, as_payload, decode_frame
from tawny.fleet.standby_lease import LEASE_S, RETURN_S, SETTLE_S, LeaseState
from tawny.fleet.standby_member import StandbyWelcome, greet_standby, leave_standby
from tawny.fleet.standby_plan import StandbyCamera, StandbyPlan
from tawny.fleet.standby_question import RecorderQuestions
from tawny.fleet.standby_server import AGAIN_S, NOTE_S, RETRY_S, StandbyServer
from tawny.fleet.standby_store import FOLDER, STANDBY_KEY_FILE, StandbyStore, Takeover
from tawny.model.errors import DiskFull, NotDone, Problem, SettingsError, StorageError, TawnyError, TooManyFiles
from tawny.model.times import Span
from tawny.sealed import age_file
from tawny.service.backup.backup_file import backup_parts
from tawny.service.backup.restore import UnpackedBackup, finish_restore
from tawny.service.cameras.standby_cameras import protected_problems
from tawny.service.cameras.standby_condition import STOPPED
from tawny.testing.clock import FakeClock
from tests.fleet.rig import eventually

FRONT = StandbyCamera("front", "Front door", {"source": "rtsp://u:secret@192.0.2.7/"})
YARD = StandbyCamera("yard", "Yard", {"source": "rtsp://u:secret@192.0.2.8/"})
STEP_S = 0.5


@dataclass
class Work:
    """Notes what the standby records."""

    recorded: dict[str, list[str]] = field(default_factory=dict)
    silent_ms: int = 0
    fetched: list[Span] = field(default_factory=list)
    failures: list[TawnyError] = field(default_factory=list)
    unfit: dict[str, str] = field(default_factory=dict)
    files: Sequence[Path] | None = None
    unreadable: StorageError | None = None
    hindered: str | StorageError = ""
    lacking: dict[str, str] = field(default_factory=dict)
    begun: threading.Event = field(default_factory=threading.Event)
    may_go_on: threading.Event = field(default_factory=threading.Event)

    def __post_init__(self) -> None:
        self.may_go_on.set()

    def record(self, box: Box, cameras: Sequence[StandbyCamera], silent_ms: int) -> Mapping[str, str]:
        self.begun.set()
        assert self.may_go_on.wait(30)
        if self.failures:
            raise self.failures.pop()
        self.recorded[box.id], self.silent_ms = [one.id for one in cameras if one.id not in self.unfit], silent_ms
        return self.check(cameras)

    def check(self, cameras: Sequence[StandbyCamera]) -> Mapping[str, str]:
        return {one.id: self.unfit[one.id] for one in cameras if one.id in self.unfit}

    def hindrance(self) -> str:
        if isinstance(self.hindered, StorageError):
            raise self.hindered
        return self.hindered

    def unrecorded(self, box: Box) -> Mapping[str, str]:
        return self.lacking

    def footage(self, box: Box, camera: str, span: Span) -> Sequence[Path] | None:
        self.fetched.append(span)
        if self.unreadable is not None:
            raise self.unreadable
        return self.files

    @property
    def of_barn(self) -> list[str]:
        return self.recorded.get("barn", [])


@dataclass
class Standby:
    folder: Path
    clock: FakeClock
    server: StandbyServer
    work: Work
    is_enabled: bool = True
    key: Ed25519PrivateKey = field(default_factory=Ed25519PrivateKey.generate)
    """Of the recorder `Barn`."""

    @property
    def mark(self) -> str:
        return fingerprint(load_or_make_key(self.folder).public_key().public_bytes_raw())

    async def connect(
        self, code: str | None = None, name: str = "Barn", instance: str | None = ""
    ) -> tuple[SecureLink, StandbyWelcome]:
        here, there = MemoryLink.pair()
        load_or_make_key(self.folder)
        serving = asyncio.create_task(self.server.accept(there))
        try:
            link = await open_as_box(here, self.key, self.mark)
            data = {"name": name, "instance": instance, "code": code}
            return link, await greet_standby(link, {key: value for key, value in data.items() if value is not None})
        except LineClosed:
            await here.close()
            await serving
            raise

    def invite(self) -> str:
        store = StandbyStore(self.folder, self.clock)
        try:
            return store.invite()[0]
        finally:
            store.close()

    async def pair(self, *cameras: StandbyCamera) -> "Barn":
        link, welcome = await self.connect(self.invite())
        barn = Barn(self, link, welcome)
        await barn.plan(*cameras)
        await barn.present()
        await self.passes(SETTLE_S, barn)
        return barn

    async def passes(self, seconds: float, *here: "Barn") -> None:
        """Let time pass, in which these recorders say that they are here."""
        for _ in range(round(seconds / STEP_S)):
            self.clock.advance(STEP_S)
            for one in here:
                await one.present()

    @property
    def lease(self) -> LeaseState:
        [one] = self.server.states()
        return one.lease

    async def becomes(self, state: LeaseState) -> None:
        await eventually(lambda: self.lease is state, f"the lease to be {state}")


@dataclass
class Barn:
    standby: Standby
    link: SecureLink
    welcome: StandbyWelcome
    recorded: Sequence[str] = ("front", "yard")
    behind_ms: int = 0
    """How far its clock is behind the standby's."""

    async def plan(self, *cameras: StandbyCamera) -> None:
        sealed = StandbyPlan((), cameras).sealed(self.welcome.recipient)
        await self.link.send(LineFrame(Kind.PLAN, 0, sealed).encoded())

    async def present(self) -> None:
        """Say it, and wait until the standby has understood: it notes the joining as a time of its own."""
        await eventually(lambda: bool(self.standby.server.states()), "the standby to know it")
        if self._has_been_here(self.standby.clock.now_ms()):
            self.standby.clock.advance(0.001)  # else nothing tells this time from the one before
        silent_ms = self.standby.clock.now_ms()
        result = as_payload({"recorded": list(self.recorded), "now_ms": silent_ms - self.behind_ms})
        await self.link.send(LineFrame(Kind.PRESENT, 0, result).encoded())
        await eventually(lambda: self._has_been_here(silent_ms), "the standby to understand")

    def _has_been_here(self, at_ms: int) -> bool:
        return any(one.silent_ms == at_ms for one in self.standby.server.states())

    async def dies(self) -> None:
        await self.link.close()


@pytest.fixture
async def standby(tmp_path: Path) -> AsyncIterator[Standby]:
    async with running(tmp_path) as made:
        yield made


@asynccontextmanager
async def running(folder: Path, clock: FakeClock | None = None) -> AsyncIterator[Standby]:
    clock, work = clock or FakeClock(), Work()
    server = StandbyServer(folder, clock, work, lambda: made.is_enabled, lambda: "Shed", lambda _key: None)
    made = Standby(folder, clock, server, work)
    server.start()
    await eventually(lambda: server.is_ready, "the standby")
    try:
        yield made
    finally:
        await server.close()


@pytest.mark.parametrize("loop_turns", range(4))
async def test_it_ends_while_it_takes_over_changed_settings(tmp_path: Path, loop_turns: int) -> None:
    async with running(tmp_path) as standby:
        standby.server.changed()
        for _ in range(loop_turns):
            await asyncio.sleep(0)
        async with asyncio.timeout(10):
            await standby.server.close()


async def test_a_silent_recorders_cameras_are_recorded(standby: Standby) -> None:
    barn = await standby.pair(FRONT, YARD)
    here_ms = standby.clock.now_ms()
    await barn.dies()
    standby.clock.advance(LEASE_S - 0.1)
    assert standby.work.of_barn == []
    standby.clock.advance(0.2)
    await eventually(lambda: standby.work.of_barn == ["front", "yard"], "the takeover")
    assert standby.work.silent_ms == here_ms


async def test_silence_on_an_open_line_counts_the_same(standby: Standby) -> None:
    """A recorder whose recording hangs says nothing, though its connection lives."""
    await standby.pair(FRONT)
    standby.clock.advance(LEASE_S + 0.1)
    await eventually(lambda: standby.work.of_barn == ["front"], "the takeover")


async def test_a_paused_camera_is_not_taken_over_and_that_is_said(standby: Standby) -> None:
    paused = replace(YARD, is_due=False, why_off="it is paused there")
    await standby.pair(FRONT, paused)
    standby.clock.advance(LEASE_S + 0.1)
    await eventually(lambda: standby.work.of_barn == ["front"], "the takeover")
    assert standby.server.states()[0].problems == {"Yard": "it is paused there"}


async def test_a_camera_that_the_standby_refuses_is_said_before_it_is_needed_and_tried_again(standby: Standby) -> None:
    """The standby doesn't trust a plan. What it refuses may be reachable later, such as by another address."""
    standby.work.unfit["yard"] = "the name in its address leads the standby to itself"
    barn = await standby.pair(FRONT, YARD)
    assert standby.server.states()[0].problems == {"Yard": standby.work.unfit["yard"]}
    await barn.dies()
    standby.clock.advance(LEASE_S)
    await standby.becomes(LeaseState.TAKEN)
    await eventually(lambda: standby.work.of_barn == ["front"], "the other camera")
    del standby.work.unfit["yard"]
    standby.clock.advance(AGAIN_S)
    await eventually(lambda: standby.work.of_barn == ["front", "yard"], "both")
    await eventually(lambda: standby.server.states()[0].problems == {}, "no problem")


async def test_a_pause_with_an_end_is_over_at_its_end(standby: Standby) -> None:
    paused = replace(FRONT, is_due=False, due_from_ms=standby.clock.now_ms() + 60_000)
    await standby.pair(paused)
    standby.clock.advance(LEASE_S + 0.1)
    await standby.becomes(LeaseState.TAKEN)
    assert standby.work.of_barn == []
    standby.clock.advance(60)
    await eventually(lambda: standby.work.of_barn == ["front"], "the end of the pause")


async def test_a_camera_that_becomes_private_by_schedule_is_recorded_no_longer(standby: Standby) -> None:
    await standby.pair(replace(FRONT, due_until_ms=standby.clock.now_ms() + 60_000), YARD)
    standby.clock.advance(LEASE_S + 0.1)
    await eventually(lambda: standby.work.of_barn == ["front", "yard"], "the takeover")
    standby.clock.advance(60)
    await eventually(lambda: standby.work.of_barn == ["yard"], "the begin of the mode")


async def test_a_pause_ends_by_the_clock_of_its_recorder(standby: Standby) -> None:
    barn = Barn(standby, *await standby.connect(standby.invite()), behind_ms=300_000)
    theirs_ms = standby.clock.now_ms() - barn.behind_ms
    paused = replace(FRONT, is_due=False, why_off="it is paused there", changes=((theirs_ms + 60_000, True),))
    await barn.plan(paused, YARD)
    await standby.passes(SETTLE_S, barn)
    assert standby.server.states()[0].problems == {"Front door": "it is paused there"}
    standby.clock.advance(LEASE_S + 0.1)
    await eventually(lambda: standby.work.of_barn == ["yard"], "the takeover")
    standby.clock.advance(60)
    await eventually(lambda: standby.work.of_barn == ["front", "yard"], "the end of the pause")


async def test_a_standby_that_was_restarted_knows_the_clock_of_a_silent_recorder(tmp_path: Path) -> None:
    clock = FakeClock()
    async with running(tmp_path, clock) as standby:
        barn = Barn(standby, *await standby.connect(standby.invite()), behind_ms=-300_000)
        await barn.plan(replace(FRONT, changes=((clock.now_ms() + 300_000, False),)))
        await barn.present()
        await eventually(lambda: stored_recorder(standby).status == {"ahead_ms": -300_000}, "it to be stored")
    async with running(tmp_path, clock) as standby:
        await eventually(lambda: len(standby.server.states()) == 1, "the recorder to be known")
        assert standby.server.states()[0].problems == {"Front door": "it should not be recorded at this time"}


async def test_a_recorder_that_is_back_gets_each_camera_after_ten_seconds(standby: Standby) -> None:
    barn = await standby.pair(FRONT, YARD)
    await barn.dies()
    standby.clock.advance(LEASE_S + 0.1)
    await eventually(lambda: standby.work.of_barn == ["front", "yard"], "the takeover")
    barn.link, _ = await standby.connect()
    barn.recorded = ["front"]
    await barn.present()
    await standby.passes(RETURN_S - STEP_S, barn)
    assert standby.work.of_barn == ["front", "yard"]
    await standby.passes(2 * STEP_S, barn)
    await eventually(lambda: standby.work.of_barn == ["yard"], "the first camera to be given back")
    barn.recorded = ["front", "yard"]
    await standby.passes(RETURN_S + 2 * STEP_S, barn)
    await eventually(lambda: standby.work.of_barn == [], "the other one to be given back")


async def test_what_was_recorded_is_offered_until_the_recorder_has_it(standby: Standby) -> None:
    barn = await standby.pair(FRONT)
    await barn.dies()
    standby.clock.advance(LEASE_S + 0.1)
    await eventually(lambda: standby.work.of_barn == ["front"], "the takeover")
    barn.link, _ = await standby.connect()
    [offered] = await takeovers(barn.link)
    assert (offered["camera"], offered["end_ms"], offered["is_handed"]) == ("front", None, False)
    assert offered["is_by_recorder"] is True
    await standby.passes(RETURN_S + 2 * STEP_S, barn)
    await eventually(lambda: standby.work.of_barn == [], "the camera to be given back")
    result = as_payload({"camera": "front", "begin_ms": offered["begin_ms"]})
    await barn.link.send(LineFrame(Kind.HANDED, 0, result).encoded())
    await barn.present()
    await barn.dies()
    barn.link, _ = await standby.connect()
    [handed] = await takeovers(barn.link)  # the recorder's page shows it, and fetches nothing
    assert (handed["begin_ms"], handed["is_handed"]) == (offered["begin_ms"], True)


async def test_a_takeover_keeps_how_far_both_clocks_differed_at_its_begin(standby: Standby) -> None:
    """A recorder that has just booted may have a wrong clock for some seconds."""
    barn = await standby.pair(FRONT)
    barn.behind_ms = 600_000
    await barn.present()
    await taken_over(standby, barn)
    barn.link, _ = await standby.connect()
    barn.behind_ms = -7_200_000
    await standby.passes(RETURN_S + 2 * STEP_S, barn)
    await eventually(lambda: standby.work.of_barn == [], "the camera to be given back")
    [takeover] = standby.server.states()[0].takeovers
    assert (takeover.ahead_ms, takeover.is_by_plan) == (600_000, False)


async def taken_over(standby: Standby, barn: Barn) -> None:
    """The recorder dies, and the standby records its camera."""
    await barn.dies()
    standby.clock.advance(LEASE_S + 0.1)
    await eventually(lambda: standby.work.of_barn == ["front"], "the takeover")


async def test_a_takeover_that_the_plan_has_ended_says_so(standby: Standby) -> None:
    barn = await standby.pair(replace(FRONT, due_until_ms=standby.clock.now_ms() + 60_000))
    await taken_over(standby, barn)
    standby.clock.advance(60)
    await eventually(lambda: standby.work.of_barn == [], "the begin of the mode")
    await eventually(lambda: standby.server.states()[0].takeovers[0].is_by_plan, "the end by plan")


async def test_a_takeover_that_a_new_plan_ends_was_not_planned(standby: Standby) -> None:
    """The recorder is back, and its camera was made private before: nothing says since when."""
    barn = await standby.pair(FRONT)
    await taken_over(standby, barn)
    barn.link, barn.welcome = await standby.connect()
    await barn.plan(replace(FRONT, is_due=False))
    await eventually(lambda: standby.server.states()[0].takeovers[0].end_ms is not None, "the new plan")
    assert not standby.server.states()[0].takeovers[0].is_by_plan


async def test_a_step_of_the_clock_that_the_recorder_would_not_notice_splits_nothing(standby: Standby) -> None:
    barn = await standby.pair(FRONT)
    await taken_over(standby, barn)
    barn.link, _ = await standby.connect()
    standby.clock.jump_utc(1.5)
    await barn.present()
    assert len(standby.server.states()[0].takeovers) == 1


async def test_a_split_that_a_recorders_word_makes_is_stored(standby: Standby) -> None:
    barn = await standby.pair(FRONT)
    await taken_over(standby, barn)
    await eventually(lambda: len(stored(standby)) == 1, "the takeover to be stored")
    barn.link, _ = await standby.connect()
    await is_held_up(standby, AGAIN_S)
    standby.clock.jump_utc(-600)
    await barn.present()
    standby.work.may_go_on.set()
    await eventually(lambda: len(stored(standby)) == 2, "both to be stored")


async def test_a_takeover_that_begins_while_the_clock_is_set_has_times_by_one_clock_each(standby: Standby) -> None:
    barn = await standby.pair(FRONT)
    here_ms = standby.clock.now_ms()
    await barn.dies()
    await is_held_up(standby, LEASE_S + 0.1)
    begun_ms = standby.clock.now_ms()
    barn.link, _ = await standby.connect()
    standby.clock.jump_utc(-600)
    await barn.present()
    now_ms = standby.clock.now_ms()
    standby.work.may_go_on.set()
    await eventually(lambda: len(standby.server.states()[0].takeovers) > 0, "the takeover")
    assert standby.server.states()[0].takeovers == (
        Takeover("front", here_ms, begun_ms, now_ms + 600_000, ahead_ms=0, is_by_recorder=True),
        Takeover("front", here_ms - 600_000, now_ms, ahead_ms=-600_000, is_by_recorder=True),
    )


async def is_held_up(standby: Standby, after_s: float) -> None:
    """Let time pass after which the standby sets what it records, and let that take long."""
    standby.work.may_go_on.clear()
    standby.work.begun.clear()
    standby.clock.advance(after_s)
    await eventually(standby.work.begun.is_set, "the standby to set its cameras")


def stored(standby: Standby) -> Sequence[Takeover]:
    store = StandbyStore(standby.folder, standby.clock)
    try:
        return store.takeovers("barn")
    finally:
        store.close()


async def test_a_line_on_which_the_recorder_says_nothing_does_not_count_as_seen(standby: Standby) -> None:
    """After a restart of the standby, it would seem to have known what was decided meanwhile."""
    await standby.pair(FRONT)
    standby.clock.advance(LEASE_S + 0.1)
    await eventually(lambda: standby.work.of_barn == ["front"], "the takeover")
    before_ms = stored_recorder(standby).seen_ms
    await is_held_up(standby, 2 * NOTE_S)
    standby.work.begun.clear()
    standby.work.may_go_on.set()
    standby.clock.advance(AGAIN_S)
    await eventually(standby.work.begun.is_set, "the next turn")
    assert stored_recorder(standby).seen_ms == before_ms


def stored_recorder(standby: Standby) -> Box:
    store = StandbyStore(standby.folder, standby.clock)
    try:
        return store.recorders()[0]
    finally:
        store.close()


async def test_a_takeover_begins_again_when_the_standbys_clock_is_set(standby: Standby) -> None:
    """What was recorded before has times by the former clock, and the rest has not."""
    barn = await standby.pair(FRONT)
    here_ms = standby.clock.now_ms()
    await barn.dies()
    standby.clock.advance(LEASE_S + 0.1)
    await eventually(lambda: standby.work.of_barn == ["front"], "the takeover")
    set_ms = standby.clock.now_ms()
    standby.clock.jump_utc(-600)
    await eventually(lambda: len(standby.server.states()[0].takeovers) == 2, "the clock to be noticed")
    before, after = standby.server.states()[0].takeovers
    assert (before.silent_ms, before.end_ms, before.ahead_ms) == (here_ms, set_ms, 0)
    now_ms = set_ms - 600_000
    assert after == Takeover("front", here_ms - 600_000, now_ms, ahead_ms=-600_000, is_by_recorder=True)


async def test_a_recorder_learns_that_its_standbys_clock_was_set(standby: Standby) -> None:
    barn = await standby.pair(FRONT)
    while decode_frame(await barn.link.receive()).json.get("is_watched") is not True:
        pass  # nothing else is news
    standby.clock.jump_utc(-600)
    async with asyncio.timeout(10):
        frame = decode_frame(await barn.link.receive())
    assert (frame.kind, frame.json["now_ms"]) == (Kind.STANDBY, standby.clock.now_ms())


async def test_a_recorder_fetches_nothing_but_its_own_takeovers(standby: Standby) -> None:
    barn = await standby.pair(FRONT)
    await barn.dies()
    standby.clock.advance(LEASE_S + 0.1)
    await eventually(lambda: standby.work.of_barn == ["front"], "the takeover")
    barn.link, _ = await standby.connect()
    [offered] = await takeovers(barn.link)
    begin_ms, now_ms = offered["begin_ms"], standby.clock.now_ms()
    assert isinstance(begin_ms, int)
    asked = [
        ("front", begin_ms - 3_600_000, begin_ms - 3_540_000), ("front", begin_ms - 60_000, now_ms),
        ("yard", begin_ms, now_ms + 1), ("front", begin_ms - 3000, now_ms + 3000),
    ]  # fmt: skip
    ready = []
    for number, (camera, from_ms, to_ms) in enumerate(asked, 1):
        result = as_payload({"camera": camera, "begin_ms": from_ms, "end_ms": to_ms})
        await barn.link.send(LineFrame(Kind.OPEN, number, result).encoded())
        while (frame := decode_frame(await barn.link.receive())).kind is not Kind.HEAD:
            pass
        ready.append(frame.json["is_ready"])
    assert standby.work.fetched == [Span(begin_ms - 3000, now_ms + 3000)]
    assert ready == [True, True, True, False]


@pytest.mark.parametrize("missing", [None, StorageError("/data", "Input/output error")], ids=["file", "index"])
async def test_recordings_that_cannot_be_read_now_are_for_later(
    standby: Standby, missing: StorageError | None, tmp_path: Path
) -> None:
    """A disk that is away for a minute uses up no try of the recorder."""
    barn = await standby.pair(FRONT)
    await taken_over(standby, barn)
    barn.link, _ = await standby.connect()
    [offered] = await takeovers(barn.link)
    standby.work.files, standby.work.unreadable = [tmp_path / "gone.mp4"], missing
    result = as_payload({"camera": "front", "begin_ms": offered["begin_ms"], "end_ms": standby.clock.now_ms() + 1})
    await barn.link.send(LineFrame(Kind.OPEN, 1, result).encoded())
    while (frame := decode_frame(await barn.link.receive())).kind not in (Kind.HEAD, Kind.END):
        pass
    assert (frame.kind, frame.json.get("is_ready")) == (Kind.HEAD, False)


async def test_a_takeover_of_which_nothing_was_found_says_so(standby: Standby) -> None:
    barn = await standby.pair(FRONT)
    await taken_over(standby, barn)
    barn.link, _ = await standby.connect()
    [offered] = await takeovers(barn.link)
    await standby.passes(RETURN_S + 2 * STEP_S, barn)
    await eventually(lambda: standby.work.of_barn == [], "the camera to be given back")
    result = as_payload({"camera": "front", "begin_ms": offered["begin_ms"], "is_gone": True})
    await barn.link.send(LineFrame(Kind.HANDED, 0, result).encoded())
    await eventually(lambda: standby.server.states()[0].takeovers[0].is_handed, "the recorder's word")
    assert standby.server.states()[0].takeovers[0].is_gone
    await eventually(lambda: stored(standby)[0].is_gone, "it to be stored")


async def test_a_recorder_that_is_renamed_has_its_new_name_here(standby: Standby) -> None:
    barn = await standby.pair(FRONT)
    await barn.dies()
    await (await standby.connect())[0].close()
    link, welcome = await standby.connect(name="Villa")
    assert welcome.name == "Villa"
    assert [(one.box.id, one.box.name) for one in standby.server.states()] == [("barn", "Villa")]
    await link.close()


async def test_the_name_given_at_joining_stays(standby: Standby) -> None:
    link, _ = await standby.connect(standby.invite(), name="Shop 12")
    await link.close()
    for _ in range(2):
        link, welcome = await standby.connect()
        assert welcome.name == "Shop 12"
        await link.close()


async def takeovers(link: SecureLink) -> list[dict[str, object]]:
    while (frame := decode_frame(await link.receive())).kind is not Kind.STANDBY:
        pass
    found: list[dict[str, object]] = frame.json["takeovers"]
    return found


async def test_after_its_own_start_a_standby_takes_over_from_what_it_has_stored(tmp_path: Path) -> None:
    clock = FakeClock()
    async with running(tmp_path, clock) as standby:
        await standby.pair(FRONT)
    async with running(tmp_path, clock) as standby:
        await eventually(lambda: len(standby.server.states()) == 1, "the recorder to be known")
        clock.advance(SETTLE_S - 0.1)
        assert standby.work.of_barn == []
        clock.advance(0.2)
        await eventually(lambda: standby.work.of_barn == ["front"], "the takeover")


async def test_a_standby_restored_from_a_backup_takes_over_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(age_file, "WORK_FACTOR", 1)
    clock, old, new = FakeClock(), tmp_path / "old", tmp_path / "new"
    old.mkdir()
    async with running(old, clock) as standby:
        key = standby.key
        await standby.pair(FRONT)
    unpacked = UnpackedBackup.unpack(backup_parts(old, None, "passphrase", 0, "shed"), "passphrase", new)
    unpacked.commit(new / "tawny.toml")
    finish_restore(new)
    async with running(new, clock) as standby:
        standby.key = key
        barn = Barn(standby, *await standby.connect())
        await barn.plan(FRONT)  # recorders send it each time that they connect
        await barn.present()
        await standby.passes(SETTLE_S, barn)
        await barn.dies()
        await standby.passes(LEASE_S + SETTLE_S)
        await eventually(lambda: standby.work.of_barn == ["front"], "the takeover")


async def test_revoking_forgets_credentials_and_ends_recording_at_once(standby: Standby) -> None:
    barn = await standby.pair(FRONT)
    plan = standby.folder / FOLDER / "barn.plan"
    assert b"secret" not in plan.read_bytes()
    standby.clock.advance(LEASE_S + 0.1)
    await eventually(lambda: standby.work.of_barn == ["front"], "the takeover")
    assert await standby.server.revoke("barn")
    assert not plan.exists()
    assert standby.work.of_barn == []
    assert standby.server.states() == []
    await barn.dies()
    with pytest.raises(LineRefused, match="this recorder isn't known there: it was removed, or an older backup"):
        await standby.connect()


async def test_one_that_is_revoked_while_its_takeover_begins_is_not_recorded(standby: Standby) -> None:
    await standby.pair(FRONT)
    standby.work.may_go_on.clear()
    standby.clock.advance(LEASE_S + 0.1)
    await eventually(standby.work.begun.is_set, "the takeover to begin")
    revoking = asyncio.create_task(standby.server.revoke("barn"))
    await eventually(lambda: standby.server.states() == [], "the recorder to be forgotten")
    standby.work.may_go_on.set()
    assert await revoking
    assert standby.work.recorded == {"barn": []}


@pytest.mark.parametrize(
    "failure",
    [SettingsError("others", (Problem("cameras", "x", "y"),)), StorageError("/data", "full"), NotDone("Not now.", "")],
    ids=["settings", "storage", "not done"],
)
async def test_a_takeover_that_fails_is_tried_again(standby: Standby, failure: TawnyError) -> None:
    await standby.pair(FRONT)
    standby.work.failures.append(failure)
    standby.clock.advance(LEASE_S + 0.1)
    await eventually(lambda: standby.work.of_barn == ["front"], "the takeover")
    assert standby.work.failures == []


@pytest.fixture
def room(monkeypatch: pytest.MonkeyPatch) -> list[bool]:
    """Whether the standby's disk has room: it is full while the list is empty."""
    has_room = [True]
    for name in ("note", "keep_plan", "keep_takeovers"):
        write = getattr(StandbyStore, name)

        def tried(store: StandbyStore, *values: Any, write: Callable[..., None] = write) -> None:
            if not has_room:
                raise DiskFull("/data/standby.db")
            write(store, *values)

        monkeypatch.setattr(StandbyStore, name, tried)
    return has_room


async def test_a_standby_whose_disk_is_full_keeps_the_line_and_stores_later(standby: Standby, room: list[bool]) -> None:
    room.clear()
    barn = await standby.pair(FRONT)
    await eventually(lambda: "The disk at /data/standby.db is full." in details(standby), "the problem")
    [state] = standby.server.states()
    assert (state.is_connected, state.problems) == (True, {"Front door": "The disk at /data/standby.db is full."})
    room.append(True)
    await standby.passes(RETRY_S + STEP_S, barn)
    await eventually((standby.folder / FOLDER / "barn.plan").exists, "the plan to be stored")
    await eventually(lambda: details(standby) == "", "the end of the problem")


async def test_a_recorder_learns_that_its_standby_can_not_store_anything(standby: Standby, room: list[bool]) -> None:
    """Nor would it store recordings, where its disk is read-only or its files are at their limit."""
    barn = await standby.pair(FRONT)
    room.clear()
    await barn.plan(YARD)
    while not (found := decode_frame(await barn.link.receive()).json)["hindrance"]:
        pass
    assert (found["hindrance"], found["is_watched"]) == ("The disk at /data/standby.db is full.", False)


async def test_what_a_standby_is_recording_counts_although_its_disk_takes_no_notes(
    standby: Standby, room: list[bool]
) -> None:
    barn = await standby.pair(FRONT)
    room.clear()
    await taken_over(standby, barn)
    await eventually(lambda: standby.server.states()[0].wrong != "", "the failure")
    [state] = standby.server.states()
    assert (state.taken, state.problems) == (("front",), {})


async def test_a_recorder_that_dies_while_the_disk_is_full_is_not_shown_as_connected(
    standby: Standby, room: list[bool]
) -> None:
    barn = await standby.pair(FRONT)
    await barn.dies()
    room.clear()
    barn.link, _ = await standby.connect()
    await barn.dies()
    await eventually(lambda: not standby.server.states()[0].is_connected, "the end of the line")


def details(standby: Standby) -> str:
    return " ".join(one.detail for one in protected_problems(standby.server.states(), standby.server.why_not_ready))


async def test_a_standby_that_can_record_nothing_is_not_ready_and_says_why(standby: Standby) -> None:
    barn = await standby.pair(FRONT)
    standby.work.hindered = STOPPED
    await eventually(lambda: not standby.server.states()[0].is_watched, "it to be noticed")
    [state] = standby.server.states()
    assert state.problems == {"Front door": STOPPED}
    assert details(standby) == f"This recorder can't be a standby: {STOPPED}."
    while (found := decode_frame(await barn.link.receive()).json).get("hindrance") != STOPPED:
        pass
    assert (found["is_watched"], found["refused"]) == (False, {"front": STOPPED})
    await taken_over(standby, barn)
    assert standby.server.states()[0].taken == ()


async def test_a_recorder_learns_that_its_standbys_disk_can_not_be_read(standby: Standby) -> None:
    barn = await standby.pair(FRONT)
    standby.work.hindered = StorageError("/data", "Input/output error")
    while not (found := decode_frame(await barn.link.receive()).json)["hindrance"]:
        pass
    assert (found["hindrance"], found["is_watched"]) == ("Disk error at /data: Input/output error.", False)
    assert not standby.server.states()[0].is_watched


async def test_a_camera_that_is_taken_over_and_not_recorded_does_not_count(standby: Standby) -> None:
    barn = await standby.pair(FRONT, YARD)
    standby.work.lacking = {"front": "it is paused here"}
    await barn.dies()
    standby.clock.advance(LEASE_S + 0.1)
    await eventually(lambda: standby.server.states()[0].taken == ("yard",), "the takeover")
    assert "This standby records 1 of the cameras of Barn." in details(standby)
    assert "Front door: it is paused here" in details(standby)


async def test_leaving_does_the_same(standby: Standby) -> None:
    barn = await standby.pair(FRONT)
    await barn.link.send(LineFrame(Kind.LEAVE, 0, b"").encoded())
    await eventually(lambda: standby.server.states() == [], "the recorder to be forgotten")
    await eventually(lambda: not (standby.folder / FOLDER / "barn.plan").exists(), "its plan to be deleted")


async def test_a_link_works_once(standby: Standby) -> None:
    code = standby.invite()
    link, _ = await standby.connect(code)
    await link.close()
    standby.key = Ed25519PrivateKey.generate()
    with pytest.raises(LineRefused, match="used already"):
        await standby.connect(code)


async def test_a_key_that_was_deleted_is_used_no_longer(standby: Standby) -> None:
    link, _ = await standby.connect(standby.invite())
    await link.close()
    former = standby.mark
    forget_key(standby.folder)
    link, _ = await standby.connect()  # with the key that is stored now
    await link.close()
    assert standby.mark != former


@pytest.fixture
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """A line that beats doesn't become silent, however busy the computer is."""
    monkeypatch.setattr(session, "BEAT_S", session.BEAT_S / 8)
    monkeypatch.setattr(doubles, "ALIVE_S", doubles.ALIVE_S / 8)


@asynccontextmanager
async def here(standby: Standby, instance: str) -> AsyncIterator[SecureLink]:
    """A recorder that is connected, and says so."""
    await standby.connect(standby.invite())
    link, _ = await standby.connect(instance=instance)
    saying = asyncio.create_task(beats(link))
    try:
        yield link
    finally:
        saying.cancel()
        await asyncio.gather(saying, return_exceptions=True)


async def beats(link: SecureLink) -> None:
    while True:
        await link.send(LineFrame(Kind.BEAT, 0, b"").encoded())
        await asyncio.sleep(session.BEAT_S)


@pytest.mark.usefixtures("quick")
async def test_a_second_recorder_with_the_same_key_is_refused_while_the_first_is_there(standby: Standby) -> None:
    """It may be the copy of a card. Else each would end the other one's line once a second, for ever."""
    async with here(standby, "a"):
        with pytest.raises(LineRefused, match=DOUBLE):
            await standby.connect(name="Twin", instance="b")
        [state] = standby.server.states()
        assert (state.is_connected, state.box.name) == (True, "Barn")
        [problem] = protected_problems([], "", standby.server.doubles.names())
        assert (
            problem.detail == "Another recorder with the key of Barn wants to connect to this standby, and is refused."
        )
        await standby.connect(instance="a")  # by another network


@pytest.mark.usefixtures("quick")
async def test_a_recorder_that_was_restarted_replaces_its_silent_line(
    standby: Standby, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(session, "SILENT_S", session.SILENT_S / 8)
    await standby.connect(standby.invite())
    await standby.connect(instance="a")
    await standby.connect(instance="b")
    assert standby.server.doubles.names() == []


@pytest.mark.usefixtures("quick")
async def test_a_copy_that_leaves_ends_no_other_recorders_protection(
    standby: Standby, monkeypatch: pytest.MonkeyPatch
) -> None:
    chosen = reached(standby, monkeypatch)
    async with here(standby, "a"):
        with pytest.raises(NotDone, match="keeps another one with the same key"):
            await leave_standby(chosen, standby.key, "b")
        assert standby.server.states()[0].is_connected
        await leave_standby(chosen, standby.key, "a")
        await eventually(lambda: standby.server.states() == [], "the recorder to be forgotten")


def reached(standby: Standby, monkeypatch: pytest.MonkeyPatch) -> StandbySettings:
    """Return settings by which a command reaches it."""
    serving: list[asyncio.Task[None]] = []

    async def open_here(*_: object) -> MemoryLink:
        one, other = MemoryLink.pair()
        serving.append(asyncio.create_task(standby.server.accept(other)))
        return one

    monkeypatch.setattr(WebSocketLink, "open", open_here)
    return StandbySettings(address="http://shed", key=standby.mark)


async def test_one_that_cannot_delete_a_recorder_that_leaves_says_so_and_does_it_later(
    standby: Standby, monkeypatch: pytest.MonkeyPatch
) -> None:
    await standby.pair(FRONT)
    plan, chosen = standby.folder / FOLDER / "barn.plan", reached(standby, monkeypatch)
    await eventually(plan.exists, "the plan to be stored")
    monkeypatch.setattr(RecorderQuestions, "ask", AsyncMock(return_value=None))
    with monkeypatch.context() as patched:
        patched.setattr(StandbyStore, "revoke", Mock(side_effect=DiskFull("/data/standby.db")))
        with pytest.raises(NotDone, match=r"refused this recorder\. The disk at /data/standby\.db is full\."):
            await leave_standby(chosen, standby.key, "")
        standby.clock.advance(SETTLE_S + LEASE_S)
        await standby.becomes(LeaseState.ANSWERED)
    standby.clock.advance(LEASE_S)
    await eventually(lambda: standby.server.states() == [], "the recorder to be forgotten")
    assert (standby.work.of_barn, plan.exists()) == ([], False)


async def test_a_recorder_that_cannot_be_asked_is_taken_over(standby: Standby, monkeypatch: pytest.MonkeyPatch) -> None:
    barn = await standby.pair(FRONT)
    await barn.dies()
    monkeypatch.setattr(standby_server, "load_or_make_key", Mock(side_effect=TooManyFiles("/data/fleet.key")))
    standby.clock.advance(LEASE_S + 0.1)
    await eventually(lambda: standby.work.of_barn == ["front"], "the takeover")


async def test_a_recorder_that_never_joined_is_refused(standby: Standby) -> None:
    with pytest.raises(LineRefused, match="this recorder isn't known there: it was removed, or an older backup"):
        await standby.connect()


async def test_one_that_has_just_started_refuses_no_recorder(standby: Standby) -> None:
    """Its page listens before its task has opened what it knows, and a refusal is repeated a minute later."""
    await standby.connect(standby.invite())
    work = Work()
    again = StandbyServer(standby.folder, standby.clock, work, lambda: True, lambda: "Shed", lambda _key: None)
    started = replace(standby, server=again)
    try:
        await started.connect()
    finally:
        await again.close()


async def test_one_whose_key_is_damaged_says_that_as_it_refuses(standby: Standby) -> None:
    await standby.connect(standby.invite())
    (standby.folder / STANDBY_KEY_FILE).write_text("rubbish")
    again = StandbyServer(standby.folder, standby.clock, Work(), lambda: True, lambda: "Shed", lambda _key: None)
    with pytest.raises(LineRefused, match=r"standby\.key is damaged"):
        await replace(standby, server=again).connect()


async def test_one_that_cannot_store_a_joining_recorder_says_why(
    standby: Standby, monkeypatch: pytest.MonkeyPatch
) -> None:
    code = standby.invite()
    with monkeypatch.context() as patched:
        patched.setattr(StandbyStore, "join", Mock(side_effect=DiskFull("/data/standby.db")))
        with pytest.raises(LineRefused, match=r"The disk at /data/standby\.db is full") as refused:
            await standby.connect(code)
    assert not is_final(refused.value)
    await standby.connect(code)


async def test_one_that_cannot_read_a_plan_refuses_its_recorder_instead_of_a_welcome(standby: Standby) -> None:
    barn = await standby.pair(FRONT)
    plan = standby.folder / FOLDER / "barn.plan"
    await eventually(plan.exists, "the plan to be stored")
    await barn.dies()
    plan.unlink()
    plan.mkdir()
    again = StandbyServer(standby.folder, standby.clock, Work(), lambda: True, lambda: "Shed", lambda _key: None)
    with pytest.raises(LineRefused, match=r"barn\.plan") as refused:
        await replace(standby, server=again).connect(instance="a")
    assert not is_final(refused.value)
    await again.close()


async def test_a_new_name_that_can_not_be_stored_keeps_no_recorder_away(
    standby: Standby, monkeypatch: pytest.MonkeyPatch
) -> None:
    barn = await standby.pair(FRONT)
    await barn.dies()
    monkeypatch.setattr(StandbyStore, "renamed", Mock(side_effect=DiskFull("/data/standby.db")))
    await standby.connect(name="Stable")
    assert standby.server.states()[0].box.name == "Barn"


@pytest.mark.parametrize(("instance", "expected"), [("a", LineRefused), (None, LineClosed)], ids=["now", "earlier"])
async def test_a_recorder_of_an_earlier_version_tries_again_soon_where_a_standby_can_read_nothing(
    standby: Standby, monkeypatch: pytest.MonkeyPatch, instance: str | None, expected: type[LineClosed]
) -> None:
    """It would take a refusal for the last word of a minute."""
    await standby.connect(standby.invite())
    monkeypatch.setattr(StandbyStore, "recorder_of", Mock(side_effect=DiskFull("/data/standby.db")))
    with pytest.raises(LineClosed) as ended:
        await standby.connect(instance=instance)
    assert type(ended.value) is expected


async def test_the_question_of_a_standby_makes_no_key(tmp_path: Path) -> None:
    """It would hide that the recorder's own is gone, and nothing knows the new one."""
    asked = StandbyServer(tmp_path, FakeClock(), Work(), lambda: False, lambda: "Barn", lambda _key: True)
    here, there = MemoryLink.pair()
    await asked.accept(there)
    with pytest.raises(LineClosed):
        await here.receive()
    assert load_key(tmp_path) is None


async def test_one_that_is_no_standby_refuses_everyone(standby: Standby) -> None:
    standby.is_enabled = False
    standby.server.changed()
    await eventually(lambda: not standby.server.is_ready, "the settings to be used")
    with pytest.raises(LineRefused, match="no standby"):
        await standby.connect()


@pytest.mark.parametrize(
    "frame",
    [
        LineFrame(Kind.PLAN, 0, b"\0\5nothing"),
        LineFrame(Kind.LINES, 0, b"{}"),
        LineFrame(Kind.OPEN, 1, b'{"camera": "front", "begin_ms": "x", "end_ms": 2}'),
        LineFrame(Kind.PRESENT, 0, b"[]"),
    ],
)
async def test_nonsense_of_a_recorder_ends_its_line_alone(standby: Standby, frame: LineFrame) -> None:
    barn = await standby.pair(FRONT)
    await barn.link.send(frame.encoded())
    await barn.present() if frame.kind is Kind.OPEN else await eventually(
        lambda: not standby.server.states()[0].is_connected, "the end of the line"
    )
    assert standby.server.is_ready
