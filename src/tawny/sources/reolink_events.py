"""Events of Reolink cameras by their HTTP API: the states of one channel, asked for every second.

A sign-in gives a token for an hour. It sends the password itself, so addresses should begin with https.
"""

import json
import re
import threading
from collections.abc import Iterable, Mapping
from contextlib import suppress
from dataclasses import replace
from typing import Any, Final

from tawny.config.lens_and_ptz import EventApiSettings
from tawny.model.errors import SourceError, SourceLoginWeaker, SourceNotFound, SourceRefused, SourceUnreachable
from tawny.model.events import DOORBELL
from tawny.model.times import Clock
from tawny.protocols.login_history import SIGN_IN_NAMES, LoginRecord, SignIn
from tawny.sources.event_stream import MOST_PART_BYTES, web_place
from tawny.sources.http import CameraHttp
from tawny.sources.onvif_events import ANIMAL, MOTION, PERSON, PULL_S, VEHICLE, CameraReport

ASKS_S: Final = 1.0
"""Time between two requests, s: a press of a doorbell's button is there for some seconds."""
STALL_S: Final = 5.0
_LEAVES_S: Final = 1.5
_PATH: Final = "/cgi-bin/api.cgi"
_STATES: Final = "GetEvents", "GetMdState", "GetAiState"
"""The first has all, on newer cameras; the others have motion and what the camera recognizes."""
_KINDS: Final[Mapping[str, str]] = {
    "md": MOTION, "visitor": DOORBELL, "people": PERSON, "face": PERSON, "vehicle": VEHICLE, "dog_cat": ANIMAL,
}  # fmt: skip
_TOKEN: Final = re.compile(r"\w{1,200}")
_LOGIN_FIRST, _NO_SESSION = -6, -5
_LEASE_S: Final = 60.0, 3600.0
_RENEWS: Final = 0.8
"""The share of a token's time after which another one is asked for."""
_NONE: Final = "it has no events of Reolink cameras ({})"


def read_reolink(answers: Iterable[Any]) -> dict[str, bool]:
    """Return which kinds the answers to the requests for states report, and whether they are on now."""
    found: dict[str, bool] = {}
    for answer in answers:
        value = answer.get("value") if isinstance(answer, dict) and answer.get("code") == 0 else None
        if not isinstance(value, dict):
            continue
        below = value.get("ai")
        states = {**value, **(below if isinstance(below, dict) else {})}
        if answer.get("cmd") == "GetMdState":
            states = {"md": value.get("state")}
        for name, state in states.items():
            kind, is_on = _KINDS.get(name), _is_on(state)
            if kind is not None and is_on is not None:
                found[kind] = found.get(kind, False) or is_on
    return found


def _is_on(state: Any) -> bool | None:
    """Return a state of `{"alarm_state": 1, "support": 1}`, or of a bare number; None if the camera has none."""
    if isinstance(state, dict):
        return state.get("alarm_state") == 1 if state.get("support") == 1 else None
    return state == 1 if isinstance(state, int) else None


