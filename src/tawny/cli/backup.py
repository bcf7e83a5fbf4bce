"""`tawny backup` and `tawny restore`: everything but footage in one file behind a passphrase, and back."""

import os
import socket
import sys
from argparse import ArgumentParser, Namespace
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from dataclasses import asdict, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from tawny.api.auth.passwords import LEAST_LENGTH, is_weak
from tawny.cli import options
from tawny.cli.keys import typed
from tawny.cli.output import Output
from tawny.cli.paths import (
    SETTINGS,
    config_file,
    data_folder,
    default_folder,
    existing_data,
    load_settings,
    output_error,
)
from tawny.model.errors import FolderInUse, NotDone, SettingsError, StorageError, UsageError
from tawny.model.times import SystemClock
from tawny.sealed.mnemonics import new_passphrase
from tawny.service.backup.backup_file import DAMAGED, SUFFIX, backup_parts, read_backup, read_passphrase
from tawny.service.backup.restore import (
    NO_SETTINGS,
    PENDING,
    RestorePlan,
    UnpackedBackup,
    finish_restore,
    held,
    in_use,
    stated_folder,
)
from tawny.service.backup.setting_changes import expanded
from tawny.storage.disk.disk import turned
from tawny.storage.disk.lock import holder

_PORTION: Final = 256 * 1024
Ask = Callable[[str], str]


def describe_backup(parser: ArgumentParser) -> None:
    parser.add_argument("file", metavar="FILE", help="the new backup file")
    options.data(parser)
    ways = parser.add_mutually_exclusive_group()
    ways.add_argument("--passphrase-stdin", action="store_true", help="read the passphrase from standard input")
    ways.add_argument("--generate", action="store_true", help="generate a passphrase, and show it once")


def run_backup(args: Namespace, out: Output, ask: Ask = typed) -> int:
    path, clock = Path(args.file), SystemClock()
    if path.exists():
        raise NotDone(f"{path} already exists.", "Choose another name. Nothing was changed.")
    if not path.parent.is_dir():
        raise NotDone(f"Folder {path.parent} doesn't exist.", "Create it, or choose another one.")
    _, data = existing_data(args)
    passphrase = new_passphrase() if args.generate else _new_passphrase(args, ask)
    size = _save(path, backup_parts(data, config_file(args), passphrase, clock.now_ms(), socket.gethostname()))
    text = f"Saved to {path} ({size:,} bytes). Only its passphrase opens it: keep it elsewhere."
    if args.generate:
        text += f"\nIts passphrase: {passphrase}\nIt is shown only once. Write it down, and keep it elsewhere."
    out.data({"file": str(path), "size": size, "passphrase": passphrase if args.generate else None}, text)
    return 0


def _new_passphrase(args: Namespace, ask: Ask) -> str:
    if args.passphrase_stdin:
        passphrase = sys.stdin.readline().rstrip("\r\n")
    else:
        passphrase = ask("New passphrase for this backup: ")
        if ask("The same again: ") != passphrase:
            raise NotDone("The passphrases differ.", "Start again. Nothing was saved.")
    if is_weak(passphrase):
        raise UsageError(
            "This passphrase is too easy to guess.", f"Use {LEAST_LENGTH} characters or more, or `--generate`."
        )
    return passphrase


def _save(path: Path, parts: Iterable[bytes]) -> int:
    """Write a new file whole or not at all; return its size."""
    part, size = path.with_name(f"{path.name}.part"), 0
    try:
        part.unlink(missing_ok=True)
        flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC
        with os.fdopen(os.open(part, flags, 0o600), "wb") as file:
            for one in parts:
                size += file.write(one)
            file.flush()
            os.fsync(file.fileno())
        part.rename(path)
    except OSError as error:
        raise output_error(turned(error, str(path.parent)), "FILE") from None
    finally:
        with suppress(OSError):
            part.unlink(missing_ok=True)
    return size


def describe_restore(parser: ArgumentParser) -> None:
    parser.add_argument("file", metavar="FILE", help="a file that `tawny backup` or the web interface saved")
    options.data(parser)
    parser.add_argument("--passphrase-stdin", action="store_true", help="read the passphrase from standard input")
    parser.add_argument("--dry-run", action="store_true", help="show what would change, and change nothing")
    parser.add_argument(
        "--replace", action="store_true", help="replace existing files; they are saved in a backup next to FILE first"
    )


def run_restore(args: Namespace, out: Output, ask: Ask = typed) -> int:
    path, clock = Path(args.file), SystemClock()
    beginning = next(_portions(path), b"")
    entered = sys.stdin.readline().rstrip("\r\n") if args.passphrase_stdin else ask("Passphrase of this backup: ")
    passphrase = read_passphrase(beginning, entered)
    data = _target(args, path, passphrase)
    if holder(data) is not None:
        raise in_use(data)
    if (data / PENDING).is_dir():
        _complete_prepared(args, passphrase, data, out)
    config = Path(args.config) if args.config else _found_config(args) or data / SETTINGS
    unpacked = UnpackedBackup.unpack(_portions(path), passphrase, data)
    try:
        plan = unpacked.plan(config)
        plan = replace(plan, notes=[*plan.notes, *_start_notes(args, plan, config)])
        if not args.dry_run and plan.overwrites and not args.replace:
            raise NotDone(
                f"This would replace {', '.join(plan.overwrites)}.",
                "Nothing was changed. See what differs with `--dry-run`, then use `--replace`, or another folder with "
                "`--data`.",
            )
        saved, damaged = None, list[str]()
        if not args.dry_run:
            unpacked.check_place(config)
            if plan.overwrites:
                saved = _save_before(path, data, config, passphrase, clock.now_ms(), damaged)
            with held(data):
                unpacked.commit(config)
                finish_restore(data)
    finally:
        unpacked.discard()
    result = {
        "restored": not args.dry_run, "data": str(data), "config": str(config), "saved_before": saved and str(saved),
        "saved_damaged": damaged, **asdict(plan),
    }  # fmt: skip
    text = _text(plan, data, config, out, is_done=not args.dry_run)
    if saved is not None:
        text += f"\nWhat it replaced is in {saved}, with the same passphrase.{_about_damaged(damaged)}"
    if not args.dry_run:
        text += "\nCopy the recordings there if you have them, then start tawny."
    out.data(result, text)
    return 0


