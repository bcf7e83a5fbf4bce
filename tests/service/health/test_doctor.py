"""Whatever is wrong is told once, and once when it is over: each trouble, from its cause to the notifier's message."""

import socket
import ssl
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack, suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest

from tawny.delivery.delivery import Delivery, DeliveryKind
from tawny.delivery.targets import OutboxBacklog, TargetView
from tawny.engine import InlineEngine, ThreadEngine
from tawny.model.messages import Alarm, ProblemKind
from tawny.model.segments import Gap, GapReason
from tawny.model.states import BLINDED, CHOSEN, ON_WATCH, CameraState
from tawny.model.times import SystemClock, is_kernel_synchronized
from tawny.service.delivery.delivery_service import DeliveryService
from tawny.service.health.alarms import AlarmMonitor, HealthProblem
from tawny.service.health.checks import (
    CertificateWatch,
    ClockWatch,
    GapWatch,
    HealthCheck,
    HealthCheckRunner,
    is_clock_synchronized,
    uploads_behind,
)
from tawny.service.plugin_registry import PluginRegistry
from tawny.testing.clock import FakeClock
from tawny.testing.http_service import StandIn, served
from tests.api.fakes import FakeRecorder
from tests.app.rig import settings
from tests.delivery.certificates import self_signed
from tests.playback.archives import PORCH


class Bench:
    """Troubles as the recorder has them; a notifier that is told of each by a real webhook."""

    def __init__(self, root: Path, service: StandIn) -> None:
        self.clock, self.service = FakeClock(), service
        self.recorder = FakeRecorder(root, self.clock)
        text = f'[notifiers.hook]\nurl = "webhook+{service.base}/"\n'
        self.outward = DeliveryService(
            settings(text),
            ":memory:",
            self.recorder,
            PluginRegistry.opened(),
            self.clock,
            ThreadEngine(self.clock, lambda part, error: None),
        )
        self.root, self.certificate = root, root / "shown.pem"
        self.stack = ExitStack()
        self.is_kept: bool | None = True
        self.is_paused = False
        self.address = ""
        self.others: list[HealthProblem] = []
        looks = [
            HealthCheck(
                GapWatch(lambda: [one.status for one in self.recorder.listed], self.recorder.index, self.clock)
            ),
            HealthCheck(ClockWatch(lambda: self.is_kept, self.clock)),
            HealthCheck(CertificateWatch(lambda: self.address, SystemClock()), 60.0),
            HealthCheck(lambda: uploads_behind([self.nas()], 1_000_000, self.clock.now_ms(), self.overflowed())),
        ]
        self.doctor = HealthCheckRunner(looks, self.clock)
        self.raised: list[Alarm] = []
        self.alarms = AlarmMonitor(self._troubles, self.clock, self._tell)
        self.engine = InlineEngine(self.clock, lambda _, error: pytest.fail(str(error)))
        self.outward.notifications.start(self.engine)
        self.engine.start("doctor", lambda: self.doctor)
        self.engine.start("alarms", lambda: self.alarms)

    def overflowed(self) -> dict[str, int]:
        return self.outward.outbox.overflowed(self.clock.now_ms() - 86_400_000)

    def nas(self) -> TargetView:
        """A destination, with what waits for it."""
        outbox = self.outward.outbox
        waiting, trouble = outbox.waiting("nas"), outbox.trouble("nas")
        return TargetView("nas", "destination", "", "", "", waiting, trouble, self.is_paused, (), {})

    def _troubles(self) -> Iterator[HealthProblem]:
        for one in self.recorder.listed:
            if one.status.state in BLINDED:
                yield HealthProblem(ProblemKind.SIGHT, one.status.id, one.status.detail)
            elif one.status.state not in ON_WATCH | CHOSEN:
                yield HealthProblem(ProblemKind.CAMERA, one.status.id, one.status.detail)
        yield from self.others
        yield from self.doctor()

    def _tell(self, alarm: Alarm) -> None:
        self.raised.append(alarm)
        lasting = [one for one in self.recorder.alarmed if (one.what, one.camera) != (alarm.what, alarm.camera)]
        self.recorder.alarmed = lasting if alarm.until_ms is not None else [*lasting, alarm]
        self.outward.notifications.scheduler.on_message(alarm)

    def serve(self) -> int:
        """An address with the certificate that is there by then; its port."""
        door = self.stack.enter_context(socket.create_server(("127.0.0.1", 0)))
        self.stack.callback(door.shutdown, socket.SHUT_RDWR)
        threading.Thread(target=self._shake_hands, args=(door,), daemon=True).start()
        return int(door.getsockname()[1])

    def _shake_hands(self, door: socket.socket) -> None:
        while True:
            try:
                line, _ = door.accept()
            except OSError:
                return
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            context.load_cert_chain(self.certificate)
            with line, suppress(OSError):
                context.wrap_socket(line, server_side=True).close()

    @property
    def messages(self) -> list[str]:
        return [f"{one.json['title']} {one.json['text']}" for one in self.service.asked]


