"""`tawny status`: show whether all cameras record. Exit 0: yes; 1: no."""

from argparse import ArgumentParser, Namespace
from typing import Any

from tawny.cli import options
from tawny.cli.control_client import ask_once, lines
from tawny.cli.output import Output
from tawny.cli.paths import running_data
from tawny.cli.times import time_text
from tawny.config.units import size_text
from tawny.model.times import utc_from_text

WORDS = {
    "recording": "recording",
    "waiting": "waiting for motion",
    "scheduled_off": "off by schedule",
    "mode_off": "off in this mode",
    "paused": "private",
    "off": "switched off",
    "starting": "starting",
    "offline": "offline",
    "refused": "wrong password",
    "frozen": "frozen image",
    "blocked": "can't write to disk",
}


FOLLOWED = frozenset({"camera.state", "gap.started", "gap.ended", "problem.started", "problem.ended"})


def describe(parser: ArgumentParser) -> None:
    options.data(parser)
    parser.add_argument("--follow", action="store_true", help="keep running and print a line for every change")


def run(args: Namespace, out: Output) -> int:
    folder = running_data(args)
    status = ask_once(folder, {"command": "status"})
    out.data(status, text(status, out))
    if args.follow:
        for message in lines(folder, {"command": "follow"}):
            if message["type"] in FOLLOWED:
                out.data(message, _line(message))
    return 0 if status["ok"] else 1


def text(status: dict[str, Any], out: Output) -> str:
    """Return the status as text for people."""
    rows = [
        (
            camera["name"],
            WORDS[camera["state"]],
            time_text(utc_from_text(camera["since"])),
            _or_dash(camera["fps"], "{:g} fps"),
            _or_dash(camera["bit_rate"], "{:.2f} Mbit/s", 1e-6),
            _or_dash(camera["recorded_today"], "{:.1f} %", 100),
            str(camera["gaps_today"]),
            _or_dash(camera["damage_today"]["seconds"] or None, "{:.1f} s"),
        )
        for camera in status["cameras"]
    ]
    lines = [f"{status['working']} of {status['expected']} cameras working."]
    heads = ("camera", "state", "since", "pictures", "rate", "today", "gaps", "damaged")
    lines.append(out.table(heads, rows, empty="No cameras yet. Add one: tawny cameras add NAME SOURCE"))
    disk = status["disk"]
    if disk:
        lines.append(f"Disk: {size_text(disk['free_bytes'])} free{_forecast(disk)}.")
    lines += [f"{camera['name']}: {camera['detail']}" for camera in status["cameras"] if camera["detail"]]
    lines.append(status["self_test"])
    lines += [f"{warning['message']} {warning['hint']}".rstrip() for warning in status["warnings"]]
    return "\n".join(lines)


def _forecast(disk: dict[str, Any]) -> str:
    days = disk["keeps_days"]
    if not days:
        return ""
    return (
        f"; recordings go back about {_many(days, 'day')}"
        if days >= 2
        else f"; recordings go back about {_many(days * 24, 'hour')}"
    )


def _many(number: float, word: str) -> str:
    return f"{number:.0f} {word}" if round(number) == 1 else f"{number:.0f} {word}s"


def _or_dash(value: float | None, form: str, factor: float = 1) -> str:
    return "–" if value is None else form.format(value * factor)


def _line(message: dict[str, Any]) -> str:
    when = time_text(utc_from_text(message["time"]))
    if message["type"] == "camera.state":
        return f"{when}  {message['camera']}: {WORDS[message['state']]}. {message['detail']}".rstrip()
    if message["type"].startswith("problem."):
        end = " Resolved." if message["type"] == "problem.ended" else ""
        return f"{when}  {message['camera'] or 'tawny'}: {message['detail']}{end}"
    return (
        f"{when}  {message['camera']}: {message['type'].replace('.', ' ')}, {message['gap']['reason']}. "
        f"{message['gap']['detail']}"
    )
