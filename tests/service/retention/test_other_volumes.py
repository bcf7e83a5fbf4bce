"""Disks beside the first come and go: told within a minute, once, and once when it is over; used again when back."""

import errno
import fcntl
import json
import shutil
from pathlib import Path
from types import NoneType

import pytest

from tawny.config.loader import parse_settings
from tawny.engine import InlineEngine
from tawny.model.errors import DiskFull, FolderInUse, FolderUnwritable
from tawny.model.messages import Alarm, ProblemKind
from tawny.service.backup.backup_file import is_kept
from tawny.service.health.alarms import AlarmMonitor, HealthProblem
from tawny.service.retention.secondary_volumes import OtherVolumes
from tawny.service.storage_setup import Store, VolumeChoice, open_store
from tawny.storage.disk import secondary_volumes
from tawny.storage.disk.mirror import Mirror
from tawny.storage.disk.secondary_volumes import (
    FolderOfAnother,
    KnownDiskMissing,
    VolumeUse,
    awaited,
    former,
    is_on_own_disk,
    join,
    others,
)
from tawny.storage.disk.volume import Volume
from tawny.storage.retention.contract import RetentionContract, RetentionRule
from tawny.testing.clock import FakeClock
from tests.storage.bench import PORCH, Site, keep_all
from tests.support.dead_disk import DEATHS, dead


class Bench:
    def __init__(self, folder: Path, *, spare_is_there: bool = True) -> None:
        self.site = Site(folder / "first")
        site = self.site
        self.tier, self.spare, self.second = folder / "tier", folder / "spare", folder / "mirror"
        self.told: list[tuple[float, Alarm]] = []
        self.engine = InlineEngine(site.clock, lambda name, error: pytest.fail(f"{name}: {error}"))
        chosen = [
            VolumeChoice(self.tier, VolumeUse.TIER, 3600.0, join(site.volume, self.tier, VolumeUse.TIER)),
            VolumeChoice(self.spare, VolumeUse.SPARE, volume=join(site.volume, self.spare, VolumeUse.SPARE)),
        ]
        if not spare_is_there:
            self.spare.rename(folder / "away")
            site.volume.others, site.volume.spares = site.volume.others[:1], ()
            chosen[1] = VolumeChoice(self.spare, VolumeUse.SPARE)
        self.others = OtherVolumes(site.volume, chosen, site.index, site.clock, self.engine, keep_all)
        self.mirror = Mirror(
            site.volume, site.index, site.clock, self.second, RetentionContract(RetentionRule(free_share=0.0))
        )
        self.alarms = AlarmMonitor(self._troubles, site.clock, self._tell)
        self.others.start()
        self.mirror.start(self.engine)
        self.engine.start("alarms", lambda: self.alarms)

    def _troubles(self) -> list[HealthProblem]:
        found = list(self.others.problems())
        if self.mirror.problem is not None:
            found.append(HealthProblem(ProblemKind.MIRROR, None, self.mirror.problem.message, self.mirror.problem.do))
        return found

    def _tell(self, alarm: Alarm) -> None:
        self.told.append((self.site.clock.mono_s(), alarm))

    def run(self, seconds: float) -> None:
        self.engine.run_for(seconds)

    def kinds(self) -> list[tuple[str, bool]]:
        return [(alarm.what, alarm.until_ms is None) for _, alarm in self.told]


@pytest.mark.parametrize("what", ["tier", "spare", "mirror"])
def test_a_disk_that_goes_away_is_one_alarm_and_one_when_it_is_back(tmp_path: Path, what: str) -> None:
    bench = Bench(tmp_path)
    bench.run(60)
    assert bench.told == []
    root = {"tier": bench.tier, "spare": bench.spare, "mirror": bench.second}[what]
    since_s = bench.site.clock.mono_s()
    root.rename(tmp_path / "away")
    bench.run(600)
    assert bench.kinds() == [(what, True)]
    at_s, alarm = bench.told[0]
    assert at_s - since_s <= 60
    assert alarm.do
    (tmp_path / "away").rename(root)
    bench.run(120)
    assert bench.kinds() == [(what, True), (what, False)]
    bench.mirror.finish()


def test_a_spare_that_was_not_there_at_the_start_is_used_when_it_comes(tmp_path: Path) -> None:
    bench = Bench(tmp_path, spare_is_there=False)
    bench.run(60)
    assert bench.kinds() == [("spare", True)]
    assert not bench.site.volume.spares
    (tmp_path / "away").rename(bench.spare)
    bench.run(60)
    assert bench.kinds() == [("spare", True), ("spare", False)]
    (spare,) = bench.site.volume.spares
    assert spare.root == bench.spare
    bench.mirror.finish()


