"""Options shared by several commands."""

from argparse import ArgumentParser


def data(parser: ArgumentParser) -> None:
    parser.add_argument("--config", metavar="FILE", help="settings file (default: ./tawny.toml, then ~/.config/tawny)")
    parser.add_argument("--data", metavar="DIR", help="folder with the recordings (default: from the settings)")


def times(parser: ArgumentParser, *, begin: str | None = None, end: str | None = None) -> None:
    """Add `--from` and `--to`; an option without a default is required."""
    text = 'for example 2026-11-20T05:58:12Z, "2026-11-20 05:58", 05:58, yesterday or "2 h ago"'
    parser.add_argument("--from", dest="begin", metavar="T", default=begin, required=begin is None, help=text)
    parser.add_argument("--to", dest="end", metavar="T", default=end, required=end is None, help="likewise")
