"""A recorder with older recordings in a bucket: they play from there; if it is away, the page says where they are."""

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlencode
from urllib.request import Request, urlopen

import pytest
from playwright.sync_api import Browser, expect

from tawny.api.auth.access import COOKIE
from tawny.model.ids import CameraId
from tawny.model.times import SystemClock
from tawny.sealed.key_wrapping import Identity
from tawny.testing.waiting import until
from tests.app.rig import EVER, settings
from tests.e2e.clocked_archive import record
from tests.e2e.live_server import LiveServer, live_server, signed_browser
from tests.service.retention.archive_bench import BucketServer, bucket_server

pytestmark = pytest.mark.browser
DOOR, HALL, YARD = CameraId("door"), CameraId("hall"), CameraId("yard")
SECONDS = 8
SETTINGS = """
[cameras.door]
source = "rtsp://127.0.0.1:9/none"
[cameras.hall]
source = "rtsp://127.0.0.1:9/none"
[cameras.yard]
source = "rtsp://127.0.0.1:9/none"
[[storage.tiers]]
url = "s3://key:secret@cam/house?endpoint={address}"
after = "1 h"
"""


@dataclass(frozen=True)
class House:
    served: LiveServer
    bucket: BucketServer
    start_ms: int
    stored: dict[CameraId, bytes]
    session: str

    def get(self, path: str, **query: object) -> bytes:
        address = f"{self.served.base}{path}?{urlencode(query)}"
        with urlopen(Request(address, headers={"Cookie": f"{COOKIE}={self.session}"}), timeout=30) as answer:
            return bytes(answer.read())


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    """Recordings of two hours ago, moved at the start; the hall's is encrypted."""
    folder: Path = tmp_path_factory.mktemp("archive")
    start_ms = SystemClock().now_ms() // 1000 * 1000 - 7_200_000
    record(folder, DOOR, start_ms, SECONDS)
    record(folder, YARD, start_ms, SECONDS)
    record(folder, HALL, start_ms, SECONDS, sealed_to=[Identity.new().recipient])
    files = {camera: next((folder / camera).rglob("*.main*")) for camera in (DOOR, HALL, YARD)}
    stored = {camera: file.read_bytes() for camera, file in files.items()}
    with bucket_server() as bucket, live_server(settings(SETTINGS.format(address=bucket.address)), folder) as served:
        until(lambda: not any(file.exists() for file in files.values()), 60, "all recordings are in the bucket")
        yield House(served, bucket, start_ms, stored, served.session())


def _segment(house: House, camera: CameraId) -> str:
    (found,) = house.served.bench.running.index.segments(camera, None, EVER)
    return str(found.id)


def test_what_is_in_the_bucket_plays_as_from_the_disk(house: House) -> None:
    play = house.get("/api/v1/cameras/door/play", at_ms=house.start_ms + 1000)
    assert b'"gap":null' in play
    assert house.get("/api/v1/cameras/door/picture", at_ms=house.start_ms + 2500).startswith(b"\xff\xd8")
    within = {"from_ms": house.start_ms + 1000, "to_ms": house.start_ms + 6000}
    assert b"#EXTINF" in house.get("/api/v1/cameras/door/hls/past.m3u8", **within)
    assert house.get("/api/v1/clip", camera="door", **within)[4:8] == b"ftyp"
    assert house.get(f"/media/{_segment(house, DOOR)}/play", from_ms=house.start_ms)[4:8] == b"ftyp"


def test_what_is_encrypted_is_read_as_it_lies(house: House) -> None:
    for camera in (HALL, DOOR):
        assert house.get(f"/media/{_segment(house, camera)}/stored") == house.stored[camera]


def test_a_bucket_that_does_not_answer_is_no_gap_and_the_page_says_where_the_recording_is(
    browser: Browser, house: House
) -> None:
    house.bucket.breaks = True
    try:
        recorded = json.loads(house.get("/api/v1/recorded", from_ms=house.start_ms, to_ms=house.start_ms + 10_000))
        spans = {one["id"]: one["spans"] for one in recorded["cameras"]}
        assert spans["yard"] == [[house.start_ms, house.start_ms + SECONDS * 1000]]
        with signed_browser(browser, house.session) as context:
            page = context.new_page()
            page.goto(f"{house.served.base}/timeline?cam=yard&t={house.start_ms / 1000 + 3:.2f}&span=600")
            result = page.get_by_text(re.compile("stored in the archive, which can.t be reached"))
            expect(result).to_be_visible(timeout=60_000)
    finally:
        house.bucket.breaks = False
