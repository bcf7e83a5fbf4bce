"""`tawny cameras find`, `test`, `rename`, `remove`, and `add` by address: no stream's URL is needed.

The browser's way is `service.cameras.camera_setup`.
"""

import base64
import dataclasses
import getpass
import os
import sys
from argparse import ArgumentParser, Namespace
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Final

from tawny.cli.output import Output
from tawny.cli.paths import config_file, data_folder, load_settings, new_config_file
from tawny.config.changes import template
from tawny.config.drafts import SettingsDraft
from tawny.config.file_writing import write_new
from tawny.config.loader import read_settings
from tawny.config.settings import CameraSettings, Settings, display_name, is_camera_id
from tawny.config.units import size_text
from tawny.engine.blocking_calls import try_call
from tawny.engine.system_user import user_name
from tawny.model.errors import NoSuchCamera, NotDone, SettingsError, StorageError, UsageError
from tawny.model.geometry import Orientation
from tawny.model.ids import CameraId, StreamName
from tawny.model.times import SystemClock
from tawny.service.cameras.added_values import chosen_values, with_sound
from tawny.service.cameras.camera_moves import host_of, known_as, moved_cameras
from tawny.service.cameras.camera_setup import (
    CameraDraft,
    CameraRemoval,
    TriedCamera,
    removed_values,
    resolve_camera,
)
from tawny.service.cameras.camera_trial import FIRST_S, TRIAL_S, CameraTrial, advise, try_streams
from tawny.service.plugin_registry import PluginRegistry, refuse_named, unknown_kind
from tawny.sources.discovery.finder import TIMEOUT_S as FIND_S
from tawny.sources.discovery.finder import Search, find
from tawny.sources.discovery.found_camera import FoundCamera
from tawny.sources.discovery.local_cameras import missing_modules
from tawny.sources.discovery.networks import own_networks
from tawny.sources.discovery.onvif_details import OnvifDetails
from tawny.sources.discovery.resolve import is_host
from tawny.sources.discovery.rtsp_scan import MOST_ADDRESSES
from tawny.storage.disk.volume import Volume
from tawny.storage.history.left_cameras import table_of_left
from tawny.storage.index.opening import index_to_read

_WAYS: Final = {"onvif": "ONVIF", "mdns": "mDNS", "rtsp": "RTSP"}
_KINDS: Final = {"usb": "USB", "pi": "Pi camera", "tawny": "another tawny"}


def is_address(text: str) -> bool:
    """Return whether the text is a bare address or host name rather than a source or a file."""
    return is_host(text) and not Path(text).exists()


# `tawny cameras find`: search the local network and this computer.


def describe_camera_find(parser: ArgumentParser) -> None:
    parser.add_argument("--config", metavar="FILE", help="settings file, to mark cameras that it already has")
    parser.add_argument(
        "--probe",
        action="store_true",
        help=f"also connect to every address of your own networks, up to {MOST_ADDRESSES} each, to find RTSP servers",
    )
    parser.add_argument(
        "--for", dest="lasts", metavar="S", type=float, default=FIND_S, help=f"seconds to listen (default: {FIND_S:g})"
    )


def run_camera_find(args: Namespace, out: Output) -> int:
    if not 0.5 <= args.lasts <= 60:
        raise UsageError("Can't search for so long.", "Use --for with 0.5 to 60 seconds.")
    settings, _ = load_settings(args)
    networks, cameras = own_networks(), dict[str, FoundCamera]()

    def found(camera: FoundCamera) -> None:
        cameras[camera.place] = camera
        out.progress(f"Searching… {len(cameras)} found")

    where = ", ".join(one.network for one in networks) or "no network"
    out.say(f"Searching {where} and this computer for {args.lasts:g} s.")
    find(Search(args.lasts, probe=args.probe, networks=networks), SystemClock(), found)
    out.progress("")
    listed = sorted(cameras.values(), key=lambda one: (one.kind, one.place))
    known = {one.place: known_as(one, settings) for one in listed}
    rows = [
        (one.place, one.title if one.title != one.place else "–", _way(one), known[one.place] or one.problem or "–")
        for one in listed
    ]
    empty = "No camera answered.\n" + _none_found(probe=args.probe)
    text = out.table(("ADDRESS", "CAMERA", "FOUND BY", "IN YOUR SETTINGS"), rows, empty=empty)
    if new := next((one for one in listed if not known[one.place] and one.kind != "tawny"), None):
        user = " --user admin" if new.kind == "network" else ""
        text += (
            f"\n\nTest one:  tawny cameras test {new.place}{user}\nAdd it:    tawny cameras add NAME {new.place}{user}"
        )
    text = "\n\n".join([text, *missing_modules()])
    moved = moved_cameras(settings, listed)
    for name, place in moved.items():
        shown = display_name(name, settings.cameras[name])
        text += f"\n\n{shown} now answers at {place}. Use this address?  tawny cameras move {name} {place}"
    places = {place: name for name, place in moved.items()}
    out.data([_found_data(one, known[one.place]) | {"moved": places.get(one.place)} for one in listed], text)
    return 0


