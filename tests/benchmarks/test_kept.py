"""A benchmark made in parts goes on where it was; a camera is left out of what chooses for it."""

from pathlib import Path

from benchmarks.detect_moved import AS_IS, without
from benchmarks.kept import Kept
from benchmarks.scoring import Clip, Figures, Span

CLIP = Clip("a.mp4", 10.0, 10.0, [Span(1.0, 2.0)], [], [], [], [], 0.5)


def test_what_is_done_is_not_done_again(tmp_path: Path) -> None:
    file, asked = tmp_path / "kept.json", list[str]()

    def run() -> Figures:
        asked.append("run")
        return Figures(events=2, found=1, late_s=[0.5], cpu_s=1.5)

    first = Kept(file).figures("ours", CLIP, run)
    again = Kept(file).figures("ours", CLIP, run)
    assert again == first
    assert asked == ["run"]
    Kept(file).figures("another", CLIP, run)
    assert len(asked) == 2


def test_without_a_file_nothing_is_kept() -> None:
    kept = Kept(None)
    assert kept.figures("ours", CLIP, lambda: Figures(found=3)).found == 3


def test_the_camera_that_is_left_out_has_no_say() -> None:
    good, bad = Figures(told=5, found=5), Figures(told=1, found=1)
    settings = {AS_IS: {"door": good, "yard": bad}, "moved": {"door": bad, "yard": good}}
    assert without("door", settings) == "moved"
    assert without("yard", settings) == AS_IS


def test_of_equals_it_stays_as_it_is() -> None:
    same = Figures(told=2, found=2)
    assert without("door", {AS_IS: {"door": same, "yard": same}, "moved": {"door": same, "yard": same}}) == AS_IS
