"""`tawny init`, `import` and `config`."""

import json
from argparse import ArgumentParser, Namespace
from pathlib import Path
from typing import Any

import tomlkit

from tawny.cli.output import Output
from tawny.cli.paths import config_file, load_settings, new_config_file
from tawny.config.changes import template, write_new
from tawny.config.importers import LIKE, ForeignFormatError, ImportResult, import_settings, settings_like
from tawny.config.loader import parse_settings
from tawny.config.settings import Settings
from tawny.model.errors import NotDone, SettingsError
from tawny.service.diagnosis.settings_view import in_force
from tawny.service.plugin_registry import PluginRegistry
from tawny.service.sealing.sealing_service import write_secret_file


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


def _lines(tables: dict[str, Any], path: str = "") -> list[str]:
    lines: list[str] = []
    for key, value in tables.items():
        if isinstance(value, dict):
            lines += _lines(value, f"{path}{key}.")
        else:
            lines.append(f"{path}{key} = {json.dumps(value, ensure_ascii=False)}")
    return lines
