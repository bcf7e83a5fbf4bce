"""ONNX models, opened the one way that suits a recorder: one thread, which sleeps while there is nothing to do."""

import os
from collections.abc import Callable, Sequence
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from tawny.engine.user_script_process import TELLS_NOBODY
from tawny.model.errors import NotDone

os.environ.update(TELLS_NOBODY)
"""Before onnxruntime is read, which otherwise tells its makers over the internet how it is used."""

CPU = "CPUExecutionProvider"
ONLY_ERRORS = 3
PROVIDERS = {
    "cuda": "CUDAExecutionProvider", "openvino": "OpenVINOExecutionProvider", "coreml": "CoreMLExecutionProvider",
    "tensorrt": "TensorrtExecutionProvider", "cpu": CPU,
}  # fmt: skip
"""By their names in settings, as onnxruntime calls them."""
PACKAGES = {"cuda": "onnxruntime-gpu", "tensorrt": "onnxruntime-gpu", "openvino": "onnxruntime-openvino"}
"""What to install for them."""
Accelerator = Callable[[Path], Any]
"""Opens a model on something else than onnxruntime: the door `tawny.accelerators`. What it gives has the methods
`get_inputs`, `run` and `get_providers` of an `InferenceSession`. Raises RuntimeError, ValueError or OSError."""


def is_onnx_installed() -> bool:
    """Whether onnxruntime is installed."""
    return find_spec("onnxruntime") is not None


def open_session(model: Path, providers: Sequence[str] = (CPU,)) -> Any:
    """An `onnxruntime.InferenceSession`. NotDone says what is missing, or wrong with the file.

    providers: by what it is computed, in order; what is not there is left out, the processor always is.
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
    """NotDone says what is wrong."""
    try:
        return accelerator(model)
    except (RuntimeError, ValueError, OSError) as error:
        raise NotDone(f"The model {model} can't be used: {error}.", 'Until then, use `by = "cpu"`.') from error


def refusals() -> tuple[type[Exception], ...]:
    """What onnxruntime raises for a file that is no model or that it cannot run, or for what a model does not take."""
    usual = (RuntimeError, ValueError, OSError)
    if not is_onnx_installed():  # an accelerator's
        return usual
    import onnxruntime

    state = onnxruntime.capi.onnxruntime_pybind11_state
    kinds = (
        "Fail", "InvalidArgument", "InvalidGraph", "InvalidProtobuf", "NoSuchFile", "NotImplemented",
        "RuntimeException",
    )  # fmt: skip
    return (*usual, *(getattr(state, kind) for kind in kinds if hasattr(state, kind)))
