"""How far back recordings will go is what a disk that filled up shows."""

from pathlib import Path

import pytest

from tawny.config.retention import RetentionSettings
from tawny.service.retention.forecast import ENOUGH_S, RateMeter, storage_outlook
from tawny.storage.disk.disk import DiskCapacity
from tawny.storage.retention.contract import RetentionContract
from tawny.storage.retention.contract import RetentionRule as Rules
from tawny.storage.retention.runner import Retention, RetentionPace
from tests.storage.bench import MAIN, PORCH, Site

SIZE_BYTES, TOTAL_BYTES = 50_000, 6_000_000


@pytest.mark.parametrize(("free", "size"), [("10 %", None), ("2 %", "3 MB")])
def test_r4_h3_the_forecast_is_within_a_tenth_of_a_simulated_fill(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, free: str, size: str | None
) -> None:
    site = Site(tmp_path)
    keep = RetentionSettings.model_validate({"min": "0 s", "min_free": free, **({"max_size": size} if size else {})})

    def space() -> DiskCapacity:
        return DiskCapacity(max(0, TOTAL_BYTES - site.index.size_bytes()), TOTAL_BYTES)

    monkeypatch.setattr(site.volume, "space", space)
    rules = Rules(free_share=keep.min_free, size_bytes=keep.max_size)
    retention = Retention(
        site.volume, site.index, site.ledger, site.clock, RetentionContract(rules), RetentionPace(least_s=0.0)
    )
    kept, answer = RetentionContract(rules), None
    for minute in range(150):
        site.clock.advance(60)
        site.put(1, size_bytes=SIZE_BYTES)
        retention.run()
        if minute == 20:
            meter = RateMeter(site.index)
            meter.add({(PORCH, MAIN): (SIZE_BYTES / 60, 0.0)}, ENOUGH_S, kept, site.clock.now_ms())
            answer = storage_outlook(kept, space(), site.index.size_bytes(), meter, site.clock.now_ms()).keeps_s
    bounds = site.index.bounds(PORCH)
    assert bounds is not None
    assert answer is not None
    reached_s = (site.clock.now_ms() - bounds.begin_ms) / 1000
    assert answer == pytest.approx(reached_s, rel=0.1)
