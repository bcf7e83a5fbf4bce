"""`tawny scan --on boxes`: each box of this hub scans what lies on it; the results come here, and each counts once.

A box does one part after the other. One that goes offline goes on when it is back, with the part that was under way.
"""

import asyncio
import json
import shutil
from argparse import Namespace
from collections.abc import AsyncGenerator, Callable, Container, Generator, Mapping, Sequence
from contextlib import aclosing
from dataclasses import asdict
from pathlib import Path
from typing import Any, Final, Protocol

from tawny.app.control_client import connect
from tawny.cli import options
from tawny.cli.control_client import ask_once
from tawny.cli.output import Output
from tawny.cli.paths import running_data
from tawny.cli.scan_computers import KnownResults, PartDone, Report, TargetFailed, TargetPlanned
from tawny.cli.scan_inputs import PlannedInput, ScanTarget, digest, result_from_json
from tawny.cli.scan_pool import ScanDriver, ScanJob, ScanLog, ScannedInput
from tawny.cli.scan_recipe import ScanRecipe
from tawny.model.errors import NotDone, UsageError
from tawny.model.times import SystemClock

Answers = AsyncGenerator[Mapping[str, Any], None]
Ask = Callable[[str, Mapping[str, Any]], Answers]
"""Asks a box; answers as `fleet.box_orders.order_at`."""
LOG_FILE: Final = "scans.jsonl"
"""In the data folder of the hub: results of parts, so that a scan that was broken off goes on."""
AGAIN_S: Final = 1.0
"""Pause in s before a box that is offline or busy is asked again."""
MOST_TRIES: Final = 3
"""Of a part whose process died at the box, and of plans that changed."""
_LONGEST_LINE: Final = 16 * 1024 * 1024


class Recipe(Protocol):
    """What is done with recordings: the options of a scan, or an export of training samples (`kinds`)."""

    def as_json(self) -> dict[str, Any]: ...


class PlanStore(KnownResults, Protocol):
    """Also stores plans, so that a scan that is complete needs no box: `scan_pool.ScanLog`."""

    def plan(self, key: str) -> Any: ...

    def add_plan(self, key: str, inputs: Any) -> None: ...


class BoxComputer:
    """The boxes of a hub. wait_s: how long to wait for a box that is offline."""

    def __init__(self, ask: Ask, recipe: Recipe, log: PlanStore, wait_s: float, again_s: float = AGAIN_S) -> None:
        self._ask, self._recipe, self._log = ask, recipe, log
        self._wait_s, self._again_s = wait_s, again_s
        self.offline: set[str] = set()
        """Boxes that are waited for."""

    def run(self, targets: Sequence[ScanTarget], known: KnownResults) -> Generator[Report]:
        by_box: dict[str, list[ScanTarget]] = {}
        for target in targets:
            by_box.setdefault(target.place, []).append(target)
        reports: asyncio.Queue[Report | None] = asyncio.Queue()
        with asyncio.Runner() as runner:
            tasks = runner.run(self._begin(by_box, known, reports))
            left = len(tasks)
            try:
                while left:
                    report = runner.run(_next(reports, tasks))
                    if report is None:
                        left -= 1
                    else:
                        yield report
            finally:
                runner.run(_cancel(tasks))

    async def _begin(
        self, by_box: Mapping[str, Sequence[ScanTarget]], known: KnownResults, reports: "asyncio.Queue[Report | None]"
    ) -> "list[asyncio.Task[None]]":
        return [asyncio.create_task(_OneBox(self, box, known, reports).run(targets)) for box, targets in by_box.items()]

    async def answer(self, box: str, order: Mapping[str, Any]) -> Mapping[str, Any]:
        """Return the answer of a box that is online; wait for it. Raises NotDone: too long, or it refuses."""
        loop = asyncio.get_running_loop()
        since_s = loop.time()
        order = {**order, "recipe": self._recipe.as_json()}
        died = 0
        while True:
            received: Mapping[str, Any] = {"offline": True}
            async with aclosing(self._ask(box, order)) as answers:
                async for received in answers:
                    if "done_s" in received:
                        self.offline.discard(box)
                        since_s = loop.time()
            if "died" in received:
                died += 1
                if died == MOST_TRIES:
                    raise NotDone(f"The scan on {box} ended {died} times.", "Its log says more.")
                continue
            if "offline" not in received and "busy" not in received:
                self.offline.discard(box)
                return _checked(box, received)
            if "offline" in received:
                self.offline.add(box)
            if loop.time() - since_s >= self._wait_s:
                raise NotDone(
                    f"{box} is {'offline' if 'offline' in received else 'busy'}.",
                    "What was done is kept: run the same command again to go on.",
                )
            await asyncio.sleep(self._again_s)

    def stored_plan(self, target: ScanTarget, known: KnownResults) -> tuple[PlannedInput, ...] | None:
        """Return the inputs of a target whose results are all known; None: the box must be asked."""
        inputs = _inputs(target, self._log.plan(self._plan_key(target)))
        if inputs is None or not all(known.knows(part) for each in inputs for part in each.parts):
            return None
        return inputs

    def store_plan(self, target: ScanTarget, data: Any) -> None:
        self._log.add_plan(self._plan_key(target), data)

    def _plan_key(self, target: ScanTarget) -> str:
        return digest([asdict(target), self._recipe.as_json()])


