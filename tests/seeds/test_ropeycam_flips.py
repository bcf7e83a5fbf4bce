"""What ropey-cam can do, by its features' names."""

from collections.abc import Iterator

import pytest

from tawny.model.geometry import UPRIGHT, Orientation
from tawny.testing.waiting import until
from tests.seeds.turned import ZONE, TurnedCameras, turned_cameras
from tests.support.corners import corners_of, wanted

FLIPS = {"hflip": Orientation(0, mirror=True), "vflip": Orientation(180, mirror=True), "both": Orientation(180)}


@pytest.fixture(scope="module")
def flipped(tmp_path_factory: pytest.TempPathFactory) -> Iterator[TurnedCameras]:
    with turned_cameras(tmp_path_factory.mktemp("flipped"), FLIPS) as made:
        yield made


@pytest.mark.parametrize("flip", FLIPS)
def test_rp25_flips_agree_live_in_snapshots_in_zones_and_in_playback(flipped: TurnedCameras, flip: str) -> None:
    one, at_ms, camera = FLIPS[flip], flipped.recorded_ms(flip), f"/cameras/{flip}"
    for path in ("snapshot", f"frame?at_ms={at_ms}&width=320", f"picture?at_ms={at_ms}"):
        assert corners_of(flipped.image(f"{camera}/{path}")) == wanted(one), path
    drawn = flipped.turn(flip, 0, mirror=False)["zones"][0]["points"]
    assert [tuple(point) for point in drawn] == [pytest.approx(one.sent((x, y))) for x, y in ZONE]
    until(lambda: corners_of(flipped.image(f"{camera}/snapshot")) == wanted(UPRIGHT), 60, "it turns back")
    assert corners_of(flipped.image(f"{camera}/picture?at_ms={at_ms}")) == wanted(one)
