"""`tawny config`: what is wrong with the settings, what is in force, and what can be set."""

import json
from argparse import ArgumentParser, Namespace
from typing import Any

from tawny.app.doors import Doors
from tawny.cli.output import Output
from tawny.cli.places import config_file, settings
from tawny.config.settings import Settings
from tawny.config.units import duration_text, size_text
from tawny.model.errors import NotDone


def describe(parser: ArgumentParser) -> None:
    parser.add_argument("what", choices=["check", "show", "schema"], help="problems; what is in force; JSON Schema")
    parser.add_argument("--config", metavar="FILE", help="the settings (usual: ./tawny.toml, then ~/.config/tawny)")


def run(args: Namespace, out: Output) -> int:
    if args.what == "schema":
        schema = Settings.model_json_schema()
        out.data(schema, json.dumps(schema, indent=2, ensure_ascii=False))
        return 0
    path = config_file(args)
    if path is None:
        raise NotDone("There is no settings file here.", "Write one with `tawny init`, or name it with `--config`.")
    chosen, _ = settings(args)
    doors = Doors.opened()
    doors.check(chosen, str(path))
    if args.what == "show":
        shown = in_force(chosen, doors)
        out.data(shown, "\n".join(_lines(shown)))
    else:
        count = len(chosen.cameras)
        cameras = "1 camera" if count == 1 else f"{count} cameras"
        out.data({"ok": True, "file": str(path), "cameras": count}, f"{path} is right: {cameras}.")
    return 0


def in_force(chosen: Settings, doors: Doors) -> dict[str, Any]:
    """Every setting with its value, defaults included, addresses without user and password."""
    tables: dict[str, Any] = chosen.model_dump()
    for name, camera in chosen.cameras.items():
        shown = tables["cameras"][name]
        for key in ("source", "sub"):
            shown[key] = doors.public(getattr(camera, key)) if getattr(camera, key) else ""
        source = doors.source_of(camera.source)
        if source is not None:
            shown[source.scheme] = dict(source.settings(camera.table(source.scheme)))
    keep = tables["storage"]["keep"]
    keep["free"] = f"{keep['free'] * 100:g} %"
    _word(keep)
    for shown in tables["cameras"].values():
        _word(shown["keep"] or {})
        shown["pre"], shown["post"] = duration_text(shown["pre"]), duration_text(shown["post"])
    return tables


def _word(keep: dict[str, Any]) -> None:
    """Times and sizes as they are written in the file; what is not set is left out."""
    for key, value in list(keep.items()):
        if value is None:
            del keep[key]
        elif key in ("sub", "events"):
            keep[key] = dict(value)
            _word(keep[key])
        elif key == "size":
            keep[key] = size_text(value)
        elif isinstance(value, float):
            keep[key] = duration_text(value)


def _lines(tables: dict[str, Any], path: str = "") -> list[str]:
    lines: list[str] = []
    for key, value in tables.items():
        if isinstance(value, dict):
            lines += _lines(value, f"{path}{key}.")
        else:
            lines.append(f"{path}{key} = {json.dumps(value, ensure_ascii=False)}")
    return lines
