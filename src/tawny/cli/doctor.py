"""`tawny doctor`: say what is wrong with this computer, and save diagnostics for others. Exit 0: nothing; 1: something.

It works while the recorder runs and while it doesn't, and without settings.
"""

import base64
from argparse import ArgumentParser, Namespace
from collections.abc import Iterator, Sequence
from contextlib import closing, suppress
from dataclasses import asdict
from pathlib import Path
from typing import Any, Final

from tawny.api.auth import accounts_file
from tawny.api.auth.accounts_file import names_in
from tawny.app.control_client import ask
from tawny.app.local_zone import find_zone
from tawny.cli import options
from tawny.cli.output import Output
from tawny.cli.paths import config_file, data_folder, new_file
from tawny.config.loader import read_settings
from tawny.config.settings import Settings
from tawny.delivery import outbox_rows
from tawny.events import modes
from tawny.fleet import sqlite_fleet_index
from tawny.model.errors import DatabaseNewer, FolderUnwritable, NotDone, Problem, SettingsError, StorageError
from tawny.model.times import SystemClock
from tawny.service.backup.restored_accounts import opened_to_read
from tawny.service.diagnosis.bundle import (
    LOG_LINES,
    BundleContents,
    BundleFile,
    make_files,
    zip_of,
)
from tawny.service.diagnosis.doctor import ExaminedRecorder, certificate_files, examine, is_trustworthy, try_cameras
from tawny.service.diagnosis.machine import STATE_TEXTS, Diagnosis, fine, note, run_program, wrong
from tawny.service.diagnosis.other_recorders import known_recorders
from tawny.service.plugin_registry import PluginRegistry
from tawny.service.sealing.sealing_service import write_secret_file
from tawny.storage.index.index_schema import other_version
from tawny.storage.index.sqlite_file import sqlite_errors

DATABASES: Final = {
    "accounts.db": accounts_file.VERSION,
    "hub.db": sqlite_fleet_index.VERSION,
    "modes.db": modes.VERSION,
    "outbox.db": outbox_rows.VERSION,
    "standby.db": sqlite_fleet_index.VERSION,
}
"""Those that can't be made again, with the version of each that this tawny writes."""


def describe_doctor(parser: ArgumentParser) -> None:
    options.data(parser)
    parser.add_argument("--cameras", action="store_true", help="also connect to each configured camera")
    parser.add_argument(
        "--bundle",
        metavar="FILE",
        help="save a ZIP archive for others: findings, settings, log and state, without names, addresses and secrets",
    )


def run_doctor(args: Namespace, out: Output) -> int:
    target = new_file(Path(args.bundle)) if args.bundle else None
    clock, plugins = SystemClock(), PluginRegistry.opened()
    recorder = _recorder(args, plugins)
    found: list[Diagnosis] = []

    def add(diagnoses: Iterator[Diagnosis]) -> None:
        for one in diagnoses:
            out.progress(f"Checking… {one.area}")
            found.append(one)

    add(examine(recorder, clock))
    add(_databases(recorder.folder))
    if args.cameras and recorder.settings is not None:
        add(try_cameras(recorder.settings, plugins, clock))
    out.progress("")
    shown = [*found, _time_zone()]  # not in the archive: it tells where the computer is
    result: dict[str, Any] = {"ok": is_trustworthy(found), "checks": [asdict(one) for one in shown]}
    text = _text(shown, out)
    if target is not None:
        files = _files(data_folder(args, recorder.settings or Settings()), recorder, found, plugins)
        try:
            write_secret_file(target, zip_of(files, clock.now_ms()))
        except FolderUnwritable as error:
            raise NotDone(f"Can't write {target} ({error.detail}).", "Choose another file with `--bundle`.") from None
        result["bundle"] = {"file": str(target), "files": [{"name": one.name, "about": one.about} for one in files]}
        listed = out.table(("file", "what is in it"), [(one.name, one.about) for one in files], empty="")
        text += f"\n\nSaved to {target}, without names, addresses and secrets. Read it before you share it:\n{listed}"
    out.data(result, text)
    return 0 if result["ok"] else 1


