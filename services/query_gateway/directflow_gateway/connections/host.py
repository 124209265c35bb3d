"""What a connection's host may look like: one DNS name or one address, and nothing else that libpq understands.

libpq reads a comma as a list of hosts, a slash or an at sign in front as a Unix socket, and the C library reads
`127.1`, `0x7f000001` and `2130706433` as addresses: each would get past a policy that looks at the text.
"""

import ipaddress
import re

LONGEST_NAME = 253
LABEL = re.compile(r"[A-Za-z0-9_](?:[A-Za-z0-9_-]{0,61}[A-Za-z0-9_])?")
NUMBER = re.compile(r"[0-9]+|0[xX][0-9A-Fa-f]*")

Address = ipaddress.IPv4Address | ipaddress.IPv6Address


class HostRefused(ValueError):
    """The text is no host that a connection may have. The message says why, without the host."""


def literal_address(host: str) -> Address | None:
    """The address that the text writes out, None for a name. A zone (`fe80::1%eth0`) is no part of an address."""
    try:
        address = ipaddress.ip_address(host)
    except ValueError:
        return None
    if isinstance(address, ipaddress.IPv6Address) and address.scope_id is not None:
        raise HostRefused("an address with a zone is link-local; give a routable address")
    return address


def check_host(host: str) -> str:
    """The host as given. Raises HostRefused unless it is one DNS name or one address in its usual form."""
    if literal_address(host) is not None:
        return host
    if not host or len(host) > LONGEST_NAME:
        raise HostRefused(f"a host has 1 to {LONGEST_NAME} characters")
    if "," in host:
        raise HostRefused("one host, not a list")
    if "/" in host or host.startswith("@"):
        raise HostRefused("a host name or an address, not a socket path")
    labels = host.split(".")
    if not all(LABEL.fullmatch(label) for label in labels):
        raise HostRefused("not a DNS name: letters, digits, hyphens and dots only")
    if NUMBER.fullmatch(labels[-1]):
        raise HostRefused("an address has four decimal numbers without leading zeros")
    return host
