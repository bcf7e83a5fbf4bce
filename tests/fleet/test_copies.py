"""Recordings of a box are copied to its hub, verified there, and played there while the box is away."""

import asyncio
import json
import shutil
import threading
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

import httpx
import pytest
from fastapi import FastAPI

from tawny.api.application import make_routes
from tawny.api.auth.accounts import Role
from tawny.api.fleet.box_requests import BoxRequestHandler
from tawny.config.fleet import CopySettings
from tawny.engine import Bus, InlineEngine
from tawny.fleet import copies, copy_reader, copy_volume
from tawny.fleet.copies import CopyStore, FleetCopies
from tawny.fleet.copy_reader import CopyReader
from tawny.fleet.copy_source import CopySource, SourceFile
from tawny.fleet.copy_volume import CopyVolume, Proof
from tawny.fleet.session import Exchange, Kind, LineFrame, as_payload
from tawny.model.events import Event
from tawny.model.geometry import Polygon
from tawny.model.ids import CameraId, EventId, StreamName
from tawny.model.segments import Gap, GapReason, Segment
from tawny.model.times import Span
from tawny.recorder.recorder import SegmentRecorder
from tawny.sealed.key_wrapping import Identity
from tawny.service.copied_recorder import CopiedRecorder
from tawny.storage.disk.volume import Volume
from tawny.storage.history.ledger import HistoryJournal, HistoryLedger, gap_record
from tawny.storage.history.proof import verify_history
from tawny.storage.history.signed_history import SignedHistory
from tawny.storage.index.memory_index import MemoryIndex
from tawny.storage.repair.check import CheckScope, check_volume
from tawny.storage.sealing.epoch_keys import CameraSealing, EpochKeys
from tawny.storage.segments.detection_files import EventFiles
from tawny.stream.hub import Hub
from tawny.testing.clock import FakeClock
from tawny.testing.packet_feed import PacketFeed
from tests.api.fakes import House, make_house
from tests.fleet.rig import EVERYTHING, BoxRig, HubRig, eventually, hub_rig
from tests.storage.bench import break_reads

PORCH, MAIN = CameraId("porch"), StreamName.MAIN
EVER = Span(0, 1 << 45)
OWNER = Identity.new()
ALL = (*EVERYTHING, "copies")
JPEG = b"\xff\xd8\xff\xe0" + bytes(200)


class DiskUsage(NamedTuple):
    total: int
    used: int
    free: int


class Recorded:
    """A box's folder with real recordings, a signed history and events."""

    def __init__(self, folder: Path, clock: FakeClock, *, sealed: bool = False) -> None:
        self.folder, self.clock, self.volume, self.index = folder, clock, Volume.at(folder), MemoryIndex()
        self.signed = SignedHistory.opened(self.volume.disk, clock.now_ms())
        self.ledger = HistoryLedger(HistoryJournal(self.volume.disk), self.index, clock)
        seal = CameraSealing((OWNER.recipient,)) if sealed else None
        self.seals = EpochKeys(self.signed, clock, lambda _: seal)

    def record(self, seconds: int) -> None:
        engine = InlineEngine(self.clock, lambda name, error: pytest.fail(f"{name}: {error!r}"))
        recorder, hub = SegmentRecorder(self.volume, self.index, self.clock, Bus(), seals=self.seals), Hub()
        recorder.start(engine)
        recorder.add(PORCH, MAIN, hub)
        feed = PacketFeed(hub, self.clock, fps=1, gop=2, size_bytes=400)
        for _ in range(seconds):
            feed.picture()
            engine.run_for(1)
        recorder.end_all()
        engine.run_for(5)

    def state(self) -> None:
        assert self.signed.state(self.clock.now_ms())

    def rows(self) -> list[Segment]:
        return self.index.segments(PORCH, None, EVER)

    def event(self, start_ms: int) -> Event:
        made = Event(EventId("e-1"), PORCH, "person", start_ms, start_ms + 5000, 80.0, picture_ms=start_ms)
        EventFiles(self.volume).write_picture(made, JPEG)
        self.ledger.put_event(made)
        return made


@dataclass
class Copying:
    """A hub that copies from a box with an application of its own."""

    rig: HubRig
    box: BoxRig
    remote: House
    recorded: Recorded
    hub_house: House
    store: CopyStore
    rules: list[CopySettings]
    parts: list[tuple[str, int]]
    """Of files that were asked for: path and offset."""
    before_part: list[Callable[[str, int], Awaitable[None]]]
    looks: list[int]
    """How often the hub has looked at its settings."""

    @property
    def here(self) -> CopyVolume:
        found = self.store.find("shed")
        assert found is not None
        return found.copied

    @property
    def state(self) -> copies.CopyState:
        found = self.store.find("shed")
        assert found is not None
        return found.state

    def is_copied(self) -> bool:
        found = self.store.find("shed")
        return found is not None and found.copied.index.count() == len(self.recorded.rows())

    def same_files(self) -> bool:
        return all(
            (self.here.volume.root / row.path).read_bytes() == (self.recorded.folder / row.path).read_bytes()
            for row in self.recorded.rows()
        )

    async def look_thrice(self) -> None:
        """Wait until the hub has looked three times for what there is to copy."""
        looks = self.looks[0]
        await eventually(lambda: self.looks[0] >= looks + 3, "three looks")

    def browser(self) -> httpx.AsyncClient:
        return self.hub_house.signed_in()


