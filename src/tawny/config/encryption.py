"""Settings of encryption: public keys only; the recorder never has the private ones."""

from typing import Annotated

from pydantic import AfterValidator, Field

from tawny.config.retention import Table
from tawny.sealed.key_wrapping import recipient

Recipient = Annotated[str, AfterValidator(recipient)]


class SealingSettings(Table):
    """Public encryption keys (`age1…`), written by `tawny encryption setup`."""

    recipients: tuple[Recipient, ...] = Field(
        (), description="Public keys that can open encrypted recordings: `age1…`."
    )
    recovery: Recipient | None = Field(
        None, description="Public key of the printed recovery sheet. Nothing is encrypted without one."
    )

    @property
    def all(self) -> tuple[str, ...]:
        return (*self.recipients, *([self.recovery] if self.recovery else ()))
