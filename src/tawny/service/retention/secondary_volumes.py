"""Secondary volumes (tiers and spares): used while available, reported while not.

One actor per volume, because a disk that hangs blocks its thread, and one mover per tier.
"""

import logging
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Final, Literal

from tawny.engine import Engine
from tawny.model.errors import StorageError
from tawny.model.messages import ProblemKind
from tawny.model.times import Clock
from tawny.service.health.alarms import HealthProblem
from tawny.service.retention.volume_listing import VolumeListing
from tawny.service.storage_setup import VolumeChoice
from tawny.storage.disk.failover import ImageReturn
from tawny.storage.disk.secondary_volumes import VolumeUse, attach, check_present, join, join_archive
from tawny.storage.disk.volume import Volume
from tawny.storage.index.protocol import Index
from tawny.storage.repair.recovery import folders_left_over, put_in_order
from tawny.storage.retention.contract import RetentionContract
from tawny.storage.retention.tiers import TierMover

log = logging.getLogger(__name__)

LOOK_S: Final = 10.0
LOOK_ARCHIVE_S: Final = 60.0
"""The same for an archive, where each look is a request that costs."""
HANGS_S: Final = 20.0
"""Duration, s, of a check after which the disk counts as hanging."""


@dataclass(frozen=True, slots=True)
class OtherVolume:
    """State of a secondary volume. name: its folder or address. volume: None if never available.

    problem: why it is not in use; None if it is.
    """

    name: str
    use: Literal["tier", "spare"]
    volume: Volume | None
    problem: StorageError | None


class OtherVolumes:
    """Manages the secondary volumes. contract: returns the rules of retention. wake: runs it soon."""

    def __init__(
        self,
        first: Volume,
        chosen: Sequence[VolumeChoice],
        index: Index,
        clock: Clock,
        engine: Engine,
        contract: Callable[[], RetentionContract],
        wake: Callable[[], None] = lambda: None,
    ) -> None:
        self._first, self._index, self._clock, self._engine = first, index, clock, engine
        self._contract, self._wake = contract, wake
        self._movers: list[TierMover] = []
        self._looks = [_Look(first, one, clock, self._prepare, self._joined) for one in chosen]

    def start(self) -> None:
        for look in self._looks:
            if look.volume is not None:
                self._joined(look.chosen, look.volume)
            look.start(self._engine)

    def looks(self) -> "Iterator[OtherVolume]":
        """Yield the state of every configured volume. Call from any thread."""
        for look in self._looks:
            use: Literal["tier", "spare"] = "tier" if look.chosen.use is VolumeUse.TIER else "spare"
            yield OtherVolume(look.chosen.name, use, look.volume, look.problem)

    def problems(self) -> Iterator[HealthProblem]:
        """Yield problems with the volume's use, from memory. Call from any thread."""
        away = {look.chosen.name for look in self._looks if look.problem is not None}
        for look in self._looks:
            if (problem := look.problem) is not None:
                kind = ProblemKind(look.chosen.use.value)
                yield HealthProblem(kind, None, problem.message, problem.do, look.chosen.name)
        for mover in self._movers:
            if (problem := mover.problem) is not None and mover.tier_name not in away:
                about = f"moves to {mover.tier_name}"
                yield HealthProblem(ProblemKind.TIER, None, problem.message, problem.do, about)

    def _prepare(self, volume: Volume) -> None:
        """Finalize what a recorder left open on the volume, before anything is written to it."""
        put_in_order(volume, self._index, folders_left_over(volume), "found open")
        volume.open_folders.clear()

    def _joined(self, chosen: VolumeChoice, volume: Volume) -> None:
        if volume.has_moving_files:
            ImageReturn(volume, self._first, self._index).start(self._engine)
        if volume.archive is None:  # an archive that joins is read as a whole, and its list is here
            VolumeListing(volume, self._index, self._look_again).start(self._engine)
        if not chosen.takes_segments:
            return
        sources = partial(self._before, chosen)
        mover = TierMover(sources, volume, self._index, self._clock, chosen.after_s, self._contract, self._wake)
        self._movers.append(mover)
        mover.start(self._engine)

    def _look_again(self) -> None:
        for mover in list(self._movers):
            mover.look_again()

    def _before(self, chosen: VolumeChoice) -> list[Volume]:
        """Return the volumes before a tier, without those that are away: they would keep the others from moving."""
        return [
            self._first,
            *(
                look.volume
                for look in self._looks
                if look.chosen.takes_segments and look.chosen.after_s < chosen.after_s
                if look.volume is not None and look.problem is None
            ),
        ]


class _Look:
    """Checks one volume as an actor. joined: called when it became available after the start."""

    name = "volume"

    def __init__(
        self,
        first: Volume,
        chosen: VolumeChoice,
        clock: Clock,
        prepare: Callable[[Volume], None],
        joined: Callable[[VolumeChoice, Volume], None],
    ) -> None:
        self._first, self.chosen, self._clock = first, chosen, clock
        self.volume, self._problem = chosen.volume, chosen.error
        self._prepare, self._joined = prepare, joined
        self._looking_s: float | None = None

    @property
    def problem(self) -> StorageError | None:
        """Why it is not in use now; None if it is. Call from any thread."""
        since_s = self._looking_s
        if since_s is not None and self._clock.mono_s() - since_s > HANGS_S:
            return StorageError(self.chosen.name, "it isn't responding")
        return self._problem

    def start(self, engine: Engine) -> None:
        engine.start(f"{self.chosen.use} {self.chosen.name}", lambda: self)

    def step(self) -> float:
        self._looking_s = self._clock.mono_s()
        try:
            self._look()
            self._problem = None
        except StorageError as error:
            if self._problem is None:
                log.warning("%s", error)
            self._problem = error
        finally:
            self._looking_s = None
        return LOOK_S if self.chosen.archive is None else LOOK_ARCHIVE_S

    def close(self) -> None:
        """No resources to release."""

    def _look(self) -> None:
        if self.volume is None:
            if self.chosen.is_former:
                self.volume = attach(self._first, self.chosen.root, self.chosen.use, self._prepare, is_former=True)
            elif self.chosen.archive is not None:
                self.volume = join_archive(self._first, self.chosen.archive, self._prepare)
            else:
                self.volume = join(
                    self._first, self.chosen.root, self.chosen.use, self._prepare, taken=self.chosen.taken
                )
            log.warning("%s is available and now in use", self.chosen.name)
            self._joined(self.chosen, self.volume)
        else:
            check_present(self.volume)
