"""`tawny hub update`: recorders of a hub are updated in stages, and a stage that goes wrong is the last one.

Each recorder runs its owner's command. It counts as updated when it is online for some time and every camera that
worked before works again.
"""

import asyncio
from argparse import Namespace
from collections.abc import AsyncGenerator, Awaitable, Callable, Mapping, Sequence
from contextlib import aclosing
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, Protocol

from tawny.cli import options
from tawny.cli.control_client import ask_once
from tawny.cli.output import Output
from tawny.cli.paths import running_data
from tawny.cli.scan_boxes import ask_running_hub, check_joined
from tawny.model.errors import NotDone, UsageError
from tawny.model.states import TROUBLE, CameraState
from tawny.model.times import Clock, SystemClock

STAGES: Final = "1,5,25"
LOOK_S: Final = 2.0
"""Interval in s at which the recorders are looked at."""
_NOT_WORKING: Final = {*TROUBLE, CameraState.STARTING}
_ALLOW: Final = "Its owner can add `updates` to `allow` under [fleet] in its settings, as well as `health`."


@dataclass(frozen=True, slots=True)
class BoxStatus:
    """A recorder as its hub knows it. working: cameras that work or are meant to be off."""

    is_online: bool
    allows: bool
    version: str
    working: frozenset[str]
    warnings: frozenset[str]

    @classmethod
    def of(cls, data: Mapping[str, Any]) -> "BoxStatus":
        working = frozenset(name for name, state in data["cameras"].items() if state not in _NOT_WORKING)
        return cls(data["online"], data["allows"], data["version"], working, frozenset(data["warnings"]))


@dataclass(frozen=True, slots=True)
class BoxUpdated:
    """How the update of a recorder ended. problem: empty if it works. warnings: those that it did not have before.

    cameras: how many work as before; 0 as well if its owner doesn't allow `health`.
    """

    box: str
    before: str
    after: str
    cameras: int
    problem: str = ""
    warnings: tuple[str, ...] = ()

    @property
    def text(self) -> str:
        if self.problem:
            return f"{self.box}: {self.problem}"
        change = f"still {self.after}" if self.after == self.before else f"{self.before} -> {self.after}"
        work = f"{self.cameras} camera{'s' * (self.cameras != 1)} of before work" if self.cameras else "it is online"
        return "; ".join([f"{self.box}: {change}, {work}", *self.warnings])


class Boxes(Protocol):
    """The recorders of a hub: of one that runs here, or of a test."""

    def states(self) -> Mapping[str, BoxStatus]:
        """Raises NotDone: the hub doesn't answer."""
        ...

    def order(self, box: str) -> AsyncGenerator[Mapping[str, Any], None]:
        """Yield what `fleet.box_orders.order_at` does."""
        ...


@dataclass(frozen=True, slots=True)
class UpdatePlan:
    """target: the version that each must run; empty: that of the first one afterwards.

    stages: recorders in each, the last one repeated. watch_s: how long a recorder must work. wait_s: until it must have
    begun to.
    """

    target: str
    stages: tuple[int, ...]
    watch_s: float
    wait_s: float


