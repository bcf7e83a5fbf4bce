"""`tawny scan --events-out`: clips, images and pages, of any files and with privacy masks; and what is said without."""

import errno
import json
import os
import shutil
from argparse import Namespace
from collections.abc import Callable
from contextlib import closing
from dataclasses import asdict
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest

from tawny.cli.scan_computers import not_scanned
from tawny.cli.scan_inputs import ScanTarget
from tawny.cli.scan_pool import ScanLog
from tawny.cli.scan_recipe import ScanRecipe
from tawny.cli.scan_worker import ScanWorker
from tawny.media.codec.decoder import DecodedFrame
from tawny.media.codec.video_file import FileVideo
from tawny.model.errors import DiskFull, FileSealed
from tawny.model.times import SystemClock
from tawny.testing.clips import clip_file
from tests.cli.conftest import Said, Tawny
from tests.detection import films

ALL = ("--detector", "framediff", "--set", "level=0", "--set", "frames=1")
"""Options with which every frame is an event."""
LEFT, WHOLE = "[[0, 0], [0.5, 0], [0.5, 1], [0, 1]]", "[[0, 0], [1, 0], [1, 1], [0, 1]]"
BLACK = 24
"""Maximum mean luma of a black area."""


def results(value: Said) -> list[dict[str, Any]]:
    assert value.code in (0, 1), value.err
    return [json.loads(line) for line in value.out.splitlines()]


def events(value: Said) -> list[dict[str, Any]]:
    return [event for one in results(value) for event in one["events"]]


# --- privacy masks

Masked = Callable[..., Said]


@pytest.fixture
def masked(tawny: Tawny, recorded: Path, tmp_path: Path) -> Masked:
    """Scans the recordings of a camera with a mask."""

    def run(mask: str, *words: str) -> Said:
        settings = tmp_path / "masked.toml"
        settings.write_text(f'[cameras.door]\nsource = "file:{clip_file()}"\nprivacy_masks = [{mask}]\n')
        place = ("--config", str(settings), "--data", str(recorded), "--camera", "door", "--from", "2000-01-01")
        return tawny("scan", *place, "--json", *words)

    return run


def halves(frame: DecodedFrame) -> tuple[float, float]:
    """Mean luma of the left and of the right half."""
    middle = frame.width // 2
    return float(frame.luma[:, : middle - 4].mean()), float(frame.luma[:, middle + 4 :].mean())


def frame_of(image: Path) -> DecodedFrame:
    with av.open(str(image)) as opened:
        return DecodedFrame(next(opened.decode(video=0)), "door", 0)  # type: ignore[arg-type]


def test_masks_are_black_in_clips_and_images(masked: Masked, tmp_path: Path) -> None:
    found = events(masked(LEFT, *ALL, "--thorough", "--events-out", str(tmp_path / "out")))
    assert found
    for event in found:
        shown = [frame_of(Path(event["snapshot"])), *FileVideo(Path(event["clip"])).pictures()]
        assert len(shown) > 1
        assert all(left < BLACK < right for left, right in map(halves, shown))


def test_detectors_get_masks_black_and_results_without_are_not_used(masked: Masked, tmp_path: Path) -> None:
    words = ("--detector", "framediff", "--set", "level=10", "--set", "frames=1", "--log", str(tmp_path / "log"))
    assert events(masked("[[0, 0], [0.1, 0], [0.1, 0.1]]", *words))
    assert events(masked(WHOLE, *words)) == []


def test_detectors_get_masks_of_cameras_of_other_recorders(tawny: Tawny, archive: Path) -> None:
    (archive / "history/borrowed-cameras.json").write_text(f'{{"door": {{"privacy_masks": [{WHOLE}]}}}}')
    words = ("--detector", "framediff", "--set", "level=10", "--set", "frames=1", "--from", "2000-01-01", "--json")
    assert events(tawny("scan", "--data", str(archive), "--camera", "door", *words)) == []


