"""`tawny cameras`, `pause`, `resume`, `record`, `ptz` and `relay`."""

import dataclasses
from argparse import SUPPRESS, ArgumentParser, BooleanOptionalAction, Namespace
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any, Final, get_args

from tawny.app.control_client import is_running
from tawny.cli import options
from tawny.cli.camera_setup import (
    NO_SOUND,
    add_by_address,
    describe_camera_find,
    describe_camera_remove,
    describe_camera_rename,
    describe_camera_test,
    describe_login,
    is_address,
    known_left,
    left_of_removed,
    run_camera_find,
    run_camera_remove,
    run_camera_rename,
    run_camera_test,
    write_draft,
)
from tawny.cli.control_client import ask_once, camera, lasts, ordered
from tawny.cli.options import NO_CAMERAS
from tawny.cli.output import Output
from tawny.cli.paths import config_file, data_folder, load_settings, new_config_file, running_data
from tawny.config.changes import template
from tawny.config.drafts import SettingsDraft
from tawny.config.file_writing import write_new
from tawny.config.loader import known_secrets
from tawny.config.settings import CameraSettings, display_name, is_camera_id
from tawny.model.errors import NoSuchCamera, NotDone, NothingToReport, SourceError, UsageError
from tawny.model.geometry import ROTATIONS, Orientation
from tawny.model.ids import CameraId, StreamName
from tawny.model.segments import Recording
from tawny.model.states import CameraState, state_words
from tawny.model.times import SystemClock
from tawny.protocols.login_history import LoginHistory
from tawny.service.cameras import connection_report
from tawny.service.cameras.added_values import chosen_values, with_sound
from tawny.service.cameras.camera_setup import CameraDraft, camera_with, find_streams
from tawny.service.cameras.connection_settings import ProbeResult, probe
from tawny.service.cameras.known_camera_entry import entry_text
from tawny.service.cameras.login_file import load
from tawny.service.plugin_registry import PluginRegistry, unknown_kind
from tawny.sources.discovery.onvif_details import ask_details
from tawny.sources.network_address import claims_network, parse_network
from tawny.sources.onvif import OnvifService
from tawny.sources.source import CameraSource, SourceContext, read_packets
from tawny.storage.disk.disk import RealDisk

# `tawny cameras list`: the cameras with the IDs that other commands take.


def describe_camera_list(parser: ArgumentParser) -> None:
    options.data(parser)


def run_camera_list(args: Namespace, out: Output) -> int:
    """List the cameras of the settings and, while it runs, of the recorder."""
    chosen, _ = load_settings(args)
    folder, plugins = data_folder(args, chosen), PluginRegistry.opened()
    try:
        running = ask_once(folder, {"command": "status"})["cameras"]
    except NotDone:  # none runs, or this user may not ask it
        running = ()
    words = {
        one["id"]: state_words(CameraState(one["state"]), is_undetected=one.get("undetected", False)) for one in running
    }
    shown = {one["id"]: {"name": one["name"], "state": one["state"], "source": None} for one in running}
    for key, one in chosen.cameras.items():
        shown.setdefault(key, {"name": display_name(key, one), "state": None})["source"] = plugins.public(one.source)
    rows = [(key, one["name"], words.get(key, "–"), one["source"] or "–") for key, one in shown.items()]
    text = out.table(("camera", "name", "state", "source"), rows, empty=NO_CAMERAS)
    out.data({"cameras": [{"id": key, **one} for key, one in shown.items()]}, text)
    return 0


# `tawny cameras add`: test a camera, then add it to the settings.


def describe_camera_add(parser: ArgumentParser) -> None:
    parser.add_argument("name", metavar="NAME", help="ID for the camera, for example front-door")
    parser.add_argument(
        "source",
        metavar="SOURCE",
        help="address of a network camera such as 192.168.1.20, or rtsp://user:${PASSWORD}@host/path, http://…, "
        "/dev/video0, picamera:0, clip.mp4, demo:",
    )
    describe_login(parser)
    parser.add_argument("--sub", metavar="SOURCE", default="", help="address of the camera's sub stream")
    parser.add_argument("--config", metavar="FILE", help="settings file (default: ./tawny.toml)")
    parser.add_argument("--skip-test", action="store_true", help="add it without testing the connection")
    parser.add_argument(
        "--record",
        choices=get_args(Recording),
        default="continuous",
        help="what is recorded: everything (the default), only around events, only around their start and end, or "
        "nothing",
    )
    parser.add_argument(
        "--rotate", type=int, choices=ROTATIONS, default=0, help="rotate the image clockwise by so many degrees"
    )
    parser.add_argument("--mirror", action="store_true", help="swap left and right in the image, after --rotate")
    parser.add_argument(
        "--sound",
        action=BooleanOptionalAction,
        default=None,
        help="record the camera's sound (default: no; in many countries it needs people's consent)",
    )


