"""Orders as JSON: what is one, what is refused and how that is said; whatever comes is one or the other."""

import json
from typing import get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tawny.delivery import commands
from tawny.delivery.commands import MOST_BYTES, RIGHT_FOR, CommandRefused, order_in, order_of

GOOD = [
    ({"command": "set_mode", "mode": "away"}, commands.SetModeCommand(command="set_mode", mode="away")),
    (
        {"command": "set_mode", "mode": "night", "for": "8h"},
        commands.SetModeCommand(command="set_mode", mode="night", lasts_s=28_800),
    ),
    (
        {"command": "presence", "person": "anna", "home": True},
        commands.PresenceCommand(command="presence", person="anna", home=True),
    ),
    ({"command": "pause", "camera": "door"}, commands.PauseCommand(command="pause", camera="door")),
    ({"command": "resume", "camera": "door"}, commands.ResumeCommand(command="resume", camera="door")),
    (
        {"command": "record", "camera": "door", "for": 60},
        commands.RecordNowCommand(command="record", camera="door", lasts_s=60),
    ),
    ({"command": "event.close", "event": "bell"}, commands.EventCloseCommand(command="event.close", event="bell")),
    ({"command": "ptz", "camera": "door", "pan": -0.5}, commands.PtzCommand(command="ptz", camera="door", pan=-0.5)),
    (
        {"command": "relay", "relay": "gate", "for": "2 s"},
        commands.RelayCommand(command="relay", relay="gate", lasts_s=2),
    ),
    (
        {"command": "snooze", "camera": "door", "for": "8h"},
        commands.SnoozeCommand(command="snooze", camera="door", lasts_s=28_800),
    ),
    (
        {"command": "snooze", "rule": "Rule 2", "for": None},
        commands.SnoozeCommand(command="snooze", rule="Rule 2", lasts_s=None),
    ),
]
BAD = [
    ({"do": "arm", "mode": "away"}, '`"do": "arm"` is now `"command": "set_mode"`.'),
    ({"do": "disarm"}, '`"do": "disarm"` is now `"command": "set_mode"` with the `"mode"` for when someone is home.'),
    ({"do": "pause", "camera": "door"}, '`"do": "pause"` is now `"command": "pause"`.'),
    ({"do": ["arm"]}, "`do` is now `command`."),
    ({"do": "pLanted"}, "`do` is now `command`."),
    ([], "JSON object"),
    ({}, "`command` must be one of"),
    ({"command": "reboot"}, "`command` must be one of"),
    ({"command": ["set_mode"]}, "`command` must be one of"),
    ({"command": "set_mode"}, "mode: missing"),
    ({"command": "set_mode", "mode": "away", "x": 1}, "x: unknown"),
    ({"command": "pause", "camera": "door", "for": "soon"}, "for: a time, for example"),
    ({"command": "pause", "camera": "door", "for": -1}, "for: "),
    ({"command": "record", "camera": "door", "for": "2 weeks"}, "for: "),
    ({"command": "record", "camera": "door", "on": "no"}, "on: must be true or false"),
    ({"command": "event.open", "camera": "door", "kind": "Person!"}, "kind: "),
    ({"command": "event.open", "camera": "door", "score": float("nan")}, "score: "),
    ({"command": "event.open", "camera": "door", "label": "a\nb"}, "label: "),
    ({"command": "event.open", "camera": "door", "key": "a b"}, "key: "),
    ({"command": "ptz", "camera": "door"}, "one of: pan, tilt and zoom; preset; stop"),
    ({"command": "ptz", "camera": "door", "pan": 2}, "pan: "),
    ({"command": "ptz", "camera": "door", "pan": 1, "stop": True}, "one of: "),
    ({"command": "relay", "relay": "gate", "for": "2 h"}, "for: "),
    ({"command": "snooze", "camera": "door", "rule": "Night"}, "one of: camera, rule"),
    ({"command": "snooze", "camera": "door", "for": None}, "only a rule can be snoozed until it is resumed"),
    ({"command": "snooze", "camera": "door", "for": "8 d"}, "for: "),
]


@pytest.mark.parametrize(("asked", "order"), GOOD)
def test_orders_are_understood(asked: dict[str, object], order: object) -> None:
    assert order_of(asked) == order


@pytest.mark.parametrize(("asked", "words"), BAD)
def test_what_is_wrong_is_said(asked: object, words: str) -> None:
    with pytest.raises(CommandRefused) as refused:
        order_of(asked)
    assert refused.value.kind == "bad_input"
    assert words in refused.value.message
    assert refused.value.do


def test_what_was_sent_is_not_repeated() -> None:
    with pytest.raises(CommandRefused) as refused:
        order_of({"command": "set_mode", "mode": ["pLanted"], "pin": "pLanted"})
    assert "pLanted" not in str(refused.value)


@pytest.mark.parametrize("body", [b"", b"{", b"\xff", b"[" * 5000, b"{}" + b" " * MOST_BYTES])
def test_bytes_that_are_no_order_are_refused(body: bytes) -> None:
    with pytest.raises(CommandRefused):
        order_in(body)


def test_every_order_needs_a_right() -> None:
    assert set(RIGHT_FOR) == {get_args(one.model_fields["command"].annotation)[0] for one in commands.EVERY}


@given(
    st.dictionaries(
        st.sampled_from(["command", "do", "camera", "mode", "for", "event", "key", "pan", "on", "x"]),
        st.one_of(st.sampled_from([*RIGHT_FOR, "door", "5 s"]), st.floats(), st.integers(), st.text(), st.none()),
    )
)
def test_whatever_comes_is_an_order_or_refused(asked: dict[str, object]) -> None:
    body = json.dumps(asked).encode()
    try:
        order = order_in(body)
    except CommandRefused as refused:
        assert refused.message
    else:
        assert isinstance(order, commands.EVERY)
