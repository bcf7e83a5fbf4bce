"""Ropey-Cam's `.ini` file, imported and run with its camera; its motion mask; every image of 20 a second."""

import json
import re
import sys
import tomllib
from pathlib import Path

import numpy as np
import pytest

from tawny.config.importers.ropey_cam import read_mask
from tawny.config.settings import DetectionSettings
from tawny.detection.classic.framediff import FrameDiff
from tawny.detection.zones import Region, camera_zones, in_places
from tawny.media.codec.video_file import FileVideo
from tawny.model.geometry import Polygon
from tests.cli.conftest import Tawny, tawny
from tests.detection.classic import standins
from tests.seeds.examples import ROPEY
from tests.seeds.imported import awaited, files, film, imported, passing, pi_camera

__all__ = ["tawny"]

WIDTH, HEIGHT = 512, 288
MASKED = ROPEY.replace("apply_motion_mask = False", "apply_motion_mask = True").replace("= 1.333", "= 1.777")


def mask(path: Path, grey: np.ndarray, comment: str = "# CREATOR: an image editor\n") -> None:
    head = f"P5\n{comment}{grey.shape[1]} {grey.shape[0]}\n255\n"
    path.write_bytes(head.encode() + grey.astype(np.uint8).tobytes())


def test_rp22_its_example_records_motion_with_the_pi_camera(tmp_path: Path) -> None:
    pi = pi_camera(tmp_path / "bin", passing(320, 240, quiet_s=4, moves_s=4))
    text = ROPEY.replace("trigger_level = 420", "trigger_level = 50").replace("after_frames = 7", "after_frames = 3")
    made = imported(tmp_path, text, path=pi)
    main_only = re.sub(r"(?m)^sub(_size)? = .*\n", "", made.config.read_text())  # there is no Picamera2 here
    made.config.write_text(main_only)
    with made.running() as log:
        kept = made.folder / "Videos" / "tawny"
        awaited(lambda: files(kept), log)
    assert FileVideo(files(kept)[0]).duration_s > 1
    words = json.loads((pi / "words.json").read_text())
    assert words[words.index("--width") + 1] == "1600"
    assert "--hflip" in words


def test_rp14_a_mask_file_becomes_areas_that_are_not_looked_at(tmp_path: Path) -> None:
    grey = np.full((HEIGHT, WIDTH), 255, np.uint8)
    grey[40:200, 60:300] = 0
    grey[100:140, 150:200] = 255  # enclosed by black
    grey[250:, 400:] = 0
    (tmp_path / "theirs").mkdir()
    mask(tmp_path / "theirs" / "default_mask.pgm", grey)
    made = imported(tmp_path, MASKED)
    areas = tomllib.loads(made.config.read_text())["cameras"]["yard"]["detection"]["motion_masks"]
    region = Region([Polygon.of(one) for one in areas], outside=True)
    region.of(np.zeros((HEIGHT, WIDTH), np.uint8))
    assert np.mean(region.hidden == (grey == 0)) > 0.995
    assert made.told["became"]["mask_name"] == f"cameras.yard.detection.motion_masks: {len(areas)} areas"


def test_rp14_motion_in_the_black_area_leaves_the_score_0(tmp_path: Path) -> None:
    grey = np.full((HEIGHT, WIDTH), 255, np.uint8)
    grey[100:180] = 0
    mask(tmp_path / "mask.pgm", grey)
    areas = read_mask(tmp_path / "mask.pgm", (WIDTH, HEIGHT))
    blind = in_places(FrameDiff({}), camera_zones(DetectionSettings(motion_masks=areas)))
    open_ = FrameDiff({})
    scores = [(blind.look(frame).score, open_.look(frame).score) for frame in standins.square(64, 192, 20)]
    assert max(one for one, _ in scores) == 0
    assert max(one for _, one in scores) >= 50


@pytest.mark.parametrize(
    ("made", "says"),
    [
        (lambda path: mask(path, np.zeros((480, 640), np.uint8)), "is 640x480, not 512x288"),
        (lambda path: path.write_bytes(b"P2\n512 288\n255\n"), "isn't a grey image"),
        (lambda path: path.write_bytes(b"P5 512 288 255\nshort"), "cut off"),
        (lambda path: None, "can't be read: no such file"),
    ],
)
def test_rp14_a_mask_that_does_not_fit_is_refused_with_the_reason(made: object, says: str, tmp_path: Path) -> None:
    (tmp_path / "theirs").mkdir()
    assert callable(made)
    made(tmp_path / "theirs" / "default_mask.pgm")
    found = imported(tmp_path, MASKED)
    assert says in found.told["left"]["mask_name"], found.told["left"]
    assert "motion_masks" not in found.config.read_text()


def test_rp10_every_image_of_20_a_second_is_compared(tawny: Tawny, tmp_path: Path) -> None:
    clip = film(tmp_path / "clip.mp4", passing(320, 240, quiet_s=1, moves_s=1), fps=20)
    looks = {}
    for rate in (10, 20, 0):
        result = tawny("scan", str(clip), "--compare", "--set", f"framediff.rate={rate}", "--json")
        looks[rate] = next(
            one["looks"] for one in json.loads(result.out)["detectors"] if one["detector"] == "framediff"
        )
    assert looks == {10: 15, 20: 30, 0: 30}
    ours = tomllib.loads(imported(tmp_path, ROPEY).config.read_text())
    assert ours["cameras"]["yard"]["detection"]["framediff"]["rate"] == 20


def test_rp14_without_opencv_the_mask_is_left_out_with_the_reason(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    mask(tmp_path / "mask.pgm", np.zeros((HEIGHT, WIDTH), np.uint8))
    monkeypatch.setitem(sys.modules, "cv2", None)
    with pytest.raises(ValueError, match="without OpenCV"):
        read_mask(tmp_path / "mask.pgm", (WIDTH, HEIGHT))
