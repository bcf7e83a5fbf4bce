"""What users may do, in words: for the audit log and the terminal."""

from collections.abc import Collection

from tawny.api.auth.accounts import Account
from tawny.model.ids import CameraId
from tawny.model.times import utc_text


def granted_text(person: Account, before: Account | None = None) -> str:
    """Return what a user may do, for the audit log. before: what they might do until now; None: a new user."""
    until = f" until {utc_text(person.ends_ms)}" if person.ends_ms else ""
    role, sees = person.role.value, seen_words(person.cameras)
    if before is not None and before.role is not person.role:
        role = f"{before.role.value} -> {role}"
    if before is not None and before.cameras != person.cameras:
        sees = f"{seen_words(before.cameras)} -> {sees}"
    return f"{person.name}: {role}{until}, sees {sees}"


def seen_words(cameras: Collection[CameraId] | None) -> str:
    return "all cameras" if cameras is None else ", ".join(sorted(cameras)) or "nothing"
