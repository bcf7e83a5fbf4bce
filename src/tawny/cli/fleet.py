"""`tawny hub` and `tawny fleet`: many recorders on one page."""

import asyncio
import socket
import sys
from argparse import ArgumentParser, Namespace
from collections.abc import Sequence
from pathlib import Path
from threading import Event
from typing import Final

from tawny.cli import options
from tawny.cli.box_updates import STAGES, update_boxes
from tawny.cli.control_client import ask_once, instance_here
from tawny.cli.first_start import first_settings, interface_urls, note_here, qr_text
from tawny.cli.options import time_text
from tawny.cli.output import Output
from tawny.cli.paths import config_file, data_folder, existing_data, load_settings
from tawny.cli.run import run_run
from tawny.config.changes import put_table
from tawny.config.fleet import DEFAULT_SHARES, SHARES, HubSettings
from tawny.config.loader import read_settings
from tawny.config.settings import Settings
from tawny.config.units import seconds
from tawny.fleet.box import comparison_words_of, forget_name, join_hub, leave_hub
from tawny.fleet.fleet_index import Box
from tawny.fleet.hub import MOST_BOXES
from tawny.fleet.hub_pass import PASS_SHARES, PassStore
from tawny.fleet.identity import JoinLink, fingerprint, forget_key, load_key, load_or_make_key
from tawny.fleet.index_opening import migrate, open_index
from tawny.fleet.sqlite_fleet_index import HUB_FILE
from tawny.model.errors import NotDone, UsageError
from tawny.model.times import SystemClock

CAMERA_S: Final = 60.0
"""Time in s in which a camera must see the QR code."""
CAMERA_AGAIN_S: Final = 0.3


def describe_hub(parser: ArgumentParser) -> None:
    parser.add_argument(
        "action",
        nargs="?",
        choices=("run", "link", "list", "revoke", "update", "migrate"),
        default="run",
        help="run: run the recorder as a hub (default); link: create a link by which another recorder can join; "
        "list: show the recorders that have joined; revoke: remove one; update: update them in stages; migrate: move "
        "what the hub knows to PostgreSQL",
    )
    parser.add_argument(
        "recorder",
        nargs="*",
        help="for revoke: its ID or name in the list; for update: IDs (default: all that allow it); for migrate: "
        "address of the database, such as postgresql:///tawny",
    )
    parser.add_argument(
        "--stages",
        metavar="LIST",
        default=STAGES,
        help="for update: how many recorders at once in each stage, the last number for all further ones "
        "(default: %(default)s)",
    )
    parser.add_argument("--to", metavar="VERSION", default="", help="for update: version that each must run afterwards")
    parser.add_argument(
        "--watch",
        metavar="TIME",
        default="5 min",
        help="for update: how long every camera must work as before until the next stage begins (default: %(default)s)",
    )
    parser.add_argument(
        "--wait",
        metavar="TIME",
        default="30 min",
        help="for update: how long a recorder may take until it works again (default: %(default)s)",
    )
    options.data(parser)
    parser.add_argument("--listen", metavar="HOST:PORT", help="for run: address of the web interface")


def run_hub(args: Namespace, out: Output) -> int:
    most = {"revoke": 1, "migrate": 1, "update": MOST_BOXES}.get(args.action, 0)
    if len(args.recorder) > most or (most == 1 and not args.recorder):
        raise UsageError(
            "`tawny hub revoke` needs the ID or name of one recorder, `tawny hub migrate` the address of a "
            "database; `tawny hub update` takes IDs, other actions none.",
            "See `tawny hub list`, or use an address such as postgresql:///tawny.",
        )
    match args.action:
        case "link":
            return _link(args, out)
        case "list":
            return _list(args, out)
        case "revoke":
            return _revoke(args, out)
        case "update":
            return update_boxes(args, out)
        case "migrate":
            return _migrate(args, out)
    path = config_file(args) or first_settings(args)
    if not read_settings(path).hub.enabled:
        put_table(path, "hub", {"enabled": True})
    return run_run(Namespace(**{**vars(args), "config": str(path), "sources": [], "memory": None}), out)