def test_a_disk_that_does_not_answer_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    bench = Bench(tmp_path)
    bench.run(30)
    (spare,) = bench.site.volume.spares
    read, until_s = spare.disk.entry, bench.site.clock.mono_s() + 100

    def hangs(path: str) -> object:
        while bench.site.clock.mono_s() < until_s:
            bench.run(1)  # all others go on meanwhile
        return read(path)

    monkeypatch.setattr(spare.disk, "entry", hangs)
    bench.run(200)
    assert bench.kinds() == [("spare", True), ("spare", False)]
    assert "isn't responding" in bench.told[0][1].detail
    bench.mirror.finish()


def test_the_second_disk_that_goes_away_is_told_too(tmp_path: Path) -> None:
    site = Site(tmp_path / "first")
    engine = InlineEngine(site.clock, lambda name, error: pytest.fail(f"{name}: {error}"))
    roots = [tmp_path / name for name in ("one", "two")]
    chosen = [
        VolumeChoice(root, VolumeUse.TIER, days * 86_400, join(site.volume, root, VolumeUse.TIER))
        for days, root in enumerate(roots, 1)
    ]
    others, alarms = OtherVolumes(site.volume, chosen, site.index, site.clock, engine, keep_all), list[Alarm]()
    others.start()
    engine.start("alarms", lambda: AlarmMonitor(others.problems, site.clock, alarms.append))
    for number, root in enumerate(roots):
        root.rename(tmp_path / f"away-{number}")
        engine.run_for(120)
    assert [[str(root) in alarm.detail for root in roots] for alarm in alarms] == [[True, False], [True, True]]


@pytest.mark.parametrize("is_there_at_start", [True, False])
def test_the_second_archive_disk_is_used_while_the_first_is_away_and_with_it_when_it_is_back(
    tmp_path: Path, is_there_at_start: bool
) -> None:
    site = Site(tmp_path / "main")
    engine = InlineEngine(site.clock, lambda name, error: pytest.fail(f"{name}: {error}"))
    one, two = (join(site.volume, tmp_path / name, VolumeUse.TIER) for name in ("one", "two"))
    on_main, on_one = site.put(40 * 24 * 60), site.put(41 * 24 * 60)
    (one.root / on_one.path).parent.mkdir(parents=True)
    (site.folder / on_one.path).rename(one.root / on_one.path)
    if not is_there_at_start:
        site.volume.drop_other(one)
        one.root.rename(tmp_path / "away")
    chosen = [
        VolumeChoice(one.root, VolumeUse.TIER, 7 * 86_400.0, one if is_there_at_start else None),
        VolumeChoice(two.root, VolumeUse.TIER, 30 * 86_400.0, two),
    ]
    others = OtherVolumes(site.volume, chosen, site.index, site.clock, engine, keep_all)
    if is_there_at_start:
        one.root.rename(tmp_path / "away")
    others.start()
    engine.run_for(60)
    assert [(two.root / each.path).exists() for each in (on_main, on_one)] == [True, False]
    assert [str(one.root) in problem.detail for problem in others.problems()] == [True]
    (tmp_path / "away").rename(one.root)
    engine.run_for(60)
    assert (two.root / on_one.path).exists()


@pytest.mark.parametrize("twice", ["first", "link", "mirror", "tier"])
def test_a_folder_that_is_used_twice_is_refused_and_nothing_moves_onto_itself(tmp_path: Path, twice: str) -> None:
    """Moving a recording to where it is would delete it."""
    data, mirror, big = tmp_path / "first", tmp_path / "mirror", tmp_path / "big"
    data.mkdir()
    (tmp_path / "link").symlink_to(data)
    tiers = f'{{ path = "{tmp_path / twice}", after = "1 day" }}'
    if twice == "tier":
        tiers = f'{{ path = "{big}", after = "1 day" }}, {{ path = "{big}/", after = "2 days" }}'
    settings, problems = parse_settings(f'[storage]\nmirror = "{mirror}"\ntiers = [{tiers}]\n', {})
    assert settings is not None, problems
    store = open_store(settings, data, FakeClock())
    assert [type(one.error) for one in store.others] == [NoneType] * (len(store.others) - 1) + [FolderUnwritable]
    assert data not in [one.root.resolve() for one in store.volume.others]
    store.release()


