"""A whole recorder with a mirror: both folders hold the same, and each proves all of its time."""

from pathlib import Path

from tawny.model.ids import StreamName
from tawny.testing.clips import ClipSpec, clip_file
from tests.app.rig import DOOR, looked_at, one_camera, rig, segments


def test_both_volumes_have_all_of_it(tmp_path: Path) -> None:
    clip = clip_file(ClipSpec(seconds=4, sound="aac"))
    chosen = one_camera(str(clip), f'[storage]\nmirror = "{tmp_path / "second"}"\n')
    for _ in range(2):
        with rig(chosen, tmp_path / "first") as bench:
            bench.wait_for_seconds(2.5)
    first, second = (segments(tmp_path / name, DOOR, StreamName.MAIN) for name in ("first", "second"))
    assert first == second
    assert len(first) == 2
    for name in ("first", "second"):
        report = looked_at(tmp_path / name)
        assert report.findings == []
        assert report.wall is not None
        assert report.wall.unexplained == []
