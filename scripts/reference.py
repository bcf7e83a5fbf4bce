"""Writes docs/reference/ from the code: commands, settings, errors. `--check` says if it is stale (exit 1).

.venv/bin/python scripts/reference.py [--check]
"""

import argparse
import json
import sys
from collections.abc import Iterator
from dataclasses import fields
from pathlib import Path
from typing import Any, Final, get_args

from pydantic import BaseModel
from pydantic_core import PydanticUndefined

from tawny.cli.main import COMMANDS, parser
from tawny.config.effects import RECONNECTS, keys_at_once, takes_effect_at_start
from tawny.config.encryption import SealingSettings
from tawny.config.fleet import CopySettings, FleetSettings, HubNatsSettings, HubSettings, NatsLogin, StandbySettings
from tawny.config.integrations import EmitterSettings, InputSettings, MqttSettings, RelaySettings, ScriptSettings
from tawny.config.lens_and_ptz import EventApiSettings, LensSettings, PtzSettings, TrackSettings
from tawny.config.modes import (
    ModeCameraSettings,
    ModesSettings,
    PersonPresenceSettings,
    PresenceSettings,
    RuleCondition,
    RuleSettings,
)
from tawny.config.quantities import Duration, Share, Size
from tawny.config.recognition import (
    AudioSettings,
    FallbackKindSettings,
    ObjectModelSettings,
    RecogniserSettings,
    SearchSettings,
)
from tawny.config.retention import (
    CameraRetentionSettings,
    RetentionSettings,
    SnapshotSettings,
    StreamRetentionSettings,
    TierSettings,
)
from tawny.config.secure import SecureSettings
from tawny.config.settings import (
    CameraSettings,
    DetectionSettings,
    HeartbeatSettings,
    LiveSettings,
    LogSettings,
    RemovedCameraSettings,
    StorageSettings,
    TurnServerSettings,
    UpdateSettings,
    WebSettings,
)
from tawny.config.sign_in import GroupSettings, OidcSettings, SignInSettings
from tawny.config.targets import DestinationSettings, FileSetSettings, NotifierSettings, OutboxSettings
from tawny.config.units import duration_text, size_text
from tawny.config.zones import LineSettings, ZoneSettings
from tawny.model import errors
from tawny.model.errors import Problem, SettingsError, TawnyError
from tawny.sources.discovery.known_cameras import known_makers
from tawny.sources.pi_controls import BOARDS, CONTROLS, MODULES, why_not

FOLDER = Path(__file__).parent.parent / "docs" / "reference"
PI_CONTROLS = "raspberry-pi-controls.md"
MADE = "<!-- made by scripts/reference.py from the code; edit the code, not this page -->\n"
TABLES: list[tuple[str, type[BaseModel]]] = [
    ("storage", StorageSettings),
    ("storage.retention", RetentionSettings),
    ("storage.retention.sub", StreamRetentionSettings),
    ("storage.tiers", TierSettings),
    ("storage.snapshots", SnapshotSettings),
    ("web", WebSettings),
    ("web.secure", SecureSettings),
    ("sign_in", SignInSettings),
    ("sign_in.oidc", OidcSettings),
    ("sign_in.oidc.groups.<name>", GroupSettings),
    ("live", LiveSettings),
    ("live.turn", TurnServerSettings),
    ("heartbeat", HeartbeatSettings),
    ("updates", UpdateSettings),
    ("fleet", FleetSettings),
    ("fleet.nats", NatsLogin),
    ("hub", HubSettings),
    ("hub.nats", HubNatsSettings),
    ("hub.copies", CopySettings),
    ("standby", StandbySettings),
    ("log", LogSettings),
    ("encryption", SealingSettings),
    ("modes", ModesSettings),
    ("modes.<name>.cameras.<id>", ModeCameraSettings),
    ("modes.presence", PresenceSettings),
    ("modes.presence.people.<name>", PersonPresenceSettings),
    ("rules", RuleSettings),
    ("rules: when", RuleCondition),
    ("outbox", OutboxSettings),
    ("destinations.<name>", DestinationSettings),
    ("files.<name>", FileSetSettings),
    ("notifiers.<name>", NotifierSettings),
    ("webhooks.<name>", EmitterSettings),
    ("api_clients.<name>", InputSettings),
    ("mqtt", MqttSettings),
    ("scripts", ScriptSettings),
    ("relays.<name>", RelaySettings),
    ("object_detection", ObjectModelSettings),
    ("search", SearchSettings),
    ("recognizers.<name>", RecogniserSettings),
    ("cameras.<id>", CameraSettings),
    ("cameras.<id>.retention", CameraRetentionSettings),
    ("cameras.<id>.event_api", EventApiSettings),
    ("cameras.<id>.lens", LensSettings),
    ("cameras.<id>.ptz", PtzSettings),
    ("cameras.<id>.ptz.track", TrackSettings),
    ("cameras.<id>.detection", DetectionSettings),
    ("cameras.<id>.detection.sound", AudioSettings),
    ("cameras.<id>.detection.certainty", FallbackKindSettings),
    ("cameras.<id>.detection.zones.<name>", ZoneSettings),
    ("cameras.<id>.detection.lines.<name>", LineSettings),
    ("removed_cameras.<id>", RemovedCameraSettings),
]
"""The table's name, and its type."""