class ReolinkEvents:
    """The events of one Reolink camera: signed in when first used, and again when its token is no longer known.

    Call from one thread, `cancel` from any. record: what sign-ins the camera offered before. sleeps: to save a
    battery, so that a press of its button may be what lets it answer.
    """

    def __init__(
        self, settings: EventApiSettings, clock: Clock, record: LoginRecord | None, *, sleeps: bool = False
    ) -> None:
        self._sleeps = sleeps
        self._clock, self._record, self._fingerprint = clock, record, settings.fingerprint
        self._number = max(0, settings.channel - 1)
        address = web_place(settings.url)
        self._where = address.public
        self._address = replace(address, path=address.path + _PATH)
        self._client = self._new_client(STALL_S)
        self._token, self._renew_s = "", 0.0
        self._commands: tuple[str, ...] = _STATES
        self._was: dict[str, bool] = {}
        self._is_well = self._repeats = False
        """Whether the camera answers; whether what lasts is reported again, because it failed to answer."""
        self._over = threading.Event()

    def pull(self, waits_s: float = PULL_S) -> list[CameraReport]:
        """Return what was reported since; waits up to this time for something. Raises SourceError."""
        until_s = self._clock.mono_s() + waits_s
        try:
            while True:
                found = self._changes(self._states())
                self._is_well = True
                left_s = until_s - self._clock.mono_s()
                if found or left_s <= 0:
                    return found
                if self._over.wait(min(ASKS_S, left_s)):
                    raise SourceUnreachable(self._where, "the connection was closed")
        except SourceError:
            self._is_well = self._is_well and self._over.is_set()  # what was cancelled can still sign out
            self._repeats = True
            self._client.close()
            raise

    def cancel(self) -> None:
        """End the request under way: `pull` raises SourceError, also later."""
        self._over.set()
        self._client.cut()

    def leave(self) -> None:
        """Sign out: cameras have room for few."""
        self._client.close()
        if self._token and self._is_well:
            client = self._new_client(_LEAVES_S)  # its own may have been cut
            with suppress(SourceError):
                self._sign_out(client)
            client.close()
        self._token, self._is_well = "", False

    def _new_client(self, stall_s: float) -> CameraHttp:
        return CameraHttp(replace(self._address, user="", password=""), self._fingerprint, stall_s, None)

    def _changes(self, states: Mapping[str, bool]) -> list[CameraReport]:
        now_ms, name = self._clock.now_ms(), f"channel {self._number + 1}"
        found: list[CameraReport] = []
        for kind, is_on in {**dict.fromkeys(self._was, False), **states}.items():
            was = self._was.get(kind, False)
            if is_on == was and not (self._repeats and is_on and kind != DOORBELL):
                continue
            if kind != DOORBELL:
                found.append(CameraReport(kind, name, now_ms, is_on))
            elif is_on and (kind in self._was or (self._sleeps and self._repeats)):  # else it may be on since long ago
                found.append(CameraReport(kind, name, now_ms, None))
        self._was, self._repeats = dict(states), False
        return found

    def _states(self) -> dict[str, bool]:
        if self._token and self._clock.mono_s() >= self._renew_s:
            self._sign_out(self._client)
        if not self._token:
            self._sign_in()
        answers = self._asked()
        if _LOGIN_FIRST in map(_refusal, answers):  # it has restarted, or the token has ended
            self._sign_in()
            answers = self._asked()
        known = [one["cmd"] for one in answers if isinstance(one, dict) and one.get("code") == 0 and "cmd" in one]
        states = read_reolink(answers)
        if not states:
            reasons = {f"error {code}" for code in map(_refusal, answers) if code} or {"it reports no states"}
            raise SourceError(self._where, _NONE.format(", ".join(sorted(reasons))))
        # one request for all where the camera has it
        self._commands = _STATES[:1] if _STATES[0] in known else tuple(one for one in _STATES if one in known)
        return states

    def _asked(self) -> list[Any]:
        wanted = [{"cmd": one, "action": 0, "param": {"channel": self._number}} for one in self._commands]
        return self._ask(self._client, wanted, self._token)

    def _sign_in(self) -> None:
        address, record = self._address, self._record
        if record is not None and not address.is_encrypted:
            if record.strongest > SignIn.BASIC:
                login = SIGN_IN_NAMES[record.strongest]
                raise SourceLoginWeaker(self._where, f"Basic instead of {login}")
            record.offered(SignIn.BASIC)
        user = {"Version": "0", "userName": address.user, "password": address.password}
        self._token = ""
        answers = self._ask(self._client, [{"cmd": "Login", "action": 0, "param": {"User": user}}], "")
        code = _refusal(answers[0]) if answers else 0
        if code == _NO_SESSION:
            raise SourceError(self._where, "too many are signed in at it")
        if code:
            raise SourceRefused(self._where, f"error {code}")
        given = read_token(answers)
        if given is None:
            raise SourceError(self._where, _NONE.format("its token can't be read"))
        self._token, lease_s = given
        self._renew_s = self._clock.mono_s() + lease_s * _RENEWS

    def _sign_out(self, client: CameraHttp) -> None:
        token, self._token = self._token, ""
        self._ask(client, [{"cmd": "Logout", "action": 0, "param": {}}], token)

    def _ask(self, client: CameraHttp, commands: list[dict[str, Any]], token: str) -> list[Any]:
        """Return the answers to commands, one each. Raises SourceError."""
        path = f"{self._address.path}?cmd={commands[0]['cmd']}" + (f"&token={token}" if token else "")
        try:
            data = client.read_all(client.post(path, json.dumps(commands).encode()), MOST_PART_BYTES)
        except SourceNotFound as error:
            raise SourceError(self._where, _NONE.format(error.detail)) from None
        try:
            answers = json.loads(data)
        except (ValueError, RecursionError):
            answers = None
        if not isinstance(answers, list):
            raise SourceError(self._where, _NONE.format("its answer is no list in JSON"))
        return answers


def read_token(answers: list[Any]) -> tuple[str, float] | None:
    """Return token and its time in s of the answer to a sign-in; None if it has none."""
    value = answers[0].get("value") if answers and isinstance(answers[0], dict) else None
    token = value.get("Token") if isinstance(value, dict) else None
    if not isinstance(token, dict) or not isinstance(token.get("name"), str) or not _TOKEN.fullmatch(token["name"]):
        return None
    lease = token.get("leaseTime")
    least, most = _LEASE_S
    return token["name"], min(most, max(least, lease)) if isinstance(lease, int | float) else most


def _refusal(answer: Any) -> int:
    """Return the code of an answer that is an error; 0 for any other."""
    if not isinstance(answer, dict) or answer.get("code") in (0, None):
        return 0
    error = answer.get("error")
    code = error.get("rspCode") if isinstance(error, dict) else None
    return code if isinstance(code, int) and -10_000 < code < 10_000 and code else -1
