"""`tawny`: finds the command, runs it, turns errors into messages and exit codes.

Exit codes: 0 success; 1 done, but something needs attention (see output); 2 wrong use or settings; 3 could not be
done; 20 and up: an error with a code of its own (docs/reference/errors.md).
"""

import argparse
import errno
import io
import os
import re
import signal
import sys
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, nullcontext
from itertools import pairwise, takewhile
from typing import TYPE_CHECKING, Any, Final, NamedTuple, NoReturn

from tawny import __version__
from tawny.app.process_memory import import_for_good
from tawny.cli.output import Output, discard_output, encodable, writing_output
from tawny.model.errors import NotDone, TawnyError, UsageError
from tawny.model.system_limits import limit_reached

if TYPE_CHECKING:
    from _typeshed import SupportsWrite

# Former names of commands, actions and options; using one gives an error with the current name.

RENAMED_COMMANDS: Final[dict[str, tuple[str, ...]]] = {
    "add": ("cameras add",),
    "arm": ("mode",),
    "arm week": ("mode schedule",),
    "disarm": ("mode home",),
    "notify": ("notifications", "uploads"),
    "notify list": ("notifications list", "uploads list"),
    "notify test": ("notifications test", "uploads test"),
    "notify sweep": ("uploads clean",),
    "uploads sweep": ("uploads clean",),
    "passes": ("tokens",),
    "passes list": ("tokens list",),
    "passes make": ("tokens create",),
    "passes take-back": ("tokens revoke",),
    "tokens make": ("tokens create",),
    "tokens take-back": ("tokens revoke",),
    "programs": ("integrations",),
    "rehearse": ("rules test",),
    "report": ("cameras report",),
    "report camera": ("cameras report",),
    "seal": ("encryption",),
    "seal init": ("encryption setup",),
    "seal test": ("encryption test-sheet",),
    "seal list": ("encryption keys",),
    "seal add-recipient": ("encryption add-key",),
    "seal remove-recipient": ("encryption remove-key",),
    "seal rotate": ("encryption rotate",),
    "seal rewrap": ("encryption rewrap",),
    "encryption init": ("encryption setup",),
    "encryption test": ("encryption test-sheet",),
    "encryption list": ("encryption keys",),
    "encryption add-recipient": ("encryption add-key",),
    "encryption remove-recipient": ("encryption remove-key",),
    "token": ("setup-link",),
    "unseal": ("decrypt",),
}
"""Current names by former name; several where a command was split."""

OPTIONS: Final[dict[str, dict[str, str]]] = {
    "cameras": {"--untried": "--skip-test"},
    "export": {"--whole": "--unmasked"},
    "rules": {"--arm": "--mode"},
    "tokens": {"--brings": "--upload-quota"},
}
"""Current option names by current command and former option."""

VALUES: Final[dict[str, dict[tuple[str, str], str]]] = {"user": {("--role", "family"): "member"}}
"""By the present command: former values of options and present ones."""


def error_for(words: Sequence[str]) -> UsageError | None:
    """Return the error for a command line with a former name; None otherwise."""
    before_end = list(takewhile(lambda word: word != "--", words))
    named = list(takewhile(lambda word: not word.startswith("-"), before_end))
    found = next((name for name in (" ".join(named[:2]), *named[:1]) if name in RENAMED_COMMANDS), None)
    present = RENAMED_COMMANDS[found] if found else tuple(named[:1])
    options = OPTIONS.get(present[0].partition(" ")[0], {}) if present else {}
    given = [word.partition("=")[0] for word in before_end]
    old = [option for option in options if option in given]
    values = VALUES.get(present[0].partition(" ")[0], {}) if present else {}
    words_of = [part for word in before_end for part in (word.split("=", 1) if word.startswith("--") else [word])]
    old_values = [one for one in pairwise(words_of) if one in values]
    if found is None and not old and not old_values:
        return None
    former = " ".join(["tawny", found or named[0], *old, *(f"{option} {value}" for option, value in old_values)])
    new_values = [f"{one[0]} {values[one]}" for one in old_values]
    new = [" ".join(["tawny", name, *(options[option] for option in old), *new_values]) for name in present]
    return UsageError(f"`{former}` is now {' or '.join(f'`{one}`' for one in new)}.", "")


os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
"""Set before numpy is imported: matrices here are too small to benefit, and starting the threads costs more than the
import.
"""


class Command(NamedTuple):
    """module: of this package, with `describe_NAME(parser)` and `run_NAME(args, out) -> exit code`; imported lazily."""

    module: str
    summary: str


