"""Whatever the settings accept can be shown: no answer has narrower limits than the file."""

import dataclasses
from collections.abc import Iterator
from pathlib import Path
from typing import Any, get_args, get_type_hints
from unittest.mock import Mock
from zoneinfo import ZoneInfo

import httpx
import pytest
from pydantic import BaseModel

from tawny.api.auth.accounts import Role
from tawny.config.changes import retention_to_table
from tawny.config.loader import parse_settings
from tawny.config.settings import Settings
from tawny.delivery.outbox_marks import OutboxMarks
from tawny.engine import Bus, ThreadEngine
from tawny.model.ids import CameraId
from tawny.service.changeable_settings import ChangeableSettings, SettingsEditor
from tawny.service.delivery.target_settings import TargetSettingsService
from tawny.service.integrations.integration_service import CommandMeans, IntegrationService
from tawny.service.modes.mode_controller import ModeController
from tawny.service.modes.mode_service import ModeService
from tawny.service.retention.retention_service import CameraRetention, RetentionReport, RetentionRequest
from tests.api.fakes import House, plug_ins, routes

WATCHING = "/api/v1/cameras/porch/watching"
PLAN = "/api/v1/modes/plan"
RETENTION = "/api/v1/retention"
AREA = "[[0.0, 0.0], [0.0, 1.0], [1.0, 1.0]]"
MANY_CORNERS = str([[n / 100, (n / 100) ** 2] for n in range(80)])
BASE = '[cameras.porch]\nsource = "demo:front"\n'


def many(text: str, count: int) -> str:
    return ", ".join(text.replace("#", str(number)) for number in range(count))


def texts(text: str, count: int) -> str:
    return str(many(text, count).split(", "))


