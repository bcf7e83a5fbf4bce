"""`tawny scan --on boxes`: a hub and two boxes in processes of their own; boxes, scans and the command are killed."""

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from tawny.app.control_client import ask
from tawny.model.ids import CameraId
from tawny.model.times import utc_text
from tawny.testing.waiting import until
from tests.detection import films
from tests.support.long_recording import label_event, passer_by, record_films
from tests.support.ports import free_port
from tests.support.standby_rig import PATIENCE_S, Recorder

DOOR = CameraId("door")
TIMES, PARTS = 6, 2
CAMERA = '[cameras.door]\nsource = "rtsp://127.0.0.1:9/none"\ndetection.detector = "off"\n'
HOUR_MS = 3_600_000


@dataclass
class Fleet:
    hub: Recorder
    boxes: dict[str, Recorder]
    span: tuple[str, str]

    def words(self, *more: str) -> list[str]:
        """The command that scans all boxes."""
        tawny = str(Path(sys.executable).with_name("tawny"))
        place = ["--config", str(self.hub.folder / "tawny.toml"), "--data", str(self.hub.data)]
        return [tawny, "scan", "--on", "boxes", "--from", self.span[0], "--to", self.span[1], "--json", *place, *more]

    def export_words(self, out: Path) -> list[str]:
        """The command that exports training samples of all boxes."""
        tawny = str(Path(sys.executable).with_name("tawny"))
        place = ["--config", str(self.hub.folder / "tawny.toml"), "--data", str(self.hub.data)]
        return [tawny, "kinds", "export", "--on", "boxes", "-o", str(out), "--json", *place]

    def scan(self, *more: str) -> list[dict[str, Any]]:
        done = subprocess.run(self.words(*more), capture_output=True, timeout=300)
        assert done.returncode == 0, done.stdout + done.stderr
        return [json.loads(line) for line in done.stdout.splitlines()]

    def states(self) -> dict[str, dict[str, Any]]:
        [answer] = ask(self.hub.data, {"command": "scan boxes"})
        return {one["id"]: one for one in answer["boxes"]}

    def are_online(self) -> bool:
        states = self.states()
        return all(states[name]["online"] and states[name]["cameras"] for name in self.boxes)


@contextmanager
def scanned_fleet(folder: Path, times: int) -> Iterator[Fleet]:
    """Run a hub and two boxes; both have the same film of 35 s so many times."""
    begin_ms = round(time.time() * 1000) // HOUR_MS * HOUR_MS - 3 * HOUR_MS
    names = ("hub", "beach", "shed")
    made = {name: Recorder(name, folder / name, "127.0.0.1", free_port()) for name in names}
    boxes = {name: made[name] for name in names[1:]}
    made["hub"].configure("[hub]\nenabled = true\n")
    for number, one in enumerate(boxes.values()):
        one.configure(CAMERA)
        film_ms = begin_ms + number * 60_000
        record_films(one.data, DOOR, (partial(films.walkers, 350),) * times, film_ms)
        label_event(one.data, passer_by(DOOR, film_ms, 0, said="person"))
        label_event(one.data, passer_by(DOOR, film_ms, 1, false_alarm="shadow"))
    span = (utc_text(begin_ms), utc_text(begin_ms + HOUR_MS))
    fleet = Fleet(made["hub"], boxes, span)
    try:
        for one in made.values():
            one.start()
        for one in boxes.values():
            link = fleet.hub.command("hub", "link")["link"]
            one.command("fleet", "join", link, "--allow", "health,scans,training")
        until(fleet.are_online, PATIENCE_S, "both boxes to be online")
        yield fleet
    finally:
        for one in made.values():
            one.stop()


@pytest.fixture(scope="module")
def fleet(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Fleet]:
    with scanned_fleet(tmp_path_factory.mktemp("fleet"), TIMES) as made:
        yield made


@pytest.fixture(scope="module")
def expected(fleet: Fleet) -> dict[str, dict[str, Any]]:
    """What `tawny scan` finds on each box itself."""
    found = {}
    for name, box in fleet.boxes.items():
        found[name] = timeless(scan_at(box, fleet))
        assert len(found[name]["events"]) == 2 * TIMES
    return found


def scan_at(box: Recorder, fleet: Fleet) -> dict[str, Any]:
    """Scan the same by the box's own command."""
    words = ["--camera", DOOR, "--from", fleet.span[0], "--to", fleet.span[1], "--log", str(box.folder / "scanned")]
    return box.command("scan", *words)


def timeless(summary: dict[str, Any]) -> dict[str, Any]:
    """Without the time that it took, and where."""
    return {name: value for name, value in summary.items() if name not in ("cpu_s", "box")}


