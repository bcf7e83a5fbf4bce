"""Reads the public interface from the code: HTTP API, commands and settings, each as a JSON document.

Schema names do not appear in these documents, and prose stands in fields of its own. So a document changes only if a
client, a script or a settings file can notice it. `python -m scripts.golden` writes the documents, `test_golden.py`
compares.
"""

import argparse
import json
import re
from collections.abc import Callable, Iterator, Mapping
from typing import Annotated, Any, Final, get_args

from pydantic import BaseModel, TypeAdapter
from pydantic_core import PydanticUndefined, to_jsonable_python

from tawny.api.application import text
from tawny.cli.main import COMMANDS, parser
from tawny.config.settings import Settings
from tawny.engine.plugins import load

TEXT: Final = "text"
"""The field with prose; comparisons leave it out."""
PROSE_KEYS: Final = frozenset({"title", "description", "summary", "operationId", "tags", "example", "examples"})
"""Keys of OpenAPI and JSON Schema that hold prose or names of the implementation."""
NAMED_KEYS: Final = frozenset({"properties", "patternProperties", "responses", "headers", "content", "mapping"})
"""Keys of OpenAPI and JSON Schema whose value maps free names to schemas."""
ADDRESSES: Final = {
    "apprise": "apprise:json://example.org",
    "discord": "discord://123456789/the-webhooks-token",
    "email": "smtps://user:password@example.org",
    "folder": "folder:/mnt/nas",
    "ftp": "ftps://user:password@example.org/folder",
    "gotify": "gotify://:token@example.org",
    "homeassistant": "homeassistant://:token@example.org/mobile_app_phone",
    "matrix": "matrix://:token@example.org/!room:example.org",
    "mqtt": "mqtt://example.org/topic",
    "ntfy": "ntfy://example.org/topic",
    "pushover": "pushover://token@user",
    "rclone": "rclone:remote/folder",
    "s3": "s3://key:secret@bucket/folder?endpoint=https://s3.example.org",
    "sftp": "sftp://user:password@example.org/folder",
    "slack": "slack://xoxb-token@C0123",
    "tawny": "tawny://:secret@example.org/folder",
    "telegram": "telegram://123:token@42",
    "webdav": "davs://user:password@example.org/folder",
    "webhook": "webhook+https://example.org/tawny",
    "webpush": "webpush:me@example.org",
}
"""An address for each type of destination and notifier: their settings are checked together with one."""
REQUIRED: Final[dict[str, dict[str, Any]]] = {
    "email": {"to": "anna@example.org", "sender": "tawny@example.org"},
    "own": {"file": "detect.py"},
}
"""Settings without which a plug-in refuses its table."""


def extract_openapi() -> dict[str, Any]:
    """Return the OpenAPI document as the product publishes it."""
    document: dict[str, Any] = json.loads(text())
    return document


def resolve_openapi(document: Mapping[str, Any]) -> dict[str, Any]:
    """Return the operations by path, with every `$ref` replaced by its target, without prose.

    A schema that contains itself is replaced by `{"recursive": levels}`.
    """
    schemas: Mapping[str, Any] = document.get("components", {}).get("schemas", {})

    def resolve(node: Any, chain: tuple[str, ...], *, is_named: bool = False) -> Any:
        if isinstance(node, list):
            return sorted((resolve(one, chain) for one in node), key=json.dumps)
        if not isinstance(node, dict):
            return node
        if "$ref" in node and not is_named:
            name = str(node["$ref"]).removeprefix("#/components/schemas/")
            if name in chain:
                return {"recursive": len(chain) - chain.index(name)}
            return resolve(schemas[name], (*chain, name))
        return {
            key: sorted(value) if key == "mapping" else resolve(value, chain, is_named=key in NAMED_KEYS)
            for key, value in node.items()
            if is_named or key not in PROSE_KEYS
        }

    return {path: resolve(item, ()) for path, item in document["paths"].items()}


def extract_help() -> dict[str, Any]:
    """Return all commands with their arguments; the same on each version of Python."""
    top = parser()
    found: dict[str, Any] = {"tawny": {"arguments": list(_arguments(top)), TEXT: top.description}}
    for name, command in _subcommands(top):
        found[f"tawny {name}"] = {"arguments": list(_arguments(command)), TEXT: COMMANDS[name].summary}
        for action, each in _subcommands(command):
            found[f"tawny {name} {action}"] = {"arguments": list(_arguments(each)), TEXT: each.description}
    return found


