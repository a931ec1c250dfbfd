"""Whose address a request comes from, as far as limits are concerned."""

from functools import lru_cache
from ipaddress import AddressValueError, IPv6Address, IPv6Network

_PREFIX = 64  # bits; whoever has one IPv6 address has a whole /64 of them


@lru_cache(maxsize=4096)  # it is asked of each connection, and of each request without a token
def network_of(address: str) -> str:
    """The part of an address that one client cannot change at will: an IPv4 address whole, of an IPv6 address
    its /64. What is no IPv6 address is returned as it is."""
    try:
        given = IPv6Address(address.partition("%")[0])
    except AddressValueError:
        return address
    if given.ipv4_mapped is not None:
        return str(given.ipv4_mapped)
    return str(IPv6Network((given, _PREFIX), strict=False))
