"""Former names of commands, actions and options; using one gives an error with the current name."""

from collections.abc import Sequence
from itertools import pairwise, takewhile
from typing import Final

from tawny.model.errors import UsageError

COMMANDS: Final[dict[str, tuple[str, ...]]] = {
    "add": ("cameras add",),
    "arm": ("mode",),
    "arm week": ("mode schedule",),
    "disarm": ("mode home",),
    "notify": ("notifications", "uploads"),
    "notify list": ("notifications list", "uploads list"),
    "notify test": ("notifications test", "uploads test"),
    "notify sweep": ("uploads clean",),
    "uploads sweep": ("uploads clean",),
    "passes": ("tokens",),
    "passes list": ("tokens list",),
    "passes make": ("tokens create",),
    "passes take-back": ("tokens revoke",),
    "tokens make": ("tokens create",),
    "tokens take-back": ("tokens revoke",),
    "programs": ("integrations",),
    "rehearse": ("rules test",),
    "report": ("cameras report",),
    "report camera": ("cameras report",),
    "seal": ("encryption",),
    "seal init": ("encryption setup",),
    "seal test": ("encryption test-sheet",),
    "seal list": ("encryption keys",),
    "seal add-recipient": ("encryption add-key",),
    "seal remove-recipient": ("encryption remove-key",),
    "seal rotate": ("encryption rotate",),
    "seal rewrap": ("encryption rewrap",),
    "encryption init": ("encryption setup",),
    "encryption test": ("encryption test-sheet",),
    "encryption list": ("encryption keys",),
    "encryption add-recipient": ("encryption add-key",),
    "encryption remove-recipient": ("encryption remove-key",),
    "token": ("setup-link",),
    "unseal": ("decrypt",),
}
"""Current names by former name; several where a command was split."""

OPTIONS: Final[dict[str, dict[str, str]]] = {
    "cameras": {"--untried": "--skip-test"},
    "export": {"--whole": "--unmasked"},
    "rules": {"--arm": "--mode"},
    "tokens": {"--brings": "--upload-quota"},
}
"""Current option names by current command and former option."""

VALUES: Final[dict[str, dict[tuple[str, str], str]]] = {"user": {("--role", "family"): "member"}}
"""By the present command: former values of options and present ones."""


def error_for(words: Sequence[str]) -> UsageError | None:
    """Return the error for a command line with a former name; None otherwise."""
    before_end = list(takewhile(lambda word: word != "--", words))
    named = list(takewhile(lambda word: not word.startswith("-"), before_end))
    found = next((name for name in (" ".join(named[:2]), *named[:1]) if name in COMMANDS), None)
    present = COMMANDS[found] if found else tuple(named[:1])
    options = OPTIONS.get(present[0].partition(" ")[0], {}) if present else {}
    given = [word.partition("=")[0] for word in before_end]
    old = [option for option in options if option in given]
    values = VALUES.get(present[0].partition(" ")[0], {}) if present else {}
    words_of = [part for word in before_end for part in (word.split("=", 1) if word.startswith("--") else [word])]
    old_values = [one for one in pairwise(words_of) if one in values]
    if found is None and not old and not old_values:
        return None
    former = " ".join(["tawny", found or named[0], *old, *(f"{option} {value}" for option, value in old_values)])
    new_values = [f"{one[0]} {values[one]}" for one in old_values]
    new = [" ".join(["tawny", name, *(options[option] for option in old), *new_values]) for name in present]
    return UsageError(f"`{former}` is now {' or '.join(f'`{one}`' for one in new)}.", "")
