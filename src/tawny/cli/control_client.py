"""Synchronous client of the recorder's control socket."""

from argparse import ArgumentParser, Namespace
from pathlib import Path
from typing import Any

from tawny.app.control_client import ask
from tawny.cli import options
from tawny.cli.output import Output
from tawny.cli.paths import running_data
from tawny.config.units import seconds
from tawny.model.errors import NotDone, UsageError


def ask_once(folder: Path, request: dict[str, Any]) -> dict[str, Any]:
    """Return the recorder's single answer.

    Raises NotDone: when no recorder uses this folder or it answers with an error.
    """
    for answer in ask(folder, request):
        if "error" in answer:
            raise NotDone(answer["error"]["message"], answer["error"]["hint"])
        return answer
    raise NotDone(f"The tawny recording to {folder} didn't respond.", "It may be shutting down. Try again.")


# Helpers for commands that send a command to a running recorder and print its result.


def lasts(parser: ArgumentParser, usual: str) -> None:
    """Add `--for`. usual: the default, for the help text."""
    parser.add_argument("--for", dest="lasts", metavar="TIME", help=f'for example "30 s" or "1h" (default: {usual})')


def camera(parser: ArgumentParser) -> None:
    options.data(parser)
    parser.add_argument("camera", metavar="CAMERA", help="ID from the settings")


def ordered(args: Namespace, out: Output, **order: Any) -> int:
    """Send the command and print the result; keys with value None are omitted. Raises UsageError, NotDone."""
    request = {key: value for key, value in order.items() if value is not None}
    if getattr(args, "lasts", None):
        try:
            request["for"] = seconds(args.lasts)
        except ValueError as error:
            raise UsageError(f"`--for {args.lasts}` isn't a valid duration.", f"Use {error}.") from None
    result = ask_once(running_data(args), {"command": "order", "order": request})
    out.data(result, result["done"])
    return 0
