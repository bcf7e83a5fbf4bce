"""Every place where parts of a scan are done: the same results, each counted once, whatever dies."""

import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import threading
from argparse import Namespace
from collections.abc import AsyncGenerator, Callable, Generator, Iterator, Mapping, Sequence
from contextlib import ExitStack, aclosing, closing
from dataclasses import dataclass, field, replace
from functools import partial
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest

from tawny.cli.archive import open_folder
from tawny.cli.main import main
from tawny.cli.scan_boxes import BoxComputer
from tawny.cli.scan_computers import Computer, KnownResults, PartDone, Report, TargetPlanned, ThreadComputer
from tawny.cli.scan_inputs import InputFinder, ScanTarget, result_from_json, result_json
from tawny.cli.scan_pool import ScanDriver, ScanJob, ScanLog
from tawny.cli.scan_ray import RayComputer
from tawny.cli.scan_recipe import ScanRecipe, prepare
from tawny.detection.scan.scan import ScannedEvent, ScanResult
from tawny.model.ids import CameraId
from tawny.model.times import utc_text
from tawny.service.box_scans import BoxScans
from tawny.testing.waiting import until
from tests.detection import films
from tests.detection.made_clip import make_clip
from tests.support.long_recording import BEGIN_MS, record_films
from tests.support.ports import free_port
from tests.support.processes import ended

DOOR = CameraId("door")
TIMES, PARTS = 9, 3
"""52 minutes, in parts of at least a quarter of an hour."""
FILMS = (partial(films.walkers, 350),)
RECIPE = ScanRecipe()
PATIENCE_S = 120.0
WORKER = """# tawny.cli.scan_worker, which says how far it is even where a part takes less than a second
from tawny.cli import scan_worker
scan_worker.REPORT_S = 0.0
scan_worker.main()
"""
Place = Callable[[ScanLog], Computer]