def _none_found(*, probe: bool) -> str:
    hints = [
        "- Is the camera in the same network as this computer? A guest network keeps devices apart.",
        "- Many cameras answer only after ONVIF is switched on in their own app or page.",
    ]
    if not probe:
        hints.append("- `tawny cameras find --probe` asks every address of your network.")
    return "\n".join([*hints, "- With its address: tawny cameras test 192.168.1.20 --user admin"])


def _way(camera: FoundCamera) -> str:
    return _KINDS.get(camera.kind) or ", ".join(words for way, words in _WAYS.items() if way in camera.ways)


def _found_data(camera: FoundCamera, known: str) -> dict[str, Any]:
    data = dataclasses.asdict(camera)
    return data | {"ways": sorted(camera.ways), "size": list(camera.size), "camera": known or None}


# `tawny cameras test`: try a camera, without changing anything.


def describe_login(parser: ArgumentParser) -> None:
    parser.add_argument("--user", metavar="USER", default="", help="user name of the camera; asks for its password")


HANGS_S: Final = 15.0
"""A source may take this much longer to connect, s, before it counts as stuck: a plug-in can hang for ever."""


def describe_camera_test(parser: ArgumentParser) -> None:
    parser.add_argument(
        "camera", metavar="CAMERA", help="ID from the settings, address such as 192.168.1.20, or source"
    )
    describe_login(parser)
    parser.add_argument("--config", metavar="FILE", help="settings file (default: ./tawny.toml)")
    parser.add_argument("--picture", metavar="FILE", help="save a picture as JPEG")
    parser.add_argument(
        "--for",
        dest="lasts",
        metavar="S",
        type=float,
        default=TRIAL_S,
        help=f"seconds to measure (default: {TRIAL_S:g})",
    )


def run_camera_test(args: Namespace, out: Output) -> int:
    if not 1 <= args.lasts <= 300:
        raise UsageError("Can't measure for so long.", "Use --for with 1 to 300 seconds.")
    camera, details = _camera_to_test(args, out)
    trials = _tried(camera, args.lasts, out)
    main, sub = trials[StreamName.MAIN], trials.get(StreamName.SUB)
    advice = advise(main, sub, details.ahead_ms if details else None)
    if args.picture:
        _save(Path(args.picture), main.jpeg)
    lines = [f"{details.maker} {details.model}, firmware {details.firmware}"] if details else []
    lines += [f"{stream.value}: {trial_text(one)}" for stream, one in trials.items()]
    lines += [f"! {one.message} {one.hint}" for one in advice]
    if args.picture:
        lines.append(f"Picture saved to {args.picture}.")
    data = {
        "streams": {stream.value: _trial_data(one) for stream, one in trials.items()},
        "maker": details.maker if details else "", "model": details.model if details else "",
        "advice": [dataclasses.asdict(one) for one in advice],
    }  # fmt: skip
    out.data(data, "\n".join(lines))
    return 1 if advice else 0


def _tried(camera: CameraSettings, seconds: float, out: Output) -> dict[StreamName, CameraTrial]:
    """Return what was measured. Raises SourceError and NotDone; NotDone also for a source that hangs."""
    found: dict[StreamName, CameraTrial] = {}

    def measure() -> None:
        found.update(try_streams(PluginRegistry.opened(), camera, seconds, SystemClock(), _saying(out, seconds)))

    most_s = (FIRST_S + seconds + HANGS_S) * (2 if camera.sub else 1)
    error = try_call("camera test", measure, most_s)
    if isinstance(error, TimeoutError):
        raise NotDone(f"The camera's source hangs: no answer within {most_s:.0f} s.", "Report it to its author.")
    if error is not None:
        raise error
    return found


def _camera_to_test(args: Namespace, out: Output) -> tuple[CameraSettings, OnvifDetails | None]:
    settings, path = load_settings(args)
    if args.camera in settings.cameras:
        return settings.cameras[args.camera], None
    if not is_address(args.camera) and PluginRegistry.opened().source_of(args.camera) is None:
        raise UsageError(*unknown_kind(args.camera))
    camera = resolve_camera("test", _wanted(args.camera, args.user, out), SystemClock(), _secrets_beside(path))
    return camera.settings, camera.details


def _secrets_beside(path: Path | None) -> Mapping[str, str]:
    return SettingsDraft(path, "", {}).secrets if path is not None else {}


def _wanted(address: str, user: str, out: Output) -> CameraDraft:
    password = _ask_password(user, address) if user else ""
    if is_address(address):
        out.say(f"Asking {address} for its streams…")
    return CameraDraft(address, user, password)


