"""`tawny known`: manage known faces and plates: `list`, `add`, `forget`.

A plate is added with `--plate`, a face with `--by` (the recognizer) and `--picture` (a JPEG or PNG of one face).
"""

from argparse import ArgumentParser, Namespace
from pathlib import Path

from tawny.cli import options
from tawny.cli.identities import identity_store
from tawny.cli.output import Output
from tawny.cli.paths import data_folder, load_settings
from tawny.config.settings import Settings
from tawny.model.errors import UsageError
from tawny.service.detection.identity_store import PLATES, IdentityStore, KnownIdentity
from tawny.service.detection.recognition_service import face_print
from tawny.service.plugin_registry import PluginRegistry

HEADS = ("name", "identified by", "plate", "id")


def describe(parser: ArgumentParser) -> None:
    options.data(parser)
    parser.add_argument("do", choices=["list", "add", "forget"], help="action")
    parser.add_argument("name", nargs="?", default="", help="add: name; forget: name or ID")
    parser.add_argument("--plate", metavar="TEXT", default="", help="add: a license plate, for example 'B AB 123'")
    parser.add_argument("--by", metavar="RECOGNIZER", default="", help="add: the recognizer that should learn the face")
    parser.add_argument("--picture", metavar="FILE", help="add: a photo of the face")
    parser.add_argument("--all", action="store_true", help="forget: everyone")


def run(args: Namespace, out: Output) -> int:
    chosen, _ = load_settings(args)
    book = identity_store(args, data_folder(args, chosen))
    if args.do == "list":
        rows = [(one.name, one.by, one.text or "–", one.id) for one in book.all()]
        out.data(
            {"known": [as_shown(one) for one in book.all()]}, out.table(HEADS, rows, empty="No known faces or plates.")
        )
        return 0
    if args.do == "forget":
        return _forget(args, book, out)
    if not args.name:
        raise UsageError("`tawny known add` requires a name.")
    made = _add(args, chosen, book)
    out.data(as_shown(made), f"Saved {made.name}.")
    return 0


def as_shown(one: KnownIdentity) -> dict[str, object]:
    """Return the identity for output, without its feature vectors."""
    return {"id": one.id, "name": one.name, "by": one.by, "text": one.text}


def _add(args: Namespace, chosen: Settings, book: IdentityStore) -> KnownIdentity:
    if bool(args.plate) == bool(args.picture):
        raise UsageError(
            "What identifies this person?", "Pass either `--plate TEXT`, or `--by RECOGNIZER --picture FILE`."
        )
    if args.plate:
        return book.add(args.name, PLATES, args.plate)
    if args.by not in chosen.recognizers:
        there = ", ".join(chosen.recognizers) or "none configured"
        what = f"No recognizer named {args.by}." if args.by else "No recognizer given."
        raise UsageError(what, f"Use `--by` with one of: {there}.")
    content = Path(args.picture).read_bytes() if Path(args.picture).is_file() else b""
    return book.add(args.name, args.by, "", face_print(args.by, content, chosen, PluginRegistry.opened().recognisers))


def _forget(args: Namespace, book: IdentityStore, out: Output) -> int:
    if bool(args.name) == args.all:
        raise UsageError("Nothing selected.", "Pass a name, or `--all`.")
    count = book.forget_all() if args.all else book.forget(args.name)
    out.data({"forgotten": count}, f"{count} deleted." if count else "No one with this name.")
    return 0 if count or args.all else 1
