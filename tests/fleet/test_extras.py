"""Without a setting that names one, no recorder loads NATS, PostgreSQL or Ray, also if they are installed."""

import re
import subprocess
import sys
from pathlib import Path

from tawny.fleet.identity import load_or_make_key
from tawny.testing.waiting import until
from tests.support.processes import ended

TAWNY = str(Path(sys.executable).with_name("tawny"))
EXTRAS = ("nats", "nkeys", "psycopg", "psycopg_pool", "psycopg_binary", "ray")
SETTINGS = f"""[hub]
enabled = true
[fleet]
hub = "http://127.0.0.1:9"
hub_key = "{"h" * 43}"
[standby]
enabled = true
[cameras.front]
source = "demo:front"
detection.detector = "off"
"""
_IMPORTED = re.compile(r"^import time: .*\|\s+([\w.]+)$", re.MULTILINE)


def test_a_hub_that_has_joined_another_one_and_is_a_standby_loads_none(tmp_path: Path) -> None:
    (tmp_path / "tawny.toml").write_text(SETTINGS)
    (tmp_path / "data").mkdir()
    load_or_make_key(tmp_path / "data")
    answer, log = tmp_path / "said", tmp_path / "log"
    words = ["run", "--config", str(tmp_path / "tawny.toml"), "--data", str(tmp_path / "data")]
    with answer.open("wb") as out, log.open("wb") as imports:
        process = subprocess.Popen(
            [sys.executable, "-X", "importtime", "-P", TAWNY, *words, "--listen", "127.0.0.1:0"],
            stdin=subprocess.DEVNULL, stdout=out, stderr=imports,
        )  # fmt: skip
    try:
        until(lambda: "no connection to the hub" in log.read_text(), 90, "a try to connect to the other hub")
    finally:
        ended(process)
    loaded = {name.partition(".")[0] for name in _IMPORTED.findall(log.read_text())}
    assert {"tawny", "fastapi", "websockets"} <= loaded
    assert loaded.isdisjoint(EXTRAS)
