"""Orders as JSON: what is one, what is refused and how that is said; whatever comes is one or the other."""

import json
from typing import get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tawny.delivery import commands
from tawny.delivery.commands import MOST_BYTES, RIGHT_FOR, CommandRefused, order_in, order_of

GOOD = [
    ({"do": "arm", "mode": "away"}, commands.ArmCommand(do="arm", mode="away")),
    ({"do": "arm", "mode": "night", "for": "8h"}, commands.ArmCommand(do="arm", mode="night", lasts_s=28_800)),
    ({"do": "disarm"}, commands.DisarmCommand(do="disarm")),
    (
        {"do": "presence", "person": "anna", "home": True},
        commands.PresenceCommand(do="presence", person="anna", home=True),
    ),
    ({"do": "pause", "camera": "door"}, commands.PauseCommand(do="pause", camera="door")),
    ({"do": "resume", "camera": "door"}, commands.ResumeCommand(do="resume", camera="door")),
    ({"do": "record", "camera": "door", "for": 60}, commands.RecordNowCommand(do="record", camera="door", lasts_s=60)),
    ({"do": "event.close", "event": "bell"}, commands.EventCloseCommand(do="event.close", event="bell")),
    ({"do": "ptz", "camera": "door", "pan": -0.5}, commands.PtzCommand(do="ptz", camera="door", pan=-0.5)),
    ({"do": "relay", "relay": "gate", "for": "2 s"}, commands.RelayCommand(do="relay", relay="gate", lasts_s=2)),
]
BAD = [
    ([], "JSON object"),
    ({}, "`do` must be one of"),
    ({"do": "reboot"}, "`do` must be one of"),
    ({"do": ["arm"]}, "`do` must be one of"),
    ({"do": "arm"}, "mode: Field required"),
    ({"do": "arm", "mode": "away", "x": 1}, "x: Extra inputs"),
    ({"do": "pause", "camera": "door", "for": "soon"}, "for: a time, for example"),
    ({"do": "pause", "camera": "door", "for": -1}, "for: "),
    ({"do": "record", "camera": "door", "for": "2 weeks"}, "for: "),
    ({"do": "record", "camera": "door", "on": "no"}, "on: a valid boolean"),
    ({"do": "event.open", "camera": "door", "kind": "Person!"}, "kind: "),
    ({"do": "event.open", "camera": "door", "score": float("nan")}, "score: "),
    ({"do": "event.open", "camera": "door", "label": "a\nb"}, "label: "),
    ({"do": "event.open", "camera": "door", "key": "a b"}, "key: "),
    ({"do": "ptz", "camera": "door"}, "one of: pan, tilt and zoom; preset; stop"),
    ({"do": "ptz", "camera": "door", "pan": 2}, "pan: "),
    ({"do": "ptz", "camera": "door", "pan": 1, "stop": True}, "one of: "),
    ({"do": "relay", "relay": "gate", "for": "2 h"}, "for: "),
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
        order_of({"do": "arm", "mode": ["pLanted"], "pin": "pLanted"})
    assert "pLanted" not in str(refused.value)


@pytest.mark.parametrize("body", [b"", b"{", b"\xff", b"[" * 5000, b"{}" + b" " * MOST_BYTES])
def test_bytes_that_are_no_order_are_refused(body: bytes) -> None:
    with pytest.raises(CommandRefused):
        order_in(body)


def test_every_order_needs_a_right() -> None:
    assert set(RIGHT_FOR) == {get_args(one.model_fields["do"].annotation)[0] for one in commands.EVERY}


@given(
    st.dictionaries(
        st.sampled_from(["do", "camera", "mode", "for", "event", "key", "pan", "on", "x"]),
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
