"""Token buckets, and whose address counts."""

import pytest

from app.security.addresses import network_of
from app.security.buckets import MOST_KEYS, Buckets


def test_a_bucket_is_full_at_first_and_fills_again_over_time() -> None:
    buckets = Buckets(size=2, per_second=0.5)
    waits = []
    for _ in range(3):
        waits.append(buckets.wait("a", now=0.0))
        buckets.take("a", now=0.0)
    assert waits == [0.0, 0.0, 2.0]
    assert (buckets.wait("b", now=0.0), buckets.wait("a", now=1.0), buckets.wait("a", now=2.0)) == (0, 1, 0)


def test_an_empty_bucket_stays_empty_and_a_full_one_full() -> None:
    buckets = Buckets(size=2, per_second=1)
    buckets.take("a", now=0.0, tokens=50)
    assert buckets.wait("a", now=0.0) == 1.0
    for _ in range(2):
        buckets.take("a", now=1000.0)
    assert buckets.wait("a", now=1000.0) == 1.0


def test_the_slowest_bucket_has_room_for_one() -> None:
    assert Buckets(size=0.1, per_second=0.01).wait("a", now=0.0) == 0.0


def test_a_flood_of_keys_takes_a_bounded_amount_of_memory() -> None:
    buckets = Buckets(size=1, per_second=0.001)
    for number in range(MOST_KEYS + 1):
        buckets.take(str(number), now=0.0)
    assert len(buckets) == MOST_KEYS
    assert (buckets.wait("0", now=0.0), buckets.wait("1", now=0.0)) == (0.0, 1000.0)


@pytest.mark.parametrize(
    ("address", "network"),
    [
        ("10.0.0.1", "10.0.0.1"),
        ("2001:db8:1:2:aaaa::1", "2001:db8:1:2::/64"),
        ("2001:db8:1:2:bbbb::9", "2001:db8:1:2::/64"),
        ("fe80::1%eth0", "fe80::/64"),
        ("::ffff:10.0.0.1", "10.0.0.1"),
        ("unknown", "unknown"),
        ("", ""),
    ],
)
def test_who_has_an_ipv6_address_has_a_whole_network_of_them(address: str, network: str) -> None:
    assert network_of(address) == network
