"""Actions on the whole recorder: a countdown of the recorder's own, which anybody may cancel."""

from dataclasses import dataclass, field
from pathlib import Path

import pytest

from tawny.model.errors import NotDone
from tawny.model.messages import ActionPlanned, Message
from tawny.service.system_actions import COUNTDOWN_S, Action, ComputerPower, PlannedAction, SystemActions
from tawny.testing.clock import FakeClock


@dataclass
class House:
    clock: FakeClock = field(default_factory=FakeClock)
    done: list[PlannedAction] = field(default_factory=list)
    said: list[Message] = field(default_factory=list)
    refuses: bool = False

    def do(self, planned: PlannedAction) -> None:
        if self.refuses:
            raise NotDone("The computer refused: no.", "Do it yourself.")
        self.done.append(planned)

    def actions(self, *able: Action) -> SystemActions:
        acts = dict.fromkeys(able or ("restart", "stop"), self.do)
        return SystemActions(acts, lambda _: True, self.said.append, self.clock, lambda: None, lambda: None)


def test_nothing_happens_before_the_countdown_is_over() -> None:
    house = House()
    actions = house.actions()
    actions.plan("restart", "Anna")
    house.clock.advance(COUNTDOWN_S - 1)
    assert actions.step() == pytest.approx(1, abs=0.01)
    assert house.done == []
    house.clock.advance(1.1)
    actions.step()
    assert [one.by for one in house.done] == ["Anna"]
    assert actions.planned is None
    assert all(isinstance(one, ActionPlanned) for one in house.said)


def test_cancelled_is_cancelled() -> None:
    house = House()
    actions = house.actions()
    actions.plan("stop", "Anna", 900)
    assert actions.cancel() is not None
    house.clock.advance(COUNTDOWN_S * 2)
    actions.step()
    assert house.done == []
    assert actions.cancel() is None


def test_only_one_at_a_time_and_only_what_the_process_may() -> None:
    actions = House().actions("restart")
    with pytest.raises(NotDone, match="doesn't let"):
        actions.plan("reboot", "Anna")
    actions.plan("restart", "Anna")
    with pytest.raises(NotDone, match="Anna has just begun"):
        actions.plan("restart", "Ben")


def test_a_refusal_of_the_computer_is_said() -> None:
    house = House(refuses=True)
    actions = house.actions()
    actions.plan("restart", "Anna")
    house.clock.advance(COUNTDOWN_S + 1)
    actions.step()
    assert "The computer refused" in actions.refused


@pytest.mark.parametrize(("says", "can"), [('s "yes"', True), ('s "challenge"', False), ("", False)])
def test_the_computer_is_asked_whether_it_would(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, says: str, can: bool
) -> None:
    program = tmp_path / "busctl"
    program.write_text(f"#!/bin/sh\necho '{says}'\n")
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:/bin:/usr/bin")
    assert ComputerPower().can("reboot") is can


def test_without_systemd_it_can_do_nothing(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    assert not ComputerPower().can("shut_down")
    with pytest.raises(NotDone):
        ComputerPower().do("shut_down")
