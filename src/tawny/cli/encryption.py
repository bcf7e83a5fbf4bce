"""`tawny encryption`: creates keys and the recovery sheet, verifies the sheet, changes keys and recipients."""

import secrets
import socket
import sys
from argparse import ArgumentParser, Namespace
from collections.abc import Callable, Collection, Sequence
from contextlib import ExitStack, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from tawny.cli import options
from tawny.cli.keys import add_key, from_file, from_words, typed, with_hyphens
from tawny.cli.output import Output
from tawny.cli.paths import config_file, data_folder, load_settings
from tawny.config.changes import put_table, put_tables
from tawny.config.encryption import SealingSettings
from tawny.config.file_writing import read_file
from tawny.config.loader import known_secrets, parse_settings, read_settings, tables_with_secrets
from tawny.config.settings import Settings
from tawny.model.errors import FolderInUse, NotDone, SettingsError, StorageError, TawnyError, UsageError
from tawny.model.ids import CameraId
from tawny.model.times import SystemClock, utc_text
from tawny.sealed.age_file import lock_with_passphrase
from tawny.sealed.broken import NotEnoughMemory
from tawny.sealed.key_wrapping import Identity, recipient, short_name
from tawny.sealed.mnemonics import new_passphrase
from tawny.service.backup.backup_file import fingerprint_in
from tawny.service.sealing.private_memory import swaps_in_the_clear
from tawny.service.sealing.recovery_sheet import BEFORE, RecoverySheet
from tawny.service.sealing.sealing_service import (
    EARLIER_SHEET,
    EARLIER_SHEET_DO,
    KEYS,
    NO_SHEET,
    NO_SHEET_DO,
    OWNER,
    UnlockMethodStore,
    keys_in_force,
    was_used_for,
    write_secret_file,
)
from tawny.service.storage_setup import archive_of, archives
from tawny.storage.disk.layout import DAY_MS
from tawny.storage.disk.private_files import given_to_recorder
from tawny.storage.disk.secondary_volumes import ClosedBucket, attach_all, others
from tawny.storage.disk.volume import Volume
from tawny.storage.history.left_cameras import stored_left
from tawny.storage.history.signed_files import camera_mark, names_key, pass_items
from tawny.storage.history.signed_history import SignedHistory
from tawny.storage.sealing.rewrap import Rewrapped, has_keys, rewrap_camera

# Create keys: show them to the user, verify that they were written down, store them with owner-only permissions.

ASKED_WORDS: Final = 3
TRIES: Final = 3


def _sheet(recovery: Identity, data: Path) -> RecoverySheet:
    """Return a new sheet, with the fingerprint if the recorder has run before."""
    return RecoverySheet(recovery, socket.gethostname(), fingerprint_in(data), utc_text(SystemClock().now_ms()))


def show_sheet(sheet: RecoverySheet, html: str | None, out: Output) -> None:
    """Print the sheet, or save it as an HTML page for printing."""
    if html:
        write_secret_file(Path(html), sheet.html().encode())
        out.say(f"Saved the recovery sheet to {html}. Print it, then delete the file.")
    else:
        out.say(sheet.text())


def lock_key(owner: Identity, passphrase: str) -> bytes:
    """Return the key, protected by the passphrase. Raises NotDone: when memory is not sufficient."""
    try:
        return lock_with_passphrase(owner.text.encode(), passphrase)
    except NotEnoughMemory as error:
        raise NotDone(f"Can't protect the key: {error}.", "Close other programs and try again.") from None


def ask_for_words(sheet: RecoverySheet, out: Output, ask: Callable[[str], str]) -> None:
    """Ask for three words of the sheet. Raises NotDone: after TRIES wrong words; nothing has been changed then."""
    wrong = 0
    for number in sorted(secrets.SystemRandom().sample(range(24), ASKED_WORDS)):
        while ask(f"Word {number + 1} on the sheet: ").strip().lower() != sheet.words[number]:
            wrong += 1
            if wrong >= TRIES:
                raise NotDone("Those words don't match the sheet, so encryption was not set up.", "Start again.")
            out.say(f"That isn't word {number + 1}. Check the sheet.")


