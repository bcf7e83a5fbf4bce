"""`tawny`: finds the command, runs it, turns errors into messages and exit codes.

Exit codes: 0 success; 1 done, but something needs attention (see output); 2 wrong use or settings; 3 could not be
done; 20 and up: an error with a code of its own (docs/reference/errors.md).
"""

import argparse
import importlib
import os
import re
import sys
from collections.abc import Sequence
from keyword import iskeyword
from typing import NoReturn

from tawny import __version__
from tawny.cli import renamed
from tawny.cli.output import Output
from tawny.model.errors import TawnyError, UsageError

os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
"""Set before numpy is imported: matrices here are too small to benefit, and starting the threads costs more than the
import.
"""

COMMANDS = {
    "demo": "try tawny with built-in demo cameras; no setup needed",
    "run": "record the cameras in tawny.toml, or the sources given",
    "init": "create a settings file with comments",
    "cameras": "add a camera, or create a report for troubleshooting",
    "import": "import settings from another recorder",
    "config": "check, show or describe the settings",
    "status": "show whether everything is recording; exits with 1 if not",
    "events": "list events, or follow them live",
    "why": "explain who was notified of an event, and why or why not",
    "rules": "test rules: what would happen if something were detected",
    "find": "search events with words",
    "timeline": "show what is recorded, and what is missing and why",
    "export": "export a clip as MP4 without re-encoding",
    "check": "verify files, index and recorded time; repair them",
    "notifications": "list notification channels; send a test",
    "uploads": "list upload destinations; send a test; delete old uploads",
    "integrations": "list integrations: what they receive and what they may do",
    "mode": "show the mode, or set one, for example away",
    "pause": "pause a camera for privacy",
    "resume": "resume a paused camera",
    "record": "record a camera now, whatever the mode",
    "event": "report an event from another program",
    "ptz": "move a PTZ camera",
    "relay": "switch a relay",
    "prune": "apply retention now, or show what would be deleted",
    "encryption": "set up encryption: keys and the recovery sheet",
    "decrypt": "decrypt recordings with your key, without the recorder",
    "verify": "verify exported evidence, without the recorder",
    "scan": "detect events in any video files; export clips and JSON",
    "known": "manage known faces and plates",
    "models": "manage object detection models",
    "kinds": "export images of labeled events for training",
    "user": "manage users and what they can see",
    "tokens": "manage access tokens for apps and displays",
    "setup-link": "create a new one-time setup link for the owner",
    "service": "install or remove the systemd service",
}
"""Each command is a module of this package with `describe(parser)` and `run(args, out) -> exit code`, imported
lazily.
"""

INTERRUPTED = 130


_NOT_A_NUMBER = re.compile(r"argument (.+): invalid (int|float) value: '(.*)'", re.DOTALL)
_NUMBERS = {"int": "a whole number", "float": "a number"}


class _Parser(argparse.ArgumentParser):
    def error(self, message: str) -> NoReturn:
        if found := _NOT_A_NUMBER.fullmatch(message):
            message = f"{found[1]} {found[3]} isn't {_NUMBERS[found[2]]}"
        raise UsageError(message[:1].upper() + message[1:] + ".", f"See `{self.prog} --help`.")


def parser(commands: Sequence[str] = tuple(COMMANDS)) -> argparse.ArgumentParser:
    """Return the parser of all commands. Only those in `commands` are fully described, to avoid importing the rest."""
    top = _Parser(
        prog="tawny", description="Recorder for security cameras.", epilog=(__doc__ or "").partition("\n\n")[2]
    )
    top.add_argument("--version", action="version", version=f"tawny {__version__}")
    below = top.add_subparsers(dest="command", metavar="COMMAND", parser_class=_Parser)
    for name, summary in COMMANDS.items():
        command = below.add_parser(name, help=summary, description=summary[:1].upper() + summary[1:] + ".")
        if name in commands:
            command.add_argument("--json", action="store_true", help="print data and errors as JSON")
            module = importlib.import_module(f"tawny.cli.{name.replace('-', '_')}{'_' * iskeyword(name)}")
            module.describe(command)
            command.set_defaults(run=module.run)
    return top


def main(words: Sequence[str]) -> int:
    """Run one command and return its exit code."""
    out = Output(as_json="--json" in words)
    named = [word for word in words if word in COMMANDS][:1]
    try:
        if former := renamed.error_for(words):
            raise former
        args = parser(named).parse_args(words)
        if not args.command:
            parser([]).print_help()
            return 2
        code: int = args.run(args, out)
    except TawnyError as error:
        out.error(error)
        return error.exit_code
    except KeyboardInterrupt:
        return INTERRUPTED
    except BrokenPipeError:  # the reader closed the pipe: `tawny events | head`
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    return code


def entry() -> NoReturn:
    sys.exit(main(sys.argv[1:]))
