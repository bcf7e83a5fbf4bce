"""How long `tawny find` takes to answer the written questions of the tests, rightly, among a month of other events.

    python -m benchmarks.find [--events 800] [--days 30]

The week of `tests.playback.search.test_questions` lies in an index on the disk, among so many short events a day of 16
other cameras. Each question is asked three times; the best counts, for others use the machine, too. Exit: 1 over the
budget, or an answer was wrong.
"""

import argparse
import sys
import tempfile
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

from benchmarks.peers import report
from tawny.model.events import Event, event_id
from tawny.model.ids import CameraId
from tawny.model.times import SystemClock
from tawny.playback.search.event_search import SearchableNames, search_in_words
from tawny.storage.disk.layout import DAY_MS
from tawny.storage.index.sqlite_index import SqliteIndex
from tests.playback.search.test_questions import BERLIN, CAMERAS, NOW, QUESTIONS, WEEK

BUDGET_S = 0.2
ROUNDS = 3
MOST = 60
OTHERS = tuple(CameraId(f"camera-{number}") for number in range(1, 17))
CLOCK = SystemClock()


def main() -> int:
    asked = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    asked.add_argument("--events", type=int, default=800, help="of the other cameras together, a day")
    asked.add_argument("--days", type=int, default=30)
    args = asked.parse_args()
    with tempfile.TemporaryDirectory() as folder, closing(SqliteIndex(Path(folder) / "tawny.db")) as index:
        for one in WEEK.values():
            index.put_event(one)
        with index.together():
            _fill(index.put_event, args.days, args.events)
        known = SearchableNames(CAMERAS | {name: str(name).replace("-", " ") for name in OTHERS}, {"drive"})
        names = {one.id: name for name, one in WEEK.items()}
        slowest_s, wrong = 0.0, 0
        for question, answers in QUESTIONS:
            took_s = []
            for _ in range(ROUNDS):
                begun_s = CLOCK.mono_s()
                _, found = search_in_words(index, question, known, BERLIN, NOW, MOST)
                took_s.append(CLOCK.mono_s() - begun_s)
            is_right = [names.get(one.id) for one in found] == answers
            wrong += not is_right
            slowest_s = max(slowest_s, min(took_s))
            print(f"{1000 * min(took_s):6.1f} ms  {question}{'' if is_right else '  WRONG'}")
    print(f"{len(QUESTIONS) - wrong} of {len(QUESTIONS)} right, among {args.days * args.events} other events")
    is_within = report("find_slowest", slowest_s, BUDGET_S, f"{1000 * BUDGET_S:.0f} ms", 1.0)
    return int(wrong > 0 or not is_within)


def _fill(put: Callable[[Event], None], days: int, a_day: int) -> None:
    """Short motion at other cameras, evenly over the days until now."""
    every_ms = DAY_MS // a_day
    for n in range(days * a_day):
        start_ms = NOW - (n + 1) * every_ms
        found = event_id(start_ms, b"othr")
        put(Event(found, OTHERS[n % len(OTHERS)], "motion", start_ms, start_ms + 2000, 60.0))


if __name__ == "__main__":
    sys.exit(main())
