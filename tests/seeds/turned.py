"""A recorder with cameras whose images are turned, for the tests of systems that can turn theirs."""

import json
import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.request import Request, urlopen

import cv2
import numpy as np

from tawny.model.geometry import Orientation
from tawny.testing.waiting import until
from tests.e2e.conftest import OURS, OWNER, Tawny, with_settings
from tests.support.corners import corner_video

ZONE = [[0.0, 0.0], [0.3, 0.0], [0.3, 0.3], [0.0, 0.3]]


@dataclass(frozen=True)
class TurnedCameras:
    """The owner's view of them. house: the running program."""

    house: Tawny
    cookie: str

    def ask(self, path: str, method: str = "GET", result: object = None) -> bytes:
        headers = {"Cookie": self.cookie, "Origin": self.house.base, "Content-Type": "application/json", **OURS}
        data = None if result is None else json.dumps(result).encode()
        asked = Request(f"{self.house.base}/api/v1{path}", data, headers, method=method)
        with urlopen(asked, timeout=60) as answer:
            return bytes(answer.read())

    def image(self, path: str) -> Any:
        """Return a JPEG of the interface, uint8 [height, width, 3]."""
        read: Any = cv2.imdecode(np.frombuffer(self.ask(path), np.uint8), cv2.IMREAD_COLOR)
        return read[:, :, ::-1]

    def recorded_ms(self, camera: str) -> int:
        """An instant that is recorded of a camera, once there is one."""
        found: list[int] = []

        def some() -> bool:
            now_ms = json.loads(self.ask("/health"))["now_ms"]
            asked = f"/timeline?cameras={camera}&from_ms={now_ms - 600_000}&to_ms={now_ms}"
            spans = json.loads(self.ask(asked))["cameras"][0]["spans"]
            found[:] = [(begin + end) // 2 for begin, end in spans if end - begin > 4000]
            return bool(found)

        until(some, 60, "some seconds are recorded")
        return found[-1]

    def turn(self, camera: str, rotate: int, *, mirror: bool) -> dict[str, Any]:
        """Return what is drawn on its image afterwards."""
        answer = self.ask(f"/cameras/{camera}/orientation", "PUT", {"rotate": rotate, "mirror": mirror})
        return dict(json.loads(answer)["watch"])


@contextmanager
def turned_cameras(folder: Path, cameras: Mapping[str, Orientation]) -> Iterator[TurnedCameras]:
    """Cameras with the test picture, each with a zone in the upper left of its image as shown."""
    video = corner_video(folder / "corners.mp4")
    text = "".join(
        f'[cameras.{name}]\nsource = "file:{video}"\nfile.loop = true\n'
        f"rotate = {one.rotate}\nmirror = {json.dumps(one.mirror)}\n"
        f"[cameras.{name}.detection.zones]\ncorner = {json.dumps(ZONE)}\n"
        for name, one in cameras.items()
    )
    for house in with_settings(folder, text):
        token = house.link.partition("#token=")[2]
        claim = Request(
            f"{house.base}/api/v1/setup/claim",
            json.dumps({"token": token, **OWNER}).encode(),
            {"Origin": house.base, "Content-Type": "application/json", **OURS},
        )
        with urlopen(claim, timeout=60) as answer:
            cookie = re.match(r"[^;]+", answer.headers["Set-Cookie"])
        assert cookie
        yield TurnedCameras(house, cookie[0])