COMMANDS = {
    "demo": Command("run", "try tawny with built-in demo cameras; no setup needed"),
    "run": Command("run", "run the recorder; without settings, set it up in the browser"),
    "init": Command("setup", "create a settings file with comments"),
    "cameras": Command("cameras", "list, find, add and remove cameras, or create a report for troubleshooting"),
    "import": Command("setup", "import settings from another recorder"),
    "config": Command("setup", "check, show or describe the settings"),
    "status": Command("status", "show whether everything is recording; exits with 1 if not"),
    "doctor": Command("doctor", "check this computer: disk, clock, power, ports; save diagnostics for others"),
    "events": Command("events", "list events, or follow them live"),
    "why": Command("modes", "explain who was notified of an event, and why or why not"),
    "rules": Command("modes", "test rules: what would happen if something were detected"),
    "find": Command("events", "search events with words"),
    "timeline": Command("recordings", "show what is recorded, and what is missing and why"),
    "fill": Command("recordings", "fill gaps from what the camera has recorded on its own card"),
    "export": Command("export", "export a clip as MP4 without re-encoding"),
    "check": Command("recordings", "verify files, index and recorded time; repair them"),
    "notifications": Command("delivery", "list notification channels; send a test"),
    "uploads": Command("delivery", "list upload destinations; send a test; delete old uploads; send lost ones again"),
    "integrations": Command("delivery", "list integrations: what they receive and what they may do"),
    "mode": Command("modes", "show the mode, or set one, for example away"),
    "snooze": Command("modes", "snooze notifications of a camera or a rule, or show what is snoozed"),
    "pause": Command("cameras", "pause a camera for privacy"),
    "resume": Command("cameras", "resume a paused camera"),
    "record": Command("cameras", "record a camera now, whatever the mode"),
    "event": Command("events", "report an event from another program"),
    "ptz": Command("cameras", "move a PTZ camera"),
    "relay": Command("cameras", "switch a relay"),
    "prune": Command("recordings", "apply retention now, or show what would be deleted"),
    "delete": Command("recordings", "delete an event, a time or everything; kept events stay"),
    "encryption": Command("encryption", "set up encryption: keys and the recovery sheet"),
    "decrypt": Command("decrypt", "decrypt recordings with your key, without the recorder"),
    "verify": Command("decrypt", "verify exported evidence, without the recorder"),
    "scan": Command("scan", "detect events in any video files; export clips and JSON"),
    "known": Command("events", "manage known faces and plates"),
    "models": Command("models", "manage object detection models"),
    "kinds": Command("kinds", "export images of labeled events for training"),
    "user": Command("people", "manage users and what they can see"),
    "tokens": Command("people", "manage access tokens for apps and displays"),
    "setup-link": Command("first_start", "create a new one-time setup link for the owner"),
    "backup": Command("backup", "save settings, accounts, keys and history in one file behind a passphrase"),
    "restore": Command("backup", "restore a backup, here or on another computer"),
    "hub": Command("fleet", "run the recorder as a hub for others; links to join it, list, revoke"),
    "fleet": Command("fleet", "join a hub that shows this recorder, or leave it"),
    "standby": Command("standby", "pair with a second recorder that takes over the cameras of a dead one"),
    "service": Command("service", "install or remove the systemd service"),
}

INTERRUPTED = 130


_NOT_A_NUMBER = re.compile(r"argument (.+): invalid (int|float) value: '(.*)'", re.DOTALL)
_NUMBERS = {"int": "a whole number", "float": "a number"}
_OUT_OF_BOUNDS = re.compile(r"argument (\S+): (.+ isn't a whole number from .+)", re.DOTALL)
_BAD_PATHS: Final = frozenset({errno.ENAMETOOLONG, errno.ELOOP, errno.ENOTDIR, errno.EISDIR})
"""Errors of the path that was given; the disk is well."""


_MISSING = re.compile(r"the following arguments are required: (.+)")


class _Parser(argparse.ArgumentParser):
    def __init__(self, **settings: Any) -> None:
        super().__init__(allow_abbrev=False, **settings)  # `--js` would make only some of the output JSON

    def error(self, message: str) -> NoReturn:
        if found := _NOT_A_NUMBER.fullmatch(message):
            message = f"{found[1]} {found[3]} isn't {_NUMBERS[found[2]]}"
        elif found := _OUT_OF_BOUNDS.fullmatch(message):
            message = f"{found[1]} {found[2]}"
        elif found := _MISSING.fullmatch(message):
            names = ", ".join(map(self._shown_name, found[1].split(", ")))
            message = f"the following arguments are required: {names}"
        raise UsageError(message[:1].upper() + message[1:] + ".", f"See `{self.prog} --help`.")

    def _shown_name(self, name: str) -> str:
        """Return what the help shows of a positional argument with this name: its choices, if it has any."""
        choices = (one.choices for one in self._actions if one.dest == name and not one.option_strings)
        return next((f"{{{','.join(map(str, found))}}}" for found in choices if found), name)

    def _get_values(self, action: argparse.Action, arg_strings: list[str]) -> Any:
        if action.option_strings and action.nargs in (None, "?") and arg_strings == ["--"]:
            value = self._get_value(action, "--")  # of `--kind=--`; argparse would make an empty list of it
            self._check_value(action, value)
            return value
        return super()._get_values(action, arg_strings)

    def _print_message(self, message: str, file: "SupportsWrite[str] | None" = None) -> None:
        with writing_output():  # argparse ignores errors here
            (file or sys.stderr).write(message)
            sys.stdout.flush()