def by_box(results: list[dict[str, Any]]) -> dict[str, dict[str, Any]]:
    return {one["box"]: timeless(one) for one in results}


def part_lines(log: Path) -> list[tuple[str, int]]:
    """The parts in a log."""
    lines = log.read_text().splitlines() if log.exists() else []
    entries = [json.loads(line) for line in lines if line.endswith("}")]
    return [(one["key"], one["part"]) for one in entries if "part" in one]


def workers(box: Recorder) -> list[int]:
    found = []
    for folder in Path("/proc").iterdir():
        if folder.name.isdigit():
            try:
                words = (folder / "cmdline").read_bytes().split(b"\0")
            except OSError:
                continue
            if b"tawny.cli.scan_worker" in words and os.fsencode(box.data) in words:
                found.append(int(folder.name))
    return found


def test_the_same_results_as_on_each_box_itself(fleet: Fleet, expected: dict[str, dict[str, Any]]) -> None:
    results = fleet.scan()
    assert [one["box"] for one in results] == ["beach", "shed"]
    assert json.dumps(by_box(results)) == json.dumps(expected)
    assert all(one["cpu_s"] > 0 for one in results)
    log = fleet.hub.data / "scans.jsonl"
    assert len(part_lines(log)) == len(set(part_lines(log))) == 2 * PARTS


def test_the_worker_runs_behind_everything_else(fleet: Fleet, tmp_path: Path) -> None:
    shed = fleet.boxes["shed"]
    with subprocess.Popen(fleet.words("--log", str(tmp_path / "log.jsonl")), stdout=subprocess.PIPE) as command:
        until(lambda: workers(shed), PATIENCE_S, "the scan on the box")
        [one] = workers(shed)
        until(lambda: os.sched_getscheduler(one) == os.SCHED_IDLE, PATIENCE_S, "its scheduling")
        until(lambda: os.getpriority(os.PRIO_PROCESS, one) == 19, PATIENCE_S, "its priority")
        half = (len(os.sched_getaffinity(0)) + 1) // 2
        until(lambda: len(os.sched_getaffinity(one)) == half, PATIENCE_S, "its cores")
        command.communicate(timeout=300)


def test_box_worker_and_command_are_killed_and_each_part_counts_once(
    fleet: Fleet, expected: dict[str, dict[str, Any]], tmp_path: Path
) -> None:
    log = tmp_path / "log.jsonl"
    beach, shed = fleet.boxes.values()
    command = subprocess.Popen(fleet.words("--log", str(log)), stdout=subprocess.PIPE)
    until(lambda: len(part_lines(log)) >= 1, PATIENCE_S, "the first part")
    until(lambda: workers(shed), PATIENCE_S, "the scan on the other box")
    for one in workers(shed):  # its hub asks for the same part again
        os.kill(one, signal.SIGKILL)
    beach.kill()
    until(lambda: not workers(beach), PATIENCE_S, "the end of what the killed box did")
    until(lambda: not fleet.states()["beach"]["online"], PATIENCE_S, "the hub to see it")
    command.kill()
    command.communicate()
    before = part_lines(log)
    until(lambda: idle(shed), PATIENCE_S, "the end of what nobody waits for")

    again = subprocess.Popen(fleet.words("--log", str(log)), stdout=subprocess.PIPE)
    until(lambda: sum(1 for _ in set(part_lines(log))) >= PARTS, PATIENCE_S, "the parts of the box that is there")
    beach.start()
    out, _ = again.communicate(timeout=300)
    assert again.returncode == 0
    assert json.dumps(by_box([json.loads(line) for line in out.splitlines()])) == json.dumps(expected)
    parts = part_lines(log)
    assert parts[: len(before)] == before
    assert len(parts) == len(set(parts)) == 2 * PARTS


def idle(box: Recorder) -> bool:
    """Whether no worker of a box computes: it waits for its input, or has ended."""
    return all("S" in Path(f"/proc/{one}/stat").read_text().rpartition(")")[2].split()[0] for one in workers(box))


