"""Encryption keys of a backup: whom a restore lets open new recordings, and key files that stay."""

from collections.abc import Iterator
from hashlib import sha256
from pathlib import Path

from tawny.service.backup.setting_changes import flat, key_names, tables_in


def key_changes(new: Path, config: Path) -> Iterator[str]:
    """Yield sentences about keys for which only the settings here, or only those of the backup, encrypt.

    new: the settings file of the backup, which comes to the place of `config`.
    """
    now = _keys_in(config)
    if not now or not new.exists():  # the settings here stay
        return
    then = _keys_in(new)
    for name in sorted(then - now):
        yield f"The key {name} opens no new recordings here now, and does after the restore."
    for name in sorted(now - then):
        yield f"The key {name} opens no new recordings after the restore."
    if then - now:
        yield (
            "If a key that comes back was replaced because others may have it, note the output of `tawny encryption "
            f"keys`, restore in a terminal, and put these keys into {config} before tawny starts."
        )


def _keys_in(settings: Path) -> set[str]:
    """Return the short names of all keys that open new recordings, of each or of one camera."""
    values = flat(tables_in(settings)).items()
    return {
        name
        for path, value in values
        if value and path.startswith(("encryption.", "cameras.")) and path.endswith((".recipients", ".recovery"))
        for name in key_names(value)
    }


def keep_others(old: Path, here: Path) -> None:
    """Move key files that the backup doesn't have back to `here`: each is locked by itself, and may be the only copy.

    One of another content than that of the same name gets a new name. Can be interrupted and called again.
    """
    if not old.is_dir():
        return
    here.mkdir(mode=0o700, exist_ok=True)
    for key in sorted(old.glob("*.age")):
        kept, about = here / key.name, key.with_suffix(".json")
        if kept.exists():
            content = key.read_bytes()
            if kept.read_bytes() == content:
                continue
            kept = kept.with_stem(f"{key.stem}-{sha256(content).hexdigest()[:8]}")
        if about.exists():
            about.replace(kept.with_suffix(".json"))
        key.replace(kept)  # last: its content makes the new name
    for other in sorted(old.iterdir()):
        if not (here / other.name).exists():
            other.rename(here / other.name)
