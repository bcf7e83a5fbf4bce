"""Copies of a box that was restored or replaced, clocks that differ, changed settings, and who may see copies."""

import shutil
from pathlib import Path
from typing import Any

import pytest

from tawny.api.auth.accounts import Role
from tawny.config.fleet import CopySettings
from tawny.fleet import copies
from tawny.fleet.copies_folder import MARK, REMEMBERED
from tawny.fleet.copy_reader import CopyReader
from tawny.fleet.copy_source import CopySource
from tawny.fleet.copy_store import CopyStore
from tawny.fleet.copy_volume import CopyVolume, Proof
from tawny.model.errors import StorageError
from tawny.model.geometry import Polygon
from tawny.service.copied_recorder import CopiedRecorder
from tawny.storage.disk.layout import picture_path
from tawny.storage.history.proof import verify_history
from tawny.testing.clock import FakeClock
from tests.api.fakes import House
from tests.fleet.recorded import Recorded
from tests.fleet.rig import EVERYTHING, BoxRig, eventually
from tests.fleet.test_copies import Copying, copying
from tests.playback.archives import PORCH

HOUR_S = 3600
TWO_DAYS_S = 48 * HOUR_S


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("LOOK_S", "NEW_S", "AGAIN_S", "TRIM_S"):
        monkeypatch.setattr(copies, name, 0.02)


async def copy_all(made: Copying) -> None:
    async with made.rig.connected(made.box):
        await eventually(made.is_copied, "the copies")


# --- events that the box deleted


async def test_the_hub_forgets_an_event_that_the_box_deleted_before_its_video_was_copied(
    house: House, tmp_path: Path
) -> None:
    async with copying(house, tmp_path) as made:
        made.recorded.record(20)
        event = made.recorded.event(made.remote.clock.now_ms() - TWO_DAYS_S * 1000)
        made.recorded.ledger.drop_event(event.id)
        journal = "history/2026-11-20.jsonl"
        seen, gone = (f'"what":"{what}","{what}":{{"id":"{event.id}"'.encode() for what in ("event", "event_dropped"))
        assert seen in made.recorded.volume.disk.read(journal)
        (tmp_path / "box" / picture_path(event)).unlink()
        async with made.rig.connected(made.box):
            await eventually(made.is_copied, "the copies")
            await eventually(lambda: seen not in made.here.volume.disk.read(journal), "the history")
        assert gone in made.here.volume.disk.read(journal)


# --- the box was restored from its backup


@pytest.mark.parametrize("statements", [1, 3, 6], ids=["shorter", "of the same length", "longer"])
async def test_a_box_restored_from_its_backup_leaves_its_former_copies_as_they_are(
    house: House, tmp_path: Path, statements: int
) -> None:
    async with copying(house, tmp_path) as made:
        made.recorded.record(70)
        made.recorded.state()
        shutil.copytree(tmp_path / "box/history", tmp_path / "backup")
        for _ in range(3):
            made.remote.clock.advance(1800)
            made.recorded.record(70)
            made.recorded.state()
        await copy_all(made)
        lost, signed = made.recorded, made.here.volume.root / "history/signed"
        before = {path.name: path.read_bytes() for path in signed.iterdir()}

        shutil.rmtree(tmp_path / "box")
        shutil.copytree(tmp_path / "backup", tmp_path / "box/history")
        made.remote.clock.advance(HOUR_S)
        made.recorded = Recorded(tmp_path / "box", made.remote.clock)
        assert made.recorded.signed.genesis == lost.signed.genesis
        for _ in range(statements):
            made.remote.clock.advance(600)
            made.recorded.record(70)
            made.recorded.state()
        made.remote.site.copy_source = CopySource(made.recorded.volume, lambda: False)
        await copy_all(made)
        assert made.same_files()
        assert (made.here.notes.unproved(Proof.WAITING), made.state.problem, made.state.damaged) == ([], "", 0)

        [former] = [one for one in made.store.all() if one.state.is_former]
        assert former.copied.index.count() == len(lost.rows())
        signed = former.copied.volume.root / "history/signed"
        assert {path.name: path.read_bytes() for path in signed.iterdir()} == before
        assert list(verify_history(former.copied.volume, made.remote.clock.now_ms())) == []