def pages() -> dict[str, str]:
    return {
        "commands.md": _commands(),
        "settings.md": _settings(),
        "errors.md": _errors(),
        "../cameras/known.md": _cameras(),
        PI_CONTROLS: _pi_controls(),
    }


def _pi_controls() -> str:
    """Return which camera module and board has which controls, with the reasons."""
    parts = ["# Controls of Raspberry Pi cameras", "", MADE, "For people who choose a camera module or a board.", ""]
    parts += [
        "Settings of [`picamera`](../cameras/raspberry-pi-camera.md); with Picamera2 they change live unless said.",
        "",
    ]
    names = [module.name for module in MODULES.values()]
    parts += [f"| control | {' | '.join(names)} | `rpicam-vid` | changed |", "|---" * (len(names) + 3) + "|"]
    notes: dict[str, int] = {}
    for name, one in CONTROLS.items():
        cells = []
        for sensor in MODULES:
            reasons = [why_not(name, sensor, board, by_picamera2=True) for board in BOARDS]
            has = [board.name for board, reason in zip(BOARDS, reasons, strict=True) if not reason]
            number = notes.setdefault(next(filter(None, reasons)), len(notes) + 1) if any(reasons) else 0
            cells.append("yes" if not number else f"Pi {', '.join(has)} only ({number})" if has else f"no ({number})")
        word = f"`--{one.word}`" if one.word else "`--hflip`, `--vflip`" if name == "flip" else "no"
        parts.append(f"| `{name}` | {' | '.join(cells)} | {word} | {'live' if one.is_live else 'restarts'} |")
    parts += ["", *(f"{number}. {reason}" for reason, number in notes.items()), "", "## Sensors", ""]
    parts += ["| module | sensor | longest exposure | modes, by number |", "|---|---|---|---|"]
    for sensor, module in MODULES.items():
        longest = f"{module.longest_us / 1e6:g} s" if module.longest_us else "not documented"
        modes = "; ".join(f"{at}: {one.width}x{one.height}, {one.fps:g} fps" for at, one in enumerate(module.modes))
        parts.append(f"| {module.name} | `{sensor}` | {longest} | {modes} |")
    parts += ["", "## Boards", "", "| board | H.264 | tuning files |", "|---|---|---|"]
    for board in BOARDS:
        encodes = "by a chip" if board.has_encoder else "by the CPU"
        parts.append(f"| Raspberry Pi {board.name} | {encodes} | `/usr/share/libcamera/ipa/rpi/{board.pipeline}` |")
    return "\n".join(parts) + "\n"


def _commands() -> str:
    top = parser()
    chosen = next(action for action in top._actions if isinstance(action, argparse._SubParsersAction))
    parts = [MADE, "# Commands", "", "Exit codes: 0 success; 1 done, but something needs attention (see output);"]
    parts += ["2 wrong use or settings; 3 could not be done; 20 and up: see [errors](errors.md).", ""]
    parts += ["Every command that prints data prints it as JSON with `--json`.", ""]
    for name, (_, summary) in COMMANDS.items():
        parts += _command(f"tawny {name}", summary, chosen.choices[name])
    return "\n".join(parts)