def ask_for_passphrase(passphrase: str, out: Output, ask: Callable[[str], str]) -> None:
    """Ask for a passphrase that was just shown. Raises NotDone: after TRIES wrong ones; nothing has been changed then.

    Without a terminal it isn't asked for: a script that reads it does not mistype it.
    """
    if ask is typed and not sys.stdin.isatty():
        return
    for left in reversed(range(TRIES)):
        if with_hyphens(ask("The passphrase, as you wrote it down: ")) == passphrase:
            return
        if left:
            out.say("That isn't the passphrase. Check what you wrote down.")
    raise NotDone("That isn't the passphrase that was shown, so nothing was changed.", "Start again.")


# `tawny encryption keys`, `add-key`, `remove-key`, `rotate` and `rewrap`: manage who can decrypt recordings.

ACTIONS: Final = ("keys", "add-key", "remove-key", "rotate", "rewrap")
HELP: Final = (
    "list the keys that open recordings; add or remove one; replace a key; apply the settings to existing recordings"
)
ALL_DAYS: Final = "9999"
KEPT: Final = "They may have kept copies of anything they could open, and uploaded copies don't change."


def describe_key_commands(parser: ArgumentParser) -> None:
    parser.add_argument("recipient", nargs="?", metavar="AGE1…", help="a public key, for add-key and remove-key")
    parser.add_argument("--camera", metavar="NAME", help="add-key, remove-key: for this camera only")
    add_key(parser, "for existing recordings: a key that opens them; rotate replaces the first")
    parser.add_argument("--words", action="store_true", help="the same, with the 24 words of the recovery sheet")


def _run_key_command(args: Namespace, out: Output, ask: Callable[[str], str]) -> int:
    chosen, file = load_settings(args)
    if file is None or not chosen.encryption.all:
        raise NotDone("Encryption isn't set up yet.", "Run `tawny encryption setup`.")
    if args.key and args.words:
        raise UsageError("--key and --words can't be combined.", "Use one of them.")
    if args.do == "keys":
        return _list(chosen, out)
    files = _identities(args, ask)
    identities = [one for each in files for one in each]
    if args.do == "rotate":
        identities.append(_rotate(args, chosen, file, files[0] if files else (), out, ask))
    elif args.do != "rewrap":
        _change(args, chosen, file)
    elif not identities:
        raise UsageError("Changing existing recordings requires a key.", "Add --key FILE or --words.")
    return _report(_existing(args, read_settings(file), identities), args, out)


def _list(chosen: Settings, out: Output) -> int:
    found = [{"recipient": one, "opens": "all", "is": "key"} for one in chosen.encryption.recipients]
    found += [
        {"recipient": one, "opens": "all", "is": "recovery sheet"} for one in (chosen.encryption.recovery,) if one
    ]
    for table, keys in _lists(chosen).items():
        if table != "encryption":
            found += [{"recipient": one, "opens": table.partition(".")[2], "is": "key"} for one in keys]
    recipients = [{"name": short_name(str(one["recipient"])), **one} for one in found]
    rows = [(one["name"], one["is"], one["opens"], one["recipient"]) for one in recipients]
    out.data({"recipients": recipients}, out.table(("NAME", "IS", "OPENS", "PUBLIC KEY"), rows, empty=""))
    return 0


def _identities(args: Namespace, ask: Callable[[str], str]) -> list[list[Identity]]:
    """Return the given identities by file."""
    return [[from_words(ask)]] if args.words else [from_file(Path(one)) for one in args.key or ()]


# --- settings: new recordings


def _lists(chosen: Settings) -> dict[str, tuple[str, ...]]:
    """Return all lists of keys, by the table of the settings that has them."""
    cameras = {f"cameras.{name}": one.recipients for name, one in chosen.cameras.items()}
    removed = {f"removed_cameras.{name}": one.recipients or () for name, one in chosen.removed_cameras.items()}
    return {"encryption": chosen.encryption.recipients, **cameras, **removed}


def _replaced(chosen: Settings, old: Collection[str], new: Sequence[str] = ()) -> dict[str, dict[str, object]]:
    """Return the tables that have one of the old keys, with the new ones instead."""
    return {
        table: {"recipients": list(dict.fromkeys(each for one in now for each in (new if one in old else (one,))))}
        for table, now in _lists(chosen).items()
        if any(one in old for one in now)
    }


def _change(args: Namespace, chosen: Settings, file: Path) -> None:
    try:
        one = recipient(args.recipient or "")
    except ValueError as error:
        raise UsageError(f"{args.do} requires {error}.") from None
    if args.camera and args.camera not in chosen.cameras:
        raise NotDone(f"No camera named {args.camera}.", f"Available: {', '.join(chosen.cameras) or 'none yet'}.")
    table = f"cameras.{args.camera}" if args.camera else "encryption"
    if args.do == "add-key":
        now = _lists(chosen)[table]
        after = [*now, *([] if one in (*now, *chosen.encryption.all) else [one])]
        put_table(file, table, {"recipients": after})
    else:
        put_tables(file, _without(one, chosen, table if args.camera else ""))


