import pytest
from tawny_example.palette import Palette

from tawny.testing.contracts import EmbedderContract


class TestPalette(EmbedderContract):
    WORDS = "rouge"

    def make(self) -> Palette:
        return Palette({})


def test_it_has_no_settings() -> None:
    with pytest.raises(ValueError, match="colour isn't a setting"):
        Palette({"colour": "vert"})