@pytest.fixture
def bench(tmp_path: Path) -> Iterator[Bench]:
    with served(StandIn()) as service:
        made = Bench(tmp_path, service)
        yield made
        made.engine.stop()
        made.outward.close()
        made.stack.close()


@dataclass
class Row:
    """what: the alarm. wrong, well: make it so. words: of the message. lasts_s: until it is over after that."""

    what: str
    wrong: Callable[[Bench], Any]
    well: Callable[[Bench], Any]
    words: str
    lasts_s: float = 120.0
    begins_s: float = 120.0


def gaps(bench: Bench) -> None:
    """Ten of ten seconds within the last hour."""
    for number in range(10):
        begin_ms = bench.clock.now_ms() - 60_000 * (number + 1)
        bench.recorder.index.put_gap(Gap(PORCH, begin_ms, begin_ms + 10_000, GapReason.STALLED))


def waits(bench: Bench, *, size_bytes: int = 0, why: str = "") -> None:
    """An upload that was tried in vain, or one that is large."""
    now_ms = bench.clock.now_ms()
    bench.outward.outbox.add([Delivery("nas", "x.mp4", DeliveryKind.CLIP, {}, now_ms, now_ms, size_bytes=size_bytes)])
    if why:
        taken = bench.outward.outbox.take("nas")
        assert taken is not None
        bench.outward.outbox.failed(taken, why, now_ms + 10**9)


def test_what_is_sent_again_makes_no_growing_queue(bench: Bench) -> None:
    outbox, now_ms = bench.outward.outbox, bench.clock.now_ms()
    waits(bench, size_bytes=400_000)
    sent = outbox.take("nas")
    assert sent
    outbox.done(sent, "", 900_000)
    outbox.send_again("nas", [sent.id])
    assert list(uploads_behind([bench.nas()], 1_000_000, now_ms)) == []
    outbox.add([Delivery("nas", "y.mp4", DeliveryKind.CLIP, {}, now_ms, now_ms, size_bytes=600_000)])
    [found] = uploads_behind([bench.nas()], 1_000_000, now_ms)
    assert found.detail == "600 kB are waiting for nas, and the queue is growing."


def overflow(bench: Bench) -> None:
    waits(bench, size_bytes=1)
    assert bench.outward.outbox.keep_within(0)


def sent(bench: Bench) -> None:
    found = bench.outward.outbox.find("nas", "x.mp4")
    assert found is not None
    bench.outward.outbox.drop(found, "")


def ends_in(days: float) -> Callable[[Bench], None]:
    """The certificate at our address."""

    def put(bench: Bench) -> None:
        bench.certificate.write_bytes(self_signed(bench.root, days).read_bytes())
        bench.address = bench.address or f"https://127.0.0.1:{bench.serve()}"

    return put


def others(trouble: HealthProblem) -> tuple[Callable[[Bench], Any], Callable[[Bench], Any]]:
    return (lambda bench: bench.others.append(trouble)), (lambda bench: bench.others.clear())


def set_kept(kept: bool | None) -> Callable[[Bench], None]:
    return lambda bench: setattr(bench, "is_kept", kept)


TABLE = [
    Row(
        "camera",
        lambda bench: bench.recorder.set_state(CameraState.OFFLINE, "No answer."),
        lambda bench: bench.recorder.set_state(CameraState.RECORDING),
        "has not been recording since",
    ),
    Row(
        "sight",
        lambda bench: bench.recorder.set_state(CameraState.COVERED, "Is it covered?"),
        lambda bench: bench.recorder.set_state(CameraState.RECORDING),
        "Is it covered?",
    ),
    Row("gap", gaps, lambda bench: None, "100 s of the last hour are missing, in 10 short gaps", lasts_s=3700),
    Row(
        "disk",
        *others(HealthProblem(ProblemKind.DISK, None, "The disk at /d failed.", "Check it.")),
        "The disk at /d failed.",
    ),
    Row("room", *others(HealthProblem(ProblemKind.ROOM, None, "It will be full in 2 days.")), "full in 2 days"),
    Row(
        "upload",
        lambda bench: waits(bench, why="No answer."),
        sent,
        "1 item is waiting for nas, the oldest for",
        begins_s=1000,
    ),
    Row("upload", lambda bench: waits(bench, size_bytes=600_000), sent, "600 kB are waiting for nas"),
    Row("upload", overflow, lambda bench: None, "1 item was dropped that waited for nas", lasts_s=86_400),
    Row("clock", set_kept(False), set_kept(True), "Nothing synchronizes the clock", begins_s=700),
    Row("certificate", ends_in(3), ends_in(300), "The certificate of 127.0.0.1 expires in 3 days"),
    Row("certificate", ends_in(0.4), ends_in(300), "The certificate of 127.0.0.1 expires in 1 day."),
    Row("certificate", ends_in(-0.5), ends_in(300), "The certificate of 127.0.0.1 has expired"),
]


