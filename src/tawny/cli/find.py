"""`tawny find`: what happened, asked in words; answered from what is stored, without decoding anything."""

from argparse import ArgumentParser, Namespace
from zoneinfo import ZoneInfo

from tawny.app import shapes
from tawny.app.zone import local_zone
from tawny.cli import options
from tawny.cli.events import HEADS, row
from tawny.cli.knowing import known_book, read_text, recognised
from tawny.cli.output import Output
from tawny.cli.places import existing_data
from tawny.config.settings import display_name
from tawny.model.clock import SystemClock
from tawny.model.ids import CameraId
from tawny.playback.finding.ask import ask
from tawny.storage.opening import index_to_read
from tawny.storage.volume import Volume


def describe(parser: ArgumentParser) -> None:
    options.data(parser)
    parser.add_argument("words", nargs="+", help="such as: person gate last night, longer than 10 s")
    parser.add_argument("--most", metavar="N", type=int, default=50, help="how many are shown (usual: 50)")


def run(args: Namespace, out: Output) -> int:
    chosen, folder = existing_data(args)
    book = known_book(args, folder)
    with index_to_read(folder) as index:
        zones = {zone for camera in chosen.cameras.values() for zone in camera.watch.zones}
        names = {name: str(name) for name in Volume.at(folder).cameras()}
        names |= {CameraId(name): display_name(name, camera) for name, camera in chosen.cameras.items()}
        asked, found = ask(
            index, " ".join(args.words), names, zones, ZoneInfo(local_zone()), SystemClock().now_ms(), args.most,
            recognised(book),
        )  # fmt: skip
    if asked.unknown:
        out.say(f"Not known here, and left out: {', '.join(asked.unknown)}.")
    events = [shapes.event(event) for event in found]
    if any(event.reads for event in found):
        read = [(*row(told), read_text(event, book)) for told, event in zip(events, found, strict=True)]
        heads: tuple[str, ...] = (*HEADS, "read")
    else:
        read, heads = [row(told) for told in events], HEADS
    data = {"events": events, "time": asked.time_words, "unknown": list(asked.unknown)}
    out.data(data, out.table(heads, read, empty=f"Nothing like that ({asked.time_words})."))
    return 0
