"""Who can open what sealed cameras record. The recorder has public keys only."""

from typing import Annotated

from pydantic import AfterValidator, Field

from tawny.config.keeping import Table
from tawny.sealed.wrapping import recipient

Recipient = Annotated[str, AfterValidator(recipient)]


class Sealed(Table):
    """Public keys, `age1…`, as `tawny seal init` writes them."""

    recipients: tuple[Recipient, ...] = Field((), description="Who can open what sealed cameras record: `age1…`.")
    recovery: Recipient | None = Field(
        None, description="The public key of the printed recovery sheet; nothing is sealed without one."
    )

    @property
    def all(self) -> tuple[str, ...]:
        return (*self.recipients, *([self.recovery] if self.recovery else ()))
