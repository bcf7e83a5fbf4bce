"""Target settings service: reads and changes destinations and notifiers at runtime. Thread-safe.

Changes take effect at once and are written to the settings file if one is in use.
"""

import threading
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from tawny.config.changes.delivery import Group, SettingsDraft
from tawny.config.settings import Settings
from tawny.delivery.connection_check import ConnectionTestStep
from tawny.delivery.folder_rules import ALLOW_ANY
from tawny.model.errors import NotDone
from tawny.service.delivery.delivery_service import DeliveryService
from tawny.service.delivery.target_kinds import all_kinds
from tawny.service.interfaces import delivery_settings as web
from tawny.service.plugin_registry import PluginRegistry


class TargetSettingsService:
    """Changes the settings of targets.

    settings: returns the current ones; apply: applies changed ones. config: the settings file; None: not in use.
    """

    def __init__(
        self,
        settings: Callable[[], Settings],
        apply: Callable[[Settings, str], None],
        outward: DeliveryService,
        doors: PluginRegistry,
        config: Path | None,
    ) -> None:
        self._settings, self._apply, self._outward = settings, apply, outward
        self._doors, self._config = doors, config
        self._lock = threading.Lock()
        self._text, self._secrets = "", dict[str, str]()
        """Targets added at runtime without a settings file, and their secrets."""

    @property
    def is_kept(self) -> bool:
        return self._config is not None

    def kinds(self) -> Sequence[web.TargetKind]:
        return all_kinds(self._doors)

    def said(self, name: str) -> web.TargetSettingsView:
        group = self._group_of(name)
        return web.TargetSettingsView(group, self._draft().values(group, name) or {})

    def put(self, group: Group, name: str, values: Mapping[str, Any]) -> None:
        with self._lock:
            draft = self._draft()
            draft.put(group, name, values)
            self._refuse_any_folder(name, draft.understood())
            self._take_over(draft)

    def remove(self, name: str) -> None:
        with self._lock:
            draft = self._draft()
            draft.remove(self._group_of(name), name)
            self._take_over(draft)
        self._outward.outbox.forget_target(name)

    def try_out(self, group: Group, name: str, values: Mapping[str, Any]) -> Sequence[ConnectionTestStep]:
        draft = self._draft()
        draft.put(group, name, values)
        new = self._with(draft.understood())
        self._refuse_any_folder(name, new)
        self._doors.check(new, "the settings")
        if group == "notifiers":
            return self._outward.messaging.test(name, new.notifiers[name])
        return self._outward.bringing.test(name, new.destinations[name])

    def _refuse_any_folder(self, name: str, changed: Settings) -> None:
        """Raise NotDone if the interface lifts the rules for folders, or uses them lifted for another folder."""
        new, now = changed.destinations.get(name), self._settings().destinations.get(name)
        if new is None or not new.options.get(ALLOW_ANY):
            return
        if now is None or not now.options.get(ALLOW_ANY) or now.url != new.url:
            raise NotDone(f"`{ALLOW_ANY}` can't be set here.", "Set it in tawny.toml.")

    def _draft(self) -> SettingsDraft:
        return SettingsDraft(self._config, self._text, self._secrets)

    def _take_over(self, draft: SettingsDraft) -> None:
        new = self._with(draft.understood())
        self._doors.check(new, "the settings")
        draft.write()
        self._text, self._secrets = draft.text, draft.secrets
        self._apply(new, str(self._config or "the settings"))

    def _with(self, changed: Settings) -> Settings:
        """Return the current settings with these two tables replaced; command-line overrides stay in effect."""
        tables = {"destinations": changed.destinations, "notifiers": changed.notifiers}
        return self._settings().model_copy(update=tables)

    def _group_of(self, name: str) -> Group:
        now = self._settings()
        if name in now.destinations:
            return "destinations"
        if name in now.notifiers:
            return "notifiers"
        raise NotDone(f"{name} isn't in the settings.", "It may have been removed. Reload the page.")
