import pytest

from tawny.api.past.media_responses import disposition, part_of


@pytest.mark.parametrize(
    ("asked", "part"),
    [
        ("bytes=0-0", (0, 1)),
        ("bytes=10-19", (10, 20)),
        ("bytes=90-", (90, 100)),
        ("bytes=90-1000", (90, 100)),
        ("bytes=-10", (90, 100)),
        ("bytes=-1000", (0, 100)),
        ("bytes=100-", None),
        ("bytes=-0", None),
        ("bytes=-", None),
        ("bytes=20-10", None),
        ("bytes=0-1,5-6", (0, 100)),
        ("lines=1-2", (0, 100)),
        ("bytes=a-b", (0, 100)),
        ("bytes=" + "9" * 100 + "-", (0, 100)),
    ],
)
def test_parts(asked: str, part: tuple[int, int] | None) -> None:
    assert part_of(asked, 100) == part


@pytest.mark.parametrize(
    ("name", "header"),
    [
        ("a.mp4", "attachment; filename=\"a.mp4\"; filename*=UTF-8''a.mp4"),
        ("Tür.mp4", "attachment; filename=\"T-r.mp4\"; filename*=UTF-8''T%C3%BCr.mp4"),
        ('a"b\r\nX: y.mp4', "attachment; filename=\"a-b--X- y.mp4\"; filename*=UTF-8''a-b--X-%20y.mp4"),
        ("../../x.mp4", "attachment; filename=\"..-..-x.mp4\"; filename*=UTF-8''..-..-x.mp4"),
    ],
)
def test_file_names_are_harmless(name: str, header: str) -> None:
    assert disposition(name) == header