def _without(one: str, chosen: Settings, only: str) -> dict[str, dict[str, object]]:
    """Return the tables without this key. only: the table to change; empty: all."""
    if one == chosen.encryption.recovery:
        raise NotDone("That is the recovery sheet.", "To replace it, run `tawny encryption rotate --words`.")
    tables = _replaced(chosen, {one})
    if not tables:
        raise NotDone("This key isn't among those that can open recordings.", "See `tawny encryption keys`.")
    if only and only not in tables:
        raise NotDone(
            f"This key isn't in [{only}], but in {', '.join(f'[{table}]' for table in tables)}.",
            "To remove it everywhere, run the command without `--camera`.",
        )
    if not only and chosen.encryption.recipients == (one,):
        raise NotDone(
            "It is the only key besides the recovery sheet.",
            "To replace it, run `tawny encryption rotate --key FILE`.",
        )
    return {only: tables[only]} if only else tables


def _rotate(
    args: Namespace,
    chosen: Settings,
    file: Path,
    identities: Sequence[Identity],
    out: Output,
    ask: Callable[[str], str],
) -> Identity:
    """Replace the given key with a new one, which is returned. Of several, it is the first that is in use."""
    if out.as_json:
        raise UsageError("`tawny encryption rotate` shows a new key on screen.", "Run it without --json.")
    in_use = {chosen.encryption.recovery, *(key for keys in _lists(chosen).values() for key in keys)}
    old, new = next((one.recipient for one in identities if one.recipient in in_use), ""), Identity.new()
    if old == chosen.encryption.recovery:
        data = data_folder(args, chosen)
        sheet = _sheet(new, data)
        show_sheet(sheet, args.html, out)
        ask_for_words(sheet, out, ask)
        tables = _replaced(chosen, {old}, [new.recipient])
        tables["encryption"] = {**tables.get("encryption", {}), "recovery": new.recipient}
        _replace_sheet(file, tables, data, out)
    elif tables := _replaced(chosen, {old}, [new.recipient]):
        passphrase, path = new_passphrase(), Path(args.key[0] if args.key else "owner.age")
        path = path.with_name(f"{path.stem}-{short_name(new.recipient)[:8]}.age")
        out.say(f"The new key's passphrase is: {passphrase}\nIt is shown only once. Write it down.")
        ask_for_passphrase(passphrase, out, ask)
        stored = _store_locked(path, new, passphrase, data_folder(args, chosen))
        out.say(
            f"The new key is {stored[0]}.\n"
            f"It replaces {short_name(old)} in {', '.join(f'[{table}]' for table in tables)}.\n"
            "The passphrase and passkeys of the old key open no new recordings. Add passkeys again in the settings."
        )
        try:
            put_tables(file, tables)
        except TawnyError:  # nothing was changed: the new key opens nothing
            for each in stored:
                each.unlink(missing_ok=True)
            raise
    else:
        raise NotDone("This key doesn't open recordings here.", "Pass yours with --key FILE or --words.")
    return new


def _replace_sheet(file: Path, tables: dict[str, dict[str, object]], data: Path, out: Output) -> None:
    put_tables(file, tables)
    if data.is_dir():
        try:
            with given_to_recorder(data):
                UnlockMethodStore(data).sheet_made(SystemClock().now_ms())
        except StorageError as error:  # the sheet is in use all the same
            out.say(f"The page shows when the old sheet was made and tested: {error}")
    out.say("Keep the old sheet as long as there are recordings or copies from before, such as uploads: it opens them.")


def _store_locked(path: Path, new: Identity, passphrase: str, data: Path) -> list[Path]:
    """Store a key next to the one that it replaces, and in the data folder, where the page and backups find it.

    Return the files, the one to use first: next to the other, if that isn't the data folder's. None after an error.
    """
    wrapped, keys, stored = lock_key(new, passphrase), data / KEYS, list[Path]()
    with ExitStack() as undo:
        is_elsewhere = path.resolve().parent != keys.resolve()
        if is_elsewhere:
            write_secret_file(path, wrapped)
            stored.append(path)
            undo.callback(path.unlink, missing_ok=True)
        if data.is_dir():
            with given_to_recorder(data):
                name = f"Passphrase ({path.stem})"
                way = UnlockMethodStore(data).add(wrapped, SystemClock().now_ms(), name, recipient=new.recipient)
                stored += [keys / f"{way.id}{ending}" for ending in (".age", ".json")]
        undo.pop_all()
    return stored


