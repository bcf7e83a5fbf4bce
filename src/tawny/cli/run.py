"""`tawny run` and `tawny demo`: run the recorder until it is stopped."""

import re
from argparse import ArgumentParser, Namespace
from collections.abc import Sequence
from functools import partial
from ipaddress import ip_address
from pathlib import Path, PurePosixPath
from urllib.parse import urlsplit

from pydantic import ValidationError

from tawny.app.program import Program, record
from tawny.cli import options
from tawny.cli.first_start import first_settings, welcome
from tawny.cli.output import Output
from tawny.cli.paths import data_folder, demo_folder, load_settings
from tawny.config.changes import put_table
from tawny.config.loader import read_settings
from tawny.config.mode_presets import FAMILY, PRESETS
from tawny.config.modes import ModesSettings
from tawny.config.retention import RetentionSettings
from tawny.config.settings import CameraSettings, Settings, StorageSettings, WebSettings, is_camera_id, listen_address
from tawny.engine.acceptor import free_address
from tawny.model.errors import NotDone, PortInUse, UsageError


def describe_run(parser: ArgumentParser) -> None:
    parser.add_argument(
        "sources",
        metavar="SOURCE",
        nargs="*",
        help="rtsp://…, http://…, /dev/video0, picamera:0, clip.mp4, demo: – recorded instead of the cameras "
        "in the settings",
    )
    options.data(parser)
    parser.add_argument(
        "--memory",
        metavar="SIZE",
        help='keep recordings in this much memory, for example "256 MB", and write nothing to disk',
    )
    parser.add_argument(
        "--listen",
        metavar="HOST:PORT",
        help="address of the web interface (default: from the settings; at the first start all, port 8000)",
    )


def run_run(args: Namespace, out: Output) -> int:
    chosen, path = load_settings(args)
    is_first = False
    if args.sources:
        chosen, path = chosen.model_copy(update={"cameras": cameras_of(args.sources)}), None
    elif path is None:
        if args.memory:
            raise NotDone(
                "No settings file found, and no source given.",
                "Recording to memory writes no settings: pass a source (`tawny run --memory SIZE rtsp://…`).",
            )
        listening(chosen, args.listen)  # refuses a bad address before anything is written
        path, is_first = first_settings(args), not args.listen
        chosen = read_settings(path)

    def overridden(read: Settings) -> tuple[Settings, Path]:
        return in_memory(listening(read, args.listen), args.memory), data_folder(args, read)

    def reread() -> tuple[Settings, Path]:
        return overridden(read_settings(path) if path is not None else chosen)

    try:
        record(*overridden(chosen), partial(welcome, out), config=path, reread=reread)
    except PortInUse:
        if not is_first or path is None:
            raise
        put_table(path, "web", {"listen": free_address()})  # another program has taken the port meanwhile
        record(*reread(), partial(welcome, out), config=path, reread=reread)
    return 0


def listening(chosen: Settings, listen: str | None) -> Settings:
    """Return the settings with the address from the command line."""
    if not listen:
        return chosen
    try:
        listen_address(listen)
    except ValueError as error:
        raise UsageError(f"--listen {listen} isn't a valid address.", f"Use {error}.") from None
    return chosen.model_copy(update={"web": chosen.web.model_copy(update={"listen": listen})})


def in_memory(chosen: Settings, size: str | None) -> Settings:
    """Return the settings, changed to memory mode if `--memory` is given."""
    if not size:
        return chosen
    try:
        memory = StorageSettings.model_validate({"memory": size}).memory
    except ValidationError:
        raise UsageError(f"--memory {size} is invalid.", "Use 16 MB or more, for example 256 MB.") from None
    storage = chosen.storage.model_copy(update={"mode": "memory", "memory": memory})
    return chosen.model_copy(update={"storage": storage})


def cameras_of(sources: Sequence[str]) -> dict[str, CameraSettings]:
    """Return cameras for sources on the command line, with IDs derived from them: `clip.mp4` is `clip`."""
    cameras: dict[str, CameraSettings] = {}
    for source in sources:
        if not source.strip():
            raise UsageError("The source is empty.", "Use a source such as rtsp://192.168.1.20/main or demo:.")
        base = _slug(source)
        name, number = base, 2
        while name in cameras:
            name, number = f"{base}-{number}", number + 1
        cameras[name] = CameraSettings(source=source)
    return cameras


def _slug(source: str) -> str:
    parts = urlsplit(source)
    if parts.scheme in ("rtsp", "rtsps", "http", "https", "rtmp", "rtmps"):
        word = _host_word(parts.hostname or "")
    elif parts.scheme == "demo":
        word = parts.path
    else:
        word = PurePosixPath(source).stem
    slug = re.sub(r"[^a-z0-9]+", "-", word.lower()).strip("-")[:30].strip("-")
    return slug if is_camera_id(slug) else "camera"


def _host_word(host: str) -> str:
    """Return the ID for a host: `192.168.1.20` is `camera-20`, `porch.lan` is `porch`."""
    try:
        address = ip_address(host)
    except ValueError:
        return host.partition(".")[0]
    return f"camera-{host.rpartition('.')[2]}" if address.version == 4 else "camera"


# `tawny demo`: the complete product on built-in cameras, without setup or network access.

SCENES = ("front", "drive", "garden", "side", "hall", "gate")
NAMES = {
    "front": "Front door",
    "drive": "Driveway",
    "garden": "Back garden",
    "side": "Side path",
    "hall": "Hallway",
    "gate": "Front gate",
}
KEEP = RetentionSettings.model_validate({"min": "0 s", "max_size": "4 GB", "min_free": "2 %"})
"""Space limit of the demo's recordings."""
MODES = ModesSettings.model_validate(
    {mode: table for mode, table in PRESETS[FAMILY].tables().items() if mode in ("away", "night")}
)
"""As in a home with a family, but at home all cameras are shown. There is no schedule: any hour is the same."""


def describe_demo(parser: ArgumentParser) -> None:
    parser.add_argument(
        "--port", type=int, default=8000, help="port of the web interface on this computer (default: 8000)"
    )
    parser.add_argument("--data", metavar="DIR", help="folder for recordings (default: ~/.local/share/tawny-demo)")
    parser.add_argument(
        "--cameras", metavar="N", type=int, default=4, help=f"number of demo cameras, 1 to {len(SCENES)} (default: 4)"
    )


def run_demo(args: Namespace, out: Output) -> int:
    if not 1 <= args.cameras <= len(SCENES):
        raise UsageError(f"--cameras {args.cameras}: choose 1 to {len(SCENES)} demo cameras.", "")
    if not 0 <= args.port <= 65_535:
        raise UsageError(f"--port {args.port} isn't a valid port.", "Use 1 to 65535, or 0 for any free port.")
    folder = Path(args.data) if args.data else demo_folder()
    Program(settings(args.cameras, args.port), folder, demo=True).run(out.data)
    return 0


def settings(cameras: int, port: int) -> Settings:
    """Return the settings of the demo."""
    return Settings(
        storage=StorageSettings(retention=KEEP),
        modes=MODES,
        web=WebSettings(listen=f"127.0.0.1:{port}"),
        cameras={
            scene: CameraSettings(
                source=f"demo:{scene}",
                sub=f"demo:{scene}",
                name=NAMES[scene],
                group="inside" if scene == "hall" else "outside",
            )
            for scene in SCENES[:cameras]
        },
    )
