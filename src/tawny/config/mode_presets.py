"""Presets: what modes do in a common place, such as a home with a family. A new settings file begins with one."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from tawny.config.modes import PLACES, ModesSettings
from tawny.config.week import WEEKDAYS

Cell = Mapping[str, Any]
"""What a mode does with the cameras of a place, in the notation of the file."""
PEOPLE, TRAFFIC, ANYTHING = ["person"], ["person", "vehicle"], ["motion"]
_SILENT: Final[Cell] = {"notify": []}
_PRIVATE: Final[Cell] = {"privacy": True}


def _notify(types: Sequence[str], **more: Any) -> Cell:
    return {**more, "notify": list(types)}


def _everywhere(cell: Cell) -> dict[str, Cell]:
    return {place: cell for place in PLACES if place != "doors"}


@dataclass(frozen=True, slots=True)
class ModePreset:
    """modes: what each does with the cameras of a place. schedule: weekly times by mode.

    empty, back: the modes while everyone is away, and when someone is home.
    """

    modes: Mapping[str, Mapping[str, Cell]]
    schedule: Mapping[str, Sequence[str]] = field(default_factory=dict)
    empty: str = "away"
    back: str = "home"

    def tables(self) -> dict[str, dict[str, Cell]]:
        """Return the table of each mode, as settings have it."""
        return {mode: {place: dict(cell) for place, cell in table.items()} for mode, table in self.modes.items()}


_NIGHT: Final = {"night": ["23:00-06:30"]}
FAMILY: Final = "family"
PRESETS: Final[Mapping[str, ModePreset]] = {
    FAMILY: ModePreset(
        {
            "home": {
                "doors": _notify(PEOPLE), "outside": _SILENT, "inside": _PRIVATE, "others": _notify(PEOPLE),
            },
            "away": {"outside": _notify(TRAFFIC), "inside": _notify(ANYTHING), "others": _notify(TRAFFIC)},
            "night": {
                "doors": _notify(ANYTHING), "outside": _notify(PEOPLE), "inside": _notify([], record="events"),
                "others": _notify(TRAFFIC),
            },
        },
        _NIGHT,
    ),
    "flat": ModePreset(
        {
            "home": {"doors": _notify(PEOPLE), "outside": _SILENT, "inside": _PRIVATE, "others": _SILENT},
            "away": _everywhere(_notify(ANYTHING)),
            "night": {
                "doors": _notify(PEOPLE), "outside": _notify(PEOPLE), "inside": _PRIVATE, "others": _notify(PEOPLE),
            },
        },
        _NIGHT,
    ),
    "holiday": ModePreset(
        {
            "away": _everywhere(_notify(ANYTHING)),
            "home": {"outside": _SILENT, "inside": _PRIVATE, "others": _SILENT},
        },
    ),
    "shop": ModePreset(
        {
            "closed": {"outside": _notify(TRAFFIC), "inside": _notify(ANYTHING), "others": _notify(ANYTHING)},
            "open": _everywhere(_SILENT),
        },
        {"open": ["mon-sat 08:00-18:30"]},
        empty="closed",
        back="closed",
    ),
    "empty": ModePreset(
        {"guard": _everywhere(_notify(ANYTHING)), "visit": _everywhere(_SILENT)}, empty="guard", back="guard"
    ),
    "nest": ModePreset(
        {
            "watch": _everywhere(_notify(ANYTHING)),
            "quiet": _everywhere(_notify([], record="events")),
            "off": _everywhere({"record": "off"}),
        },
        {"quiet": ["22:00-07:00"]},
        empty="watch",
        back="watch",
    ),
    "same": ModePreset({"home": {}, "away": {}, "night": {}}),
}  # fmt: skip

FAMILY_TEXT: Final = """\
# What cameras do while someone is home, while everyone is away and at night: docs/how-to/modes.md
[modes]
schedule = { night = ["23:00-06:30"] }

[modes.home]
doors   = { notify = ["person"] }      # cameras whose name has door, entrance, porch or gate
outside = { notify = [] }              # cameras in the group "outside": recorded, without notifications
inside  = { privacy = true }           # cameras in the group "inside": neither recorded nor shown
others  = { notify = ["person"] }      # cameras without a group

[modes.away]
outside = { notify = ["person", "vehicle"] }
inside  = { notify = ["motion"] }      # any motion
others  = { notify = ["person", "vehicle"] }

[modes.night]
doors   = { notify = ["motion"] }
outside = { notify = ["person"] }
inside  = { notify = [], record = "events" }
others  = { notify = ["person", "vehicle"] }

"""
"""The preset `FAMILY` in a new settings file."""


def with_preset(modes: Mapping[str, Any], preset: ModePreset) -> dict[str, Any]:
    """Return the table `modes` with the modes of a preset, and without its settings of single cameras.

    Presence and location stay, and so does a schedule whose modes all exist in the preset.
    """
    names = list(preset.modes)
    before = list(modes.get("names", ModesSettings().names))
    schedule = dict(modes.get("schedule", {}))
    is_fitting = bool(schedule) and set(schedule) <= set(names)
    usual = ModesSettings().presence
    found: dict[str, Any] = {
        "names": names,
        "schedule": schedule if is_fitting else {mode: list(times) for mode, times in preset.schedule.items()},
        "exceptions": {
            day: meant for day, meant in modes.get("exceptions", {}).items() if meant in (*names, *WEEKDAYS)
        },
        "location": list(modes.get("location", [])),
        "presence": {**modes.get("presence", {}), "nobody": preset.empty, "back": preset.back},
    }
    found["presence"] = {key: value for key, value in found["presence"].items() if value != getattr(usual, key)}
    found = {key: value for key, value in found.items() if value}
    if names == list(ModesSettings().names) and before == names:
        found.pop("names")
    return found | {mode: table for mode, table in preset.tables().items() if table}
