"""`tawny status`: show whether all cameras record. Exit 0: yes; 1: no."""

from argparse import ArgumentParser, Namespace
from typing import Any

from tawny.cli import options
from tawny.cli.control_client import ask_once, follow
from tawny.cli.options import NO_CAMERAS, time_text
from tawny.cli.output import Output
from tawny.cli.paths import running_data
from tawny.config.units import size_text
from tawny.model.states import STATE_WORDS, CameraState, state_words
from tawny.model.times import utc_from_text

FOLLOWED = frozenset({"camera.state", "gap.started", "gap.ended", "problem.started", "problem.ended"})


def describe_status(parser: ArgumentParser) -> None:
    options.data(parser)
    parser.add_argument("--follow", action="store_true", help="keep running and print a line for every change")


def run_status(args: Namespace, out: Output) -> int:
    folder = running_data(args)
    status = ask_once(folder, {"command": "status"})
    out.data(status, text(status, out))
    if args.follow:
        for message in follow(folder, out):
            if message["type"] in FOLLOWED:
                out.data(message, change_line(message))
    return 0 if status["ok"] else 1


def text(status: dict[str, Any], out: Output) -> str:
    """Return the status as text for people."""
    rows = [
        (
            camera["name"],
            state_words(CameraState(camera["state"]), is_undetected=camera.get("undetected", False)),
            time_text(utc_from_text(camera["since"])),
            _or_dash(camera["fps"], "{:g} fps"),
            _or_dash(camera["bit_rate"], "{:.2f} Mbit/s", 1e-6),
            _or_dash(camera["recorded_today"], "{:.1f} %", 100),
            str(camera["gaps_today"]),
            _or_dash(camera["damage_today"]["seconds"] or None, "{:.1f} s"),
        )
        for camera in status["cameras"]
    ]
    lines = [status["summary"]]
    heads = ("camera", "state", "since", "pictures", "rate", "today", "gaps", "damaged")
    lines.append(out.table(heads, rows, empty=NO_CAMERAS))
    disk = status["disk"]
    if disk:
        lines.append(f"Disk: {size_text(disk['free_bytes'])} free. {disk['outlook']}".rstrip())
    lines += [f"{camera['name']}: {camera['detail']}" for camera in status["cameras"] if camera["detail"]]
    names = {camera["id"]: camera["name"] for camera in status["cameras"]}
    lines += [snooze_line(one, names) for one in status.get("snoozes", [])]
    if again := status.get("again"):
        lines.append(
            f"Events of the last 7 days are being classified again with {again['model']}: {again['done']} of "
            f"{again['total']}."
        )
    lines.append(status["self_test"])
    lines += [f"{warning['message']} {warning['hint']}".rstrip() for warning in status["warnings"]]
    if fingerprint := status.get("fingerprint"):  # none in memory
        lines.append(f"To verify evidence of what it records now, use the fingerprint {fingerprint}")
    if version := status.get("version"):
        newer = status.get("newer")
        is_newer = f" Version {newer['version']} is available. {newer['notes']}".rstrip() if newer else ""
        lines.append(f"tawny {version}.{is_newer}")
    return "\n".join(lines)


def snooze_line(one: dict[str, Any], names: dict[str, str]) -> str:
    """Return who snoozed what until when. names: of the cameras, by ID."""
    until = f"until {time_text(utc_from_text(one['until']))}" if one["until"] else "until resumed"
    if one.get("rule"):
        return f"Rule {one['rule']}: snoozed by {one['by']} {until}."
    where = names.get(one["camera"], one["camera"]) if one["camera"] else "All cameras"
    whose = (
        f"notifications for everyone snoozed by {one['by']}"
        if one["everyone"]
        else f"notifications for {one['by']} snoozed"
    )
    return f"{where}: {whose} {until}."


def _or_dash(value: float | None, form: str, factor: float = 1) -> str:
    return "–" if value is None else form.format(value * factor)


def change_line(message: dict[str, Any]) -> str:
    """Return a change of a camera, a gap or a problem as text for people."""
    when = time_text(utc_from_text(message["time"]))
    if message["type"] == "camera.state":
        return (
            f"{when}  {message['camera']}: {STATE_WORDS[CameraState(message['state'])]}. {message['detail']}".rstrip()
        )
    if message["type"].startswith("problem."):
        end = " Resolved." if message["type"] == "problem.ended" else ""
        return f"{when}  {message['camera'] or 'tawny'}: {message['detail']}{end}"
    gap = message["gap"]
    what = "Recorded again" if message["type"] == "gap.ended" else "Not recorded"
    detail = "" if gap["detail"] in gap["words"] else f" ({gap['detail']})"
    return f"{when}  {message['camera']}: {what}: {gap['words']}{detail}."
