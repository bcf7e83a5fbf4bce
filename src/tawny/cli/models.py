"""`tawny models`: manage object detection models: `list`, `add`, `remove`.

`list` also shows the card of the built-in classifier that suggests event types.
`tawny models add recommended` shows source, license and size of the model and asks before downloading it.
"""

import sys
from argparse import ArgumentParser, Namespace
from dataclasses import asdict
from pathlib import Path

from tawny.cli import options
from tawny.cli.output import Output
from tawny.cli.paths import data_folder, load_settings
from tawny.config.recognition import ObjectModelSettings
from tawny.detection.kind_model import KindCard, card_of, card_words
from tawny.detection.models.labels import read_labels
from tawny.model.errors import NotDone, UsageError
from tawny.model.times import SystemClock
from tawny.service.detection.classifier_runtime import OFF, kinds_file
from tawny.service.detection.model_store import RECOMMENDED, ModelManifest, ModelStore, RecommendedModel
from tawny.service.detection.sound_service import sound_store

RECOMMENDED_NAME = "recommended"


def describe_models(parser: ArgumentParser) -> None:
    options.data(parser)
    parser.add_argument("do", choices=["list", "add", "remove"], help="action")
    parser.add_argument("what", nargs="?", help="add: `recommended`, a file or a URL; remove: a name")
    parser.add_argument("--sha256", metavar="HEX", default="", help="expected SHA-256 of the file; required for URLs")
    parser.add_argument("--name", default="", help="name of the model (default: the file name)")
    parser.add_argument(
        "--labels", metavar="FILE", help="text file with class names, one per line (default: the 80 COCO classes)"
    )
    parser.add_argument("--sound", action="store_true", help="a model that classifies sounds; needs `--labels`")
    parser.add_argument("--licence", default="", help="license to show with the model")
    parser.add_argument("--yes", action="store_true", help="download without asking")


def run_models(args: Namespace, out: Output) -> int:
    chosen, _ = load_settings(args)
    store = ModelStore(data_folder(args, chosen), SystemClock())
    sounds = sound_store(data_folder(args, chosen), SystemClock())
    if args.do == "list":
        return _list(store, sounds, chosen.object_detection, out)
    if not args.what:
        raise UsageError(f"`tawny models {args.do}` requires a name.")
    if args.do == "remove":
        is_sound = args.sound or args.what in [card.name for card in sounds.all()]
        (sounds if is_sound else store).remove(args.what)
        out.data({"removed": args.what}, f"Removed {args.what}.")
        return 0
    if args.sound:
        card = _add(sounds, args, out)
        how = f'Set `model = "{card.name}"` under `[cameras.NAME.detection.sound]`, or choose it on the camera\'s page.'
        out.data(_data(card), f"Added {card.name} ({card.family}, {len(card.labels)} classes). {how}")
        return 0
    card = _add_recommended(store, args, out) if args.what == RECOMMENDED_NAME else _add(store, args, out)
    text = f"Added {card.name} ({card.family}). If tawny is running, it uses the model within seconds."
    out.data(_data(card), text)
    return 0


def _list(store: ModelStore, sounds: ModelStore, chosen: ObjectModelSettings, out: Output) -> int:
    cards, of_sounds = store.all(), sounds.all()
    used, wrong = _used(store, chosen.model)
    unreadable = [one for one in (store.trouble, sounds.trouble) if one]
    broken = "\n".join(unreadable if wrong in store.trouble else [wrong, *unreadable])
    rows = [
        (card.name, card.family, f"{card.bytes / 1e6:.1f} MB", card.licence or "–", "yes" if card.name == used else "–")
        for card in cards
    ]
    rows += [
        (card.name, f"sound, {card.family}", f"{card.bytes / 1e6:.1f} MB", card.licence or "–", "by camera")
        for card in of_sounds
    ]
    empty = "No models. `tawny models add recommended` downloads one for people, vehicles and animals."
    data: dict[str, object] = {
        "models": [_data(card) | {"used": card.name == used} for card in cards], "recommended": asdict(RECOMMENDED),
        "kinds": None, "sounds": [_data(card) for card in of_sounds],
    }  # fmt: skip
    text = out.table(("NAME", "FAMILY", "SIZE", "LICENCE", "USED"), rows, empty="" if broken else empty)
    card, trouble = (None, "") if chosen.kinds == OFF else _suggesting(chosen.kinds)
    parts = [text, broken, card_words(card) if card else trouble]
    out.data(data | {"kinds": card and card.document, "trouble": broken}, "\n\n".join(part for part in parts if part))
    return int(bool(broken or trouble))


def _used(store: ModelStore, wanted: str) -> tuple[str, str]:
    """Return the name of the model in use and an empty string, or an empty name and the problem."""
    try:
        card = None if wanted == OFF else store.chosen(wanted)
        if card is not None:
            store.check(card)
        return card.name if card else "", ""
    except NotDone as error:
        return "", str(error)


def _suggesting(wanted: str) -> tuple[KindCard | None, str]:
    """Return the card of the built-in classifier, or None and the problem."""
    try:
        return card_of(kinds_file(wanted)), ""
    except NotDone as error:
        return None, str(error)


def _add(store: ModelStore, args: Namespace, out: Output) -> ModelManifest:
    labels = read_labels(Path(args.labels)) if args.labels else None
    return store.add(
        args.what, name=args.name, sha256=args.sha256, labels=labels, licence=args.licence,
        progress=lambda count: out.progress(f"{count / 1e6:.1f} MB"),
    )  # fmt: skip


def _add_recommended(store: ModelStore, args: Namespace, out: Output) -> ModelManifest:
    if not args.yes:
        _ask(RECOMMENDED, out)
    return store.add_offer(RECOMMENDED, lambda count: out.progress(f"{count / RECOMMENDED.bytes:.0%}"))


def _ask(offer: RecommendedModel, out: Output) -> None:
    """Show the offer and ask for confirmation.

    Raises UsageError: without a terminal (use `--yes`). Raises NotDone: when the user declines.
    """
    out.say(
        f"{offer.origin}\nlicense {offer.licence}, {offer.bytes / 1e6:.1f} MB, SHA-256 {offer.sha256}\n{offer.address}"
    )
    if not sys.stdin.isatty():
        raise UsageError("The download needs your confirmation.", "Add `--yes`.")
    out.say("Download? [y/N]")
    if input().strip().lower() not in ("y", "yes"):
        raise NotDone("Nothing was downloaded.")


def _data(card: ModelManifest) -> dict[str, object]:
    return asdict(card)