def _ask_password(user: str, address: str) -> str:
    host = host_of(address) or address
    if sys.stdin.isatty():
        return getpass.getpass(f"Password of {user} at {host}: ")
    return sys.stdin.readline().rstrip("\n")


def _saying(out: Output, seconds: float) -> Callable[[StreamName], None]:
    return lambda stream: out.say(f"Trying the {stream.value} stream for {seconds:g} s…")


def trial_text(trial: CameraTrial) -> str:
    parts = [f"{trial.codec.upper().replace('H26', 'H.26')} {trial.width}x{trial.height}"]
    if trial.fps:
        parts.append(f"{trial.fps:.1f} frames/s")
    if trial.keyframe_s:
        parts.append(f"keyframe every {trial.keyframe_s:.1f} s" if trial.keyframes > 1 else "one keyframe only")
    if trial.bits_s:
        parts.append(f"{trial.bits_s / 1e6:.2f} Mbit/s ({size_text(trial.bytes_day)} a day)")
    parts.append(f"sound {trial.audio}" if trial.audio else "no sound")
    return ", ".join(parts)


def _trial_data(trial: CameraTrial) -> dict[str, Any]:
    data = {key: value for key, value in dataclasses.asdict(trial).items() if key != "jpeg"}
    return data | {"bytes_day": trial.bytes_day, "jpeg": base64.b64encode(trial.jpeg).decode()}


def _save(path: Path, jpeg: bytes) -> None:
    if not jpeg:
        raise NotDone("The camera's first keyframe can't be decoded, so there is no picture.", "Try again.")
    try:
        path.write_bytes(jpeg)
    except OSError as error:
        raise NotDone(f"Can't write {path}: {error.strerror}.", "Choose another file with `--picture`.") from error


# `tawny cameras add NAME 192.168.1.20 --user admin`: find out the streams, try them, write settings and password.


NO_SOUND = (
    "Its sound isn't recorded: in many countries, recording what people say without their consent is a crime. To "
    "record it, set `sound = true`, or add cameras with `--sound`."
)


def add_by_address(args: Namespace, out: Output) -> int:
    """Add a camera of which only the address is known. Raises NotDone, SourceError, SettingsError."""
    path = config_file(args) or new_config_file(args)
    if path.exists():
        SettingsDraft(path, "", {}).refuse_taken(args.name)
    if args.sub:
        raise UsageError("`--sub` needs a full source.", "The camera's own sub stream is found by its address.")
    if PluginRegistry.opened().source_of(args.source) is None and not is_address(args.source):
        raise UsageError(*unknown_kind(args.source))
    camera = resolve_camera(args.name, _wanted(args.source, args.user, out), SystemClock(), {})
    trials: dict[StreamName, CameraTrial] = {}
    if not args.skip_test:
        trials = try_streams(PluginRegistry.opened(), camera.settings, TRIAL_S, SystemClock(), _saying(out, TRIAL_S))
    if not path.exists():
        write_new(path, template())
    draft = SettingsDraft(path, "", {}, may_refer=True)
    chosen = chosen_values(args.record, Orientation(args.rotate, args.mirror))
    values = with_sound({**camera.values, **chosen}, PluginRegistry.opened(), camera.settings, sound=bool(args.sound))
    draft.add_camera(args.name, values, camera.secrets, known_left(args, draft))
    now = write_draft(draft, path)
    advice = TriedCamera(camera, trials).advice if trials else []
    lines = [f"Added {args.name} to {path}.", *left_of_removed(now.cameras[args.name], values)]
    lines += [f"{stream.value}: {trial_text(one)}" for stream, one in trials.items()]
    lines += [f"! {one.message} {one.hint}" for one in advice]
    if camera.secrets:
        lines.append(f"Its password is in {path.with_name('secrets.toml')}.")
    if values != {**camera.values, **chosen} and args.sound is None:
        lines.append(NO_SOUND)
    lines.append("If tawny is running, it picks up the camera automatically.")
    data = {
        "camera": args.name, "file": str(path), "sub": "", **camera.public, "onvif": bool(camera.settings.onvif),
        "streams": {stream.value: _trial_data(one) for stream, one in trials.items()},
        "advice": [dataclasses.asdict(one) for one in advice],
    }  # fmt: skip
    out.data(data, "\n".join(lines))
    return 0


def write_draft(draft: SettingsDraft, path: Path) -> Settings:
    """Write a draft if a recorder would accept what it changes; return its settings. Raises SettingsError, NotDone."""
    made, plugins = draft.understood(), PluginRegistry.opened()
    known = plugins.problems(read_settings(path))
    if new := tuple(one for one in plugins.problems(made) if one not in known):
        raise SettingsError(str(path), new)
    draft.write()
    return made


