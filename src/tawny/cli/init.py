"""`tawny init`: create a commented settings file."""

from argparse import ArgumentParser, Namespace

from tawny.cli.output import Output
from tawny.cli.paths import new_config_file
from tawny.config.changes.toml_edit import write_new


def describe(parser: ArgumentParser) -> None:
    parser.add_argument("--config", metavar="FILE", help="where to write it (default: ./tawny.toml)")


def run(args: Namespace, out: Output) -> int:
    path = new_config_file(args)
    write_new(path)
    out.data(
        {"file": str(path)}, f"Created {path}. Add a camera: tawny cameras add front-door rtsp://…   Then: tawny run"
    )
    return 0
