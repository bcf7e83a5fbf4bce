"""DIY Security Cam's settings file, imported and run with a network camera and a bucket; DY13."""

import json
import re
from pathlib import Path

import boto3
from botocore.config import Config

from tawny.media.codec.video_file import FileVideo
from tawny.testing.clips import read_clip
from tawny.testing.rtsp_camera import RtspCamera
from tests.cli.conftest import Tawny, tawny
from tests.delivery.destinations.servers import WRITER, s3_server
from tests.seeds.imported import awaited, files, film, imported, passing

__all__ = ["tawny"]

SETTINGS = """#!/bin/bash
bucket="cam"
sensitivity=1
kernel=17
monitor_dir=videos
upload_dir="$monitor_dir/uploads"
error_dir="${monitor_dir}/errors"
segment_length=300
stream_offset=90
skip_frames=0
declare -A cameras
cameras[1]="ADDRESS"
"""


def test_dy1_its_example_keeps_motion_and_uploads_it(tmp_path: Path) -> None:
    moving = film(tmp_path / "moving.mp4", passing(320, 240, quiet_s=5, moves_s=4))
    with s3_server() as store, RtspCamera(read_clip(moving)) as camera:
        keys = {"aws_access_key_id": "k", "aws_secret_access_key": "s", "region_name": "us-east-1"}
        bucket = boto3.resource(
            "s3", endpoint_url=store, config=Config(s3={"addressing_style": "path"}), **keys
        ).Bucket("cam")
        bucket.create()
        made = imported(tmp_path, SETTINGS.replace("ADDRESS", camera.address))
        text = made.config.read_text()
        commented = re.findall(r"^# (\[destinations.bucket\]|\w+ = .*)$", text, re.MULTILINE)
        filled = (
            "\n".join(commented).replace("KEY_ID", WRITER).replace("KEY_SECRET", "s").replace("https://SERVER", store)
        )
        made.config.write_text(f"{text}\n{filled}\n")
        kept = made.folder / "videos" / "tawny"
        with made.running() as log:
            awaited(lambda: files(kept), log)
            awaited(lambda: [one for one in bucket.objects.all() if "parts/" not in one.key], log)
        names = [one.key for one in bucket.objects.all() if "parts/" not in one.key]
    assert re.fullmatch(r"\d{8}/cam1/1_\S+\.(mp4|jpg)", names[0]), names
    assert FileVideo(files(kept)[0]).duration_s > 1


def test_dy3_the_stagger_and_the_other_keys_are_said_not_to_be_needed(tmp_path: Path) -> None:
    found = imported(tmp_path, SETTINGS.replace("ADDRESS", "/dev/video0")).told
    for key in ("stream_offset", "skip_frames", "segment_length", "upload_dir", "error_dir"):
        assert found["left"][key].startswith("not needed: "), key
    assert "fill in [destinations.bucket]" in found["left"]["bucket"]
    assert not {"bucket", "stream_offset"} & found["became"].keys()


def test_dy13_a_third_of_the_images_costs_less_than_half(tawny: Tawny, tmp_path: Path) -> None:
    moving = film(tmp_path / "moving.mp4", passing(quiet_s=8, moves_s=4), fps=15)
    found = {}
    for rate in (15, 5):
        numbers = ("--set", f"counting.rate={rate}", "--set", "counting.seconds=1")
        result = tawny("scan", str(moving), "--compare", *numbers, "--json")
        found[rate] = next(one for one in json.loads(result.out)["detectors"] if one["detector"] == "counting")
    assert found[5]["looks"] <= 0.34 * found[15]["looks"] + 1
    assert found[5]["cpu_s"] <= 0.45 * found[15]["cpu_s"]
    every, third = (found[rate]["events"][0]["start_s"] for rate in (15, 5))
    assert abs(every - third) <= 0.2