def _command(name: str, summary: str, command: argparse.ArgumentParser) -> list[str]:
    """A command; of one with commands of its own, these."""
    below = next((action for action in command._actions if isinstance(action, argparse._SubParsersAction)), None)
    if below is not None:
        helped = {one.dest: one.help or "" for one in below._choices_actions}
        return [line for word, one in below.choices.items() for line in _command(f"{name} {word}", helped[word], one)]
    parts = [f"## {name}", "", f"{summary[:1].upper()}{summary[1:]}.", "", "| word | what |", "|---|---|"]
    return [*parts, *(f"| {words} | {what} |" for words, what in _words(command)), ""]


def _words(command: argparse.ArgumentParser) -> Iterator[tuple[str, str]]:
    """A command's words and options, not as argparse prints them, which differs from one Python to the next."""
    for action in command._actions:
        if "--help" in action.option_strings:
            continue
        value = action.metavar or "\\|".join(str(choice) for choice in action.choices or ()) or action.dest.upper()
        takes_value = action.nargs != 0
        options = ", ".join(f"`{option}`" for option in action.option_strings)
        words = f"{options} {value}" if options and takes_value else options or str(value)
        yield words + (" …" if action.nargs in ("*", "+") else ""), _help(action).replace("|", "\\|")


def _help(action: argparse.Action) -> str:
    """Return the help with its default, and other values that argparse fills in."""
    return (action.help or "") % vars(action)


def _effect(table: str) -> str:
    """Return when a change of a table takes effect."""
    if takes_effect_at_start(table):
        now = ", ".join(f"`{key}`" for key in keys_at_once(table))
        return f"at the next start; at once: {now}" if now else "at the next start"
    if table == "cameras.<id>":
        return f"at once; the camera connects again for {', '.join(f'`{key}`' for key in sorted(RECONNECTS))}"
    return "at once"


def _settings() -> str:
    parts = [MADE, "# Settings", ""]
    parts += ["`tawny.toml`; `tawny init` writes one with comments. A camera needs only a `source`.", ""]
    for table, kind in TABLES:
        text = " ".join((kind.__doc__ or "").split())
        heading = table.replace("<", "&lt;").replace(">", "&gt;")
        parts += [f"## [{heading}]", "", text, "", f"Takes effect: {_effect(table)}.", ""]
        parts += ["| setting | default | what |", "|---|---|---|"]
        parts += [f"| `{name}` | {default} | {what} |" for name, default, what in _fields(kind)]
        parts += [""]
    parts += [
        "## [cameras.&lt;id&gt;.&lt;source&gt;]",
        "",
        "Settings for this source type only, in a table with its name.",
        "",
    ]
    parts += [*_parts("tawny.sources", "source"), "## [cameras.&lt;id&gt;.detection.&lt;detector&gt;]", ""]
    parts += ["Settings for this detector only, in a table with its name.", "", *_parts("tawny.detectors", "detector")]
    parts += [
        "## [destinations.&lt;name&gt;]: what only a kind knows",
        "",
        *_parts("tawny.destinations", "destination"),
    ]
    parts += ["## [notifiers.&lt;name&gt;]: what only a kind knows", "", *_parts("tawny.notifiers", "notifier")]
    return "\n".join(parts)


def _parts(group: str, word: str) -> Iterator[str]:
    from tawny.engine.plugins import load

    parts, broken = load(group)
    assert not broken, broken
    for name, part in sorted(parts.items()):
        text = (part.__doc__ or "").strip()
        yield f"**{name}** ({word})"
        yield ""
        yield from (line.strip() for line in text.splitlines())
        yield ""


def _fields(kind: type[BaseModel]) -> Iterator[tuple[str, str, str]]:
    for name, field in kind.model_fields.items():
        default: Any = field.default
        if default is PydanticUndefined:
            shown = "required" if field.is_required() else "see its own table"
        elif isinstance(default, BaseModel):
            continue  # has a table of its own
        elif isinstance(default, float):
            is_share = get_args(Share)[1] in field.metadata
            is_duration = get_args(Duration)[1] in field.metadata
            shown = (
                f'`"{default * 100:g} %"`'
                if is_share
                else f'`"{duration_text(default)}"`'
                if is_duration
                else f"`{default:g}`"
            )
        elif default and isinstance(default, int) and get_args(Size)[1] in field.metadata:
            shown = f'`"{size_text(default)}"`'
        elif isinstance(default, dict) and default:
            shown = f'`"{duration_text(default["other"])}"`'
        else:
            shown = "none" if default in (None, "", (), {}) else f"`{json.dumps(default)}`"  # as in the file
        yield name, shown, field.description or ""


