"""Every change of a settings file whose tables stand apart or are dotted: valid TOML, which people do write."""

import tomllib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import tomlkit

from tawny.config.changes import (
    change_detection,
    change_modes,
    change_orientation,
    change_recording,
    change_retention,
    modes_to_table,
    put_table,
    rule_to_table,
)
from tawny.config.drafts import SettingsDraft
from tawny.config.loader import read_settings
from tawny.config.settings import DetectionSettings
from tawny.model.geometry import Orientation

FORMS = {
    "together": """\
[web]
public_url = "https://a.example.org"  # mine
[web.secure]
way = "own"
domain = "pi.local"
contact = "a@example.org"  # at home
[cameras.a]
source = "demo:a"
name = "Q"  # said
rotate = 90  # hung so
pre = "9 s"  # long
privacy_masks = [[[0, 0], [0.5, 0], [0, 0.5]]]  # neighbour
retention = { min = "20 days", max = "40 days" }  # agreed
[cameras.a.detection]
threshold = 40  # leaves
[cameras.b]
source = "demo:b"
[storage]
retention = { min = "10 days", max = "30 days" }  # law
[modes]
names = ["home", "away"]
""",
    "web apart": """\
[web]
public_url = "https://a.example.org"  # mine
[storage]
buffer = "20 s"
[web.secure]
way = "own"
domain = "pi.local"
contact = "a@example.org"  # at home
[cameras.a]
source = "demo:a"
name = "Q"  # said
[cameras.b]
source = "demo:b"
[storage.retention]
min = "10 days"  # law
max = "30 days"
""",
    "camera apart": """\
[cameras.a]
source = "demo:a"
name = "Q"  # said
rotate = 90  # hung so
pre = "9 s"  # long
privacy_masks = [[[0, 0], [0.5, 0], [0, 0.5]]]  # neighbour
[cameras.b]
source = "demo:b"
[cameras.a.detection]
threshold = 40  # leaves
[cameras.a.detection.zones]
path = [[0.1, 0.5], [0.6, 0.5], [0.6, 1.0]]  # hedge
[cameras.b.retention]
min = "20 days"
[cameras.a.retention]
min = "20 days"  # agreed
max = "40 days"
""",
    "cameras apart": """\
[cameras.a]
source = "demo:a"
name = "Q"  # said
[web]
public_url = "https://a.example.org"  # mine
[cameras.b]
source = "demo:b"
[cameras.a.detection]
threshold = 40  # leaves
[modes]
names = ["home", "away"]
[cameras.a.retention]
min = "20 days"  # agreed
[modes.away]
cameras.b.record = "off"
""",
    "detection first": """\
[cameras.a.detection]
threshold = 40  # leaves
[storage]
buffer = "20 s"
[cameras.a]
source = "demo:a"
name = "Q"  # said
rotate = 90  # hung so
[cameras.b]
source = "demo:b"
""",
    "dotted at the top": """\
cameras.a.source = "demo:a"
cameras.a.name = "Q"  # said
cameras.a.rotate = 90  # hung so
cameras.a.pre = "9 s"  # long
cameras.a.privacy_masks = [[[0, 0], [0.5, 0], [0, 0.5]]]  # neighbour
cameras.a.detection.threshold = 40  # leaves
cameras.a.retention.min = "20 days"  # agreed
cameras.b.source = "demo:b"
storage.retention.min = "10 days"  # law
storage.retention.max = "30 days"
web.public_url = "https://a.example.org"  # mine
web.secure.domain = "pi.local"
web.secure.contact = "a@example.org"  # at home
web.secure.way = "own"
modes.names = ["home", "away"]
""",
    "dotted and mixed": """\
cameras.a.source = "demo:a"
cameras.b.source = "demo:b"
cameras.a.name = "Q"  # said
web.secure.domain = "pi.local"
web.secure.contact = "a@example.org"  # at home
cameras.a.rotate = 90  # hung so
web.public_url = "https://a.example.org"  # mine
storage.buffer = "20 s"
cameras.a.detection.threshold = 40  # leaves
storage.retention.min = "10 days"  # law
cameras.b.name = "B"
cameras.a.detection.effort = "thorough"
""",
    "dotted, then a header": """\
cameras.a.source = "demo:a"
cameras.a.name = "Q"  # said
web.listen = "127.0.0.1:8000"
web.public_url = "https://a.example.org"  # mine
[cameras.b]
source = "demo:b"
[web.secure]
way = "own"
domain = "pi.local"
contact = "a@example.org"  # at home
[storage.retention]
min = "10 days"  # law
max = "30 days"
""",
    "one, dotted": """\
cameras.a.source = "demo:a"
cameras.a.name = "Q"  # said
web.listen = "127.0.0.1:8000"
cameras.a.pre = "9 s"  # long
cameras.b.source = "demo:b"
""",
    "dotted below": """\
[cameras]
a.source = "demo:a"
b.source = "demo:b"
a.name = "Q"  # said
a.detection.threshold = 40  # leaves
b.name = "B"
a.pre = "9 s"  # long
[web]
secure.domain = "pi.local"
secure.contact = "a@example.org"  # at home
public_url = "https://a.example.org"  # mine
secure.way = "own"
""",
    "inline": """\
cameras = { a = { source = "demo:a", name = "Q", pre = "9 s", rotate = 90 }, b = { source = "demo:b" } }  # all
web = { public_url = "https://a.example.org", secure = { way = "own", domain = "p.lan", contact = "a@b.org" } }  # mine
""",
}
Place = tuple[str, ...]