@pytest.fixture(scope="module")
def archive(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("archive")
    record_films(folder, DOOR, FILMS * TIMES)
    model = make_clip(tmp_path_factory.mktemp("model"))
    settings_in(folder).write_text(f'[search]\nmodel = "{model}"\n')
    return folder


def settings_in(archive: Path) -> Path:
    """Settings with a search model: the vectors of objects belong to the results, too."""
    return archive / "search.toml"


@dataclass
class Boxes:
    """A box without its line: the worker that its hub talks to. after_line: called with the worker and each line."""

    folder: Path
    after_line: Callable[[BoxScans, Mapping[str, Any]], None] = lambda _scans, _line: None
    is_away: Callable[[], bool] = lambda: False
    orders: list[Mapping[str, Any]] = field(default_factory=list)

    async def ask(self, _box: str, order: Mapping[str, Any]) -> AsyncGenerator[Mapping[str, Any], None]:
        if self.is_away():
            yield {"offline": True}
            return
        self.orders.append(order)
        command = [sys.executable, "-P", "-c", WORKER, "--data", str(self.folder)]
        command += ["--config", str(settings_in(self.folder))]
        scans = BoxScans(command, lambda: False)
        try:
            async with aclosing(scans.answer(order)) as lines:
                async for line in lines:
                    found = json.loads(line)
                    self.after_line(scans, found)
                    yield found
        finally:
            await scans.close()


@pytest.fixture(scope="module")
def ray_address() -> Iterator[str]:
    """A cluster of its own: one computer with two cores."""
    if find_spec("ray") is None:
        pytest.skip("Ray isn't installed: pip install 'tawny[bulk]'")
    port, client = free_port(), free_port()
    words = [
        str(Path(sys.executable).with_name("ray")), "start", "--head", "--block", "--num-cpus=2",
        "--disable-usage-stats",
        f"--port={port}", f"--ray-client-server-port={client}", "--include-dashboard=false",
        "--object-store-memory=100000000",
    ]  # fmt: skip
    process = subprocess.Popen(words, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        until(lambda: _answers(client) or process.poll() is not None, PATIENCE_S, "the cluster")
        yield f"ray://127.0.0.1:{client}"
    finally:
        ended(process)


def _answers(port: int) -> bool:
    with socket.socket() as asking:
        return asking.connect_ex(("127.0.0.1", port)) == 0


@pytest.fixture(params=["threads", "boxes", "ray"])
def place(request: pytest.FixtureRequest, archive: Path) -> Iterator[Place]:
    """Another computer joins with one more branch."""
    args = Namespace(config=str(settings_in(archive)), data=str(archive))
    with ExitStack() as stack:
        if request.param == "threads":
            finder = InputFinder(stack.enter_context(open_folder(archive)))
            scan = prepare(RECIPE, args, DOOR, print)
            yield lambda _: ThreadComputer(scan, finder, 2, resumes=True)
        elif request.param == "boxes":
            yield lambda log: BoxComputer(Boxes(archive).ask, RECIPE, log, PATIENCE_S)
        else:
            address: str = request.getfixturevalue("ray_address")
            yield lambda _: RayComputer(address, RECIPE, (str(settings_in(archive)), str(archive)))


def target(camera: str = DOOR, place: str = "") -> ScanTarget:
    return ScanTarget(place, "", camera, from_ms=BEGIN_MS, to_ms=BEGIN_MS + 7_200_000)


class Counted:
    """A computer, and the parts that it has reported."""

    def __init__(self, computer: Computer) -> None:
        self._computer = computer
        self.done: list[int] = []

    def run(self, targets: Sequence[ScanTarget], known: KnownResults) -> Generator[Report]:
        with closing(self._computer.run(targets, known)) as reports:
            for report in reports:
                if isinstance(report, PartDone):
                    self.done.append(report.part.number)
                yield report


def scanned(computer: Computer, log: ScanLog, *targets: ScanTarget) -> list[dict[str, Any]]:
    """The results, without what differs: the time that it took, and where it was done."""
    driver = ScanDriver(ScanJob(targets or (target(),), 1.0), log)
    found = list(driver.scan(computer))
    return [{name: one.summary[name] for name in one.summary if name not in ("cpu_s", "box")} for one in found]


@pytest.fixture(scope="module")
def expected(archive: Path) -> list[dict[str, Any]]:
    """What the threads of one process find."""
    with open_folder(archive) as opened:
        scan = prepare(RECIPE, Namespace(config=str(settings_in(archive)), data=str(archive)), DOOR, print)
        return scanned(ThreadComputer(scan, InputFinder(opened), 2, resumes=True), ScanLog(None))


def test_the_same_results_as_on_threads(place: Place, expected: list[dict[str, Any]]) -> None:
    log = ScanLog(None)
    assert len(expected[0]["events"]) == 2 * TIMES
    assert all(event["looks"] and event["vector"] for event in expected[0]["events"])
    assert json.dumps(scanned(place(log), log)) == json.dumps(expected)


def test_a_scan_that_was_broken_off_does_only_what_is_missing(
    place: Place, expected: list[dict[str, Any]], tmp_path: Path
) -> None:
    file = tmp_path / "log.jsonl"
    log = ScanLog(file)
    first = Counted(place(log))
    driver = ScanDriver(ScanJob((target(),), 1.0), log)
    results = driver.scan(first)
    reports = Counted(place(log)).run((target(),), log)
    results.close()
    with closing(reports):
        planned = next(reports)
        assert isinstance(planned, TargetPlanned)
        [each] = planned.inputs
        assert [part.of for part in each.parts] == [PARTS] * PARTS
        one = next(report for report in reports if isinstance(report, PartDone))
        log.add_part(one.part, one.result, is_only=False)
    again = ScanLog(file)
    rest = Counted(place(again))
    assert scanned(rest, again) == expected
    assert sorted(rest.done) == [number for number in range(PARTS) if number != one.part.number]
    third = Counted(place(again))
    assert scanned(third, ScanLog(file)) == expected
    assert third.done == []


def test_nothing_recorded_is_planned_as_nothing(place: Place, expected: list[dict[str, Any]]) -> None:
    log = ScanLog(None)
    assert scanned(place(log), log, target("garden"), target()) == expected


def test_what_is_under_way_ends_when_the_scan_is_closed(place: Place) -> None:
    log = ScanLog(None)
    reports = place(log).run((target(),), log)
    assert isinstance(next(reports), TargetPlanned)
    reports.close()
    until(lambda: not worker_ids("tawny.cli.scan_worker"), PATIENCE_S, "the workers to end")


def worker_ids(name: str) -> list[int]:
    """Processes that this one has started, directly or not, and whose command has this text."""
    commands: dict[int, str] = {}
    parents: dict[int, int] = {}
    for folder in Path("/proc").iterdir():
        if folder.name.isdigit():
            try:
                commands[int(folder.name)] = (folder / "cmdline").read_bytes().decode(errors="replace")
                parents[int(folder.name)] = int((folder / "stat").read_text().rpartition(")")[2].split()[1])
            except OSError:  # it has ended meanwhile
                continue
    return [one for one, command in commands.items() if name in command and _is_ours(one, parents)]


def _is_ours(process: int, parents: Mapping[int, int]) -> bool:
    while process in parents:
        process = parents[process]
        if process == os.getpid():
            return True
    return False


# --- what dies


@pytest.mark.long
def test_a_box_whose_worker_is_killed_does_the_part_again(archive: Path, expected: list[dict[str, Any]]) -> None:
    killed: list[bool] = []

    def kill_once(scans: BoxScans, line: Mapping[str, Any]) -> None:
        if "done_s" in line and not killed:
            killed.append(True)
            scans.stop()

    boxes, log = Boxes(archive, kill_once), ScanLog(None)
    computer = Counted(BoxComputer(boxes.ask, RECIPE, log, PATIENCE_S))
    [found] = scanned(computer, log, target(place="shed"))
    assert killed == [True]
    assert found == expected[0]
    assert computer.done == list(range(PARTS))
    assert [order.get("number") for order in boxes.orders] == [None, 0, 0, 1, 2]


def test_a_box_that_is_away_goes_on_when_it_is_back(archive: Path, expected: list[dict[str, Any]]) -> None:
    away = [True, True, False, False, True, True]
    boxes, log = Boxes(archive, is_away=lambda: bool(away) and away.pop(0)), ScanLog(None)
    computer = BoxComputer(boxes.ask, RECIPE, log, PATIENCE_S, again_s=0.01)
    assert scanned(computer, log, target(place="shed")) == expected
    assert [order.get("number") for order in boxes.orders] == [None, 0, 1, 2]


def test_a_box_that_stays_away_fails_alone(archive: Path, expected: list[dict[str, Any]]) -> None:
    boxes, log = Boxes(archive), ScanLog(None)

    def ask(box: str, order: Mapping[str, Any]) -> AsyncGenerator[Mapping[str, Any], None]:
        return replace(boxes, is_away=lambda: box == "beach").ask(box, order)

    computer = BoxComputer(ask, RECIPE, log, 0.0, again_s=0.01)
    beach, shed = scanned(computer, log, target(place="beach"), target(place="shed"))
    assert "beach is offline" in beach["error"]["message"]
    assert shed == expected[0]


def test_a_complete_scan_needs_no_box(archive: Path, expected: list[dict[str, Any]], tmp_path: Path) -> None:
    log = ScanLog(tmp_path / "log")
    scanned(BoxComputer(Boxes(archive).ask, RECIPE, log, PATIENCE_S), log, target(place="shed"))
    log = ScanLog(tmp_path / "log")
    nowhere = BoxComputer(Boxes(archive, is_away=lambda: True).ask, RECIPE, log, 0.0)
    assert scanned(nowhere, log, target(place="shed")) == expected


def test_recordings_that_are_deleted_meanwhile_are_planned_again(archive: Path, tmp_path: Path) -> None:
    folder = tmp_path / "data"
    shutil.copytree(archive, folder)
    deleted: list[bool] = []

    def delete_once(_scans: BoxScans, line: Mapping[str, Any]) -> None:
        if "result" in line and not deleted:
            deleted.append(True)
            oldest = min(folder.rglob("*.mp4"))
            oldest.unlink()
            record_films(folder, DOOR, FILMS, BEGIN_MS + TIMES * 350_000)

    log = ScanLog(None)
    [found] = scanned(BoxComputer(Boxes(folder, delete_once).ask, RECIPE, log, PATIENCE_S), log, target(place="shed"))
    assert len(found["events"]) == 2 * TIMES  # without the first film, and with another one


@pytest.mark.parametrize(
    "answer",
    [
        {"inputs": 7},
        {"inputs": [{"key": "k"}]},
        {"unknown": True},
        {"refused": 403},
        {"refused": 422},
        {"died": True},
        {"error": {"what": "The disk is gone.", "todo": ""}},
    ],
    ids=str,
)
def test_what_a_box_answers_wrongly_is_said(answer: Mapping[str, Any]) -> None:
    async def ask(_box: str, _order: Mapping[str, Any]) -> AsyncGenerator[Mapping[str, Any], None]:
        yield answer

    log = ScanLog(None)
    [found] = scanned(BoxComputer(ask, RECIPE, log, 0.0, again_s=0.0), log, target(place="shed"))
    assert "shed" in found["error"]["message"]


def test_a_result_with_control_characters_is_refused(archive: Path) -> None:
    async def ask(_box: str, order: Mapping[str, Any]) -> AsyncGenerator[Mapping[str, Any], None]:
        async with aclosing(Boxes(archive).ask("shed", order)) as lines:
            async for line in lines:
                if "result" in line:
                    line["result"]["events"][0]["kind"] = "\x1b[2J"
                yield line

    log = ScanLog(None)
    [found] = scanned(BoxComputer(ask, RECIPE, log, 0.0), log, target(place="shed"))
    assert "answered with something else" in found["error"]["message"]


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("looks", "AAAA"),
        ("looks", "AADAfw" + "A" * 50 + "=="),
        ("looks", "no"),
        ("vector", "AADAfwEC"),
        ("vector", "AAAAAAEC"),
        ("vector", "A" * 20_000),
        ("vector", 7),
    ],
    ids=lambda value: str(value)[:12],
)
def test_looks_that_are_none_are_refused(name: str, value: Any) -> None:
    result = result_json(ScanResult(10.0, [ScannedEvent(1.0, 2.0, "person", 80)], 0.1, 1.0, {1: 80}))
    assert isinstance(result_from_json(result), ScanResult)
    result["events"][0][name] = value
    with pytest.raises((ValueError, TypeError)):
        result_from_json(result)