async def test_a_box_whose_history_only_grew_goes_on_with_its_copies(house: House, tmp_path: Path) -> None:
    """Also after a power cut, by which its journal has lost a line that was not durable."""
    async with copying(house, tmp_path) as made:
        made.recorded.record(70)
        made.recorded.state()
        journal = tmp_path / "box/history/2026-11-20.jsonl"
        journal.write_bytes(b'{"at_ms":1}\n{"at_ms":2}\n')
        await copy_all(made)
        left_bytes = len(b'{"at_ms":1}\n')
        journal.write_bytes(b'{"at_ms":1}\n')
        made.remote.clock.advance(600)
        made.recorded.record(70)
        made.recorded.state()
        async with made.rig.connected(made.box):
            await eventually(made.is_copied, "the copies")
            await eventually(lambda: made.here.size("history/2026-11-20.jsonl") == left_bytes, "the journal")
        assert [one.state.folder for one in made.store.all()] == ["shed"]
        assert list(verify_history(made.here.volume, made.remote.clock.now_ms())) == []


def test_signed_statements_stay_if_the_box_has_damaged_its_own(tmp_path: Path) -> None:
    copied = CopyVolume(tmp_path / "shed", FakeClock())
    for path in ("history/2026-11-19.jsonl", "history/signed/2026-11-19.jsonl", "history/signed/days.jsonl"):
        copied.grow_history(path, 0, b"line\n")
        copied.restart_history(path)
    assert [copied.size("history/2026-11-19.jsonl"), copied.size("history/signed/2026-11-19.jsonl")] == [0, 5]
    newest = copied.newest_statements()
    assert newest is not None
    assert (newest.path, newest.size_bytes) == ("history/signed/2026-11-19.jsonl", 5)
    copied.close()


# --- clocks


@pytest.mark.parametrize("behind_s", [2 * HOUR_S, TWO_DAYS_S, -2 * HOUR_S, -12 * HOUR_S])
async def test_recordings_are_copied_and_the_problem_is_told_while_the_clocks_differ(
    house: House, tmp_path: Path, behind_s: int
) -> None:
    """Of the hub and of the box: what is recorded while it is connected has the box's time."""
    hub_clock = FakeClock()
    hub_clock.jump_utc(-behind_s)
    async with copying(house, tmp_path, hub_clock=hub_clock) as made:
        made.recorded.record(70)
        async with made.rig.connected(made.box):
            await eventually(made.is_copied, "the copies")
            made.recorded.record(70)
            await eventually(made.is_copied, "the new ones")
            assert made.state.problem == copies.CLOCKS
            hub_clock.jump_utc((made.remote.clock.now_ms() - hub_clock.now_ms()) / 1000)
            await eventually(lambda: made.state.problem == "", "the end of the problem")


