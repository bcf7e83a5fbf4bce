"""The catalog of settings: every key is there, says how it is entered, and shows what the file says but no secret."""

import pytest
from pydantic import BaseModel

from tawny.config.catalog import SettingKey, catalog, instances, key_of
from tawny.config.settings import CameraSettings, Settings, WebSettings

ALL = catalog()
FILE = """\
[web]
name = "Cottage"     # mine
metrics = "s3cret"

[cameras.front]
source = "rtsp://anna:geheim@192.168.1.9/main"
pre = "7 s"
detection.threshold = 40
detection.zones.porch = [[0.1, 0.1], [0.9, 0.1], [0.9, 0.9]]

[notifiers.phone]
url = "ntfy://ntfy.sh/topic?token=abc"
kinds = ["person"]
"""


def key(path: str) -> SettingKey:
    found = key_of(ALL, path)
    assert found is not None, path
    return found


@pytest.mark.parametrize("model", [Settings, CameraSettings, WebSettings])
def test_every_key_of_a_table_is_in_the_catalog(model: type[BaseModel]) -> None:
    named = {one.key for table in ALL for one in table.keys}
    tables = {part for table in ALL for part in table.path.split(".")}
    assert set(model.model_fields) <= named | tables


@pytest.mark.parametrize(
    ("path", "kind"),
    [
        ("storage.buffer", "duration"),
        ("storage.clips", "size"),
        ("storage.retention.min_free", "share"),
        ("storage.encrypt", "switch"),
        ("web.hosts", "list"),
        ("web.metrics", "secret"),
        ("mqtt.url", "secret"),
        ("hub.database", "secret"),
        ("log.level", "choice"),
        ("live.port", "number"),
        ("cameras.front.record", "choice"),
        ("cameras.front.source", "page"),
        ("cameras.front.detection.zones.porch.min_time", "page"),
        ("scripts.folder", "file"),
        ("relays.gate.script", "file"),
        ("storage.tiers", "file"),
    ],
)
def test_a_key_says_how_it_is_entered(path: str, kind: str) -> None:
    assert key(path).kind == kind


def test_limits_and_defaults_are_those_of_the_type() -> None:
    assert (key("storage.buffer").least, key("storage.buffer").most, key("storage.buffer").default) == (5, 600, "1 min")
    assert key("log.level").choices == ("warning", "info", "debug")
    assert key("notifiers.phone.url").required


def test_what_the_file_says_has_its_line_and_no_secret() -> None:
    found = {one.path: one.written for one in instances(ALL, FILE)}
    assert (found["web"]["name"].value, found["web"]["name"].line) == ("Cottage", 2)
    assert (found["web"]["metrics"].value, found["web"]["metrics"].line) == (None, 3)
    assert found["cameras.front"]["source"].value is None
    assert (
        found["cameras.front.detection"]["threshold"].value,
        found["cameras.front.detection"]["threshold"].line,
    ) == (40, 8)
    assert found["notifiers.phone"]["kinds"].value == ["person"]
    assert found["storage"] == {}, "a table that the file lacks can be written"


@pytest.mark.parametrize(
    ("path", "at_start"),
    [
        ("web.listen", True), ("web.name", False), ("web.secure.way", False), ("storage.path", True),
        ("storage.encrypt", False), ("storage.retention.min", False), ("live.port", True), ("hub.database", True),
        ("mqtt.url", True), ("fleet.allow", False), ("cameras.front.source", False),
    ],
)  # fmt: skip
def test_a_key_says_whether_it_takes_effect_at_the_next_start(path: str, *, at_start: bool) -> None:
    assert key(path).at_start is at_start


def test_what_there_is_not_is_not_found() -> None:
    assert key_of(ALL, "storage.buffers") is None
    assert key_of(ALL, "cameras.front.detection.nothing.min") is None
