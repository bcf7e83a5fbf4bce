"""`tawny integrations`: list other programs, what they receive and what they may do."""

from argparse import ArgumentParser, Namespace

from tawny.cli import options
from tawny.cli.control_client import ask_once
from tawny.cli.output import Output
from tawny.cli.paths import running_data


def describe(parser: ArgumentParser) -> None:
    options.data(parser)


def run(args: Namespace, out: Output) -> int:
    found = ask_once(running_data(args), {"command": "programs"})
    rows = [
        (one["name"], one["where"], _gets(one), one.get("trouble") or one.get("said", "").partition("\n")[0] or "–")
        for one in found["items"]
    ]
    out.data(found, out.table(("NAME", "WHERE", "WHAT", "LAST"), rows, empty="No integrations."))
    return 1 if any(one.get("trouble") for one in found["items"]) else 0


def _gets(one: dict[str, object]) -> str:
    if one["kind"] == "input":
        may = one["may"]
        return f"may {', '.join(may)}" if isinstance(may, list) else ""
    return f"{one['sent']} sent, {one['waiting']} waiting, {one['dropped']} dropped"
