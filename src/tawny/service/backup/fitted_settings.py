"""What the settings of a backup become here: with this data folder, and an address that this computer can listen on."""

import errno
import os
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import tomlkit
from tomlkit.exceptions import TOMLKitError

from tawny.config.file_writing import read_file
from tawny.config.loader import known_secrets, parse_settings, tables_with_secrets
from tawny.config.settings import WebSettings, listen_address
from tawny.config.toml_editing import new_table
from tawny.engine.acceptor import PORTS, bind_sockets, free_address, listening_places, listens_alone
from tawny.model.errors import Problem, SettingsError
from tawny.service.backup.obstacles import secrets_problem
from tawny.service.backup.setting_changes import expanded, flat, tables_in
from tawny.storage.disk.lock import holder


class FittedSettings:
    """The settings file `saved` of a backup. config: the one that it replaces; data: the folder that is restored to.

    The settings may be invalid here, as without secrets that the environment of the other computer had.
    """

    def __init__(self, saved: Path, config: Path, data: Path) -> None:
        self._saved, self._config, self._data = saved, config, data
        self._stated = str(flat(tables_in(saved)).get("storage.path") or "")
        self._listen, self.listened = _listen_in(saved, config.parent), _listen_in(config)
        """listened: the address of the web interface by the settings here."""
        self._stays = _stated_listen(config)
        is_new = not os.path.lexists(config)  # then nothing says that its default address is free here
        is_changed = os.path.lexists(saved) and (is_new or self._listen != self.listened)
        refused = self._refusal() if is_changed else None
        self._why_not = (refused.strerror or str(refused)) if refused is not None else ""
        self.listens = self._instead(refused) if refused else self._listen if is_changed else self.listened
        """The address after the restore."""

    def notes(self) -> Iterator[str]:
        """Yield sentences about what becomes another value, or has to be changed by hand."""
        folder, is_fixed = self._data.absolute(), not self._is_changeable()
        if self._stated and not self._names_folder():
            if is_fixed:
                yield f"storage.path is {self._stated} and can't be changed. Change it in {self._config} to {folder}."
            else:
                yield f"storage.path was {self._stated}. It becomes {folder}."
        if self._why_not:
            what = f"This computer can't listen on {self._listen}, the web.listen of the backup ({self._why_not})."
            if self.listens == self._listen:
                yield f"{what} Connect that network before tawny starts, or change it in {self._config}."
            elif is_fixed:
                yield f"{what} Change it in {self._config} to {self.listens}."
            elif os.path.lexists(self._config):
                yield f"{what} It stays {self.listens}."
            else:
                yield f"{what} It becomes {self.listens}."
        elif self.listens != self.listened and os.path.lexists(self._config):
            changed = f"web.listen was {self.listened}. It becomes {self.listens}."
            yield f"{changed} tawny's pages are there then, unless it is started with `--listen`."

    def text(self) -> str | None:
        """Return the settings as they become. None: as they are; or there are none, or they can't be changed."""
        changes = [] if self._names_folder() else [("storage", "path", str(self._data.absolute()))]
        if self._why_not and self.listens != self._listen:
            stays = self.listens == self.listened and os.path.lexists(self._config)
            changes.append(("web", "listen", self._stays if stays else self.listens))
        if not changes or not self._is_changeable():
            return None
        document = self._document()
        for table, key, value in changes:
            if table not in document:
                document[table] = new_table(document, table)
            document[table][key] = value
        return str(tomlkit.dumps(document))

    def wrong(self) -> str:
        """Return what is wrong with the settings of the backup as they become; empty: nothing."""
        if why := secrets_problem(self._saved.parent, self._config):
            return why
        try:
            secrets = known_secrets(self._saved.parent, coming_to=self._config.parent)
            chosen, problems = parse_settings(self.text() or read_file(self._saved), secrets)
        except SettingsError as error:
            return _first(error.problems)
        except UnicodeDecodeError:
            return _first([Problem("file", "bytes that are not UTF-8", "UTF-8 text")])
        return _first(problems) if chosen is None else ""

    def _refusal(self) -> OSError | None:
        """Return why the web server could not listen on the address of the backup; None: it can, or may."""
        try:
            host, port = listen_address(self._listen)
            for made in bind_sockets(listening_places(host, port), port):
                made.close()
        except ValueError:
            return None  # an invalid setting
        except OSError as error:
            is_by_tawny = error.errno == errno.EADDRINUSE and listens_alone(port)  # a recorder restores in its process
            may_be_allowed = error.errno == errno.EACCES and holder(self._data) is None  # a service has more rights
            return None if is_by_tawny or may_be_allowed else error
        return None

    def _instead(self, refused: OSError) -> str:
        """Return the address that replaces that of the backup: the one here, or, without settings, its next free port.

        Without settings, a host that isn't here stays: it may be that of a VPN, and all addresses reach further.
        """
        if os.path.lexists(self._config):
            return self.listened
        host, port = listen_address(self._listen)
        return free_address((port, *PORTS), host) if refused.errno == errno.EADDRINUSE else self._listen

    def _names_folder(self) -> bool:
        """Whether the settings name this folder, wherever tawny is started."""
        folder = expanded(self._stated) if self._stated else Path()
        return folder.is_absolute() and os.path.realpath(folder) == os.path.realpath(self._data)

    def _is_changeable(self) -> bool:
        try:
            self._document()
        except (FileNotFoundError, UnicodeDecodeError, TOMLKitError):
            return False
        tables = tables_in(self._saved)
        return all(isinstance(tables.get(name, {}), dict) for name in ("storage", "web"))

    def _document(self) -> Any:
        return tomlkit.parse(self._saved.read_bytes().decode("utf-8-sig"))  # line ends stay


def _listen_in(config: Path, coming_to: Path | None = None) -> str:
    """Return the address with its secrets filled in; as it is stated where they can't be read, or it is none then."""
    stated = _stated_listen(config)
    filled = str(flat(tables_with_secrets(config, coming_to)).get("web.listen") or stated)
    try:
        listen_address(filled)
    except ValueError:
        return stated  # shows no secret
    return filled


def _stated_listen(config: Path) -> str:
    return str(flat(tables_in(config)).get("web.listen") or WebSettings().listen)


def _first(problems: Sequence[Problem]) -> str:
    return f"{problems[0].path} is {problems[0].found}." if problems else "They are invalid."