# --- existing recordings


@dataclass(frozen=True, slots=True)
class _Existing:
    """What was done to existing recordings. is_all: not only older days. missing: errors of disks and archives.

    given_up: places that are away and no longer in the settings. unknown: cameras without settings, whose keys stay.
    borrowed: cameras of other recorders, whose keys stay, too.
    """

    done: Rewrapped
    is_all: bool
    missing: Sequence[str]
    given_up: Sequence[str]
    unknown: Sequence[str]
    borrowed: Sequence[str]


def _existing(args: Namespace, chosen: Settings, identities: Sequence[Identity]) -> _Existing | None:
    """Rewrap the keys of existing recordings. Return None if no key was given, or there are none."""
    folder = data_folder(args, chosen)
    if not identities or not folder.is_dir():
        return None
    with given_to_recorder(folder):
        return _rewrapped(args, chosen, identities, folder)


def _rewrapped(args: Namespace, chosen: Settings, identities: Sequence[Identity], folder: Path) -> _Existing:
    clock, volume, done = SystemClock(), Volume.at(folder), Rewrapped()
    done.failed = {error.where: error for error in attach_all(volume, archives(chosen, clock))}
    given_up, mirrors = _given_up(volume, done, _named(chosen)), _mirrors(chosen, done)
    cameras, unknown, lock, store = set(volume.cameras()), list[str](), None, UnlockMethodStore(folder)
    for each in mirrors:
        with done.noting(each):
            cameras.update(each.cameras())
    with suppress(FolderInUse):  # a recorder is running: its two newest days are skipped
        lock = volume.lock(clock)
    before = ALL_DAYS if lock is not None else utc_text(clock.now_ms() - DAY_MS)[:10].replace("-", "/")
    try:
        for camera in sorted(cameras):
            to = _in_order(chosen, camera)
            if to is None:
                unknown += [camera] if any(has_keys(each, camera, done) for each in (volume, *mirrors)) else []
                continue
            with suppress(StorageError):  # as while recording, a note that fails stops nothing
                for key in to if SignedHistory.is_there(volume.disk) else ():  # not into an empty mount point
                    store.used_for(key)
            for each in (volume, *mirrors):
                one = rewrap_camera(each, camera, identities, to, shuts_out=args.do != "add-key", before=before)
                done.add(one)
                if each is volume:
                    with done.noting(volume):
                        _state(volume, camera, before, one, to)
    finally:
        if lock is not None:
            lock.release()
    missing, theirs = [str(error) for error in done.failed.values()], _borrowed(volume, unknown)
    unknown = [one for one in unknown if one not in theirs]
    return _Existing(done, lock is not None, missing, given_up, unknown, theirs)


def _borrowed(volume: Volume, cameras: Sequence[str]) -> list[str]:
    """Return which of the cameras are other recorders'. None where it can't be read: they are unknown ones then."""
    try:
        left = stored_left(volume.disk)
    except (NotDone, StorageError):
        return []
    return [one for one in cameras if one in left and left[one].recipients is None]


def _state(volume: Volume, camera: CameraId, before: str, one: Rewrapped, to: Sequence[str]) -> None:
    """Have the next statement of the signed history say what was done."""
    names_of = names_key(volume.disk)
    if one.keys and names_of is not None and SignedHistory.is_there(volume.disk):
        mark, names = camera_mark(names_of, camera).hex(), sorted(map(short_name, to))
        pass_items(volume.disk, [["rewrapped", mark, before[:10], one.keys, one.files, names]])


def _named(chosen: Settings) -> set[str]:
    """Return the places that the settings name."""
    storage, tiers = chosen.storage, chosen.storage.tiers
    folders = [Path(one).expanduser() for one in (storage.mirror, storage.spare, *(one.path for one in tiers)) if one]
    buckets = {archive_of(one, SystemClock()).bucket.name for one in tiers if one.url}
    return buckets | {str(one) for one in folders} | {str(one.resolve()) for one in folders}