def known_left(args: Namespace, draft: SettingsDraft) -> dict[str, Any]:
    """Return what is left of a camera of this ID that an edit of the settings removed. Raises NotDone, StorageError."""
    folder = data_folder(args, draft.understood())
    return table_of_left(Volume.at(folder).disk, args.name) if folder.is_dir() else {}


def left_of_removed(made: CameraSettings, values: Mapping[str, Any]) -> list[str]:
    """Return a line if a new camera has settings of a removed one with its ID."""
    had = {"privacy masks": made.privacy_masks and "privacy_masks" not in values, "own retention": made.retention}
    left = " and ".join(name for name, value in had.items() if value)
    line = f"It has the {left} of the removed camera with this ID, whose recordings may still be there."
    return [line] if left else []


# `tawny cameras rename` and `remove`.


def describe_camera_rename(parser: ArgumentParser) -> None:
    parser.add_argument("camera", metavar="ID", help="camera ID, for example front-door")
    parser.add_argument("name", metavar="NAME", help='the name that people see, for example "Front door"')
    parser.add_argument("--config", metavar="FILE", help="settings file (default: ./tawny.toml)")


def run_camera_rename(args: Namespace, out: Output) -> int:
    draft, path, _ = _draft(args)
    draft.put_name(args.camera, args.name.strip())
    now = write_draft(draft, path)
    shown = display_name(args.camera, now.cameras[args.camera])
    out.data(
        {"camera": args.camera, "name": shown, "file": str(path)},
        f"{args.camera} is called “{shown}” now. Recordings, links and rules stay as they are.",
    )
    return 0


def describe_camera_remove(parser: ArgumentParser) -> None:
    parser.add_argument("camera", metavar="ID", help="camera ID, for example front-door")
    parser.add_argument("--config", metavar="FILE", help="settings file (default: ./tawny.toml)")
    parser.add_argument("--delete-recordings", action="store_true", help="delete its recordings, too; asks before")
    parser.add_argument("--delete-kept", action="store_true", help="delete even its kept events; asks before")
    parser.add_argument("--yes", action="store_true", help="delete without asking")


def run_camera_remove(args: Namespace, out: Output) -> int:
    draft, path, before = _draft(args)
    folder, is_deleting = data_folder(args, before), args.delete_recordings or args.delete_kept
    size_bytes = _stored_bytes(folder, args.camera)
    stored = size_text(size_bytes)
    if is_deleting and not args.yes:
        shown = display_name(CameraId(args.camera), before.cameras[args.camera])
        _confirm_deletion(f"{shown} ({args.camera})", stored, with_kept=args.delete_kept)
    removal = CameraRemoval(user_name() or str(os.getuid()), is_deleting, args.delete_kept)
    left = removed_values(args.camera, before.cameras[args.camera], removal, SystemClock().now_ms())
    refuse_named(args.camera, before)
    draft.remove_camera(args.camera, left)
    write_draft(draft, path)
    if is_deleting:
        kept = "" if args.delete_kept else " except kept events"
        after = f"Its recordings ({stored}) are deleted{kept}: in half a minute if tawny is running, or when it starts."
    else:
        after = f"Its recordings stay in {folder} until retention deletes them ({stored})."
    out.data(
        {
            "camera": args.camera, "file": str(path), "recordings": str(folder), "bytes": size_bytes,
            "deletes": is_deleting,
        },
        f"Removed {args.camera} from {path}. {after}",
    )  # fmt: skip
    return 0


def _stored_bytes(folder: Path, camera: str) -> int:
    """Return what is recorded of a camera; 0 without recordings."""
    try:
        with index_to_read(folder) as index:
            return index.size_bytes(CameraId(camera))
    except StorageError:  # nothing was recorded yet
        return 0


def _confirm_deletion(camera: str, stored: str, *, with_kept: bool) -> None:
    """Ask before recordings are deleted. Raises UsageError: without a terminal. Raises NotDone: when declined."""
    if not sys.stdin.isatty():
        raise UsageError(f"Deleting {stored} of recordings needs your confirmation.", "Add `--yes`.")
    kept = "with its kept events" if with_kept else "except its kept events"
    sys.stderr.write(f"Remove {camera} and delete {stored} of recordings, {kept}? [y/N] ")
    sys.stderr.flush()
    if input().strip().lower() not in ("y", "yes"):
        raise NotDone("Nothing was changed.", "")


def _draft(args: Namespace) -> tuple[SettingsDraft, Path, Settings]:
    settings, path = load_settings(args)
    if path is None:
        raise NotDone("There is no settings file here.", "Pass it with `--config`, or create one with `tawny init`.")
    if not is_camera_id(args.camera) or args.camera not in settings.cameras:
        raise NoSuchCamera(args.camera, ", ".join(settings.cameras) or "none yet")
    return SettingsDraft(path, "", {}, may_refer=True), path, settings
