"""`tawny seal list`, `add-recipient`, `remove-recipient`, `rotate` and `rewrap`: who can open what is sealed.

What is recorded from then on follows by the settings alone. What exists already is opened to others, or no longer to
somebody, only by whoever has a key: `--key` or `--words`.
"""

import socket
from argparse import ArgumentParser, Namespace
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from tawny.app.sealing.recovery_sheet import Sheet
from tawny.cli.keys import from_file
from tawny.cli.new_keys import ask_for_words, show_sheet, write_locked
from tawny.cli.output import Output
from tawny.cli.places import data_folder, settings
from tawny.config.edit import put_table
from tawny.config.file import read
from tawny.config.settings import Settings
from tawny.model.clock import SystemClock
from tawny.model.errors import FolderInUse, NotDone, UsageError
from tawny.model.times import utc_text
from tawny.sealed.words import identity_from_words, new_passphrase
from tawny.sealed.wrapping import Identity, recipient, short_name
from tawny.storage.layout import DAY_MS
from tawny.storage.lock import Lock
from tawny.storage.others import attach_all
from tawny.storage.rewrap import Rewrapped, rewrap_camera, tell
from tawny.storage.signed_files import camera_mark, names_key
from tawny.storage.signed_history import SignedHistory
from tawny.storage.volume import Volume

DEEDS: Final = ("list", "add-recipient", "remove-recipient", "rotate", "rewrap")
HELP: Final = "who can open what; let somebody in, or shut somebody out; replace a key; go on with what was interrupted"
ALL_DAYS: Final = "9999"
KEPT: Final = "They may have kept what they could already open, and copies elsewhere stay as they are."


def describe(parser: ArgumentParser) -> None:
    parser.add_argument("recipient", nargs="?", metavar="AGE1…", help="a public key, for add-recipient and the like")
    parser.add_argument("--camera", metavar="NAME", help="add-recipient, remove-recipient: of this camera alone")
    parser.add_argument("--key", metavar="FILE", help="for what is recorded already: a key that opens it")
    parser.add_argument("--words", action="store_true", help="the same, with the 24 words of the recovery sheet")


def run(args: Namespace, out: Output, ask: Callable[[str], str]) -> int:
    chosen, file = settings(args)
    if file is None or not chosen.sealed.all:
        raise NotDone("Nothing is sealed here yet.", "`tawny seal init` makes the keys.")
    if args.key and args.words:
        raise UsageError("--key and --words are two ways to show one key.", "Take one of them.")
    if args.do == "list":
        return _list(chosen, out)
    identities = _identities(args, ask)
    if args.do == "rotate":
        identities = _rotate(args, chosen, file, identities, out, ask)
    elif args.do != "rewrap":
        _change(args, chosen, file)
    elif not identities:
        raise UsageError("What is recorded already is only changed with a key.", "Add --key FILE or --words.")
    return _told(_existing(args, read(file), identities), args, out)


def _list(chosen: Settings, out: Output) -> int:
    found = [{"recipient": one, "opens": "all", "is": "key"} for one in chosen.sealed.recipients]
    found += [{"recipient": one, "opens": "all", "is": "recovery sheet"} for one in (chosen.sealed.recovery,) if one]
    for name, camera in chosen.cameras.items():
        found += [{"recipient": one, "opens": name, "is": "key"} for one in camera.recipients]
    told = [{"name": short_name(str(one["recipient"])), **one} for one in found]
    rows = [(one["name"], one["is"], one["opens"], one["recipient"]) for one in told]
    out.data({"recipients": told}, out.table(("NAME", "IS", "OPENS", "PUBLIC KEY"), rows, empty=""))
    return 0


def _identities(args: Namespace, ask: Callable[[str], str]) -> list[Identity]:
    if args.key:
        return from_file(Path(args.key))
    if not args.words:
        return []
    try:
        return [identity_from_words(ask("All 24 words of the sheet: "))]
    except ValueError as error:
        raise UsageError(f"These words are no key: {error}.") from None


# --- settings: what is recorded from now on


def _change(args: Namespace, chosen: Settings, file: Path) -> None:
    try:
        one = recipient(args.recipient or "")
    except ValueError as error:
        raise UsageError(f"{args.do} needs {error}.") from None
    if args.camera and args.camera not in chosen.cameras:
        raise NotDone(f"There is no camera {args.camera}.", f"There are: {', '.join(chosen.cameras) or 'none yet'}.")
    table = f"cameras.{args.camera}" if args.camera else "sealed"
    now = chosen.cameras[args.camera].recipients if args.camera else chosen.sealed.recipients
    if args.do == "add-recipient":
        after = [*now, *([] if one in (*now, *chosen.sealed.all) else [one])]
    elif one == chosen.sealed.recovery:
        raise NotDone("That is the recovery sheet.", "`tawny seal rotate --words` replaces it by a new one.")
    elif one not in now:
        raise NotDone("It is none of those that can open recordings.", "`tawny seal list` tells which can.")
    else:
        after = [each for each in now if each != one]
        if not args.camera and not after:
            raise NotDone("It is the last one besides the sheet.", "`tawny seal rotate --key FILE` replaces it.")
    put_table(file, table, {"recipients": after})


