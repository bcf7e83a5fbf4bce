"""The strongest sign-in that each camera has ever offered.

A device that takes a camera's place on the cable can ask for a weaker sign-in and read the password, so a weaker one is
not answered. A record belongs to camera, host and port. Thread-safe; never blocks.
"""

import json
import threading
from collections.abc import Callable
from enum import IntEnum
from typing import Any, Final, NamedTuple

MAX_RECORDS: Final = 1_000
_LONGEST: Final = 300


class SignIn(IntEnum):
    """Sign-in methods, the stronger the greater. With Basic, the password itself is sent."""

    NONE = 0
    BASIC = 1
    MD5 = 2
    SHA_256 = 3


SIGN_IN_NAMES: Final = {SignIn.BASIC: "Basic", SignIn.MD5: "Digest MD5", SignIn.SHA_256: "Digest SHA-256"}
_BY_NAME: Final = {name: sign_in for sign_in, name in SIGN_IN_NAMES.items()}


class LoginPlace(NamedTuple):
    """What a record belongs to. host: lower case."""

    camera: str
    host: str
    port: int


class LoginHistory:
    """Records of all cameras. on_change: called after a record became stronger or was removed."""

    def __init__(self, on_change: Callable[[], None] = lambda: None) -> None:
        self._on_change = on_change
        self._lock = threading.Lock()
        self._strongest: dict[LoginPlace, SignIn] = {}

    def record(self, camera: str, host: str, port: int) -> "LoginRecord":
        return LoginRecord(self, LoginPlace(camera, host.lower(), port))

    def strongest(self, place: LoginPlace) -> SignIn:
        with self._lock:
            return self._strongest.get(place, SignIn.NONE)

    def offered(self, place: LoginPlace, sign_in: SignIn) -> None:
        """Remember that the camera offered this sign-in."""
        with self._lock:
            if sign_in <= self._strongest.get(place, SignIn.NONE):
                return
            self._strongest[place] = sign_in
            while len(self._strongest) > MAX_RECORDS:
                del self._strongest[next(iter(self._strongest))]
        self._on_change()

    def of(self, camera: str) -> dict[LoginPlace, SignIn]:
        """Return the records of one camera, which `offered` puts back."""
        with self._lock:
            return {place: sign_in for place, sign_in in self._strongest.items() if place.camera == camera}

    def forget(self, camera: str) -> bool:
        """Accept any sign-in of this camera again. Return whether one was remembered."""
        return self._remove([place for place in self._strongest.copy() if place.camera == camera])

    def keep_only(self, cameras: set[str]) -> None:
        """Remove the records of all other cameras."""
        self._remove([place for place in self._strongest.copy() if place.camera not in cameras])

    def _remove(self, places: list[LoginPlace]) -> bool:
        with self._lock:
            for place in places:
                self._strongest.pop(place, None)
        if places:
            self._on_change()
        return bool(places)

    def to_bytes(self) -> bytes:
        with self._lock:
            items = sorted(self._strongest.items())
        rows = [{**place._asdict(), "strongest": SIGN_IN_NAMES[sign_in]} for place, sign_in in items]
        return json.dumps({"version": 1, "logins": rows}, indent=1).encode() + b"\n"

    def load(self, data: bytes) -> None:
        """Add the records of `to_bytes`. Raises ValueError if the data is anything else."""
        try:
            document: Any = json.loads(data)
            rows = document["logins"][:MAX_RECORDS]
            read = {_place_in(row): _BY_NAME[row["strongest"]] for row in rows}
        except (KeyError, TypeError, AttributeError, RecursionError) as error:
            raise ValueError(f"no record of sign-ins: {type(error).__name__}") from error
        with self._lock:
            self._strongest |= read


class LoginRecord:
    """The record of one camera, host and port."""

    def __init__(self, history: LoginHistory, place: LoginPlace) -> None:
        self._history, self._place = history, place

    @property
    def strongest(self) -> SignIn:
        return self._history.strongest(self._place)

    def offered(self, sign_in: SignIn) -> None:
        self._history.offered(self._place, sign_in)


def _place_in(row: Any) -> LoginPlace:
    camera, host, port = row["camera"], row["host"], row["port"]
    if not (isinstance(camera, str) and isinstance(host, str) and isinstance(port, int)):
        raise TypeError
    if len(camera) + len(host) > _LONGEST:
        raise ValueError("a name is too long")
    return LoginPlace(camera, host, port)
