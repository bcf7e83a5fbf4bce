"""`tawny standby`: a second recorder that takes over the cameras of one that fails."""

import asyncio
import socket
import threading
from argparse import ArgumentParser, Namespace
from contextlib import suppress
from pathlib import Path
from typing import Any, Final

from tawny import __version__
from tawny.cli import options
from tawny.cli.control_client import ask_once, instance_here
from tawny.cli.first_start import interface_urls, note_here, qr_text
from tawny.cli.options import time_text
from tawny.cli.output import Output
from tawny.cli.paths import data_folder, existing_data, load_settings, running_data
from tawny.config.changes import put_table
from tawny.config.fleet import is_nats_address
from tawny.fleet.identity import JoinLink, fingerprint, load_key, load_or_make_key
from tawny.fleet.standby_member import UNTOLD, join_standby, leave_standby
from tawny.fleet.standby_store import STANDBY_FILE, StandbyStore
from tawny.model.errors import NotDone, UsageError
from tawny.model.times import SystemClock
from tawny.storage.disk.private_files import given_to_recorder

_TRIES, _TRY_S = 40, 0.25
_STATES: Final = {
    "ready": "ready",
    "not_ready": "not ready",
    "refused": "refused",
}
_LEASES: Final = {
    "waiting": "waiting for its first sign",
    "held": "here",
    "asking": "silent, being asked",
    "answered": "records, but its connection is bad",
    "taken": "silent: its cameras are recorded here",
}


def describe_standby(parser: ArgumentParser) -> None:
    parser.add_argument(
        "action",
        nargs="?",
        choices=("status", "link", "join", "leave", "revoke"),
        default="status",
        help="status: show both sides (default); on the standby: link: create a link for a recorder that it protects; "
        "revoke: end that, and delete its cameras' credentials; on the recorder: join: use such a link; leave: end it",
    )
    parser.add_argument("which", nargs="?", metavar="LINK|NAME", help="for join: the link; for revoke: the recorder")
    parser.add_argument("--name", help="for join: what this recorder is called there (default: its name)")
    options.data(parser)


def run_standby(args: Namespace, out: Output) -> int:
    if (args.which is not None) != (args.action in ("join", "revoke")):
        raise UsageError(
            "`tawny standby join` needs a link, `tawny standby revoke` the name of a recorder.", "See `tawny standby`."
        )
    actions = {"link": _link, "join": _join, "leave": _leave, "revoke": _revoke, "status": _status}
    actions[args.action](args, out)
    return 0


def _link(args: Namespace, out: Output) -> None:
    chosen, path = load_settings(args)
    if path is None:
        raise NotDone("No settings file found.", "Start the recorder once (`tawny run`), or pass `--config`.")
    chosen, folder = existing_data(args)
    ask_once(folder, {"command": "standby"})  # raises NotDone, before anything is written, where none is running
    if not chosen.standby.enabled:
        put_table(path, "standby", {"enabled": True})
    with given_to_recorder(folder):
        key, store = load_or_make_key(folder), StandbyStore(folder, SystemClock())
        try:
            code, _ = store.invite()
        finally:
            store.close()
    note_here(folder, "standby link created")
    _wait_until_standby(folder)
    mark = fingerprint(key.public_key().public_bytes_raw())
    links = [str(JoinLink(url, code, mark, "standby")) for url in interface_urls(chosen, folder)]
    text = (
        f"On the recorder whose cameras are to be taken over, run this within 10 minutes:\n\n    tawny standby join "
        f"{links[0]}\n\nThe link works once. Compare the four words that it prints with those of `tawny standby` here."
    )
    if len(links) > 1:
        text += "\nIf it can't open that address, use one of these:\n" + "\n".join(f"    {one}" for one in links[1:])
    out.data({"link": links[0], "links": links}, f"{text}\n\n{qr_text(links[0])}" if out.is_terminal else text)


def _wait_until_standby(folder: Path) -> None:
    """Wait until the running recorder has read the changed settings. Raises NotDone: none is running."""
    pause = threading.Event()
    for _ in range(_TRIES):
        if ask_once(folder, {"command": "standby"}).get("is_standby"):
            return
        pause.wait(_TRY_S)
    raise NotDone("The recorder didn't become a standby.", "See its log, and `tawny status`.")


