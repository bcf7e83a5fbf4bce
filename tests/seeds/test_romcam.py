"""rom-cam's example, imported and run against S3, the role of a container and another chat than Slack's; RC20."""

import csv
import json
from pathlib import Path

import boto3
import numpy as np
import pytest
from botocore.config import Config

from tawny.media.codec.video_file import FileVideo
from tawny.testing.http_service import StandIn, served
from tests.cli.conftest import Tawny, tawny
from tests.delivery.destinations.servers import s3_server
from tests.detection.classic import standins
from tests.seeds.imported import awaited, film, imported, passing

__all__ = ["tawny"]

ROLE = {
    "AccessKeyId": "ROLEKEY",
    "SecretAccessKey": "rolesecret",
    "Token": "roletoken",
    "Expiration": "2090-01-01T00:00:00Z",
}


def test_rc1_its_example_uploads_with_a_role_and_tells_another_chat(tmp_path: Path) -> None:
    moving = film(tmp_path / "moving.mp4", passing(quiet_s=4, moves_s=3))
    text = f"""
name = "Front Door/Left"
device = "{moving}"
bucket = "cam"
webhook_url = "HOOKS/hooks/k3y?channel=door"
webserver_listen_address = ":8080"
"""
    container = StandIn(lambda asked: (200, ROLE))
    with s3_server() as store, served(container), served(StandIn()) as chat:
        keys = {"aws_access_key_id": "k", "aws_secret_access_key": "s", "region_name": "us-east-1"}
        bucket = boto3.resource(
            "s3", endpoint_url=store, config=Config(s3={"addressing_style": "path"}), **keys
        ).Bucket("cam")
        bucket.create()
        role = f"{container.base}/credentials"
        made = imported(tmp_path, text.replace("HOOKS", chat.base), AWS_CONTAINER_CREDENTIALS_FULL_URI=role)
        assert "k3y" not in made.config.read_text() + json.dumps(made.told)
        made.change(r"region=us-east-1", f"region=us-east-1&endpoint={store}")
        made.config.write_text(made.config.read_text() + "\n[cameras.front-door-left.file]\nloop = true\n")
        with made.running() as log:
            awaited(lambda: [one for one in bucket.objects.all() if one.key.startswith("mp4/")], log)
            awaited(lambda: chat.asked, log)
        names = [one.key for one in bucket.objects.all()]
    assert all(name.split("/")[1] == "front_door_left" for name in names), names
    assert container.asked
    assert (chat.asked[0].route, chat.asked[0].query) == ("/hooks/k3y", {"channel": "door"})
    assert chat.asked[0].json["text"]
    assert not list(tmp_path.rglob("*.db")), "nothing is written in memory mode"


def test_rc20_every_detector_is_compared_on_one_clip(tawny: Tawny, tmp_path: Path) -> None:
    burst = film(tmp_path / "burst.mp4", [frame.luma for frame in standins.burst()])
    result = tawny("scan", str(burst), "--compare", "--csv", "numbers.csv", "--video", "shown.mp4", "--json")
    assert result.code == 0, result.err
    data = {one["detector"]: one for one in json.loads(result.out)["detectors"]}
    assert set(data) >= {"motion", "edges", "blocks", "pixels", "framediff", "background", "counting"}
    assert data["edges"]["moving_frames"] == data["blocks"]["moving_frames"] == [40, 50, 60, 70]
    assert data["pixels"]["moving_frames"] == [40, 60]
    assert data["counting"]["moving_frames"] == [*range(40, 50), *range(60, 70)]
    assert data["edges"]["threshold"] == 20_000
    assert data["edges"]["highest"] > 3_000_000
    rows = list(csv.DictReader((tmp_path / "numbers.csv").read_text().splitlines()))
    assert len(rows) == 100
    assert [row["frame"] for row in rows if row["edges_motion"] == "1"] == ["40", "50", "60", "70"]
    assert {row["edges_threshold"] for row in rows} == {"20000"}
    shown = FileVideo(tmp_path / "shown.mp4")
    assert (shown.width, shown.height > 480, round(shown.duration_s, 1)) == (640, True, 10.0)


def test_rc20_the_table_is_for_people(tawny: Tawny, tmp_path: Path) -> None:
    still = film(tmp_path / "still.mp4", [np.full((480, 640), 128, np.uint8)] * 30)
    result = tawny("scan", str(still), "--compare", "--set", "edges.level=9000")
    rows = {line.split()[0]: line for line in result.out.splitlines()[2:]}
    assert ("9000" in rows["edges"], "nothing" in rows["edges"]) == (True, True)
    assert "own left out" in result.out


def test_rc20_the_users_own_function_is_compared_too(tawny: Tawny, tmp_path: Path) -> None:
    still = film(tmp_path / "still.mp4", [np.full((240, 320), 128, np.uint8)] * 30)
    (tmp_path / "mine.py").write_text("def detect():\n    return True\n")
    result = tawny("scan", str(still), "--compare", "--set", f"own.file={tmp_path}/mine.py", "--json")
    data = {one["detector"]: one for one in json.loads(result.out)["detectors"]}
    assert len(data["own"]["events"]) == 1


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (["--compare", "--set", "level=3"], "names no detector"),
        (["--compare", "--set", "nothing.level=3"], "No detector named nothing"),
        (["--compare", "--set", "edges.level=much"], "allowed: a number"),
        (["--csv", "x.csv"], "Add `--compare`"),
        (["--compare", "--csv", "still.mp4"], "already exists"),
    ],
)
def test_rc20_what_cannot_be_compared_is_said(words: list[str], says: str, tawny: Tawny, tmp_path: Path) -> None:
    film(tmp_path / "still.mp4", [np.full((64, 64), 128, np.uint8)] * 5)
    result = tawny("scan", "still.mp4", *words)
    assert (result.code != 0, says in result.err) == (True, True), result.err
    assert sorted(path.name for path in tmp_path.glob("*.*")) == ["still.mp4"]
