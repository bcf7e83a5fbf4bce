"""The renames that are made on purpose: each is one row, applied to a golden document before it is compared."""

from collections.abc import Callable, Iterable, Mapping
from copy import deepcopy
from fnmatch import fnmatchcase
from functools import partial
from typing import Any, Final, Literal, NamedTuple

Part = Literal["path", "method", "field", "value", "command", "option", "table", "key", "argument"]


class Rename(NamedTuple):
    """One name that changes.

    document: `openapi` has the parts path, field (also a parameter) and value (of an enum); `help` has command, option
    and value (a choice, a default); `settings` has table (with all tables below it), key and value.
    within: a pattern of the API path, the command (`tawny check`) or the settings table that the rename is limited to.
    It is matched after paths, commands and tables were renamed.
    beside: for a field of an object; the object must have this field as well.
    """

    document: Literal["openapi", "help", "settings"]
    part: Part
    old: str
    new: str
    within: str = "*"
    beside: str = ""


class Change(NamedTuple):
    """A name that has come or gone, and why it is no rename. Parts and within are those of `Rename`, with new names.

    The part `argument` of `help` is an option, the choices of a positional one, or empty for one without choices.
    """

    document: Literal["openapi", "help", "settings"]
    part: Part
    name: str
    reason: str
    within: str = "*"


def _keys(within: str, **names: str) -> tuple[Rename, ...]:
    return tuple(Rename("settings", "key", old, new, within) for old, new in names.items())