class _OneBox:
    """The targets of one box, one after the other."""

    def __init__(
        self, computer: BoxComputer, box: str, known: KnownResults, reports: "asyncio.Queue[Report | None]"
    ) -> None:
        self._computer, self._box, self._known, self._reports = computer, box, known, reports

    async def run(self, targets: Sequence[ScanTarget]) -> None:
        for target in targets:
            try:
                await self._scan(target)
            except NotDone as error:
                self._report(TargetFailed(target, "", error))
        self._reports.put_nowait(None)

    async def _scan(self, target: ScanTarget) -> None:
        """Raises NotDone."""
        stored = self._computer.stored_plan(target, self._known)
        if stored is not None:
            self._report(TargetPlanned(target, stored))
            return
        for _ in range(MOST_TRIES):
            answer = await self._ask({"do": "plan"}, target)
            inputs = _inputs(target, answer.get("inputs"))
            if inputs is None:
                raise NotDone(f"{self._box} answered with something else.", "Update it: both need the same version.")
            self._computer.store_plan(target, answer["inputs"])
            self._report(TargetPlanned(target, inputs))
            if all([await self._parts(target, each) for each in inputs]):
                return
        raise NotDone(f"The recordings of {target.camera} on {self._box} change too fast.", "Choose another time span.")

    async def _parts(self, target: ScanTarget, each: PlannedInput) -> bool:
        """Do the parts of an input. Return False if its recordings aren't the same any more."""
        for part in each.parts:
            if self._known.knows(part):
                continue
            order = {"do": "part", "key": each.own_key, "number": part.number, "count": part.of}
            try:
                answer = await self._ask(order, each.source)
                if "changed" in answer:
                    return False
                self._report(PartDone(part, result_from_json(answer["result"])))
            except _Failed as error:
                self._report(TargetFailed(target, each.key, NotDone(error.what, error.todo)))
                return True
            except (ValueError, KeyError, TypeError, OverflowError):
                raise NotDone(
                    f"{self._box} answered with something else.", "Update it: both need the same version."
                ) from None
            await asyncio.sleep(0)
        return True

    async def _ask(self, order: Mapping[str, Any], source: ScanTarget) -> Mapping[str, Any]:
        target = {name: getattr(source, name) for name in ("camera", "stream", "from_ms", "to_ms")}
        return await self._computer.answer(self._box, {**order, "target": target})

    def _report(self, report: Report) -> None:
        self._reports.put_nowait(report)


class _Failed(NotDone):
    """One input can't be scanned; the others can."""


def _checked(box: str, data: Mapping[str, Any]) -> Mapping[str, Any]:
    """Raises NotDone: the box refuses. Raises _Failed: it can't do this one."""
    if data.get("refused") == 403:
        raise NotDone(f"{box} doesn't allow this.", "Its owner can change `fleet.allow` in its settings.")
    if "refused" in data:
        raise NotDone(f"{box} refused this.", "Check the options; both recorders need the same version of tawny.")
    error = data.get("error")
    if isinstance(error, dict):
        raise _Failed(f"{box}: {error.get('what')}", str(error.get("todo", "")))
    return data


def _inputs(target: ScanTarget, data: Any) -> tuple[PlannedInput, ...] | None:
    if not isinstance(data, list):
        return None
    try:
        return tuple(PlannedInput.of_box(one, target) for one in data)
    except (ValueError, KeyError, TypeError, OverflowError):
        return None


async def _next(reports: "asyncio.Queue[Report | None]", tasks: "list[asyncio.Task[None]]") -> Report | None:
    """Return the next report. Raises what a task has raised."""
    getting = asyncio.create_task(reports.get())
    while not getting.done():
        await asyncio.wait({getting, *(task for task in tasks if not task.done())}, return_when=asyncio.FIRST_COMPLETED)
        for task in tasks:
            if task.done():
                task.result()
    return getting.result()


async def _cancel(tasks: "Sequence[asyncio.Task[None]]") -> None:
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)