def _subcommands(command: argparse.ArgumentParser) -> Iterator[tuple[str, argparse.ArgumentParser]]:
    for action in command._actions:
        if isinstance(action, argparse._SubParsersAction):
            yield from action.choices.items()


def _arguments(command: argparse.ArgumentParser) -> Iterator[dict[str, Any]]:
    groups = {
        id(one): number for number, each in enumerate(command._mutually_exclusive_groups) for one in each._group_actions
    }
    for action in command._actions:
        if "--help" in action.option_strings or isinstance(action, argparse._SubParsersAction):
            continue
        yield {
            "options": list(action.option_strings),
            "action": type(action).__name__.strip("_"),
            "nargs": action.nargs,
            "choices": None if action.choices is None else [str(one) for one in action.choices],
            "required": action.required,
            "default": to_jsonable_python(action.default, fallback=str),
            "type": _number_type(action.type),
            "excludes": groups.get(id(action)),
            TEXT: {"help": action.help, "metavar": action.metavar, "name": action.dest},
        }


def extract_settings() -> dict[str, Any]:
    """Return all tables of the settings file, and for each plug-in the keys of its own table."""
    tables: dict[str, Any] = {}
    _add_table(tables, "", Settings)
    return {"tables": tables, "plugins": _plugins()}


def _add_table(tables: dict[str, Any], name: str, model: type[BaseModel]) -> None:
    keys: dict[str, Any] = {}
    tables[name or "<root>"] = {
        "keys": keys,
        "extra": model.model_config.get("extra", "ignore"),
        TEXT: (model.__doc__ or "").strip(),
    }
    for key, field in model.model_fields.items():
        shown = field.alias or key
        nested = list(_models_in(field.annotation))
        default = field.get_default(call_default_factory=True, validated_data={})
        keys[shown] = {
            "type": "table" if nested else _type_of(model, key),
            "required": field.is_required(),
            "default": None if default is PydanticUndefined else to_jsonable_python(default, fallback=str),
            TEXT: field.description,
        }
        for suffix, one in nested:
            _add_table(tables, f"{name}.{shown}{suffix}".lstrip("."), one)


def _models_in(annotation: Any, suffix: str = "") -> Iterator[tuple[str, type[BaseModel]]]:
    """Yield each settings model in an annotation, with `.<name>` for a dict of them and `[]` for a list."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        yield suffix, annotation
        return
    origin = getattr(annotation, "__origin__", None)
    args = get_args(annotation)
    if origin is dict:
        yield from _models_in(args[1], f"{suffix}.<name>")
        return
    for one in args:
        yield from _models_in(one, f"{suffix}[]" if origin in (tuple, list) else suffix)


def _type_of(model: type[BaseModel], key: str) -> Any:
    """Return the JSON Schema of one key, without prose and default."""
    field = model.model_fields[key]
    annotated: Any = field.annotation
    for extra in field.metadata:
        annotated = _annotated(annotated, extra)
    schema = TypeAdapter(annotated).json_schema()
    return {name: value for name, value in schema.items() if name not in PROSE_KEYS}


def _annotated(annotation: Any, extra: Any) -> Any:
    return Annotated[annotation, extra]


def _plugins() -> dict[str, Any]:
    found: dict[str, Any] = {}
    for group in ("sources", "detectors", "recognizers", "destinations", "notifiers"):
        parts, broken = load(f"tawny.{group}")
        assert not broken, broken
        for name, part in sorted(parts.items()):
            check, schemes = _settings_of(group, name, part)
            table = REQUIRED.get(name, {})
            found[f"{group}.{name}"] = {
                "schemes": schemes,
                "keys": _allowed_keys(check, table),
                "defaults": to_jsonable_python(dict(check(table)), fallback=str) if schemes else None,
                TEXT: (part.__doc__ or "").strip(),
            }
    return found


def _settings_of(group: str, name: str, part: Any) -> tuple[Callable[[Mapping[str, Any]], Any], list[str]]:
    """Return the function that checks a plug-in's table, and the plug-in's schemes."""
    if group == "sources":
        return lambda table: part().settings(table), [part.scheme]
    if group in ("destinations", "notifiers"):
        return lambda table: part().settings(ADDRESSES[name], table), list(part.schemes)
    return part, []  # its constructor checks the table


def _allowed_keys(check: Callable[[Mapping[str, Any]], Any], table: Mapping[str, Any]) -> list[str]:
    """Return the keys that a plug-in names when it finds one that it does not know."""
    try:
        check({**table, "no_such_key": 1})
    except ValueError as error:
        assert "no_such_key" in str(error), error
        keys = re.split(r", | and ", str(error).rpartition("allowed: ")[2])
        return [] if keys == ["none"] else sorted(keys)
    raise AssertionError("an unknown key was accepted")


def without_text(node: Any) -> Any:
    """Return the document without its prose."""
    if isinstance(node, dict):
        return {key: without_text(value) for key, value in node.items() if key != TEXT}
    return [without_text(one) for one in node] if isinstance(node, list) else node


EXTRACTS: Final[Mapping[str, Callable[[], dict[str, Any]]]] = {
    "openapi": extract_openapi,
    "help": extract_help,
    "settings": extract_settings,
}
"""The golden documents: `tests/golden/<name>.json`."""


def to_text(document: Mapping[str, Any]) -> str:
    """Return a document as it stands in its file."""
    return json.dumps(document, indent=2, sort_keys=True, ensure_ascii=False) + "\n"


def to_interface(name: str, document: Mapping[str, Any]) -> dict[str, Any]:
    """Return what users of a document's interface rely on: without prose and names of the implementation."""
    interface = resolve_openapi(document) if name == "openapi" else without_text(document)
    read: dict[str, Any] = json.loads(json.dumps(interface))
    return read


