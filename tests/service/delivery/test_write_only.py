"""Uploads with a login that may only write, against an S3 server that refuses everything else."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import boto3
import pytest
from botocore.config import Config

from tawny.config.loader import read_settings
from tawny.delivery.courier import Courier, DeliveryRoute
from tawny.delivery.delivery import Delivery, DeliveryKind, DeliveryState
from tawny.delivery.destination import DestinationContext, FileCarrier
from tawny.delivery.destinations.s3 import S3
from tawny.delivery.file_names import checked
from tawny.model.errors import SettingsError
from tawny.model.events import Event
from tawny.model.ids import EventId
from tawny.service.delivery.replaced_parts import REMOVAL_MS, replaced_parts
from tawny.service.delivery.upload_rules import UploadRule
from tawny.service.delivery.upload_scheduler import PARTS
from tawny.service.health.checks import uploads_behind
from tawny.service.plugin_registry import PluginRegistry
from tawny.testing.waiting import until
from tests.app.rig import settings
from tests.delivery.destinations.servers import WRITER, s3_server
from tests.service.delivery.test_placing import Bench as SettingsBench
from tests.service.delivery.test_upload_scheduler import Bench

QUIET_S = 540.0


@pytest.fixture(scope="module")
def server() -> Iterator[str]:
    with s3_server() as address:
        yield address


@pytest.fixture
def bucket(server: str) -> Any:
    keys = {"aws_access_key_id": "key", "aws_secret_access_key": "secret", "region_name": "us-east-1"}
    path_style = Config(s3={"addressing_style": "path"})
    made = boto3.resource("s3", endpoint_url=server, config=path_style, **keys).Bucket("cam")
    if made.creation_date is None:
        made.create()
    made.objects.delete()
    return made


class Cloud:
    """A scheduler and a courier to the server, with a login that may only write."""

    def __init__(self, server: str, root: Path, *, write_only: bool) -> None:
        rule = UploadRule("cloud", checked("tawny"), write_only=write_only)
        self.bench, self.calls = Bench(root, rule), list[str]()
        self.ended: list[Delivery] = []
        url = f"s3://{WRITER}:secret@cam?endpoint={server}"

        def carrier() -> FileCarrier:
            options = S3().settings(url, {})
            opened: Any = S3().connect(DestinationContext("cloud", url, options, self.bench.clock, write_only))
            opened.client.meta.events.register("before-call.s3", lambda model, **_: self.calls.append(model.name))
            return FileCarrier(opened, "cloud", write_only=write_only)

        def replaced(one: Delivery) -> list[Delivery]:
            held, now_ms = self.bench.contents.held(one), self.bench.clock.now_ms()
            return replaced_parts(self.bench.outbox, one, held, now_ms, write_only=write_only)

        route = DeliveryRoute("cloud", carrier, self.bench.contents.of, replaced=replaced)
        self.courier = Courier(1, route, self.bench.outbox, self.bench.clock, self.ended.append)

    def run_for(self, seconds: float) -> None:
        """Advance the clock by a second at a time and send what is due."""
        for _ in range(round(seconds)):
            self.bench.clock.advance(1)
            self.bench.upload_scheduler.step()
            while self.courier.step() == 0:
                pass

    def films(self, event: Event) -> None:
        """The event lasts 12 s and is sent in two parts, then as a clip."""
        self.bench.archive.record(event.start_ms - 10_000, seconds=10)
        self.bench.tell(event)
        for part in range(2):
            self.bench.archive.record(event.start_ms + part * 6_000, seconds=6)
            self.run_for(6)
        self.bench.archive.record(event.start_ms + 12_000, seconds=6)
        self.bench.tell(event.ended(event.start_ms + 12_000), "ended")
        self.run_for(10)


@pytest.mark.parametrize("write_only", [False, True])
def test_a_picture_after_nine_quiet_minutes_is_not_late(
    server: str, bucket: Any, tmp_path: Path, write_only: bool
) -> None:
    """Whether `write_only` is set or not: a refused deletion never counts against the destination."""
    cloud = Cloud(server, tmp_path, write_only=write_only)
    cloud.films(cloud.bench.event(picture_ms=cloud.bench.clock.now_ms()))
    cloud.run_for(REMOVAL_MS / 1000 + QUIET_S)
    outbox, now_ms = cloud.bench.outbox, cloud.bench.clock.now_ms()
    assert (outbox.trouble("cloud"), outbox.waiting().count) == ("", 0)
    late = replace(cloud.bench.event(picture_ms=now_ms), id=EventId("late"))
    cloud.bench.tell(late)
    assert cloud.courier.step() == 0
    picture = outbox.of_event(late.id)[0]
    assert (picture.what, picture.state, picture.done_ms) == (DeliveryKind.PICTURE, DeliveryState.DONE, now_ms)
    cloud.bench.outbox.close()


def test_write_only_makes_only_writing_calls_and_keeps_its_parts_in_a_folder(
    server: str, bucket: Any, tmp_path: Path
) -> None:
    cloud = Cloud(server, tmp_path, write_only=True)
    cloud.films(cloud.bench.event(picture_ms=cloud.bench.clock.now_ms()))
    cloud.run_for(REMOVAL_MS / 1000 + 60)
    assert set(cloud.calls) == {"PutObject"}
    stored = sorted(one.key for one in bucket.objects.all())
    assert [name.partition("/")[0] for name in stored] == [PARTS, PARTS, "porch", "porch"]
    assert DeliveryKind.REMOVAL not in {one.what for one in cloud.ended}
    cloud.bench.outbox.close()


def test_without_write_only_the_refused_deletions_end(server: str, bucket: Any, tmp_path: Path) -> None:
    cloud = Cloud(server, tmp_path, write_only=False)
    cloud.films(cloud.bench.event())
    cloud.run_for(REMOVAL_MS / 1000 + 60)
    removals = [one for one in cloud.bench.outbox.ended("cloud") if one.what is DeliveryKind.REMOVAL]
    assert [(one.state, one.tries) for one in removals] == [(DeliveryState.DROPPED, 0)] * 2
    assert all("AccessDenied" in one.why for one in removals)
    cloud.bench.outbox.close()


def test_the_connection_test_sets_write_only_in_the_settings(server: str, bucket: Any, tmp_path: Path) -> None:
    bench = SettingsBench(tmp_path)
    url = f"s3://{WRITER}:secret@cam?endpoint={server.replace(':', '%3A').replace('/', '%2F')}"
    bench.placing.put("destinations", "cloud", {"url": url})
    assert [step.write_only for step in bench.placing.try_out("destinations", "cloud", {})][-1]
    steps = bench.outward.test("cloud")
    assert steps[-1].what.startswith("`write_only = true` is now set")
    assert not any(step.wrong for step in steps)
    assert read_settings(bench.file).destinations["cloud"].write_only
    again = bench.outward.test("cloud")
    assert [step.what.partition(";")[0] for step in again] == ["Connected", "Uploaded a test file"]
    bench.outward.close()


def test_a_retention_that_nothing_can_apply_is_said(server: str, bucket: Any, tmp_path: Path) -> None:
    bench = SettingsBench(tmp_path)
    url = f"s3://{WRITER}:secret@cam?endpoint={server.replace(':', '%3A').replace('/', '%2F')}"
    bench.placing.put("destinations", "cloud", {"url": url, "retention": "90 days"})
    last = bench.outward.test("cloud")[-1]
    assert (last.what, "retention" in last.wrong) == ("Set `write_only = true`", True)
    bench.outward.close()
    text = '[destinations.nas]\nurl = "folder:/mnt"\nwrite_only = true\nretention = "90 days"\n'
    with pytest.raises(SettingsError, match="lifecycle rule"):
        PluginRegistry.opened().check(settings(text), "tawny.toml")


def test_nothing_waits_for_long_because_a_deletion_is_refused(server: str, bucket: Any, tmp_path: Path) -> None:
    """So users are not notified that the destination rejects the login."""
    bench = SettingsBench(tmp_path)
    url = f"s3://{WRITER}:secret@cam?endpoint={server.replace(':', '%3A').replace('/', '%2F')}"
    bench.placing.put("destinations", "cloud", {"url": url})
    removal = Delivery("cloud", "porch/e.001.mp4", DeliveryKind.REMOVAL, {}, made_ms=0, at_ms=0)
    bench.outward.outbox.add([removal])

    def ended() -> bool:
        found = bench.outward.outbox.find("cloud", removal.name)
        return found is not None and found.state is DeliveryState.DROPPED

    until(ended, 60, "the end of the deletion")
    assert list(uploads_behind(bench.outward.all_targets(), 0, 10**13)) == []
    bench.outward.close()
