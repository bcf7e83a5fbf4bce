"""What installers and owners of a hub may ask a box beyond `fleet.allow`, or less than it: pictures need a pass.

Both sides apply it: the box decides, and the hub asks no box for pictures unless it has stated a pass; a box of
an earlier version doesn't know the role.
"""

from collections.abc import Mapping
from typing import Any, Final

from tawny.api.auth.accounts import Role
from tawny.api.errors import RequestRefused
from tawny.fleet.hub_pass import PASS_SHARES
from tawny.model.ids import CameraId

OF_INSTALLERS: Final = frozenset({"health", "settings"})
"""What installers at a hub may ask for without a pass, as far as the box's owner allows it."""
WITH_PASS: Final = frozenset({Role.OWNER.value, Role.INSTALLER.value})
"""Roles at the hub that a pass is for."""
STATUS_FIELD: Final = "pass"
"""Where a box states its pass in its status."""
NEWER_FIELD: Final = "newer"
"""And a newer version that it knows of."""


def allowed_to(role: str, allow: frozenset[str], passed: frozenset[str]) -> frozenset[str]:
    """Return what a role at the hub may do: what is allowed to it, and what the pass adds."""
    own = allow & OF_INSTALLERS if role == Role.INSTALLER.value else allow
    return own | passed if role in WITH_PASS else own


def pass_in(status: Mapping[str, Any]) -> tuple[int, frozenset[str]]:
    """Return until when a box has stated that a pass holds, ms UTC, and for what; 0: none."""
    entry = status.get(STATUS_FIELD)
    until_ms, shares = (entry.get("until_ms"), entry.get("shares")) if isinstance(entry, Mapping) else (0, None)
    if type(until_ms) is not int or not isinstance(shares, list | tuple):
        return 0, frozenset()
    return until_ms, frozenset(str(one) for one in shares) & frozenset(PASS_SHARES)


def no_pass(share: str, role: str) -> RequestRefused | None:
    """Return why an installer gets no pictures; None: the pass isn't what is missing."""
    if role != Role.INSTALLER.value or share not in PASS_SHARES:
        return None
    return RequestRefused(
        403, "no_pass", "You need a pass from the owner of this recorder to see its pictures.",
        "The owner gives one at the recorder: Settings → Hub, or `tawny fleet pass 4h`.",
    )  # fmt: skip


def camera_named(path: str, query: Mapping[str, str]) -> CameraId:
    """Return the camera that a request names; empty if none."""
    parts = path.split("/")
    named = parts[4] if path.startswith("/api/v1/cameras/") and len(parts) > 5 else query.get("camera", "")
    return CameraId(named[:64])
