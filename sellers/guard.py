"""Which addresses we are willing to call (security.md 8.4).

A seller's URL comes from a person, so it is a way into our own network. A host is resolved once, every address that it
resolves to must be public, and the caller connects to exactly those addresses: a name that later turns private is
never asked again. Only the process environment can allow a private target.
"""

from __future__ import annotations

import ipaddress
import re
import socket
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from urllib.parse import urlsplit

from django.conf import settings

IPAddress = ipaddress.IPv4Address | ipaddress.IPv6Address
Resolver = Callable[[str, int], list[str]]

PUBLIC_PORTS = frozenset({443, 8443})
LONGEST_URL = 400
LONGEST_HOST = 253

# `is_global` of the standard library calls these reachable, yet each can carry or reach a private IPv4 address.
CARRIERS = tuple(
    ipaddress.ip_network(text)
    for text in (
        "::/96",
        "::ffff:0:0/96",
        "64:ff9b::/96",
        "64:ff9b:1::/48",
        "2002::/16",
        "2001::/23",
        "fec0::/10",
    )
)
_NUMERIC_LABEL = re.compile(r"^(0x[0-9a-f]*|[0-9]+)$")
_HOST = re.compile(r"^(?!-)[a-z0-9_-]{1,63}(?<!-)(\.(?!-)[a-z0-9_-]{1,63}(?<!-))*$")
_ADDRESS_SENTENCE = "The address cannot be used: it does not lead to a public host."


class UnsafeUrl(ValueError):
    """The URL is refused. `code` is stable; the sentence tells nothing about our own network."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code
        self.message = message


@dataclass(frozen=True)
class Target:
    """A checked destination: connect to one of `addresses`, but name `host` in Host and SNI."""

    scheme: str
    host: str
    port: int
    addresses: tuple[str, ...]
    path: str = ""

    @property
    def origin(self) -> str:
        """`scheme://host:port`, always with the port, so that equal origins are equal texts."""
        return f"{self.scheme}://{_bracketed(self.host)}:{self.port}"

    @property
    def host_header(self) -> str:
        default = {"https": 443, "http": 80}[self.scheme]
        return _bracketed(self.host) if self.port == default else f"{_bracketed(self.host)}:{self.port}"


def check_url(url: str, *, allowed: Iterable[str] | None = None, resolve: Resolver | None = None) -> Target:
    """The destination that `url` names, resolved once. Raises `UnsafeUrl`.

    `allowed` holds `host:port` or `host:*` entries that may be private and plain HTTP; by default the environment's.
    """
    scheme, host, port, path = _split(url)
    if _is_allowed(host, port, settings.FLIGHTDECK_ALLOWED_PRIVATE_SELLERS if allowed is None else allowed):
        return Target(scheme, host, port, tuple(_resolved(host, port, resolve)), path)
    if scheme != "https":
        raise UnsafeUrl("https_required", "Sellers are called over https only.")
    if port not in PUBLIC_PORTS:
        raise UnsafeUrl("port_not_allowed", "Sellers are called on port 443 or 8443 only.")
    addresses = _resolved(host, port, resolve)
    if not all(is_public(address) for address in addresses):
        raise UnsafeUrl("address_not_allowed", _ADDRESS_SENTENCE)
    return Target(scheme, host, port, tuple(addresses), path)


def origin_of(url: str) -> str:
    """The origin of `url` without resolving it: what a key is bound to. Raises `UnsafeUrl` on a malformed URL."""
    scheme, host, port, _ = _split(url)
    return f"{scheme}://{_bracketed(host)}:{port}"


def is_public(address: str) -> bool:
    """Whether packets to `address` leave for the public internet, whatever form the address is written in."""
    parsed = ipaddress.ip_address(address.split("%", 1)[0])
    if isinstance(parsed, ipaddress.IPv6Address) and any(parsed in network for network in CARRIERS):
        return False
    return parsed.is_global and not parsed.is_multicast and not parsed.is_reserved


def _split(url: str) -> tuple[str, str, int, str]:
    if not url or len(url) > LONGEST_URL or not url.isprintable() or any(c in url for c in " \\"):
        raise UnsafeUrl("invalid_url", "Give a plain URL such as https://seller.example/v2.")
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError as wrong:
        raise UnsafeUrl("invalid_url", "The URL cannot be read.") from wrong
    scheme = parts.scheme.lower()
    if scheme not in ("http", "https"):
        raise UnsafeUrl("scheme_not_allowed", "Sellers are called over https only.")
    if parts.username is not None or parts.password is not None or "@" in parts.netloc:
        raise UnsafeUrl(
            "credentials_in_url", "Leave user names and passwords out of the URL; give the key separately."
        )
    if "?" in url or "#" in url:
        raise UnsafeUrl("invalid_url", "Give the base URL only, without a query or a fragment.")
    if port == 0:
        raise UnsafeUrl("port_not_allowed", "Port 0 cannot be called.")
    host = _canonical_host(parts.hostname or "")
    return scheme, host, port or {"https": 443, "http": 80}[scheme], parts.path.rstrip("/")


def _canonical_host(host: str) -> str:
    if "%" in host:
        raise UnsafeUrl("invalid_url", "The host of the URL cannot be read.")
    if ":" in host:
        try:
            return ipaddress.IPv6Address(host).compressed
        except ValueError as wrong:
            raise UnsafeUrl("invalid_url", "The IPv6 address of the URL cannot be read.") from wrong
    try:
        ascii_host = host.encode("idna").decode("ascii").lower().removesuffix(".")
    except UnicodeError as wrong:
        raise UnsafeUrl("invalid_url", "The host name of the URL cannot be read.") from wrong
    if len(ascii_host) > LONGEST_HOST or not _HOST.match(ascii_host):
        raise UnsafeUrl("invalid_url", "The host name of the URL cannot be read.")
    if _NUMERIC_LABEL.match(ascii_host.rsplit(".", 1)[-1]):
        return _canonical_ipv4(ascii_host)
    return ascii_host


def _canonical_ipv4(host: str) -> str:
    # The C resolver reads 2130706433, 0x7f.1 and 0177.0.0.1 as 127.0.0.1; we read four decimal numbers only.
    try:
        return str(ipaddress.IPv4Address(host))
    except ValueError as wrong:
        raise UnsafeUrl("invalid_url", "Write an IPv4 address as four decimal numbers.") from wrong


def _is_allowed(host: str, port: int, allowed: Iterable[str]) -> bool:
    wanted = {f"{_bracketed(host)}:{port}", f"{_bracketed(host)}:*"}
    return any(entry.strip().lower() in wanted for entry in allowed)


def _resolved(host: str, port: int, resolve: Resolver | None) -> list[str]:
    try:
        return [str(ipaddress.ip_address(host))]
    except ValueError:
        pass
    try:
        addresses = list(dict.fromkeys((resolve or _ask_system)(host, port)))
    except (OSError, UnicodeError) as failed:
        raise UnsafeUrl("address_not_allowed", _ADDRESS_SENTENCE) from failed
    if not addresses:
        raise UnsafeUrl("address_not_allowed", _ADDRESS_SENTENCE)
    return addresses


def _ask_system(host: str, port: int) -> list[str]:
    answers = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return [str(address[0]) for *_, address in answers]


def _bracketed(host: str) -> str:
    return f"[{host}]" if ":" in host else host
