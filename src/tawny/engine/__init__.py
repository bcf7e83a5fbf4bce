"""Engine: actors that run step by step, a supervisor that restarts them, and the bus between them.

`ThreadEngine` uses one thread per actor; `PooledEngine` gives actors that mostly wait a thread for each step;
`SharedThread` runs actors that never block in one thread. `InlineEngine` runs the same actors under a fake clock in
order of due time, without threads or sleeping.
"""

from tawny.engine.actor import (
    Actor,
    ActorHandle,
    ActorPool,
    Bus,
    Engine,
    Handle,
    PooledEngine,
    SharedThread,
    ThreadEngine,
)
from tawny.engine.inline import InlineEngine

__all__ = [
    "Actor",
    "ActorHandle",
    "ActorPool",
    "Bus",
    "Engine",
    "Handle",
    "InlineEngine",
    "PooledEngine",
    "SharedThread",
    "ThreadEngine",
]
