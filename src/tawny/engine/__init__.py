"""How work runs: actors that take one step at a time, the supervisor that begins them again, and the bus between them.

`ThreadEngine` (a thread an actor) is what runs in earnest, and `SharedThread` (one for all) for actors that never wait;
`InlineEngine` runs the same actors under a fake clock, in order of what falls due, without threads or sleeping.
"""

from tawny.engine.actor import Actor, Engine, Handle
from tawny.engine.bus import Bus
from tawny.engine.inline import InlineEngine
from tawny.engine.shared_thread import SharedThread
from tawny.engine.threads import ThreadEngine

__all__ = ["Actor", "Bus", "Engine", "Handle", "InlineEngine", "SharedThread", "ThreadEngine"]