def find_differences(before: Any, now: Any, place: str = "") -> Iterator[str]:
    """Yield one line for each place where two documents differ."""
    if isinstance(before, dict) and isinstance(now, dict):
        for key in sorted(before.keys() | now.keys(), key=str):
            here = f"{place} / {key}"
            if key not in now:
                yield f"missing: {here}"
            elif key not in before:
                yield f"new: {here}"
            else:
                yield from find_differences(before[key], now[key], here)
    elif isinstance(before, list) and isinstance(now, list) and len(before) == len(now):
        for number, (old, new) in enumerate(zip(before, now, strict=True)):
            yield from find_differences(old, new, f"{place} [{number}]")
    elif before != now:
        yield f"changed: {place}: {json.dumps(before)[:200]} -> {json.dumps(now)[:200]}"


_MOST: Final = frozenset({"maxItems", "maxLength", "maxProperties", "maximum"})
_LEAST: Final = frozenset({"minItems", "minLength", "minimum"})
LIMITS: Final = _MOST | _LEAST | {"pattern", "propertyNames"}
"""Of values in JSON Schema."""


def _is_wider(limit: str, before: Any, now: Any) -> bool:
    return (limit in _MOST and now >= before) or (limit in _LEAST and now <= before)


def _number_type(made_by: Any) -> str | None:
    """Return `int` or `float` for an option that is a number; None for another."""
    if made_by in (int, float):
        return str(made_by.__name__)
    return "int" if getattr(made_by, "__qualname__", "").startswith("whole_number.") else None


def find_losses(before: Any, now: Any, place: str = "") -> Iterator[str]:
    """Yield one line for each place where something of `before` is gone or different.

    New names are no loss, nor are limits that are wider or gone. A list has lost an item if none of the present ones
    has all of it; a request has lost if it needs more fields.
    """
    if isinstance(before, dict) and isinstance(now, dict):
        for key in sorted(before.keys(), key=str):
            here = f"{place} / {key}"
            if key in LIMITS and (key not in now or _is_wider(key, before[key], now[key])):
                continue
            if key not in now:
                yield f"missing: {here}"
            else:
                yield from find_losses(before[key], now[key], here)
    elif isinstance(before, list) and isinstance(now, list):
        grows = "requestBody" in place and place.endswith("/ required") and len(now) > len(before)
        if grows or not all(any(not any(find_losses(old, new)) for new in now) for old in before):
            yield f"changed: {place}: {json.dumps(before)[:200]} -> {json.dumps(now)[:200]}"
    elif before != now and (before, now) != ("forbid", "allow"):  # of a table that takes more keys
        yield f"changed: {place}: {json.dumps(before)[:200]} -> {json.dumps(now)[:200]}"
