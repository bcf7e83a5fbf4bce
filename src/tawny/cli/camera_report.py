"""`tawny cameras report`: a report on the connection to a camera, for troubleshooting, without secrets.

The running recorder writes the report. Without a recorder, or with `--try`, the command connects to the camera itself.
"""

import threading
from argparse import ArgumentParser, Namespace
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from tawny.app.control_socket import NAME as CONTROL
from tawny.cli import options
from tawny.cli.control_client import ask_once
from tawny.cli.output import Output
from tawny.cli.paths import data_folder, load_settings
from tawny.model.clock import SystemClock
from tawny.model.errors import NoSuchCamera, NotDone, NothingToReport, SourceError
from tawny.model.ids import CameraId, StreamName
from tawny.protocols.login_history import LoginHistory
from tawny.service.cameras import connection_report
from tawny.service.cameras.login_file import load
from tawny.service.plugin_registry import PluginRegistry
from tawny.sources.source import CameraConnection, CameraSource, IdleUntil, SourceContext
from tawny.storage.disk.disk import RealDisk

TRY_S = 5.0
"""Seconds to read from the camera for a report without the recorder."""


def describe(parser: ArgumentParser) -> None:
    options.data(parser)
    parser.add_argument("name", metavar="NAME", help="camera ID, for example front-door")
    parser.add_argument(
        "-o", "--output", metavar="FILE", help="write the report to this file (default: standard output)"
    )
    parser.add_argument("--host", action="store_true", help="include the camera's address")
    parser.add_argument(
        "--try",
        dest="tries",
        action="store_true",
        help="connect to the camera for 5 s, even if a recorder is already using it",
    )


def run(args: Namespace, out: Output) -> int:
    chosen, _ = load_settings(args)
    folder = data_folder(args, chosen)
    runs = (folder / CONTROL).exists()
    made, is_well = _of_recorder(folder, args) if runs and not args.tries else _of_our_own(args)
    text = connection_report.report_text(made)
    if args.output:
        _write(Path(args.output), text)
        out.data({"file": args.output, "camera": args.name}, f"Saved to {args.output}. Read it before you share it.")
    else:
        out.data(made, text.rstrip("\n"))
    return 0 if is_well else 1


def _of_recorder(folder: Path, args: Namespace) -> tuple[Mapping[str, Any], bool]:
    told = ask_once(folder, {"command": "report", "camera": args.name, "host": args.host})
    if "known" in told:
        raise NoSuchCamera(args.name, ", ".join(told["known"]) or "none yet")
    if not told["report"]:
        raise NothingToReport(args.name)
    return told["report"], True


def _of_our_own(args: Namespace) -> tuple[Mapping[str, Any], bool]:
    """Connect to each stream. Return the report and whether all streams delivered video."""
    chosen, _ = load_settings(args)
    camera, logins = chosen.cameras.get(args.name), LoginHistory()
    if (folder := data_folder(args, chosen)).is_dir():
        load(RealDisk(folder), logins)
    if camera is None:
        raise NoSuchCamera(args.name, ", ".join(chosen.cameras) or "none yet")
    clock, is_well = SystemClock(), True
    ended: dict[StreamName, str] = {}
    found = connection_report.openings(CameraId(args.name), camera, PluginRegistry.opened(), clock, logins)
    for stream, (source, opening) in found.items():
        ended[stream], has_pictures = _tried(source, opening)
        is_well = is_well and has_pictures
    made = connection_report.report(CameraId(args.name), found, clock, with_host=args.host, ended=ended)
    return made, is_well


def _tried(source: CameraSource, opening: SourceContext) -> tuple[str, bool]:
    """Read a stream for TRY_S seconds with the built-in client. Return the result as text and whether video arrived."""
    own = {"client": "own"} if "client" in opening.options else {}
    opening = replace(opening, options={**opening.options, **own})
    try:
        connection = source.open(opening)
    except SourceError as error:
        return str(error), False
    try:
        return _read(connection, opening)
    except SourceError as error:
        return str(error), False
    finally:
        connection.close()


def _read(connection: CameraConnection, opening: SourceContext) -> tuple[str, bool]:
    until_s, pause, pictures = opening.clock.mono_s() + TRY_S, threading.Event(), 0
    while opening.clock.mono_s() < until_s:
        got = connection.read()
        if isinstance(got, IdleUntil):
            pause.wait(got.for_s)
        else:
            pictures += got.is_video
    return f"disconnected after {TRY_S:g} s and {pictures} frames", pictures > 0


def _write(path: Path, text: str) -> None:
    try:
        path.write_text(text, "utf-8")
    except OSError as error:
        raise NotDone(f"Can't write {path}: {error.strerror}.", "Choose another file with `-o`.") from error
