"""`tawny`: finds the command, runs it, turns errors into messages and exit codes.

Exit codes: 0 done and well; 1 done, and something is not well (it was told); 2 wrong use or settings; 3 could not be
done; 20 and up: an error with a code of its own (docs/reference/errors.md).
"""

import argparse
import importlib
import os
import sys
from collections.abc import Sequence
from keyword import iskeyword
from typing import NoReturn

from tawny import __version__
from tawny.cli.output import Output
from tawny.model.errors import TawnyError, UsageError

os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
"""Before numpy is read: no matrix here is worth more threads, and to begin them takes longer than to read it."""

COMMANDS = {
    "demo": "the whole product on built-in demo cameras; nothing to set up",
    "run": "record: the cameras of tawny.toml, or the sources named",
    "init": "write a commented settings file",
    "add": "try a camera and add it to the settings",
    "import": "settings of another recorder as settings of tawny",
    "config": "check, show or describe the settings",
    "status": "is it recording? exit 1 if anything is not well",
    "events": "list events, or follow them as they happen",
    "why": "who was told of an event, and why or why not",
    "rehearse": "what would happen if something were seen",
    "find": "what happened, asked in words",
    "timeline": "what is recorded, what is missing and why",
    "export": "a clip as MP4, without re-encoding",
    "check": "prove that files, index and wall time agree; repair",
    "report": "how a camera is talked to, without secrets",
    "notify": "who is told, and where files go; try one out",
    "programs": "other programs: what they are told, and what they may ask for",
    "arm": "another mode, such as away",
    "disarm": "the mode of when somebody is at home",
    "pause": "make a camera private",
    "resume": "a camera is no longer private",
    "record": "record now, whatever the mode",
    "event": "tell of something that happens",
    "ptz": "turn a camera",
    "relay": "switch something",
    "prune": "apply retention now, or show what would go",
    "seal": "keys and the recovery sheet of sealed recordings",
    "unseal": "open sealed recordings with a key, without the recorder",
    "verify": "check an evidence folder without the recorder",
    "scan": "find what happens in any video files; clips and JSON",
    "known": "who and what is known by name: plates, faces",
    "models": "models that name what moves: add, list, remove",
    "kinds": "crops of events that you called something, to train on",
    "user": "people who may sign in, and what they may see",
    "passes": "let a program or a television see cameras live",
    "token": "a new one-time link for the owner",
    "service": "install or remove the systemd service",
}
"""Each is a module of this folder with `describe(parser)` and `run(args, out) -> exit code`; loaded when it is used."""

INTERRUPTED = 130


class _Parser(argparse.ArgumentParser):
    def error(self, message: str) -> NoReturn:
        raise UsageError(message[:1].upper() + message[1:] + ".", f"See `{self.prog} --help`.")


def parser(commands: Sequence[str] = tuple(COMMANDS)) -> argparse.ArgumentParser:
    """All commands, or only some of them fully described (loading the rest is left out)."""
    top = _Parser(prog="tawny", description="A security-camera recorder.", epilog=(__doc__ or "").partition("\n\n")[2])
    top.add_argument("--version", action="version", version=f"tawny {__version__}")
    below = top.add_subparsers(dest="command", metavar="COMMAND", parser_class=_Parser)
    for name, summary in COMMANDS.items():
        command = below.add_parser(name, help=summary, description=summary[:1].upper() + summary[1:] + ".")
        if name in commands:
            command.add_argument("--json", action="store_true", help="print data, and errors, as JSON")
            module = importlib.import_module(f"tawny.cli.{name}_" if iskeyword(name) else f"tawny.cli.{name}")
            module.describe(command)
            command.set_defaults(run=module.run)
    return top


def main(words: Sequence[str]) -> int:
    """Run one command; its exit code."""
    out = Output(as_json="--json" in words)
    named = [word for word in words if word in COMMANDS][:1]
    try:
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
    except BrokenPipeError:  # the reader has seen enough: `tawny events | head`
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    return code


def entry() -> NoReturn:
    sys.exit(main(sys.argv[1:]))
