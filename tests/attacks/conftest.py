from tests.faults.conftest import quick_folder

__all__ = ["quick_folder"]