async def ask_running_hub(folder: Path, request: Mapping[str, Any]) -> Answers:
    """Yield the answers of the hub that runs here; `offline` while none does. Raises NotDone: it is no hub."""
    try:
        found = connect(folder)
    except NotDone:  # it is restarting
        yield {"offline": True}
        return
    reader, writer = await asyncio.open_unix_connection(sock=found, limit=_LONGEST_LINE)
    try:
        writer.write(json.dumps(request).encode() + b"\n")
        await writer.drain()
        while line := await reader.readline():
            data = json.loads(line)
            if "error" in data and "code" in data["error"]:
                raise NotDone(data["error"]["message"], data["error"]["hint"])
            yield data
    except ConnectionError:
        return
    finally:
        writer.close()


def check_joined(wanted: Sequence[str], known: Container[str]) -> None:
    """Raise NotDone for recorders that have not joined the hub."""
    if missing := [one for one in wanted if one not in known]:
        raise NotDone(f"No recorder {', '.join(missing)} has joined this hub.", "See `tawny hub list`.")


# --- the command


def boxes_scan(args: Namespace, out: Output) -> Generator[ScannedInput]:
    """Return the results of `tawny scan --on boxes`. Raises UsageError, NotDone."""
    if args.files or args.events_out or args.jobs:
        raise UsageError(
            "With `--on boxes`, recordings of boxes are scanned, and their video stays there.",
            "Leave out files, `--events-out` and `--jobs`.",
        )
    if not args.begin:
        raise UsageError("No start time.", 'Pass --from, for example --from "2026-11-20 05:00".')
    recipe, folder = ScanRecipe.of(args), running_data(args)
    join_s, wait_s = options.option_s(args.join, "--join"), options.option_s(args.wait, "--wait")
    within = options.span(args.begin, args.end, SystemClock().now_ms())
    boxes = joined_boxes(folder, "scan boxes")
    targets = [
        ScanTarget(box, "", camera, args.stream, within.begin_ms, within.end_ms)
        for box, camera in chosen_cameras(boxes, args.box, args.camera, out, "scans")
    ]
    log = ScanLog(Path(args.log) if args.log else folder / LOG_FILE)
    computer = BoxComputer(ask_hub(folder, "scan box"), recipe, log, wait_s)
    driver = ScanDriver(ScanJob(targets, join_s), log)
    return _with_progress(driver, computer, out)


def chosen_cameras(
    boxes: Sequence[Mapping[str, Any]], wanted: Sequence[str], camera: str | None, out: Output, share: str
) -> list[tuple[str, str]]:
    """Return which cameras of which boxes are read. wanted: IDs of boxes; empty: all that allow it.

    share: what their owners must allow.

    Raises NotDone: there are none, or one that is wanted doesn't allow it.
    """
    known = {str(one["id"]): one for one in boxes}
    check_joined(wanted, known)
    hint = f"Its owner can add `{share}` to `allow` under [fleet] in its settings."
    found: list[tuple[str, str]] = []
    for box in wanted or known:
        if not known[box]["allows"]:
            if wanted:
                raise NotDone(f"{box} doesn't allow {share}.", hint)
            out.say(f"{box} doesn't allow {share} and is left out. {hint}")
            continue
        found += [(box, one) for one in known[box]["cameras"] if camera in (None, one)]
    if not found:
        what = f"has a camera {camera} and allows {share}" if camera else f"allows {share}"
        raise NotDone(f"No recorder of this hub {what}.", hint)
    return found


def _with_progress(driver: ScanDriver, computer: BoxComputer, out: Output) -> Generator[ScannedInput]:
    """Yield the results; show each box's progress meanwhile, and its cost at the end."""

    def line(box: str) -> str:
        done, count = driver.counts(box)
        state = ", offline" if box in computer.offline else ""
        return f"{box}: {done} of {count} parts, {driver.cpu_s.get(box, 0.0):.0f} s of CPU time{state}"

    def show(_: ScanDriver) -> None:
        width = shutil.get_terminal_size().columns - 1
        out.progress("; ".join(map(line, driver.places))[:width])

    try:
        yield from driver.scan(computer, show)
    finally:
        out.progress("")
        for box in driver.places:
            out.say(line(box))


def ask_hub(folder: Path, command: str) -> Ask:
    """Return what passes orders to boxes through the hub that runs here."""

    def ask(box: str, order: Mapping[str, Any]) -> Answers:
        return ask_running_hub(folder, {"command": command, "box": box, "order": order})

    return ask


def joined_boxes(folder: Path, command: str) -> Sequence[Mapping[str, Any]]:
    """Return the boxes of the hub that runs here, and whether each allows this. Raises NotDone: it is no hub."""
    found: Sequence[Mapping[str, Any]] = ask_once(folder, {"command": command})["boxes"]
    return found
