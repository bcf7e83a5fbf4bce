"""Quotas hold against parallel uploads, and what arrives never pushes out recordings."""

import asyncio
import hashlib
import os
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import httpx
import pytest

from tawny.api.auth.accounts import Role
from tawny.api.auth.passes import UploadRight
from tawny.api.errors import RequestRefused
from tawny.api.inbox import LEAST_FILE_BYTES, MOST_AT_ONCE, MOST_OF_A_NAME, MOST_TOGETHER, Inbox
from tawny.api.past.clip_jobs import MOST_OF_ONE, ClipExportJob, ClipJobs, ClipJobState
from tawny.api.past.clip_store import ClipStore
from tawny.model.errors import StorageError
from tawny.model.times import SystemClock, utc_text
from tawny.storage.disk.headroom import DiskHeadroom
from tawny.testing.clock import FakeClock
from tests.api.fakes import House, make_house
from tests.support.inbox import begun, upload_of

MB = 1_000_000
DAY_MS = 86_400_000


@pytest.fixture
def house(tmp_path: Path) -> Iterator[House]:
    made = make_house(tmp_path)
    made.site.inbox = Inbox(tmp_path / "inbox")
    yield made
    made.accounts.close()


def stored_bytes(folder: Path) -> int:
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())


async def put(browser: httpx.AsyncClient, secret: str, name: str, data: bytes, offset: int = 0) -> httpx.Response:
    query = {"name": name, "sha256": hashlib.sha256(data).hexdigest(), "size": str(len(data)), "offset": str(offset)}

    async def slowly() -> object:
        for begin in range(offset, len(data), 100_000):
            await asyncio.sleep(0)  # the others begin meanwhile
            yield data[begin : begin + 100_000]

    bearer = {"Authorization": f"Bearer {secret}"}
    return await browser.put("/api/v1/inbox/file", params=query, headers=bearer, content=slowly())  # type: ignore[arg-type]


async def test_a_token_for_1_mb_brings_1_mb_also_in_parallel(house: House, tmp_path: Path) -> None:
    """100 uploads of 1 MB at once brought 100 MB."""
    _, secret = house.passes.make("Eve", brings=MB)
    files = [os.urandom(MB) for _ in range(100)]
    browser = house.browser()
    answers = await asyncio.gather(*(put(browser, secret, f"{n}.bin", data) for n, data in enumerate(files)))
    assert [one.status_code for one in answers].count(200) == 1
    assert {one.status_code for one in answers} <= {200, 429, 507}
    assert stored_bytes(tmp_path / "inbox") == MB


@pytest.mark.parametrize("name", ["a.bin/x", "folder", "ü" * 130])
async def test_a_name_that_cannot_be_is_not_a_fault_of_the_disk(house: House, name: str) -> None:
    _, secret = house.passes.make("Eve", brings=MB)
    browser = house.browser()
    for there in ("a.bin", "folder/a.bin"):
        assert (await put(browser, secret, there, b"hello")).status_code == 200
    answer = await put(browser, secret, name, b"hello")
    assert (answer.status_code, answer.json()["code"]) == (400, "bad_input")


