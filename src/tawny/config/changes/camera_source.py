"""Changes where a camera is and how it is logged into: addresses in the settings, the password in `secrets.toml`."""

from collections.abc import Mapping
from typing import Any

from tawny.config.changes.delivery import SettingsDraft
from tawny.model.errors import NotDone

ADDRESSES = ("source", "sub", "onvif")


class SourceDraft(SettingsDraft):
    """A settings file as it is to become."""

    def addresses(self, camera: str) -> dict[str, str]:
        """As they stand there, with `${NAME}` for what is secret. NotDone when the file has no such camera."""
        table = self._table(camera)
        return {key: str(table[key]) for key in ADDRESSES if key in table}

    def put_addresses(self, camera: str, values: Mapping[str, str], secrets: Mapping[str, str]) -> None:
        """values: an empty one takes that away. secrets: what `${NAME}` in them stands for."""
        table = self._table(camera)
        for key, value in values.items():
            if not value:
                table.pop(key, None)
            elif table.get(key) != value:
                table[key] = value
        self._secrets.update(secrets)

    def _table(self, camera: str) -> Any:
        table = self._document.get("cameras", {}).get(camera)
        if table is None:
            raise NotDone(f"The settings file has no camera {camera}.", "It may have been removed. Reload the page.")
        return table
