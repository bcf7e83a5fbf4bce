"""Synchronous client of the recorder's control socket."""

import secrets
from argparse import ArgumentParser, Namespace
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from threading import Event
from typing import Any, Literal

from tawny.app.control_client import ask, is_running
from tawny.cli import options
from tawny.cli.output import Output
from tawny.cli.paths import running_data
from tawny.config.units import duration_text, seconds
from tawny.delivery.command_limits import LASTS_S, NUMBERS
from tawny.model.errors import NotDone, UsageError

AGAIN_S = 1.0
"""Interval, s, at which a recorder that has stopped is looked for."""


def ask_once(folder: Path, request: dict[str, Any]) -> dict[str, Any]:
    """Return the recorder's single answer.

    Raises NotDone: when no recorder uses this folder or it answers with an error.
    """
    for answer in ask(folder, request):
        if "error" in answer:
            raise NotDone(answer["error"]["message"], answer["error"]["hint"])
        return answer
    raise NotDone(f"The tawny recording to {folder} didn't respond.", "It may be shutting down. Try again.")


def follow(folder: Path, out: Output) -> Iterator[dict[str, Any]]:
    """Yield the recorder's messages. When it stops, say so on standard error, and go on as soon as it runs again.

    Each connection begins with the message `following`: all later messages come. Raises NotDone: when none is running.
    """
    yield from ask(folder, {"command": "follow"})
    while True:
        out.error(NotDone(f"The tawny recording to {folder} has stopped.", "This goes on when it runs again."))
        Event().wait(AGAIN_S)
        while not is_running(folder):
            Event().wait(AGAIN_S)
        with suppress(NotDone):  # it has stopped again already
            yield from ask(folder, {"command": "follow"})


def instance_here(folder: Path, of: Literal["hub", "standby"]) -> str:
    """Return the number by which a hub or a standby distinguishes the recorder that runs here from its copies.

    If none runs here, a new one: what is connected there then is another recorder. Empty if the one here doesn't say
    it, such as one of an earlier version: then what is connected counts as that one.
    """
    try:
        return str(ask_once(folder, {"command": "instances"}).get(of, ""))
    except NotDone:
        with suppress(NotDone):  # one may be running that this user may not ask
            if not is_running(folder):
                return secrets.token_hex(8)
    return ""


# Helpers for commands that send a command to a running recorder and print its result.


def lasts(parser: ArgumentParser, usual: str) -> None:
    """Add `--for`. usual: the default, for the help text."""
    parser.add_argument("--for", dest="lasts", metavar="TIME", help=f'for example "30 s" or "1h" (default: {usual})')


def camera(parser: ArgumentParser) -> None:
    options.data(parser)
    parser.add_argument("camera", metavar="CAMERA", help="camera ID or name, for example front-door")


def ordered(args: Namespace, out: Output, **order: Any) -> int:
    """Send the command and print the result; keys with value None are omitted. Raises UsageError, NotDone."""
    request = {key: value for key, value in order.items() if value is not None}
    for name, allowed in NUMBERS.items():
        if name in request and not allowed.include(request[name]):
            raise UsageError(f"`--{name}` must be {allowed.least:g} to {allowed.most:g}.")
    if getattr(args, "lasts", None):
        request["for"] = lasts_s = _lasts_s(args.lasts)
        limits = LASTS_S.get(order["command"])
        if limits is not None and not limits.include(lasts_s):
            raise UsageError(f"`--for` must be {duration_text(limits.least)} to {duration_text(limits.most)}.")
    result = ask_once(running_data(args), {"command": "order", "order": request})
    out.data(result, result["done"])
    return 0


def _lasts_s(text: str) -> float:
    try:
        return seconds(text)
    except ValueError as error:
        raise UsageError(f"`--for {text}` isn't a valid duration.", f"Use {error}.") from None
