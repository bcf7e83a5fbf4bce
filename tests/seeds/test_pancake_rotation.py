"""What Raspberry Pancake can do, by its features' names."""

import json
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tawny.model.geometry import Orientation
from tests.seeds.turned import TurnedCameras, turned_cameras
from tests.support.corners import HEIGHT, WIDTH, corners_of, wanted

ROTATED = {"quarter": Orientation(90), "half": Orientation(180), "three": Orientation(270)}


@pytest.fixture(scope="module")
def rotated(tmp_path_factory: pytest.TempPathFactory) -> Iterator[TurnedCameras]:
    with turned_cameras(tmp_path_factory.mktemp("rotated"), ROTATED) as made:
        yield made


@pytest.mark.parametrize("name", ROTATED)
def test_pk2_rotation_swaps_width_and_height_in_view_and_metadata(
    rotated: TurnedCameras, tmp_path: Path, name: str
) -> None:
    one, at_ms, clip = ROTATED[name], rotated.recorded_ms(name), tmp_path / "clip.mp4"
    seen = rotated.image(f"/cameras/{name}/snapshot")
    assert (seen.shape[1], seen.shape[0]) == one.size(WIDTH, HEIGHT)
    assert corners_of(seen) == wanted(one)
    result = next(each for each in json.loads(rotated.ask("/cameras"))["items"] if each["id"] == name)
    main = result["streams"]["main"]
    assert (main["width"], main["height"]) == one.size(WIDTH, HEIGHT)
    assert (result["rotate"], result["mirror"]) == (one.rotate, False)
    clip.write_bytes(rotated.ask(f"/clip?camera={name}&from_ms={at_ms - 1000}&to_ms={at_ms + 1000}"))
    shown = ["-show_entries", "stream=width,height:stream_side_data=rotation", "-of", "json"]
    command = ["ffprobe", "-v", "error", "-select_streams", "v", *shown, str(clip)]
    stream = json.loads(subprocess.run(command, capture_output=True, timeout=60, check=True).stdout)["streams"][0]
    assert (stream["width"], stream["height"]) == (WIDTH, HEIGHT)
    assert stream["side_data_list"][0]["rotation"] % 360 == -one.rotate % 360