def test_ctrl_c_leaves_what_is_done(fleet: Fleet, tmp_path: Path) -> None:
    log = tmp_path / "log.jsonl"
    words = fleet.words("--log", str(log), "--box", "shed")
    command = subprocess.Popen(words, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    until(lambda: part_lines(log), PATIENCE_S, "the first part")
    command.send_signal(signal.SIGINT)
    _, answer = command.communicate(timeout=PATIENCE_S)
    assert b"Traceback" not in answer
    assert len(part_lines(log)) < PARTS
    until(lambda: not workers(fleet.boxes["shed"]), PATIENCE_S, "the end of the scan on the box")


def test_a_box_that_does_not_allow_it_is_not_asked(fleet: Fleet) -> None:
    settings = fleet.boxes["shed"].folder / "tawny.toml"
    text = settings.read_text()
    shutil.copy(settings, settings.with_suffix(".before"))
    settings.write_text(text.replace('"health", "scans"', '"health"'))
    assert settings.read_text() != text
    try:
        until(lambda: not fleet.states()["shed"]["allows"], PATIENCE_S, "the hub to hear of it")
        done = subprocess.run(fleet.words("--box", "shed"), capture_output=True, timeout=60)
        assert (done.returncode, b"allow scans" in done.stderr) == (3, True)
        order = {"do": "plan", "target": {"camera": DOOR, "from_ms": 1, "to_ms": 2}, "recipe": {"detector": "motion"}}
        [answer] = ask(fleet.hub.data, {"command": "scan box", "box": "shed", "order": order})
        assert answer == {"refused": 403}
    finally:
        settings.write_text(text)
    until(lambda: fleet.states()["shed"]["allows"], PATIENCE_S, "the hub to hear of it")


def test_samples_of_both_boxes_are_one_data_set(fleet: Fleet, tmp_path: Path) -> None:
    out = tmp_path / "crops"
    log = out / "samples.jsonl"
    command = subprocess.Popen(fleet.export_words(out), stdout=subprocess.PIPE)
    until(lambda: part_lines(log), PATIENCE_S, "the samples of the first event")
    command.kill()
    command.communicate()
    before = part_lines(log)
    done = subprocess.run(fleet.export_words(out), capture_output=True, timeout=300)
    assert done.returncode == 0, done.stderr
    found = [json.loads(line) for line in done.stdout.splitlines()]
    assert [(one["box"], Path(one["file"]).name) for one in found] == [
        ("beach", "beach-door.npz"), ("shed", "shed-door.npz")
    ]  # fmt: skip
    assert all(set(one["labels"]) == {"person", "nothing"} for one in found)
    parts = part_lines(log)
    assert parts[: len(before)] == before
    assert len(parts) == len(set(parts)) == 4
    for name, box in fleet.boxes.items():
        own = tmp_path / name
        box.command("kinds", "export", "-o", str(own))
        assert (out / f"{name}-door.npz").read_bytes() == (own / "door.npz").read_bytes()


def test_samples_are_a_share_of_their_own(fleet: Fleet, tmp_path: Path) -> None:
    settings = fleet.boxes["shed"].folder / "tawny.toml"
    text = settings.read_text()
    settings.write_text(text.replace(', "training"', ""))
    assert settings.read_text() != text
    try:
        until(lambda: not allows_training(fleet, "shed"), PATIENCE_S, "the hub to hear of it")
        done = subprocess.run([*fleet.export_words(tmp_path), "--box", "shed"], capture_output=True, timeout=60)
        assert (done.returncode, b"allow training" in done.stdout + done.stderr) == (3, True)
        target = {"camera": DOOR, "from_ms": 1, "to_ms": 2}
        order = {"do": "plan", "target": target, "recipe": {"samples": "crops"}}
        [answer] = ask(fleet.hub.data, {"command": "training box", "box": "shed", "order": order})
        assert answer == {"refused": 403}
        [answer] = ask(fleet.hub.data, {"command": "scan box", "box": "shed", "order": order})
        assert answer == {"refused": 422}
    finally:
        settings.write_text(text)
    until(lambda: allows_training(fleet, "shed"), PATIENCE_S, "the hub to hear of it")


def allows_training(fleet: Fleet, box: str) -> bool:
    [answer] = ask(fleet.hub.data, {"command": "training boxes"})
    return any(one["id"] == box and one["allows"] for one in answer["boxes"])


@pytest.mark.parametrize(
    "recipe",
    [
        {"detector": "own", "settings": {}},
        {"detector": "motion", "settings": {"file": "/tmp/detect.py"}},
        {"detector": "motion", "sound": "/tmp/hear.py"},
        {"detector": "../own"},
    ],
    ids=str,
)
def test_a_hub_cannot_choose_a_program(fleet: Fleet, recipe: dict[str, Any]) -> None:
    order = {"do": "plan", "target": {"camera": DOOR, "from_ms": 1, "to_ms": 2}, "recipe": recipe}
    [answer] = ask(fleet.hub.data, {"command": "scan box", "box": "beach", "order": order})
    assert answer == {"refused": 422}


@pytest.mark.parametrize(
    ("more", "code"),
    [(("film.mp4",), 2), (("--events-out", "x"), 2), (("--box", "none"), 3), (("--camera", "none"), 3)],
)
def test_wrong_use_is_said(fleet: Fleet, more: tuple[str, ...], code: int) -> None:
    assert subprocess.run(fleet.words(*more), capture_output=True, timeout=60).returncode == code
