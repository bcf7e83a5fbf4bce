"""A further disk that is gone while it is still mounted counts as away, as one that is unplugged, until it is back."""

from pathlib import Path
from types import NoneType

import pytest

from tawny.model.errors import StorageError
from tawny.storage.disk.mirror import Mirror
from tawny.storage.disk.secondary_volumes import KnownDiskMissing, VolumeUse, attach, away, expect_itself, former, join
from tawny.storage.disk.volume import DiskGone, Volume
from tawny.storage.retention.contract import RetentionContract, RetentionRule
from tests.storage.bench import Site
from tests.support.dead_disk import DEATHS, dead

pytestmark = pytest.mark.parametrize("kind", DEATHS)
USES = [VolumeUse.TIER, VolumeUse.SPARE, VolumeUse.MIRROR]


@pytest.fixture
def first(tmp_path: Path) -> Volume:
    made = Volume.at(tmp_path / "first")
    expect_itself(made)
    return made


def _known(first: Volume, use: VolumeUse = VolumeUse.TIER) -> Path:
    """Join a disk, and open the first one as after a start."""
    root = first.root.with_name("other")
    join(first, root, use)
    return root


@pytest.mark.parametrize("use", USES)
def test_a_known_disk_is_away_and_found_again(first: Volume, kind: str, use: VolumeUse) -> None:
    root = _known(first, use)
    again = Volume.at(first.root)
    with dead(root, kind):
        with pytest.raises(KnownDiskMissing):
            join(again, root, use)
        with pytest.raises(StorageError, match="the disk that should be there is not"):
            attach(again, root, use)
        assert [one.path for one in away(again)] == [str(root)]
    assert join(again, root, use).root == root
    assert away(again) == []


def test_a_disk_that_is_no_longer_in_the_settings_may_be_gone(first: Volume, kind: str) -> None:
    root = _known(first)
    with dead(root, kind):
        assert former(Volume.at(first.root), []) == []


def test_a_disk_is_mounted_elsewhere_while_its_former_mount_is_gone(first: Volume, kind: str) -> None:
    root = _known(first)
    elsewhere = first.root.with_name("elsewhere")
    (elsewhere / "history").mkdir(parents=True)
    (elsewhere / "history" / "volume").write_bytes((root / "history" / "volume").read_bytes())
    with dead(root, kind):
        join(first, elsewhere, VolumeUse.TIER)
    assert [one.path for one in away(Volume.at(first.root))] == [str(elsewhere)]


@pytest.mark.parametrize("use", USES)
def test_one_that_is_gone_when_it_is_first_used_is_named(first: Volume, kind: str, use: VolumeUse) -> None:
    (root := first.root.with_name("other")).mkdir()
    with dead(root, kind), pytest.raises(DiskGone) as raised:
        join(first, root, use)
    assert raised.value.message == f"The disk at {root} doesn't answer (Transport endpoint is not connected)."
    assert raised.value.do == "Unmount it, check its cable and mount it again."
    assert away(first) == []


def test_a_mirror_goes_on_when_its_disk_is_back(tmp_path: Path, kind: str) -> None:
    site = Site(tmp_path / "first")
    contract = RetentionContract(RetentionRule(free_share=0.0))
    root = tmp_path / "other"
    Mirror(site.volume, site.index, site.clock, root, contract).finish()
    mirror = Mirror(site.volume, site.index, site.clock, root, contract)
    problems = []
    for _ in range(2):  # at the start, and while it is open
        with dead(root, kind):
            mirror.step()
            problems.append(mirror.problem)
        mirror.step()
        problems.append(mirror.problem)
    assert list(map(type, problems)) == [KnownDiskMissing, NoneType, StorageError, NoneType]
    mirror.finish()