@cache
def box_routes() -> FastAPI:
    """Of the box; the hub's are `tests.api.fakes.routes`. Making them takes a tenth of a second."""
    return make_routes()


@asynccontextmanager
async def copying(house: House, tmp_path: Path, *, sealed: bool = False) -> AsyncIterator[Copying]:
    remote = make_house(tmp_path / "remote")
    remote.accounts.put_person("Ben", Role.OWNER)
    app = box_routes()
    app.state.site = remote.site
    remote = replace(remote, app=app)
    recorded = Recorded(tmp_path / "box", remote.clock, sealed=sealed)
    remote.site.copy_source = CopySource(recorded.volume, lambda: False)
    house.recorder.clock = remote.clock
    house.app.state.site = house.site
    box = BoxRig(tmp_path / "box", allow=ALL)
    made_parts: list[tuple[str, int]] = []
    before: list[Callable[[str, int], Awaitable[None]]] = []
    async with hub_rig("memory", house) as rig:
        store = CopyStore(tmp_path / "copies", remote.clock, lambda: 0.0)
        rules = [CopySettings()]
        looks = [0]

        def get_rules() -> tuple[CopySettings, ...]:
            looks[0] += 1
            return tuple(rules)

        house.site.copies = FleetCopies(rig.hub, store, get_rules, remote.clock)
        made = Copying(rig, box, remote, recorded, house, store, rules, made_parts, before, looks)
        answers = BoxRequestHandler(remote.app, lambda: frozenset(box.allow))

        async def answer(request: Mapping[str, Any], exchange: Exchange) -> None:
            if request["path"] == "/api/v1/copies/file":
                asked = httpx.QueryParams(request["query"])
                made_parts.append((asked["path"], int(asked["at"])))
                for each in before:
                    await each(asked["path"], int(asked["at"]))
            await answers(request, exchange)

        box.answer = answer
        await rig.join(box)
        house.site.copies.start()
        try:
            yield made
        finally:
            await house.site.copies.close()
            remote.accounts.close()


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """Looks often, and in small parts, so that files have several."""
    for name in ("LOOK_S", "NEW_S", "AGAIN_S"):
        monkeypatch.setattr(copies, name, 0.02)
    monkeypatch.setattr(copy_reader, "MOST_PART_BYTES", 2048)


@pytest.mark.shows("SC24")
@pytest.mark.parametrize("sealed", [False, True], ids=["plain", "sealed"])
async def test_what_a_box_records_is_copied_with_its_proofs(house: House, tmp_path: Path, *, sealed: bool) -> None:
    async with copying(house, tmp_path, sealed=sealed) as made:
        made.recorded.record(150)
        made.recorded.state()
        async with made.rig.connected(made.box):
            await eventually(made.is_copied, "the copies")
            assert made.same_files()
        assert made.here.notes.unproved(Proof.WAITING) == made.here.notes.unproved(Proof.UNSIGNED) == []
        assert list(verify_history(made.here.volume, made.remote.clock.now_ms() + 3_600_000)) == []
        found = check_volume(made.here.volume, made.here.index, made.remote.clock, CheckScope(deep=True))
        assert found.findings == []


@pytest.mark.shows("SC24")
async def test_copies_play_by_the_same_pages_while_the_box_is_offline(house: House, tmp_path: Path) -> None:
    async with copying(house, tmp_path) as made:
        made.recorded.record(150)
        first = made.recorded.rows()[0]
        event = made.recorded.event(first.start_ms + 3000)
        made.recorded.ledger.put_gap(Gap(PORCH, first.start_ms - 60_000, first.start_ms, GapReason.WIFI))
        async with made.rig.connected(made.box):
            await eventually(made.is_copied, "the copies")
            await eventually(lambda: made.here.volume.read_picture(event) is not None, "the picture")
        made.remote.clock.advance(600)
        now_ms = made.remote.clock.now_ms()
        async with made.browser() as page:
            session = (await page.get("/boxes/shed/api/v1/session")).json()
            assert (session["state"], session["recorder"], session["hub"]) == ("signed-in", "Shed (copies)", False)
            assert session["user"]["role"] == "viewer"
            span = {"from_ms": first.start_ms - 120_000, "to_ms": now_ms}
            lane = (await page.get("/boxes/shed/api/v1/timeline", params=span)).json()["cameras"][0]
            assert [one["id"] for one in lane["events"]] == ["e-1"]
            words = [one["words"] for one in lane["gaps"]]
            assert words == ["Wi-Fi lost", "Not copied yet"]
            lacking = lane["gaps"][1]
            assert (lacking["reason"], lacking["detail"], lacking["tone"]) == (
                "not_copied", "the recorder is offline", "faint",
            )  # fmt: skip
            play = (await page.get("/boxes/shed/api/v1/cameras/porch/play", params={"at_ms": first.start_ms})).json()
            video = await page.get(f"/boxes/shed/media/{play['items'][0]['id']}/play")
            assert (video.status_code, video.headers["content-type"]) == (200, "video/mp4")
            assert video.content[4:8] == b"ftyp"
            assert (await page.get("/boxes/shed/media/e-1.jpg")).content == JPEG
            health = (await page.get("/boxes/shed/api/v1/health")).json()
            assert "offline" in health["warnings"][0]["message"]
            assert (await page.get("/boxes/shed/api/v1/cameras/porch/snapshot")).status_code == 503
            for path in ("settings", "modes", "people", "wall", "find?text=x"):
                assert (await page.get(f"/boxes/shed/api/v1/{path}")).status_code in (403, 503), path
            told = (await page.get("/api/v1/fleet/copies")).json()["copies"][0]
            assert (told["files"], told["unproved"], told["unsigned"], told["damaged"]) == (3, 0, 0, 0)
            assert (told["from_ms"], told["problem"]) == (first.start_ms, "")