def _text(found: Sequence[Diagnosis], out: Output) -> str:
    rows = [(one.area, STATE_TEXTS[one.state], one.what) for one in found]
    lines = [out.table(("check", "", "found"), rows, empty="")]
    for one in found:
        if one.do:
            lines += ["", f"{one.area}: {one.why}", f"    {one.do}"]
    return "\n".join(lines)


def _time_zone() -> Diagnosis:
    zone, problem = find_zone()
    if not problem:
        return fine("time zone", f"{zone}.")
    why = "Schedules and shown times may be hours off."
    return note("time zone", f"{problem[0].upper()}{problem[1:]}.", why, "Set TZ to a name like Europe/Berlin.")


def _databases(folder: Path | None) -> Iterator[Diagnosis]:
    """Say which databases a newer version has written. They aren't opened: SQLite would leave files of this user."""
    if folder is None:
        return
    newer, unread = [], False
    for name, version in DATABASES.items():
        try:
            with (folder / name).open("rb") as file:
                found = int.from_bytes(file.read(64)[60:])  # where SQLite has `PRAGMA user_version`
        except OSError as error:
            unread = unread or not isinstance(error, FileNotFoundError)
            continue
        if found > version:
            newer.append(f"{name} is {other_version(found, version)}")
    if newer:
        yield wrong("databases", f"{'; '.join(newer)}.", "tawny doesn't start with it.", DatabaseNewer.advice)
    elif not unread:
        yield fine("databases", "None is from a newer version of tawny.")


def _recorder(args: Namespace, plugins: PluginRegistry) -> ExaminedRecorder:
    """Return what the command is about, however broken its settings are."""
    path, settings, problems = config_file(args), None, tuple[Problem, ...]()
    if path is not None:
        try:
            settings = read_settings(path)
            plugins.check(settings, str(path))
        except SettingsError as error:
            problems = error.problems
    chosen = settings or Settings()
    in_memory = chosen.storage.mode == "memory"
    folder = None if in_memory else data_folder(args, chosen)
    return ExaminedRecorder(folder, settings, path, problems, certificate_files(settings, path))


def _files(
    folder: Path, recorder: ExaminedRecorder, found: Sequence[Diagnosis], plugins: PluginRegistry
) -> list[BundleFile]:
    """Return the bundle of the recorder running for this folder; without one, what is known here."""
    with suppress(NotDone):
        for answer in ask(folder, {"command": "diagnostics"}):
            if "items" in answer:
                return [BundleFile(one["name"], one["about"], base64.b64decode(one["data"])) for one in answer["items"]]
    clock = SystemClock()
    contents = BundleContents(
        recorder, found, log=_log(recorder.settings), people=_people(recorder.folder),
        recorders=known_recorders(recorder.folder, recorder.settings, clock),
    )  # fmt: skip
    return make_files(contents, plugins, clock.now_ms())


def _log(settings: Settings | None) -> str:
    """Return the end of the log: of its file, else of the system's journal."""
    path = Path(settings.log.file).expanduser() if settings and settings.log.file else None
    if path is not None:
        with suppress(OSError):
            return path.read_text(encoding="utf-8", errors="replace")
    return run_program(["journalctl", "-q", "-u", "tawny", "-n", str(LOG_LINES), "--no-pager", "-o", "short-iso"])


def _people(folder: Path | None) -> list[str] | None:
    """Return the names of users; None if they can't be read."""
    if folder is None or not (path := folder / "accounts.db").exists():
        return []
    try:  # not as Accounts: it migrates the file, after which an earlier version of tawny refuses it
        with sqlite_errors(str(path)), closing(opened_to_read(path)) as db:
            return names_in(db)
    except StorageError:
        return None