async def test_unfinished_uploads_count(house: House, tmp_path: Path) -> None:
    """1,000 beginnings of 1 MB each, none of which is finished."""
    made, _ = house.passes.make("Eve", brings=MB)
    refused = 0
    for number in range(1000):
        try:
            upload = begun(house.site.inbox, made.id, upload_of(f"{number:064x}", MB), MB)
        except RequestRefused:
            refused += 1
            continue
        upload.write(bytes(MB // 2))
        upload.close()
    assert (refused, stored_bytes(tmp_path / "inbox")) == (999, MB // 2)
    assert house.site.inbox.used_bytes(made.id) == MB // 2


async def test_empty_files_are_not_free(house: House, tmp_path: Path) -> None:
    _, secret = house.passes.make("Eve", brings=MB)
    browser = house.browser()
    codes = [(await put(browser, secret, f"{number}.bin", b"")).status_code for number in range(300)]
    assert codes.count(200) == MB // LEAST_FILE_BYTES


async def test_quota_counts_what_is_replaced_damaged_and_removed(house: House, tmp_path: Path) -> None:
    made, secret = house.passes.make("Ben", brings=MB)
    browser, inbox = house.browser(), house.site.inbox
    for size in (900_000, 600_000, 700_000):  # each in place of the one before
        if size == 700_000:
            inbox.remove(made.id, "a.bin")
        answer = await put(browser, secret, "a.bin" if size != 600_000 else "b.bin", os.urandom(size))
        assert answer.status_code == (507 if size == 600_000 else 200)
    assert inbox.used_bytes(made.id) == 700_000
    assert Inbox(tmp_path / "inbox").used_bytes(made.id) == 700_000, "as counted anew"
    upload = begun(inbox, made.id, upload_of("0" * 64, 100), MB)
    upload.write(bytes(100))
    upload.close()
    with pytest.raises(RequestRefused):
        inbox.finish(made.id, upload_of("0" * 64, 100), UploadRight(MB, None))
    assert inbox.used_bytes(made.id) == 700_000


async def test_uploads_at_once_are_bounded(house: House) -> None:
    quota_bytes = 10**9
    open_uploads = [
        begun(house.site.inbox, "one", upload_of(f"{n:064x}", 10), quota_bytes) for n in range(MOST_AT_ONCE)
    ]
    with pytest.raises(RequestRefused) as refused:
        begun(house.site.inbox, "one", upload_of("f" * 64, 10), quota_bytes)
    assert refused.value.status == 429
    others = [f"friend {number}" for number in range(MOST_TOGETHER - MOST_AT_ONCE)]
    open_uploads += [begun(house.site.inbox, one, upload_of("0" * 64, 10), quota_bytes) for one in others]
    with pytest.raises(RequestRefused):
        begun(house.site.inbox, "another", upload_of("0" * 64, 10), quota_bytes)
    for upload in open_uploads:
        upload.close()
    begun(house.site.inbox, "another", upload_of("0" * 64, 10), quota_bytes).close()


class Usage(NamedTuple):
    total: int
    used: int
    free: int


class Disk:
    """100 MB, of which retention keeps 10 % free. What is written goes from what is free."""

    def __init__(self, folder: Path, free: int) -> None:
        self.folder, self.free = folder, free
        self.space = DiskHeadroom(folder, lambda: 0.1)

    def usage(self, _: Path) -> Usage:
        return Usage(100 * MB, 0, self.free - stored_bytes(self.folder))


@pytest.fixture
def disk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Disk:
    folder = tmp_path / "disk"
    folder.mkdir()
    made = Disk(folder, free=12 * MB)
    monkeypatch.setattr("tawny.storage.disk.headroom.shutil.disk_usage", made.usage)
    return made


def test_what_arrives_does_not_push_out_recordings(disk: Disk) -> None:
    """2 MB are above the 10 MB that retention keeps free by deleting recordings."""
    inbox = Inbox(disk.folder / "inbox", disk.space)
    first = begun(inbox, "one", upload_of("1" * 64, 1_500_000), 10**9)
    with pytest.raises(RequestRefused, match="no space for uploads"):
        begun(inbox, "two", upload_of("2" * 64, 600_000), 10**9)  # though nothing of the first has arrived
    first.write(bytes(1_400_000))
    second = begun(inbox, "two", upload_of("2" * 64, 500_000), 10**9)  # nothing counts twice
    first.close()
    second.write(bytes(500_000))
    second.close()
    assert disk.space.free_bytes() == 100_000
    assert disk.usage(disk.folder).free >= 10 * MB


@pytest.fixture
def clips(house: House, disk: Disk) -> House:
    """Saved clips on that disk, at most 50 MB."""
    store = ClipStore(disk.folder / "clips", 50 * MB, disk.space)
    house.site.clip_store = store
    house.site.jobs = ClipJobs(house.clock, store, house.accounts.person)
    house.recorder.record(house.clock.now_ms() - 20_000, seconds=10)
    return house


def jobs_of(house: House) -> list[ClipExportJob]:
    """All of them, as an owner sees them."""
    return house.site.jobs.seen_by(house.accounts.put_person("who sees all", Role.OWNER))


async def save_clip(house: House, browser: httpx.AsyncClient) -> ClipJobState:
    house.clock.advance(0.01)  # clips of one request make no room for each other
    now_ms = house.clock.now_ms()
    asked = {"cameras": ["porch"], "from_ms": now_ms - 18_000, "to_ms": now_ms - 14_000}
    made = (await browser.post("/api/v1/clips", json=asked)).json()["items"][0]
    house.site.jobs.work()
    return next(one.state for one in jobs_of(house) if one.id == made["id"])


@pytest.mark.parametrize(("role", "state"), [(Role.VIEWER, ClipJobState.FAILED), (Role.MEMBER, ClipJobState.DONE)])
async def test_a_viewers_clip_does_not_push_out_recordings(
    clips: House, disk: Disk, role: Role, state: ClipJobState
) -> None:
    """The disk is as full as retention lets it become: a member may use the space set for clips, a viewer may not."""
    disk.free = 10 * MB + 1000
    assert await save_clip(clips, clips.signed_in(role)) is state
    disk.free = 2 * MB
    assert await save_clip(clips, clips.signed_in(role)) is ClipJobState.FAILED, "2 % stay free for the recorder"


async def test_a_viewers_clips_do_not_push_out_those_of_others(clips: House, disk: Disk) -> None:
    disk.free = 90 * MB
    jobs, owner, viewer = clips.site.jobs, clips.signed_in(Role.OWNER), clips.signed_in(Role.VIEWER)
    assert await save_clip(clips, owner) is ClipJobState.DONE
    (owners,) = jobs_of(clips)
    clips.site.clip_store.most_bytes = jobs.used_bytes() * 4
    states = [await save_clip(clips, viewer) for _ in range(5)]
    assert states == [ClipJobState.DONE] * 5, [one.problem for one in jobs_of(clips)]
    assert owners in jobs_of(clips)
    assert jobs.used_bytes() <= jobs.most_bytes
    clips.site.clip_store.most_bytes = jobs.used_bytes()
    for one in [one for one in jobs_of(clips) if one.id != owners.id]:
        jobs.change(one, kept=True)
    assert await save_clip(clips, viewer) is ClipJobState.FAILED


async def test_one_user_does_not_fill_the_queue(house: House) -> None:
    now_ms = house.clock.now_ms()
    asked = {"cameras": ["porch"], "from_ms": now_ms - 18_000, "to_ms": now_ms - 14_000}
    viewer, owner = house.signed_in(Role.VIEWER), house.signed_in(Role.OWNER)
    codes = [(await viewer.post("/api/v1/clips", json=asked)).status_code for _ in range(MOST_OF_ONE + 1)]
    assert codes == [200] * MOST_OF_ONE + [400]
    assert (await owner.post("/api/v1/clips", json=asked)).status_code == 200


def test_a_disk_that_fails_is_reported(disk: Disk, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(_: Path) -> Usage:
        raise OSError(5, "Input/output error")

    monkeypatch.setattr("tawny.storage.disk.headroom.shutil.disk_usage", fail)
    with pytest.raises(StorageError, match="Input/output error"):
        begun(Inbox(disk.folder / "inbox", disk.space), "one", upload_of("1" * 64, 10), MB)


# --- a token that may only add files, which a thief of the recorder that uploads has


@pytest.fixture
def added(house: House) -> tuple[httpx.AsyncClient, str, str]:
    """A browser, the token's ID and its secret."""
    made, secret = house.passes.make("Ben", brings=MB, keeps_ms=DAY_MS)
    return house.browser(), made.id, secret


async def test_a_thief_of_its_token_can_neither_read_list_replace_nor_delete(
    house: House, added: tuple[httpx.AsyncClient, str, str], tmp_path: Path
) -> None:
    browser, holder, secret = added
    bearer = {"Authorization": f"Bearer {secret}"}
    assert (await put(browser, secret, "door/a.jpg", b"the burglar")).status_code == 200
    for method, way in (("GET", "files"), ("GET", "file?name=door/a.jpg"), ("DELETE", "file?name=door/a.jpg")):
        answer = await browser.request(method, f"/api/v1/inbox/{way}", headers=bearer)
        assert (answer.status_code, answer.json()["code"]) == (403, "only_adds"), (method, way)
    answers = [await put(browser, secret, "door/a.jpg", text) for text in (b"", b"", b"other")]
    assert [one.json()["name"] for one in answers] == ["door/a~2.jpg", "door/a~3.jpg", "door/a~4.jpg"]
    assert (tmp_path / "inbox" / holder / "door/a.jpg").read_bytes() == b"the burglar"
    state = await browser.get(
        "/api/v1/inbox/state",
        params={"name": "door/a.jpg", "sha256": hashlib.sha256(b"other").hexdigest()},
        headers=bearer,
    )
    assert state.json()["size"] == 5, "what got a number is known as sent"


async def test_a_name_that_too_many_files_have_is_refused_before_the_file_is_sent(
    house: House, added: tuple[httpx.AsyncClient, str, str]
) -> None:
    browser, holder, secret = added
    inbox, right = house.site.inbox, house.passes.upload_right(holder)
    last = upload_of(hashlib.sha256(b"last").hexdigest(), 4, "door/a.jpg")
    going = inbox.begin(holder, last, right)
    going.write(b"last")
    going.close()
    for number in range(MOST_OF_A_NAME):
        assert (await put(browser, secret, "door/a.jpg", bytes([number]))).status_code == 200
    stored_bytes = MOST_OF_A_NAME * LEAST_FILE_BYTES
    with pytest.raises(RequestRefused, match="too many files"):
        inbox.finish(holder, last, right)
    assert inbox.used_bytes(holder) == stored_bytes, "what can't be stored takes no space"
    with pytest.raises(RequestRefused, match="too many files"):
        inbox.begin(holder, upload_of("0" * 64, 10, "door/a.jpg"), right)
    assert inbox.used_bytes(holder) == stored_bytes


@pytest.mark.parametrize("only_adds", [False, True])
@pytest.mark.parametrize(("there", "name"), [("a", "a/b"), ("a", "a/b/c"), ("a/b", "a")])
def test_a_name_that_is_in_the_way_takes_no_space(house: House, *, only_adds: bool, there: str, name: str) -> None:
    inbox, holder = house.site.inbox, house.passes.make("Ben", brings=MB)[0].id
    right = UploadRight(MB, DAY_MS if only_adds else None)
    wanted = upload_of(hashlib.sha256(b"wanted").hexdigest(), 6, name)
    going = inbox.begin(holder, wanted, right)
    going.write(b"wanted")
    going.close()
    first = upload_of(hashlib.sha256(b"first").hexdigest(), 5, there)
    going = inbox.begin(holder, first, right)
    going.write(b"first")
    going.close()
    inbox.finish(holder, first, right)
    if only_adds and name == "a":
        assert inbox.finish(holder, wanted, right) == "a~2"
        return
    for refused in (inbox.finish, inbox.begin):
        with pytest.raises(RequestRefused, match="in the way"):
            refused(holder, wanted, right)
        assert inbox.used_bytes(holder) == LEAST_FILE_BYTES


def timed(house: House, folder: Path) -> tuple[Inbox, FakeClock]:
    """Give the house an inbox whose clock begins now, as files have the system's times."""
    clock = FakeClock(utc_text(SystemClock().now_ms()))
    house.site.inbox = Inbox(folder / "inbox", clock=clock)
    return house.site.inbox, clock


async def test_a_full_quota_deletes_only_what_is_old_enough(
    house: House, added: tuple[httpx.AsyncClient, str, str], tmp_path: Path
) -> None:
    browser, holder, secret = added
    inbox, clock = timed(house, tmp_path)
    for name in ("a.bin", "b.bin"):
        assert (await put(browser, secret, f"door/{name}", os.urandom(MB // 2))).status_code == 200
    assert (await put(browser, secret, "c.bin", os.urandom(MB // 4))).status_code == 507
    clock.advance(86_500)
    assert (await put(browser, secret, "c.bin", os.urandom(MB // 4))).status_code == 200
    names = sorted(one.name for one in inbox.files(holder, ""))
    assert (names, inbox.used_bytes(holder)) == (["c.bin", "door/b.bin"], MB // 2 + MB // 4)


async def test_what_has_not_arrived_deletes_nothing(
    house: House, added: tuple[httpx.AsyncClient, str, str], tmp_path: Path
) -> None:
    """A thief needs as many bytes as he wants to delete, and can't delete what is younger than the time."""
    browser, holder, secret = added
    inbox, clock = timed(house, tmp_path)
    for name in ("a.bin", "b.bin"):
        assert (await put(browser, secret, name, os.urandom(MB // 3))).status_code == 200
    clock.advance(86_500)
    right, large = house.passes.upload_right(holder), upload_of("0" * 64, 10 * MB)
    with pytest.raises(RequestRefused, match="storage limit"):
        inbox.begin(holder, large, right)
    going = inbox.begin(holder, upload_of("1" * 64, MB), right)
    assert (await put(browser, secret, "c.bin", b"small")).status_code == 507, "all that may go is promised to another"
    going.write(bytes(MB // 2))  # and is cut off
    going.close()
    assert (await put(browser, secret, "c.bin", b"small")).status_code == 200
    assert sorted(one.name for one in inbox.files(holder, "")) == ["a.bin", "b.bin", "c.bin"]


async def test_only_some_files_get_the_same_name(added: tuple[httpx.AsyncClient, str, str]) -> None:
    browser, _, secret = added
    codes = [(await put(browser, secret, "a.jpg", os.urandom(8))).status_code for _ in range(MOST_OF_A_NAME + 1)]
    assert codes == [200] * MOST_OF_A_NAME + [400]


async def test_a_file_with_a_long_name_gets_a_number(added: tuple[httpx.AsyncClient, str, str]) -> None:
    browser, _, secret = added
    name = "ü" * 125 + ".jpg"
    first, second = [(await put(browser, secret, name, text)).json()["name"] for text in (b"one", b"two")]
    assert (first, second) == (name, "ü" * 124 + "~2.jpg")


async def test_a_full_quota_deletes_nothing_of_a_token_that_may_delete(house: House, tmp_path: Path) -> None:
    _, secret = house.passes.make("Ben", brings=MB)
    clock = FakeClock(utc_text(SystemClock().now_ms() + 1000 * DAY_MS))
    house.site.inbox = Inbox(tmp_path / "inbox", clock=clock)
    browser = house.browser()
    codes = [(await put(browser, secret, f"{one}.bin", os.urandom(600_000))).status_code for one in range(2)]
    assert codes == [200, 507]


# --- unfinished uploads


def test_an_unfinished_upload_goes_with_its_name(house: House) -> None:
    inbox, holder = house.site.inbox, house.passes.make("Ben", brings=MB)[0].id
    for name in ("door/a.mp4", "a.mp4"):
        upload = begun(inbox, holder, upload_of("0" * 64, 400_000, name), MB)
        upload.write(bytes(300_000))
        upload.close()
    inbox.remove(holder, "a.mp4")
    assert (inbox.used_bytes(holder), inbox.begun_bytes(holder, "0" * 64, "door/a.mp4")) == (300_000, 300_000)


def test_an_unfinished_upload_is_deleted_after_a_week(tmp_path: Path) -> None:
    clock = FakeClock(utc_text(SystemClock().now_ms()))
    inbox = Inbox(tmp_path / "inbox", clock=clock)
    upload = begun(inbox, "ben", upload_of("0" * 64, 400_000), MB)
    upload.write(bytes(300_000))
    upload.close()
    for days, left_bytes in ((6, 300_000), (2, 0)):
        clock.advance(days * 86_400)
        begun(inbox, "ben", upload_of("1" * 64, 10, "b.mp4"), MB).close()
        assert inbox.begun_bytes(holder="ben", sha256="0" * 64, name="clip.mp4") == left_bytes
