"""Uploads that were deleted, emptied or replaced at their destination: found, and sent again."""

from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from tawny.cli import check_witnesses
from tawny.cli.main import main
from tawny.cli.output import Output
from tawny.config.loader import read_settings
from tawny.config.settings import Settings
from tawny.delivery.courier import Courier, DeliveryRoute
from tawny.delivery.delivery import Delivery, DeliveryContent, DeliveryKind, DeliveryState
from tawny.delivery.outbox import MOST_WAITING, QUEUE_FULL, REPLACED, Outbox
from tawny.model.errors import NotDone
from tawny.model.events import Event
from tawny.model.geometry import Polygon
from tawny.model.ids import EventId, StreamName
from tawny.model.times import Span
from tawny.playback.clips import ClipCache
from tawny.service.delivery.event_forms import EventForms
from tawny.service.delivery.replaced_parts import replaced_parts
from tawny.service.delivery.resending import UploadResender
from tawny.service.plugin_registry import PluginRegistry
from tawny.storage.disk.volume import Volume
from tawny.storage.repair.findings import Finding, FindingKind
from tawny.testing.clock import FakeClock
from tests.api.fakes import FakeRecorder
from tests.delivery.destinations.servers import dav_server
from tests.playback.archives import PORCH

BUDGET_BYTES = 10**9
DAY_S = 86_400
PASSWORD = "password"
NONE = dict.fromkeys(("missing", "changed", "sent", "gone", "partial", "later", "too_large"), 0)


class NoCarrier:
    """A connection over which nothing should go."""

    def carry(self, delivery: Delivery, content: DeliveryContent, note: Callable[[str], None]) -> str:
        pytest.fail(delivery.name)

    def close(self) -> None:
        """No resources to release."""


class Bench:
    """A recorder whose event has been uploaded: image and clip, and a part that the clip replaced."""

    def __init__(self, root: Path, url: str) -> None:
        self.data, self.there, self.clock = root / "data", root / "nas", FakeClock()
        for folder in (self.data, self.there, root / "recorded"):
            folder.mkdir()
        self.url, self.config = url, root / "tawny.toml"
        self.recorder = FakeRecorder(root / "recorded", self.clock)
        self.outbox = Outbox(self.data / "outbox.db", self.clock)
        self.at_ms = self.clock.now_ms()
        self.recorder.record(self.at_ms, seconds=10)
        event = Event(EventId("e"), PORCH, "person", self.at_ms, self.at_ms + 5000, 80.0)
        self.recorder.index.put_event(replace(event, picture_ms=self.at_ms))
        self.recorder.event_pictures[event.id] = b"jpeg"
        self.clock.advance(60)
        self.sends("porch/e.jpg", DeliveryKind.PICTURE)
        self.sends("porch/e.mp4", DeliveryKind.CLIP)
        self.sends("parts/e.001.mp4", DeliveryKind.PIECE)  # of a time when the login might only write
        (self.there / "parts/e.001.mp4").unlink()
        self.sends("porch/e.001.mp4", DeliveryKind.PIECE)
        part = self.outbox.find("nas", "porch/e.001.mp4")
        assert part is not None
        self.outbox.renew(replace(part, what=DeliveryKind.REMOVAL, state=DeliveryState.WAITING))
        self.outbox.done(self.taken(), "", 0)
        (self.there / "porch/e.001.mp4").unlink()
        self.clock.advance(60)

    def sends(self, name: str, what: DeliveryKind) -> None:
        content = {"from_ms": self.at_ms, "to_ms": self.at_ms + 5000, "event": "e"}
        self.outbox.add([
            Delivery(
                "nas", name, what, content, self.clock.now_ms(), self.at_ms, PORCH, EventId("e"),
                Span(self.at_ms, self.at_ms + 5000),
            )
        ])  # fmt: skip
        file = self.there / name
        file.parent.mkdir(exist_ok=True)
        file.write_bytes(b"its content")
        self.outbox.done(self.taken(), name, file.stat().st_size)

    def taken(self) -> Delivery:
        taken = self.outbox.take("nas")
        assert taken is not None
        return taken

    def settings(self, more: str = "") -> Settings:
        self.config.write_text(
            f'[storage]\npath = "{self.data}"\n[destinations.nas]\nurl = "{self.url.format(nas=self.there)}"\n{more}\n'
        )
        return read_settings(self.config)

    def check(self, more: str = "") -> list[Finding]:
        volume, out = Volume.at(self.data), Output(as_json=False)
        return check_witnesses.uploaded(self.settings(more), volume, self.clock, out)[1]

    def resend(self, more: str = "", since_ms: int = 0, budget_bytes: int = BUDGET_BYTES) -> dict[str, int]:
        resender = UploadResender(self.outbox, self.recorder, PluginRegistry.opened(), self.clock)
        return resender.resend("nas", self.settings(more).destinations["nas"], since_ms, budget_bytes)

    def forget(self) -> dict[str, int]:
        resender = UploadResender(self.outbox, self.recorder, PluginRegistry.opened(), self.clock)
        return resender.forget("nas", self.settings().destinations["nas"], 0)

    def waiting(self) -> list[str]:
        names = []
        while (one := self.outbox.take("nas")) is not None:
            names.append(one.name)
        return names


