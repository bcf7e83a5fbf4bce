"""Which of a camera's streams somebody is given live, and whether what is private is black in it.

The pages of whoever is signed in cover it themselves. Who holds a pass is a program, a television or a page elsewhere,
which would show it: they get it encoded again without.
"""

from tawny.api.auth.accounts import LoginSession, Role
from tawny.api.context import AppContext
from tawny.live.stream_choice import StreamChoice, choose_stream
from tawny.model.ids import CameraId


def stream_for_session(
    here: AppContext, session: LoginSession, camera: CameraId, stream: str, can: list[str]
) -> StreamChoice | None:
    """None when there is no such camera."""
    choice = choose_stream(here.hubs(camera), stream, can)
    return choice.covered() if choice and is_program(session) else choice


def gets_masked_stream(here: AppContext, session: LoginSession, camera: CameraId) -> bool:
    """Whether they get another picture of it than who is signed in."""
    return is_program(session) and any(hub.private for hub in here.hubs(camera).values())


def sees_unmasked(session: LoginSession, choice: StreamChoice) -> bool:
    """What they are shown must be ended: something has become private since."""
    return is_program(session) and choice.is_bare


def is_program(session: LoginSession) -> bool:
    return session.person.role is Role.HOLDER
