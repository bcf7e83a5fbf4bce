"""Counts the files, functions and threads that the product runs on three paths, by tracing a whole recorder.

.venv/bin/python -m scripts.trace_path [--json] [--files] [--requests N]

The recorder runs in this process with its real threads: a camera on loopback sends RTSP, the default detector watches,
a webhook on loopback is notified, and a client asks for the timeline over HTTP. Only code under src/tawny counts.

Method. The tracer records each call with its turn: one step of an actor, or, in threads without actors, one call from
outside the product. A path is a chain of turns. It ends when the end function of the path returns, and is followed
back: the turn of a stage is the last one that began before the next stage's and called the stage's function. All
functions of these turns count, so work of other actors at the same time does not. The last turn counts as far as the
end function's return. A request is followed by its context variables instead, through the loop and worker threads.

Figures are medians over all samples of a run; `files_of_all` counts the files of all samples together. Modules that are
loaded late, and comprehensions, do not count. A path begins with the turn of its first stage: for an event that is the
arrival of the picture in which the detector sees it. A hop is a change to another thread; returns do not count.
"""

import argparse
import json
import statistics
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Sequence
from contextvars import ContextVar
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path
from types import CodeType, FrameType
from typing import Any, Final, Self

import tawny
from tawny.api.request_handling import SecurityHeadersMiddleware
from tawny.app.program import Program
from tawny.delivery.courier import Courier
from tawny.delivery.notifiers import webhook
from tawny.delivery.outbox import Outbox
from tawny.engine.actor import Supervised
from tawny.events.event_builder import EventBuilder
from tawny.recorder.writer_pool import WriteJob, WriterPool
from tawny.service.detection.event_writer import EventWriter
from tawny.storage.disk import disk
from tawny.stream.session import StreamSession
from tawny.testing.clips import ClipSpec, made_clip
from tawny.testing.http_service import StandIn, served
from tawny.testing.rtsp_camera import RtspCamera
from tawny.testing.waiting import until
from tests.golden.whole import WAIT_S, Client, run_recorder, wait_for_event

SOURCE = str(Path(tawny.__file__).parent) + "/"
STAND_INS = SOURCE + "testing/"
"""Cameras that only tests have."""


@dataclass(frozen=True)
class Chain:
    """A path through actors. stages: one function of each turn, in order. end: its return ends the path."""

    name: str
    stages: tuple[Callable[..., Any], ...]
    end: Callable[..., Any]


CHAINS: Final = (
    Chain("packet to disk", (StreamSession.feed, WriterPool.submit, WriteJob.__call__), disk._RealFile.sync),
    Chain(
        "event to notification",
        (StreamSession.feed, EventBuilder._begin, EventWriter.step, Outbox.add, Courier.step),
        webhook._Sender.send,
    ),
)
TURN: Final = Supervised.step
"""Each call is one turn of an actor."""
LOOP: Final = Program.run
"""It runs the event loop: what the loop calls is called from outside the product."""
REQUEST: Final = SecurityHeadersMiddleware.__call__
"""A call begins a request, and its context belongs to that alone."""
REQUESTED: Final = "timeline request"


@dataclass(eq=False)
class Turn:
    """What one thread does in one go. calls: functions of the product, with the time of their first call (ns)."""

    thread: str
    begun_ns: int
    calls: dict[CodeType, int] = field(default_factory=dict)
    ends: list[tuple[CodeType, frozenset[CodeType]]] = field(default_factory=list)
    """End functions that returned, and what had been called until then."""


@dataclass(eq=False)
class Request:
    calls: set[CodeType] = field(default_factory=set)
    threads: list[str] = field(default_factory=list)
    """In the order in which they handled it."""


@dataclass(frozen=True)
class Sample:
    """One run through a path."""

    calls: frozenset[CodeType]
    threads: tuple[str, ...]

    @property
    def files(self) -> set[str]:
        return {code.co_filename.removeprefix(SOURCE) for code in self.calls}

    @property
    def hops(self) -> int:
        """Changes to another thread, but for returns to the first one."""
        return sum(before != now != self.threads[0] for before, now in pairwise(self.threads))


class _OfThread(threading.local):
    turn: Turn | None = None
    has_actors = False


class Tracer:
    """Use as a context manager around all that starts threads."""

    def __init__(self) -> None:
        self.turns: list[Turn] = []
        self.requests: list[Request] = []
        self.is_asking = False
        """A request that begins now is one to be followed."""
        self._turn_code, self._request_code = code_of(TURN), code_of(REQUEST)
        self._end_codes = {code_of(chain.end) for chain in CHAINS}
        self._thread = _OfThread()
        self._request: ContextVar[Request | None] = ContextVar("request", default=None)
        self._counts: dict[CodeType, bool] = {}

    def __enter__(self) -> Self:
        threading.settrace(self._called)
        sys.settrace(self._called)
        return self

    def __exit__(self, *_: object) -> None:
        sys.settrace(None)
        threading.settrace(None)

    def _called(self, frame: FrameType, event: str, _: Any) -> Any:
        code = frame.f_code
        counts = self._counts.get(code)
        if counts is None:
            counts = self._counts[code] = is_counted(code)
        if event != "call" or not counts:
            return None
        now_ns, thread = time.monotonic_ns(), self._thread
        if code is self._turn_code:
            thread.turn, thread.has_actors = None, True
        elif not thread.has_actors and is_outermost(frame):
            thread.turn = None
        turn = thread.turn
        if turn is None:
            turn = thread.turn = Turn(threading.current_thread().name, now_ns)
            self.turns.append(turn)
        turn.calls.setdefault(code, now_ns)
        self._follow(code, turn.thread)
        return self._returns if code in self._end_codes else None

    def _follow(self, code: CodeType, thread: str) -> None:
        """Note the call for the request in whose context it is."""
        followed = self._request.get()
        if followed is None and self.is_asking and code is self._request_code:
            followed = Request()
            self.requests.append(followed)
            self._request.set(followed)
        if followed is not None:
            followed.calls.add(code)
            if followed.threads[-1:] != [thread]:
                followed.threads.append(thread)

    def _returns(self, frame: FrameType, event: str, _: Any) -> Any:
        turn = self._thread.turn
        if event == "return" and turn is not None:
            turn.ends.append((frame.f_code, frozenset(turn.calls)))
        return self._returns

    def samples(self) -> dict[str, list[Sample]]:
        """Return what was found of each path."""
        turns = sorted(self.turns, key=lambda turn: turn.begun_ns)
        found = {chain.name: find_samples(chain, turns) for chain in CHAINS}
        found[REQUESTED] = [Sample(frozenset(one.calls), tuple(one.threads)) for one in self.requests]
        return found