def drafted(change: Callable[[SettingsDraft], None]) -> Callable[[Path], None]:
    def apply(path: Path) -> None:
        draft = SettingsDraft(path, "", {})
        change(draft)
        draft.understood()
        draft.write()

    return apply


def put_back(draft: SettingsDraft) -> None:
    table, secrets = draft.take_camera("a")
    draft.remove_camera("a")
    draft.put_camera("a", table, secrets)


def detection(**changes: Any) -> Callable[[Path], None]:
    def apply(path: Path) -> None:
        before = read_settings(path).cameras["a"]
        masks = before.privacy_masks if changes else ()
        change_detection(path, "a", before.detection.model_copy(update=changes), masks)

    return apply


def modes(path: Path, **changes: Any) -> None:
    before = read_settings(path)
    rules = [rule_to_table(one) for one in before.rules]
    change_modes(path, {**modes_to_table(before.modes), **changes}, rules)


CHANGES: dict[str, tuple[Callable[[Path], object], tuple[Place, ...]]] = {
    "put table": (lambda path: put_table(path, "web.secure", {"domain": "x.local"}), (("web", "secure"),)),
    "set detection": (detection(threshold=62), (("cameras", "a", "detection"),)),
    "unset detection": (detection(threshold=50), (("cameras", "a", "detection"),)),
    "set detection of another": (
        lambda path: change_detection(path, "b", DetectionSettings(threshold=62), ()),
        (("cameras", "b", "detection"),),
    ),
    "unset masks": (detection(), (("cameras", "a", "privacy_masks"),)),
    "turn": (lambda path: change_orientation(path, "a", Orientation(180)), (("cameras", "a"),)),
    "unturn": (lambda path: change_orientation(path, "a", Orientation()), (("cameras", "a"),)),
    "set retention": (
        lambda path: change_retention(path, {"min": "11 days"}, {"a": {"min": "21 days"}}),
        (("storage", "retention"), ("cameras", "a", "retention")),
    ),
    "unset retention": (
        lambda path: change_retention(path, {}, {"a": {}, "b": {"max": "9 days", "min": "1 days"}}),
        (("storage", "retention"), ("cameras", "a", "retention"), ("cameras", "b", "retention")),
    ),
    "set recording": (
        lambda path: change_recording(path, "a", "events", (7, 20), {"away": "off"}),
        (("cameras", "a"), ("modes",)),
    ),
    "unset recording": (
        lambda path: change_recording(path, "a", "continuous", (5, 10), {}),
        (("cameras", "a"), ("modes",)),
    ),
    "set modes": (lambda path: modes(path, names=["home", "away", "night"]), (("modes",),)),
    "set schedule": (lambda path: modes(path, schedule={"away": ["08:00-18:00"]}), (("modes",),)),
    "add in a draft": (drafted(lambda one: one.add_camera("c", {"source": "demo:c"}, {})), (("cameras", "c"),)),
    "remove and put back": (drafted(put_back), (("cameras", "a"),)),
    "add a destination": (
        drafted(lambda one: one.put("destinations", "d", {"url": "folder:/x", "cameras": ["a"]})),
        (("destinations",),),
    ),
    "remove": (drafted(lambda one: one.remove_camera("a")), (("cameras", "a"), ("modes",))),
    "remove, keeping what it has": (
        drafted(lambda one: one.remove_camera("a", {"name": "Q"})),
        (("cameras", "a"), ("removed_cameras",)),
    ),
    "rename": (drafted(lambda one: one.put_name("a", "New")), (("cameras", "a", "name"),)),
    "unset name": (drafted(lambda one: one.put_name("a", "")), (("cameras", "a", "name"),)),
    "set lens": (drafted(lambda one: one.put_lens("a", {"kind": "fisheye"})), (("cameras", "a", "lens"),)),
    "set tracking": (drafted(lambda one: one.put_track("a", {"enabled": True})), (("cameras", "a", "ptz"),)),
    "set address": (
        drafted(lambda one: one.put_addresses("a", {"source": "demo:x", "sub": ""}, {})),
        (("cameras", "a", "source"),),
    ),
    "set": (drafted(lambda one: one.put_setting("storage.buffer", "30 s", is_secret=False)), (("storage", "buffer"),)),
    "unset": (drafted(lambda one: one.put_setting("web.public_url", None, is_secret=False)), (("web", "public_url"),)),
    "unset below": (
        drafted(lambda one: one.put_setting("web.secure.contact", None, is_secret=False)),
        (("web", "secure", "contact"),),
    ),
    "set secure": (
        drafted(lambda one: one.put_secure_address({"way": "own", "domain": "x.local"}, {}, "https://x.local")),
        (("web",),),
    ),
    "unset secure": (drafted(lambda one: one.put_secure_address({"contact": ""}, {}, "")), (("web",),)),
}


