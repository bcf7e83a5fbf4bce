"""`tawny demo`: the complete product on built-in cameras, without setup or network access."""

from argparse import ArgumentParser, Namespace
from pathlib import Path

from tawny.app.program import Program
from tawny.cli.output import Output
from tawny.cli.paths import demo_folder
from tawny.config.retention import RetentionSettings
from tawny.config.settings import CameraSettings, Settings, StorageSettings, WebSettings
from tawny.model.errors import UsageError

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


def describe(parser: ArgumentParser) -> None:
    parser.add_argument(
        "--port", type=int, default=8000, help="port of the web interface on this computer (default: 8000)"
    )
    parser.add_argument("--data", metavar="DIR", help="folder for recordings (default: ~/.local/share/tawny-demo)")
    parser.add_argument(
        "--cameras", metavar="N", type=int, default=4, help=f"number of demo cameras, 1 to {len(SCENES)} (default: 4)"
    )


def run(args: Namespace, out: Output) -> int:
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
        web=WebSettings(listen=f"127.0.0.1:{port}"),
        cameras={
            scene: CameraSettings(source=f"demo:{scene}", sub=f"demo:{scene}", name=NAMES[scene])
            for scene in SCENES[:cameras]
        },
    )
