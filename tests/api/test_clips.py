"""Clips made on the side: what becomes of them, who may do what with them, and the room that they take."""

import asyncio
import errno
import io
import json
import os
import re
from dataclasses import replace
from pathlib import Path
from typing import NoReturn
from unittest.mock import Mock
from zipfile import ZipFile

import httpx
import pytest
from websockets.asyncio.client import connect

from tawny.api.auth.access import COOKIE
from tawny.api.auth.accounts import Account, Caller, Role
from tawny.api.past.clip_jobs import MOST_OF_ONE, UNDO_S, ClipExportJob, ClipJobs, ClipJobState
from tawny.api.past.clip_orders import resume_clips
from tawny.api.past.clip_store import ClipStore
from tawny.api.server import WebServer
from tawny.model.errors import TooManyFiles
from tawny.model.events import Event, new_event_id
from tawny.model.geometry import Polygon
from tawny.model.ids import CameraId
from tawny.model.segments import Gap, GapReason
from tawny.model.times import Span, utc_from_text
from tawny.playback.evidence import EvidenceCheck, EvidenceResult
from tawny.playback.exports import ExportKind, ExportOptions
from tests.api.fakes import House
from tests.playback.archives import PORCH, SUB
from tests.support.bad_sector import bad_sector

ANNA = Account("anna", "Anna", Role.OWNER)


@pytest.fixture
def viewer(house: House) -> httpx.AsyncClient:
    return house.signed_in(Role.VIEWER)


async def asked(house: House, browser: httpx.AsyncClient, **about: object) -> dict[str, object]:
    now_ms = house.clock.now_ms()
    house.recorder.record(now_ms - 20_000, seconds=10)
    wish = {"cameras": ["porch"], "from_ms": now_ms - 18_000, "to_ms": now_ms - 14_000} | about
    answer = await browser.post("/api/v1/clips", json=wish)
    assert answer.status_code == 200, answer.text
    made = answer.json()["items"][0]
    assert isinstance(made, dict)
    return made


async def listed(browser: httpx.AsyncClient) -> list[dict[str, object]]:
    items = (await browser.get("/api/v1/clips")).json()["items"]
    assert isinstance(items, list)
    return items


@pytest.mark.parametrize(
    ("kind", "media_type", "begins", "name"),
    [
        ("mp4", "video/mp4", b"ftyp", ".mp4"),
        ("gif", "image/gif", b"GIF89a", ".gif"),
        ("timelapse", "video/mp4", b"ftyp", "%20time-lapse.mp4"),
        ("sheet", "image/jpeg", b"\xff\xd8", ".jpg"),
    ],
)
async def test_what_was_asked_for_can_be_fetched(
    house: House, viewer: httpx.AsyncClient, kind: str, media_type: str, begins: bytes, name: str
) -> None:
    made = await asked(house, viewer, kind=kind)
    assert (made["state"], made["file"]) == ("waiting", None)
    assert house.site.jobs.work()
    (done,) = await listed(viewer)
    assert (done["state"], done["progress"], done["kept"]) == ("done", 1.0, False)
    file = await viewer.get(f"{done['file']}?save=1")
    assert (file.status_code, file.headers["content-type"]) == (200, media_type)
    assert begins in file.content[:12]
    assert len(file.content) == done["size_bytes"]
    assert file.headers["content-disposition"].endswith(name)
    part = await viewer.get(str(done["file"]), headers={"Range": "bytes=4-7"})
    assert (part.status_code, part.content) == (206, file.content[4:8])


async def test_evidence_is_a_zip_file_for_owners(house: House, viewer: httpx.AsyncClient, tmp_path: Path) -> None:
    owner = house.signed_in(Role.OWNER)
    house.site.jobs = ClipJobs(house.clock, ClipStore(tmp_path / "clips", 1 << 30))
    made = await asked(house, owner, kind="evidence")
    assert house.site.jobs.work()
    file = await owner.get(f"/media/clips/{made['id']}")
    assert file.headers["content-type"] == "application/zip"
    with ZipFile(io.BytesIO(file.content)) as found:
        assert found.read("evidence/manifest.json").decode().startswith("porch")
    assert [path.suffix for path in (tmp_path / "clips").iterdir() if path.suffix != ".json"] == [".zip"]
    assert (await listed(viewer), (await viewer.get(f"/media/clips/{made['id']}")).status_code) == ([], 404)
    wish = {"cameras": ["porch"], "from_ms": made["from_ms"], "to_ms": made["to_ms"], "kind": "evidence"}
    refused = await viewer.post("/api/v1/clips", json=wish)
    assert (refused.status_code, refused.json()["message"]) == (403, "Only owners can export evidence.")
    house.recorder.hidden = (Polygon.of([(0, 0), (1, 0), (1, 1)]),)
    assert "privacy masks" in (await owner.post("/api/v1/clips", json=wish)).json()["message"]
    link = await owner.post("/api/v1/shares", json={"camera": "porch", **_span(wish), "clip": made["id"]})
    assert (link.status_code, link.json()["message"]) == (400, "Evidence can't be shared by link.")


async def test_evidence_without_sound_is_refused(house: House) -> None:
    wish = {"cameras": ["porch"], "from_ms": house.clock.now_ms() - 60_000, "to_ms": house.clock.now_ms()}
    owner = house.signed_in(Role.OWNER)
    refused = await owner.post("/api/v1/clips", json={**wish, "kind": "evidence", "sound": False})
    reason = "Evidence holds the recordings themselves, with their sound."
    assert (refused.status_code, refused.json()["message"]) == (400, reason)


@pytest.mark.parametrize(
    ("check", "message", "hint"),
    [
        (EvidenceCheck([], [], 0, 0), "", ""),
        (
            EvidenceCheck([], [], 2, utc_from_text("2026-11-20T05:30:00Z")),
            "The newest recordings in this can't be verified yet, because the recorder signs every ten minutes.",
            "Save this time as evidence again after 2026-11-20 06:30.",
        ),
        (
            EvidenceCheck([], [], 0, utc_from_text("2026-11-20T05:30:00Z")),
            "The newest video isn't in this yet: its file is still being written.",
            "Save this time as evidence again after 2026-11-20 06:30.",
        ),
        (
            EvidenceCheck(["000.mp4 was modified"], [], 2, 0),
            "Verifying this evidence failed.",
            "Unpack it and run `tawny verify`: it lists why.",
        ),
    ],
)
async def test_evidence_that_cannot_be_verified_says_so(
    house: House, tmp_path: Path, check: EvidenceCheck, message: str, hint: str
) -> None:
    owner = house.signed_in(Role.OWNER)
    house.site.jobs = ClipJobs(house.clock, ClipStore(tmp_path / "clips", 1 << 30))
    made = await asked(house, owner, kind="evidence")
    begin_ms = int(str(made["from_ms"]))
    lost = Gap(CameraId("porch"), begin_ms, begin_ms + 500, GapReason.DISK_ERROR)
    house.recorder.proved = EvidenceResult(2, "ab" * 32, (lost,), check)
    assert house.site.jobs.work()
    (done,) = await listed(owner)
    assert (done["state"], done["message"], done["hint"]) == ("done", message, hint)
    assert (done["unreadable_ms"], done["fingerprint"]) == (500, "ab" * 32)