def _given_up(volume: Volume, done: Rewrapped, named: set[str]) -> list[str]:
    """Leave out places that are away and no longer `named`: none of them needs to come back. Return them."""
    paths = {one.path for one in others(volume) if one.is_given_up} - named
    closed = [one for one in volume.others if one.archive and isinstance(one.archive.bucket, ClosedBucket)]
    left = [one for one in closed if one.name in paths]
    for one in left:
        volume.drop_other(one)
    return sorted({*(one.name for one in left), *(path for path in paths if done.failed.pop(path, None))})


def _in_order(chosen: Settings, camera: str) -> tuple[str, ...] | None:
    """Return a camera's recipients, the recovery sheet first: a file without room for all gets the first ones.

    None if its own ones aren't known: it was removed by an earlier version or by hand, or is another recorder's.
    """
    known, settings = chosen.cameras.get(camera) or chosen.removed_cameras.get(camera), chosen.encryption
    if known is None or known.recipients is None:
        return None
    sheet = (settings.recovery,) if settings.recovery else ()
    return tuple(dict.fromkeys((*sheet, *settings.all, *known.recipients)))


def _mirrors(chosen: Settings, done: Rewrapped) -> list[Volume]:
    if not chosen.storage.mirror:
        return []
    path = Path(chosen.storage.mirror).expanduser()
    if path.is_dir():
        return [Volume.at(path)]
    done.failed.setdefault(str(path), StorageError(str(path), "the disk that should be there is not"))
    return []


def _report(existing: _Existing | None, args: Namespace, out: Output) -> int:
    lines = ["New recordings follow the settings."]
    if existing is None:
        lines.append(
            "Existing recordings are unchanged. To update them, run `tawny encryption rewrap` with --key FILE or "
            "--words."
        )
        existing, is_done = _Existing(Rewrapped(), is_all=False, missing=(), given_up=(), unknown=(), borrowed=()), True
    else:
        lines += _what_was_done(existing, args)
        is_done = existing.is_all and not (existing.done.locked or existing.missing or existing.unknown)
    found = existing.done
    counts = {"keys": found.keys, "files": found.files, "locked": len(found.locked), "without_room": found.narrow}
    left = {"missing": existing.missing, "given_up": existing.given_up, "unknown_readers": existing.unknown}
    left |= {"borrowed": existing.borrowed}
    out.data({**counts, "all": existing.is_all, **{name: list(of) for name, of in left.items()}}, "\n".join(lines))
    return 0 if is_done else 1


def _what_was_done(existing: _Existing, args: Namespace) -> list[str]:
    found = existing.done
    lines = [f"Updated {found.keys} keys of existing recordings; {found.files} files changed."]
    if args.do != "add-key":
        lines.append(KEPT)
    if found.narrow:
        opens = (
            "the keys they had before"
            if args.do == "add-key"
            else "the recovery sheet and the first keys in the settings"
        )
        lines.append(
            f"{found.narrow} files have no room for all keys. Copies of them without the day's .keys file, such as "
            f"uploads, open with {opens} only."
        )
    if found.locked:
        lines.append(
            f"{len(found.locked)} keys couldn't be opened with your key and are unchanged. Run `tawny encryption "
            "rewrap` with the key or the recovery sheet that was in use when they were made; `--key` can be given "
            "several times."
        )
    if existing.missing:
        lines += [
            *existing.missing,
            "Recordings there may be unchanged. Run `tawny encryption rewrap` again when they are back.",
        ]
    lines += [
        f"{one} is away and no longer in the settings. Recordings there are unchanged." for one in existing.given_up
    ]
    lines += [
        f"Keys of the camera {one} are unchanged: no settings say who else opens its recordings. Set `recipients` in "
        f"[removed_cameras.{one}], to [] for no one else, then run `tawny encryption rewrap`."
        for one in existing.unknown
    ]
    lines += [
        f"Keys of the camera {one} stay those of its recorder. To change them, set `recipients` in "
        f"[removed_cameras.{one}]."
        for one in existing.borrowed
    ]
    if not existing.is_all:
        lines.append(
            "Recordings from today and yesterday were skipped because the recorder is running. Run `tawny "
            "encryption rewrap` again in two days."
        )
    return lines


def describe_encryption(parser: ArgumentParser) -> None:
    options.data(parser)
    words = "create keys and the sheet; test the sheet by typing its words; " + HELP
    parser.add_argument("do", choices=["setup", "test-sheet", *ACTIONS], help=words)
    describe_key_commands(parser)
    parser.add_argument("--all", action="store_true", help="setup: encrypt all cameras from now on")
    parser.add_argument(
        "--html", metavar="FILE", help="setup, rotate: save the sheet as a page to print; delete the file afterward"
    )