_EVENT: Final = {
    "kind": "type",
    "perhaps": "possible",
    "picture": "snapshot",
    "reads": "recognized",
    "said": "labeled_as",
    "shown": "display_type",
    "suggested": "possible_type",
}
_PATHS: Final = {
    "/acts/{target}/{token}": "/actions/{target}/{token}",
    "/cameras/{camera}/moved": "/cameras/{camera}/motion-search",
    "/cameras/{camera}/whatif": "/cameras/{camera}/threshold-preview",
    "/care": "/monitoring",
    "/passes": "/access-tokens",
    "/passes/{pass_id}": "/access-tokens/{pass_id}",
    "/people-at-home/{person}": "/presence/{person}",
}
_ORDERS, _PLAN, _RETENTION = "/api/v1/orders", "/api/v1/modes/p*", "/api/v1/retention*"
_API: Final = (
    *(Rename("openapi", "path", f"/api/v1{old}", f"/api/v1{new}") for old, new in _PATHS.items()),
    *(Rename("openapi", "field", old, new, beside="false_alarm") for old, new in _EVENT.items()),
    Rename("openapi", "field", "kinds", "types", "/api/v1/events"),
    *(Rename("openapi", "field", "do", "hint", beside=one) for one in ("message", "wrong", "since_ms")),
    Rename("openapi", "field", "do", "command", _ORDERS),
    Rename("openapi", "value", "arm", "set_mode", _ORDERS),
    Rename("openapi", "value", "family", "member"),
    Rename("openapi", "field", "on_watch", "working"),
    Rename("openapi", "field", "of", "expected", beside="chosen_off"),
    Rename("openapi", "field", "arm", "modes", _PLAN, beside="rules"),
    Rename("openapi", "field", "modes", "names", _PLAN, beside="week"),
    Rename("openapi", "field", "week", "schedule", _PLAN),
    Rename("openapi", "field", "dates", "exceptions", _PLAN),
    Rename("openapi", "field", "place", "location", _PLAN),
    Rename("openapi", "field", "gone", "away", _PLAN),
    Rename("openapi", "field", "lasts", "min_duration", _PLAN),
    Rename("openapi", "field", "arm", "mode", _PLAN, beside="between"),
    Rename("openapi", "field", "arm", "mode", "/api/v1/rehearsal"),
    *(
        Rename("openapi", "field", old, new, _RETENTION, beside="thin_after")
        for old, new in (("size", "max_size"), ("count", "max_files"), ("free", "min_free"))
    ),
    Rename("openapi", "field", "thin_after", "keyframes_after", _RETENTION),
)
_HELP: Final = (
    Rename("help", "command", "tawny add", "tawny cameras add"),
    Rename("help", "command", "tawny arm", "tawny mode"),
    Rename("help", "command", "tawny passes", "tawny tokens"),
    Rename("help", "command", "tawny programs", "tawny integrations"),
    Rename("help", "command", "tawny rehearse", "tawny rules"),
    Rename("help", "command", "tawny report", "tawny cameras report"),
    Rename("help", "command", "tawny seal", "tawny encryption"),
    Rename("help", "command", "tawny token", "tawny setup-link"),
    Rename("help", "command", "tawny unseal", "tawny decrypt"),
    Rename("help", "command", "tawny notify", "tawny uploads"),
    Rename("help", "option", "--untried", "--skip-test", "tawny cameras add"),
    Rename("help", "option", "--whole", "--unmasked", "tawny export"),
    Rename("help", "option", "--brings", "--upload-quota", "tawny tokens"),
    Rename("help", "option", "--arm", "--mode", "tawny rules"),
    Rename("help", "value", "family", "member", "tawny user"),
    Rename("help", "value", "make", "create", "tawny tokens"),
    Rename("help", "value", "take-back", "revoke", "tawny tokens"),
    Rename("help", "value", "sweep", "clean", "tawny uploads"),
    Rename("help", "value", "init", "setup", "tawny encryption"),
    Rename("help", "value", "test", "test-sheet", "tawny encryption"),
    Rename("help", "value", "list", "keys", "tawny encryption"),
    Rename("help", "value", "add-recipient", "add-key", "tawny encryption"),
    Rename("help", "value", "remove-recipient", "remove-key", "tawny encryption"),
)
_CAMERA: Final = "cameras.<name>"
_KEEP: Final = {"size": "max_size", "count": "max_files", "thin_after": "keyframes_after"}
_SETTINGS: Final = (
    Rename("settings", "table", "alarm", "heartbeat"),
    Rename("settings", "table", "arm", "modes"),
    Rename("settings", "table", "emit", "webhooks"),
    Rename("settings", "table", "inputs", "api_clients"),
    Rename("settings", "table", "objects", "object_detection"),
    Rename("settings", "table", "recognisers", "recognizers"),
    Rename("settings", "table", "sealed", "encryption"),
    Rename("settings", "table", "storage.keep", "storage.retention"),
    Rename("settings", "table", f"{_CAMERA}.keep", f"{_CAMERA}.retention"),
    Rename("settings", "table", f"{_CAMERA}.watch", f"{_CAMERA}.detection"),
    Rename("settings", "table", f"{_CAMERA}.detection.suggest", f"{_CAMERA}.detection.possible"),
    *_keys("<root>", alarm="heartbeat", arm="modes", emit="webhooks", inputs="api_clients"),
    *_keys("<root>", objects="object_detection", recognisers="recognizers", sealed="encryption"),
    *_keys("heartbeat", check_in="url", every="interval"),
    *_keys("modes", modes="names", week="schedule", dates="exceptions", place="location"),
    *_keys("webhooks.<name>", what="events", form="format"),
    *_keys("api_clients.<name>", may="permissions"),
    *_keys("mqtt", may="permissions", pictures="snapshot_interval"),
    *_keys("object_detection", by="device"),
    *_keys("recognizers.<name>", alike="min_similarity"),
    *_keys("storage", sealed="encrypt", keep="retention"),
    *_keys("storage.retention", free="min_free"),
    *_keys("storage.retention*", **_KEEP),
    *_keys("web", address="public_url"),
    *_keys(_CAMERA, sealed="encrypt", keep="retention", watch="detection", where="group"),
    *_keys(f"{_CAMERA}.retention*", **_KEEP),
    *_keys(f"{_CAMERA}.detection", mode="effort", level="threshold", mask="motion_masks", objects="notify_types"),
    *_keys(f"{_CAMERA}.detection", read="recognize", read_sure="recognize_confidence", read_zones="recognize_zones"),
    *_keys(f"{_CAMERA}.detection", suggest="possible"),
    *_keys(f"{_CAMERA}.detection.zones.<name>", level="threshold", smallest="min_size", stay="min_time"),
    *_keys(f"{_CAMERA}.detection.zones.<name>", loiter="loitering_after", left="object_left_after"),
    *_keys("rules*.when", arm="mode", gone="away", lasts="min_duration", read="recognized"),
    *_keys("rules*.when", suggested="include_possible"),
    *_keys("destinations.<name>", what="upload", keep="retention", after="batch"),
    *_keys("notifiers.<name>", alarms="problems", cool_down="min_interval", person="user", picture="snapshot"),
    *_keys("notifiers.<name>", quiet="quiet_hours", recap="daily_summary", sealed_pictures="unencrypted_snapshots"),
    Rename("settings", "value", "kept", "kept_events", "destinations.<name>"),
    Rename("settings", "value", "footage", "recordings", "destinations.<name>"),
    Rename("settings", "value", "alarm", "problem", "webhooks.<name>"),
    Rename("settings", "value", "arm", "modes", "api_clients.<name>"),
    Rename("settings", "value", "arm", "modes", "mqtt"),
)
RENAMED: Final[tuple[Rename, ...]] = (*_API, *_HELP, *_SETTINGS)
_ACTIONS: Final = "`tawny add` and `tawny report camera` are actions of one command"
_SHOWS: Final = "`tawny mode` without a mode shows the active one"
_SPOT: Final = "`tawny find --spot` needs no words"
_UNSET: Final = "no setting makes a camera wait for motion: it was never sent"
_MODES: Final = "schedules switch modes: a camera is `mode_off` then, and this was never sent"
_CERTAIN: Final = "`certainty` is another measure, and by default that of the model card"
_MASKS: Final = "a privacy mask is not about detection: it stands in the camera's own table"
_SEVERAL: Final = "it may be given several times now, and once as before"
REMOVED: Final[tuple[Change, ...]] = (
    Change("settings", "key", "path", "no longer required: `url` may name a bucket instead", "storage.tiers[[]]"),
    Change("openapi", "value", "disarm", "`set_mode` with the mode says the same", _ORDERS),
    Change("help", "command", "tawny disarm", "`tawny mode home` says the same"),
    Change("help", "argument", "camera", _ACTIONS, "tawny cameras report"),
    Change("help", "argument", "--json", _ACTIONS, "tawny cameras *"),
    Change("help", "argument", "", _SHOWS, "tawny mode"),
    Change("help", "argument", "", _SPOT, "tawny find"),
    Change("settings", "key", "private", _MASKS, f"{_CAMERA}.detection"),
    Change("settings", "table", f"{_CAMERA}.detection.possible", _CERTAIN),
    Change("settings", "key", "possible", _CERTAIN, f"{_CAMERA}.detection"),
    Change("help", "argument", "--key", _SEVERAL, "tawny decrypt"),
    Change("help", "argument", "--key", _SEVERAL, "tawny encryption"),
    Change("help", "argument", "--key", _SEVERAL, "tawny export"),
    Change("openapi", "field", "waiting", _UNSET, "/api/v1/timeline"),
    Change("openapi", "value", "waiting", _UNSET, "/api/v1/cameras"),
    Change("openapi", "value", "waiting", _UNSET, "/api/v1/health"),
    Change("openapi", "value", "scheduled_off", _MODES, "/api/v1/cameras*"),
    Change("openapi", "value", "scheduled_off", _MODES, "/api/v1/health"),
)