def run_camera_add(args: Namespace, out: Output) -> int:
    if not is_camera_id(args.name):
        raise UsageError(f"{args.name!r} isn't a valid camera ID.", "Use a-z, 0-9 and hyphens, for example front-door.")
    if is_address(args.source) or (args.user and claims_network(args.source) and not args.sub):
        return add_by_address(args, out)
    if args.user:
        raise UsageError("`--user` needs the address of one network camera.", "Or put the login into the source.")
    path = config_file(args) or new_config_file(args)
    if path.exists():
        SettingsDraft(path, "", {}).refuse_taken(args.name)
    args.source, args.sub = _anywhere(args.source), _anywhere(args.sub)
    wanted = CameraDraft(args.source, sub=args.sub)
    streams = find_streams(wanted, SystemClock()) if _has_one_login(args.source, args.sub) else None
    camera = camera_with(args.name, wanted, streams, known_secrets(path.parent))
    chosen = chosen_values(args.record, Orientation(args.rotate, args.mirror))
    values = with_sound({**camera.values, **chosen}, PluginRegistry.opened(), camera.settings, sound=bool(args.sound))
    found: dict[str, Any] = {}
    if not args.skip_test:
        plugins, sub = PluginRegistry.opened(), camera.settings.sub
        for one in filter(None, (camera.settings.source, sub)):
            if plugins.source_of(one) is None:
                raise UsageError(*unknown_kind(one))
        for stream in (StreamName.MAIN, StreamName.SUB) if sub else (StreamName.MAIN,):
            found[stream.value] = dataclasses.asdict(probe(plugins, args.name, camera.settings, stream, SystemClock()))
    if not path.exists():
        write_new(path, template())
    draft = SettingsDraft(path, "", {}, may_refer=True)
    draft.add_camera(args.name, values, camera.secrets, known_left(args, draft))
    now = write_draft(draft, path)
    seen = "; ".join(f"{stream}: {what['codec']} {what['width']}x{what['height']}" for stream, what in found.items())
    result = {"camera": args.name, "file": str(path), "streams": found}
    added = f"Added {args.name} to {path}" + (f" ({seen})." if seen else ".")
    added = " ".join([added, *left_of_removed(now.cameras[args.name], values)])
    added += f" {NO_SOUND}" if values != {**camera.values, **chosen} and args.sound is None else ""
    out.data(result, f"{added} If tawny is running, it picks up the camera automatically.")
    return 0


def _anywhere(source: str) -> str:
    """Return the full path of a video file: tawny may start in another folder."""
    return str(Path(source).absolute()) if source and "://" not in source and Path(source).is_file() else source


def _has_one_login(source: str, sub: str) -> bool:
    """Return whether a sub stream uses the main stream's login; if not, both are added as they were given."""
    if not sub or not claims_network(source):
        return True
    if not claims_network(sub):
        return False
    try:
        main, small = parse_network(source), parse_network(sub)
    except ValueError:  # reported when the streams are looked for
        return True
    return (small.user, small.password) in {("", ""), (main.user, main.password)}


# `tawny cameras report`: a report on the connection to a camera, for troubleshooting, without secrets.

TRY_S = 5.0
"""Seconds to read from the camera for a report without the recorder."""


def describe_camera_report(parser: ArgumentParser) -> None:
    options.data(parser)
    parser.add_argument("camera", metavar="NAME", help="camera ID or name, for example front-door")
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
    parser.add_argument(
        "--known",
        action="store_true",
        help="connect to the camera, and write an entry for the list of known cameras instead: model, firmware, paths "
        "and what it does otherwise than others, without names, addresses and serial numbers",
    )


def run_camera_report(args: Namespace, out: Output) -> int:
    chosen, _ = load_settings(args)
    if args.known:
        return _report_known(args, out)
    folder = data_folder(args, chosen)
    asks = not args.tries and is_running(folder)
    made, is_well = _of_recorder(folder, args) if asks else _of_our_own(args)
    text = connection_report.report_text(made)
    if args.output:
        _write(Path(args.output), text)
        out.data({"file": args.output, "camera": args.camera}, f"Saved to {args.output}. Read it before you share it.")
    else:
        out.data(made, text.rstrip("\n"))
    return 0 if is_well else 1