@pytest.fixture(params=["folder", "webdav"])
def bench(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Bench]:
    if request.param == "folder":
        yield Bench(tmp_path, "folder:{nas}")
        return
    with dav_server(tmp_path, PASSWORD) as port:
        yield Bench(tmp_path, f"dav://cam:{PASSWORD}@127.0.0.1:{port}/nas")


@pytest.fixture
def local(tmp_path: Path) -> Bench:
    return Bench(tmp_path, "folder:{nas}")


def test_what_is_there_is_no_finding(bench: Bench) -> None:
    assert bench.check() == []
    assert bench.resend() == NONE


def test_deleted_and_emptied_uploads_are_found_and_sent_again(bench: Bench) -> None:
    (bench.there / "porch/e.jpg").unlink()
    (bench.there / "porch/e.mp4").write_bytes(b"")
    [found] = bench.check()
    assert (found.what.value, found.path) == ("uploads are lost", "nas")
    assert found.detail.startswith("1 missing, 1 with another size; from 2026-11-20 ")
    assert bench.resend() == {**NONE, "missing": 1, "changed": 1, "sent": 2}
    assert bench.check() == []  # they wait
    assert bench.outbox.waiting("nas").oldest_ms == bench.clock.now_ms()  # no backlog
    assert bench.waiting() == ["porch/e.jpg", "porch/e.mp4"]


def test_uploads_older_than_the_retention_may_be_gone(local: Bench) -> None:
    (local.there / "porch/e.jpg").unlink()
    local.clock.advance(2 * DAY_S)
    assert local.check('retention = "1 day"') == []
    assert local.resend('retention = "1 day"')["missing"] == 0
    assert len(local.check()) == 1


def test_only_what_happened_since_a_time_is_sent_again(local: Bench) -> None:
    (local.there / "porch/e.jpg").unlink()
    assert local.resend(since_ms=local.at_ms + 1)["missing"] == 0
    assert local.resend(since_ms=local.at_ms)["sent"] == 1


def test_what_the_recorder_has_no_more_is_counted(local: Bench) -> None:
    for name in ("porch/e.jpg", "porch/e.mp4"):
        (local.there / name).unlink()
    index = local.recorder.index
    index.drop_event(EventId("e"))
    index.drop_segments(index.segments(PORCH, None, Span(0, 1 << 45)))
    assert local.resend() == {**NONE, "missing": 2, "gone": 2}
    assert local.waiting() == []
    assert (len(local.check()), local.resend()["gone"]) == (1, 2)  # an index may be complete later


def test_what_is_gone_once_it_is_sent_again_is_compared_further(local: Bench) -> None:
    for name in ("porch/e.jpg", "porch/e.mp4"):
        (local.there / name).unlink()
    sent = list(local.outbox.sent("nas", 0, local.clock.now_ms()))
    assert local.resend()["sent"] == 2
    index = local.recorder.index
    index.drop_event(EventId("e"))
    index.drop_segments(index.segments(PORCH, None, Span(0, 1 << 45)))
    forms, ended = EventForms(local.recorder, ClipCache(local.recorder), lambda _: None), list[Delivery]()
    courier = Courier(1, DeliveryRoute("nas", NoCarrier, forms.of), local.outbox, local.clock, ended.append)
    for _ in range(3):
        courier.step()
    assert [one.name for one in ended] == ["porch/e.jpg", "porch/e.mp4"]
    assert list(local.outbox.sent("nas", 0, local.clock.now_ms())) == sent
    assert (len(local.check()), local.resend()["gone"]) == (1, 2)


