"""Property tests try the same cases at every normal run, so that a change is to blame for what fails; `./test --long`
tries others each time. None of them is timed: how long a case takes is the machine's business.
"""

import pytest
from hypothesis import settings

settings.register_profile("steady", derandomize=True, deadline=None)
settings.register_profile("searching", deadline=None)
settings.load_profile("steady")


def pytest_configure(config: pytest.Config) -> None:
    if not config.option.markexpr:
        settings.load_profile("searching")