def _report_known(args: Namespace, out: Output) -> int:
    """Write an entry for the list of known cameras. Raises SourceError for a camera that isn't there."""
    camera, logins = _camera_of(args)
    plugins, clock, found = PluginRegistry.opened(), SystemClock(), dict[StreamName, ProbeResult]()
    for stream in (StreamName.MAIN, StreamName.SUB) if camera.sub else (StreamName.MAIN,):
        found[stream] = probe(plugins, args.camera, camera, stream, clock, logins)
    details = None
    if camera.onvif:
        place = OnvifService.of(camera.onvif)
        details = ask_details(camera.onvif, clock, logins.record(args.camera, place.host, place.port_used))
    forgiven: list[str] = []
    try:
        opened = connection_report.openings(CameraId(args.camera), camera, plugins, clock, logins)
    except NothingToReport:  # of cameras that aren't RTSP there is no conversation
        opened = {}
    for source, opening in opened.values():
        tolerated = source.report(opening).get("forgiven", ())
        forgiven += [source.without_secrets(opening, one, with_host=False) for one in tolerated]
    text = entry_text(camera, details, found, forgiven, clock)
    if args.output:
        _write(Path(args.output), text)
        out.data({"file": args.output, "camera": args.camera}, f"Saved to {args.output}. Read it before you share it.")
    else:
        out.data({"entry": text, "camera": args.camera}, text.rstrip("\n"))
    return 0


def _camera_of(args: Namespace) -> tuple[CameraSettings, LoginHistory]:
    """Return a camera's settings, and what sign-in cameras offered before. Raises NoSuchCamera."""
    chosen, _ = load_settings(args)
    camera, logins = chosen.cameras.get(args.camera), LoginHistory()
    if (folder := data_folder(args, chosen)).is_dir():
        load(RealDisk(folder), logins)
    if camera is None:
        raise NoSuchCamera(args.camera, ", ".join(chosen.cameras) or "none yet")
    return camera, logins


def _of_recorder(folder: Path, args: Namespace) -> tuple[Mapping[str, Any], bool]:
    result = ask_once(folder, {"command": "report", "camera": args.camera, "host": args.host})
    if "known" in result:
        raise NoSuchCamera(args.camera, ", ".join(result["known"]) or "none yet")
    if not result["report"]:
        raise NothingToReport(args.camera)
    return result["report"], True


def _of_our_own(args: Namespace) -> tuple[Mapping[str, Any], bool]:
    """Connect to each stream. Return the report and whether all streams delivered video."""
    camera, logins = _camera_of(args)
    clock, is_well = SystemClock(), True
    ended: dict[StreamName, str] = {}
    found = connection_report.openings(CameraId(args.camera), camera, PluginRegistry.opened(), clock, logins)
    for stream, (source, opening) in found.items():
        ended[stream], has_pictures = _tried(source, opening)
        is_well = is_well and has_pictures
    made = connection_report.report(CameraId(args.camera), found, clock, with_host=args.host, ended=ended)
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
        pictures = sum(got.is_video for got in read_packets(connection, opening.clock, opening.clock.mono_s() + TRY_S))
    except SourceError as error:
        return str(error), False
    finally:
        connection.close()
    return f"disconnected after {TRY_S:g} s and {pictures} frames", pictures > 0


def _write(path: Path, text: str) -> None:
    try:
        path.write_text(text, "utf-8")
    except OSError as error:
        raise NotDone(f"Can't write {path}: {error.strerror}.", "Choose another file with `-o`.") from error


# `tawny cameras accept-login`: let a camera use a weaker sign-in than before, after it was changed on purpose.


def describe_camera_accept_login(parser: ArgumentParser) -> None:
    options.data(parser)
    parser.add_argument("camera", metavar="NAME", help="camera ID or name, for example front-door")


def run_camera_accept_login(args: Namespace, out: Output) -> int:
    result = ask_once(running_data(args), {"command": "accept-login", "camera": args.camera})
    if "known" in result:
        raise NoSuchCamera(args.camera, ", ".join(result["known"]) or "none yet")
    forgotten = f"tawny accepts any sign-in of {args.camera} again and remembers the strongest from now on."
    out.data(result, forgotten if result["changed"] else f"No sign-in of {args.camera} was remembered. Nothing to do.")
    return 0


# `tawny cameras move`: use a camera's new address, after a check that it is the same device.


def describe_camera_move(parser: ArgumentParser) -> None:
    options.data(parser)
    parser.add_argument("camera", metavar="NAME", help="camera ID or name, for example front-door")
    parser.add_argument("address", metavar="ADDRESS", help="its new address, as `tawny cameras find` shows it")