def parser(commands: Sequence[str] = tuple(COMMANDS)) -> argparse.ArgumentParser:
    """Return the parser of all commands. Only those in `commands` are fully described, to avoid importing the rest."""
    top = _Parser(
        prog="tawny", description="Recorder for security cameras.", epilog=(__doc__ or "").partition("\n\n")[2]
    )
    top.add_argument("--version", action="version", version=f"tawny {__version__}")
    below = top.add_subparsers(dest="command", metavar="COMMAND", parser_class=_Parser)
    for name, (module, summary) in COMMANDS.items():
        command = below.add_parser(name, help=summary, description=summary[:1].upper() + summary[1:] + ".")
        if name in commands:
            command.add_argument("--json", action="store_true", help="print data and errors as JSON")
            functions = vars(import_for_good(f"tawny.cli.{module}"))
            function = name.replace("-", "_")
            functions[f"describe_{function}"](command)
            command.set_defaults(run=functions[f"run_{function}"])
    return top


def main(words: Sequence[str]) -> int:
    """Run one command and return its exit code."""
    _prepare_streams()
    out = Output(as_json="--json" in words)
    named = [word for word in words if word in COMMANDS][:1]
    try:
        if former := error_for(words):
            raise former
        args = parser(named).parse_args(words)
        if not args.command:
            parser([]).print_help()
            return 2
        return _run(args, words, out)
    except TawnyError as error:
        out.error(error)
        return error.exit_code
    except (RuntimeError, MemoryError) as error:
        refused = limit_reached(error)
        if refused is None:
            raise
        out.error(refused)
        return refused.exit_code
    except KeyboardInterrupt:
        return INTERRUPTED
    except BrokenPipeError:  # the reader closed the pipe: `tawny events | head`
        discard_output()
        return 0


def _prepare_streams() -> None:
    """Open /dev/null for the standard streams that the caller has closed, as `tawny events >&-` does.

    In the order of their numbers, so that no file of a command gets one of them and is written to by mistake. What the
    encoding of the terminal lacks is escaped, as Python does on standard error.
    """
    for name, mode in (("stdin", "r"), ("stdout", "w"), ("stderr", "w")):
        if getattr(sys, name) is None:
            setattr(sys, name, os.fdopen(os.open(os.devnull, os.O_RDWR), mode, encoding="utf-8"))
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(errors="backslashreplace")


def _run(args: argparse.Namespace, words: Sequence[str], out: Output) -> int:
    """Run the command.

    Raises UsageError for an argument that can't be stored, NotDone or StorageError for a file that can't be used.
    """
    undecodable = next((encodable(word) for word in words if encodable(word) != word), "")
    refusal = UsageError(f"`{undecodable}` isn't valid UTF-8.", "")
    if undecodable and args.command == "cameras" and args.do in ("add", "rename"):
        raise refusal  # at once: a new settings file would be left without the camera
    try:
        if getattr(args, "on", None) != "boxes":  # those have cameras of their own
            _take_names_of_cameras(args)
        with _sigterm_interrupts() if args.command == "export" else nullcontext():
            code: int = args.run(args, out)
    except UnicodeEncodeError:
        if not undecodable:
            raise
        raise refusal from None
    except OSError as error:
        if not isinstance(error.filename, str | bytes):
            raise  # not of a file: of a pipe, for example
        raise _file_error(error, encodable(os.fsdecode(error.filename))) from error
    return code


@contextmanager
def _sigterm_interrupts() -> Iterator[None]:
    """Let SIGTERM, of a stopped service or of `timeout`, raise KeyboardInterrupt: what is half written is removed."""
    if threading.current_thread() is not threading.main_thread():  # only that one receives signals
        yield
        return

    def interrupt(*_: object) -> NoReturn:
        raise KeyboardInterrupt

    before = signal.signal(signal.SIGTERM, interrupt)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)


def _take_names_of_cameras(args: argparse.Namespace) -> None:
    opened = ["which"] if (args.command, getattr(args, "what", None)) == ("event", "open") else []
    for argument in ("camera", "cameras", *opened):
        if isinstance(
            getattr(args, argument, None) or None, str | list
        ):  # of some commands it is a number, or a switch
            from tawny.cli.camera_names import put_ids  # loads the settings

            put_ids(args, argument)


def _file_error(error: OSError, where: str) -> TawnyError:
    if error.errno in _BAD_PATHS:
        return NotDone(f"Can't use {where}: {error.strerror}.", "Choose another path.")
    from tawny.storage.disk.disk import turned  # a question to a running recorder needs none of it

    return turned(error, where)


def entry() -> NoReturn:
    sys.exit(main(sys.argv[1:]))