_CAMERAS: Final = f"""# Known cameras

{MADE}
For anyone who wants to know what tawny knows of a maker. Other cameras work as well, if they offer ONVIF or RTSP.

## Tell us about yours

    ./tawny cameras report front-door --known -o entry.toml

This connects to the camera and writes its model, firmware, paths, codecs, and what it does otherwise than others. No
address, serial number, hardware address, name or password is in it. Read it, and add it to the maker's file in
`src/tawny/sources/cameras/`, or send it to us.
"""


def _cameras() -> str:
    makers = [one for one in known_makers() if one.maker and not one.is_server]
    parts = [_CAMERAS, "## Seen working", ""]
    seen = [(maker, one) for maker in makers for one in maker.seen]
    if not seen:
        parts += ["Nobody has sent an entry yet.", ""]
    else:
        parts += ["| camera | firmware | streams | settings | by |", "|---|---|---|---|---|"]
        parts += [
            f"| {maker.maker} {one.model} | {one.firmware} | {one.streams} | {one.settings} | {one.by}, {one.date} |"
            for maker, one in seen
        ] + [""]
    parts += ["## Paths", "", "Tried in this order where a camera has no ONVIF.", ""]
    parts += ["| maker | main stream | sub stream |", "|---|---|---|"]
    for maker in makers:
        for paths in maker.streams:
            name = f"[{maker.maker}]({paths.source})" if paths.source else maker.maker
            parts.append(f"| {name} | `{paths.main}` | `{paths.sub}` |")
    parts += ["", "## Before you add one", "", "| maker or server | what to do |", "|---|---|"]
    parts += [f"| {one.maker} | {one.prepare} |" for one in known_makers() if one.maker and one.prepare]
    parts += ["", "## Events by their own API", "", "[How to read them](README.md#events-without-onvif).", ""]
    parts += ["| maker | `event_api` | what it reports |", "|---|---|---|"]
    parts += [
        f"| {one.maker} | [`{one.events.api}`]({one.events.source}) | {one.events.reports} |"
        for one in makers
        if one.events
    ]
    parts += ["", "## What they do otherwise than others", "", "tawny copes with each; a test shows it.", ""]
    parts += ["| maker | what | seen by | test |", "|---|---|---|---|"]
    for maker in makers:
        parts += [f"| {maker.maker} | {one.what} | [report]({one.source}) | `{one.test}` |" for one in maker.quirks]
    return "\n".join([*parts, ""])


def _errors() -> str:
    parts = [MADE, "# Errors", "", "Every error says what happened and what to do. `{…}` are placeholders.", ""]
    parts += ["| exit | code | what happened | what to do |", "|---|---|---|---|"]
    kinds = [
        each
        for each in vars(errors).values()
        if isinstance(each, type) and issubclass(each, TawnyError) and "code" in vars(each)
    ]
    for kind in sorted(kinds, key=lambda each: each.exit_code):
        if kind is TawnyError:
            continue
        says = kind.says or _example(kind).message.split("\n")[0]
        parts.append(f"| {kind.exit_code} | `{kind.code}` | {says} | {kind.advice} |")
    return "\n".join(parts) + "\n"


def _example(kind: type[TawnyError]) -> TawnyError:
    if kind is SettingsError:
        return SettingsError("{file}", (Problem("path", "found", "allowed"),))
    return kind(*(f"{{{field.name}}}" for field in fields(kind)))


def main() -> int:
    check = "--check" in sys.argv
    stale = [name for name, text in pages().items() if not _same(FOLDER / name, text)]
    if check:
        print("\n".join(f"stale: docs/reference/{name}; run scripts/reference.py" for name in stale))
        return 1 if stale else 0
    FOLDER.mkdir(parents=True, exist_ok=True)
    for name, text in pages().items():
        (FOLDER / name).write_text(text, encoding="utf-8")
    return 0


def _same(path: Path, text: str) -> bool:
    return path.exists() and path.read_text(encoding="utf-8") == text


if __name__ == "__main__":
    sys.exit(main())
