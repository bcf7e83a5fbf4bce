"""What is kept, over HTTP: the owner's business, told in the settings' words, and never removed without being asked."""

from collections.abc import Iterator
from dataclasses import replace

import pytest

from tawny.api.auth.accounts import Role
from tawny.config.changes import parse_retention
from tawny.model.errors import Problem, SettingsError
from tawny.model.ids import CameraId, RunId, StreamName
from tawny.model.messages import Alarm, ProblemKind
from tawny.model.segments import Segment
from tawny.service.health.monitor import CheckInInfo, HealthMonitor, HealthReport
from tawny.service.health.self_test import SelfTest
from tawny.service.languages import Languages
from tawny.service.retention import retention_service as web
from tawny.storage.retention.planning import RemovalPlan
from tawny.storage.retention.removal import Removal
from tests.api.fakes import House
from tests.playback.archives import PORCH

HOUR_MS = 3_600_000
EVERYONE = {"min": "14 days", "max": "90 days", "min_free": "10 %", "events": {"other": "60 days"}}


def _segment(number: int, start_ms: int) -> Segment:
    return Segment(
        camera=PORCH,
        stream=StreamName.MAIN,
        run=RunId("run"),
        start_ms=start_ms,
        end_ms=start_ms + 60_000,
        path=f"porch/{number}.mp4",
        size_bytes=1000,
        video="avc1.640028",
        audio="",
        width=1920,
        height=1080,
    )


class FakeKeeping(web.RetentionService):
    def __init__(self, now_ms: int) -> None:
        self.asked = web.RetentionRequest(EVERYONE, {PORCH: {"max_size": "500 GB"}})
        self.now_ms = now_ms
        self.goes_by_change, self.thinned_by_change = 0, 0
        self.changed: list[web.RetentionRequest] = []
        self.ahead_s: list[float] = []
        self.by = ""

    def now(self) -> web.RetentionReport:
        camera = web.CameraRetention(PORCH, 5000, 44e9, 14 * 86_400.0, 20 * 86_400.0, self.now_ms)
        volumes = [
            web.VolumeRetentionInfo("/srv", "first", 10, 100, ""),
            web.VolumeRetentionInfo("/m", "mirror", None, None, "Away."),
        ]
        return web.RetentionReport(
            self.asked,
            is_in_file=True,
            cameras=[camera],
            volumes=volumes,
            locked=2,
            locked_bytes=7,
            removed={CameraId("gate"): 3000},
            warnings=[],
            fits=True,
            outlook="It fits.",
        )

    def plan(self, asked: web.RetentionRequest | None, ahead_s: float) -> RemovalPlan:
        self.ahead_s.append(ahead_s)
        if asked is not None and asked.everyone.get("min") == "nonsense":
            raise SettingsError("x", (Problem("storage.retention.min", "'nonsense'", "a time such as 14 days"),))
        if asked is not None:
            parse_retention(asked.everyone, asked.cameras)
        is_change = asked is not None and asked != self.asked
        gone, thinned = (1 + is_change * more for more in (self.goes_by_change, self.thinned_by_change))
        return RemovalPlan(
            [Removal(_segment(n, self.now_ms + n * HOUR_MS), "older than 90 days") for n in range(gone)],
            thinnings=[
                Removal(_segment(-n, self.now_ms - n * HOUR_MS), "older than 7 days") for n in range(1, thinned + 1)
            ],
        )

    def refuse_changed(self, version: str | None) -> None:
        if version is not None and version != self.asked.version:
            raise web.RetentionConflict(self.by)

    def change(self, asked: web.RetentionRequest, by: str = "", version: str | None = None) -> None:
        self.by = by
        self.changed.append(asked)
        self.asked = web.RetentionRequest(asked.everyone, {**self.asked.cameras, **asked.cameras})


class FakeCaring(HealthMonitor):
    def __init__(self) -> None:
        self.asked = 0

    care = HealthReport(
        SelfTest(1000, 3, 2, ("It rotted.",)),
        is_testing=False,
        check_in=CheckInInfo("example.org", 5, "", sent=True),
    )

    def now(self) -> HealthReport:
        return self.care

    def test_now(self) -> None:
        self.asked += 1
        self.care = replace(self.care, is_testing=True)


