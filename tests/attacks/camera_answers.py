"""Random answers of cameras by grammar, each within a budget of time and memory.

    python -m tests.attacks.camera_answers rtsp --count 1000000 --begin 0     # a campaign; exits with 1 on a finding
    python -m tests.attacks.camera_answers rtsp --only 1234                   # one answer again, with its cost

An answer follows from its kind and number alone. One in LONG_EVERY repeats a piece until it is up to 400 kB long: cost
that grows with the square of the length is found that way. The time of every answer is measured. Python's memory is
traced for each long answer and for a sample of the others; of these, a batch by which the process grows is read again
one by one, traced. So most answers cost little more than reading them.
"""

import argparse
import gc
import sys
import time
import tracemalloc
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Final, NamedTuple

from tests.attacks.answer_grammar import Rng
from tests.attacks.media_grammar import (
    bytes_answer,
    hls_answer,
    jpeg_answer,
    rtmp_answer,
    take_bytes,
    take_hls,
    take_jpeg,
    take_rtmp,
)
from tests.attacks.onvif_grammar import onvif_answer, take_onvif
from tests.attacks.rtsp_grammar import rtcp_answer, rtsp_answer, sdp_answer, take_rtcp, take_rtsp, take_sdp

CPU_S, CPU_S_PER_BYTE = 0.05, 2.5e-6
"""Most CPU time of an answer on one core: for 400 kB, a second."""
MOST_BYTES, BYTES_PER_BYTE, LEAST_BYTES = 25_000_000, 100, 2_000_000
"""Most memory of Python objects of an answer: a multiple of its length between two limits."""
GROWTH_BYTES: Final = 1_500_000
"""A batch by which the process grows so much is traced answer by answer."""
LEAK_BYTES: Final = 30_000_000
"""Most growth of the process by all answers that aren't long."""
MOST_GROWTH_BYTES: Final = 60_000_000
"""Most growth of the process by one long answer."""
LONG_EVERY, BATCH, TRACE_EVERY = 100, 500, 1_000


class Finding(NamedTuple):
    kind: str
    number: int
    what: str


KINDS: Final[dict[str, tuple[Callable[[Rng], bytes], Callable[[bytes, Rng], None]]]] = {
    "onvif": (onvif_answer, take_onvif),
    "sdp": (sdp_answer, take_sdp),
    "rtsp": (rtsp_answer, take_rtsp),
    "rtcp": (rtcp_answer, take_rtcp),
    "rtmp": (rtmp_answer, take_rtmp),
    "hls": (hls_answer, take_hls),
    "jpeg": (jpeg_answer, take_jpeg),
    "bytes": (bytes_answer, take_bytes),
}


# --- the budget ------------------------------------------------------------------------------------------------------


def is_long(number: int) -> bool:
    return number % LONG_EVERY == 0


def answer(kind: str, number: int) -> tuple[bytes, Rng]:
    """Return the answer, and the source of randomness with which it is read."""
    rng = Rng(f"{kind} {number}")
    rng.longs = int(is_long(number))
    return KINDS[kind][0](rng), rng


def cost_of(kind: str, number: int) -> float:
    """CPU seconds that the parsers take for one answer."""
    data, rng = answer(kind, number)
    begun_s = time.thread_time()
    KINDS[kind][1](data, rng)
    return time.thread_time() - begun_s


def memory_of(kind: str, number: int) -> int:
    """Peak bytes of Python objects for one answer."""
    return _traced_bytes(kind, *answer(kind, number))


def _traced_bytes(kind: str, data: bytes, rng: Rng) -> int:
    tracemalloc.start()
    try:
        KINDS[kind][1](data, rng)
        return tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


