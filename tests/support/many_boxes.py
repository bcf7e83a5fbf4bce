"""A hub and many boxes in processes of their own, whose lines are cut, and which are killed.

The hub is `tawny hub`. Boxes are what a recorder runs of a fleet, without cameras: their keys, their history on disk,
and `FleetMember` with its sessions and links; several boxes share a process, which
`python -m tests.support.many_boxes FOLDER` is. Their lines lead through a relay that can be cut.
"""

import asyncio
import json
import shutil
import signal
import socket
import sqlite3
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final, Literal

from tawny.config.fleet import FleetSettings, NatsLogin
from tawny.fleet.box import BoxOffer, FleetMember, MemberState, join_hub
from tawny.fleet.fleet_index import EventQuestion, PlacedCamera
from tawny.fleet.history_reader import FOLDER, HistoryReader
from tawny.fleet.identity import JoinLink, fingerprint, load_key, load_or_make_key
from tawny.fleet.index_opening import open_index
from tawny.fleet.recorded_time import RECORDED_PATH
from tawny.fleet.session import Exchange, Kind, as_payload
from tawny.model.errors import NotDone
from tawny.model.ids import CameraId
from tawny.model.times import Span, SystemClock
from tawny.storage.disk.disk import RealDisk
from tawny.testing.waiting import until
from tests.support.nats import NatsServer
from tests.support.network_relay import NetworkRelay, tcp_line
from tests.support.ports import free_port
from tests.support.processes import ended

Carrier = Literal["websocket", "nats"]
CAMERAS: Final = 16
EVENTS_AN_HOUR, GAPS_AN_HOUR = 44, 1
LINES_AN_HOUR: Final = 2 * (EVENTS_AN_HOUR + GAPS_AN_HOUR)
"""Of one camera: each event and gap is written when it begins, and when it ends."""
DAY: Final = "2026-11-20.jsonl"
FIRST_MS: Final = 1_795_132_800_000
"""Begin of that day."""
HOUR_MS: Final = 3_600_000
PATIENCE_S: Final = 180.0
LOOK_S: Final = 0.2
ALLOW: Final = ("health", "events", "live", "clips")


# --- the boxes' process


def main() -> None:
    asyncio.run(_run(Path(sys.argv[1])))


async def _run(folder: Path) -> None:
    """Run the boxes of a folder until the process ends. `online` there: how many are connected."""
    boxes = sorted(folder.glob("box-*"))
    links = {box: JoinLink.parse((box / "link").read_text()) for box in boxes}
    await asyncio.gather(*(_join(box, links[box]) for box in boxes))
    members = [_member(box, links[box]) for box in boxes]
    for member in members:
        member.start()
    while True:
        online = sum(one.state is MemberState.ONLINE for one in members)
        (folder / "online.new").write_text(str(online))
        (folder / "online.new").replace(folder / "online")
        await asyncio.sleep(LOOK_S)


async def _join(box: Path, link: JoinLink) -> None:
    """Join once: what is killed meanwhile tries again."""
    key = load_or_make_key(box)
    while not (box / "joined").exists():
        try:
            await join_hub(link, key, box.name, ALLOW, NatsLogin())
        except NotDone as error:
            sys.stderr.write(f"{box.name}: {error}\n")
            await asyncio.sleep(1)
        else:
            (box / "joined").touch()


def _member(box: Path, link: JoinLink) -> FleetMember:
    settings = FleetSettings(hub=link.url, hub_key=link.hub, allow=ALLOW)
    cameras = [{"id": _camera(number), "state": "working", "detail": "", "fps": 15.0} for number in range(CAMERAS)]
    status = {"working": CAMERAS, "expected": CAMERAS, "cameras": cameras}
    history = HistoryReader(RealDisk(box))
    return FleetMember(box, lambda: settings, lambda: BoxOffer(box.name, "1", ALLOW, history, lambda: status, _answer))