REMOVES = {"unset retention", "remove", "remove, keeping what it has", "remove and put back"}
"""Their comments go with a whole table."""


def without(table: dict[str, Any], place: Place) -> dict[str, Any]:
    """Return a table without what is at a place, and without tables that are empty then."""
    name, *rest = place
    left = dict(table)
    if not rest:
        left.pop(name, None)
    elif isinstance(left.get(name), dict) and (inner := without(left.pop(name), tuple(rest))):
        left[name] = inner
    return left


def rest_of(text: str, places: tuple[Place, ...]) -> dict[str, Any]:
    found = tomllib.loads(text)
    for place in places:
        found = without(found, place)
    return found


@pytest.mark.parametrize("change", CHANGES)
@pytest.mark.parametrize("form", FORMS)
def test_a_change_leaves_all_else(tmp_path: Path, form: str, change: str) -> None:
    path = tmp_path / "tawny.toml"
    path.write_text(FORMS[form], encoding="utf-8")
    apply, places = CHANGES[change]
    apply(path)
    text = path.read_text(encoding="utf-8")
    plain = tmp_path / "plain.toml"
    plain.write_text(tomlkit.dumps(tomllib.loads(FORMS[form])), encoding="utf-8")
    apply(plain)
    assert read_settings(path) == read_settings(plain)
    assert rest_of(text, places) == rest_of(FORMS[form], places)
    found = [line.partition("  # ")[2] for line in FORMS[form].splitlines() if "  # " in line]
    assert change in REMOVES or [one for one in found if one not in text] == []