def _link(args: Namespace, out: Output) -> int:
    chosen, folder = existing_data(args)
    _check_hub(chosen, folder)
    key = load_or_make_key(folder)
    index = open_index(chosen.hub.database, folder, SystemClock())
    try:
        code, _ = index.invite()
    finally:
        index.close()
    note_here(folder, "hub link created")
    mark = fingerprint(key.public_key().public_bytes_raw())
    nats = [chosen.hub.nats.link_address] if chosen.hub.nats.link_address else []
    links = [str(JoinLink(url, code, mark)) for url in [*nats, *interface_urls(chosen, folder)]]
    text = (
        f"Fingerprint of this hub: {mark}\n\n"
        f"On the recorder that is to join, run this within 10 minutes:\n\n    tawny fleet join {links[0]}\n\n"
        "The link works once. Compare the four words that it prints with those on this hub's page “Recorders”."
    )
    if len(links) > 1:
        text += "\nIf it can't open that address, use one of these:\n" + "\n".join(f"    {one}" for one in links[1:])
    out.data({"link": links[0], "links": links}, f"{text}\n\n{qr_text(links[0])}" if out.is_terminal else text)
    return 0


def _list(args: Namespace, out: Output) -> int:
    chosen, folder = existing_data(args)
    _check_hub(chosen, folder)
    index = open_index(chosen.hub.database, folder, SystemClock())
    try:
        boxes = index.boxes()
    finally:
        index.close()
    lines = [f"{one.id:<24} {one.name:<28} last seen {time_text(one.seen_ms)}   {one.words}" for one in boxes]
    data = [{"id": one.id, "name": one.name, "seen_ms": one.seen_ms, "words": one.words} for one in boxes]
    out.data({"recorders": data}, "\n".join(lines) or "No recorder has joined. `tawny hub link` creates a link.")
    return 0


def _revoke(args: Namespace, out: Output) -> int:
    chosen, folder = existing_data(args)
    _check_hub(chosen, folder)
    index = open_index(chosen.hub.database, folder, SystemClock())
    try:
        box = _box_called(args.recorder[0], index.boxes())
        index.revoke(box.id)
    finally:
        index.close()
    note_here(folder, "recorder removed from hub", box.id)
    text = (
        f"{box.name} ({box.id}) is removed, with all that this hub knew of it; copies of its recordings stay. "
        "It can join again with a new link."
    )
    out.data({"revoked": box.id, "name": box.name}, text)
    return 0


def _box_called(wanted: str, boxes: Sequence[Box]) -> Box:
    """Return the recorder with this ID or name. Raises NotDone: there is none, or another one could be meant."""
    called = wanted.casefold()
    found = [one for one in boxes if called in (one.id, one.name.casefold())]
    # of several with one name, the ID says which; not if it is what another one is called now
    exact = next((one for one in found if one.id == wanted and one.name.casefold() == called), None)
    if exact is not None:
        return exact
    if not found:
        raise NotDone(f"No recorder {wanted} has joined this hub.", "See `tawny hub list`.")
    if len(found) > 1:
        several = ", ".join(f"{one.name} ({one.id})" for one in found)
        raise NotDone(
            f"{wanted} may mean {several}.",
            "Use the ID or the name that only one has, or remove it on the hub's page “Recorders”.",
        )
    return found[0]


def _migrate(args: Namespace, out: Output) -> int:
    database = HubSettings(database=args.recorder[0]).database
    _, path = load_settings(args)
    _, folder = existing_data(args)
    _check_hub(Settings(), folder)
    if path is None:
        raise NotDone("No settings file found.", "Start the hub once (`tawny hub`), or pass `--config`.")
    counts = migrate(folder, database, SystemClock())
    put_table(path, "hub", {"database": database})
    text = (
        f"Copied {counts['boxes']} recorders, {counts['events']} events and what they recorded.\n"
        "Restart the hub to use the database. `hub.db` stays where it is; delete it when everything works."
    )
    out.data({"database": database, "rows": counts}, text)
    return 0


