"""Digests that do not fit their rows: they are counted anew, and no row is given up for them."""

import asyncio
from dataclasses import replace
from typing import Any

import pytest

from app.database.digest import bucket_of, canonical
from app.state.registry import replicated
from app.state.tables import customers
from tests.recovery.altered_rows import (
    CHANGES,
    SCRUB_SECONDS,
    are_sound,
    change_file,
    change_stopped,
    epochs_of,
    nothing_was_destroyed,
    sold_by,
)
from tests.recovery.trial import NAMES, Trial
from tests.support.virtual import eventually

pytestmark = [pytest.mark.anyio, pytest.mark.whole]


async def test_a_change_of_the_canonical_form_that_nobody_announced_destroys_nothing(
    trial: Trial, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Every row is as written, by its seal; only the digests are not theirs any more, and are counted
    anew."""
    sold = await sold_by(trial)
    epochs = epochs_of(sold)
    await sold.stop(*NAMES)
    drift_customers(monkeypatch)
    for name in NAMES:
        await sold.start(name, ready=False)
    await eventually(lambda: are_sound(sold), every=1.0)
    await sold.verify()
    await nothing_was_destroyed(sold, epochs)
    for name in NAMES:
        alarms = (await sold[name].status()).alarms
        assert "customers/" in alarms["repaired_rows"].last
        assert "counted anew" in alarms["repaired_rows"].last
    await sold.sell("norte")
    await sold.verify()


def spaced(row: dict[str, Any]) -> bytes:
    """Another JSON form of the same row."""
    return canonical(row) + b" "


def drift_customers(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let customers have another JSON form, as a library that serialises otherwise would."""
    drifted = tuple(
        replace(entity, encode=lambda row: canonical(row) + b" ")
        if entity.relation == "customers"
        else entity
        for entity in replicated.entities()
    )
    monkeypatch.setattr(replicated, "entities", lambda: drifted)


async def test_a_digest_that_was_not_kept_up_to_date_is_counted_anew_from_sound_rows(trial: Trial) -> None:
    sold = await sold_by(trial)
    epochs = epochs_of(sold)
    await change_stopped(
        sold, "sul", statement="UPDATE digest_buckets SET total = zeroblob(32) WHERE relation = 'orders'"
    )
    await eventually(lambda: are_sound(sold), every=1.0)
    await sold.verify()
    await nothing_was_destroyed(sold, epochs)
    assert "counted anew" in (await sold["sul"].status()).alarms["repaired_rows"].last


async def test_a_bucket_is_named_by_table_and_number(trial: Trial) -> None:
    sold = await sold_by(trial)
    await change_stopped(sold, *NAMES, statement=CHANGES["customers"])
    await asyncio.sleep(3 * SCRUB_SECONDS)
    customer = await sold["sul"].database.read(lambda c: customers.find(c, "ALFKI"))
    assert customer is not None
    alarm = (await sold["sul"].status()).alarms["altered_rows"].last
    assert alarm.startswith(f"customers/{bucket_of(customer.id)}: 1 rows differ")


async def test_a_total_whose_relation_has_a_damaged_name_keeps_no_digests_apart(trial: Trial) -> None:
    await sold_by(trial)
    await trial.stop("sul")
    change_file(
        trial,
        "sul",
        "INSERT INTO digest_buckets SELECT 'ordfrs', bucket, total FROM digest_buckets"
        " WHERE relation = 'orders'",
    )
    await trial.start("sul")
    await trial.verify()
    assert (await trial.alarms("sul")).keys() >= {"repaired_rows"}


@pytest.mark.parametrize("where", ["'orders', 999", "'nothing', 3"])
async def test_a_total_of_a_bucket_that_no_version_keeps_is_forgotten(trial: Trial, where: str) -> None:
    sold = await sold_by(trial)
    change_file(sold, "sul", f"INSERT INTO digest_buckets VALUES ({where}, randomblob(32))")
    await asyncio.sleep(2 * SCRUB_SECONDS)
    assert await are_sound(sold)
    await sold.verify()
    assert "stands_still" not in await sold.alarms("sul")