async def test_what_the_box_has_deleted_is_still_among_its_copies(house: House, tmp_path: Path) -> None:
    async with copying(house, tmp_path) as made:
        made.recorded.record(70)
        first = made.recorded.rows()[0]
        async with made.rig.connected(made.box):
            await eventually(made.is_copied, "the copies")
            made.recorded.volume.disk.unlink(first.path)
            made.recorded.ledger.put_gap(Gap(PORCH, first.start_ms, first.end_ms, GapReason.REMOVED, "too old"))
            journal = "history/2026-11-20.jsonl"
            whole = made.recorded.volume.disk.read(journal)
            await eventually(lambda: made.here.size(journal) == len(whole), "the history")
            async with made.browser() as page:
                asked = {"at_ms": first.start_ms}
                play = await page.get("/boxes/shed--copies/api/v1/cameras/porch/play", params=asked)
                assert play.json()["items"][0]["start_ms"] == first.start_ms
                health = await page.get("/boxes/shed--copies/api/v1/health")
                assert "offline" not in health.json()["warnings"][0]["message"]
                assert (await page.get("/boxes/shed--copies/api/v1/settings")).status_code == 404
                assert (await page.get("/boxes/other--copies/api/v1/health")).status_code == 404


@pytest.mark.parametrize(
    ("allow", "rules"),
    [
        (EVERYTHING, [CopySettings()]),
        (ALL, []),
        (ALL, [CopySettings(recorder="other")]),
        (ALL, [CopySettings(cameras=("yard",))]),
        (ALL, [CopySettings(streams="sub")]),
    ],
    ids=["not allowed", "not asked for", "another recorder", "another camera", "another stream"],
)
async def test_no_footage_leaves_a_box_unless_both_owners_want_it(
    house: House, tmp_path: Path, allow: tuple[str, ...], rules: list[CopySettings]
) -> None:
    async with copying(house, tmp_path) as made:
        made.box.allow, made.rules[:] = allow, rules
        made.recorded.record(70)
        async with made.rig.connected(made.box) as line:
            await made.look_thrice()
            assert not line.done()
        assert not [path for path, _ in made.parts if path.endswith(".mp4")]


async def test_nobody_but_the_hub_itself_gets_files(house: House, tmp_path: Path) -> None:
    """They show what is under privacy masks."""
    async with copying(house, tmp_path) as made:
        made.recorded.record(5)
        path = made.recorded.rows()[0].path
        asked = {"path": path, "at": "0", "count": "100"}
        async with made.rig.connected(made.box), made.browser() as page:
            assert (await page.get("/boxes/shed/api/v1/copies/file", params=asked)).status_code == 403
        async with made.remote.signed_in() as owner:
            assert (await owner.get("/api/v1/copies/file", params=asked)).status_code == 404
            assert (await owner.get("/api/v1/copies/about")).status_code == 404


@pytest.mark.parametrize(
    "path",
    [
        "accounts.db", "fleet.key", "history/signed/state.json", "history/signed/names.key", "../tawny.toml",
        "porch/../accounts.db", "/etc/passwd", "history/volumes.json", "porch/2026/11/20/05/x.tar", "",
        "porch/2026/11/20/05/20261120T050000.000Z.main.open.mp4", "porch/2026/11/20/05/../../x.jpg", "keys/x.keys",
    ],
)  # fmt: skip
def test_a_box_gives_recordings_and_their_history_only(tmp_path: Path, path: str) -> None:
    volume = Volume.at(tmp_path / "box")
    if path and ".." not in path and not path.startswith("/"):
        volume.write_whole(path, b"secret") if "/" in path else (tmp_path / "box" / path).write_bytes(b"secret")
    source = CopySource(volume, lambda: False)
    assert source.read(path, 0, 100) is None
    assert all(one.path != path for one in [*source.recordings(PORCH, Span(0, 1)), *source.history()])