def apply_renames(name: str, interface: dict[str, Any], renames: Iterable[Rename] = RENAMED) -> dict[str, Any]:
    """Return a golden interface (`extract.to_interface`) with the new names."""
    mine, interface = [row for row in renames if row.document == name], deepcopy(interface)
    for row in mine:
        if row.part in _TOP:
            interface = _renamed_top(name, interface, row)
    for row in mine:
        if row.part not in _TOP:
            for group in _groups(name, interface):
                for key in [one for one in group if fnmatchcase(one, row.within)]:
                    if row.part == "field":
                        group[key] = _field(group[key], row.old, row.new, row.beside)
                    else:
                        group[key] = _EDITS[name, row.part](group[key], row.old, row.new)
                    if (name, row.part) == ("settings", "key"):
                        edit = partial(_rename_in_place, old=row.old, new=row.new)
                        _edit_defaults(interface["tables"], key, edit)
    return _sorted_lists(interface) if name == "openapi" else interface


def apply_changes(name: str, interface: dict[str, Any], changes: Iterable[Change]) -> dict[str, Any]:
    """Return an interface without names that have come or gone. Raises AssertionError for one that it does not have."""
    for row in [one for one in changes if one.document == name]:
        before, interface = interface, deepcopy(interface)
        for group in _groups(name, interface):
            if row.part in _TOP:
                group.pop(row.name, None)
                continue
            for key in [one for one in group if fnmatchcase(one, row.within)]:
                group[key] = _DROPS[row.part](group[key], row.name)
                if row.part == "key":
                    _edit_defaults(interface["tables"], key, partial(_drop_in_place, gone=row.name))
        assert interface != before, row
    return interface