def campaign(kind: str, numbers: range) -> Iterator[Finding]:
    """Yield the answers over budget: first of those of usual length, then of the long ones."""
    begun_bytes = _peak_bytes()
    batch: list[int] = []
    for number in numbers:
        if not is_long(number):
            batch.append(number)
        if len(batch) == BATCH:
            yield from _usual(kind, batch)
            batch = []
    yield from _usual(kind, batch)
    grown = _peak_bytes() - begun_bytes
    if grown > LEAK_BYTES:
        yield Finding(kind, numbers.start, f"the process grew by {grown / 1e6:.0f} MB with these {len(numbers)}")
    for number in numbers:
        if is_long(number):
            yield from _long(kind, number)


def _usual(kind: str, numbers: Sequence[int]) -> Iterator[Finding]:
    """Read answers of usual length. If the process grows, read them again, traced."""
    make, take = KINDS[kind]
    before, clock = _peak_bytes(), time.thread_time
    raised = set()
    for number in numbers:
        rng = Rng(f"{kind} {number}")
        data = make(rng)
        begun_s = clock()
        try:
            take(data, rng)
        except Exception as error:  # noqa: BLE001 - a parser may raise nothing but what its caller expects
            yield Finding(kind, number, f"raised {error!r}")
            raised.add(number)
            continue
        if clock() - begun_s > CPU_S:
            yield from _slow(kind, number, len(data))
    has_grown = _peak_bytes() - before > GROWTH_BYTES
    for number in numbers:
        if number not in raised and (has_grown or number % TRACE_EVERY == 1):
            yield from _large(kind, number, *answer(kind, number))


def _long(kind: str, number: int) -> Iterator[Finding]:
    """Read a long answer, traced; if that takes long, again without."""
    data, rng = answer(kind, number)
    before, begun_s = _peak_bytes(), time.thread_time()
    try:
        yield from _large(kind, number, data, rng)
    except Exception as error:  # noqa: BLE001 - as above
        yield Finding(kind, number, f"raised {error!r}")
        return
    if time.thread_time() - begun_s > most_s(len(data)):
        yield from _slow(kind, number, len(data))
    grown = _peak_bytes() - before
    if grown > MOST_GROWTH_BYTES:
        yield Finding(kind, number, f"the process grew by {grown / 1e6:.0f} MB")


def most_s(size: int) -> float:
    return CPU_S + size * CPU_S_PER_BYTE


def _slow(kind: str, number: int, size: int) -> Iterator[Finding]:
    """The first time may have warmed caches, collected garbage, or been traced."""
    spent_s = min(cost_of(kind, number) for _ in range(3))
    if spent_s > most_s(size):
        yield Finding(kind, number, f"{spent_s:.2f} s of CPU for {size} bytes")


def _large(kind: str, number: int, data: bytes, rng: Rng) -> Iterator[Finding]:
    size, peak = len(data), _traced_bytes(kind, data, rng)
    if peak > min(MOST_BYTES, LEAST_BYTES + size * BYTES_PER_BYTE):
        yield Finding(kind, number, f"{peak / 1e6:.1f} MB of objects for {size} bytes")


def _peak_bytes() -> int:
    """Most memory that the process has had. It only grows, so the usual answers are read before the long ones."""
    text = Path("/proc/self/status").read_text()  # `ru_maxrss` begins with that of the process that started this one
    return int(text.partition("VmHWM:")[2].split()[0]) * 1024


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("kind", choices=KINDS)
    parser.add_argument("--count", type=int, default=100_000)
    parser.add_argument("--begin", type=int, default=0)
    parser.add_argument("--only", type=int)
    asked = parser.parse_args()
    if asked.only is not None:
        print(f"{cost_of(asked.kind, asked.only):.3f} s, {memory_of(asked.kind, asked.only) / 1e6:.1f} MB")
        return 0
    gc.freeze()
    found, begun_s = 0, time.monotonic()
    for finding in campaign(asked.kind, range(asked.begin, asked.begin + asked.count)):
        found += 1
        print(finding, flush=True)
    took_s = max(0.001, time.monotonic() - begun_s)
    print(
        f"{asked.count} {asked.kind} from {asked.begin}: {found} over budget, {took_s:.0f} s, "
        f"{asked.count / time.process_time():.0f} per CPU second, at most {_peak_bytes() / 1e6:.0f} MB"
    )
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