def _check_hub(chosen: Settings, folder: Path) -> None:
    if not chosen.hub.database and not (folder / HUB_FILE).exists():
        raise NotDone("This recorder isn't a hub yet.", "Run `tawny hub`, or set `enabled = true` under [hub].")


def describe_fleet(parser: ArgumentParser) -> None:
    parser.add_argument(
        "action",
        choices=("join", "leave", "status", "pass"),
        help="join or leave a hub, or show which; pass: let installers at the hub see pictures for some time",
    )
    parser.add_argument(
        "link",
        nargs="?",
        metavar="LINK|TIME",
        help="for join: the link from the hub's page or `tawny hub link`; for pass: how long, for example 4h, or `end`",
    )
    parser.add_argument("--live", action="store_true", help="for pass: live video only, no events and recordings")
    parser.add_argument(
        "--allow",
        metavar="LIST",
        default=",".join(DEFAULT_SHARES),
        help="for join: what people at the hub may do: health, events, live, clips, orders, settings, "
        "copies, scans, training, updates "
        "(default: %(default)s)",
    )
    parser.add_argument("--name", help="for join: what this recorder is called there (default: its name)")
    parser.add_argument(
        "--camera",
        metavar="ID",
        help="for join: read the link from its QR code, which is held before this camera of the running recorder",
    )
    parser.add_argument("--yes", action="store_true", help="with --camera: join without asking")
    options.data(parser)


def run_fleet(args: Namespace, out: Output) -> int:
    if args.action == "pass":
        return _pass(args, out)
    if (args.link is not None) + (args.camera is not None) != (args.action == "join"):
        raise UsageError(
            "`tawny fleet join` needs a link, or a camera to read its QR code.",
            "Create a link with `tawny hub link` on the hub.",
        )
    match args.action:
        case "join":
            return _join(args, out)
        case "leave":
            return _leave(args, out)
    chosen, _ = existing_data(args)
    if not chosen.fleet.hub:
        out.data({"hub": None}, "This recorder has joined no hub.")
        return 0
    allow = list(chosen.fleet.allow)
    text = f"This recorder has joined {chosen.fleet.hub}. People there may use: {', '.join(allow) or 'nothing'}."
    out.data({"hub": chosen.fleet.hub, "allow": allow}, text)
    return 0


def _join(args: Namespace, out: Output) -> int:
    allow = tuple(part.strip() for part in args.allow.split(",") if part.strip())
    if unknown := [one for one in allow if one not in SHARES]:
        raise UsageError(f"--allow {', '.join(unknown)} is unknown.", f"Use some of {', '.join(SHARES)}.")
    chosen, path = load_settings(args)
    if path is None:
        raise NotDone("No settings file found.", "Start the recorder once (`tawny run`), or pass `--config`.")
    folder = data_folder(args, chosen)
    existing_data(args)
    link = JoinLink.parse(args.link) if args.camera is None else _link_before_camera(folder, args.camera, out)
    link = link.needed("hub")
    if chosen.fleet.hub and chosen.fleet.hub_key != link.hub:
        raise NotDone(f"This recorder has joined {chosen.fleet.hub}.", "Leave it first: `tawny fleet leave`.")
    key = load_or_make_key(folder)
    if args.camera is not None:
        words = asyncio.run(comparison_words_of(link, key, chosen.fleet.nats))
        out.say(f"Found the hub {link.url}\nFingerprint: {link.hub}\nWords: {words}")
        if not args.yes:
            _confirm_hub(link)
    name = args.name or chosen.web.name or socket.gethostname()
    PassStore(folder, SystemClock(), lambda: chosen.fleet.hub_key).end()  # of another hub
    welcome = asyncio.run(join_hub(link, key, name, allow, chosen.fleet.nats))
    forget_name(folder)
    put_table(path, "fleet", {"hub": link.url, "hub_key": link.hub, "allow": list(allow)})
    note_here(folder, "hub joined", link.url)
    allowed = ", ".join(allow) or "nothing"
    text = (
        f"Joined {welcome.hub or link.url} as “{welcome.name}”. People there may use: {allowed}.\n"
        f"Compare these words with those on the hub's page “Recorders”:\n\n    {welcome.words}\n\n"
        "If they differ, run `tawny fleet leave`. Recordings stay here."
    )
    out.data({"hub": link.url, "name": welcome.name, "words": welcome.words, "allow": list(allow)}, text)
    return 0