def _without_key(node: Any, gone: str) -> Any:
    if isinstance(node["keys"], list):  # of a plug-in
        return node | {"keys": [key for key in node["keys"] if key != gone]}
    return node | {"keys": {key: value for key, value in node["keys"].items() if key != gone}}


def _without_argument(node: Any, gone: str) -> Any:
    def is_gone(one: Mapping[str, Any]) -> bool:
        return gone in one["options"] or (not one["options"] and gone in (one["choices"] or [""]))

    return node | {"arguments": [one for one in node["arguments"] if not is_gone(one)]}


def _without_field(node: Any, gone: str) -> Any:
    if isinstance(node, list):
        return [_without_field(one, gone) for one in node if one != gone]
    if not isinstance(node, dict):
        return node
    return {
        key: {name: each for name, each in value.items() if name != gone} if key == "properties" else value
        for key, value in ((key, _without_field(value, gone)) for key, value in node.items())
    }


def _without_value(node: Any, gone: str) -> Any:
    """Also without the objects that have it as a constant."""
    if isinstance(node, list):
        return [_without_value(one, gone) for one in node if one != gone and not _has_constant(one, gone)]
    return {key: _without_value(value, gone) for key, value in node.items()} if isinstance(node, dict) else node


def _has_constant(node: Any, value: str) -> bool:
    fields = node.get("properties") if isinstance(node, dict) else None
    return isinstance(fields, dict) and any(one.get("const") == value for one in fields.values())


_DROPS: Final[dict[Part, Callable[[Any, str], Any]]] = {
    "method": lambda node, gone: {name: each for name, each in node.items() if name != gone},
    "field": _without_field,
    "value": _without_value,
    "argument": _without_argument,
    "key": _without_key,
}
_TOP: Final = frozenset({"path", "command", "table"})


def _groups(name: str, interface: dict[str, Any]) -> list[dict[str, Any]]:
    """Return the dicts whose keys are the paths, commands or tables."""
    return [interface["tables"], interface["plugins"]] if name == "settings" else [interface]


def _renamed_top(name: str, interface: dict[str, Any], row: Rename) -> dict[str, Any]:
    def renamed(key: str) -> str:
        if key == row.old:
            return row.new
        if row.part == "table" and key.startswith((f"{row.old}.", f"{row.old}[")):
            return row.new + key.removeprefix(row.old)
        return key

    if name == "settings":
        return {group: {renamed(key): value for key, value in keys.items()} for group, keys in interface.items()}
    return {renamed(key): value for key, value in interface.items()}


