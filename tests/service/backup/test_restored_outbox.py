"""A restored outbox: nothing that was sent, or numbered, since the backup is sent or numbered again."""

import shutil
from dataclasses import replace
from pathlib import Path

import pytest

from tawny.delivery.delivery import Delivery, DeliveryKind
from tawny.delivery.outbox import LOST, Outbox
from tawny.model.messages import Alarm, ProblemKind
from tawny.service.backup.restored_outbox import OUTBOX, skip_what_was_sent
from tawny.service.delivery.notification_filter import NotificationFilter
from tests.delivery.carried import delivery
from tests.service.delivery.scheduler_rig import Bench, kinds

DAY_S = 86_400
RECAP = NotificationFilter("phone", recap=8 * 60)


class RestoredBench(Bench):
    """A recorder with an outbox in a file, of which a copy was saved."""

    def __init__(self, root: Path, *filters: NotificationFilter) -> None:
        super().__init__(root, *filters)
        self.path, self.saved = root / OUTBOX, root / "saved.db"
        self.open()
        self.clock.advance(120)
        self.scheduler.step()

    def open(self) -> None:
        self.outbox = Outbox(self.path, self.clock)
        self.scheduler = self.again()
        self.scheduler.step()

    def save(self) -> None:
        self.outbox.close()
        shutil.copy(self.path, self.saved)
        self.open()

    def tell_for(self, hours: int) -> list[Delivery]:
        received: list[Delivery] = []
        for _ in range(hours):
            event = self.happens()
            self.clock.advance(5)
            self.over(event)
            received += self.delivered()
            self.clock.advance(3595)
            self.scheduler.step()
        return received + self.delivered()

    def upload(self) -> Delivery:
        taken = self.outbox.take("offsite")
        assert taken
        self.outbox.done(taken, "", 1)
        return taken

    def compared(self) -> list[str]:
        return [one.name for one in self.outbox.sent("offsite", 0, self.clock.now_ms())]

    def restore(self, *, is_same: bool) -> None:
        """is_same: whether the recorder's own outbox is replaced, as on a disk that works."""
        self.outbox.close()
        replaced = self.path.replace(self.path.with_name("replaced.db"))
        shutil.copy(self.saved, self.path)
        skip_what_was_sent(self.path, replaced if is_same else None, self.clock)
        self.open()

    def later(self) -> list[Delivery]:
        """What is told in 40 minutes in which nothing happens."""
        result = self.delivered()
        for _ in range(40):
            self.clock.advance(60)
            self.scheduler.step()
            result += self.delivered()
        return result


@pytest.mark.parametrize("is_same", [True, False])
def test_events_before_the_restore_are_not_told_again(tmp_path: Path, *, is_same: bool) -> None:
    bench = RestoredBench(tmp_path)
    bench.save()
    assert bench.tell_for(3)
    bench.restore(is_same=is_same)
    assert bench.later() == []


def test_events_after_the_restore_are_told(tmp_path: Path) -> None:
    bench = RestoredBench(tmp_path)
    bench.save()
    bench.tell_for(1)
    bench.restore(is_same=True)
    bench.clock.advance(60)
    event = bench.happens()
    assert [one.event for one in bench.delivered()] == [event.id]


@pytest.mark.parametrize("is_same", [True, False])
def test_the_daily_summary_is_not_told_again(tmp_path: Path, *, is_same: bool) -> None:
    bench = RestoredBench(tmp_path, RECAP)
    bench.save()
    assert "recap" in kinds(bench.tell_for(4))
    bench.restore(is_same=is_same)
    assert bench.later() == []


def test_what_waited_at_the_backup_and_was_sent_since_is_not_sent_again(tmp_path: Path) -> None:
    bench = RestoredBench(tmp_path)
    bench.outbox.add([replace(delivery("waits", DeliveryKind.MESSAGE), to="phone")])
    bench.save()
    assert [one.name for one in bench.delivered()] == ["waits"]
    bench.restore(is_same=True)
    assert bench.delivered() == []


def test_what_waits_is_sent_after_the_restore(tmp_path: Path) -> None:
    bench = RestoredBench(tmp_path)
    bench.save()
    bench.outbox.add([replace(delivery("waits", DeliveryKind.MESSAGE), to="phone")])
    bench.restore(is_same=True)
    assert [one.name for one in bench.delivered()] == ["waits"]


def test_what_waits_in_the_backup_is_sent_by_another_computer(tmp_path: Path) -> None:
    bench = RestoredBench(tmp_path)
    bench.outbox.add([replace(delivery("waits", DeliveryKind.MESSAGE), to="phone")])
    bench.save()
    bench.restore(is_same=False)
    assert [one.name for one in bench.delivered()] == ["waits"]


@pytest.mark.parametrize("waits", [False, True])
def test_what_was_uploaded_since_the_backup_is_still_compared(tmp_path: Path, *, waits: bool) -> None:
    """waits: it waited when the backup was made."""
    bench = RestoredBench(tmp_path)
    if not waits:
        bench.save()
    bench.outbox.add([delivery("clip", DeliveryKind.CLIP)])
    if waits:
        bench.save()
    bench.upload()
    bench.clock.advance(20 * DAY_S)
    bench.restore(is_same=True)
    assert bench.compared() == ["clip"]