def test_ray_begins_the_part_of_a_killed_worker_again(
    archive: Path, ray_address: str, expected: list[dict[str, Any]]
) -> None:
    killed: list[int] = []

    def kill() -> None:
        def is_found() -> bool:
            killed.extend(worker_ids("ray::do_order")[:1])
            return bool(killed)

        until(is_found, PATIENCE_S, "a worker that does a part")
        os.kill(killed[0], signal.SIGKILL)

    log = ScanLog(None)
    computer = Counted(RayComputer(ray_address, RECIPE, (str(settings_in(archive)), str(archive))))
    driver = ScanDriver(ScanJob((target(),), 1.0), log)
    killer = threading.Thread(target=kill)
    killer.start()
    [found] = driver.scan(computer)
    killer.join()
    assert {name: found.summary[name] for name in found.summary if name != "cpu_s"} == expected[0]
    assert sorted(computer.done) == list(range(PARTS))


def test_the_command_scans_on_a_cluster(
    archive: Path, ray_address: str, expected: list[dict[str, Any]], capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    span = ["--from", utc_text(BEGIN_MS), "--to", utc_text(BEGIN_MS + 7_200_000), "--log", str(tmp_path / "log")]
    words = ["scan", "--on", ray_address, "--camera", DOOR, "--data", str(archive), *span, "--json"]
    words += ["--config", str(settings_in(archive))]
    assert main(words) == 0
    found = json.loads(capsys.readouterr().out)
    assert {name: found[name] for name in found if name != "cpu_s"} == expected[0]
    film = str(films.walkers())
    assert main(["scan", "--on", ray_address, film, "--events-out", str(tmp_path / "events"), "--json"]) == 0
    of_file = json.loads(capsys.readouterr().out)
    assert (of_file["file"], len(of_file["events"])) == (film, 2)
    assert (tmp_path / "events" / "walkers-0002.mp4").exists()


@pytest.mark.parametrize("where", ["moon", "ray://127.0.0.1:9"])
def test_a_place_that_is_not_there_is_said(where: str, capsys: pytest.CaptureFixture[str]) -> None:
    code = main(["scan", "--on", where, str(films.walkers())])
    assert code == (2 if where == "moon" else 3)
    assert "Traceback" not in capsys.readouterr().err