async def test_evidence_that_lacks_what_cannot_be_proven_says_so(house: House, tmp_path: Path) -> None:
    owner = house.signed_in(Role.OWNER)
    house.site.jobs = ClipJobs(house.clock, ClipStore(tmp_path / "clips", 1 << 30))
    made = await asked(house, owner, kind="evidence")
    begin_ms = int(str(made["from_ms"]))
    thinned = Gap(CameraId("porch"), begin_ms, begin_ms + 500, GapReason.UNKNOWN)
    house.recorder.proved = EvidenceResult(2, "ab" * 32, (thinned,), EvidenceCheck([], [], 0, 0))
    assert house.site.jobs.work()
    (done,) = await listed(owner)
    assert "This lacks video that can't be proven" in str(done["message"])
    assert "or it was signed on another disk." in str(done["message"])
    assert done["unreadable_ms"] == 0


async def test_evidence_of_the_fallback_disk_says_whose_fingerprint_it_has(house: House, tmp_path: Path) -> None:
    owner = house.signed_in(Role.OWNER)
    house.site.jobs = ClipJobs(house.clock, ClipStore(tmp_path / "clips", 1 << 30))
    await asked(house, owner, kind="evidence")
    house.recorder.proved = EvidenceResult(2, "ab" * 32, (), EvidenceCheck([], [], 0, 0), "/mnt/spare")
    assert house.site.jobs.work()
    (done,) = await listed(owner)
    what = "This was recorded on the fallback disk, whose fingerprint isn't that of the main disk."
    assert (done["message"], done["fingerprint"]) == (what, "ab" * 32)


async def test_evidence_of_the_fallback_disk_says_so_also_if_it_fails(house: House, tmp_path: Path) -> None:
    owner = house.signed_in(Role.OWNER)
    house.site.jobs = ClipJobs(house.clock, ClipStore(tmp_path / "clips", 1 << 30))
    await asked(house, owner, kind="evidence")
    house.recorder.proved = EvidenceResult(2, "ab" * 32, (), EvidenceCheck(["wrong"], [], 0, 0), "/mnt/spare")
    assert house.site.jobs.work()
    (done,) = await listed(owner)
    what = "Verifying this evidence failed. This was recorded on the fallback disk, whose fingerprint isn't"
    assert str(done["message"]).startswith(what)


def _span(wish: dict[str, object]) -> dict[str, object]:
    return {name: wish[name] for name in ("from_ms", "to_ms")}


async def test_what_was_given_up_leaves_no_folder_behind(tmp_path: Path) -> None:
    store = ClipStore(tmp_path / "clips", 1 << 30)
    out, scratch = store.begin("one")
    out.write_bytes(b"half")
    (scratch.with_name(scratch.name + "abc") / "evidence").mkdir(parents=True)
    assert store.load() == []
    assert list((tmp_path / "clips").iterdir()) == []


async def test_an_exact_clip_and_one_where_all_but_an_events_is_hidden(house: House, viewer: httpx.AsyncClient) -> None:
    made = await asked(house, viewer, exact=True)
    assert house.site.jobs.work()
    (done,) = await listed(viewer)
    assert (done["state"], done["redacted"]) == ("done", False)
    wish = {"cameras": ["porch"], "from_ms": made["from_ms"], "to_ms": made["to_ms"]}
    refused = await viewer.post("/api/v1/clips", json=wish | {"all_but": "20261120T055812345-0a0b0c0d"})
    assert (refused.status_code, refused.json()["message"]) == (
        400,
        "There is no such event, or nothing in it to follow.",
    )
    at_ms = int(str(made["from_ms"])) + 1000
    event = Event(new_event_id(at_ms), PORCH, "person", at_ms, at_ms + 1000, 90.0, box=(0.4, 0.4, 0.6, 0.6))
    house.recorder.index.put_event(event)
    answer = await viewer.post("/api/v1/clips", json=wish | {"all_but": event.id})
    assert answer.json()["items"][0]["redacted"]
    assert "redacted" in answer.json()["items"][0]["name"]
    assert house.site.jobs.work()
    (last,) = [one for one in await listed(viewer) if one["redacted"]]
    assert (last["state"], "Nothing moves" in str(last["message"])) == ("failed", True), "all is grey there"


async def test_a_clip_gets_a_name_of_its_own(house: House, viewer: httpx.AsyncClient) -> None:
    made = await asked(house, viewer)
    path = f"/api/v1/clips/{made['id']}/name"
    assert (await viewer.put(path, json={"name": "Early"})).status_code == 400, "it isn't ready"
    assert house.site.jobs.work()
    assert (await viewer.put(path, json={"name": "  The   parcel "})).json()["name"] == "The parcel.mp4"
    assert (await viewer.put(path, json={"name": "Parcel.mp4"})).json()["name"] == "Parcel.mp4"
    file = await viewer.get(f"/media/clips/{made['id']}?save=1")
    assert 'filename="Parcel.mp4"' in file.headers["content-disposition"]
    assert (await viewer.put(path, json={"name": "  "})).status_code == 422
    assert (await viewer.put(path, json={"name": " .mp4"})).status_code == 400, "a hidden file"
    assert (await house.signed_in(Role.VIEWER).put(path, json={"name": "Mine"})).status_code == 403


async def test_a_clip_of_a_time_to_come_is_refused(house: House, viewer: httpx.AsyncClient) -> None:
    now_ms = house.clock.now_ms()
    wish = {"cameras": ["porch"], "from_ms": now_ms - 5000, "to_ms": now_ms + 60_000}
    refused = await viewer.post("/api/v1/clips", json=wish)
    assert (refused.status_code, refused.json()["message"]) == (400, "The end hasn't come yet.")
    wish |= {"from_ms": now_ms + 1000, "to_ms": now_ms + 5000}
    assert (await viewer.post("/api/v1/clips", json=wish)).json()["message"] == "The end hasn't come yet."


