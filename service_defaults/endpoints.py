"""Which model servers a run may talk to: loopback, and what the operator configured.

A name is resolved once and every address is checked; the caller then connects to the checked
address, so that a second, different DNS answer changes nothing. Link-local and metadata addresses
are refused even when configured.
"""

import asyncio
import socket
from collections.abc import Iterable
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv6Address, IPv6Network, ip_address
from urllib.parse import urlsplit

from .errors import EndpointForbidden, EndpointInvalid, EndpointUnresolved

DEFAULT_PORTS = {"http": 80, "https": 443}
_NAT64 = IPv6Network("64:ff9b::/96")
_SIX_TO_FOUR = IPv6Network("2002::/16")
# Clouds answer with credentials at these; the link-local ones are refused by their range.
_METADATA = frozenset(
    ip_address(text) for text in ("fd00:ec2::254", "100.100.100.200", "168.63.129.16")
)

Address = IPv4Address | IPv6Address


@dataclass(frozen=True, slots=True)
class Endpoint:
    """An http(s) origin."""

    scheme: str
    host: str
    port: int

    @property
    def url(self) -> str:
        """The origin as text, without a trailing slash."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{self.scheme}://{host}:{self.port}"


@dataclass(frozen=True, slots=True)
class CheckedEndpoint:
    """An origin and the addresses that may be dialled for it, as `host:port`."""

    endpoint: Endpoint
    addresses: tuple[str, ...]


def parse_endpoint(text: str) -> Endpoint:
    """Return the origin that `text` names; raises EndpointInvalid."""
    try:
        parts = urlsplit(text)
        port = parts.port
    except ValueError as error:
        raise EndpointInvalid("the endpoint is not a URL") from error
    if parts.scheme not in DEFAULT_PORTS or not parts.hostname:
        raise EndpointInvalid("the endpoint must be an http:// or https:// address")
    if any(mark in text for mark in "@?#") or parts.path not in ("", "/"):
        raise EndpointInvalid("the endpoint must be an origin: no user, path, query or fragment")
    if not text.isascii() or any(character <= " " or character == "\\" for character in text):
        raise EndpointInvalid("the endpoint holds characters that an address cannot have")
    if port == 0:
        raise EndpointInvalid("port 0 cannot be dialled")
    return Endpoint(parts.scheme, parts.hostname, port or DEFAULT_PORTS[parts.scheme])


def unwrapped(address: Address) -> Address:
    """Return the IPv4 address that an IPv6 one stands for (mapped, NAT64, 6to4), else itself."""
    if isinstance(address, IPv6Address):
        if address.ipv4_mapped is not None:
            return address.ipv4_mapped
        if address in _NAT64:
            return IPv4Address(int(address) & 0xFFFFFFFF)
        if address in _SIX_TO_FOUR:
            return IPv4Address((int(address) >> 80) & 0xFFFFFFFF)
    return address


class EndpointPolicy:
    """The operator's allow-list."""

    def __init__(self, allowed: Iterable[str] = ()) -> None:
        """`allowed` are origins; raises EndpointInvalid for a malformed one."""
        self._allowed = frozenset(parse_endpoint(origin) for origin in allowed)

    async def check(self, text: str) -> CheckedEndpoint:
        """Resolve and check an endpoint.

        Raises EndpointInvalid, EndpointForbidden, or EndpointUnresolved (the name of a
        configured origin has no address).
        """
        endpoint = parse_endpoint(text)
        configured = endpoint in self._allowed
        try:
            addresses = await _resolve(endpoint)
        except OSError as error:
            if configured:
                raise EndpointUnresolved(f"the name {endpoint.host} has no address") from error
            raise EndpointForbidden(_not_allowed(endpoint)) from error
        for address in addresses:
            self._check_address(endpoint, address, configured=configured)
        return CheckedEndpoint(
            endpoint,
            tuple(
                f"[{address}]:{endpoint.port}"
                if address.version == 6
                else f"{address}:{endpoint.port}"
                for address in addresses
            ),
        )

    @staticmethod
    def _check_address(endpoint: Endpoint, address: Address, *, configured: bool) -> None:
        target = unwrapped(address)
        if (
            target.is_link_local
            or target.is_multicast
            or target.is_unspecified
            or target in _METADATA
        ):
            raise EndpointForbidden("link-local, metadata and multicast addresses are never used")
        # A loopback address behind NAT64 or 6to4 is the gateway's, not this machine's.
        tunnelled = address in _NAT64 or address in _SIX_TO_FOUR
        if not configured and (tunnelled or not target.is_loopback):
            raise EndpointForbidden(_not_allowed(endpoint))


def _not_allowed(endpoint: Endpoint) -> str:
    return (
        f"{endpoint.url} is not an allowed model server; "
        "the operator adds one with PERFCOMPARE_ALLOWED_ENDPOINTS"
    )


async def _resolve(endpoint: Endpoint) -> list[Address]:
    loop = asyncio.get_running_loop()
    try:
        found = await loop.getaddrinfo(endpoint.host, endpoint.port, type=socket.SOCK_STREAM)
    except UnicodeError as error:
        raise OSError(str(error)) from error
    # A scope id (`%eth0`) marks a link-local address; ip_address keeps it and the check refuses.
    unique = dict.fromkeys(str(entry[4][0]) for entry in found)
    return [ip_address(text) for text in unique]
