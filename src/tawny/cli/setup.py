"""`tawny init`, `import` and `config`."""

import json
import re
from argparse import ArgumentParser, Namespace
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import tomlkit

from tawny.cli.output import Output
from tawny.cli.paths import config_file, load_settings, new_config_file
from tawny.config.changes import template, write_new
from tawny.config.importers import LIKE, ForeignFormatError, ImportResult, import_settings, settings_like
from tawny.config.loader import parse_settings
from tawny.config.settings import Settings
from tawny.config.units import duration_text, size_text
from tawny.delivery.destination import Destination
from tawny.delivery.notifier import Notifier
from tawny.model.errors import NotDone, SettingsError
from tawny.service.plugin_registry import PluginRegistry
from tawny.service.sealing.sealing_service import write_secret_file
from tawny.sources.onvif import OnvifService


def describe_init(parser: ArgumentParser) -> None:
    parser.add_argument("--config", metavar="FILE", help="where to write it (default: ./tawny.toml)")
    parser.add_argument(
        "--like", choices=LIKE, help="settings that make tawny behave like this recorder with its defaults"
    )


def run_init(args: Namespace, out: Output) -> int:
    path = new_config_file(args)
    if args.like:
        found = settings_like(args.like)
        write_new(path, f"# Like {args.like} with its defaults.\n\n{tomlkit.dumps(found.settings)}")
        words = out.table((args.like, "tawny"), list(found.became.items()), empty="")
        left = out.table(("skipped", "why"), sorted(found.left.items()), empty="") if found.left else ""
        told = {"file": str(path), "became": found.became, "left": found.left}
        follows = f"Created {path}. Start recording: tawny run"
        out.data(told, "\n\n".join(part for part in (words, left, follows) if part))
        return 0
    write_new(path, template())
    out.data(
        {"file": str(path)}, f"Created {path}. Add a camera: tawny cameras add front-door rtsp://…   Then: tawny run"
    )
    return 0


# `tawny import`: convert the settings of another recorder.

SECRETS = "secrets.toml"


def describe_import(parser: ArgumentParser) -> None:
    parser.add_argument("file", metavar="FILE", help=
        "settings of rom-cam, DIY Security Cam or Ropey-Cam, or a file "
        "with Raspberry Pancake's command lines")  # fmt: skip
    parser.add_argument("--config", metavar="FILE", help="where to write tawny's settings (default: ./tawny.toml)")
    parser.add_argument("--dry-run", action="store_true", help="dry run: show what each setting becomes, write nothing")


def run_import(args: Namespace, out: Output) -> int:
    system, found = _read(Path(args.file))
    text = tomlkit.dumps(found.settings)
    path = new_config_file(args)
    secrets = path.with_name(SECRETS)
    _, problems = parse_settings(text, {name: value or "absent" for name, value in found.secrets.items()})
    if problems:
        raise SettingsError(args.file, tuple(one._replace(line=None) for one in problems))
    if not args.dry_run:
        for each in (path, *([secrets] if found.secrets else [])):
            if each.exists():
                raise NotDone(f"{each} already exists.", "Nothing was changed. Choose another file with `--config`.")
        if found.secrets:
            known = {name: value for name, value in found.secrets.items() if value}
            write_secret_file(secrets, tomlkit.dumps(known).encode())
        left_out = "".join(
            f"# [cameras.{name}] was left out: tawny can't open {scheme} addresses. Use the camera's rtsp:// address.\n"
            for name, scheme in found.unsupported.items()
        )
        write_secret_file(path, f"# Imported from {system}: {Path(args.file).name}\n{left_out}\n{text}".encode())
    out.data(
        {"system": system, "file": None if args.dry_run else str(path), "became": found.became, "left": found.left},
        _words(system, found, path, is_written=not args.dry_run, out=out),
    )
    return 0


def _read(path: Path) -> tuple[str, ImportResult]:
    try:
        return import_settings(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError) as error:
        detail = error.strerror if isinstance(error, OSError) else "not a text file"
        raise NotDone(f"Can't read {path}: {detail}.", "Check its name and folder.") from None
    except ForeignFormatError as error:
        if error.line:
            raise NotDone(f"{path}, line {error.line}: {error}.", "Fix this line. Nothing was written.") from None
        known = "rom-cam, DIY Security Cam, Ropey-Cam and Raspberry Pancake"
        raise NotDone(f"{path} contains no settings of {known} ({error}).", "See `tawny import --help`.") from None