DAYS = ", ".join(f'20{31 + n // 28}-02-{n % 28 + 1:02d} = "{("away", "night")[n % 2]}"' for n in range(300))
CAMERAS = many('c# = { record = "off" }', 501)
TYPES = many('k# = "3 days"', 41)
DETECTION = {
    "long alert word": f'alert = ["{"x" * 41}"]',
    "long detector": f'detector = "{"x" * 61}"',
    "empty detector": 'detector = ""',
    "many recognizers": f"recognize = {texts('reader-#', 11)}",
    "long recognizer": f'recognize = ["{"x" * 41}"]',
    "long sound model": f'sound = {{ model = "{"x" * 401}" }}',
    "many zones": f"zones = {{ {many(f'z# = {AREA}', 21)} }}",
    "many lines": f"lines = {{ {many('z# = [[0.0, 0.0], [1.0, 1.0]]', 21)} }}",
    "many masks": f"motion_masks = [{many(AREA, 21)}]",
    "many corners": f"motion_masks = [{MANY_CORNERS}]",
    "long loitering": f'zones = {{ z = {{ points = {AREA}, loitering_after = "2 days" }} }}',
    "long object left": f'zones = {{ z = {{ points = {AREA}, object_left_after = "2 days" }} }}',
    "long stay": f'zones = {{ z = {{ points = {AREA}, min_time = "1234567 s" }} }}',
    "line outside the image": "lines = { z = [[-0.5, 0.0], [1.5, 1.0]] }",
    "line without end": "lines = { z = [[nan, 0.0], [inf, 1.0]] }",
    "numbers that JSON has not": f"motion = {{ a = nan, b = inf, c = 1{'0' * 400}, {'d' * 41} = 1 }}",
}
MODES = {
    "many addresses": f"presence = {{ ping = {texts('10.0.0.#', 41)} }}",
    "long address": f'presence = {{ ping = ["{"x" * 200}"] }}',
    "long time": f'presence = {{ every = "{"0" * 30}60 s" }}',
    "many times": f"schedule = {{ night = {texts('22:00-06:00', 41)} }}",
    "many exceptions": f"exceptions = {{ {DAYS} }}",
    "many channels": f"night = {{ inside = {{ channels = {texts('phone-#', 41)} }} }}",
    "empty channel": 'night = { inside = { channels = [""] } }',
    "same types": f"night = {{ inside = {{ notify = {texts('person', 41)} }} }}",
    "long camera": f"night = {{ cameras = {{ {'x' * 61} = {{ record = 'off' }} }} }}",
    "many cameras": f"night = {{ cameras = {{ {CAMERAS} }} }}",
}
RULES = {
    "many actions": f"do = {texts('notify phone-#', 21)}",
    "many kinds": f'when = {{ kind = {texts("k#", 41)} }}\ndo = ["notify everyone"]',
    "long action": f'do = ["ptz {"x" * 250} home"]',
}
KEEP = {
    "many files": "max_files = 2000000000",
    "more files": f"max_files = 1{'0' * 30}",
    "many types": f"events = {{ {TYPES}, other = '3 days' }}",
    "long times": 'min = "0 s"\nmax = "100000000 days"',
    "largest size": 'max_size = "9223372 TB"',
    "of a sub stream": "sub = { max_files = 2000000000 }",
}
TARGET = {
    "long text": f'names = "{"x" * 2001}"',
    "many cameras": f"cameras = {texts('c#', 201)}",
    "a plug-in's own": "ratio = 0.5\nother = { x = 1 }\nlist = [[1]]",
}
TABLE = [
    *(pytest.param(f"{BASE}[cameras.porch.detection]\n{text}", WATCHING, id=name) for name, text in DETECTION.items()),
    pytest.param(f"{BASE}privacy_masks = [{many(AREA, 21)}]", WATCHING, id="many privacy masks"),
    *(pytest.param(f"{BASE}[modes]\n{text}", PLAN, id=f"modes: {name}") for name, text in MODES.items()),
    *(pytest.param(f"{BASE}[[rules]]\n{text}", PLAN, id=f"rules: {name}") for name, text in RULES.items()),
    pytest.param(BASE + '[[rules]]\ndo = ["notify everyone"]\n' * 101, PLAN, id="many rules"),
    pytest.param(f"{BASE}[modes]\n{MODES['many addresses']}", "/api/v1/modes/presets", id="presets"),
    *(pytest.param(f"{BASE}[storage.retention]\n{text}", RETENTION, id=f"keep: {name}") for name, text in KEEP.items()),
    *(
        pytest.param(f"{BASE}[cameras.porch.retention]\n{text}", RETENTION, id=f"keep at porch: {name}")
        for name, text in KEEP.items()
    ),
    *(
        pytest.param(
            f'{BASE}[destinations.nas]\nurl = "folder:/mnt"\n{text}', "/api/v1/targets/nas/settings", id=f"nas: {name}"
        )
        for name, text in TARGET.items()
    ),
    *(
        pytest.param(f"{BASE}[cameras.porch.ptz.track]\n{text}", "/api/v1/cameras/porch/tracking", id=f"track: {text}")
        for text in ('lost_after = "5 min"', f"kinds = {texts('dog', 20)}", f"modes = {texts('m#', 30)}")
    ),
    pytest.param(f"{BASE}[storage.retention]\n{KEEP['more files']}", "/api/v1/settings", id="settings"),
]


class Kept:
    """`RetentionService` as far as the page with the settings needs it."""

    is_in_file = True

    def __init__(self, settings: Settings) -> None:
        self.settings = settings

    def now(self) -> RetentionReport:
        storage, cameras = self.settings.storage, self.settings.cameras
        own = {CameraId(name): retention_to_table(camera.retention) for name, camera in cameras.items()}
        shown = [CameraRetention(one, 0, None, storage.retention.min, None, None) for one in own]
        request = RetentionRequest(retention_to_table(storage.retention), own)
        return RetentionReport(request, self.is_in_file, shown, [], 0, 0, {}, [], None, "")


def move_in(house: House, text: str, folder: Path) -> httpx.AsyncClient:
    """Give the house these settings; return an owner's browser."""
    settings, problems = parse_settings(text, {})
    assert settings is not None, problems
    file = folder / "tawny.toml"
    file.write_text(text)
    changeable, site = ChangeableSettings(lambda: settings, lambda *_: None, file), house.site
    house.recorder.tuning.watch = settings.cameras["porch"].detection
    house.recorder.tuning.masks = settings.cameras["porch"].privacy_masks
    zone = ZoneInfo("UTC")
    modes = ModeController(lambda: settings, zone, None, house.clock, Bus(), lambda _: False, lambda _: frozenset())
    site.changeable, site.editor = changeable, SettingsEditor(changeable, house.clock)
    outbox = site.outside.outbox
    site.modes = ModeService(modes, changeable, lambda _: None, site.outside.rehearsed, outbox, zone, house.clock)
    site.placing = TargetSettingsService(changeable, site.outside, plug_ins())
    site.keeping = Kept(settings)  # type: ignore[assignment]
    means = CommandMeans(Mock(), modes.modes, OutboxMarks(outbox, "inputs/"), lambda *_: None)
    engine = ThreadEngine(house.clock, lambda *_: None)
    site.orders = IntegrationService(lambda: settings, house.recorder, means, house.clock, engine)
    return house.signed_in(Role.OWNER)


