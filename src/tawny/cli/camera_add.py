"""`tawny cameras add`: test a camera, then add it to the settings."""

import dataclasses
from argparse import ArgumentParser, Namespace
from typing import Any

from tawny.cli.output import Output
from tawny.cli.paths import config_file, new_config_file
from tawny.config.changes.toml_edit import add_camera, write_new
from tawny.config.loader import known_secrets, parse_settings
from tawny.config.settings import CameraSettings, is_camera_id
from tawny.model.clock import SystemClock
from tawny.model.errors import SettingsError, UsageError
from tawny.model.ids import StreamName
from tawny.service.cameras.probe import UNKNOWN_KIND, probe
from tawny.service.plugin_registry import PluginRegistry


def describe(parser: ArgumentParser) -> None:
    parser.add_argument("name", metavar="NAME", help="ID for the camera, for example front-door")
    parser.add_argument(
        "source", metavar="SOURCE", help="rtsp://user:${PASSWORD}@host/path, /dev/video0, picamera:0, clip.mp4, demo:"
    )
    parser.add_argument("--sub", metavar="SOURCE", default="", help="address of the camera's sub stream")
    parser.add_argument("--config", metavar="FILE", help="settings file (default: ./tawny.toml)")
    parser.add_argument("--skip-test", action="store_true", help="add it without testing the connection")


def run(args: Namespace, out: Output) -> int:
    if not is_camera_id(args.name):
        raise UsageError(f"{args.name!r} isn't a valid camera ID.", "Use a-z, 0-9 and hyphens, for example front-door.")
    path = config_file(args) or new_config_file(args)
    table = {"source": args.source} | ({"sub": args.sub} if args.sub else {})
    camera = _as_set(args.name, table, path)
    found: dict[str, Any] = {}
    if not args.skip_test:
        doors = PluginRegistry.opened()
        if any(doors.source_of(one) is None for one in table.values()):
            raise UsageError(*UNKNOWN_KIND)
        for stream in (StreamName.MAIN, StreamName.SUB) if args.sub else (StreamName.MAIN,):
            found[stream.value] = dataclasses.asdict(probe(doors, args.name, camera, stream, SystemClock()))
    if not path.exists():
        write_new(path)
    add_camera(path, args.name, table)
    seen = "; ".join(f"{stream}: {what['codec']} {what['width']}x{what['height']}" for stream, what in found.items())
    told = {"camera": args.name, "file": str(path), "streams": found}
    added = f"Added {args.name} to {path}" + (f" ({seen})." if seen else ".")
    out.data(told, f"{added} If tawny is running, it picks up the camera automatically.")
    return 0


def _as_set(name: str, table: dict[str, str], path: Any) -> CameraSettings:
    """Return the camera as the settings parser sees it, secrets filled in. Raises SettingsError: when it is invalid."""
    text = f"[cameras.{name}]\n" + "".join(f"{key} = {_quoted(value)}\n" for key, value in table.items())
    settings, problems = parse_settings(text, known_secrets(path.parent))
    if settings is None:
        raise SettingsError("the command line", tuple(problem._replace(line=None) for problem in problems))
    return settings.cameras[name]


def _quoted(value: str) -> str:
    return '"' + value.replace("\\", "\\\\").replace('"', '\\"') + '"'