def test_a_folder_that_was_used_twice_before_is_not_waited_for(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    volume, link = Site(tmp_path / "first").volume, tmp_path / "link"
    link.symlink_to(volume.root)
    with monkeypatch.context() as patched:
        patched.setattr("tawny.storage.disk.secondary_volumes._is_same_folder", lambda *_: False)
        join(volume, link, VolumeUse.TIER)
    assert others(volume)
    with pytest.raises(FolderUnwritable, match="names it too"):
        join(volume, link, VolumeUse.TIER)
    assert not others(volume)


def _opened(data: Path, storage: str) -> Store:
    settings, problems = parse_settings(f"[storage]\n{storage}\n", {})
    assert settings is not None, problems
    store = open_store(settings, data, FakeClock())
    store.index.close()
    store.release()
    return store


@pytest.mark.parametrize("use", ["tier", "spare"])
def test_a_folder_of_another_recorder_is_refused(tmp_path: Path, use: str) -> None:
    """Each would list the other's recordings as its own, and delete them."""
    shared = tmp_path / "shared"
    named = f'tiers = [{{ path = "{shared}", after = "1 day" }}]' if use == "tier" else f'spare = "{shared}"'
    assert [one.error for one in _opened(tmp_path / "front", named).others] == [None]
    assert [type(one.error) for one in _opened(tmp_path / "yard", named).others] == [FolderOfAnother]
    assert [one.error for one in _opened(tmp_path / "front", named).others] == [None]
    (shared / "history" / "owner").unlink()  # as the refusal advises
    assert [one.error for one in _opened(tmp_path / "yard", named).others] == [None]


def test_the_folder_that_another_recorder_records_to_is_refused(tmp_path: Path) -> None:
    settings, _ = parse_settings("", {})
    assert settings is not None
    other = open_store(settings, tmp_path / "front", FakeClock())
    named = f'tiers = [{{ path = "{tmp_path / "front"}", after = "1 day" }}]'
    assert [type(one.error) for one in _opened(tmp_path / "yard", named).others] == [FolderInUse]
    other.index.close()
    other.release()


def test_a_restored_recorder_and_its_mirror_are_the_owner_too(tmp_path: Path) -> None:
    named = f'mirror = "{tmp_path / "mirror"}"\ntiers = [{{ path = "{tmp_path / "tier"}", after = "1 day" }}]'
    join(_opened(tmp_path / "first", named).volume, tmp_path / "mirror", VolumeUse.MIRROR)
    (tmp_path / "new" / "history").mkdir(parents=True)
    for name in ("volume", "volumes.json"):  # as a backup has them
        (tmp_path / "new" / "history" / name).write_bytes((tmp_path / "first" / "history" / name).read_bytes())
        assert is_kept(f"data/history/{name}")
    assert [one.error for one in _opened(tmp_path / "new", named).others] == [None]
    assert [one.error for one in _opened(tmp_path / "mirror", named.splitlines()[1]).others] == [None]


def test_a_replaced_main_disk_is_told_how_to_get_its_archive_disk_back(tmp_path: Path) -> None:
    data, named = tmp_path / "first", f'tiers = [{{ path = "{tmp_path / "big"}", after = "1 day" }}]'
    _opened(data, named)
    shutil.rmtree(data)
    (refused,) = _opened(data, named).others
    assert "this one got a new main disk, delete the file `history/owner` there" in getattr(refused.error, "do", "")


def test_a_disk_without_locks_is_used(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    named = f'spare = "{tmp_path / "spare"}"'
    _opened(tmp_path / "first", named)
    (tmp_path / "spare" / "lock").touch()
    lock = fcntl.flock

    def without(fd: int, how: int) -> None:
        if how & fcntl.LOCK_SH:
            raise OSError(errno.ENOLCK, "No locks available")
        lock(fd, how)

    monkeypatch.setattr(fcntl, "flock", without)
    assert [one.error for one in _opened(tmp_path / "first", named).others] == [None]


def test_a_tier_that_is_no_longer_configured_is_read_until_it_is_empty(tmp_path: Path) -> None:
    data, big = tmp_path / "first", tmp_path / "big"
    _opened(data, f'tiers = [{{ path = "{big}", after = "1 day" }}]')
    segment = Site(big).put(60, listed=False)
    store = _opened(data, "")
    assert [(one.root, one.is_former) for one in store.others] == [(big, True)]
    assert store.volume.holding(segment.path) is not None
    shutil.rmtree(big / PORCH)
    store = _opened(data, "")
    assert (store.others, others(store.volume)) == ((), [])


@pytest.mark.parametrize("use", ["tier", "spare"])
def test_a_new_disk_at_the_place_of_a_dead_one_is_used_once_the_setting_was_removed_and_set_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, use: str
) -> None:
    monkeypatch.setattr(secondary_volumes, "is_on_own_disk", lambda _folder, _main: True)
    data, big = tmp_path / "first", tmp_path / "big"
    named = f'tiers = [{{ path = "{big}", after = "1 day" }}]' if use == "tier" else f'spare = "{big}"'
    _opened(data, named)
    Site(big).put(60, listed=False)
    shutil.rmtree(big)
    big.mkdir()
    for _ in range(2):  # it could be a mount point without its disk
        (refused,) = _opened(data, named).others
        assert "remove it from the settings, restart tawny, and set it again" in getattr(refused.error, "do", "")
    _opened(data, "")
    store = _opened(data, named)
    assert [(one.root, one.error) for one in store.others] == [(big, None)]
    assert len(others(store.volume)) == 1
    shutil.rmtree(big)
    assert [one.error is None for one in _opened(data, named).others] == [False], "it is waited for like the one before"


def test_a_disk_that_is_set_again_before_it_is_mounted_is_waited_for(tmp_path: Path) -> None:
    data, big = tmp_path / "first", tmp_path / "big"
    named = f'tiers = [{{ path = "{big}", after = "1 day" }}]'
    (mark,) = [one.id for one in others(_opened(data, named).volume)]
    big.rename(tmp_path / "away")
    big.mkdir()  # the mount point
    _opened(data, "")
    store = _opened(data, named)
    assert [one.error is None for one in store.others] == [False]
    assert [one.id for one in awaited(store.volume)] == [mark]
    big.rmdir()
    (tmp_path / "away").rename(big)
    assert [one.error for one in _opened(data, named).others] == [None]


def test_only_another_disk_than_the_main_and_the_system_one_is_its_own(tmp_path: Path) -> None:
    assert not is_on_own_disk(tmp_path / "big", tmp_path)
    assert not is_on_own_disk(Path("/big"), tmp_path)
    assert is_on_own_disk(Path("/dev/big"), tmp_path)


def test_a_disk_that_was_away_while_its_setting_was_removed_is_used_as_before(tmp_path: Path) -> None:
    data, big = tmp_path / "first", tmp_path / "big"
    named = f'tiers = [{{ path = "{big}", after = "1 day" }}]'
    (mark,) = [one.id for one in others(_opened(data, named).volume)]
    big.rename(tmp_path / "away")
    _opened(data, "")
    (tmp_path / "away").rename(big)
    assert [(one.id, one.is_given_up) for one in others(_opened(data, named).volume)] == [(mark, False)]
    shutil.rmtree(big)
    assert [one.error is None for one in _opened(data, named).others] == [False]


def test_a_tier_that_is_neither_configured_nor_there_is_no_problem(tmp_path: Path) -> None:
    data, big = tmp_path / "first", tmp_path / "big"
    _opened(data, f'tiers = [{{ path = "{big}", after = "1 day" }}]')
    Site(big).put(60, listed=False)
    big.rename(tmp_path / "away")
    assert _opened(data, "").others == ()
    (tmp_path / "away").rename(big)
    assert [one.root for one in _opened(data, "").others] == [big]


def test_a_tier_that_was_given_up_before_this_version_is_left_alone(tmp_path: Path) -> None:
    """Its owner stopped using it and keeps what is on it: retention would delete that."""
    data, big = tmp_path / "first", tmp_path / "big"
    _opened(data, f'tiers = [{{ path = "{big}", after = "1 day" }}]')
    Site(big).put(60, listed=False)
    (big / "history" / "owner").unlink()  # as an earlier version
    store = _opened(data, "")
    assert (store.others, [one.path for one in others(store.volume)]) == ((), [str(big)])


def test_what_an_earlier_version_registered_is_waited_for_only_if_it_is_configured(tmp_path: Path) -> None:
    data, big, old = tmp_path / "first", tmp_path / "big", tmp_path / "old"
    tiers = [f'{{ path = "{root}", after = "{days} days" }}' for days, root in enumerate((big, old), 1)]
    _opened(data, f"tiers = [{', '.join(tiers)}]")
    file = data / "history" / "volumes.json"
    file.write_text(json.dumps([{name: one[name] for name in ("path", "id", "use")} for one in _said(data)]))
    for root in (big, old):
        shutil.rmtree(root)
    store = _opened(data, f"tiers = [{tiers[0]}]")
    assert [one.path for one in awaited(store.volume)] == [str(big)]


def test_an_archive_that_can_not_be_opened_is_waited_for(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def missing(_: str) -> None:
        raise ImportError("boto3")

    monkeypatch.setattr("tawny.service.storage_setup.import_module", missing)
    Volume.at(tmp_path).write_whole("history/volumes.json", _registered("s3://nas:9000/video"))
    store = _opened(tmp_path, 'tiers = [{ url = "s3://key:word@nas:9000/video", after = "1 day" }]')
    assert [one.path for one in awaited(store.volume)] == ["s3://nas:9000/video"]


def test_a_tier_that_is_away_is_waited_for_though_a_full_disk_can_not_note_that(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    volume, away = Volume.at(tmp_path / "first"), str(tmp_path / "away")
    volume.write_whole("history/volumes.json", _registered(away))

    def full(_: str) -> None:
        raise DiskFull(str(volume.root))

    monkeypatch.setattr(volume.disk, "create", full)
    assert former(volume, {away}) == []
    assert [one.path for one in awaited(volume)] == [away]


def _registered(name: str) -> bytes:
    """Return `volumes.json` as an earlier version wrote it."""
    return json.dumps([{"path": name, "id": "ab", "use": "tier"}]).encode()


def _said(data: Path) -> list[dict[str, str]]:
    answer: list[dict[str, str]] = json.loads((data / "history" / "volumes.json").read_text())
    return answer


def test_a_tier_that_became_the_mirror_is_not_used_as_both(tmp_path: Path) -> None:
    data, big = tmp_path / "first", tmp_path / "big"
    _opened(data, f'tiers = [{{ path = "{big}", after = "1 day" }}]')
    Site(big).put(60, listed=False)
    assert _opened(data, f'mirror = "{big}"').others == ()


def test_a_spare_that_is_configured_again_is_registered_once(tmp_path: Path) -> None:
    data, spare = tmp_path / "first", f'spare = "{tmp_path / "spare"}"'
    _opened(data, spare)
    Site(tmp_path / "spare").put(60, listed=False)
    store = _opened(data, "")
    assert ([one.is_former for one in store.others], store.volume.spares) == ([True], ())
    store = _opened(data, spare)
    assert [one.use for one in others(store.volume)] == [VolumeUse.SPARE]
    assert [one.root for one in store.volume.spares] == [tmp_path / "spare"]


def test_a_tier_that_became_the_spare_is_registered_once(tmp_path: Path) -> None:
    volume, root = Site(tmp_path / "first").volume, tmp_path / "disk"
    join(volume, root, VolumeUse.TIER)
    join(Volume.at(volume.root), root, VolumeUse.SPARE)
    assert [one.use for one in others(volume)] == [VolumeUse.SPARE]


def test_nothing_moves_to_a_tier_that_is_no_longer_configured(tmp_path: Path) -> None:
    site = Site(tmp_path / "first")
    engine = InlineEngine(site.clock, lambda name, error: pytest.fail(f"{name}: {error}"))
    tier = join(site.volume, tmp_path / "tier", VolumeUse.TIER)
    former = VolumeChoice(tier.root, VolumeUse.TIER, volume=tier, is_former=True)
    OtherVolumes(site.volume, [former], site.index, site.clock, engine, keep_all).start()
    due = site.put(600)
    engine.run_for(120)
    assert (site.folder / due.path).exists()


@pytest.mark.parametrize("kind", DEATHS)
def test_a_start_goes_on_without_a_disk_that_is_gone_while_it_is_mounted(tmp_path: Path, kind: str) -> None:
    tier, spare = tmp_path / "tier", tmp_path / "spare"
    named = f'tiers = [{{ path = "{tier}", after = "1 day" }}]\nspare = "{spare}"'
    _opened(tmp_path / "first", named)
    with dead(tier, kind), dead(spare, kind):
        assert [type(one.error) for one in _opened(tmp_path / "first", named).others] == [KnownDiskMissing] * 2
        assert _opened(tmp_path / "first", "").others == ()
    assert [one.error for one in _opened(tmp_path / "first", named).others] == [None] * 2
