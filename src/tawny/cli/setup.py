"""`tawny init`, `import` and `config`."""

import json
from argparse import ArgumentParser, Namespace
from pathlib import Path

import tomlkit

from tawny.cli.output import Output
from tawny.cli.paths import config_file, home_folder, load_settings, new_config_file
from tawny.config.changes import template
from tawny.config.file_writing import write_new
from tawny.config.importers import LIKE, import_file, settings_like
from tawny.config.importers.result import ImportResult
from tawny.config.loader import parse_settings
from tawny.config.settings import Settings, WebSettings, listen_address
from tawny.model.errors import FolderUnwritable, NotDone, Problem, SettingsError
from tawny.service.diagnosis.settings_view import in_force, settings_lines
from tawny.service.plugin_registry import PluginRegistry
from tawny.service.sealing.sealing_service import write_secret_file
from tawny.service.setting_warnings import setting_warnings


def describe_init(parser: ArgumentParser) -> None:
    parser.add_argument("--config", metavar="FILE", help="where to write it (default: ./tawny.toml)")
    parser.add_argument(
        "--like", choices=LIKE, help="settings that make tawny behave like this recorder with its defaults"
    )


def run_init(args: Namespace, out: Output) -> int:
    path = new_config_file(args)
    if args.like:
        found = settings_like(args.like, home_folder())
        write_new(path, f"# Like {args.like} with its defaults.\n\n{tomlkit.dumps(found.settings)}")
        words = out.table((args.like, "tawny"), list(found.became.items()), empty="")
        left = out.table(("skipped", "why"), sorted(found.left.items()), empty="") if found.left else ""
        result = {"file": str(path), "became": found.became, "left": found.left}
        follows = f"Created {path}. Start recording: tawny run\n{_elsewhere(path, found)}"
        out.data(result, "\n\n".join(part for part in (words, left, follows) if part))
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
        "settings of rom-cam, DIY Security Cam, Ropey-Cam or SudoCam, or a file "
        "with Raspberry Pancake's command lines")  # fmt: skip
    parser.add_argument("--config", metavar="FILE", help="where to write tawny's settings (default: ./tawny.toml)")
    parser.add_argument("--dry-run", action="store_true", help="dry run: show what each setting becomes, write nothing")


def run_import(args: Namespace, out: Output) -> int:
    source = Path(args.file)
    system, found = import_file(source, home_folder())
    text = tomlkit.dumps(found.settings)
    _check(source, text, found)
    path = new_config_file(args)
    if not args.dry_run:
        _write(path, f"# Imported from {system}: {source.name}\n{_comments(found)}\n{text}", found.secrets)
    out.data(
        {"system": system, "file": None if args.dry_run else str(path), "became": found.became, "left": found.left},
        _words(system, found, path, is_written=not args.dry_run, out=out),
    )
    return 0


def _check(source: Path, text: str, found: ImportResult) -> None:
    """Raise SettingsError with the lines of the imported file if tawny could not run with these settings."""
    settings, problems = parse_settings(text, {name: value or "absent" for name, value in found.secrets.items()})
    if settings is not None:
        try:
            PluginRegistry.opened().check(settings, str(source))
        except SettingsError as error:
            problems = list(error.problems)
    if problems:
        raise SettingsError(str(source), tuple(_of_source(one, found) for one in problems))


def _of_source(problem: Problem, found: ImportResult) -> Problem:
    """Return a problem with the original key and its line, as far as one made the setting."""
    line = found.line_of(problem.path)
    theirs = next((key for key, number in found.lines.items() if number == line), problem.path)
    return problem._replace(path=theirs if line else problem.path, line=line or 1)


def _write(path: Path, text: str, secrets: dict[str, str]) -> None:
    """Write both files, or neither."""
    kept = path.with_name(SECRETS)
    for each, other in ((path, "another file"), (kept, "a file in another folder")):
        if each.exists() and (secrets or each is path):
            raise NotDone(f"{each} already exists.", f"Nothing was changed. Choose {other} with `--config`.")
    if secrets:
        write_secret_file(kept, tomlkit.dumps({name: value for name, value in secrets.items() if value}).encode())
    try:
        write_secret_file(path, text.encode())
    except (NotDone, FolderUnwritable):
        if secrets:
            kept.unlink()
        raise


def _comments(found: ImportResult) -> str:
    left_out = "".join(
        f"# [cameras.{name}] was left out: tawny can't open {scheme} addresses. Use the camera's rtsp:// address.\n"
        for name, scheme in found.unsupported.items()
    )
    return left_out + found.comment


def _words(system: str, found: ImportResult, path: Path, *, is_written: bool, out: Output) -> str:
    lines = [out.table((system, "tawny"), list(found.became.items()), empty="")]
    if found.left:
        lines += ["", out.table(("skipped", "why"), sorted(found.left.items()), empty="")]
    if is_written:
        named = "" if path == Path("tawny.toml") else f" --config {path}"
        follows = (
            f"Start recording: tawny run{named}"
            if found.settings.get("cameras")
            else f"Add a camera: tawny cameras add{named}"
        )
        lines += ["", f"Created {path}{' and secrets.toml' if found.secrets else ''}. {follows}"]
        lines.append(_elsewhere(path, found))
    return "\n".join(lines)


def _elsewhere(path: Path, found: ImportResult) -> str:
    """Return how other devices can open the page, also to create the owner account."""
    listen = found.settings.get("web", {}).get("listen") or WebSettings().listen
    everywhere = f"0.0.0.0:{listen_address(listen)[1]}"
    return (
        f"The page opens on this computer only. For other devices, start tawny with --listen {everywhere}, or set "
        f'listen = "{everywhere}" under [web] in {path}.'
    )


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
    plugins = PluginRegistry.opened()
    plugins.check(chosen, str(path))
    if args.what == "show":
        shown = in_force(chosen, plugins)
        out.data(shown, "\n".join(settings_lines(shown)))
    else:
        warnings = list(map(str, setting_warnings(chosen)))
        for warning in warnings:
            out.say(f"Warning: {warning}")
        count = len(chosen.cameras)
        cameras = "1 camera" if count == 1 else f"{count} cameras"
        out.data(
            {"ok": True, "file": str(path), "cameras": count, "warnings": warnings}, f"{path} is valid: {cameras}."
        )
    return 0