@pytest.mark.parametrize("was_forgotten", [False, True])
def test_what_is_known_to_be_deleted_there_is_what_was_before_the_restore(
    tmp_path: Path, *, was_forgotten: bool
) -> None:
    """was_forgotten: when the backup was made, and found again since; else the other way round."""
    bench = RestoredBench(tmp_path)
    bench.outbox.add([delivery("clip", DeliveryKind.CLIP)])
    clip = bench.upload()
    bench.outbox.note_lost([clip.id], is_lost=was_forgotten)
    bench.save()
    bench.clock.advance(20 * DAY_S)
    bench.outbox.note_lost([clip.id], is_lost=not was_forgotten)
    bench.restore(is_same=True)
    (found,) = bench.outbox.sent("offsite", 0, bench.clock.now_ms())
    assert found.why == ("" if was_forgotten else LOST)


@pytest.mark.parametrize("is_sent", [False, True])
def test_what_waited_to_be_sent_again_is_still_compared(tmp_path: Path, *, is_sent: bool) -> None:
    """is_sent: it was sent again; else its recording was gone then."""
    bench = RestoredBench(tmp_path)
    bench.outbox.add([delivery("clip", DeliveryKind.CLIP)])
    clip = bench.upload()
    bench.clock.advance(20 * DAY_S)
    bench.outbox.send_again("offsite", [clip.id])
    bench.save()
    if is_sent:
        bench.upload()
    else:
        bench.outbox.drop(clip, "Its recording was deleted.")
    bench.clock.advance(20 * DAY_S)
    bench.restore(is_same=True)
    assert bench.compared() == ["clip"]


def test_the_end_of_a_problem_is_not_told_again(tmp_path: Path) -> None:
    bench = RestoredBench(tmp_path)
    lost = Alarm(ProblemKind.DISK, None, bench.clock.now_ms(), "")
    bench.scheduler.on_message(lost)
    bench.scheduler.step()
    bench.save()
    bench.scheduler.on_message(replace(lost, until_ms=bench.clock.now_ms()))
    bench.scheduler.step()
    (over,) = bench.delivered()  # the begin waited
    assert over.content["until_ms"] is not None
    bench.restore(is_same=True)
    assert bench.later() == []


@pytest.mark.parametrize("is_begun", [False, True])
def test_a_damaged_outbox_is_replaced(tmp_path: Path, *, is_begun: bool) -> None:
    bench = RestoredBench(tmp_path)
    bench.save()
    bench.outbox.add([delivery(f"clip {n}", DeliveryKind.CLIP) for n in range(100)])
    bench.outbox.close()
    content = bench.path.read_bytes()
    damaged = content[: len(content) // 2] + bytes(len(content) // 2) if is_begun else b"no database" * 1000
    (tmp_path / "damaged.db").write_bytes(damaged)
    skip_what_was_sent(bench.saved, tmp_path / "damaged.db", bench.clock)
    assert Outbox(bench.saved, bench.clock).since_ms("phone") == bench.clock.now_ms()


def test_counters_go_on_above_all_given_numbers(tmp_path: Path) -> None:
    """What was given since the backup isn't known, also to targets that the backup doesn't have."""
    bench = RestoredBench(tmp_path)
    bench.outbox.number("offsite", "a")
    bench.save()
    bench.restore(is_same=False)
    from_s = bench.clock.now_ms() // 1000
    found = [bench.outbox.number(*key) for key in (("offsite", "b"), ("new", "b"), ("offsite", "c"), ("offsite", "b"))]
    assert found == [from_s + 1, from_s + 1, from_s + 2, from_s + 1]


def test_counters_go_on_where_the_backup_has_no_outbox(tmp_path: Path) -> None:
    clock = Bench(tmp_path).clock
    skip_what_was_sent(tmp_path / OUTBOX, None, clock)
    assert Outbox(tmp_path / OUTBOX, clock).number("offsite", "a") == clock.now_ms() // 1000 + 1


def test_counters_go_on_above_those_of_the_replaced_outbox_while_the_clock_is_behind(tmp_path: Path) -> None:
    bench = RestoredBench(tmp_path)
    bench.save()
    bench.restore(is_same=False)
    raised = bench.outbox.number("offsite", "a")
    bench.outbox.close()
    bench.clock.jump_utc(-3600)
    bench.open()
    bench.restore(is_same=True)
    found = [bench.outbox.number(*key) for key in (("offsite", "b"), ("new", "b"))]
    assert found == [raised + 1, raised]


def test_what_is_paused_is_what_was_before_the_restore(tmp_path: Path) -> None:
    bench = RestoredBench(tmp_path)
    bench.outbox.mark("paused/nas", "1")
    bench.save()
    bench.outbox.mark("paused/nas", "")
    bench.outbox.mark("paused/phone", "1")
    bench.restore(is_same=True)
    assert bench.outbox.marks("paused/") == {"paused/phone": "1"}