def code_of(function: Callable[..., Any]) -> CodeType:
    code: CodeType = function.__code__
    return code


def is_counted(code: CodeType) -> bool:
    """Return whether it is a function of the product, not a module, comprehension or stand-in."""
    name, file = code.co_name, code.co_filename
    is_function = not name.startswith("<") or name == "<lambda>"
    return is_function and file.startswith(SOURCE) and not file.startswith(STAND_INS)


def is_outermost(frame: FrameType) -> bool:
    """Return whether no function of the product has called this one."""
    above = frame.f_back
    while above is not None:
        if above.f_code.co_filename.startswith(SOURCE) and above.f_code is not code_of(LOOP):
            return False
        above = above.f_back
    return True


def find_samples(chain: Chain, turns: Sequence[Turn]) -> list[Sample]:
    """Return each run through a chain. turns: in order of time."""
    end, found = code_of(chain.end), []
    *before, last = [code_of(stage) for stage in chain.stages]
    for place, turn in enumerate(turns):
        ended = [calls for code, calls in turn.ends if code is end and last in calls]
        earlier = _find_earlier(before, place, turns) if ended else None
        if earlier is not None:
            calls = ended[-1].union(*(one.calls for one in earlier))
            found.append(Sample(calls, tuple(one.thread for one in (*earlier, turn))))
    return found


def _find_earlier(stages: Sequence[CodeType], place: int, turns: Sequence[Turn]) -> list[Turn] | None:
    """Return the turns of the stages before a turn, in order; None if one is missing."""
    found: list[Turn] = []
    for stage in reversed(stages):
        before_ns = turns[place].begun_ns
        places = range(place - 1, -1, -1)
        place = next((one for one in places if turns[one].calls.get(stage, before_ns) < before_ns), -1)
        if place < 0:
            return None
        found.insert(0, turns[place])
    return found


def run_paths(folder: Path, requests: int) -> dict[str, list[Sample]]:
    """Run a whole recorder until each path was taken; return the samples by path."""
    clip = made_clip(ClipSpec(seconds=8, sound="aac"))
    with served(StandIn()) as service, RtspCamera(clip) as camera:
        config = folder / "tawny.toml"
        config.write_text(
            f'[web]\nlisten = "127.0.0.1:0"\n'
            f'[notifiers.hook]\nurl = "webhook+{service.base}/hook"\n'
            f'[cameras.door]\nsource = "{camera.address}"\npost = "1 s"\n',
            encoding="utf-8",
        )
        with Tracer() as tracer:
            run_recorder(config, folder / "data", lambda client: _visit(client, service, tracer, requests))
        return tracer.samples()


def _visit(client: Client, service: StandIn, tracer: Tracer, requests: int) -> None:
    """Wait for an event and its notification, and ask for the timeline."""
    event = wait_for_event(client)
    until(lambda: service.asked, WAIT_S, "a notification")
    for number in range(requests + 1):
        tracer.is_asking = number > 0  # the first one loads modules
        client.get("timeline", from_ms=event["start_ms"] - 60_000, to_ms=event["start_ms"] + 60_000)
    tracer.is_asking = False


def summarize(samples: Sequence[Sample]) -> dict[str, Any]:
    """Return the medians of a path, and the files of all its samples."""

    def median(count: Callable[[Sample], int]) -> int:
        return round(statistics.median(map(count, samples))) if samples else 0

    return {
        "files": median(lambda one: len(one.files)),
        "files_of_all": len({name for one in samples for name in one.files}),
        "functions": median(lambda one: len(one.calls)),
        "threads": median(lambda one: len(set(one.threads))),
        "hops": median(lambda one: one.hops),
        "samples": len(samples),
        "thread_names": sorted({name for one in samples for name in one.threads}),
        "file_names": sorted({name for one in samples for name in one.files}),
    }


def main() -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--json", action="store_true", help="print the figures as JSON, with all names")
    parser.add_argument("--files", action="store_true", help="list the files and threads of each path")
    parser.add_argument("--requests", metavar="N", type=int, default=5, help="requests for the timeline (5)")
    args = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        figures = {path: summarize(samples) for path, samples in run_paths(Path(name), args.requests).items()}
    if args.json:
        print(json.dumps(figures, indent=2))
        return 0
    columns = ("files", "files_of_all", "functions", "threads", "hops", "samples")
    print("".join([f"{'path':<24}", *(f"{name:>14}" for name in columns)]))
    for path, row in figures.items():
        print("".join([f"{path:<24}", *(f"{row[name]:>14}" for name in columns)]))
    if args.files:
        for path, row in figures.items():
            print(f"\n{path}: {', '.join(row['thread_names'])}")
            print("\n".join(f"  {file}" for file in row["file_names"]))
    return 0


if __name__ == "__main__":
    sys.exit(main())
