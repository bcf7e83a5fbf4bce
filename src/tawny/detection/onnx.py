"""ONNX models with the session options of a recorder: one thread that does not spin while idle."""

import os
from collections.abc import Callable, Sequence
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from tawny.engine.user_script_process import TELLS_NOBODY
from tawny.model.errors import NotDone

os.environ.update(TELLS_NOBODY)
"""Set before onnxruntime is imported: disables its telemetry."""

CPU = "CPUExecutionProvider"
ONLY_ERRORS = 3
PROVIDERS = {
    "cuda": "CUDAExecutionProvider", "openvino": "OpenVINOExecutionProvider", "coreml": "CoreMLExecutionProvider",
    "tensorrt": "TensorrtExecutionProvider", "cpu": CPU,
}  # fmt: skip
"""onnxruntime providers by their names in settings."""
PACKAGES = {"cuda": "onnxruntime-gpu", "tensorrt": "onnxruntime-gpu", "openvino": "onnxruntime-openvino"}
"""Packages that contain the providers."""
Accelerator = Callable[[Path], Any]
"""Opens a model on hardware that onnxruntime does not support; entry point group `tawny.accelerators`. The result has
the methods `get_inputs`, `run` and `get_providers` of an `InferenceSession`. Raises RuntimeError, ValueError or
OSError."""


FileVersion = tuple[tuple[int, int, int], ...]


def file_version(*files: Path) -> FileVersion:
    """Return inodes, times of change, ns, and sizes, bytes, by which a change shows; zeros for a missing file.

    The times are those of owner and mode, too: a file that could not be read may be readable now.
    """
    return tuple(map(_version_of, files))


def _version_of(file: Path) -> tuple[int, int, int]:
    try:
        found = file.stat()
    except OSError:
        return 0, 0, 0
    return found.st_ino, found.st_ctime_ns, found.st_size


def is_onnx_installed() -> bool:
    return find_spec("onnxruntime") is not None


def open_session(model: Path, providers: Sequence[str] = (CPU,)) -> Any:
    """Return an `onnxruntime.InferenceSession`.

    providers: in order of preference; unavailable ones are skipped, the CPU is always added. Raises NotDone: if
    onnxruntime is not installed or cannot open the file.
    """
    try:
        import onnxruntime
    except ImportError:
        raise NotDone(
            f"The model {model} can't be used: onnxruntime isn't installed.",
            "Install it with `pip install tawny[models]`.",
        ) from None
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    options.log_severity_level = ONLY_ERRORS
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    there = onnxruntime.get_available_providers()
    by = [one for one in providers if one in there and one != CPU]
    try:
        return onnxruntime.InferenceSession(str(model), options, providers=[*by, CPU])
    except refusals() as error:
        failed = str(error).splitlines()[0]
    raise NotDone(f"The model {model} can't be used: {failed}.", "Is it a complete ONNX file?")


def opened_by(accelerator: Accelerator, model: Path) -> Any:
    """Return the model opened by an accelerator. Raises NotDone: if it cannot be opened."""
    try:
        return accelerator(model)
    except (RuntimeError, ValueError, OSError) as error:
        raise NotDone(f"The model {model} can't be used: {error}.", 'Until then, use `by = "cpu"`.') from error


def refusals() -> tuple[type[Exception], ...]:
    """Return the exception types that onnxruntime raises for invalid or unsupported models and inputs."""
    usual = (RuntimeError, ValueError, OSError)
    if not is_onnx_installed():  # only an accelerator is in use
        return usual
    import onnxruntime

    state = onnxruntime.capi.onnxruntime_pybind11_state
    kinds = (
        "Fail", "InvalidArgument", "InvalidGraph", "InvalidProtobuf", "NoSuchFile", "NotImplemented",
        "RuntimeException",
    )  # fmt: skip
    return (*usual, *(getattr(state, kind) for kind in kinds if hasattr(state, kind)))
