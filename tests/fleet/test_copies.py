"""Recordings of a box are copied to its hub, verified there, and played there while the box is away."""

import asyncio
import json
import shutil
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
from tawny.fleet import copies, copy_reader
from tawny.fleet.copies import FleetCopies
from tawny.fleet.copy_source import CopySource
from tawny.fleet.copy_store import CopyState, CopyStore
from tawny.fleet.copy_volume import CopyVolume, Proof
from tawny.fleet.session import Exchange, Kind, as_payload
from tawny.model.events import Event
from tawny.model.geometry import Polygon
from tawny.model.ids import EventId
from tawny.model.segments import Gap, GapReason
from tawny.model.times import Span
from tawny.service.copied_recorder import CopiedRecorder
from tawny.storage.disk.volume import Volume
from tawny.storage.history.proof import verify_history
from tawny.storage.repair.check import CheckScope, check_volume
from tawny.storage.segments.detection_files import EventFiles
from tawny.testing.clock import FakeClock
from tests.api.fakes import House, make_house
from tests.fleet.recorded import JPEG, PORCH, Recorded
from tests.fleet.rig import EVERYTHING, BoxRig, HubRig, eventually, hub_rig
from tests.storage.bench import break_reads

ALL = (*EVERYTHING, "copies")


class DiskUsage(NamedTuple):
    total: int
    used: int
    free: int


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
    def state(self) -> CopyState:
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
async def copying(
    house: House, tmp_path: Path, *, sealed: bool = False, hub_clock: FakeClock | None = None
) -> AsyncIterator[Copying]:
    """hub_clock: of the copies; None: the box's."""
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

        house.site.copies = FleetCopies(rig.hub, store, get_rules, hub_clock or remote.clock)
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
            data = (await page.get("/api/v1/fleet/copies")).json()["copies"][0]
            assert (data["files"], data["unproved"], data["unsigned"], data["damaged"]) == (3, 0, 0, 0)
            assert (data["from_ms"], data["problem"]) == (first.start_ms, "")


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
            data = (await page.get("/api/v1/fleet/copies")).json()
            assert (data["copies"][0]["problem"], data["free_bytes"]) == (copies.NO_ROOM, 0)
            monkeypatch.undo()


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


async def test_a_box_that_lists_other_paths_writes_nothing(house: House, tmp_path: Path) -> None:
    """It may say anything: its files stay in its folder, and have names of recordings."""
    async with copying(house, tmp_path) as made:
        made.recorded.record(5)
        found = [["../../hub.db", 5, ""], ["porch/../x.mp4", 5, ""], ["/etc/x", 5, ""], ["porch/2026", 5, ""], 7, ["a"]]
        lies = json.dumps({"digest": "x", "files": found}).encode()

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
