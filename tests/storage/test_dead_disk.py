"""A further disk that is gone while it is still mounted counts as away, as one that is unplugged, until it is back."""

from pathlib import Path

import pytest

from tawny.storage.disk.secondary_volumes import VolumeUse, away, expect_itself, join
from tawny.storage.disk.volume import DiskGone, Volume
from tests.support.dead_disk import DEATHS, dead

pytestmark = pytest.mark.parametrize("kind", DEATHS)
USES = [VolumeUse.TIER, VolumeUse.SPARE, VolumeUse.MIRROR]


@pytest.fixture
def first(tmp_path: Path) -> Volume:
    made = Volume.at(tmp_path / "first")
    expect_itself(made)
    return made


@pytest.mark.parametrize("use", USES)
def test_one_that_is_gone_when_it_is_first_used_is_named(first: Volume, kind: str, use: VolumeUse) -> None:
    (root := first.root.with_name("other")).mkdir()
    with dead(root, kind), pytest.raises(DiskGone) as said:
        join(first, root, use)
    assert said.value.message == f"The disk at {root} doesn't answer (Transport endpoint is not connected)."
    assert said.value.do == "Unmount it, check its cable and mount it again."
    assert away(first) == []
