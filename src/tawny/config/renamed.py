"""Former names of settings and rule actions: each gives one clear error that states the new name."""

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

from tawny.model.errors import Problem

_DETECTION = "cameras.*.watch|detection"
_ZONE = f"{_DETECTION}.zones.*"
_KEEP = "storage.keep|retention"
_CAMERA_KEEP = "cameras.*.keep|retention"
_MODES = "arm|modes"
_WHEN = "rules.*.when"

RENAMED: Final[Mapping[str, str]] = {
    "alarm": "[heartbeat]",
    "alarm|heartbeat.check_in": "url",
    "alarm|heartbeat.every": "interval",
    "arm": "[modes]",
    f"{_MODES}.modes": "names",
    f"{_MODES}.week": "schedule",
    f"{_MODES}.dates": "exceptions",
    f"{_MODES}.place": "location",
    "emit": "[webhooks]",
    "emit|webhooks.*.what": "events",
    "emit|webhooks.*.form": "format",
    "inputs": "[api_clients]",
    "inputs|api_clients.*.may": "permissions",
    "mqtt.may": "permissions",
    "mqtt.pictures": "snapshot_interval",
    "objects": "[object_detection]",
    "objects|object_detection.by": "device",
    "recognisers": "[recognizers]",
    "recognisers|recognizers.*.alike": "min_similarity",
    "sealed": "[encryption]",
    "storage.sealed": "encrypt",
    "storage.keep": "retention",
    "web.address": "public_url",
    **{
        f"{keep}{sub}.{old}": new
        for keep in (_KEEP, _CAMERA_KEEP)
        for sub in ("", ".sub")
        for old, new in (("size", "max_size"), ("count", "max_files"), ("thin_after", "keyframes_after"))
    },
    f"{_KEEP}.free": "min_free",
    "cameras.*.where": "group",
    "cameras.*.sealed": "encrypt",
    "cameras.*.keep": "retention",
    "cameras.*.watch": "detection",
    f"{_DETECTION}.mode": "effort",
    f"{_DETECTION}.level": "threshold",
    f"{_DETECTION}.mask": "motion_masks",
    f"{_DETECTION}.objects": "notify_types",
    f"{_DETECTION}.private": "cameras.*.privacy_masks",
    f"{_DETECTION}.privacy_masks": "cameras.*.privacy_masks",
    f"{_DETECTION}.read": "recognize",
    f"{_DETECTION}.read_sure": "recognize_confidence",
    f"{_DETECTION}.read_zones": "recognize_zones",
    f"{_DETECTION}.suggest|possible": "certainty",
    f"{_ZONE}.level": "threshold",
    f"{_ZONE}.smallest": "min_size",
    f"{_ZONE}.stay": "min_time",
    f"{_ZONE}.loiter": "loitering_after",
    f"{_ZONE}.left": "object_left_after",
    f"{_WHEN}.arm": "mode",
    f"{_WHEN}.gone": "away",
    f"{_WHEN}.lasts": "min_duration",
    f"{_WHEN}.read": "recognized",
    f"{_WHEN}.suggested": "include_possible",
    "destinations.*.what": "upload",
    "destinations.*.keep": "retention",
    "destinations.*.after": "batch",
    "notifiers.*.alarms": "problems",
    "notifiers.*.cool_down": "min_interval",
    "notifiers.*.person": "user",
    "notifiers.*.picture": "snapshot",
    "notifiers.*.quiet": "quiet_hours",
    "notifiers.*.recap": "daily_summary",
    "notifiers.*.sealed_pictures": "unencrypted_snapshots",
}
"""Former path of a setting (`*`: any name; `a|b`: either name): what it is called now."""

RENAMED_VALUES: Final[Mapping[tuple[str, str], str]] = {
    ("destinations.*.what|upload", "kept"): "kept_events",
    ("destinations.*.what|upload", "footage"): "recordings",
    ("emit|webhooks.*.what|events", "alarm"): "problem",
    ("inputs|api_clients.*.may|permissions", "arm"): "modes",
    ("mqtt.may|permissions", "arm"): "modes",
}
"""Former values, by the path of the list that holds them."""

_ACTIONS: Final = (
    (re.compile(r"tell everybody"), "notify everyone"),
    (re.compile(r"tell nobody"), "notify no one"),
    (re.compile(r"tell (\S+)"), r"notify \1"),
    (re.compile(r"clip to everywhere"), "upload everywhere"),
    (re.compile(r"clip to nowhere"), "don't upload"),
    (re.compile(r"clip to (\S+)"), r"upload to \1"),
    (re.compile(r"no recording"), "don't record"),
)


def find_renamed(tables: Mapping[str, Any]) -> Iterator[Problem]:
    """Yield a problem for each former name in the tables of a settings file."""
    yield from _find(tables, ())


def plain_action(text: str) -> str:
    """Return a rule action with one space between words and straight apostrophes."""
    return " ".join(text.replace("’", "'").split())


def rename_action(text: str) -> str:
    """Return the current form of a former rule action, for example `notify phone` for `tell phone`; empty: none."""
    return next((old.sub(new, text) for old, new in _ACTIONS if old.fullmatch(text)), "")


def _find(value: object, path: tuple[str, ...]) -> Iterator[Problem]:
    if _matches("rules.*.do", path):
        for each in [value] if isinstance(value, str) else value if isinstance(value, list) else []:
            if new := rename_action(plain_action(str(each))):
                yield Problem(".".join(path), "", f"`{each}` is now `{new}`")
    elif isinstance(value, Mapping):
        for key, each in value.items():
            here = (*path, str(key))
            new = next((new for old, new in RENAMED.items() if _matches(old, here)), "")
            if new:
                yield Problem(".".join(here), "", f"`{key}` is now `{new}`")
            yield from _find(each, here)
    elif isinstance(value, list):
        for number, each in enumerate(value):
            new = next((new for (old, text), new in RENAMED_VALUES.items() if each == text and _matches(old, path)), "")
            if new:
                yield Problem(".".join(path), "", f"`{each}` is now `{new}`")
            yield from _find(each, (*path, str(number)))


def _matches(pattern: str, path: Sequence[str]) -> bool:
    parts = pattern.split(".")
    return len(parts) == len(path) and all(
        part == "*" or name in part.split("|") for part, name in zip(parts, path, strict=True)
    )
