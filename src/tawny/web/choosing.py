"""Which of a camera's streams somebody is given live, and whether what is private is black in it.

The pages of whoever is signed in cover it themselves. Who holds a pass is a program, a television or a page elsewhere,
which would show it: they get it encoded again without.
"""

from tawny.live.choice import Choice, choose
from tawny.model.ids import CameraId
from tawny.web.accounts import Role, Session
from tawny.web.site import Site


def chosen(here: Site, session: Session, camera: CameraId, stream: str, can: list[str]) -> Choice | None:
    """None when there is no such camera."""
    choice = choose(here.hubs(camera), stream, can)
    return choice.covered() if choice and is_program(session) else choice


def is_covered(here: Site, session: Session, camera: CameraId) -> bool:
    """Whether they get another picture of it than who is signed in."""
    return is_program(session) and any(hub.private for hub in here.hubs(camera).values())


def is_bare(session: Session, choice: Choice) -> bool:
    """What they are shown must be ended: something has become private since."""
    return is_program(session) and choice.is_bare


def is_program(session: Session) -> bool:
    return session.person.role is Role.HOLDER