@pytest.fixture
def kept(house: House) -> Iterator[FakeKeeping]:
    made = FakeKeeping(house.clock.now_ms() // (24 * HOUR_MS) * 24 * HOUR_MS)
    house.site.keeping, house.site.caring = made, FakeCaring()
    yield made


async def test_it_is_told_in_the_words_of_the_settings(house: House, kept: FakeKeeping) -> None:
    house.recorder.removed = {CameraId("gate"): "Gate (removed)"}
    async with house.signed_in() as owner:
        data = (await owner.get("/api/v1/retention")).json()
    assert data["everyone"]["min"] == "14 days"
    assert data["cameras"][0]["own"]["max_size"] == "500 GB"
    assert [one["use"] for one in data["volumes"]] == ["first", "mirror"]
    assert (data["locked"], data["locked_bytes"]) == (2, 7)
    assert data["removed"] == [{"id": "gate", "name": "Gate (removed)", "used_bytes": 3000}]


async def test_a_dry_run_is_grouped_by_camera_and_day_and_may_look_ahead(house: House, kept: FakeKeeping) -> None:
    kept.goes_by_change, kept.thinned_by_change = 3, 2
    asked = {"ahead_h": 24, "change": {"everyone": EVERYONE}}
    async with house.signed_in() as owner:
        data = (await owner.post("/api/v1/retention/dry-run", json=asked)).json()
    assert (data["files"], data["size_bytes"], data["more"], data["thinned_files"]) == (4, 4000, 0, 2)
    assert sum(group["files"] for group in data["items"] if not group["thinned"]) == 4
    assert {group["name"] for group in data["items"]} == {"Front door"}
    assert kept.ahead_s == [86_400.0, 86_400.0]


async def test_r2_what_would_remove_something_now_needs_a_second_word(house: House, kept: FakeKeeping) -> None:
    kept.goes_by_change = 2
    async with house.signed_in() as owner:
        refused = await owner.put("/api/v1/retention", json={"everyone": EVERYONE})
        assert (refused.status_code, refused.json()["code"]) == (409, "would_remove")
        assert (refused.json()["files"], refused.json()["size_bytes"]) == (2, 2000)
        assert kept.changed == []
        done = await owner.put("/api/v1/retention", json={"everyone": EVERYONE, "remove": True})
        assert done.status_code == 200
    assert len(kept.changed) == 1


async def test_what_would_reduce_something_now_needs_a_second_word(house: House, kept: FakeKeeping) -> None:
    kept.thinned_by_change = 2
    async with house.signed_in() as owner:
        refused = (await owner.put("/api/v1/retention", json={"everyone": EVERYONE})).json()
        assert (refused["code"], refused["files"], refused["thinned_files"]) == ("would_remove", 0, 2)
        assert refused["message"] == "This would reduce 2 files to keyframes now."
        assert refused["hint"] == "Check what would be reduced, then save."
        kept.goes_by_change = 1
        both = (await owner.put("/api/v1/retention", json={"everyone": EVERYONE})).json()["message"]
        assert both.startswith("This would delete 1 files")
        assert "Dateien auf Keyframes" in Languages(None).catalogue("de").translate(both)
        assert kept.changed == []


async def test_what_removes_nothing_more_holds_at_once_and_is_noted(house: House, kept: FakeKeeping) -> None:
    cameras = {"porch": {"min": "30 days"}}
    async with house.signed_in() as owner:
        done = await owner.put("/api/v1/retention", json={"everyone": EVERYONE, "cameras": cameras})
    assert done.json()["cameras"][0]["own"]["min"] == "30 days"
    assert kept.changed[0].cameras == {CameraId("porch"): {"min": "30 days"}}


async def test_settings_of_all_cameras_of_a_large_site_are_saved(house: House, kept: FakeKeeping) -> None:
    cameras: dict[str, object] = {f"cam-{number}": {} for number in range(300)}
    async with house.signed_in() as owner:
        done = await owner.put("/api/v1/retention", json={"everyone": EVERYONE, "cameras": cameras})
    assert (done.status_code, len(kept.changed[0].cameras)) == (200, 300)


async def test_a_page_that_shows_older_settings_changes_nothing(house: House, kept: FakeKeeping) -> None:
    async with house.signed_in() as owner, house.signed_in() as other:
        shown = (await owner.get("/api/v1/retention")).json()["version"]
        longer = {"everyone": EVERYONE, "cameras": {"porch": {"min": "30 days"}}, "version": shown}
        done = await other.put("/api/v1/retention", json=longer)
        assert (done.status_code, done.json()["version"] == shown) == (200, False)
        kept.goes_by_change = 2  # what the older settings would delete is not the question
        older = {"everyone": EVERYONE, "cameras": {"porch": {}}, "version": shown}
        refused = await owner.put("/api/v1/retention", json=older)
        assert (refused.status_code, refused.json()["code"]) == (409, "changed")
        assert refused.json()["message"].endswith("has changed this meanwhile.")
        assert len(kept.changed) == 1
        anyway = await owner.put("/api/v1/retention", json={**older, "version": None, "remove": True})
        assert anyway.status_code == 200


async def test_words_that_cannot_be_used_are_told(house: House, kept: FakeKeeping) -> None:
    async with house.signed_in() as owner:
        asked = {"change": {"everyone": {**EVERYONE, "min": "nonsense"}}}
        answer = await owner.post("/api/v1/retention/dry-run", json=asked)
    assert answer.status_code == 400
    assert "a time such as 14 days" in answer.json()["message"]


async def test_a_minimum_longer_than_the_maximum_is_said_in_plain_words(house: House, kept: FakeKeeping) -> None:
    asked = {"change": {"everyone": {**EVERYONE, "min": "90 days", "max": "14 days"}}}
    async with house.signed_in() as owner:
        answer = await owner.post("/api/v1/retention/dry-run", json=asked)
    data = answer.json()["message"]
    assert (answer.status_code, data) == (400, "Keep at least must not be longer than keep at most.")
    assert (
        Languages(None).catalogue("de").translate(data)
        == "„Mindestens behalten“ darf nicht länger sein als „höchstens behalten“."
    )


async def test_it_is_nothing_to_viewers_but_alarms_and_the_self_test_are(house: House, kept: FakeKeeping) -> None:
    house.recorder.alarmed = [Alarm(ProblemKind.DISK, None, 7, "It fails.", do="Check its cable.")]
    async with house.signed_in(Role.VIEWER) as viewer:
        assert (await viewer.get("/api/v1/retention")).status_code == 403
        assert (await viewer.post("/api/v1/self-test")).status_code == 403
        data = (await viewer.get("/api/v1/monitoring")).json()
    assert data["alarms"] == [
        {"what": "disk", "camera": None, "since_ms": 7, "detail": "It fails.", "hint": "Check its cable."}
    ]
    assert data["self_test"]["problems"] == ["It rotted."]
    assert data["check_in"] == {"host": "example.org", "last_ms": 5, "trouble": "", "sent": True}
    assert not data["testing"]


async def test_a_self_test_can_be_asked_for(house: House, kept: FakeKeeping) -> None:
    async with house.signed_in() as owner:
        assert (await owner.post("/api/v1/self-test")).status_code == 200
        assert (await owner.get("/api/v1/monitoring")).json()["testing"]