def _join(args: Namespace, out: Output) -> None:
    link = JoinLink.parse(args.which).needed("standby")
    if is_nats_address(link.url):
        raise UsageError("A standby isn't reached by NATS.", "Use a link that `tawny standby link` prints there.")
    chosen, path = load_settings(args)
    if path is None:
        raise NotDone("No settings file found.", "Start the recorder once (`tawny run`), or pass `--config`.")
    folder = data_folder(args, chosen)
    existing_data(args)
    if chosen.standby.address and chosen.standby.key != link.hub:
        raise NotDone(
            f"This recorder has a standby at {chosen.standby.address}.", "Leave it first: `tawny standby leave`."
        )
    key, name = load_or_make_key(folder), args.name or chosen.web.name or socket.gethostname()
    if fingerprint(key.public_key().public_bytes_raw()) == link.hub:
        raise NotDone("A recorder can't be its own standby.", "Run this on another recorder.")
    welcome = asyncio.run(join_standby(link, key, name, __version__))
    put_table(path, "standby", {"address": link.url, "key": link.hub})
    if chosen.standby.address == link.url:  # no setting has changed, and it may have been refused before
        with suppress(NotDone):  # no recorder is running
            ask_once(folder, {"command": "standby", "retry": True})
    note_here(folder, "standby chosen", link.url)
    text = (
        f"{welcome.standby} is the standby of this recorder, as “{welcome.name}”. It gets the addresses and passwords "
        "of the cameras,\nand records them while this recorder doesn't answer.\nCompare these words with those of "
        f"`tawny standby` there:\n\n    {welcome.words}\n\nIf they differ, run `tawny standby leave`."
    )
    out.data({"standby": link.url, "name": welcome.name, "words": welcome.words}, text)


def _leave(args: Namespace, out: Output) -> None:
    chosen, path = load_settings(args)
    if path is None or not chosen.standby.address:
        raise NotDone("This recorder has no standby.")
    folder = data_folder(args, chosen)
    try:
        key = load_key(folder)
    except NotDone:  # damaged: the standby would not know this recorder by it
        key = None
    put_table(path, "standby", {"address": "", "key": ""})
    note_here(folder, "standby left")
    if key is not None:
        asyncio.run(leave_standby(chosen.standby, key, instance_here(folder, "standby")))
    left = f"{chosen.standby.address} isn't the standby any more"
    text = f"{left}. {UNTOLD}" if key is None else f"{left}, and has deleted the cameras' credentials."
    out.data({"left": chosen.standby.address}, text)


def _revoke(args: Namespace, out: Output) -> None:
    _, folder = existing_data(args)
    if not (folder / STANDBY_FILE).exists():
        raise NotDone("This recorder is no standby.", "`tawny standby link` makes it one.")
    store = StandbyStore(folder, SystemClock())
    try:
        is_gone = store.revoke(args.which)
    finally:
        store.close()
    if not is_gone:
        raise NotDone(f"This standby doesn't protect a recorder {args.which}.", "See `tawny standby`.")
    note_here(folder, "recorder removed from standby", args.which)
    text = f"{args.which} is removed, with the credentials of its cameras. Recordings stay."
    out.data({"revoked": args.which}, text)


def _status(args: Namespace, out: Output) -> None:
    found = ask_once(running_data(args), {"command": "standby"})
    own: dict[str, Any] | None = found["standby"]
    lines = []
    if own is not None:
        detail = f": {own['detail']}" if own["detail"] else ""
        lines.append(f"Standby {own['name']}: {_STATES[own['state']]} since {time_text(own['since_ms'])}{detail}")
        lines += [f"    would not take over: {camera}: {why}" for camera, why in own["problems"].items()]
    for one in found["protected"]:
        state = _LEASES[one["lease"]] if one["is_connected"] or one["lease"] != "held" else "not connected"
        if one["lease"] == "taken" and not one["recorded"]:
            state = f"{'not recording' if one['is_connected'] else 'silent'}: none of its cameras is recorded here"
        lines.append(f"{one['id']:<20} {one['name']:<24} {state}, since {time_text(one['since_ms'])}   {one['words']}")
        lines += [f"    recorded here: {camera}" for camera in one["recorded"]]
        lines += [f"    would not be taken over: {camera}: {why}" for camera, why in one["problems"].items()]
    is_standby = "This recorder is a standby, and protects no other yet. `tawny standby link` creates a link."
    neither = "This recorder has no standby, and is none. See docs/how-to/standby.md."
    out.data(found, "\n".join(lines) or (is_standby if found["is_standby"] else neither))