async def test_copying_from_a_box_that_does_not_say_its_time_goes_on_when_the_hub_s_clock_is_corrected(
    house: House, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of an earlier version. The hub's clock was days behind while it was off."""
    about = CopyReader.about

    async def without_time(reader: CopyReader) -> dict[str, Any]:
        return {name: text for name, text in (await about(reader)).items() if name != "now_ms"}

    monkeypatch.setattr(CopyReader, "about", without_time)
    hub_clock = FakeClock()
    hub_clock.jump_utc(-TWO_DAYS_S)
    async with copying(house, tmp_path, hub_clock=hub_clock) as made:
        hub_clock.jump_utc(TWO_DAYS_S)
        made.recorded.record(70)
        async with made.rig.connected(made.box):
            await eventually(made.is_copied, "the copies")


async def test_a_hub_whose_clock_was_set_forward_keeps_the_copies_for_a_day_and_copies_on(
    house: House, tmp_path: Path
) -> None:
    hub_clock = FakeClock()
    async with copying(house, tmp_path, hub_clock=hub_clock) as made:
        made.recorded.record(70)
        await copy_all(made)
        hub_clock.jump_utc(20 * 24 * HOUR_S)
        made.recorded.record(70)
        looks = made.looks[0]
        async with made.rig.connected(made.box):
            await eventually(made.is_copied, "the new ones")
            await eventually(lambda: made.looks[0] >= looks + 20, "the hub to have trimmed its copies")
        assert made.is_copied()
        hub_clock.advance(24 * HOUR_S + 1)  # it wasn't corrected: it is right
        async with made.rig.connected(made.box):
            await eventually(lambda: made.here.index.count() == 0, "the deletion by age")


# --- ages


@pytest.mark.parametrize("how", ["former", "not allowed"])
async def test_copies_of_a_box_in_contact_end_by_age_though_nothing_is_added(
    house: House, tmp_path: Path, how: str
) -> None:
    async with copying(house, tmp_path) as made:
        made.recorded.record(70)
        await copy_all(made)
        if how == "former":
            made.store.put_aside("shed")
        else:
            made.box.allow = EVERYTHING
        [old] = made.store.all()
        made.remote.clock.advance(20 * 24 * HOUR_S)
        async with made.rig.connected(made.box):
            await eventually(lambda: old.copied.index.count() == 0, "the deletion by age")


async def test_another_recorder_of_the_same_name_does_not_let_copies_age(house: House, tmp_path: Path) -> None:
    """The former one was stolen."""
    async with copying(house, tmp_path) as made:
        made.recorded.record(70)
        await copy_all(made)
        await made.rig.hub.revoke("shed")
        other = BoxRig(tmp_path / "other", allow=EVERYTHING)
        await made.rig.join(other)
        made.remote.clock.advance(20 * 24 * HOUR_S)
        looks = made.looks[0]
        async with made.rig.connected(other):
            await eventually(lambda: made.looks[0] >= looks + 20, "the hub to have trimmed its copies")
        assert made.is_copied()


# --- settings


async def test_a_camera_added_to_the_settings_is_copied_from_the_beginning_at_once(
    house: House, tmp_path: Path
) -> None:
    async with copying(house, tmp_path) as made:
        made.rules[:] = [CopySettings(cameras=("yard",))]
        made.recorded.record(70)
        made.remote.clock.advance(TWO_DAYS_S)
        async with made.rig.connected(made.box):
            await eventually(lambda: made.store.find("shed") is not None, "the copies to begin")
            await made.look_thrice()
            made.rules[:] = [CopySettings()]
            await eventually(made.is_copied, "the copies")


# --- who may see them


async def test_people_at_the_hub_see_of_copies_what_the_box_allows_them(house: House, tmp_path: Path) -> None:
    """The hub's owner has the files."""
    async with copying(house, tmp_path) as made:
        made.box.allow = ("copies",)
        made.recorded.record(70)
        first = made.recorded.rows()[0]
        event = made.recorded.event(first.start_ms + 3000)
        paths = (
            f"api/v1/cameras/porch/play?at_ms={first.start_ms}",
            f"api/v1/timeline?from_ms={first.start_ms}&to_ms={first.end_ms}",
            f"media/{event.id}.jpg",
        )

        async def statuses(role: Role, box: str) -> list[int]:
            async with made.hub_house.signed_in(role) as page:
                assert (await page.get(f"/boxes/{box}/api/v1/session")).status_code == 200
                return [(await page.get(f"/boxes/{box}/{path}")).status_code for path in paths]

        async with made.rig.connected(made.box):
            await eventually(made.is_copied, "the copies")
            await eventually(lambda: made.here.volume.read_picture(event) is not None, "the picture")
            assert await statuses(Role.VIEWER, "shed--copies") == [403, 403, 403]
        for box in ("shed", "shed--copies"):
            assert await statuses(Role.VIEWER, box) == [403, 403, 403]
            assert await statuses(Role.MEMBER, box) == [403, 403, 403]
            assert await statuses(Role.OWNER, box) == [200, 200, 200]
        made.box.allow = ("copies", "events")
        async with made.rig.connected(made.box):
            assert await statuses(Role.VIEWER, "shed--copies") == [403, 200, 200]
            await eventually(lambda: made.here.notes.about().get("allow") == ["copies", "events"], "the note")
        assert await statuses(Role.VIEWER, "shed") == [403, 200, 200]
        await made.rig.hub.revoke("shed")
        assert await statuses(Role.VIEWER, "shed--copies") == [403, 200, 200]
        made.here.notes.say({"allow": None})  # copied before it was noted
        assert await statuses(Role.VIEWER, "shed--copies") == [403, 403, 403]
        assert await statuses(Role.OWNER, "shed--copies") == [200, 200, 200]


async def test_another_recorder_of_the_same_name_does_not_show_the_copies_of_the_former(
    house: House, tmp_path: Path
) -> None:
    async with copying(house, tmp_path) as made:
        made.recorded.record(70)
        asked = {"at_ms": made.recorded.rows()[0].start_ms}
        await copy_all(made)
        await made.rig.hub.revoke("shed")
        async with made.browser() as page:
            assert not (await page.get("/api/v1/fleet/copies")).json()["copies"][0]["former"]
            other = BoxRig(tmp_path / "other", allow=EVERYTHING)
            assert (await made.rig.join(other)).box == "shed"
            assert (await page.get("/boxes/shed/api/v1/cameras/porch/play", params=asked)).status_code == 503
            play = await page.get("/boxes/shed--copies/api/v1/cameras/porch/play", params=asked)
            assert play.json()["items"]
            [answer] = (await page.get("/api/v1/fleet/copies")).json()["copies"]
            assert (answer["former"], answer["wanted"]) == (True, False)


# --- their disk


def test_nothing_is_copied_into_the_empty_mount_point_of_the_disk(tmp_path: Path) -> None:
    folder, clock, remembered = tmp_path / "mnt/copies", FakeClock(), tmp_path / REMEMBERED
    store = CopyStore(folder, clock, lambda: 0.0, remembered)
    store.of_box("shed", b"k", "Shed", "aa")
    store.close()
    (tmp_path / "mnt").rename(tmp_path / "unmounted")
    (tmp_path / "mnt").mkdir()

    away = CopyStore(folder, clock, lambda: 0.0, remembered)
    assert "the disk that should be there is not" in away.problem
    assert (away.all(), away.free_bytes()) == ([], 0)
    with pytest.raises(StorageError):
        away.of_box("shed", b"k", "Shed", "aa")
    assert list((tmp_path / "mnt").iterdir()) == []

    (tmp_path / "mnt").rmdir()
    (tmp_path / "unmounted").rename(tmp_path / "mnt")
    away.open()
    assert (away.problem, [one.state.folder for one in away.all()]) == ("", ["shed"])
    away.close()


def test_a_folder_of_copies_without_a_mark_is_used_as_before(tmp_path: Path) -> None:
    old = CopyStore(tmp_path / "copies", FakeClock(), lambda: 0.0)
    old.of_box("shed", b"k", "Shed", "aa")
    old.close()
    for _ in range(2):
        store = CopyStore(tmp_path / "copies", FakeClock(), lambda: 0.0, tmp_path / REMEMBERED)
        assert (store.problem, [one.state.folder for one in store.all()]) == ("", ["shed"])
        store.close()


@pytest.mark.parametrize("has_mark", [False, True], ids=["none", "empty"])
def test_a_disk_with_copies_whose_mark_was_lost_gets_it_again(tmp_path: Path, *, has_mark: bool) -> None:
    """It lies in the mount point, where the first start wrote it before the disk was mounted, or the power failed."""
    for _ in range(2):
        store = CopyStore(tmp_path / "copies", FakeClock(), lambda: 0.0, tmp_path / REMEMBERED)
        store.of_box("shed", b"k", "Shed", "aa")
        assert store.problem == ""
        store.close()
        (tmp_path / "copies" / MARK).unlink()
        if has_mark:
            (tmp_path / "copies" / MARK).touch()
    assert CopyStore(tmp_path / "copies", FakeClock(), lambda: 0.0, tmp_path / REMEMBERED).problem == ""
    assert (tmp_path / "copies" / MARK).read_text() in (tmp_path / REMEMBERED).read_text()


def test_another_folder_and_a_new_disk_can_be_chosen(tmp_path: Path) -> None:
    remembered = tmp_path / REMEMBERED
    for name in ("first", "second", "second"):
        store = CopyStore(tmp_path / name, FakeClock(), lambda: 0.0, remembered)
        assert store.problem == ""
        store.close()
    shutil.rmtree(tmp_path / "second")
    assert CopyStore(tmp_path / "second", FakeClock(), lambda: 0.0, remembered).problem
    remembered.unlink()
    assert CopyStore(tmp_path / "second", FakeClock(), lambda: 0.0, remembered).problem == ""


async def test_the_page_says_that_the_disk_is_missing_and_copying_begins_when_it_is_there(
    house: House, tmp_path: Path
) -> None:
    async with copying(house, tmp_path) as made:
        made.recorded.record(70)
        assert house.site.copies is not None
        folder = made.store.folder
        folder.rename(tmp_path / "unmounted")
        folder.write_bytes(b"")  # no folder can be made here
        made.store.open()
        async with made.rig.connected(made.box), made.browser() as page:
            data = (await page.get("/api/v1/fleet/copies")).json()
            assert (data["copies"], data["free_bytes"]) == ([], 0)
            assert str(folder) in data["problem"]
            folder.unlink()
            await eventually(made.is_copied, "the copies")
            assert (await page.get("/api/v1/fleet/copies")).json()["problem"] == ""


# --- privacy masks


async def test_privacy_masks_stay_for_copies_of_a_camera_that_the_box_removed(
    house: House, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with copying(house, tmp_path) as made:
        made.recorded.record(70)
        box, mask = made.remote.recorder, Polygon(((0.0, 0.0), (0.5, 0.0), (0.5, 0.5)))
        box.hidden = (mask,)
        await copy_all(made)
        box.hidden = ()
        monkeypatch.setattr(box, "cameras", list)
        async with made.rig.connected(made.box):
            await eventually(lambda: made.here.notes.about()["cameras"] == [], "the removal")
        assert CopiedRecorder(made.here, "Shed", made.remote.clock, lambda: True).private(PORCH) == (mask,)
