"""The ten-line plug-ins of the documentation, as their author has them: installed, and used by the real program."""

import os
import re
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path
from typing import Any

import numpy as np

from tawny.testing.clips import ClipSpec, clip_file
from tawny.testing.waiting import until
from tests.e2e.conftest import SMALL_DEMO
from tests.support.processes import ended

DOCS = Path(__file__).parents[2] / "docs" / "how-to"
PAGE = (DOCS / "plug-ins-in-ten-lines.md").read_text(encoding="utf-8")


def blocks(kind: str, page: str = PAGE) -> list[str]:
    return re.findall(rf"^```{kind}\n(.*?)^```", page, re.MULTILINE | re.DOTALL)


def installed(folder: Path, replays: Path, media: Path) -> Path:
    """The package of the page where Python finds it, with its folders in this test's."""
    parts = [part.replace("/srv/replays", str(replays)).replace("/media", str(media)) for part in blocks("python")]
    (info := folder / "mine-1.dist-info").mkdir(parents=True)
    (folder / "mine.py").write_text("\n\n".join(parts))
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: mine\nVersion: 1\n")
    points = tomllib.loads(blocks("ini")[0])["project"]["entry-points"]
    lines = [
        f"[{group}]\n" + "".join(f"{name} = {part}\n" for name, part in named.items())
        for group, named in points.items()
    ]
    (info / "entry_points.txt").write_text("\n".join(lines))
    return folder


def test_sc37_a_source_a_detector_a_destination_and_a_channel_of_ten_lines(tmp_path: Path) -> None:
    replays, media = tmp_path / "replays", tmp_path / "media"
    for each in (replays, media / "BACKUP"):
        each.mkdir(parents=True)
    shutil.copy(clip_file(ClipSpec()), replays / "yard.mp4")
    config = tmp_path / "tawny.toml"
    config.write_text(
        '[cameras.yard]\nsource = "replay:yard"\npost = "1 s"\n[cameras.yard.detection]\ndetector = "dawn"\n'
        f'dawn = {{ level = 1 }}\n[notifiers.log]\nurl = "line://{tmp_path}/door.txt"\n'
        'levels = ["alert", "detection", "motion"]\n'
        '[destinations.drive]\nurl = "drive:BACKUP"\nupload = ["recordings"]\n'
    )
    places = os.pathsep.join(
        [str(installed(tmp_path / "site", replays, media)), *filter(None, [os.environ.get("PYTHONPATH")])]
    )
    program = [sys.executable, "-P", str(SMALL_DEMO)]
    log = (tmp_path / "log").open("wb")
    process = subprocess.Popen(
        [*program, "run", "--config", str(config), "--data", str(tmp_path / "data"), "--listen", "127.0.0.1:0"],
        env=os.environ | {"PYTHONPATH": places, "SHORT_FILES": "1"}, stdin=subprocess.DEVNULL, stdout=log, stderr=log,
    )  # fmt: skip
    try:
        door = tmp_path / "door.txt"
        until(lambda: door.exists() and "Yard" in door.read_text(), 60, "a line of the channel")
        until(lambda: any((media / "BACKUP").rglob("*.mp4")), 120, "an upload")
    finally:
        ended(process)
        log.close()
    assert "Traceback" not in (tmp_path / "log").read_text(), (tmp_path / "log").read_text()


def test_dy22_any_text_is_read_by_a_library_of_the_user() -> None:
    code = next(
        one for one in blocks("python", (DOCS / "plates-and-faces.md").read_text(encoding="utf-8")) if "OCR" in one
    )

    class Reader:
        def __call__(self, picture: Any) -> tuple[list[tuple[Any, str, str]], float]:
            assert picture.shape == (4, 6, 3)
            return [((), "KUEHL 12", "0.91"), ((), "smudge", "0.3")], 0.1

    namespace: dict[str, Any] = {"Reading": dict, "RapidOCR": Reader}
    exec(code.replace("from rapidocr_onnxruntime import RapidOCR\n", ""), namespace)
    picture = type("Picture", (), {"rgb": np.zeros((4, 6, 3), np.uint8)})
    assert namespace["read"](picture) == [{"text": "KUEHL 12", "score": 0.91}]
