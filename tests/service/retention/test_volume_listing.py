"""What a disk holds and the index lacks is listed once, in the background, also after it was away."""

from pathlib import Path

import pytest

from tawny.engine import InlineEngine
from tawny.service.retention.secondary_volumes import OtherVolumes
from tawny.service.retention.volume_listing import VolumeListing
from tawny.service.storage_setup import VolumeChoice
from tawny.storage.disk.secondary_volumes import VolumeUse, join
from tawny.storage.disk.volume import Volume
from tawny.storage.index.opening import rebuild
from tests.storage.bench import YARD, Site, keep_all


class Archived:
    """A recorder whose index was made while its archive disk, with a recording of each of 30 hours, was away."""

    def __init__(self, folder: Path) -> None:
        self.site, self.root = Site(folder / "main"), folder / "archive"
        self.tier = join(self.site.volume, self.root, VolumeUse.TIER)
        on_tier = Site(self.root)
        self.segments = [on_tier.put((80 - hour) * 60, listed=False) for hour in range(30)]
        Volume.at(self.root).open_folders.clear()  # as the recorder before left it: none is open
        self.engine = InlineEngine(self.site.clock, lambda name, error: pytest.fail(f"{name}: {error}"))

    def listed(self) -> int:
        return sum(self.site.index.segment(one.id) is not None for one in self.segments)

    def volumes(self, volume: Volume | None) -> OtherVolumes:
        site, chosen = self.site, VolumeChoice(self.root, VolumeUse.TIER, 86_400.0, volume)
        return OtherVolumes(site.volume, [chosen], site.index, site.clock, self.engine, keep_all)


@pytest.fixture
def archived(tmp_path: Path) -> Archived:
    return Archived(tmp_path)


@pytest.mark.parametrize("is_there_at_start", [True, False])
def test_the_recordings_of_a_disk_that_joins_later_are_listed(archived: Archived, is_there_at_start: bool) -> None:
    if not is_there_at_start:
        archived.site.volume.drop_other(archived.tier)
    archived.volumes(archived.tier if is_there_at_start else None).start()
    archived.engine.run_for(60)
    assert archived.listed() == 30


def test_a_disk_is_listed_once(archived: Archived) -> None:
    archived.volumes(archived.tier).start()
    archived.engine.run_for(60)
    gone = archived.segments[3]
    archived.site.index.drop_segments([gone])
    VolumeListing(archived.tier, archived.site.index).step()
    assert archived.site.index.segment(gone.id) is None


def test_a_disk_that_goes_away_meanwhile_is_listed_when_it_is_back(archived: Archived) -> None:
    listing = VolumeListing(archived.tier, archived.site.index)
    listing.step()
    away = archived.root.rename(archived.root.with_name("away"))
    listing.step()
    assert 0 < archived.listed() < 30
    away.rename(archived.root)
    for _ in range(3):
        listing.step()
    assert archived.listed() == 30


def test_what_is_being_deleted_is_not_listed_again(archived: Archived) -> None:
    index, gone = archived.site.index, archived.segments[3]
    index.add_segment(gone)
    index.mark_removing([gone])
    VolumeListing(archived.tier, index).step()
    assert archived.listed() > 0
    assert (index.segment(gone.id), index.removing()) == (None, [gone])


def test_an_index_that_is_made_with_the_disk_has_all_of_it(archived: Archived) -> None:
    site = archived.site
    assert not site.index.is_volume_listed(archived.tier.mark or "")
    rebuild(site.volume, site.index, site.history)
    assert site.index.is_volume_listed(archived.tier.mark or "")


def test_what_is_listed_late_moves_on_to_the_next_archive_disk(tmp_path: Path) -> None:
    site, day_min = Site(tmp_path / "main"), 24 * 60
    one, two = (join(site.volume, tmp_path / name, VolumeUse.TIER) for name in ("one", "two"))
    on_one = Site(one.root)
    for hour in range(25):
        on_one.put(20 * day_min + hour * 60, listed=False)
    old = on_one.put(50 * day_min, camera=YARD, listed=False)
    Volume.at(one.root).open_folders.clear()
    site.put(35 * day_min)  # moves before that one is listed
    chosen = [
        VolumeChoice(volume.root, VolumeUse.TIER, days * 86_400.0, volume) for volume, days in ((one, 7), (two, 30))
    ]
    engine = InlineEngine(site.clock, lambda name, error: pytest.fail(f"{name}: {error}"))
    OtherVolumes(site.volume, chosen, site.index, site.clock, engine, keep_all).start()
    engine.run_for(60)
    assert (two.root / old.path).exists()