def _rotate(
    args: Namespace,
    chosen: Settings,
    file: Path,
    identities: list[Identity],
    out: Output,
    ask: Callable[[str], str],
) -> list[Identity]:
    """The key that was shown is replaced by a new one. Returns both."""
    if out.as_json:
        raise UsageError("`tawny seal rotate` shows a new key to a person.", "Run it without --json.")
    old, new = {one.recipient for one in identities}, Identity.new()
    if chosen.sealed.recovery in old:
        sheet = Sheet(new, socket.gethostname(), "", utc_text(SystemClock().now_ms()))
        show_sheet(sheet, args.html, out)
        ask_for_words(sheet, out, ask)
        put_table(file, "sealed", {"recovery": new.recipient})
    elif old & set(chosen.sealed.recipients):
        passphrase, path = new_passphrase(), Path(args.key or "owner.age")
        path = path.with_name(f"{path.stem}-{short_name(new.recipient)[:8]}.age")
        write_locked(path, new, passphrase)
        out.say(f"The new key is {path}, and its passphrase: {passphrase}\nIt is shown this once. Write it down.")
        after = [new.recipient if one in old else one for one in chosen.sealed.recipients]
        put_table(file, "sealed", {"recipients": list(dict.fromkeys(after))})
    else:
        raise NotDone("The key that was shown is none that opens recordings here.", "Show yours: --key FILE, --words.")
    return [*identities, new]


# --- what is recorded already


@dataclass(frozen=True, slots=True)
class _Done:
    rewrapped: Rewrapped
    is_all: bool
    """False when the last two days were left, as a recorder runs."""


def _existing(args: Namespace, chosen: Settings, identities: Sequence[Identity]) -> _Done | None:
    folder = data_folder(args, chosen)
    if not identities or not folder.is_dir():
        return None
    clock, volume = SystemClock(), Volume.at(folder)
    attach_all(volume)
    lock = _lock(volume, clock)
    before = ALL_DAYS if lock is not None else utc_text(clock.now_ms() - DAY_MS)[:10].replace("-", "/")
    done, shuts_out = Rewrapped(), args.do != "add-recipient"
    try:
        for camera in volume.cameras():
            own = chosen.cameras[camera].recipients if camera in chosen.cameras else ()
            to = tuple(dict.fromkeys((*chosen.sealed.all, *own)))
            one = rewrap_camera(volume, camera, identities, to, shuts_out=shuts_out, before=before)
            if one.keys and SignedHistory.is_there(volume.disk):
                mark = camera_mark(names_key(volume.disk), camera).hex()
                names = sorted(map(short_name, to))
                tell(volume.disk, [["rewrapped", mark, before[:10], one.keys, one.files, names]])
            done.add(one)
            for copy in _mirrors(chosen):
                rewrap_camera(copy, camera, identities, to, shuts_out=shuts_out, before=before)
    finally:
        if lock is not None:
            lock.release()
    return _Done(done, lock is not None)


def _mirrors(chosen: Settings) -> list[Volume]:
    path = Path(chosen.storage.mirror).expanduser() if chosen.storage.mirror else None
    return [Volume.at(path)] if path is not None and path.is_dir() else []


def _lock(volume: Volume, clock: SystemClock) -> Lock | None:
    """None when a recorder runs: then its two newest days are left to it."""
    try:
        return volume.lock(clock)
    except FolderInUse:
        return None


def _told(done: _Done | None, args: Namespace, out: Output) -> int:
    lines = ["What is recorded from now on follows the settings."]
    if done is None:
        lines.append("What is recorded already stays as it is: `tawny seal rewrap` with --key FILE or --words does it.")
        out.data({"keys": 0, "files": 0, "locked": 0, "all": False}, "\n".join(lines))
        return 0
    found = done.rewrapped
    lines.append(f"{found.keys} keys of what exists are for these recipients now; {found.files} files were changed.")
    if args.do != "add-recipient":
        lines.append(KEPT)
    if found.locked:
        lines.append(f"{found.locked} keys could not be opened by the key that was shown, and stay as they are.")
    if not done.is_all:
        lines.append("Today and yesterday were left, as the recorder runs: `tawny seal rewrap` them in two days.")
    said = {"keys": found.keys, "files": found.files, "locked": found.locked, "all": done.is_all}
    out.data(said, "\n".join(lines))
    return 1 if found.locked or not done.is_all else 0
