"""The renames that are made on purpose: each is one row, applied to a golden document before it is compared."""

from collections.abc import Callable, Iterable
from copy import deepcopy
from fnmatch import fnmatchcase
from typing import Any, Final, Literal, NamedTuple

Part = Literal["path", "field", "value", "command", "option", "table", "key"]


class Rename(NamedTuple):
    """One name that changes.

    document: `openapi` has the parts path, field (also a parameter) and value (of an enum); `help` has command, option
    and value (a choice, a default); `settings` has table (with all tables below it), key and value.
    within: a pattern of the API path, the command (`tawny check`) or the settings table that the rename is limited to.
    It is matched after paths, commands and tables were renamed.
    """

    document: Literal["openapi", "help", "settings"]
    part: Part
    old: str
    new: str
    within: str = "*"


RENAMED: Final[tuple[Rename, ...]] = ()


def apply_renames(name: str, interface: dict[str, Any], renames: Iterable[Rename] = RENAMED) -> dict[str, Any]:
    """Return a golden interface (`extract.to_interface`) with the new names."""
    mine, interface = [row for row in renames if row.document == name], deepcopy(interface)
    for row in mine:
        if row.part in _TOP:
            interface = _renamed_top(name, interface, row)
    for row in mine:
        if row.part not in _TOP:
            edit = _EDITS[name, row.part]
            for group in _groups(name, interface):
                for key in [one for one in group if fnmatchcase(one, row.within)]:
                    group[key] = edit(group[key], row.old, row.new)
    return _sorted_lists(interface) if name == "openapi" else interface


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


def _field(node: Any, old: str, new: str) -> Any:
    """Rename a property and a parameter."""
    if isinstance(node, list):
        return [_field(one, old, new) for one in node]
    if not isinstance(node, dict):
        return node
    made = {key: _field(value, old, new) for key, value in node.items()}
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


def _replaced_keys(keys: Any, old: str, new: str) -> Any:
    return {new if key == old else key: value for key, value in keys.items()} if isinstance(keys, dict) else keys


def _sorted_lists(node: Any) -> Any:
    """Return it with its lists in order, which a new name may have changed."""
    if isinstance(node, dict):
        return {key: _sorted_lists(value) for key, value in node.items()}
    return sorted((_sorted_lists(one) for one in node), key=repr) if isinstance(node, list) else node


_EDITS: Final[dict[tuple[str, str], Callable[[Any, str, str], Any]]] = {
    ("openapi", "field"): _field,
    ("openapi", "value"): _value,
    ("help", "option"): _option,
    ("help", "value"): _value,
    ("settings", "key"): _key,
    ("settings", "value"): _value,
}