def _words(system: str, found: ImportResult, path: Path, *, is_written: bool, out: Output) -> str:
    lines = [out.table((system, "tawny"), list(found.became.items()), empty="")]
    if found.left:
        lines += ["", out.table(("skipped", "why"), sorted(found.left.items()), empty="")]
    if is_written:
        follows = "Start recording: tawny run" if found.settings.get("cameras") else "Add a camera: tawny cameras add"
        lines += ["", f"Created {path}{' and secrets.toml' if found.secrets else ''}. {follows}"]
    return "\n".join(lines)


# `tawny config`: check the settings, show the active values, print the JSON Schema.

_HIDDEN = re.compile(r"secret|token|pass|metrics|credential|api_key")
"""Names of settings whose values are secret."""


def describe_config(parser: ArgumentParser) -> None:
    parser.add_argument(
        "what",
        choices=["check", "show", "schema"],
        help="check for problems; show active settings; print the JSON Schema",
    )
    parser.add_argument("--config", metavar="FILE", help="settings file (default: ./tawny.toml, then ~/.config/tawny)")


def run_config(args: Namespace, out: Output) -> int:
    if args.what == "schema":
        schema = Settings.model_json_schema()
        out.data(schema, json.dumps(schema, indent=2, ensure_ascii=False))
        return 0
    path = config_file(args)
    if path is None:
        raise NotDone("No settings file found.", "Create one with `tawny init`, or pass it with `--config`.")
    chosen, _ = load_settings(args)
    doors = PluginRegistry.opened()
    doors.check(chosen, str(path))
    if args.what == "show":
        shown = in_force(chosen, doors)
        out.data(shown, "\n".join(_lines(shown)))
    else:
        count = len(chosen.cameras)
        cameras = "1 camera" if count == 1 else f"{count} cameras"
        out.data({"ok": True, "file": str(path), "cameras": count}, f"{path} is valid: {cameras}.")
    return 0


def in_force(chosen: Settings, doors: PluginRegistry) -> dict[str, Any]:
    """Return every setting with its value, defaults included. URLs are shown without user and password."""
    tables: dict[str, Any] = chosen.model_dump()
    for name, camera in chosen.cameras.items():
        shown = tables["cameras"][name]
        for key in ("source", "sub"):
            shown[key] = doors.public(getattr(camera, key)) if getattr(camera, key) else ""
        shown["onvif"] = OnvifService.of(camera.onvif).public if camera.onvif else ""
        source = doors.source_of(camera.source)
        if source is not None:
            shown[source.scheme] = dict(source.settings(camera.table(source.scheme)))
    for name, one in chosen.destinations.items():
        tables["destinations"][name]["url"] = _public(doors.destination_of(one.url), one.url)
    for name, told in chosen.notifiers.items():
        tables["notifiers"][name]["url"] = _public(doors.notifier_of(told.url), told.url)
    for name, emit in chosen.webhooks.items():
        tables["webhooks"][name]["url"] = emit.public
    for table, key in (("mqtt", "url"), ("heartbeat", "url")):
        tables[table][key] = _host(tables[table][key])
    _hide(tables)
    keep = tables["storage"]["retention"]
    keep["min_free"] = f"{keep['min_free'] * 100:g} %"
    _word(keep)
    for shown in tables["cameras"].values():
        _word(shown["retention"] or {})
        shown["pre"], shown["post"] = duration_text(shown["pre"]), duration_text(shown["post"])
    return tables


def _public(kind: Destination | Notifier | None, url: str) -> str:
    assert kind is not None  # already validated by PluginRegistry.check
    return kind.public(url)


def _host(url: str) -> str:
    return f"{urlsplit(url).scheme}://{urlsplit(url).hostname}" if url else ""


def _hide(tables: dict[str, Any]) -> None:
    """Replace secret values by "(set)", in place."""
    for key, value in tables.items():
        if isinstance(value, dict):
            _hide(value)
        elif isinstance(value, list | tuple):
            for one in value:
                if isinstance(one, dict):
                    _hide(one)
        elif isinstance(value, str) and value and _HIDDEN.search(key):
            tables[key] = "(set)"


def _word(keep: dict[str, Any]) -> None:
    """Format durations and sizes as in the settings file and drop unset values, in place."""
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
