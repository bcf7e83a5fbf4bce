"""Limits that the system sets to this process."""

from tawny.model.errors import NotDone


def limit_reached(error: BaseException) -> NotDone | None:
    """Return what to say of an error that a limit of threads or memory causes; None for any other error."""
    if not isinstance(error, MemoryError) and "start new thread" not in str(error):
        return None
    return NotDone(
        "The system gives tawny no more threads or memory.",
        "Raise the limit: `TasksMax=` and `MemoryMax=` in the systemd unit, `--pids-limit` and `--memory` of a"
        " container, or `ulimit -u` and `ulimit -v`.",
    )