def _field(node: Any, old: str, new: str, beside: str = "") -> Any:
    """Rename a property and a parameter."""
    if isinstance(node, list):
        return [_field(one, old, new, beside) for one in node]
    if not isinstance(node, dict):
        return node
    made = {key: _field(value, old, new, beside) for key, value in node.items()}
    if beside and beside not in (made.get("properties") or ()):
        return made
    if isinstance(made.get("properties"), dict):
        made["properties"] = {new if key == old else key: value for key, value in made["properties"].items()}
    if isinstance(made.get("required"), list):
        made["required"] = [new if one == old else one for one in made["required"]]
    for key in ("name", "propertyName"):
        if made.get(key) == old:
            made[key] = new
    return made


def _value(node: Any, old: str, new: str) -> Any:
    """Rename a value wherever values stand: enum, const, default, choices, discriminators."""
    if isinstance(node, list):
        return [_value(one, old, new) for one in node]
    if not isinstance(node, dict):
        return node
    return {
        key: _replaced(value, old, new) if key in _VALUE_KEYS else _value(value, old, new)
        for key, value in node.items()
    }


_VALUE_KEYS: Final = frozenset({"enum", "const", "default", "choices", "mapping", "schemes", "defaults"})


def _replaced(node: Any, old: str, new: str) -> Any:
    if isinstance(node, list):
        return [_replaced(one, old, new) for one in node]
    if isinstance(node, dict):
        return {_replaced(key, old, new): _replaced(value, old, new) for key, value in node.items()}
    return new if node == old else node


def _option(node: Any, old: str, new: str) -> Any:
    arguments = [
        one | {"options": [new if option == old else option for option in one["options"]]} for one in node["arguments"]
    ]
    return node | {"arguments": arguments}


def _key(node: Any, old: str, new: str) -> Any:
    keys = node["keys"]
    if isinstance(keys, list):  # of a plug-in
        return node | {
            "keys": sorted(new if key == old else key for key in keys),
            "defaults": _replaced_keys(node["defaults"], old, new),
        }
    return node | {"keys": _replaced_keys(keys, old, new)}


def _edit_defaults(tables: dict[str, Any], table: str, edit: Callable[[dict[str, Any]], object]) -> None:
    """Edit a table's keys in the defaults of the tables around it."""
    parts = table.split(".")
    for number in range(len(parts)):
        around = tables.get(".".join(parts[:number]) or "<root>", {"keys": {}})
        found = around["keys"].get(parts[number].removesuffix("[]"), {}).get("default")
        for part in parts[number + 1 :]:
            found = found.get(part) if isinstance(found, dict) else None
        if isinstance(found, dict):
            edit(found)


def _drop_in_place(keys: dict[str, Any], gone: str) -> None:
    keys.pop(gone, None)


def _rename_in_place(keys: dict[str, Any], old: str, new: str) -> None:
    if old in keys:
        keys[new] = keys.pop(old)


def _replaced_keys(keys: Any, old: str, new: str) -> Any:
    return {new if key == old else key: value for key, value in keys.items()} if isinstance(keys, dict) else keys


def _sorted_lists(node: Any) -> Any:
    """Return it with its lists in order, which a new name may have changed."""
    if isinstance(node, dict):
        return {key: _sorted_lists(value) for key, value in node.items()}
    return sorted((_sorted_lists(one) for one in node), key=repr) if isinstance(node, list) else node


_EDITS: Final[dict[tuple[str, str], Callable[[Any, str, str], Any]]] = {
    ("openapi", "value"): _value,
    ("help", "option"): _option,
    ("help", "value"): _value,
    ("settings", "key"): _key,
    ("settings", "value"): _value,
}