def test_a_clip_that_is_gone_once_it_is_sent_again_loses_no_parts(local: Bench) -> None:
    local.outbox.add([clip_part(local)])
    local.outbox.drop(local.taken(), REPLACED)
    local.clock.advance(5 * DAY_S)
    (local.there / "porch/e.mp4").unlink()
    local.resend()
    assert (local.outbox.drop(local.taken(), "Its recording was deleted."), local.outbox.overflowed(0)) == (0, {})


def test_a_clip_that_is_sent_again_lets_no_parts_wait_again(local: Bench) -> None:
    local.outbox.add([clip_part(local)])
    local.outbox.drop(local.taken(), REPLACED)
    (local.there / "porch/e.mp4").unlink()
    assert local.resend()["sent"] == 1
    clip, now_ms = local.taken(), local.clock.now_ms()
    assert replaced_parts(local.outbox, clip, [], now_ms) == []
    first = replace(clip, done_ms=None)
    assert [one.name for one in replaced_parts(local.outbox, first, [], now_ms)] == ["porch/e.002.mp4"]


def test_no_part_is_replaced_by_a_clip_that_is_sent_again(local: Bench) -> None:
    """It loses none: if it is gone then, the part is the only one that has the video."""
    (local.there / "porch/e.mp4").unlink()
    assert local.resend()["sent"] == 1
    local.outbox.add([clip_part(local)])
    assert [one.why for one in local.outbox.keep_within(10**9, most=0)] == [QUEUE_FULL]


def clip_part(bench: Bench) -> Delivery:
    """A part of the event, which is in its clip."""
    span, made_ms = Span(bench.at_ms, bench.at_ms + 3000), bench.clock.now_ms()
    content = {"from_ms": span.begin_ms, "to_ms": span.end_ms, "event": "e"}
    return Delivery(
        "nas", "porch/e.002.mp4", DeliveryKind.PIECE, content, made_ms, bench.at_ms, PORCH, EventId("e"), span
    )


@pytest.mark.parametrize("sealed", [False, True])
def test_a_picture_that_is_no_longer_on_the_disk_is_gone(local: Bench, *, sealed: bool) -> None:
    """Events with feedback are restored with its time, but without it."""
    picture = local.outbox.find("nas", "porch/e.jpg")
    assert picture
    local.outbox.renew(replace(picture, content={"sealed": sealed}, state=DeliveryState.DONE, done_ms=0))
    (local.there / "porch/e.jpg").unlink()
    local.recorder.event_pictures.clear()
    assert local.resend()["gone"] == 1
    if sealed:
        local.recorder.sealed_pictures[EventId("e")] = local.there / "e.jpg.tws"
    else:
        local.recorder.event_pictures[EventId("e")] = b"jpeg"
    assert local.resend()["sent"] == 1


@pytest.mark.parametrize(("form", "result"), [("mp4", "gone"), ("sheet", "sent")])
def test_a_clip_too_long_for_privacy_masks_is_gone(local: Bench, form: str, result: str) -> None:
    local.recorder.record(local.at_ms, seconds=400)
    clip = local.outbox.find("nas", "porch/e.mp4")
    assert clip
    content = {"from_ms": local.at_ms, "to_ms": local.at_ms + 400_000, "form": form}
    local.outbox.renew(replace(clip, content=content, state=DeliveryState.DONE))
    (local.there / "porch/e.mp4").unlink()
    local.recorder.hidden = (Polygon.of([(0, 0), (0.2, 0), (0.2, 0.2)]),)
    assert local.resend()[result] == 1


def test_uploads_that_were_deleted_on_purpose_are_no_longer_compared(local: Bench) -> None:
    (local.there / "porch/e.jpg").unlink()
    (local.there / "porch/e.mp4").write_bytes(b"")
    assert local.forget() == {"missing": 1, "changed": 1, "forgotten": 2}
    assert (local.check(), local.resend()["sent"], local.waiting()) == ([], 0, [])