def _link_before_camera(folder: Path, camera: str, out: Output) -> JoinLink:
    """Ask the running recorder until its camera sees a join link. Raises NotDone: after CAMERA_S, or without it."""
    clock, pause = SystemClock(), Event()
    ends_s = clock.mono_s() + CAMERA_S
    out.say(f"Hold the QR code of the link before {camera}: within half a metre, filling a third of the picture.")
    while clock.mono_s() < ends_s:
        if link := ask_once(folder, {"command": "join-code", "camera": camera}).get("link"):
            return JoinLink.parse(link)
        pause.wait(CAMERA_AGAIN_S)
    raise NotDone(
        f"{camera} saw no QR code of a link to join a hub within {CAMERA_S:g} s.",
        "Hold the code closer, without reflections, or enlarge it; or pass the link itself.",
    )


def _confirm_hub(link: JoinLink) -> None:
    """Raises UsageError: without a terminal. Raises NotDone: when declined."""
    if not sys.stdin.isatty():
        raise UsageError("Joining a hub by a camera needs your confirmation.", "Add `--yes`.")
    sys.stderr.write(f"Join {link.url}? The fingerprint must be the one that `tawny hub link` shows there. [y/N] ")
    sys.stderr.flush()
    if input().strip().lower() not in ("y", "yes"):
        raise NotDone("Nothing was changed.", "")


def _pass(args: Namespace, out: Output) -> int:
    chosen, folder = existing_data(args)
    passes = PassStore(folder, SystemClock(), lambda: chosen.fleet.hub_key)
    if args.link == "end":
        had_one = passes.end()
        note_here(folder, "hub pass ended")
        out.data({"until": None}, "The pass has ended." if had_one else "There was no pass.")
        return 0
    if args.link is not None:
        if not chosen.fleet.hub:
            raise NotDone("This recorder has joined no hub.")
        try:
            lasts_s = float(args.link) * 3600 if args.link.replace(".", "", 1).isdigit() else seconds(args.link)
        except ValueError as error:
            raise UsageError(f"`{args.link}` isn't a valid duration.", f"Use {error}.") from None
        given = passes.give(lasts_s, ("live",) if args.live else PASS_SHARES)
        note_here(folder, "hub pass given", f"{lasts_s / 3600:g} h: {', '.join(given.shares)}")
    now = passes.now()
    if now is None:
        out.data({"until": None}, "There is no pass. `tawny fleet pass 4h` lets installers at the hub see pictures.")
        return 0
    until = time_text(now.until_ms)
    text = f"Installers at the hub may use {', '.join(now.shares)} until {until}. `tawny fleet pass end` ends it."
    out.data({"until": now.until_ms, "shares": list(now.shares)}, text)
    return 0


def _leave(args: Namespace, out: Output) -> int:
    chosen, path = load_settings(args)
    if path is None or not chosen.fleet.hub:
        raise NotDone("This recorder has joined no hub.")
    folder = data_folder(args, chosen)
    key = load_key(folder)
    problem: NotDone | None = None
    if key is not None:
        try:
            asyncio.run(leave_hub(chosen.fleet, key, instance_here(folder, "hub")))
        except NotDone as error:
            problem = error
    PassStore(folder, SystemClock(), lambda: chosen.fleet.hub_key).end()
    put_table(path, "fleet", {"hub": "", "hub_key": ""})
    if not (chosen.hub.enabled or chosen.standby.enabled or chosen.standby.address):  # else the key has other uses
        forget_key(folder)
    note_here(folder, "hub left")
    if problem is not None:
        raise problem
    out.data({"left": chosen.fleet.hub}, f"This recorder has left {chosen.fleet.hub}, which deletes what it knew.")
    return 0
