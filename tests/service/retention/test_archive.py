"""Recordings in a bucket of moto's server: they move there, play from there as they lie, and are deleted there."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tawny.config.retention import TierSettings
from tawny.config.settings import Settings
from tawny.engine import InlineEngine
from tawny.media.mp4.byte_reader import read_bytes
from tawny.model.errors import ArchiveAway, FileDamaged, RecordingAway, SettingsError
from tawny.model.events import Event
from tawny.model.ids import EventId
from tawny.model.segments import Segment
from tawny.model.times import Span
from tawny.playback.segment_player import play
from tawny.service.diagnosis.settings_view import in_force
from tawny.service.plugin_registry import PluginRegistry
from tawny.service.retention.secondary_volumes import OtherVolumes
from tawny.service.storage_setup import VolumeChoice, archive_of, archives
from tawny.storage.archive.range_reader import BlockCache
from tawny.storage.archive.stored_objects import StoredObject, StoredObjects
from tawny.storage.disk.secondary_volumes import VolumeUse, any_away, attach_all
from tawny.storage.disk.volume import Volume
from tawny.storage.index.opening import rebuild
from tawny.storage.repair.check import CheckScope, check_volume
from tawny.storage.repair.findings import FindingKind
from tawny.storage.retention.contract import RetentionContract, RetentionRule
from tawny.storage.retention.runner import Retention
from tawny.storage.retention.thinning import thin
from tests.service.retention.archive_bench import ArchivedSite, BucketServer, bucket_server
from tests.storage.bench import PORCH, Site, keep_all

DAY_MIN = 24 * 60
EVER = Span(0, 1 << 45)


@pytest.fixture(scope="module")
def server() -> Iterator[BucketServer]:
    with bucket_server() as made:
        yield made


@pytest.fixture
def archived(tmp_path: Path, server: BucketServer, request: pytest.FixtureRequest) -> ArchivedSite:
    server.refuses = server.breaks = False
    return ArchivedSite(tmp_path, server, request.node.name.replace("[", "-").replace("]", ""))


def _recorded(archived: ArchivedSite, seconds: float = 20) -> Segment:
    """A recording of some seconds, two days old."""
    archived.site.record(seconds)
    (segment,) = archived.site.index.all_segments()
    archived.site.clock.advance(2 * 86_400)
    return segment


def _played(archived: ArchivedSite, segment: Segment, from_ms: int) -> bytes:
    return b"".join(play(archived, segment, from_ms).data)


def test_a_file_that_cannot_be_read_keeps_no_other_from_moving(archived: ArchivedSite) -> None:
    bad, other = archived.site.put(2 * DAY_MIN), archived.site.put(2 * DAY_MIN - 10)
    path = archived.site.folder / bad.path
    path.unlink()
    path.symlink_to(path)
    archived.mover.step()
    assert archived.keys() == [other.path]
    assert "links are not followed" in str(archived.mover.problem)
    assert path.is_symlink()


def _kinds(archived: ArchivedSite, *, deep: bool = False, repair: bool = False) -> list[tuple[FindingKind, str]]:
    site = archived.site
    scope = CheckScope(deep=deep, beside_recorder=False)
    report = check_volume(site.volume, site.index, site.clock, scope, ledger=site.ledger if repair else None)
    return [(one.what, one.path) for one in report.findings]


def test_a_recording_moves_and_plays_byte_by_byte(archived: ArchivedSite) -> None:
    segment = _recorded(archived)
    middle_ms = segment.start_ms + 10_000
    content, clip = (archived.site.folder / segment.path).read_bytes(), _played(archived, segment, middle_ms)
    assert archived.mover.move() == 1
    assert not archived.is_local(segment)
    assert archived.keys() == [segment.path]
    path = archived.segment_path(segment)
    assert b"".join(read_bytes(path, 0, segment.size_bytes)) == content
    assert _played(archived, segment, middle_ms) == clip
    assert list(archived.site.index.all_segments()) == [segment]
    assert _kinds(archived) == []
    assert _kinds(archived, deep=True) == []
    assert archived.mover.move() == 0


def test_the_first_frame_takes_two_requests(archived: ArchivedSite) -> None:
    segment = _recorded(archived, 50)
    archived.mover.move()
    archived.join()  # nothing is in memory
    archived.server.requests.clear()
    playing = play(archived, segment, segment.start_ms + 30_000)
    assert next(playing.data)
    assert len(archived.server.requests) == 2, archived.server.requests
    archived.server.requests.clear()
    assert next(play(archived, segment, segment.start_ms + 30_000).data)
    assert archived.server.requests == []


@pytest.mark.parametrize("step", range(6))
def test_a_move_that_is_killed_anywhere_loses_and_doubles_nothing(
    archived: ArchivedSite, monkeypatch: pytest.MonkeyPatch, step: int
) -> None:
    """A move is five calls: look for the archive, outline, recording, verification, removal here."""
    segment = _recorded(archived)
    content = (archived.site.folder / segment.path).read_bytes()
    calls: list[str] = []

    def killed(what: str) -> str:
        calls.append(what)
        if len(calls) > step:
            raise _Killed
        return what

    unlink = archived.site.volume.disk.unlink
    monkeypatch.setattr(archived.site.volume.disk, "unlink", lambda path: unlink(killed(path)))
    for name in ("read", "put", "holds"):
        call = getattr(archived.archive.bucket, name)
        monkeypatch.setattr(archived.archive.bucket, name, lambda key, *given, call=call: call(killed(key), *given))
    if step < 5:
        with pytest.raises(_Killed):
            archived.mover.move()
    else:
        assert archived.mover.move() == 1
    monkeypatch.undo()
    archived.join()
    archived.site.recover(cameras=())
    assert list(archived.site.index.all_segments()) == [segment]
    assert b"".join(read_bytes(archived.segment_path(segment), 0, segment.size_bytes)) == content
    archived.mover.move()
    assert not archived.is_local(segment)
    assert archived.keys() == [segment.path]
    assert b"".join(read_bytes(archived.segment_path(segment), 0, segment.size_bytes)) == content
    assert _kinds(archived, deep=True) == []


class _Killed(BaseException):
    """The end of the process."""


def test_an_archive_that_is_away_has_recordings_and_no_gap(tmp_path: Path) -> None:
    with bucket_server() as server:
        archived = ArchivedSite(tmp_path, server, "away")
        segment = _recorded(archived)
        archived.mover.move()
    archived.join()
    later = archived.site.put(2 * DAY_MIN)
    with pytest.raises(ArchiveAway, match="no connection"):
        archived.mover.move()
    assert archived.is_local(later)
    assert list(archived.site.index.all_segments()) == [segment, later]
    assert not any_away(archived.site.volume)
    with pytest.raises(RecordingAway, match=r"stored in the archive, which can't be reached: no connection\. Check"):
        play(archived, segment, segment.start_ms)
    assert _kinds(archived) == [(FindingKind.AWAY, archived.tier.name)]
    assert _kinds(archived, deep=True, repair=True) == [(FindingKind.AWAY, archived.tier.name)]
    assert list(archived.site.index.all_segments()) == [segment, later]


def test_an_archive_that_refuses_says_why_and_never_the_secret(archived: ArchivedSite) -> None:
    segment = _recorded(archived)
    archived.server.refuses = True
    archived.join(secret="hidden-word")
    with pytest.raises(ArchiveAway) as refused:
        archived.mover.move()
    assert "InvalidAccessKeyId" in str(refused.value)
    assert "hidden-word" not in str(refused.value) + archived.tier.name
    assert archived.is_local(segment)
    archived.server.refuses = False
    assert archived.mover.move() == 1


def test_an_archive_that_is_away_is_asked_again_after_some_seconds(archived: ArchivedSite) -> None:
    segment = _recorded(archived)
    archived.mover.move()
    archived.join()
    archived.server.breaks = True
    for _ in range(3):
        with pytest.raises(RecordingAway):
            play(archived, segment, segment.start_ms)
    archived.server.breaks = False
    asked = len(archived.server.requests)
    with pytest.raises(RecordingAway):
        play(archived, segment, segment.start_ms)
    assert len(archived.server.requests) == asked
    archived.site.clock.advance(6)
    assert _played(archived, segment, segment.start_ms)


def _retention(archived: ArchivedSite) -> Retention:
    site = archived.site
    return Retention(
        site.volume, site.index, site.ledger, site.clock, RetentionContract(RetentionRule(max_s=86_400, free_share=0.0))
    )


def test_retention_deletes_there_and_spares_kept_events(archived: ArchivedSite) -> None:
    site = archived.site
    kept, gone = site.put(4 * DAY_MIN), site.put(3 * DAY_MIN)
    site.index.put_event(Event(EventId("e1"), PORCH, "motion", kept.start_ms, kept.start_ms + 5000, 50.0, kept=True))
    archived.mover.move()
    assert archived.keys() == [kept.path, gone.path]
    assert [one.segment for one in _retention(archived).run().removals] == [gone]
    assert archived.server.keys(archived.prefix) == ["history/volume", kept.path, f"{kept.path}.outline"]
    assert _kinds(archived) == []


def test_what_was_removed_while_the_archive_was_away_goes_when_it_is_back(archived: ArchivedSite) -> None:
    segment = archived.site.put(3 * DAY_MIN)
    archived.mover.move()
    archived.server.refuses = True
    retention = _retention(archived)
    retention.run()
    assert archived.site.index.removing() == [segment]
    archived.server.refuses = False
    archived.site.clock.advance(3700)
    retention.run()
    assert archived.site.index.removing() == []
    assert archived.keys() == []


def test_what_somebody_deleted_there_is_damage(archived: ArchivedSite) -> None:
    segment = _recorded(archived)
    archived.mover.move()
    archived.server.object(f"{archived.prefix}/{segment.path}").delete()
    archived.join()
    with pytest.raises(FileDamaged, match="it was deleted from the archive"):
        _played(archived, segment, segment.start_ms)
    assert _kinds(archived) == [(FindingKind.ROW_WITHOUT_FILE, segment.path)]
    _kinds(archived, repair=True)
    assert list(archived.site.index.all_segments()) == []
    assert [one.span(0) for one in archived.site.index.gaps(PORCH, EVER)] == [segment.span]


@pytest.mark.parametrize("change", ["shorter", "other bytes"])
def test_what_somebody_changed_there_is_found(archived: ArchivedSite, change: str) -> None:
    segment = _recorded(archived)
    content = bytearray((archived.site.folder / segment.path).read_bytes())
    archived.mover.move()
    if change == "shorter":
        del content[-1:]
    else:
        content[len(content) // 2] ^= 1
    archived.server.object(f"{archived.prefix}/{segment.path}").put(Body=bytes(content))
    archived.join()
    assert _kinds(archived) == ([(FindingKind.CHANGED, segment.path)] if change == "shorter" else [])
    found = _kinds(archived, deep=True)
    assert found
    assert {path for _, path in found} == {segment.path}
    if change == "shorter":
        with pytest.raises(FileDamaged, match="changed in the archive"):
            _played(archived, segment, segment.start_ms)


def test_a_recording_without_its_outline_plays(archived: ArchivedSite) -> None:
    segment = _recorded(archived)
    clip = _played(archived, segment, segment.start_ms)
    archived.mover.move()
    outline = archived.server.object(f"{archived.prefix}/{segment.path}.outline")
    for content in (b"no outline", None):
        outline.put(Body=content) if content is not None else outline.delete()
        archived.join()
        assert _played(archived, segment, segment.start_ms) == clip


@pytest.mark.parametrize("is_empty", [False, True])
def test_a_list_that_is_lost_is_made_again_from_the_bucket(archived: ArchivedSite, is_empty: bool) -> None:
    site = archived.site
    old, young = site.put(2 * DAY_MIN), site.put(10)
    archived.mover.move()
    for file in (site.folder / "history").glob("archive-*"):
        if is_empty and file.suffix == ".db":
            file.write_bytes(b"")  # as a power failure leaves it
        else:
            file.unlink()
    assert len(attach_all(Volume.at(site.folder))) == 1
    site.forget_index()
    archived.join()
    rebuild(site.volume, site.index, site.history)
    assert list(site.index.all_segments()) == [old, young]
    assert archived.tier.open_folders.left_over() is None


def test_a_recording_is_thinned_there(archived: ArchivedSite) -> None:
    segment = _recorded(archived)
    archived.mover.move()
    thinned = thin(archived.site.volume, archived.site.index, segment)
    assert thinned is not None
    assert archived.keys() == [thinned.path]
    assert _played(archived, thinned, thinned.start_ms)
    assert _kinds(archived, deep=True) == []


def test_a_command_lists_an_archive_without_access_to_it(archived: ArchivedSite) -> None:
    segment = _recorded(archived)
    archived.mover.move()
    again = Volume.at(archived.site.folder)
    assert attach_all(again) == []
    assert again.holding(segment.path) is not None
    with pytest.raises(RecordingAway, match="the settings have no access to it"):
        b"".join(read_bytes(again.path(segment.path), 0, 10))


def test_the_cache_keeps_to_its_size() -> None:
    cache = BlockCache(1000)
    for number in range(20):
        cache.put("a", number, bytes(100))
        cache.get("a", 0)
    assert cache.size_bytes == 1000
    assert cache.get("a", 0) is not None  # used again and again
    assert cache.get("a", 5) is None
    cache.drop("a")
    assert cache.size_bytes == 0


def test_an_archive_that_is_away_at_the_first_start_is_joined_when_it_comes(
    tmp_path: Path, server: BucketServer
) -> None:
    site, steps = Site(tmp_path / "first"), list[str]()
    old = site.put(2 * DAY_MIN)
    server.refuses, server.breaks = False, True
    chosen = VolumeChoice(Path(), VolumeUse.TIER, 86_400, archive=archive_of(server.tier("late"), site.clock))
    engine = InlineEngine(site.clock, lambda name, error: pytest.fail(f"{name}: {error}"))
    others = OtherVolumes(site.volume, [chosen], site.index, site.clock, engine, keep_all)
    others.start()
    engine.run_for(30)
    steps += [problem.detail for problem in others.problems()]
    assert steps == [f"The archive {chosen.name} can't be reached: Not now."]
    server.breaks = False
    engine.run_for(200)
    assert list(others.problems()) == []
    assert [one.name for one in others.looks()] == [chosen.name]
    assert not (site.folder / old.path).exists()
    assert site.volume.holding(old.path) is not None


@pytest.mark.parametrize(
    ("table", "said"),
    [
        ({}, "either a folder"),
        ({"path": "/mnt/big", "url": "s3://cam"}, "either a folder"),
        ({"url": "ftp://cam"}, "s3://KEY:SECRET@bucket/folder"),
    ],
)
def test_a_tier_is_a_folder_or_a_bucket(table: dict[str, str], said: str) -> None:
    with pytest.raises(ValueError, match=said):
        TierSettings.model_validate({"after": "1 day", **table})


def test_an_address_that_is_no_bucket_is_refused_with_its_place() -> None:
    tier = {"url": "s3://key:hidden-word@cam/house?wrong=1", "after": "1 day"}
    chosen = Settings.model_validate({"storage": {"tiers": [tier]}})
    with pytest.raises(SettingsError, match=r"storage\.tiers\.0\.url") as refused:
        PluginRegistry.opened().check(chosen, "tawny.toml")
    assert "hidden-word" not in str(refused.value)


def test_the_settings_in_force_show_no_key_of_an_archive() -> None:
    tier = {"url": "s3://access:hidden-word@cam/house?endpoint=https://s3.example.org", "after": "1 day"}
    chosen = Settings.model_validate({"storage": {"tiers": [tier, {"path": "/mnt/big", "after": "2 days"}]}})
    shown = in_force(chosen, PluginRegistry.opened())
    assert [one["url"] for one in shown["storage"]["tiers"]] == ["cam at s3.example.org", ""]
    assert "hidden-word" not in str(shown)


def test_commands_find_the_archive_of_the_settings(archived: ArchivedSite) -> None:
    segment = _recorded(archived)
    content = (archived.site.folder / segment.path).read_bytes()
    archived.mover.move()
    tier = {"url": archived.server.tier(archived.prefix).url, "after": "1 day"}
    chosen = Settings.model_validate({"storage": {"tiers": [tier]}})
    again = Volume.at(archived.site.folder)
    assert attach_all(again, archives(chosen, archived.site.clock)) == []
    assert again.others[0].disk.read(segment.path) == content
    assert b"".join(read_bytes(again.path(segment.path), 0, segment.size_bytes)) == content


def test_the_list_has_folders_as_a_disk_has(tmp_path: Path) -> None:
    objects = StoredObjects(tmp_path / "history" / "list.db")
    for path in ("a/2026/01.mp4", "a/2026/02.mp4", "a.b/x", "b"):
        objects.put(path, StoredObject(7, ""))
    objects.begin("c/never-stored")
    assert [(one.name, one.kind) for one in objects.entries("")] == [("a", "folder"), ("a.b", "folder"), ("b", "file")]
    assert [(one.name, one.size_bytes) for one in objects.entries("a/2026")] == [("01.mp4", 7), ("02.mp4", 7)]
    assert objects.entries("c") == []
    assert objects.knows("c/never-stored")
    objects.drop("b")
    assert objects.size_bytes == 21
    objects.close()
