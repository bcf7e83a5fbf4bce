"""Witnesses of the signed history at upload destinations: small files whose names say everything.

`tawny-history/<recorder's computer>/<month>/<witness>.txt`: a login that may only write can leave it, and a person can
read it in any list of files. Each statement has its own file, so that a later one never replaces an earlier one.
"""

import logging
from collections.abc import Callable, MutableMapping
from hashlib import sha256
from typing import Final

from tawny.delivery.delivery import Delivery, DeliveryContent, DeliveryKind, in_memory
from tawny.delivery.destination import DestinationConnection, FileCarrier
from tawny.model.errors import DeliveryError, TargetMissing
from tawny.sealed.statements import Witness, find_witnesses

log = logging.getLogger(__name__)

FOLDER: Final = "tawny-history"
_TEXT: Final = """\
{witness}

The signed history of this recorder contains this statement. To check that on the recorder:

    tawny check --deep --witness {witness}
"""


def computer_label(host: str) -> str:
    """Return the folder of a recorder's computer. It does not reveal the name."""
    return sha256(host.encode()).hexdigest()[:8]


def witness_path(witness: Witness, host: str) -> str:
    """Return the name at destinations. host: of the recorder's computer."""
    return f"{FOLDER}/{computer_label(host)}/{witness.day[:7]}/{witness.text}.txt"


def read_witnesses(connection: DestinationConnection, host: str) -> tuple[list[Witness], list[Witness]]:
    """Return all witnesses: of this computer's recorders, then of others'. Raises DeliveryError.

    The newest alone would say too little: a disk that was put back to an older copy, and continued, leaves newer ones.
    """
    own, others = list[Witness](), list[Witness]()
    try:
        for file in connection.files(FOLDER):
            is_own = file.name.startswith(f"{FOLDER}/{computer_label(host)}/")
            (own if is_own else others).extend(find_witnesses(file.name))
    except TargetMissing:
        return [], []
    return own, others


class WitnessCarrier:
    """A carrier of files that leaves the newest witness beside them, at most one for each statement.

    newest: returns it, or None. left: the last one by destination, shared by its couriers.
    """

    def __init__(
        self,
        files: FileCarrier,
        connection: DestinationConnection,
        to: str,
        newest: Callable[[], tuple[Witness, str] | None],
        left: MutableMapping[str, str],
    ) -> None:
        self._files, self._connection, self._to, self._newest, self._left = files, connection, to, newest, left

    def carry(self, delivery: Delivery, content: DeliveryContent, note: Callable[[str], None]) -> str:
        receipt = self._files.carry(delivery, content, note)
        if delivery.what is not DeliveryKind.REMOVAL:
            self._leave()
        return receipt

    def close(self) -> None:
        self._files.close()

    def _leave(self) -> None:
        """Upload the witness. A failure is not one of the delivery; the next delivery tries again."""
        newest = self._newest()
        if newest is None or self._left.get(self._to) == newest[0].text:
            return
        witness, host = newest
        try:
            text = in_memory(_TEXT.format(witness=witness.text).encode(), "text/plain", witness.at_ms)
            self._connection.put(witness_path(witness, host), text, "", lambda _: None)
        except DeliveryError as error:
            log.info("cannot leave a witness of the signed history: %s", error)
        else:
            self._left[self._to] = witness.text
