"""Change a camera's addresses in the settings and its passwords in `secrets.toml`."""

from collections.abc import Mapping
from typing import Any

from tawny.config.changes.delivery import SettingsDraft
from tawny.model.errors import NotDone

ADDRESSES = ("source", "sub", "onvif")


class SourceDraft(SettingsDraft):
    """Draft of the settings file that also edits camera addresses."""

    def addresses(self, camera: str) -> dict[str, str]:
        """Return the addresses as written, with `${NAME}` for secrets.

        Raises NotDone: when the camera is not in the file.
        """
        table = self._table(camera)
        return {key: str(table[key]) for key in ADDRESSES if key in table}

    def put_addresses(self, camera: str, values: Mapping[str, str], secrets: Mapping[str, str]) -> None:
        """Set addresses; an empty value removes the key. secrets: values of the `${NAME}`s used in them."""
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