@pytest.mark.parametrize(("mask", "finds"), [("[[0, 0], [0.1, 0], [0.1, 0.1]]", True), (WHOLE, False)])
def test_masks_are_black_on_boxes_and_clusters(recorded: Path, tmp_path: Path, mask: str, finds: bool) -> None:
    settings = tmp_path / "masked.toml"
    settings.write_text(f'[cameras.door]\nsource = "file:{clip_file()}"\nprivacy_masks = [{mask}]\n')
    recipe = ScanRecipe("framediff", {"level": 10, "frames": 1}, looks=False)
    order = {"recipe": recipe.as_json(), "target": asdict(ScanTarget(camera="door", to_ms=SystemClock().now_ms()))}
    with closing(ScanWorker(Namespace(config=str(settings), data=str(recorded)))) as worker:
        (planned,) = worker.answer({**order, "do": "plan"}, lambda _: None)["inputs"]
        part = {"do": "part", "target": planned["source"], "key": planned["key"], "count": 1, "number": 0}
        assert bool(worker.answer({**order, **part}, lambda _: None)["result"]["events"]) is finds


def test_masks_are_black_in_compared_videos(masked: Masked, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    shown: list[DecodedFrame] = []

    def drawn(frame: Any, *_rest: Any) -> DecodedFrame:
        shown.append(frame.frame)
        picture: DecodedFrame = frame.frame
        return picture

    monkeypatch.setattr("tawny.cli.compare._drawn", drawn)
    masked(LEFT, "--compare", "--video", str(tmp_path / "compared.mp4"))
    assert shown
    assert all(left < BLACK < right for left, right in map(halves, shown))


def test_a_clip_too_long_to_mask_is_left_out_and_that_is_said(
    masked: Masked, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tawny.playback.clips.MOST_COVERED_S", 0.5)
    found = events(masked(LEFT, *ALL, "--thorough", "--events-out", str(tmp_path / "out")))
    assert found
    assert all("can't be this long" in event["no_clip"] and "clip" not in event for event in found)
    assert all(halves(frame_of(Path(event["snapshot"])))[0] < BLACK for event in found)


# --- files that can't be read or cut


def test_what_cannot_be_read_does_not_end_the_scan(
    tawny: Tawny, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "empty.mp4").write_bytes(b"")
    (tmp_path / "tiny.mp4").write_bytes(b"tawny")
    shutil.copy(clip_file(), tmp_path / "secret.mp4")
    refuse(monkeypatch, "secret.mp4", errno.EACCES)
    names = ("empty.mp4", "tiny.mp4", "secret.mp4")
    for more in ((), ("--compare",)):
        *bad, good = results(tawny("scan", *names, str(clip_file()), "--json", *more))
        assert [name in one["error"]["message"] for name, one in zip(names, bad, strict=True)] == [True] * 3
        assert "Permission denied" in bad[2]["error"]["message"]
        assert "error" not in good


def refuse(monkeypatch: pytest.MonkeyPatch, name: str, number: int) -> None:
    """Refuse to open a file, as for another user; the tests may run as root."""
    opened = os.open

    def refused(path: Any, *rest: Any, **more: Any) -> int:
        if Path(os.fsdecode(path)).name == name:
            raise OSError(number, os.strerror(number), str(path))
        return opened(path, *rest, **more)

    monkeypatch.setattr(os, "open", refused)


def test_too_many_open_files_concern_all(tawny: Tawny, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    shutil.copy(clip_file(), tmp_path / "one.mp4")
    refuse(monkeypatch, "one.mp4", errno.EMFILE)
    assert tawny("scan", "one.mp4", str(clip_file())).code == 42


def test_why_a_file_is_not_scanned() -> None:
    assert "encrypted" in not_scanned("a.mp4", FileSealed("a.mp4")).message
    with pytest.raises(DiskFull):
        not_scanned("a.mp4", DiskFull("a.mp4"))


def test_a_video_that_mp4_cannot_hold_has_images_and_no_clips(tawny: Tawny, tmp_path: Path) -> None:
    raw_video(tmp_path / "raw.avi")
    words = ("scan", "raw.avi", str(clip_file()), *ALL, "--events-out", "out")
    (event,), (usual,) = (one["events"] for one in results(tawny(*words, "--json")))
    assert ("clip" in event, "MP4 can't hold" in event["no_clip"], "clip" in usual) == (False, True, True)
    assert Path(event["snapshot"]).exists()
    assert [path.name for path in (tmp_path / "out").glob("*.mp4")] == [Path(usual["clip"]).name]
    assert "no clip" in tawny(*words).out


def raw_video(path: Path) -> None:
    """Two seconds of a square that moves, without compression."""
    with av.open(str(path), "w") as out:
        stream: Any = out.add_stream("rawvideo", rate=10)
        stream.width, stream.height, stream.pix_fmt = 160, 120, "yuv420p"
        for number in range(20):
            picture = np.zeros((120, 160, 3), np.uint8)
            picture[40:80, 5 * number : 5 * number + 40] = 250
            frame = av.VideoFrame.from_ndarray(picture, format="rgb24")
            frame.pts = number
            out.mux(stream.encode(frame))


# --- names and the log


@pytest.fixture
def same_names(tmp_path: Path) -> list[str]:
    """Different videos in different folders, one of which is named as a second one would be."""
    names = ["one/video.mp4", "two/video.mp4", "two/video-2.mp4"]
    for number, name in enumerate(names):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        shutil.copy(clip_file(), tmp_path / name)
        os.utime(tmp_path / name, (number, number))
    return names


def test_files_of_the_same_name_have_clips_of_their_own(tawny: Tawny, same_names: list[str], tmp_path: Path) -> None:
    found = results(tawny("scan", *same_names, *ALL, "--json", "--events-out", "out"))
    clips = [event["clip"] for one in found for event in one["events"]]
    assert clips == ["out/video-0001.mp4", "out/video-2-0001.mp4", "out/video-2-2-0001.mp4"]
    assert len({*clips}) == len(list((tmp_path / "out").glob("*.mp4")))
    assert len(list((tmp_path / "out").glob("*.html"))) == 3


def test_known_results_get_clips_once(tawny: Tawny, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    log, out = tmp_path / "log", tmp_path / "out"
    words = ("scan", str(films.walkers()), "--log", str(log), "--json")
    (known,) = results(tawny(*words))
    monkeypatch.setattr("tawny.cli.scan_computers.scan_part", None)
    (first,) = results(tawny(*words, "--events-out", str(out)))
    bare = [{name: event[name] for name in known["events"][0]} for event in first["events"]]
    assert bare == known["events"]
    assert all(Path(event[name]).exists() for event in first["events"] for name in ("clip", "snapshot"))
    assert (out / "walkers.html").read_text().count("<polyline") > 0
    written = {file: file.stat().st_mtime_ns for file in out.iterdir()}
    assert results(tawny(*words, "--events-out", str(out))) == [first]
    assert {file: file.stat().st_mtime_ns for file in out.iterdir()} == written
    longer = results(tawny(*words, "--events-out", str(out), "--after", "20 s"))[0]["events"][0]["clip"]
    assert FileVideo(Path(longer)).duration_s > 25


def test_results_of_an_earlier_version_are_made_again_for_clips(tawny: Tawny, tmp_path: Path) -> None:
    log = tmp_path / "log"
    words = ("scan", str(clip_file()), *ALL, "--log", str(log), "--json")
    tawny(*words)
    stored = json.loads(log.read_text())
    log.write_text(json.dumps({"key": stored["key"], "result": stored["result"]}) + "\n")
    assert results(tawny(*words)) == [stored["result"]]
    (event,) = events(tawny(*words, "--events-out", "out"))
    assert Path(event["clip"]).exists()


def test_a_known_result_names_the_file_as_it_is_named_now(tawny: Tawny, tmp_path: Path) -> None:
    shutil.copy(clip_file(), tmp_path / "clip.mp4")
    for name in ("clip.mp4", str(tmp_path / "clip.mp4")):
        assert results(tawny("scan", name, "--log", "log", "--json"))[0]["file"] == name


def test_a_name_that_is_not_utf_8(tawny: Tawny, tmp_path: Path) -> None:
    name = os.fsdecode(b"bad\xff.mp4")
    shutil.copy(clip_file(), tmp_path / name)
    (event,) = events(tawny("scan", name, *ALL, "--json", "--events-out", "out"))
    assert Path(event["clip"]).exists()
    page = (tmp_path / "out" / os.fsdecode(b"bad\xff.html")).read_text(encoding="utf-8")
    assert "bad%FF.mp4" in page
    assert "bad%FF-0001.jpg" in page


@pytest.mark.parametrize("log", [".", "none/log"])
def test_a_log_that_cannot_be_written_is_said_at_once(tawny: Tawny, log: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tawny.cli.scan_computers.scan_part", None)
    result = tawny("scan", str(clip_file()), "--log", log)
    assert (result.code, f"Can't use {log} as log" in result.err) == (3, True)


def test_a_full_disk_is_that_of_the_clips(tawny: Tawny, monkeypatch: pytest.MonkeyPatch) -> None:
    mkdir = Path.mkdir

    def full(path: Path, *words: Any, **more: Any) -> None:
        if path.name == "events":
            raise OSError(errno.ENOSPC, "No space left on device")
        mkdir(path, *words, **more)

    monkeypatch.setattr(Path, "mkdir", full)
    result = tawny("scan", str(clip_file()), "--events-out", "events")
    text = "The disk at events is full. Free up space there, or write to another disk (`--events-out`)."
    assert (result.code, result.err.endswith(f"tawny: {text}\n")) == (31, True), result.err


def test_a_full_disk_is_that_of_the_log(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    log = ScanLog(tmp_path / "log")

    def full(*_: object, **__: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    with monkeypatch.context() as patched, pytest.raises(DiskFull) as raised:
        patched.setattr(Path, "open", full)
        log.add_plan("a", [])
    assert raised.value.do == "Free up space there, or write to another disk (`--log`)."


def test_a_full_disk_is_that_of_the_numbers(tawny: Tawny, monkeypatch: pytest.MonkeyPatch) -> None:
    real = Path.open

    def full(path: Path, *words: Any, **more: Any) -> Any:
        return real(Path("/dev/full"), "w") if path.name == "numbers.csv" else real(path, *words, **more)

    monkeypatch.setattr(Path, "open", full)
    result = tawny("scan", str(clip_file()), "--compare", "--csv", "numbers.csv")
    text = "Can't write numbers.csv: No space left on device. Leave out `--csv`, or choose another file."
    assert (result.code, result.err.endswith(f"tawny: {text}\n")) == (3, True), result.err


def test_a_compared_video_that_cannot_be_written_is_said(tawny: Tawny, tmp_path: Path) -> None:
    with av.open(str(tmp_path / "dot.mkv"), "w") as out:
        stream: Any = out.add_stream("rawvideo", rate=10)
        stream.width, stream.height, stream.pix_fmt = 1, 1, "gray"
        for number in range(20):
            frame = av.VideoFrame.from_ndarray(np.zeros((1, 1), np.uint8), format="gray")
            frame.pts = number
            out.mux(stream.encode(frame))
    result = tawny("scan", "dot.mkv", "--compare", "--video", "compared.mp4")
    assert (result.code, "Can't write compared.mp4" in result.err) == (3, True)
    assert not list(tmp_path.glob("compared*"))


def test_a_compared_video_keeps_the_levels_of_full_range_video(tawny: Tawny, tmp_path: Path) -> None:
    with av.open(str(tmp_path / "grey.mkv"), "w") as out:
        stream: Any = out.add_stream("libx264", rate=10)
        stream.width, stream.height, stream.pix_fmt = 128, 96, "yuvj420p"
        grey = np.full((144, 128), 128, np.uint8)
        grey[:96] = 255
        for number in range(20):
            frame = av.VideoFrame.from_ndarray(grey, format="yuvj420p")
            frame.pts = number
            out.mux(stream.encode(frame))
        out.mux(stream.encode(None))
    result = tawny("scan", "grey.mkv", "--compare", "--video", "compared.mp4")
    assert result.code == 0, result.err
    with av.open(str(tmp_path / "compared.mp4")) as film:
        first = next(film.decode(video=0))
    assert int(first.to_ndarray()[20:80].max()) == pytest.approx(235, abs=2)