def run_encryption(args: Namespace, out: Output, ask: Callable[[str], str] = typed) -> int:
    """ask: asks the user a question and returns the answer."""
    if args.do == "test-sheet":
        return _test_sheet(args, out, ask)
    if args.do in ACTIONS:
        return _run_key_command(args, out, ask)
    return _set_up(args, out, ask)


def _set_up(args: Namespace, out: Output, ask: Callable[[str], str]) -> int:
    if out.as_json:
        raise UsageError("`tawny encryption setup` shows keys on screen and asks for words.", "Run it without --json.")
    chosen, file = _settings_before_keys(args)
    if file is None:
        raise NotDone("There is no settings file to store the public keys in.", "Create one with `tawny init`.")
    data = data_folder(args, chosen)
    if chosen.encryption.all:
        raise NotDone(
            f"{file} already has keys under [encryption]. Recordings encrypted with them still need them.",
            f"Nothing was changed. To start over, remove [encryption] from the file, and move {data / KEYS} elsewhere.",
        )
    UnlockMethodStore(data).refuse_earlier()  # before a sheet is shown that would open nothing
    out.say(BEFORE + "\n")
    for swap in swaps_in_the_clear():
        out.say(
            f"Warning: swap on {swap} isn't encrypted, so recent keys could end up on disk. Encrypt the swap space "
            "or turn it off\n(`swapoff`), and don't let this computer hibernate.\n")  # fmt: skip
    owner, recovery, passphrase = Identity.new(), Identity.new(), new_passphrase()
    sheet = _sheet(recovery, data)
    show_sheet(sheet, args.html, out)
    out.say(f"\nYour passphrase for everyday use: {passphrase}\nIt is shown only once. Write it down too.\n")
    ask_for_words(sheet, out, ask)
    ask_for_passphrase(passphrase, out, ask)
    with UnlockMethodStore(data).first(lock_key(owner, passphrase), SystemClock().now_ms(), owner.recipient):
        put_table(file, "encryption", {"recipients": [owner.recipient], "recovery": recovery.recipient})
    if args.all:
        put_table(file, "storage", {"encrypt": True})
    words = "To turn on encryption, set `encrypt = true` for a camera or under [storage]."
    if args.all or any(map(chosen.is_sealed, chosen.cameras)):
        words = f"{'All cameras' if args.all else 'Cameras with `encrypt = true`'} are encrypted from now on."
    key = data / KEYS / f"{OWNER}.age"
    out.data(None, f"Saved the public keys to {file}, and your key (protected by the passphrase) to {key}.\n{words}")
    return 0


def _settings_before_keys(args: Namespace) -> tuple[Settings, Path | None]:
    """Return the settings and their file. `encrypt = true` may be in it before its keys are. Raises SettingsError."""
    try:
        return load_settings(args)
    except SettingsError:
        file, key = config_file(args), Identity.new().recipient
        tables = tables_with_secrets(file) if file is not None else {}
        if file is None or not tables or "encryption" in tables:
            raise
        stand_in = f'\n[encryption]\nrecipients = ["{key}"]\nrecovery = "{key}"\n'
        text = read_file(file) + stand_in
        chosen, problems = parse_settings(text, known_secrets(file.parent))
        if chosen is None:
            raise SettingsError(str(file), tuple(problems)) from None
        return chosen.model_copy(update={"encryption": SealingSettings()}), file


def _test_sheet(args: Namespace, out: Output, ask: Callable[[str], str]) -> int:
    chosen, _ = load_settings(args)
    if chosen.encryption.recovery is None:
        raise NotDone("There is no recovery sheet yet.", "Create one with `tawny encryption setup`.")
    typed_key = from_words(ask).recipient
    fits, verdict = typed_key == chosen.encryption.recovery, "Wrong sheet. It doesn't open these recordings."
    if fits:
        verdict = "Correct. This sheet opens your encrypted recordings."
    elif typed_key in keys_in_force(chosen):
        verdict = f"{NO_SHEET} {NO_SHEET_DO}"
    elif was_used_for(data_folder(args, chosen), typed_key):
        verdict = f"{EARLIER_SHEET} {EARLIER_SHEET_DO}"
    out.data({"fits": fits}, verdict)
    return 0 if fits else 1