async def _answer(request: Mapping[str, Any], exchange: Exchange) -> None:
    """Answer what the hub itself asks: what was recorded."""
    while (await exchange.receive()).kind is Kind.DATA:
        pass
    is_known = request["path"] == RECORDED_PATH
    await exchange.send(Kind.HEAD, as_payload({"status": 200 if is_known else 404, "headers": []}))
    spans = [[FIRST_MS, FIRST_MS + HOUR_MS]]
    cameras = [{"id": _camera(number), "spans": spans, "first_ms": FIRST_MS} for number in range(CAMERAS)]
    data = {"now_ms": FIRST_MS + 2 * HOUR_MS, "cameras": cameras}
    await exchange.send(Kind.DATA, json.dumps(data).encode())


def _camera(number: int) -> str:
    return f"camera-{number}"


# --- what happens at a box


def hour_of(box: int, hour: int) -> tuple[list[bytes], list[tuple[str, int]], list[tuple[str, int, int]]]:
    """Return an hour at a box: its lines, its events (id, end) and its gaps (camera, begin, end), ms UTC."""
    lines: list[tuple[int, bytes]] = []
    events, gaps = list[tuple[str, int]](), list[tuple[str, int, int]]()
    zero_ms = FIRST_MS + hour * HOUR_MS
    for camera in range(CAMERAS):
        for number in range(EVENTS_AN_HOUR):
            start_ms = zero_ms + number * (HOUR_MS // EVENTS_AN_HOUR) + camera * 7 + box
            end_ms = start_ms + 3_000 + 100 * camera
            event = f"{start_ms}-{box:03d}{camera:02d}{number:02d}"
            lines += [(at_ms, _event_line(event, camera, start_ms, at_ms, end_ms)) for at_ms in (start_ms, end_ms)]
            events.append((event, end_ms))
        begin_ms = zero_ms + 60_000 * camera
        lines += [(at_ms, _gap_line(camera, begin_ms, at_ms)) for at_ms in (begin_ms, begin_ms + 20_000)]
        gaps.append((_camera(camera), begin_ms, begin_ms + 20_000))
    return [line for _, line in sorted(lines)], events, gaps


def _event_line(event: str, camera: int, start_ms: int, at_ms: int, end_ms: int) -> bytes:
    record = {
        "id": event, "camera": _camera(camera), "kind": "person", "start_ms": start_ms,
        "end_ms": None if at_ms < end_ms else end_ms, "score": 80.5, "box": [0.1, 0.2, 0.3, 0.4], "zones": ["gate"],
        "objects": [{"label": "person", "score": 0.87}], "kept": False, "reviewed": False, "false_alarm": "",
        "picture_ms": start_ms + 700, "level": "alert",
    }  # fmt: skip
    return json.dumps({"at_ms": at_ms, "what": "event", "event": record}).encode() + b"\n"


def _gap_line(camera: int, begin_ms: int, at_ms: int) -> bytes:
    end_ms = None if at_ms == begin_ms else at_ms
    gap = {"camera": _camera(camera), "begin_ms": begin_ms, "end_ms": end_ms, "reason": "wifi", "detail": ""}
    return json.dumps({"at_ms": at_ms, "what": "gap", "gap": gap}).encode() + b"\n"


# --- the whole fleet


class HubProcess:
    """`tawny hub` in a process. database: of PostgreSQL; empty: `hub.db`."""

    def __init__(self, folder: Path, nats: str, database: str) -> None:
        self._folder, self.database = folder, database
        self.data = folder / "data"
        self.file = self.data / "hub.db"
        self.port = free_port()
        self.process: subprocess.Popen[bytes] | None = None
        folder.mkdir()
        settings = "[hub]\nenabled = true\n" + (f'database = "{database}"\n' if database else "")
        (folder / "tawny.toml").write_text(settings + (f'[hub.nats]\naddress = "{nats}"\n' if nats else ""))

    def start(self) -> None:
        words = ["hub", "--config", str(self._folder / "tawny.toml"), "--data", str(self.data)]
        program = [str(Path(sys.executable).with_name("tawny")), *words, "--listen", f"127.0.0.1:{self.port}"]
        with (self._folder / "log").open("ab") as out:
            self.process = subprocess.Popen(program, stdin=subprocess.DEVNULL, stdout=out, stderr=out)
        until(self._answers, PATIENCE_S, "the hub to answer")

    def kill(self) -> None:
        assert self.process is not None
        self.process.kill()
        self.process.wait()

    def stop(self) -> None:
        if self.process is not None:
            ended(self.process)

    @property
    def log(self) -> str:
        return (self._folder / "log").read_text(errors="replace")

    def links(self, url: str, count: int) -> list[JoinLink]:
        """Return new links to join, as `tawny hub link` makes them."""
        key = load_key(self.data)
        assert key is not None
        index = open_index(self.database, self.data, SystemClock())
        try:
            mark = fingerprint(key.public_key().public_bytes_raw())
            return [JoinLink(url, index.invite()[0], mark) for _ in range(count)]
        finally:
            index.close()

    def rows(self, query: str) -> list[tuple[Any, ...]]:
        """Return what is stored in the hub's index."""
        if self.database:
            import psycopg

            with psycopg.connect(self.database) as db:
                return db.execute(query.encode()).fetchall()
        with closing(sqlite3.connect(f"file:{self.file}?mode=ro", uri=True, timeout=30)) as lite:
            return lite.execute(query).fetchall()

    def stored(self) -> tuple[list[tuple[str, str, int | None]], list[tuple[str, str, int, int | None]]]:
        """Return the events (box, id, end) and gaps (box, camera, begin, end) in the hub's index, by its questions."""
        index = open_index(self.database, self.data, SystemClock())
        try:
            boxes = tuple(one.id for one in index.boxes())
            events, after = list[tuple[str, str, int | None]](), None
            while page := index.find(EventQuestion(boxes, after=after, limit=1000)):
                events += [(one.box, str(one.event.id), one.event.end_ms) for one in page]
                after = page[-1].event.start_ms, page[-1].box, str(page[-1].event.id)
            cameras = [PlacedCamera(box, CameraId(_camera(camera))) for box in boxes for camera in range(CAMERAS)]
            lanes = index.lanes(cameras, Span(FIRST_MS, FIRST_MS + 1000 * HOUR_MS))
            gaps = [(one.of.box, str(gap.camera), gap.begin_ms, gap.end_ms) for one in lanes for gap in one.gaps]
        finally:
            index.close()
        return events, gaps

    def copy_to(self, path: Path) -> None:
        """Copy `hub.db` as of now."""
        with closing(sqlite3.connect(self.file, timeout=30)) as source, closing(sqlite3.connect(path)) as target:
            source.backup(target)

    def put_back(self, path: Path) -> None:
        """Replace `hub.db`: the hub doesn't run."""
        for suffix in ("-wal", "-shm"):
            self.file.with_name(self.file.name + suffix).unlink(missing_ok=True)
        shutil.copyfile(path, self.file)

    def _answers(self) -> bool:
        assert self.process is not None
        assert self.process.poll() is None, self.log
        try:
            with socket.create_connection(("127.0.0.1", self.port), 1):
                return True
        except OSError:
            return False


@dataclass
class BoxGroup:
    """Boxes of one process. first: number of the first box."""

    folder: Path
    first: int
    count: int
    line: NetworkRelay
    process: "subprocess.Popen[bytes] | None" = None

    def start(self) -> None:
        (self.folder / "online").write_text("0")
        with (self.folder / "log").open("ab") as out:
            program = [sys.executable, "-P", "-m", "tests.support.many_boxes", str(self.folder)]
            root = Path(__file__).parents[2]
            self.process = subprocess.Popen(
                program, cwd=root, env={"PYTHONPATH": str(root)}, stdin=subprocess.DEVNULL, stdout=out, stderr=out
            )

    def kill(self) -> None:
        assert self.process is not None
        self.process.kill()
        self.process.wait()

    def stop(self) -> None:
        if self.process is not None and self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
            self.process.wait(30)

    @property
    def online(self) -> int:
        return int((self.folder / "online").read_text())

    def history(self, box: int) -> Path:
        return self.folder / f"box-{box:03d}" / FOLDER / DAY


@dataclass
class ManyBoxes:
    """lines: of each carrier, from the boxes to the hub or to its NATS server."""

    hub: HubProcess
    groups: list[BoxGroup]
    lines: Mapping[Carrier, NetworkRelay]
    nats: NatsServer | None
    written_bytes: int = 0
    written_lines: int = 0
    events: set[tuple[str, str, int]] = field(default_factory=set)
    gaps: set[tuple[str, str, int, int]] = field(default_factory=set)

    @property
    def boxes(self) -> int:
        return sum(one.count for one in self.groups)

    @property
    def online(self) -> int:
        return sum(one.online for one in self.groups)

    def write_hour(self, hour: int, parts: int = 1) -> Iterator[int]:
        """Write an hour of all boxes into their histories, part by part; yield after each how many lines it had."""
        hours = {}
        for group in self.groups:
            for box in range(group.first, group.first + group.count):
                lines, events, gaps = hour_of(box, hour)
                hours[group.history(box)] = lines
                self.events |= {(f"box-{box:03d}", *one) for one in events}
                self.gaps |= {(f"box-{box:03d}", *one) for one in gaps}
        for part in range(parts):
            count = 0
            for path, lines in hours.items():
                mine = lines[len(lines) * part // parts : len(lines) * (part + 1) // parts]
                with path.open("ab") as file:
                    self.written_bytes += file.write(b"".join(mine))
                count += len(mine)
            self.written_lines += count
            yield count

    def cut(self, *, is_cut: bool) -> None:
        for line in self.lines.values():
            line.is_cut = is_cut

    def stored_bytes(self) -> int:
        """Return how much of all histories is in the hub, by its cursors."""
        return int(self.hub.rows('SELECT coalesce(sum("offset"), 0) FROM cursors')[0][0])

    def is_all_in(self) -> bool:
        return self.stored_bytes() == self.written_bytes

    def wait_for_all(self, within_s: float) -> float:
        """Wait until all lines are in the hub; return how long it took, s."""
        begun_s = time.monotonic()
        until(self.is_all_in, within_s, "all lines to be in the hub")
        return time.monotonic() - begun_s

    def check(self) -> None:
        """Each event and gap must be there once, as its last line has it. Raises AssertionError."""
        events, gaps = self.hub.stored()
        for what, found, expected in (("event", events, set(self.events)), ("gap", gaps, set(self.gaps))):
            missing, more = len(expected - set(found)), len(set(found) - expected)
            assert not missing, f"{missing} of {len(expected)} are missing: {what}"
            assert not more, f"{more} were never written, or not like this: {what}"
            assert len(found) == len(expected), f"{len(found) - len(expected)} are there twice: {what}"
        assert "Traceback" not in self.hub.log, self.hub.log
        for group in self.groups:
            log = (group.folder / "log").read_text()
            assert "Traceback" not in log, log


@contextmanager
def many_boxes(
    folder: Path,
    groups: Sequence[tuple[Carrier, int]],
    nats: NatsServer | None = None,
    database: str = "",
) -> Iterator[ManyBoxes]:
    """Run a hub and boxes that have joined it. groups: carrier of the line and number of boxes of each process."""
    with ExitStack() as stack:
        hub = HubProcess(folder / "hub", nats.address if nats else "", database)
        stack.callback(hub.stop)
        hub.start()
        ports: dict[Carrier, int] = {"websocket": hub.port}
        if nats is not None:
            ports["nats"] = nats.port
        used = {carrier for carrier, _ in groups}
        lines = {
            carrier: stack.enter_context(tcp_line(("127.0.0.1", port), NetworkRelay()))
            for carrier, port in ports.items()
            if carrier in used
        }
        made, first = ManyBoxes(hub, [], lines, nats), 0
        for number, (carrier, count) in enumerate(groups):
            group = BoxGroup(folder / f"boxes-{number}", first, count, lines[carrier])
            scheme = "nats" if carrier == "nats" else "http"
            links = hub.links(f"{scheme}://127.0.0.1:{lines[carrier].port}", count)
            for box, link in enumerate(links, first):
                group.history(box).parent.mkdir(parents=True)
                group.history(box).touch()
                (group.folder / f"box-{box:03d}" / "link").write_text(str(link))
            made.groups.append(group)
            stack.callback(group.stop)
            group.start()
            first += count
        until(lambda: made.online == made.boxes, PATIENCE_S, "all boxes to be online")
        yield made


if __name__ == "__main__":
    main()