def test_forgotten_uploads_that_are_there_again_are_compared(local: Bench) -> None:
    local.there.rename(local.there.with_name("share"))
    local.there.mkdir()  # the mount point
    assert local.forget()["forgotten"] == 2
    local.there.rmdir()
    local.there.with_name("share").rename(local.there)
    assert local.resend()["missing"] == 0
    (local.there / "porch/e.jpg").unlink()
    assert (len(local.check()), local.resend()["sent"]) == (1, 1)


@pytest.mark.parametrize("stream", StreamName)
@pytest.mark.parametrize("there", [b"cut and stored again by its owner", b"", None])
def test_part_of_a_recording_replaces_only_empty_files(local: Bench, there: bytes | None, stream: StreamName) -> None:
    index = local.recorder.index
    index.drop_segments(index.segments(PORCH, None, Span(0, 1 << 45)))
    if stream is StreamName.MAIN:
        local.recorder.record(local.at_ms + 4000, seconds=1)
    else:
        local.recorder.record(local.at_ms, seconds=10, stream=stream)
    clip = local.there / "porch/e.mp4"
    clip.unlink()
    if there is not None:
        clip.write_bytes(there)
    result = local.resend()
    assert (result["partial"], local.waiting()) == (1, [] if there else ["porch/e.mp4"])


def test_a_short_gap_makes_no_part_of_a_recording(local: Bench) -> None:
    index = local.recorder.index
    index.drop_segments(index.segments(PORCH, None, Span(0, 1 << 45)))
    local.recorder.record(local.at_ms + 400, seconds=2)
    local.recorder.record(local.at_ms + 2800, seconds=2)
    (local.there / "porch/e.mp4").write_bytes(b"encrypted")
    assert (local.resend()["partial"], local.waiting()) == (0, ["porch/e.mp4"])


def test_what_is_in_the_file_that_is_being_recorded_is_sent_again(local: Bench) -> None:
    index = local.recorder.index
    index.drop_segments(index.segments(PORCH, None, Span(0, 1 << 45)))
    local.recorder.record(local.at_ms, seconds=10, is_open=True)
    (local.there / "porch/e.mp4").unlink()
    assert (local.resend()["sent"], local.waiting()) == (1, ["porch/e.mp4"])