def run_camera_move(args: Namespace, out: Output) -> int:
    result = ask_once(running_data(args), {"command": "move-camera", "camera": args.camera, "address": args.address})
    if "known" in result:
        raise NoSuchCamera(args.camera, ", ".join(result["known"]) or "none yet")
    out.data(result, f"{args.camera} is read from {args.address} now. Its password was not sent to find that out.")
    return 0


ACTIONS: Final = {
    "list": (describe_camera_list, run_camera_list, "list the cameras with the IDs that commands take"),
    "find": (describe_camera_find, run_camera_find, "search your network and this computer for cameras"),
    "test": (describe_camera_test, run_camera_test, "try a camera: picture, streams, bit rate, what to change"),
    "add": (describe_camera_add, run_camera_add, "test a camera and add it to the settings"),
    "report": (
        describe_camera_report,
        run_camera_report,
        "create a camera report for troubleshooting, without passwords",
    ),
    "rename": (describe_camera_rename, run_camera_rename, "change the name that people see"),
    "remove": (
        describe_camera_remove,
        run_camera_remove,
        "remove a camera; keep or delete its recordings",
    ),
    "move": (describe_camera_move, run_camera_move, "use a camera's new address, if it is the same camera"),
    "accept-login": (
        describe_camera_accept_login,
        run_camera_accept_login,
        "accept a weaker sign-in of a camera that you changed",
    ),
}


def describe_cameras(parser: ArgumentParser) -> None:
    actions = parser.add_subparsers(dest="do", metavar="ACTION", required=True)
    for name, (describe_action, _, summary) in ACTIONS.items():
        action = actions.add_parser(name, help=summary, description=summary[:1].upper() + summary[1:] + ".")
        action.add_argument("--json", action="store_true", default=SUPPRESS, help="print data and errors as JSON")
        describe_action(action)


def run_cameras(args: Namespace, out: Output) -> int:
    _, run_action, _ = ACTIONS[args.do]
    return run_action(args, out)


# `tawny pause CAMERA`: pause a camera for privacy.


def describe_pause(parser: ArgumentParser) -> None:
    camera(parser)
    lasts(parser, "until `tawny resume`")


def run_pause(args: Namespace, out: Output) -> int:
    return ordered(args, out, command="pause", camera=args.camera)


# `tawny resume CAMERA`: end a privacy pause.


def describe_resume(parser: ArgumentParser) -> None:
    camera(parser)


def run_resume(args: Namespace, out: Output) -> int:
    return ordered(args, out, command="resume", camera=args.camera)


# `tawny record CAMERA`: record now, whatever the mode, and create an event for it.


def describe_record(parser: ArgumentParser) -> None:
    camera(parser)
    lasts(parser, "5 min")
    parser.add_argument("--stop", action="store_true", help="end this manual recording")


def run_record(args: Namespace, out: Output) -> int:
    return ordered(args, out, command="record", camera=args.camera, on=not args.stop)


# `tawny ptz CAMERA`: move a PTZ camera.


def describe_ptz(parser: ArgumentParser) -> None:
    camera(parser)
    for what, sides in (("pan", "left, right"), ("tilt", "down, up"), ("zoom", "out, in")):
        parser.add_argument(f"--{what}", metavar="SPEED", type=float, help=f"-1 to 1: {sides}")
    parser.add_argument("--preset", metavar="NAME", help="go to a preset stored in the camera")
    parser.add_argument("--stop", action="store_true", default=None, help="stop moving")
    parser.add_argument("--track", choices=["on", "off"], help="follow objects, or no longer")
    lasts(parser, "0.5 s")


def run_ptz(args: Namespace, out: Output) -> int:
    if args.track:
        return ordered(args, out, command="track", camera=args.camera, on=args.track == "on")
    moves = {"pan": args.pan, "tilt": args.tilt, "zoom": args.zoom, "preset": args.preset, "stop": args.stop}
    return ordered(args, out, command="ptz", camera=args.camera, **moves)


# `tawny relay NAME on | off`: switch a relay.


def describe_relay(parser: ArgumentParser) -> None:
    options.data(parser)
    parser.add_argument("relay", metavar="NAME", help="name from `relays` in the settings")
    parser.add_argument("state", choices=["on", "off"], help="on or off")
    lasts(parser, "until switched again")


def run_relay(args: Namespace, out: Output) -> int:
    return ordered(args, out, command="relay", relay=args.relay, on=args.state == "on")