@pytest.mark.parametrize("row", TABLE, ids=lambda row: f"{row.what}: {row.words[:12]}")
def test_each_is_told_once_and_once_when_it_is_over(bench: Bench, row: Row) -> None:
    row.wrong(bench)
    bench.engine.run_for(row.begins_s)
    assert [(one.what, one.until_ms) for one in bench.raised] == [(row.what, None)]
    bench.engine.run_for(600)
    assert len(bench.messages) == 1
    assert row.words in bench.messages[0]
    row.well(bench)
    bench.engine.run_for(row.lasts_s)
    assert len(bench.raised) == 2
    assert (bench.raised[1].what, bench.alarms.now) == (row.what, ())
    bench.engine.run_for(3600)
    assert len(bench.messages) == 2


def test_nothing_is_wrong_and_nothing_is_told(bench: Bench) -> None:
    bench.is_kept = None
    bench.address = "https://127.0.0.1:1"
    begin_ms = bench.clock.now_ms()
    for reason in (GapReason.OFF, GapReason.PRIVACY, GapReason.RECORDER_OFF):
        bench.recorder.index.put_gap(Gap(PORCH, begin_ms - 29_000, begin_ms, reason))
    bench.recorder.index.put_gap(Gap(PORCH, begin_ms - 400_000, begin_ms - 300_000, GapReason.STALLED))
    bench.is_paused = True
    waits(bench, why="No answer.", size_bytes=900_000)
    bench.engine.run_for(7200)
    assert bench.raised == []


def test_a_year_that_cannot_be_is_told_at_once(bench: Bench) -> None:
    bench.clock.jump_utc(-50 * 365 * 86_400)
    assert [one.detail for one in ClockWatch(lambda: True, bench.clock)()] == [
        "The clock of this computer is wrong: it shows 1976."
    ]


@pytest.mark.parametrize(
    ("kernel", "env", "files", "expected"),
    [
        (True, {}, [], True),
        (False, {}, [], False),
        (None, {}, [], None),
        (False, {}, ["run/systemd/timesync/synchronized"], False),
        (None, {}, ["run/systemd/timesync/synchronized"], True),
        (False, {"container": "lxc"}, [], None),
        (False, {}, [".dockerenv"], None),
        (False, {}, ["run/systemd/container"], None),
        (True, {}, ["run/.containerenv"], True),
    ],
)
def test_a_containers_clock_is_not_said_to_be_wrong(
    kernel: bool | None, env: dict[str, str], files: list[str], expected: bool | None, tmp_path: Path
) -> None:
    for name in files:
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).touch()
    assert is_clock_synchronized(lambda: kernel, env, tmp_path) is expected


def test_the_kernel_is_asked_about_the_clock() -> None:
    assert is_kernel_synchronized() in (True, False, None)


def test_while_a_backlog_lasts_for_days_other_targets_and_losses_are_still_reported() -> None:
    clock, alarms, overflowed = FakeClock(), list[Alarm](), dict[str, int]()
    since_ms = clock.now_ms()
    views = list[TargetView]()

    def fail(name: str) -> None:
        backlog = OutboxBacklog(3, 1000, since_ms)
        views.append(TargetView(name, "destination", "", "", "", backlog, f"{name} isn't responding.", False, (), {}))

    monitor = AlarmMonitor(lambda: uploads_behind(views, 0, clock.now_ms(), overflowed), clock, alarms.append)

    def one_day() -> None:
        for _ in range(24 * 60):
            monitor.step()
            clock.advance(60)

    fail("nas")
    one_day()
    fail("mail")
    one_day()
    overflowed["nas"] = 412
    one_day()
    del views[0]
    one_day()
    details = [one.detail for one in alarms]
    assert [sum(word in one for one in details) for word in ("nas isn't", "mail isn't", "412 items")] == [3, 3, 1]
    assert [len(alarms), details[-1].startswith("3 items are waiting for mail")] == [4, True]


def test_a_backlog_begins_and_ends_for_itself_while_a_destination_is_not_swept(bench: Bench) -> None:
    result = list[Alarm]()

    def look() -> Iterator[HealthProblem]:
        nas = replace(bench.nas(), unswept="Expired uploads stay at nas: nas refused the login.")
        return uploads_behind([nas], 0, bench.clock.now_ms())

    monitor = AlarmMonitor(look, bench.clock, result.append)
    for step in range(30):
        if step == 10:
            waits(bench, why="nas is unreachable.")
            bench.clock.advance(3600)
        if step == 20:
            sent(bench)
        monitor.step()
        bench.clock.advance(5)
    assert [(one.what, one.until_ms is None, one.changed_ms) for one in result] == [
        (ProblemKind.SWEEP, True, None), (ProblemKind.UPLOAD, True, None), (ProblemKind.UPLOAD, False, None),
    ]  # fmt: skip