async def test_a_line_cut_in_the_middle_of_a_file_goes_on_at_its_byte(house: House, tmp_path: Path) -> None:
    async with copying(house, tmp_path) as made:
        made.recorded.record(70)
        cut = asyncio.Event()

        async def wait(path: str, at: int) -> None:
            if path.endswith(".mp4") and at >= 4096 and not cut.is_set():
                cut.set()
                await asyncio.Event().wait()  # the cable is pulled; nothing arrives any more

        made.before_part.append(wait)
        async with made.rig.connected(made.box):
            await asyncio.wait_for(cut.wait(), 20)
        there = len(made.parts)
        path, at = made.parts[-1]
        async with made.rig.connected(made.box):
            await eventually(made.is_copied, "the copies after the outage")
        assert next(one for one in made.parts[there:] if one[0] == path) == (path, at)
        assert made.same_files()


async def test_a_snapshot_that_was_replaced_in_an_outage_is_copied_whole(house: House, tmp_path: Path) -> None:
    async with copying(house, tmp_path) as made:
        files, now_ms, cut = EventFiles(made.recorded.volume), made.recorded.clock.now_ms(), asyncio.Event()
        event = Event(EventId("e-1"), PORCH, "person", now_ms, None, 80.0, picture_ms=now_ms)
        path = files.write_picture(event, b"A" * 6000)

        async def wait(asked: str, at: int) -> None:
            if asked == path and at >= 4096 and not cut.is_set():
                cut.set()
                await asyncio.Event().wait()

        made.before_part.append(wait)
        async with made.rig.connected(made.box):
            await asyncio.wait_for(cut.wait(), 20)
        assert made.here.arrived(path) >= 4096
        files.write_picture(event, b"B" * 7000)
        async with made.rig.connected(made.box):
            await eventually(lambda: made.here.size(path) == 7000, "the snapshot")
        assert (made.here.volume.root / path).read_bytes() == b"B" * 7000


@pytest.mark.shows("SC24")
async def test_what_was_recorded_in_an_outage_follows_newest_first(house: House, tmp_path: Path) -> None:
    async with copying(house, tmp_path) as made:
        made.recorded.record(5)
        async with made.rig.connected(made.box):
            await eventually(made.is_copied, "the copies")
        made.recorded.record(190)
        made.parts.clear()
        loop = asyncio.get_running_loop()
        begun_s = loop.time()
        async with made.rig.connected(made.box):
            await eventually(made.is_copied, "the outage to be filled")
        assert loop.time() - begun_s < 60
        asked = list(dict.fromkeys(path for path, _ in made.parts if path.endswith(".mp4")))
        assert len(asked) == 4
        assert asked == sorted(asked, reverse=True)