async def test_a_clip_ends_now_where_the_clock_of_the_browser_is_ahead(house: House, viewer: httpx.AsyncClient) -> None:
    now_ms = house.clock.now_ms()
    house.recorder.record(now_ms - 20_000, seconds=20)
    wish = {"cameras": ["porch"], "from_ms": now_ms - 5000, "to_ms": now_ms + 8000}
    assert (await viewer.post("/api/v1/clips", json=wish)).status_code == 200
    assert house.site.jobs.work()
    (done,) = await listed(viewer)
    assert (done["state"], done["message"], done["to_ms"]) == ("done", "", now_ms)


async def test_clips_of_one_time_have_names_of_their_own(house: House, viewer: httpx.AsyncClient) -> None:
    each: list[dict[str, object]] = [{}, {"boxes": True}, {"stamp": True}, {"stamp": True, "boxes": True}]
    names = [str((await asked(house, viewer, **about))["name"]) for about in each]
    assert [name.removeprefix(names[0].removesuffix(".mp4")) for name in names] == [
        ".mp4",
        " boxes.mp4",
        " stamped.mp4",
        " stamped.mp4",
    ]


async def test_each_camera_has_a_file_of_its_own_and_side_by_side_is_one(
    house: House, viewer: httpx.AsyncClient
) -> None:
    now_ms = house.clock.now_ms()
    house.recorder.record(now_ms - 20_000, seconds=10)
    wish = {"cameras": ["porch", "porch"], "from_ms": now_ms - 18_000, "to_ms": now_ms - 14_000}
    assert len((await viewer.post("/api/v1/clips", json=wish)).json()["items"]) == 1
    refused = await viewer.post("/api/v1/clips", json=wish | {"kind": "side-by-side"})
    assert (refused.status_code, refused.json()["message"]) == (400, "Side by side requires 2 to 9 cameras.")


async def test_what_cannot_be_made_says_why(house: House, viewer: httpx.AsyncClient) -> None:
    now_ms = house.clock.now_ms()
    await asked(house, viewer, kind="gif", from_ms=now_ms - 9000, to_ms=now_ms - 8000)
    house.site.jobs.work()
    (failed,) = await listed(viewer)
    assert (failed["state"], failed["message"]) == ("failed", "There is no video in this time.")
    assert (await viewer.get(f"/media/clips/{failed['id']}")).status_code == 404


async def test_one_that_waits_can_be_taken_back(house: House, viewer: httpx.AsyncClient) -> None:
    made = await asked(house, viewer)
    assert (await viewer.delete(f"/api/v1/clips/{made['id']}")).status_code == 200
    assert not house.site.jobs.work()
    assert await listed(viewer) == []


async def test_one_that_is_being_made_can_be_given_up(house: House, viewer: httpx.AsyncClient) -> None:
    made = await asked(house, viewer, kind="sheet")
    desk = house.site.jobs

    def give_up(job: ClipExportJob) -> None:
        if job.state is ClipJobState.WORKING and job.progress > 0.2:
            desk.remove(job)
        house.clock.advance(1)

    desk.subscribe(give_up)
    assert desk.work()
    assert await listed(viewer) == []
    assert (await viewer.get(f"/media/clips/{made['id']}")).status_code == 404


async def test_only_who_made_it_or_an_owner_may_change_it(house: House, viewer: httpx.AsyncClient) -> None:
    made = await asked(house, viewer)
    house.site.jobs.work()
    path = f"/api/v1/clips/{made['id']}"
    another, owner = house.signed_in(Role.VIEWER), house.signed_in(Role.OWNER)
    assert [one["mine"] for one in await listed(another)] == [False]
    assert (await another.patch(path, json={"kept": True})).status_code == 403
    assert (await another.delete(path)).status_code == 403
    assert (await viewer.patch(path, json={"kept": True})).json()["kept"] is True
    assert (await owner.delete(path)).status_code == 200


async def test_too_many_at_once_are_refused(house: House, viewer: httpx.AsyncClient) -> None:
    made = await asked(house, viewer)
    wish = {key: made[key] for key in ("cameras", "from_ms", "to_ms", "kind")}
    answers = [await viewer.post("/api/v1/clips", json=wish) for _ in range(MOST_OF_ONE)]
    assert [answer.status_code for answer in answers] == [200] * (MOST_OF_ONE - 1) + [400]


async def test_a_saved_clip_can_be_given_on(house: House, viewer: httpx.AsyncClient) -> None:
    made = await asked(house, viewer, kind="gif")
    house.site.jobs.work()
    wish = {"camera": "porch", "from_ms": 1000, "to_ms": 2000, "clip": made["id"]}
    token = (await viewer.post("/api/v1/shares", json=wish)).json()["link"].removeprefix("/s/")
    seen = (await house.browser().post(f"/api/v1/shared/{token}", json={})).json()
    assert (seen["is_picture"], seen["from_ms"]) == (True, made["from_ms"])
    file = await house.browser().get(seen["video"] + "&save=1")
    assert file.content.startswith(b"GIF89a")
    assert "Front" not in file.headers["content-disposition"]
    await viewer.delete(f"/api/v1/clips/{made['id']}")
    assert (await house.browser().get(seen["video"])).status_code == 410
    assert (await house.browser().post(f"/api/v1/shared/{token}", json={})).status_code == 410


async def test_a_link_is_listed_only_while_its_clip_is_there(house: House, viewer: httpx.AsyncClient) -> None:
    made = await asked(house, viewer, kind="gif")
    house.site.jobs.work()
    await viewer.post("/api/v1/shares", json={"camera": "porch", "from_ms": 1000, "to_ms": 2000, "clip": made["id"]})
    numbers = [len((await viewer.get("/api/v1/shares")).json()["items"])]
    for step in (viewer.delete(f"/api/v1/clips/{made['id']}"), viewer.post(f"/api/v1/clips/{made['id']}/restore")):
        assert (await step).status_code == 200
        numbers.append(len((await viewer.get("/api/v1/shares")).json()["items"]))
    assert numbers == [1, 0, 1]


async def test_the_name_of_a_clip_is_not_given_away_with_it(house: House, viewer: httpx.AsyncClient) -> None:
    made = await asked(house, viewer, kind="gif")
    house.site.jobs.work()
    await viewer.put(f"/api/v1/clips/{made['id']}/name", json={"name": "Anna at the Front door"})
    wish = {"camera": "porch", "from_ms": 1000, "to_ms": 2000, "clip": made["id"]}
    token = (await viewer.post("/api/v1/shares", json=wish)).json()["link"].removeprefix("/s/")
    seen = (await house.browser().post(f"/api/v1/shared/{token}", json={})).json()
    file = await house.browser().get(seen["video"] + "&save=1")
    name = file.headers["content-disposition"].partition('"')[2].partition('"')[0]
    assert re.fullmatch(r"Clip \d{4}-\d\d-\d\d \d\d\.\d\d\.\d\d\.gif", name)


