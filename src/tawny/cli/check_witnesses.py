"""Witnesses of the signed history for `tawny check`: given by the user, left at upload destinations, on mirrors."""

import socket
from argparse import ArgumentParser, Namespace
from collections import defaultdict
from collections.abc import Iterator, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Final

from tawny.cli.control_client import ask_once
from tawny.cli.options import time_text
from tawny.cli.output import Output
from tawny.config.settings import Settings
from tawny.delivery.sent_files import LostFiles
from tawny.delivery.witness_files import read_witnesses
from tawny.model.errors import DeliveryError, StorageError, TawnyError, UsageError
from tawny.model.times import Clock
from tawny.sealed.statements import RECORDER_LETTERS, Witness, find_witnesses
from tawny.service.delivery.resending import connected, lost_uploads, sent_from
from tawny.service.plugin_registry import PluginRegistry
from tawny.storage.disk.lock import holder
from tawny.storage.disk.volume import Volume
from tawny.storage.history.chains import chains_on
from tawny.storage.history.witnesses import HistoryWitnesses, WitnessReport, mirror_witnesses
from tawny.storage.repair.findings import Finding, FindingKind

ADVICE: Final = (
    "If you restored a backup or replaced the disk, run `tawny check --confirm-history`. Otherwise keep this disk as "
    "it is, and compare it with your uploads and notifications. If another recorder on a computer of this name uploads "
    "to the same place, the witness may be its own: give each recorder its own folder there."
)
UPLOAD_ADVICE: Final = (
    "To send again what the recorder still has of lost uploads, run `tawny uploads resend NAME`. If you deleted them, "
    "run it with `--forget`: they are not compared until they are there again."
)
SHARED_ADVICE: Final = (
    "Don't run `tawny uploads resend` for a destination with another recorder's files: it would replace those of "
    "another size. Give each recorder its own folder there first. If no other recorder uploads there, "
    "the witnesses are of this one from before its disk was replaced: then do run it."
)
MOST_FILE_BYTES: Final = 50_000_000
SeenWitness = tuple[str, Witness]
"""Who holds a witness, as the beginning of a sentence, and the witness."""


def describe_witness_options(parser: ArgumentParser) -> None:
    parser.add_argument(
        "--witness",
        action="append",
        default=[],
        metavar="TEXT",
        help="verify that the history contains this witness of a notification or upload, or those in this file",
    )
    parser.add_argument(
        "--confirm-history",
        action="store_true",
        help="confirm that the present history counts, as after restoring a backup",
    )


def given_witnesses(args: Namespace) -> list[SeenWitness]:
    """Return the witnesses of the command line. Raises UsageError: when one isn't a witness."""
    found: list[SeenWitness] = []
    for text in args.witness:
        witness_text, seen_by = _file_text(text), text
        if witness_text is None:
            witness_text, seen_by = text, "This witness"
        witnesses = list(find_witnesses(witness_text))
        if not witnesses:
            raise UsageError(
                f"`--witness {text}` contains no witness.",
                "Copy the text that begins with `tawny-` from a notification or an upload, or pass a file with it.",
            )
        found += [(seen_by, one) for one in witnesses]
    return found


def _file_text(text: str) -> str | None:
    """Return the file's text and its name, which is a witness at upload destinations; None if there is no such file."""
    with suppress(OSError, ValueError):
        if Path(text).is_file():
            with Path(text).open("rb") as file:
                return f"{Path(text).name}\n{file.read(MOST_FILE_BYTES).decode('utf-8', 'replace')}"
    return None


def uploaded(settings: Settings, volume: Volume, clock: Clock, out: Output) -> tuple[list[SeenWitness], list[Finding]]:
    """Return the witnesses at all destinations that can be read, and which of them lack uploads or can't be compared.

    Waits for the network.
    """
    here = {chain.recorder.hex()[:RECORDER_LETTERS] for chain in chains_on(volume)}
    found, lacking = list[SeenWitness](), list[Finding]()
    for name, one in settings.destinations.items():
        if one.write_only:
            out.say(f"{name} can't be read: compare its newest witness with `tawny check --witness TEXT`.")
            continue
        if PluginRegistry.opened().destination_of(one.url) is None:
            continue
        lost, is_shared = LostFiles(), False
        try:
            with connected(PluginRegistry.opened(), name, one, clock) as connection:
                own, others = read_witnesses(connection, socket.gethostname())
                is_shared = any(each.recorder not in here for each in (*own, *others))
                others = [each for each in others if each.recorder in here]  # of other recorders that upload there
                found += [(f"The upload destination {name}", each) for each in (*own, *others)]
                lost = lost_uploads(connection, one, clock.now_ms(), sent_from(volume.root, name))
        except (DeliveryError, StorageError, ValueError) as error:
            why = error.message if isinstance(error, TawnyError) else str(error)
            lacking.append(Finding(FindingKind.NOT_COMPARED, name, why))
        if lost.all:
            lacking.append(_lack(name, lost))
        if is_shared and any(lost.changed.values()):
            why = "its witnesses are there, too, or this one's from before its disk was replaced"
            lacking.append(Finding(FindingKind.SHARED, name, why))
    return found, lacking


def _lack(name: str, lost: LostFiles) -> Finding:
    first, last = (time_text(lost.all[place].at_ms) for place in (-1, 0))
    counts = f"{len(lost.missing)} missing, {len(lost.changed)} with another size"
    return Finding(FindingKind.UPLOADS, name, f"{counts}; from {first} to {last}")


def findings(volume: Volume, seen: Sequence[SeenWitness], *, deep: bool) -> Iterator[Finding]:
    """Yield what the recorder has noticed and no person has confirmed, then what these witnesses contradict."""
    witnesses = HistoryWitnesses(volume)
    reports = witnesses.reports()
    known = {one.text for one in reports}
    held = [*seen, *(mirror_witnesses(volume) if deep else ())]
    reports += [each for each in _contradictions(witnesses, held) if each.text not in known]
    for each in reports:
        yield Finding(FindingKind.WITNESS, each.text, each.sentence(time_text))


def confirm(volume: Volume, folder: Path, clock: Clock, seen: Sequence[SeenWitness], out: Output) -> None:
    """Confirm the present history against these witnesses and all others, by the recorder if one is running."""
    if holder(volume.root) is not None:
        contradicted = [one.text for one in _contradictions(HistoryWitnesses(volume), seen)]
        sentences = ask_once(folder, {"command": "confirm history", "witnesses": contradicted})["confirmed"]
    else:
        witnesses = HistoryWitnesses(volume)
        witnesses.report(list(_contradictions(witnesses, seen)))
        sentences = [one.sentence(time_text) for one in witnesses.accept(clock.now_ms())]
    for sentence in sentences:
        out.say(f"Confirmed: {sentence}")
    if not sentences:
        out.say("There was nothing to confirm.")


def _contradictions(witnesses: HistoryWitnesses, seen: Sequence[SeenWitness]) -> Iterator[WitnessReport]:
    """Yield the newest contradiction of each holder and recorder."""
    by_holder = defaultdict[str, list[Witness]](list)
    for seen_by, one in seen:
        by_holder[seen_by].append(one)
    judge = witnesses.judge()  # reads each day of the history once for all holders
    for seen_by, held in by_holder.items():
        yield from witnesses.compare(held, seen_by, judge)
