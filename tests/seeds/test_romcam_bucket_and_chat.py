"""rom-cam's users find their bucket and their chat as they were: same keys, same message, one of each."""

import io
import subprocess
import urllib.request
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from itertools import pairwise
from pathlib import Path
from typing import Any

import av
import boto3
import cv2
import numpy as np
import pytest
from botocore.config import Config

from tawny.testing.http_service import StandIn, served
from tawny.testing.waiting import until
from tests.delivery.destinations.servers import WRITER, s3_server
from tests.e2e.conftest import Tawny, with_settings

NAME = "Front Door/Left"
BOX = "drawgrid=w=24:h=24:t=3:color=white:enable='between(t,4,4.25)+between(t,4.6,4.85)'"
BURST = ["-f", "lavfi", "-i", f"color=c=gray:s=640x480:r=10:d=12,{BOX}", "-c:v", "libx264", "-g", "10", "-bf", "0"]
SETTINGS = """
[destinations.bucket]
url = "s3://key:secret@cam?endpoint={s3}"
names = "rom-cam"
formats = ["ts", "fmp4", "gif", "sheet"]
during_events = false
sheet = "4x3"
[destinations.own]
url = "s3://{writer}:secret@cam/own?endpoint={s3}"
formats = ["mp4", "gif", "sheet", "jpg"]
during_events = false
write_only = true
[notifiers.gif]
url = "slack+{hook}/hooks/mattermost?key=1"
levels = ["alert", "detection", "motion"]
send_at = "end"
clip = "gif"
[notifiers.sheet]
url = "slack+{hook}/api/webhooks/1/discord/slack"
levels = ["alert", "detection", "motion"]
send_at = "end"
clip = "sheet"
[cameras.front]
name = "Front Door/Left"
source = "{clip}"
pre = "3 s"
post = "2 s"
[cameras.front.detection]
detector = "edges"
"""


@dataclass(frozen=True)
class RomCam:
    running: Tawny
    bucket: Any
    hooks: StandIn

    def names(self) -> list[str]:
        return sorted(one.key for one in self.bucket.objects.all())

    def told(self, path: str) -> list[Any]:
        return [one.json for one in self.hooks.asked if one.route.endswith(path)]

    def object(self, start: str) -> tuple[bytes, str]:
        (key,) = [key for key in self.names() if key.startswith(start)]
        found = self.bucket.Object(key).get()
        return found["Body"].read(), found["ContentType"]


@pytest.fixture(scope="module")
def romcam(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RomCam]:
    home = tmp_path_factory.mktemp("romcam")
    clip = home / "burst.mp4"
    subprocess.run(["ffmpeg", "-v", "error", *BURST, str(clip)], check=True, timeout=60)
    with s3_server() as s3, served(StandIn(lambda asked: (200, b"ok"))) as hooks:
        keys = {"aws_access_key_id": "key", "aws_secret_access_key": "secret", "region_name": "us-east-1"}
        path_style = Config(s3={"addressing_style": "path"})
        bucket = boto3.resource("s3", endpoint_url=s3, config=path_style, **keys).Bucket("cam")
        bucket.create()
        text = SETTINGS.format(s3=s3, hook=hooks.base, clip=clip, writer=WRITER)
        for running in with_settings(home, text):
            yield has_told(RomCam(running, bucket, hooks))


def has_told(made: RomCam) -> RomCam:
    until(lambda: made.told("mattermost") and made.told("slack"), 90, "both chats")
    until(lambda: len(made.names()) >= 8, 60, "eight objects")
    return made


def test_rc12_one_event_is_one_object_of_each_form_under_rom_cams_keys(romcam: RomCam) -> None:
    theirs = [key for key in romcam.names() if not key.startswith(("own/", "tawny-history/"))]
    folders = {key.partition("/")[0]: key for key in theirs}
    assert len(theirs) == 4, theirs
    second = folders["ts"].rpartition("/")[2].removesuffix(".ts")
    assert theirs == [
        f"gif/front_door_left/{second}.gif",
        f"mp4/front_door_left/{second}.mp4",
        f"tiled/front_door_left/{second}.jpg",
        f"ts/front_door_left/{second}.ts",
    ]
    types = [romcam.object(start)[1] for start in ("gif/", "mp4/", "tiled/", "ts/")]
    assert types == ["image/gif", "video/mp4", "image/jpeg", "video/mp2t"]
    assert romcam.object("ts/")[0][::188][:20] == b"\x47" * 20


def test_rc12_a_key_that_may_only_put_objects_is_enough(romcam: RomCam) -> None:
    ours = [key.rpartition("-")[2][8:] for key in romcam.names() if key.startswith("own/front/")]
    assert ours == [".gif", ".jpg", ".mp4", ".sheet.jpg"]


def frames_of(data: bytes) -> int:
    """How many frames can be seen before the file ends or breaks off."""
    count = 0
    with av.open(io.BytesIO(data), "r") as file, suppress(av.error.InvalidDataError):
        for _ in file.decode(video=0):
            count += 1
    return count


def test_rc13_the_mp4_is_in_fragments_and_plays_when_cut_off(romcam: RomCam) -> None:
    data = romcam.object("mp4/")[0]
    assert data.count(b"moof") == data.count(b"traf") >= 5
    many, some = frames_of(data), frames_of(data[: len(data) * 7 // 10])
    assert 50 <= many <= 130
    assert some >= many // 2


def test_rc14_the_gif_has_five_frames_a_second_and_few_colors(romcam: RomCam) -> None:
    data = romcam.object("gif/")[0]
    assert len(data) < 3_000_000
    with av.open(io.BytesIO(data), "r") as image:
        frames = [(frame.time, frame.to_ndarray(format="rgb24")) for frame in image.decode(video=0)]
    assert frames[0][1].shape == (240, 320, 3)
    assert 25 <= len(frames) <= 60
    assert {round((after or 0) - (before or 0), 2) for (before, _), (after, _) in pairwise(frames)} == {0.2}
    assert all(len(np.unique(pixels.reshape(-1, 3), axis=0)) <= 32 for _, pixels in frames)


def picture(data: bytes) -> Any:
    return cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_GRAYSCALE)


def test_rc15_the_contact_sheet_has_the_chosen_size(romcam: RomCam) -> None:
    sheet = picture(romcam.object("tiled/")[0])
    assert sheet.shape == (3 * 240, 4 * 320)
    assert (sheet[100::240, 150::320] > 100).all(), "every cell has its frame"


@pytest.mark.parametrize(("hook", "image"), [("mattermost", "gif/"), ("slack", "tiled/")])
def test_rc16_the_chat_gets_one_message_with_image_clip_and_frames(romcam: RomCam, hook: str, image: str) -> None:
    (result,) = romcam.told(hook)
    (attachment,) = result["attachments"]
    name, _, time = attachment["title"].rpartition(" ")
    assert name == NAME
    assert datetime.fromisoformat(time).utcoffset() is not None
    assert attachment["fields"] == [{"title": "Frames", "value": "4", "short": True}]
    for link, start in ((attachment["image_url"], image), (attachment["title_link"], "mp4/")):
        assert "X-Amz-Expires=21600" in link
        with urllib.request.urlopen(link, timeout=20) as answer:
            assert answer.read() == romcam.object(start)[0]
    assert result["text"].startswith("Motion at Front Door/Left. ")


def test_rc16_no_secret_is_in_the_log(romcam: RomCam) -> None:
    log = Path(f"{romcam.running.folder}.log").read_text()
    assert "mattermost" not in log
    assert "secret" not in log