async def test_its_progress_is_told_as_it_is_made(house: House) -> None:
    viewer = house.accounts.put_person("Ben", Role.VIEWER)
    session = house.accounts.begin_session(viewer, Caller("127.0.0.1"))
    server = WebServer(house.app, house.accounts, "127.0.0.1", 0)
    await server.start()
    headers = {"Cookie": f"{COOKIE}={session}", "Origin": f"http://{server.address}"}
    try:
        async with asyncio.timeout(60):
            address = f"ws://{server.address}/api/v1/ws"
            async with connect(address, additional_headers=headers, proxy=None) as socket:
                await socket.send('{"sub": ["state", "job"]}')
                await socket.recv()  # the state: it is subscribed
                received: list[str] = []
                made = await asked(house, house.browser(session), kind="sheet")
                while "waiting" not in received:
                    received.append(json.loads(await socket.recv()).get("d", {}).get("state"))
                await asyncio.to_thread(house.site.jobs.work)
                while received[-1] != "done":
                    message = json.loads(await socket.recv())
                    received.append(message.get("d", {}).get("state"))
                assert message["d"]["id"] == made["id"]
    finally:
        await server.stop()


# --- several at once


def wish_of(house: House, cameras: list[str], **about: object) -> dict[str, object]:
    """Of the porch and the yard."""
    porch, now_ms = house.recorder.listed[0], house.clock.now_ms()
    yard = replace(porch, status=replace(porch.status, id=CameraId("yard"), name="Yard"))
    house.recorder.listed[1:] = [yard]
    house.recorder.record(now_ms - 20_000, seconds=10)
    return {"cameras": cameras, "from_ms": now_ms - 18_000, "to_ms": now_ms - 14_000} | about