async def test_a_damaged_file_is_refused_and_the_others_are_copied(house: House, tmp_path: Path) -> None:
    async with copying(house, tmp_path) as made:
        made.recorded.record(150)
        bad = made.recorded.rows()[1]
        file = made.recorded.folder / bad.path
        content = bytearray(file.read_bytes())
        content[len(content) // 2] ^= 1
        file.write_bytes(content)
        async with made.rig.connected(made.box):
            await eventually(lambda: made.store.find("shed") is not None and made.state.damaged == 1, "the damage")
            await eventually(lambda: made.here.index.count() == 2, "the others")
        assert made.here.volume.disk.entry(bad.path) is None
        assert sum(path == bad.path and at == 0 for path, at in made.parts) == copies.MOST_TRIES


async def test_a_file_that_the_box_cannot_read_keeps_no_other_from_being_copied_and_is_asked_for_again(
    house: House, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with copying(house, tmp_path) as made:
        made.recorded.record(150)
        bad = made.recorded.rows()[-1]
        with monkeypatch.context() as broken:
            break_reads(broken, made.recorded.volume.disk, bad.path)
            async with made.rig.connected(made.box):
                await eventually(lambda: made.store.find("shed") is not None and made.here.index.count() == 2, "2")
                await eventually(lambda: made.state.problem == copies.UNREAD, "the problem")
                asked = [path for path, _ in made.parts].count(bad.path)
                monkeypatch.setattr(copies, "DAYS_S", 0.0)
                await eventually(lambda: [path for path, _ in made.parts].count(bad.path) > asked + 3, "more tries")
            assert made.here.arrived(bad.path) == 0
        async with made.rig.connected(made.box):
            await eventually(lambda: made.here.index.count() == 3, "the file")
            await eventually(lambda: made.state.problem == "", "its end")


async def test_a_file_of_another_recorder_is_refused(house: House, tmp_path: Path) -> None:
    """It is whole, and signed: by the keys of another one, under the same number."""
    async with copying(house, tmp_path) as made:
        other = Recorded(tmp_path / "other", FakeClock())
        other.record(70)
        made.recorded.record(70)
        made.recorded.state()
        mine, theirs = made.recorded.rows()[0], other.rows()[0]
        assert mine.path == theirs.path
        shutil.copy(other.folder / theirs.path, made.recorded.folder / mine.path)
        async with made.rig.connected(made.box):
            await eventually(lambda: made.store.find("shed") is not None and made.state.damaged == 1, "the refusal")
        assert made.here.volume.disk.entry(mine.path) is None


async def test_what_the_box_deletes_while_it_is_copied_is_left_out(house: House, tmp_path: Path) -> None:
    async with copying(house, tmp_path) as made:
        made.recorded.record(150)
        gone = made.recorded.rows()[-1]

        async def delete(path: str, at: int) -> None:
            if path == gone.path and at > 0:
                made.recorded.volume.disk.unlink(path)

        made.before_part.append(delete)
        async with made.rig.connected(made.box):
            await eventually(
                lambda: made.store.find("shed") is not None and made.here.index.count() == 2, "the other copies"
            )
        assert made.here.arrived(gone.path) == 0
        assert made.state.damaged == 0


async def test_revoking_ends_copying_at_once_and_keeps_the_copies(house: House, tmp_path: Path) -> None:
    async with copying(house, tmp_path) as made:
        made.recorded.record(150)
        reached = asyncio.Event()

        async def stop(path: str, _at: int) -> None:
            if path == made.recorded.rows()[0].path:
                reached.set()
                await asyncio.Event().wait()

        made.before_part.append(stop)
        async with made.rig.connected(made.box) as line:
            await asyncio.wait_for(reached.wait(), 20)
            loop = asyncio.get_running_loop()
            begun_s = loop.time()
            await made.rig.hub.revoke("shed")
            await asyncio.wait({line}, timeout=5)
            assert line.done()
            assert loop.time() - begun_s < 4
        assert made.here.index.count() == 2
        async with made.browser() as page:
            first = made.recorded.rows()[1]
            asked = {"at_ms": first.start_ms}
            play = await page.get("/boxes/shed--copies/api/v1/cameras/porch/play", params=asked)
            assert play.json()["items"]
            assert (await page.delete("/api/v1/fleet/copies/shed")).status_code == 204
            assert (await page.get("/api/v1/fleet/copies")).json()["copies"] == []
        assert not (made.store.folder / "shed").exists()


async def test_copies_take_no_space_that_the_hubs_recordings_need(
    house: House, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with copying(house, tmp_path) as made:
        made.recorded.record(70)
        monkeypatch.setattr("tawny.storage.disk.headroom.shutil.disk_usage", lambda _: DiskUsage(100, 99, 1))
        async with made.rig.connected(made.box), made.browser() as page:
            await eventually(
                lambda: made.store.find("shed") is not None and made.state.problem == copies.NO_ROOM, "the problem"
            )
            told = (await page.get("/api/v1/fleet/copies")).json()
            assert (told["copies"][0]["problem"], told["free_bytes"]) == (copies.NO_ROOM, 0)
            monkeypatch.undo()


def test_old_copies_make_room_for_new_ones_within_their_own_limits(tmp_path: Path) -> None:
    """By age and by size; what is older than what there is room for isn't copied again."""
    clock = FakeClock()
    recorded = Recorded(tmp_path / "box", clock)
    store = CopyStore(tmp_path / "copies", clock, lambda: 0.0)
    copied = store.of_box("shed", b"k", "Shed", recorded.signed.genesis).copied
    for _ in range(3):
        recorded.record(60)
        clock.advance(3600)
    source = CopySource(recorded.volume, lambda: False)
    files = copied.missing(source.recordings(PORCH, Span(clock.now_ms() - 4 * 3_600_000, clock.now_ms())), None)
    for file in files:
        copied.put(file.path, 0, source.read(file.path, 0, 1 << 20) or b"")
        copied.accept(file.path)
    rows = copied.index.segments(PORCH, None, EVER)
    one_hour = sum(row.size_bytes for row in rows if row.path.startswith(rows[-1].path.rpartition("/")[0]))
    copies.trim(copied, [CopySettings(max="90 min")], "shed", clock.now_ms())
    assert len(copied.index.segments(PORCH, None, EVER)) < len(rows)
    rule = CopySettings(max_size=f"{one_hour} B")
    assert not copies.admit(store, copied, (rule, [PORCH]), files[-1])
    copies.trim(copied, [rule], "shed", clock.now_ms())
    left = copied.index.segments(PORCH, None, EVER)
    assert {row.path.rpartition("/")[0] for row in left} == {rows[-1].path.rpartition("/")[0]}
    assert [str(one.relative_to(copied.volume.root)) for one in sorted(copied.volume.root.rglob("*.mp4"))] == [
        row.path for row in left
    ]
    store.close()


def test_room_made_while_a_file_is_listed_leaves_no_entry_without_a_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Another box needs the space of this hour."""
    clock = FakeClock()
    recorded = Recorded(tmp_path / "box", clock)
    recorded.record(60)
    source = CopySource(recorded.volume, lambda: False)
    copied = CopyVolume(tmp_path / "shed", clock)
    file, *_ = copied.missing(source.recordings(PORCH, Span(clock.now_ms() - 3_600_000, clock.now_ms())), None)
    folder, add_segment = file.path.rpartition("/")[0], copied.index.add_segment
    other = threading.Thread(target=copied.remove_hour, args=(PORCH, folder))

    def add_meanwhile(row: Segment) -> None:
        other.start()
        other.join(0.5)
        add_segment(row)

    monkeypatch.setattr(copied.index, "add_segment", add_meanwhile)
    copied.put(file.path, 0, source.read(file.path, 0, 1 << 20) or b"")
    copied.accept(file.path)
    other.join(10)
    assert [
        copied.size(row.path) for row in copied.index.segments(PORCH, None, EVER) if not copied.size(row.path)
    ] == []
    copied.remove_hour(PORCH, folder)
    assert copied.size_bytes([PORCH]) == 0
    copied.close()


def test_a_box_that_began_anew_leaves_its_former_copies_as_they_are(tmp_path: Path) -> None:
    clock = FakeClock()
    store = CopyStore(tmp_path / "copies", clock, lambda: 0.0)
    store.of_box("shed", b"k", "Shed", "aaaaaaaaaaaa")
    store.of_box("shed", b"k", "Shed", "aaaaaaaaaaaa")
    assert [one.state.folder for one in store.all()] == ["shed"]
    store.of_box("shed", b"k", "Shed", "bbbbbbbbbbbb")
    assert sorted((one.state.folder, one.state.is_former) for one in store.all()) == [
        ("shed", False), ("shed--aaaaaaaa", True),
    ]  # fmt: skip
    store.close()
    again = CopyStore(tmp_path / "copies", clock, lambda: 0.0)
    assert sorted((one.state.folder, one.state.is_former) for one in again.all()) == [
        ("shed", False), ("shed--aaaaaaaa", True),
    ]  # fmt: skip
    again.close()


@pytest.mark.parametrize("begin_ms", ["1e999", "1" + "0" * 30, "-5", '"x"'])
def test_a_line_that_cannot_be_stored_is_left_out_and_the_hub_starts(tmp_path: Path, begin_ms: str) -> None:
    clock = FakeClock()
    store = CopyStore(tmp_path / "copies", clock, lambda: 0.0)
    copied = store.of_box("shed", b"k", "Shed", "aa").copied
    gap = Gap(PORCH, clock.now_ms(), clock.now_ms() + 1000, GapReason.WIFI)
    good = {"at_ms": 1, "what": "gap", "gap": gap_record(gap)}
    bad = json.dumps(good).replace(str(gap.begin_ms), begin_ms).replace(str(gap.end_ms), begin_ms)
    copied.grow_history("history/2026-11-20.jsonl", 0, f"{bad}\n{json.dumps(good)}\n".encode())
    copied.take_history()
    assert copied.index.gaps(PORCH, EVER) == [gap]
    store.close()
    again = CopyStore(tmp_path / "copies", clock, lambda: 0.0)
    assert [one.state.folder for one in again.all()] == ["shed"]
    again.close()


def test_copies_that_cannot_be_read_disable_only_themselves(tmp_path: Path) -> None:
    clock = FakeClock()
    store = CopyStore(tmp_path / "copies", clock, lambda: 0.0)
    for box in ("barn", "shed"):
        store.of_box(box, b"k", box, "aa")
    store.close()
    (tmp_path / "copies/barn/copies.db").write_bytes(b"rubbish" * 1000)
    again = CopyStore(tmp_path / "copies", clock, lambda: 0.0)
    assert [one.state.folder for one in again.all()] == ["shed"]
    assert {name: state.problem for name, state in again.unreadable.items()} == {"barn": copies.UNREADABLE}
    assert again.remove("barn")
    assert not again.unreadable
    again.close()


@pytest.mark.parametrize("genesis", ["/../../x", "../../hub", "", "AB/..", "a\x00b"])
def test_former_copies_stay_in_the_folder_of_copies(tmp_path: Path, genesis: str) -> None:
    """The box may say any text as the fingerprint of its history."""
    store = CopyStore(tmp_path / "copies", FakeClock(), lambda: 0.0)
    store.of_box("shed", b"k", "Shed", genesis)
    store.of_box("shed", b"k", "Shed", "bbbb")
    assert sorted(one.state.folder for one in store.all()) == ["shed", "shed--before"]
    assert sorted(path.name for path in tmp_path.iterdir()) == ["copies"]
    store.close()


@pytest.mark.parametrize(
    "path",
    [
        "porch/0000/00/00/00/x.jpg",
        "porch/2026/13/01/00/x.jpg",
        "porch/2026/11/20/24/x.jpg",
        "porch/1969/01/01/00/x.jpg",
    ],
)  # fmt: skip
def test_files_of_hours_that_do_not_exist_are_not_copied_nor_in_the_way(tmp_path: Path, path: str) -> None:
    store = CopyStore(tmp_path / "copies", FakeClock(), lambda: 0.0)
    copied = store.of_box("shed", b"k", "Shed", "aa").copied
    assert copied.missing([SourceFile(path, 3), SourceFile("porch/2026/11/20/05/x.jpg", 3)], None) == [
        SourceFile("porch/2026/11/20/05/x.jpg", 3)
    ]
    for each in (path, "porch/2026/11/20/05/x.jpg"):
        (copied.volume.root / each).parent.mkdir(parents=True)
        (copied.volume.root / each).write_bytes(b"old")
    found = copied.oldest_hour()
    assert found is not None
    assert found[2] == "porch/2026/11/20/05"
    store.close()


class ListLine:
    """A line of a box that says the same list each time, and nothing of it to whom has it."""

    exchange_bytes = 0

    def __init__(self, paths: list[str]) -> None:
        self.paths, self.size = paths, 5
        self.asked: list[httpx.QueryParams] = []
        self.frames: list[LineFrame] = []

    async def ask(self, request: Mapping[str, Any]) -> "ListLine":
        self.asked.append(httpx.QueryParams(request["query"]))
        said: dict[str, Any] = {"digest": "d"}
        if self.asked[-1]["same"] != "d":
            said["files"] = [[path, self.size, ""] for path in self.paths]
        self.frames = [
            LineFrame(Kind.HEAD, 1, b'{"status": 200}'),
            LineFrame(Kind.DATA, 1, json.dumps(said).encode()),
            LineFrame(Kind.END, 1, b""),
        ]
        return self

    async def send(self, kind: Kind, payload: bytes = b"") -> None:
        """It is answered at once."""

    async def receive(self) -> LineFrame:
        return self.frames.pop(0)

    def close(self) -> None:
        """It has ended."""


async def test_an_unchanged_list_is_not_sent_again_in_the_same_hour() -> None:
    line, now_ms = ListLine(["porch/2026/11/20/05/x.jpg", "porch/2026/11/18/05/x.jpg"]), 1_795_151_000_000
    reader = CopyReader(line)  # type: ignore[arg-type]
    for later_ms in (0, 5000, 10_000):
        found = await reader.recordings(PORCH, Span(now_ms + later_ms - 3_600_000, now_ms + later_ms + 1))
        assert [one.path for one in found] == ["porch/2026/11/20/05/x.jpg"]  # the other one isn't of these hours
    assert [one["same"] for one in line.asked] == ["", "d", "d"]


async def test_few_lists_are_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(copy_reader, "MOST_KEPT", 5)
    line = ListLine(["porch/1970/01/01/00/x.jpg", "porch/1970/01/01/00/y.jpg"])
    reader = CopyReader(line)  # type: ignore[arg-type]
    for hour in (0, 1, 0):
        await reader.recordings(PORCH, Span(hour * 3_600_000, (hour + 1) * 3_600_000))
    assert [one["same"] for one in line.asked] == ["", "", ""]


def test_every_file_of_a_box_counts_for_its_limit(tmp_path: Path) -> None:
    """Snapshots, files of days and what has arrived in part, also after a restart of the hub."""
    clock = FakeClock()
    store = CopyStore(tmp_path / "copies", clock, lambda: 0.0)
    copied = store.of_box("shed", b"k", "Shed", "aa").copied
    assert copied.size_bytes([PORCH]) == 0
    sound = "porch/2026/11/20/sound"
    for path, count in (("porch/2026/11/20/05/x.jpg", 100), (sound, 30), (sound, 50)):
        copied.put(path, 0, bytes(count))
        copied.accept(path)
    copied.put("porch/2026/11/20/06/y.jpg", 0, bytes(7))
    copied.put("yard/2026/11/20/06/y.jpg", 0, bytes(1000))
    assert copied.size_bytes([PORCH]) == 157
    store.close()
    again = CopyStore(tmp_path / "copies", clock, lambda: 0.0)
    found = again.find("shed")
    assert found is not None
    assert found.copied.size_bytes([PORCH]) == 157
    rule = CopySettings(max_size="160 B")
    assert copies.admit(again, found.copied, (rule, [PORCH]), SourceFile("porch/2026/11/20/06/y.jpg", 10))
    assert not copies.admit(again, found.copied, (rule, [PORCH]), SourceFile("porch/2026/11/20/04/z.jpg", 10))
    assert copies.admit(again, found.copied, (rule, [PORCH]), SourceFile("porch/2026/11/20/06/z.jpg", 10))
    assert found.copied.size("porch/2026/11/20/05/x.jpg") == 0
    assert found.copied.size_bytes([PORCH]) <= 57
    again.close()


def test_few_files_that_arrived_in_part_are_kept(tmp_path: Path) -> None:
    copied = CopyVolume(tmp_path / "shed", FakeClock())
    paths = [f"porch/2026/11/20/05/x{number:02}.jpg" for number in range(12)]
    for path in paths:
        copied.put(path, 0, b"part")
    copied.drop_partial()
    assert [path for path in paths if copied.arrived(path)] == paths[4:]
    copied.close()


def test_the_history_of_a_box_has_a_limit(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(copy_volume, "MOST_HISTORY_BYTES", 100)
    monkeypatch.setattr(copy_volume, "MOST_HISTORY_FILES", 2)
    copied = CopyVolume(tmp_path / "shed", FakeClock())
    first, second, third = (f"history/2026-11-{day}.jsonl" for day in (18, 19, 20))
    copied.grow_history(first, 0, bytes(60))
    assert copied.has_room_for_history(SourceFile(first, 100))
    assert not copied.has_room_for_history(SourceFile(first, 101))
    assert not copied.has_room_for_history(SourceFile(second, 41))
    copied.grow_history(second, 0, bytes(10))
    assert not copied.has_room_for_history(SourceFile(third, 1))
    copied.close()


async def test_large_files_of_events_are_not_copied() -> None:
    line = ListLine(["porch/1970/01/01/00/x.jpg"])
    line.size = copy_reader.MOST_EVENT_FILE_BYTES + 1
    hour = Span(0, 3_600_000)
    assert await CopyReader(line).recordings(PORCH, hour) == []  # type: ignore[arg-type]
    line.size -= 1
    assert len(await CopyReader(line).recordings(PORCH, hour)) == 1  # type: ignore[arg-type]


class SlowLine:
    """A line that takes a tenth of a second for each request, and that people use, too."""

    def __init__(self) -> None:
        self.exchange_bytes = 0
        self.counts: list[int] = []
        self.watched_bytes = 0

    async def ask(self, request: Mapping[str, Any]) -> "SlowLine":
        self.frames = [
            LineFrame(Kind.HEAD, 1, b'{"status": 200}'),
            LineFrame(Kind.DATA, 1, bytes(int(httpx.QueryParams(request["query"])["count"]))),
            LineFrame(Kind.END, 1, b""),
        ]
        self.counts.append(len(self.frames[1].payload))
        return self

    async def send(self, kind: Kind, payload: bytes = b"") -> None:
        await asyncio.sleep(0.1)
        self.exchange_bytes += self.watched_bytes

    async def receive(self) -> LineFrame:
        frame = self.frames.pop(0)
        self.exchange_bytes += len(frame.payload)
        return frame

    def close(self) -> None:
        """It has ended."""


async def read_for(line: SlowLine, seconds: float, max_kbit_s: int = 0) -> CopyReader:
    reader = CopyReader(line)  # type: ignore[arg-type]
    reader.max_kbit_s = max_kbit_s
    file, loop = SourceFile("porch/x", 1 << 30), asyncio.get_running_loop()
    until_s, at = loop.time() + seconds, 0
    while loop.time() < until_s:
        at += len(await reader.part(file, at))
    return reader


async def test_live_views_go_before_copies(monkeypatch: pytest.MonkeyPatch) -> None:
    """Small parts with pauses while people get video through the line; large ones without."""
    monkeypatch.setattr(copy_reader, "MOST_PART_BYTES", 1 << 20)
    idle, watched = SlowLine(), SlowLine()
    watched.watched_bytes = 100_000
    await asyncio.gather(read_for(idle, 2), read_for(watched, 2))
    assert set(idle.counts) == {1 << 20}
    assert set(watched.counts[4:]) == {32 * 1024}
    assert len(watched.counts) < 0.6 * len(idle.counts)


async def test_copies_keep_to_the_rate_of_the_settings(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(copy_reader, "MOST_PART_BYTES", 1 << 20)
    line = SlowLine()
    await read_for(line, 2, max_kbit_s=800)
    assert 100_000 <= sum(line.counts) <= 2.8 * 100_000


async def test_privacy_masks_hide_the_same_in_copies(house: House, tmp_path: Path) -> None:
    async with copying(house, tmp_path) as made:
        made.recorded.record(70)
        mask = Polygon(((0.0, 0.0), (0.5, 0.0), (0.5, 0.5)))
        made.remote.recorder.hidden = (mask,)
        async with made.rig.connected(made.box):
            await eventually(made.is_copied, "the copies")
        copied = CopiedRecorder(made.here, "Shed", made.remote.clock, lambda: True)
        assert copied.private(PORCH) == (mask,)
        async with made.browser() as page:
            asked = {"from_ms": made.recorded.rows()[0].start_ms, "to_ms": made.recorded.rows()[0].end_ms}
            refused = await page.get("/boxes/shed/api/v1/cameras/porch/hls/past.m3u8", params=asked)
            assert refused.status_code == 400


async def test_masks_that_cannot_be_understood_hide_everything(tmp_path: Path) -> None:
    copied = CopyVolume(tmp_path / "shed", FakeClock())
    copied.notes.say({"cameras": [{"id": "porch", "masks": [[[0, 0], [2, 0], [2, 2]]]}]})
    [mask] = CopiedRecorder(copied, "Shed", FakeClock(), lambda: True).private(PORCH)
    assert mask.points == ((0.0, 0.0), (1.0, 0.0), (1.0, 1.0), (0.0, 1.0))
    copied.close()


async def test_a_box_that_lists_other_paths_writes_nothing(house: House, tmp_path: Path) -> None:
    """It may say anything: its files stay in its folder, and have names of recordings."""
    async with copying(house, tmp_path) as made:
        made.recorded.record(5)
        said = [["../../hub.db", 5, ""], ["porch/../x.mp4", 5, ""], ["/etc/x", 5, ""], ["porch/2026", 5, ""], 7, ["a"]]
        lies = json.dumps({"digest": "x", "files": said}).encode()

        async def lie(request: Mapping[str, Any], exchange: Exchange) -> None:
            while (await exchange.receive()).kind is Kind.DATA:
                pass
            about = {"genesis": "aa", "cameras": [{"id": "porch"}, {"id": "../x"}, {"id": 5}, "porch"]}
            body = json.dumps(about).encode() if request["path"].endswith("/about") else lies
            await exchange.send(Kind.HEAD, as_payload({"status": 200, "headers": []}))
            await exchange.send(Kind.DATA, body)

        made.box.answer = lie
        async with made.rig.connected(made.box):
            await eventually(lambda: made.store.find("shed") is not None, "the copies to begin")
            await made.look_thrice()
        files = [path for path in (tmp_path / "copies").rglob("*") if path.is_file()]
        assert {path.name.partition("-")[0] for path in files} == {"copies.db", "tawny.db"}