@pytest.mark.parametrize(("text", "path"), TABLE)
async def test_what_the_file_may_say_can_be_shown(house: House, text: str, path: str, tmp_path: Path) -> None:
    answer = await move_in(house, text, tmp_path).get(path)
    assert answer.status_code == 200, answer.text


async def test_the_list_of_settings_counts_folders_of_files(house: House, tmp_path: Path) -> None:
    text = f'{BASE}[files.one]\nfolder = "{tmp_path}/one"\n[files.two]\nfolder = "{tmp_path}/two"\n'
    house.site.models = Mock(there=dict)
    data = (await move_in(house, text, tmp_path).get("/api/v1/settings/sections")).json()
    assert data["lines"]["notifications"] == "2 folders of files"


UNCHANGEABLE = {"empty detector", "long detector", "line without end", "numbers that JSON has not"}


@pytest.mark.parametrize("name", sorted(DETECTION.keys() - UNCHANGEABLE))
async def test_what_is_shown_of_detection_can_be_saved(house: House, name: str, tmp_path: Path) -> None:
    browser = move_in(house, f"{BASE}[cameras.porch.detection]\n{DETECTION[name]}", tmp_path)
    before, shown = house.recorder.tuning.watch, (await browser.get(WATCHING)).json()
    answer = await browser.put(WATCHING, json={"watch": shown["watch"]})
    assert answer.status_code == 200, answer.text
    assert repr(house.recorder.tuning.watch) == repr(before)
    assert answer.json()["watch"] == shown["watch"]


LIMITED = {
    **dict.fromkeys(("CameraWallInfo", "CameraLayout"), "the route keeps them itself, as it accepted them"),
    "PlannedCamera": "the route keeps them itself, as it accepted them",
    "LensSettings": "the settings themselves",
    "TrackingRequest": "as in TrackSettings",
    **dict.fromkeys(
        (
            "DetectionRequest.level", "DetectionRequest.frames", "DetectionRequest.within", "ZoneRequest.name",
            "ZoneRequest.level", "ZoneRequest.smallest", "LineRequest.name", "LineRequest.points",
            "AudioRequest.level", "AudioRequest.hold_s", "StreamRetentionRequest.max_files",
            "CameraRetentionRequest.max_files", "ArmPlan.names", "RulePlan.name", "RulePlan.do",
        ),
        "the limit of the settings",
    ),
    **dict.fromkeys(("ZoneRequest.stay_s", "ZoneRequest.loiter_s", "ZoneRequest.left_s"), "no time is below 0"),
}  # fmt: skip
"""Answers and their fields that may have limits, each with its reason."""


def limited(kind: Any, place: str, seen: set[Any]) -> Iterator[str]:
    """Yield each field with a limit: a value beyond it would be no answer but a failure."""
    if hasattr(kind, "__metadata__"):
        if "allow_inf_nan" not in str(kind.__metadata__):
            yield place
        yield from limited(kind.__origin__, place, seen)
    elif isinstance(kind, type) and (issubclass(kind, BaseModel) or dataclasses.is_dataclass(kind)):
        if kind not in seen:
            seen.add(kind)
            for name, hint in get_type_hints(kind, include_extras=True).items():
                if name not in ("model_config", "__pydantic_extra__"):
                    yield from limited(hint, f"{kind.__name__}.{name}", seen)
        if issubclass(kind, BaseModel):
            yield from (f"{kind.__name__}.{name}" for name, one in kind.model_fields.items() if one.metadata)
    else:
        for one in get_args(kind):
            yield from limited(one, place, seen)


def test_answers_have_no_limits_of_their_own() -> None:
    found, seen = set[str](), set[Any]()
    for route in routes().routes:
        found |= set(limited(getattr(route, "response_model", None), getattr(route, "path", ""), seen))
    unknown = {one for one in found if one not in LIMITED and one.partition(".")[0] not in LIMITED}
    assert unknown == set()