async def test_clips_of_several_cameras_are_queued_all_or_none(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tawny.api.past.clip_jobs.MOST_OF_ONE", 3)
    owner, wish = house.signed_in(), wish_of(house, ["porch", "yard"])
    assert (await owner.post("/api/v1/clips", json=wish)).status_code == 200
    refused = await owner.post("/api/v1/clips", json=wish)
    assert (refused.status_code, refused.json()["message"]) == (400, "Too many clips are in the queue.")
    assert len(await listed(owner)) == 2


async def test_one_impossible_clip_of_a_request_refuses_all(house: House) -> None:
    """The person to follow is in an image of the first camera only."""
    now_ms = house.clock.now_ms()
    seen = Event(new_event_id(now_ms), PORCH, "person", now_ms - 17_000, now_ms - 16_000, 9.0, box=(0.1, 0.1, 0.2, 0.2))
    house.recorder.index.put_event(seen)
    owner = house.signed_in()
    refused = await owner.post("/api/v1/clips", json=wish_of(house, ["porch", "yard"], all_but=seen.id))
    assert (refused.status_code, await listed(owner)) == (400, [])


async def test_a_refusal_of_evidence_names_the_camera(house: House) -> None:
    house.recorder.hidden = (Polygon.of([(0, 0), (1, 0), (1, 1)]),)
    refused = await house.signed_in().post("/api/v1/clips", json=wish_of(house, ["porch"], kind="evidence"))
    assert refused.json()["message"] == "Front door has privacy masks, and evidence shows the whole image."


async def test_a_request_may_name_as_many_cameras_as_one_may_have_in_the_queue(house: House) -> None:
    cameras = [f"door-{number}" for number in range(MOST_OF_ONE + 1)]
    codes = [
        (await house.signed_in().post("/api/v1/clips", json=wish_of(house, cameras[:count]))).status_code
        for count in (MOST_OF_ONE, MOST_OF_ONE + 1)
    ]
    assert codes == [404, 422], "these cameras are unknown, and one of them is too many"


def test_users_take_turns(house: House) -> None:
    desk = desk_with(house, None)
    many = [ordered(house, desk) for _ in range(3)]
    one = ordered(house, desk, person=Account("ben", "Ben", Role.OWNER))
    for _ in range(2):
        house.clock.advance(1)
        assert desk.work()
    done = {job.id for job in desk.seen_by(ANNA) if job.state is ClipJobState.DONE}
    assert done == {many[0].id, one.id}


def test_a_clip_replaces_none_of_the_same_request(house: House) -> None:
    desk, (options, name) = desk_with(house, None, 1.5), wanted(house)
    first, second = desk.ask(ANNA, house.recorder, house.site.clips, [(options, name)] * 2)
    assert desk.work()
    assert desk.work()
    states = {job.id: (job.state, job.problem) for job in desk.seen_by(ANNA)}
    no_space = "There is no space for another clip: kept or shared ones, or those made with it, use it."
    assert states == {first.id: (ClipJobState.DONE, ""), second.id: (ClipJobState.FAILED, no_space)}


# --- the room that they take


def wanted(house: House, kind: ExportKind = ExportKind.MP4) -> tuple[ExportOptions, str]:
    recorded = house.recorder.index.bounds(PORCH)
    assert recorded
    return ExportOptions(kind, (PORCH,), Span(recorded.begin_ms, recorded.begin_ms + 9000)), "Front door.mp4"


def ordered(house: House, desk: ClipJobs, kind: ExportKind = ExportKind.MP4, person: Account = ANNA) -> ClipExportJob:
    house.clock.advance(1)
    (job,) = desk.ask(person, house.recorder, house.site.clips, [wanted(house, kind)])
    return job


def made(house: House, desk: ClipJobs, kind: ExportKind = ExportKind.MP4) -> ClipExportJob:
    job = ordered(house, desk, kind)
    assert desk.work()
    found = desk.find(job.id, ANNA)
    assert found
    return found


def desk_with(house: House, folder: Path | None, most_clips: float = 100) -> ClipJobs:
    """most_clips: so many have room."""
    if house.recorder.index.bounds(PORCH) is None:
        house.recorder.record(house.clock.now_ms() - 30_000, seconds=10)
    one = made(house, ClipJobs(house.clock, ClipStore(None, 10_000_000)))
    return ClipJobs(house.clock, ClipStore(folder, round(one.size_bytes * most_clips)))


@pytest.mark.parametrize("in_memory", [True, False])
def test_the_oldest_that_is_not_kept_makes_way(house: House, tmp_path: Path, in_memory: bool) -> None:
    desk = desk_with(house, None if in_memory else tmp_path / "clips", 2.5)
    kept, other = made(house, desk), made(house, desk)
    desk.change(kept, kept=True)
    newest = made(house, desk)
    assert [one.id for one in desk.seen_by(ANNA)] == [newest.id, kept.id]
    assert desk.find(other.id, ANNA) is None
    assert desk.used_bytes() <= desk.most_bytes
    if not in_memory:
        assert {path.stem for path in (tmp_path / "clips").iterdir()} == {newest.id, kept.id}


async def test_a_link_keeps_a_clip_as_long_as_it_is_valid(house: House) -> None:
    owner, desk, names = house.signed_in(), house.site.jobs, list[object]()

    async def add() -> list[object]:
        house.clock.advance(30)
        now_ms = house.clock.now_ms()
        names.append((await asked(house, owner, from_ms=now_ms - 20_000, to_ms=now_ms - 11_000))["id"])
        assert desk.work()
        return [one["id"] for one in await listed(owner)]

    assert await add() == names
    assert len(await add()) == 2
    house.site.clip_store.most_bytes = desk.used_bytes() * 5 // 4
    wish = {"camera": "porch", "from_ms": 1000, "to_ms": 2000, "clip": names[0], "lasts_s": 60}
    assert (await owner.post("/api/v1/shares", json=wish)).status_code == 200
    assert await add() == [names[2], names[0]]
    house.clock.advance(30)
    assert await add() == [names[3], names[2]]


def test_a_failed_clip_shows_no_camera(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    desk = desk_with(house, None)

    def fails(*_: object) -> None:
        raise TooManyFiles("the recordings")

    monkeypatch.setattr("tawny.api.past.clip_jobs.make_export", fails)
    ordered(house, desk)
    shows = [desk.shows(PORCH)]
    desk.work()
    assert [*shows, desk.shows(PORCH)] == [True, False]


def test_where_all_are_kept_another_is_refused(house: House) -> None:
    desk = desk_with(house, None, 1.5)
    desk.change(made(house, desk), kept=True)
    failed = made(house, desk)
    assert failed.state is ClipJobState.FAILED
    assert "no space for another clip" in failed.problem


def test_one_larger_than_all_the_room_is_refused_before_it_is_written(house: House, tmp_path: Path) -> None:
    desk = desk_with(house, tmp_path / "clips", 0.5)
    failed = made(house, desk)
    assert failed.state is ClipJobState.FAILED
    assert [path.name for path in (tmp_path / "clips").iterdir()] == [f"{failed.id}.json"]


def test_in_memory_nothing_is_written_to_a_disk(house: House, tmp_path: Path) -> None:
    desk = desk_with(house, None)
    before = {path for path in tmp_path.rglob("*") if path.is_file()}
    states = [
        made(house, desk, kind).state
        for kind in (ExportKind.MP4, ExportKind.GIF, ExportKind.TIMELAPSE, ExportKind.SHEET)
    ]
    assert states == [ClipJobState.DONE] * 4
    assert {path for path in tmp_path.rglob("*") if path.is_file()} == before
    desk.close()


def test_saved_clips_are_there_after_a_start_and_halves_are_not(house: House, tmp_path: Path) -> None:
    folder = tmp_path / "clips"
    done = made(house, desk_with(house, folder))
    for name in ("0123.new", "0123.scratch", "4567.mp4", f"{done.id}.new", f"{done.id}.scratch-0"):
        (folder / name).write_bytes(b"half")
    evidence = folder / f"{done.id}.scratchk2_x1"
    evidence.mkdir()
    (evidence / "video.mp4").write_bytes(b"half")
    again = ClipJobs(house.clock, ClipStore(folder, 10_000_000))
    assert [(one.id, one.size_bytes, one.state) for one in again.seen_by(ANNA)] == [
        (done.id, done.size_bytes, ClipJobState.DONE)
    ]
    assert {path.name for path in folder.iterdir()} == {f"{done.id}.mp4", f"{done.id}.json"}


def test_a_clip_is_on_the_disk_before_it_is_named(
    house: House, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A power cut left clips that were shown as kept, with files of 0 bytes."""
    synced: list[Path] = []

    def sync(file: int) -> None:
        synced.append(Path(f"/proc/self/fd/{file}").readlink())

    monkeypatch.setattr(os, "fsync", sync)
    folder = tmp_path / "clips"
    done = made(house, desk_with(house, folder))
    clip, about, whole = synced[-3:]
    assert (clip.name, about.suffix, whole) == (f"{done.id}.new", ".new", folder)


@pytest.mark.parametrize("broken", ["link", "empty", "zeros", "folder"])
def test_an_entry_that_cannot_be_read_hides_no_other_clip(house: House, tmp_path: Path, broken: str) -> None:
    folder = tmp_path / "clips"
    done = made(house, desk_with(house, folder))
    (folder / "dead.mp4").write_bytes(b"video")
    if broken == "link":
        (folder / "dead.json").symlink_to("nowhere")
    elif broken == "folder":
        (folder / "dead.json").mkdir()
    else:
        (folder / "dead.json").write_bytes(bytes(200 if broken == "zeros" else 0))
    again = ClipJobs(house.clock, ClipStore(folder, 10_000_000))
    assert [one.id for one in again.seen_by(ANNA)] == [done.id]
    assert (folder / "dead.mp4").exists() is (broken not in ("empty", "zeros"))


def test_clips_are_looked_for_again_after_a_fault_that_passes(
    house: House, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "clips"
    done = made(house, desk_with(house, folder))
    again = ClipJobs(house.clock, ClipStore(folder, 10_000_000))
    with monkeypatch.context() as short:
        short.setattr(Path, "read_bytes", out_of_descriptors)
        with pytest.raises(TooManyFiles):
            again.seen_by(ANNA)
    assert [one.id for one in again.seen_by(ANNA)] == [done.id]


def out_of_descriptors(_: Path) -> NoReturn:
    raise OSError(errno.EMFILE, "Too many open files")


def test_what_breaks_while_it_is_made_is_told_as_failed(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    desk = desk_with(house, None)
    ordered(house, desk)

    def breaks(*_: object) -> None:
        raise RuntimeError

    monkeypatch.setattr("tawny.api.past.clip_jobs.make_export", breaks)
    with pytest.raises(RuntimeError):
        desk.work()
    desk.given_up()
    assert [one.state for one in desk.seen_by(ANNA)] == [ClipJobState.FAILED]


def test_failed_clips_stay_listed_however_many_are_saved(
    house: House, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tawny.api.past.clip_jobs.MOST_FAILED", 1)
    desk = desk_with(house, tmp_path / "clips")
    saved = [made(house, desk).id for _ in range(3)]

    def fails(*_: object) -> None:
        raise TooManyFiles("the recordings")

    with monkeypatch.context() as short:
        short.setattr("tawny.api.past.clip_jobs.make_export", fails)
        failed = [made(house, desk).id for _ in range(2)]
    saved.append(made(house, desk).id)
    again = ClipJobs(house.clock, ClipStore(tmp_path / "clips", 1 << 30))
    for one in (desk, again):
        assert {job.id for job in one.seen_by(ANNA)} == {*saved, failed[-1]}


# --- after a restart


def restarted(house: House, folder: Path) -> None:
    house.site.jobs.close()
    house.site.jobs = ClipJobs(house.clock, ClipStore(folder, 1 << 30), house.accounts.person)
    resume_clips(house.site)


@pytest.mark.parametrize("about", [{}, {"boxes": True}, {"kind": "timelapse", "speed": 4}, {"sound": False}])
async def test_a_waiting_clip_goes_on_after_a_restart_as_it_was_asked_for(
    house: House, viewer: httpx.AsyncClient, kept_clips: Path, about: dict[str, object]
) -> None:
    restarted(house, kept_clips)
    first, second = await asked(house, viewer, **about), await asked(house, viewer, **about)
    assert house.site.jobs.work()
    restarted(house, kept_clips)
    assert {one["id"]: one["state"] for one in await listed(viewer)} == {first["id"]: "done", second["id"]: "waiting"}
    assert house.site.jobs.work()
    (one, other) = await listed(viewer)
    files = [(await viewer.get(str(each["file"]))).content for each in (one, other)]
    assert (one["state"], one["speed"], files[0]) == ("done", other["speed"], files[1])
    assert not house.site.jobs.work()


async def test_a_clip_that_an_end_stops_halfway_goes_on_after_it(
    house: House, viewer: httpx.AsyncClient, kept_clips: Path
) -> None:
    restarted(house, kept_clips)
    await asked(house, viewer, kind="sheet")

    def end(job: ClipExportJob) -> None:
        if job.progress > 0.2:
            house.site.jobs.close()
        house.clock.advance(1)

    house.site.jobs.subscribe(end)
    assert house.site.jobs.work()
    assert [path.suffix for path in kept_clips.iterdir()] == [".json"]
    restarted(house, kept_clips)
    assert house.site.jobs.work()
    assert [one["state"] for one in await listed(viewer)] == ["done"]


@pytest.mark.parametrize("why", ["killed", "rights", "account"])
async def test_a_clip_that_cannot_go_on_after_a_restart_says_why(
    house: House, kept_clips: Path, monkeypatch: pytest.MonkeyPatch, why: str
) -> None:
    restarted(house, kept_clips)
    ben = house.accounts.put_person("Ben", Role.VIEWER)
    owner, browser = house.signed_in(), house.browser(house.accounts.begin_session(ben, Caller("127.0.0.1")))
    await asked(house, browser)
    if why == "killed":
        with monkeypatch.context() as short:
            short.setattr("tawny.api.past.clip_jobs.make_export", Mock(side_effect=RuntimeError))
            with pytest.raises(RuntimeError):
                house.site.jobs.work()
    elif why == "rights":
        house.accounts.change_person(ben, Role.VIEWER, [CameraId("yard")])
    else:
        house.accounts.remove_person(ben)
    restarted(house, kept_clips)
    assert not house.site.jobs.work()
    (failed,) = await listed(owner)
    lost = "Whoever asked for this clip can no longer see the camera."
    text = "tawny ended while this clip was being made." if why == "killed" else lost
    assert (failed["state"], failed["message"]) == ("failed", text)
    restarted(house, kept_clips)
    assert not house.site.jobs.work()
    assert await listed(owner) == [failed]
    assert (await owner.delete(f"/api/v1/clips/{failed['id']}")).status_code == 200
    assert list(kept_clips.iterdir()) == []


async def test_a_clip_that_was_given_up_does_not_come_back_after_a_power_cut(
    house: House, viewer: httpx.AsyncClient, kept_clips: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    restarted(house, kept_clips)
    clip = (await asked(house, viewer))["id"]
    with monkeypatch.context() as short:
        short.setattr("tawny.api.past.clip_jobs.make_export", Mock(side_effect=RuntimeError))
        with pytest.raises(RuntimeError):
            house.site.jobs.work()
    assert (await viewer.delete(f"/api/v1/clips/{clip}")).status_code == 200
    restarted(house, kept_clips)
    assert (await listed(viewer), list(kept_clips.iterdir())) == ([], [])


async def test_a_stored_clip_that_breaks_the_worker_holds_up_no_other(
    house: House, viewer: httpx.AsyncClient, kept_clips: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    restarted(house, kept_clips)
    first = await asked(house, viewer)
    house.clock.advance(1)
    await asked(house, viewer)
    restarted(house, kept_clips)
    with monkeypatch.context() as short:
        short.setattr("tawny.api.past.clip_orders.altered", Mock(side_effect=RuntimeError))
        with pytest.raises(RuntimeError):
            house.site.jobs.work()
    house.site.jobs.given_up()
    assert house.site.jobs.work()
    assert [(one["state"], one["id"] == first["id"]) for one in await listed(viewer)] == [
        ("done", False),
        ("failed", True),
    ]


async def test_a_damaged_entry_hides_no_other_clip(house: House, viewer: httpx.AsyncClient, kept_clips: Path) -> None:
    restarted(house, kept_clips)
    ids = [(await asked(house, viewer))["id"] for _ in range(3)]
    for field, clip in zip(("from_ms", "made_ms"), ids[:2], strict=True):
        file = kept_clips / f"{clip}.json"
        file.write_text(json.dumps(json.loads(file.read_text()) | {field: "damaged"}))
    restarted(house, kept_clips)
    assert house.site.jobs.work()
    assert [(one["id"], one["state"]) for one in await listed(viewer)] == [(ids[2], "done")]


async def test_a_full_disk_queues_none_of_a_request(
    house: House, viewer: httpx.AsyncClient, kept_clips: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object) -> NoReturn:
        raise OSError(errno.ENOSPC, "No space left on device")

    now_ms = house.clock.now_ms()
    with monkeypatch.context() as short:
        short.setattr("tawny.api.past.clip_store.write_private", full)
        wish = {"cameras": ["porch"], "from_ms": now_ms - 8000, "to_ms": now_ms - 4000}
        assert (await viewer.post("/api/v1/clips", json=wish)).status_code >= 400
    assert (await listed(viewer), house.site.jobs.work(), list(kept_clips.iterdir())) == ([], False, [])


# --- deleted, and restored


@pytest.fixture
def kept_clips(house: House, tmp_path: Path) -> Path:
    """The folder of clips, on a disk."""
    folder = tmp_path / "clips"
    house.site.jobs = ClipJobs(house.clock, ClipStore(folder, 1 << 30))
    return folder


@pytest.mark.parametrize("kind", ["mp4", "gif", "sheet"])
async def test_a_deleted_clip_can_be_restored_as_it_was(
    house: House, viewer: httpx.AsyncClient, kept_clips: Path, kind: str
) -> None:
    made = await asked(house, viewer, kind=kind)
    house.site.jobs.work()
    (before,) = await listed(viewer)
    data = (await viewer.get(str(before["file"]))).content
    heard: list[ClipExportJob] = []
    house.site.jobs.subscribe(heard.append)
    assert (await viewer.delete(f"/api/v1/clips/{made['id']}")).status_code == 200
    assert await listed(viewer) == []
    assert (await viewer.get(str(before["file"]))).status_code == 404
    restored = await viewer.post(f"/api/v1/clips/{made['id']}/restore")
    assert (restored.status_code, restored.json()) == (200, before)
    assert await listed(viewer) == [before]
    assert (await viewer.get(str(before["file"]))).content == data
    assert [one.state for one in heard] == [ClipJobState.REMOVED, ClipJobState.DONE]
    again = ClipJobs(house.clock, ClipStore(kept_clips, 1 << 30))
    assert [one.state for one in again.seen_by(ANNA)] == [ClipJobState.DONE], "also after a start"


async def test_a_clip_that_another_person_deletes_meanwhile_stays_deleted(
    house: House, monkeypatch: pytest.MonkeyPatch, kept_clips: Path
) -> None:
    anna, ben = house.signed_in(Role.OWNER), house.signed_in(Role.OWNER)
    made = await asked(house, anna)
    house.site.jobs.work()
    hashed = house.site.passwords.hash

    async def slow(code: str) -> str:
        assert (await ben.delete(f"/api/v1/clips/{made['id']}")).status_code == 200
        return await hashed(code)

    monkeypatch.setattr(house.site.passwords, "hash", slow)
    link = {"camera": "porch", "from_ms": 1, "to_ms": 2, "clip": made["id"], "code": "magpie"}
    assert (await anna.post("/api/v1/shares", json=link)).status_code == 404
    assert await listed(anna) == []
    assert (await anna.get("/api/v1/shares")).json()["items"] == []


async def test_one_may_keep_a_clip_while_another_renames_it(house: House, kept_clips: Path) -> None:
    made = await asked(house, house.signed_in(Role.OWNER))
    house.site.jobs.work()
    old = house.site.jobs.given_on(str(made["id"]))
    assert old
    house.site.jobs.change(old, name="door.mp4")
    both = house.site.jobs.change(old, kept=True)
    assert both
    assert (both.name, both.kept) == ("door.mp4", True)
    house.site.jobs.remove(old)
    restored = house.site.jobs.find_removed(old.id, ANNA)
    assert restored == both


async def test_a_clip_whose_file_is_missing_is_not_found(house: House, kept_clips: Path) -> None:
    owner = house.signed_in(Role.OWNER)
    made = await asked(house, owner)
    house.site.jobs.work()
    (kept_clips / f"{made['id']}.mp4").unlink()
    assert (await owner.get(f"/media/clips/{made['id']}")).status_code == 404


async def test_after_a_while_a_deleted_clip_is_gone_for_good(
    house: House, viewer: httpx.AsyncClient, kept_clips: Path
) -> None:
    made = await asked(house, viewer)
    house.site.jobs.work()
    await viewer.delete(f"/api/v1/clips/{made['id']}")
    wait_s = house.site.jobs.delete_removed()
    assert 0 < wait_s <= UNDO_S
    assert list(kept_clips.iterdir())
    house.clock.advance(wait_s)
    house.site.jobs.delete_removed()
    assert list(kept_clips.iterdir()) == []
    late = await viewer.post(f"/api/v1/clips/{made['id']}/restore")
    assert late.status_code == 404


@pytest.mark.parametrize("ends", ["close", "killed"])
async def test_a_deleted_clip_does_not_come_back_at_the_next_start(
    house: House, viewer: httpx.AsyncClient, kept_clips: Path, ends: str
) -> None:
    made = await asked(house, viewer)
    house.site.jobs.work()
    await viewer.delete(f"/api/v1/clips/{made['id']}")
    if ends == "close":
        house.site.jobs.close()
        assert list(kept_clips.iterdir()) == []
    again = ClipJobs(house.clock, ClipStore(kept_clips, 1 << 30))
    assert again.seen_by(ANNA) == []
    assert list(kept_clips.iterdir()) == []


async def test_only_who_may_delete_may_restore(house: House, viewer: httpx.AsyncClient, kept_clips: Path) -> None:
    owner = house.signed_in(Role.OWNER)
    made = await asked(house, owner)
    house.site.jobs.work()
    await owner.delete(f"/api/v1/clips/{made['id']}")
    assert (await viewer.post(f"/api/v1/clips/{made['id']}/restore")).status_code == 403
    assert await listed(owner) == []
    assert (await owner.post(f"/api/v1/clips/{made['id']}/restore")).status_code == 200


@pytest.mark.parametrize("state", [ClipJobState.WAITING, ClipJobState.FAILED])
async def test_what_has_no_file_cannot_be_restored(
    house: House, viewer: httpx.AsyncClient, kept_clips: Path, state: ClipJobState
) -> None:
    made = await asked(house, viewer, **({"from_ms": 1, "to_ms": 2000} if state is ClipJobState.FAILED else {}))
    if state is ClipJobState.FAILED:
        house.site.jobs.work()
    (before,) = await listed(viewer)
    assert before["state"] == state.value
    await viewer.delete(f"/api/v1/clips/{made['id']}")
    assert (await viewer.post(f"/api/v1/clips/{made['id']}/restore")).status_code == 404
    assert await listed(viewer) == []


@pytest.mark.parametrize("in_memory", [True, False])
def test_deleted_clips_make_way_before_others(house: House, tmp_path: Path, in_memory: bool) -> None:
    desk = desk_with(house, None if in_memory else tmp_path / "clips", 2.5)
    first, second = made(house, desk), made(house, desk)
    desk.remove(second)
    newest = made(house, desk)
    assert [one.id for one in desk.seen_by(ANNA)] == [newest.id, first.id]
    assert desk.find_removed(second.id, ANNA) is None


@pytest.mark.parametrize("how", ["as recorded", "boxes"])
async def test_a_clip_on_a_recorder_in_memory_lacks_only_what_cannot_be_read_and_says_so(
    house: House, viewer: httpx.AsyncClient, monkeypatch: pytest.MonkeyPatch, how: str
) -> None:
    house.site.jobs = ClipJobs(house.clock, ClipStore(None, 1 << 30))
    now_ms = house.clock.now_ms()
    files = [house.recorder.record(now_ms - 20_000 + 4000 * number, seconds=4) for number in range(3)]
    house.recorder.record(now_ms - 8000, seconds=4, stream=SUB)
    bad_sector(monkeypatch, house.recorder.segment_path(files[1]))
    house.recorder.index.put_gap(Gap(PORCH, now_ms - 22_000, now_ms - 15_900, GapReason.REMOVED))
    wish = {"cameras": ["porch"], "from_ms": now_ms - 20_000, "to_ms": now_ms - 4000, "boxes": how == "boxes"}
    assert (await viewer.post("/api/v1/clips", json=wish)).status_code == 200
    assert house.site.jobs.work()
    (done,) = await listed(viewer)
    assert (done["state"], done["message"]) == ("done", "")
    assert (done["unreadable_ms"], done["elsewhere_ms"], done["is_mute"]) == (4000, 4000, False)


async def test_a_clip_says_what_was_deleted_while_it_was_made(house: House, viewer: httpx.AsyncClient) -> None:
    begin_ms = house.clock.now_ms() - 20_000
    files = [house.recorder.record(begin_ms + 4000 * number, seconds=4) for number in range(3)]
    wish = {"cameras": ["porch"], "from_ms": begin_ms, "to_ms": begin_ms + 12_000, "boxes": True}
    assert (await viewer.post("/api/v1/clips", json=wish)).status_code == 200
    house.recorder.segment_path(files[1]).unlink()
    house.recorder.index.put_gap(Gap(PORCH, begin_ms + 4000, begin_ms + 8000, GapReason.REMOVED))
    assert house.site.jobs.work()
    (done,) = await listed(viewer)
    text = "Part of it is missing, because its recording was deleted meanwhile."
    assert (done["state"], done["message"], done["unreadable_ms"]) == ("done", text, 0)


@pytest.mark.parametrize("about", [{}, {"boxes": True}, {"kind": "gif"}, {"kind": "timelapse"}])
async def test_a_clip_says_what_was_deleted_before_it_was_made_and_where_it_begins(
    house: House, viewer: httpx.AsyncClient, about: dict[str, object]
) -> None:
    begin_ms = house.clock.now_ms() - 20_000
    house.recorder.record(begin_ms + 4000, seconds=4)
    house.recorder.index.put_gap(Gap(PORCH, begin_ms - 9000, begin_ms + 4000, GapReason.REMOVED))
    wish = {"cameras": ["porch"], "from_ms": begin_ms, "to_ms": begin_ms + 8000} | about
    assert (await viewer.post("/api/v1/clips", json=wish)).status_code == 200
    (waiting,) = await listed(viewer)
    assert house.site.jobs.work()
    (done,) = await listed(viewer)
    assert (done["state"], done["message"]) == ("done", "The clip lacks 4 seconds of the chosen time (Deleted).")
    assert (done["from_ms"], done["to_ms"]) == (begin_ms + 4000, begin_ms + 8000)
    assert ("05.59.40" in str(waiting["name"]), "05.59.44" in str(done["name"])) == (True, True), waiting["name"]
    wish = {"camera": "porch", "from_ms": 1000, "to_ms": 2000, "clip": done["id"]}
    token = (await viewer.post("/api/v1/shares", json=wish)).json()["link"].removeprefix("/s/")
    seen = (await house.browser().post(f"/api/v1/shared/{token}", json={})).json()
    assert seen["from_ms"] == begin_ms + 4000
    file = await house.browser().get(seen["video"] + "&save=1")
    assert "05.59.44" in file.headers["content-disposition"]


async def test_evidence_says_what_is_not_recorded_before_what_else_is_wrong(house: House, tmp_path: Path) -> None:
    owner = house.signed_in(Role.OWNER)
    house.site.jobs = ClipJobs(house.clock, ClipStore(tmp_path / "clips", 1 << 30))
    begin_ms = house.clock.now_ms() - 24_000
    made = await asked(house, owner, kind="evidence", from_ms=begin_ms)
    house.recorder.proved = EvidenceResult(2, "ab" * 32, (), EvidenceCheck(["wrong"], [], 0, 0))
    assert house.site.jobs.work()
    (done,) = await listed(owner)
    lacks = "The clip lacks 4 seconds of the chosen time (there is no recording, and no gap was noted)."
    assert (done["message"], done["from_ms"]) == (f"{lacks} Verifying this evidence failed.", made["from_ms"])


async def test_a_clip_that_is_deleted_while_it_is_made_says_so_without_a_path(
    house: House, viewer: httpx.AsyncClient
) -> None:
    made = await asked(house, viewer, boxes=True)
    (file,) = house.recorder.index.segments(PORCH, None, Span(int(str(made["from_ms"])), int(str(made["to_ms"]))))
    house.recorder.segment_path(file).unlink()
    assert house.site.jobs.work()
    (failed,) = await listed(viewer)
    assert (failed["state"], failed["message"]) == ("failed", "This recording can't be found.")


async def test_the_answer_says_what_else_to_ask_for(house: House, viewer: httpx.AsyncClient) -> None:
    now_ms = house.clock.now_ms()
    begin_ms = now_ms - 20_000
    house.recorder.record(begin_ms, seconds=4)
    house.recorder.record(begin_ms + 3000, seconds=4, size=(128, 80))
    house.recorder.record(begin_ms + 7000, seconds=4, stream=SUB)
    asked = f"camera=porch&to_ms={now_ms}"
    first = await viewer.head(f"/api/v1/clip?{asked}&from_ms={begin_ms}")
    assert first.headers["X-Cut-At-Ms"] == first.headers["X-Rest-Ms"] == str(begin_ms + 3000)
    rest = f"/api/v1/clip?{asked}&from_ms={begin_ms + 3000}&rest_ms={begin_ms + 3000}"
    second = await viewer.head(rest)
    assert "X-Cut-At-Ms" not in second.headers
    assert second.headers["X-Elsewhere-Ms"] == f"{begin_ms + 7000}-{begin_ms + 11_000}"
    assert (await viewer.get(rest.replace("/clip?", "/clip/sheet?"))).status_code == 200