@pytest.mark.parametrize("limit", ["size", "count"])
def test_the_queue_keeps_room_for_new_events(local: Bench, limit: str) -> None:
    (local.there / "porch/e.jpg").unlink()
    if limit == "count":
        more = [Delivery("nas", f"{n}.jpg", DeliveryKind.PICTURE, {}, 0, 0) for n in range(MOST_WAITING // 2)]
        local.outbox.add(more)
    else:
        local.outbox.add([Delivery("nas", "now.mp4", DeliveryKind.CLIP, {}, 0, 0, size_bytes=1)])
    result = local.resend(budget_bytes=22 if limit == "size" else BUDGET_BYTES)
    assert (result["sent"], result["later"], result["too_large"]) == (0, 1, int(limit == "size"))


def test_removals_take_no_room(local: Bench) -> None:
    (local.there / "porch/e.jpg").unlink()
    swept = [Delivery("nas", f"{n}.jpg", DeliveryKind.REMOVAL, {}, 0, 0) for n in range(MOST_WAITING // 2)]
    local.outbox.add(swept)
    assert local.resend()["sent"] == 1


def test_what_is_removed_since_it_was_compared_is_not_sent_again(local: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    (local.there / "porch/e.jpg").unlink()
    (local.there / "porch/e.mp4").unlink()

    def sweep(*_: object, **__: object) -> None:
        local.outbox.renew(Delivery("nas", "porch/e.mp4", DeliveryKind.REMOVAL, {}, made_ms=0, at_ms=0))

    monkeypatch.setattr(local.outbox, "note_lost", sweep)
    result = local.resend()
    assert (result["sent"], result["gone"]) == (1, 0)


def test_what_another_command_sends_again_is_counted_once(local: Bench) -> None:
    (local.there / "porch/e.jpg").unlink()
    [jpg] = [one for one in local.outbox.sent("nas", 0, local.clock.now_ms()) if one.name == "porch/e.jpg"]
    assert [local.outbox.send_again("nas", [jpg.id]) for _ in range(2)] == [1, 0]
    assert local.outbox.send_again("nas", []) == 0


def test_a_file_larger_than_its_share_of_the_queue_is_sent_if_nothing_else_waits(local: Bench) -> None:
    for name in ("porch/e.jpg", "porch/e.mp4"):
        (local.there / name).unlink()
    too_large, fits = local.resend(budget_bytes=10), local.resend(budget_bytes=20)
    assert [(one["sent"], one["later"]) for one in (too_large, fits)] == [(0, 2), (1, 1)]


def resent_before(bench: Bench) -> Delivery:
    """Let event and recording of an earlier time be sent again; return a new part to be sent."""
    bench.outbox.send_again("nas", [one.id for one in bench.outbox.sent("nas", 0, bench.clock.now_ms())])
    at_ms = bench.clock.now_ms()
    return Delivery("nas", "now.001.mp4", DeliveryKind.PIECE, {}, at_ms, at_ms, size_bytes=11)


def test_what_happens_now_leaves_before_what_is_sent_again(local: Bench) -> None:
    earlier_ms = local.at_ms - 1000
    for name in ("earlier.tws", "later.tws"):  # of an encrypted camera: as important as parts
        content, at_ms = {"segment": name}, earlier_ms if name == "earlier.tws" else earlier_ms + 1
        local.outbox.add([Delivery("nas", name, DeliveryKind.CLIP, content, earlier_ms, at_ms)])
        local.outbox.done(local.taken(), name, 11)
    local.clock.advance(60)
    local.outbox.add([resent_before(local)])
    assert local.waiting() == ["now.001.mp4", "porch/e.jpg", "porch/e.mp4", "later.tws", "earlier.tws"]


def test_what_is_sent_again_leaves_a_full_queue_first_and_is_compared_again(local: Bench) -> None:
    sent = list(local.outbox.sent("nas", 0, local.clock.now_ms()))
    local.outbox.add([resent_before(local)])
    assert (local.outbox.keep_within(11), local.outbox.overflowed(0)) == ([], {})
    assert list(local.outbox.sent("nas", 0, local.clock.now_ms())) == sent
    assert local.waiting() == ["now.001.mp4"]
    (local.there / "porch/e.mp4").unlink()
    assert local.resend()["missing"] == 1


@pytest.mark.parametrize(("budget_bytes", "most"), [(19, MOST_WAITING), (BUDGET_BYTES, 1)])
def test_new_events_stay_while_an_upload_is_sent_again(local: Bench, budget_bytes: int, most: int) -> None:
    (local.there / "porch/e.mp4").unlink()
    assert local.resend(budget_bytes=19)["sent"] == 1
    local.taken()
    local.outbox.add([Delivery("nas", "now.mp4", DeliveryKind.CLIP, {}, 0, 0, size_bytes=9)])
    assert (local.outbox.keep_within(budget_bytes, most=most), local.waiting()) == ([], ["now.mp4"])


def test_a_destination_that_may_only_be_written_is_not_listed(local: Bench) -> None:
    (local.there / "porch/e.jpg").unlink()
    assert local.check("write_only = true") == []
    with pytest.raises(NotDone, match="its login may only write"):
        local.resend("write_only = true")


def test_a_destination_that_is_away_is_a_finding(local: Bench) -> None:
    """Otherwise a weekly check would say for months that all is well."""
    local.there.rename(local.there.with_name("away"))
    [found] = local.check()
    assert (found.what, found.path) == (FindingKind.NOT_COMPARED, "nas")
    assert found.detail.startswith("Not found at nas") and "retries" not in found.detail


@pytest.mark.parametrize("as_json", [False, True])
def test_a_check_without_an_answer_of_a_destination_does_not_say_that_all_is_well(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], *, as_json: bool
) -> None:
    config = tmp_path / "tawny.toml"
    (tmp_path / "data/history").mkdir(parents=True)
    config.write_text(f'[storage]\npath = "{tmp_path / "data"}"\n[destinations.nas]\nurl = "folder:{tmp_path}/away"\n')
    assert main(["check", "--deep", "--config", str(config), *(["--json"] if as_json else [])]) == 1
    shown = capsys.readouterr().out
    assert "uploads not compared" in shown
    assert "No problems" not in shown and '"ok": true' not in shown and "--repair" not in shown