class StagedUpdate:
    """report: receives each result. pause: waits for seconds."""

    def __init__(
        self, boxes: Boxes, plan: UpdatePlan, report: Callable[[BoxUpdated], None], clock: Clock,
        pause: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:  # fmt: skip
        self._boxes, self._plan, self._report = boxes, plan, report
        self._target, self._clock, self._pause = plan.target, clock, pause
        self._seen_s, self._seen = -LOOK_S, dict[str, BoxStatus]()

    async def run(self, names: Sequence[str]) -> list[BoxUpdated]:
        """Return the results of those that were ordered to update. Raises NotDone: the hub doesn't answer."""
        done: list[BoxUpdated] = []
        left, stages = list(names), list(self._plan.stages)
        while left:
            now = self._boxes.states()
            left = [one for one in left if not self._target or now[one].version != self._target]
            size = stages.pop(0) if len(stages) > 1 else stages[0]
            stage, left = left[:size], left[size:]
            results = await asyncio.gather(*(self._update(one, now[one]) for one in stage))
            done += results
            if any(one.problem for one in results):
                break
            if results and not self._target:
                self._target = results[0].after
        return done

    async def _update(self, box: str, before: BoxStatus) -> BoxUpdated:
        problem = await self._order(box)
        was = before.version
        result = BoxUpdated(box, was, was, 0, problem) if problem else await self._watch(box, before)
        self._report(result)
        return result

    async def _order(self, box: str) -> str:
        """Order the update, and return what is wrong; empty: the command ended well, or the line to the box did."""
        received: Mapping[str, Any] = {}
        has_started = False
        async with aclosing(self._boxes.order(box)) as answers:
            async for received in answers:
                has_started |= "started" in received
        if has_started and "code" not in received:
            return ""  # it restarts
        if "code" in received:
            last = str(received.get("printed", "")).strip().splitlines()[-1:]
            return (
                f"its update command failed: {''.join(last) or 'exit code'} ({received['code']})"
                if received["code"]
                else ""
            )
        if "busy" in received:
            return "an update runs there already"
        if "offline" in received:
            return "it went offline before the update"
        if received.get("refused") == 403:
            return f"it doesn't allow updates. {_ALLOW}"
        return str(received.get("error") or "it can't be updated from a hub: its version is too old")

    async def _watch(self, box: str, before: BoxStatus) -> BoxUpdated:
        """Watch a recorder until it has worked for `watch_s`, or has not begun to within `wait_s`."""
        begun_s = self._clock.mono_s()
        good_s: float | None = None
        while True:
            await self._pause(LOOK_S)
            now, now_s = self._look()[box], self._clock.mono_s()
            wrong = self._wrong(now, before)
            good_s = (good_s if good_s is not None else now_s) if not wrong else None
            if good_s is not None and now_s - good_s >= self._plan.watch_s:
                return BoxUpdated(
                    box, before.version, now.version, len(before.working), "",
                    tuple(sorted(now.warnings - before.warnings)),
                )  # fmt: skip
            if wrong and now_s - begun_s >= self._plan.wait_s:
                return BoxUpdated(box, before.version, now.version, 0, wrong)

    def _look(self) -> Mapping[str, BoxStatus]:
        """Return the states of all: asked for once for those of a stage, which look at about the same time."""
        if self._clock.mono_s() - self._seen_s >= LOOK_S / 2:
            self._seen, self._seen_s = dict(self._boxes.states()), self._clock.mono_s()
        return self._seen

    def _wrong(self, now: BoxStatus, before: BoxStatus) -> str:
        if not now.is_online:
            return "it has been offline since the update"
        if self._target and now.version != self._target:
            return f"it runs {now.version} after the update, not {self._target}"
        if missing := sorted(before.working - now.working):
            return f"{', '.join(missing)} worked before the update, and not after it"
        return ""


class _HubBoxes:
    """The recorders of the hub that runs in this data folder."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def states(self) -> Mapping[str, BoxStatus]:
        boxes = ask_once(self._folder, {"command": "update boxes"})["boxes"]
        return {one["id"]: BoxStatus.of(one) for one in boxes}

    def order(self, box: str) -> AsyncGenerator[Mapping[str, Any], None]:
        return ask_running_hub(self._folder, {"command": "update box", "box": box})


def update_boxes(args: Namespace, out: Output) -> int:
    """Run `tawny hub update`. Raises UsageError, NotDone: a recorder doesn't work as before, or none can be updated."""
    watch_s, wait_s = options.option_s(args.watch, "--watch"), options.option_s(args.wait, "--wait")
    plan = UpdatePlan(args.to, _stages(args.stages), watch_s, wait_s)
    boxes = _HubBoxes(running_data(args))
    names = _chosen(boxes.states(), args.recorder, out)

    def report(one: BoxUpdated) -> None:
        out.say(one.text)

    staged = StagedUpdate(boxes, plan, report, SystemClock())
    done = asyncio.run(staged.run(names))
    rows = [
        {
            "recorder": one.box, "before": one.before, "after": one.after, "problem": one.problem,
            "new_warnings": list(one.warnings),
        }
        for one in done
    ]  # fmt: skip
    bad = [one.box for one in done if one.problem]
    untouched = len(names) - len(done)
    good = len(done) - len(bad)
    text = f"{good} of {len(names)} recorders were updated" if done else "All recorders run that version"
    out.data({"updates": rows, "not_ordered": untouched}, f"{text}.")
    if bad:
        raise NotDone(
            f"{', '.join(bad)}: the update went wrong, and {untouched} more recorders were left as they are.",
            "`update.log` in its data folder has what its command printed. Run the same command again to go on.",
        )
    return 0


def _chosen(states: Mapping[str, BoxStatus], wanted: Sequence[str], out: Output) -> list[str]:
    """Return which recorders are updated. Raises NotDone: there are none, or one that is wanted can't be."""
    check_joined(wanted, states)
    found = []
    for box in dict.fromkeys(wanted or states):
        now = states[box]
        why = f"{box} is offline." if not now.is_online else "" if now.allows else f"{box} doesn't allow updates."
        if why and wanted:
            raise NotDone(why, "Update it when it is back." if not now.is_online else _ALLOW)
        if why:
            out.say(f"{why} It is left out.")
        else:
            found.append(box)
    if not found:
        raise NotDone("No recorder of this hub is online and allows updates.", _ALLOW)
    return found


def _stages(text: str) -> tuple[int, ...]:
    parts = [part.strip() for part in text.split(",")]
    if not all(part.isdecimal() and 0 < int(part) <= 512 for part in parts):
        raise UsageError(f"`--stages {text}` isn't a list of numbers.", f"Use numbers from 1 to 512, such as {STAGES}.")
    return tuple(int(part) for part in parts)
