"""`tawny scan --on ray://HOST`: parts as tasks of a Ray cluster, over a folder that all its computers share.

Only this module imports Ray (`pip install 'tawny[bulk]'`). Ray begins a task again whose worker has died.
"""

import logging
import socket
from collections import deque
from collections.abc import Callable, Generator, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlsplit

from tawny.cli.scan_boxes import Recipe
from tawny.cli.scan_computers import KnownResults, PartDone, Report, TargetFailed, TargetPlanned
from tawny.cli.scan_inputs import PartId, PlannedInput, ScanTarget, result_from_json
from tawny.cli.scan_worker import shared_worker
from tawny.model.errors import NotDone

CLIENT_PORT: Final = 10001
CONNECT_S: Final = 5.0
CONNECT_TRIES: Final = 3
"""A busy server starts its end of a connection later than Ray waits for it."""
MOST_TRIES: Final = 5
"""Of a task whose worker died; after that, it is the recording that ends the workers."""
MOST_WAITING: Final = 500
"""Tasks that Ray knows at a time; asking for the next finished one takes longer with each."""
LOOK_S: Final = 1.0
"""Interval in s at which an interrupted scan ends."""


def do_order(config: str, data: str, order: Mapping[str, Any]) -> dict[str, Any]:
    """Answer one order in a worker of the cluster."""
    return shared_worker(config, data).answer(order, lambda _: None)


@dataclass(frozen=True, slots=True)
class _Task:
    """part: None: of a plan."""

    target: ScanTarget
    part: PartId | None = None


class RayComputer:
    """A Ray cluster. address: `ray://HOST[:PORT]`, or empty for the one that this process has joined.

    place: paths of the settings and of the recordings, the same on every computer; empty: none.
    """

    def __init__(
        self, address: str, recipe: Recipe, place: tuple[str, str], show: Callable[[str], None] = lambda _: None
    ) -> None:
        self._address, self._recipe, self._place, self._show = address, recipe, place, show

    def run(self, targets: Sequence[ScanTarget], known: KnownResults) -> Generator[Report]:
        """Raises NotDone: Ray isn't installed, or the cluster isn't reached."""
        ray = _ray()
        is_own = self._connect(ray)
        ask = ray.remote(do_order).options(max_retries=MOST_TRIES, num_cpus=1)

        def submit(order: Mapping[str, Any], source: ScanTarget) -> Any:
            whole = {**order, "target": asdict(source), "recipe": self._recipe.as_json()}
            return ask.remote(*self._place, whole)

        pending: deque[tuple[_Task, Mapping[str, Any], ScanTarget]] = deque(
            (_Task(one), {"do": "plan"}, _shared(one)) for one in targets
        )
        waiting: dict[Any, _Task] = {}
        done, count = 0, 0
        try:
            while pending or waiting:
                while pending and len(waiting) < MOST_WAITING:
                    task, order, source = pending.popleft()
                    waiting[submit(order, source)] = task
                ready, _ = ray.wait(list(waiting), num_returns=1, timeout=LOOK_S)
                for reference in ready:
                    task = waiting.pop(reference)
                    for report in self._reports(ray, reference, task):
                        yield report
                        if isinstance(report, TargetPlanned):
                            for part, order, source in _orders(report.inputs, known):
                                pending.appendleft((_Task(task.target, part), order, source))
                                count += 1
                    done += task.part is not None
                    self._show(f"scanned {done} of {count} parts")
        finally:
            for reference in waiting:
                ray.cancel(reference, force=True)
            if is_own:
                ray.shutdown()

    def _connect(self, ray: Any) -> bool:
        """Return whether this connection is closed at the end."""
        if not self._address:
            return False
        found = urlsplit(self._address)
        address = f"ray://{found.hostname}:{found.port or CLIENT_PORT}"
        for _ in range(CONNECT_TRIES):
            try:
                # Ray itself would try for half a minute
                socket.create_connection((found.hostname or "", found.port or CLIENT_PORT), CONNECT_S).close()
                ray.init(address=address, log_to_driver=False, logging_level=logging.WARNING)
                return True
            except (OSError, RuntimeError, ValueError) as error:
                why = (str(error).splitlines() or [repr(error)])[0]
        raise NotDone(
            f"The Ray cluster {address} isn't reached: {why}.",
            "Does `ray start --head` run there, with the same version of Ray and Python?",
        )

    def _reports(self, ray: Any, reference: Any, task: _Task) -> list[Report]:
        """Return what a finished task has reported."""
        try:
            answer = ray.get(reference)
        except ray.exceptions.RayError as error:
            why = str(error).strip().splitlines()[-1]
            return [self._failed(task, NotDone(f"Can't scan {task.target.name}: {why}", "See the logs of Ray."))]
        if "error" in answer:
            return [self._failed(task, NotDone(answer["error"]["what"], answer["error"]["todo"]))]
        if task.part is None:
            return [TargetPlanned(task.target, tuple(_planned(one, task.target) for one in answer["inputs"]))]
        if "result" not in answer:
            changed = NotDone(f"The recordings of {task.target.name} have changed.", "Scan them again.")
            return [self._failed(task, changed)]
        return [PartDone(task.part, result_from_json(answer["result"]))]

    @staticmethod
    def _failed(task: _Task, error: NotDone) -> TargetFailed:
        return TargetFailed(task.target, task.part.key if task.part is not None else "", error)


def _ray() -> Any:
    try:
        import ray
    except ImportError:
        raise NotDone("Ray isn't installed.", "Run `pip install 'tawny[bulk]'`, here and on the cluster.") from None
    return ray


def _shared(target: ScanTarget) -> ScanTarget:
    """Return a target by its absolute path: workers run in folders of their own."""
    return replace(target, file=str(Path(target.file).absolute())) if target.file else target


def _planned(data: Mapping[str, Any], target: ScanTarget) -> PlannedInput:
    planned = PlannedInput(**{**data, "source": ScanTarget(**data["source"])})
    return replace(planned, name=target.file, facts={"file": target.file}) if target.file else planned


def _orders(
    inputs: Sequence[PlannedInput], known: KnownResults
) -> Iterator[tuple[PartId, Mapping[str, Any], ScanTarget]]:
    for each in inputs:
        for part in each.parts:
            if not known.knows(part):
                yield part, {"do": "part", "key": part.key, "number": part.number, "count": part.of}, each.source