def _complete_prepared(args: Namespace, passphrase: str, data: Path, out: Output) -> None:
    """Carry out a restore that waits for the next start: tawny may not be able to start. Raises NotDone."""
    if args.dry_run or not args.replace:
        raise NotDone(
            "A restore was prepared here already.",
            f"A start of tawny carries out what is in {data / PENDING}, and `tawny restore --replace` does so first. "
            "Nothing was changed.",
        )
    for _, file in read_backup(_portions(Path(args.file)), passphrase):  # verified before anything is changed
        for _ in file.portions:
            pass
    try:
        with held(data):
            finish_restore(data)
    except FolderInUse:
        raise
    except StorageError as error:
        raise NotDone(
            f"A restore was prepared here already, and can't be completed: {error.message}",
            f"Correct that, or move {data / PENDING} away: what it replaced already is in its folder `old`.",
        ) from None
    out.say("The restore that was prepared here has been completed first.")


def _found_config(args: Namespace) -> Path | None:
    """Return the settings file in force here; with `--data` alone, that of this folder only."""
    return None if args.data else config_file(args)


def _start_notes(args: Namespace, plan: RestorePlan, config: Path) -> Iterator[str]:
    """Yield what to mind where a start of tawny doesn't read the restored settings by itself."""
    found = config_file(args, made=config)
    is_read = found is not None and found.resolve() == config.resolve()
    if not is_read and NO_SETTINGS not in plan.notes:
        reads = f"reads {found.absolute()}" if found else "finds no settings"
        yield f"`tawny run` {reads} here. Start it with `--config {config.absolute()}`."


def _target(args: Namespace, path: Path, passphrase: str) -> Path:
    """Return the data folder: as asked for, that of the settings here, or that of the backup."""
    if args.data:
        return Path(args.data)
    if config_file(args) is not None:
        with suppress(SettingsError):
            return data_folder(args, load_settings(args)[0])
    stated = stated_folder(_portions(path), passphrase)
    folder = expanded(stated) if stated else default_folder()
    is_known = folder.is_absolute() or not stated.startswith("~")
    if stated and not (is_known and (folder.exists() or folder.parent.is_dir())):
        raise NotDone(
            f"The recordings of this backup belong to {folder}, which doesn't exist here.",
            "Mount that disk, or choose another folder with `--data`. Nothing was changed.",
        )
    return folder


def _save_before(path: Path, data: Path, config: Path, passphrase: str, now_ms: int, damaged: list[str]) -> Path:
    """Return the backup of what is replaced. The names of databases that can't be read are added to `damaged`."""
    at = datetime.fromtimestamp(now_ms / 1000, UTC)
    saved = path.with_name(f"before-restore-{at:%Y%m%dT%H%M%SZ}{SUFFIX}")
    _save(saved, backup_parts(data, config, passphrase, now_ms, socket.gethostname(), damaged))
    return saved


def _about_damaged(names: list[str]) -> str:
    if not names:
        return ""
    return f" Damaged, so only kept there as they are (`{DAMAGED}/`), and not restored from it: {', '.join(names)}."


def _portions(path: Path) -> Iterator[bytes]:
    try:
        with path.open("rb") as file:
            while portion := file.read(_PORTION):
                yield portion
    except OSError as error:
        raise NotDone(f"Can't read {path}: {error.strerror}.") from None


def _text(plan: RestorePlan, data: Path, config: Path, out: Output, *, is_done: bool) -> str:
    made = f"{datetime.fromtimestamp(plan.info.made_ms / 1000).astimezone():%Y-%m-%d %H:%M}"
    lines = [f"Backup of {plan.info.host}, made {made} by tawny {plan.info.version}."]
    if plan.changes:
        rows = [(one.path, one.before or "–", one.after or "–") for one in plan.changes]
        lines += ["", out.table(("setting", "here", "in the backup"), rows, empty="")]
    elif NO_SETTINGS not in plan.notes:
        lines.append("The settings are the same.")
    lines += ["", *plan.notes] if plan.notes else []
    if not is_done:
        replaced = f"A restore replaces {', '.join(plan.overwrites)}." if plan.overwrites else "Nothing is replaced."
        return "\n".join([*lines, "", f"{replaced} Nothing was changed."])
    settings = "" if NO_SETTINGS in plan.notes else f", with the settings in {config}"
    return "\n".join([*lines, "", f"Restored to {data}{settings}."])
