"""Where the gateway may connect to. Decided on the resolved address: a name can point anywhere, and change its mind."""

import ipaddress
import socket
from dataclasses import dataclass

from directflow_gateway.connections.connection import Connection, SslMode
from directflow_gateway.connections.host import Address

Network = ipaddress.IPv4Network | ipaddress.IPv6Network

METADATA_ADDRESSES: frozenset[Address] = frozenset(
    map(
        ipaddress.ip_address,
        (
            "169.254.169.254",  # AWS, GCP, Azure, OpenStack; link-local, so refused twice
            "fd00:ec2::254",  # AWS over IPv6, a unique-local address
            "fd00:ec2::23",  # AWS, credentials of pods in EKS
            "fd20:ce::254",  # GCP over IPv6
            "100.100.100.200",  # Alibaba Cloud
            "168.63.129.16",  # Azure's wire server, a public address
            "192.0.0.192",  # Oracle Cloud
        ),
    )
)
MOST_ADDRESSES = 16
"""Of one host that are tried. A name server of somebody's own may answer with thousands: each costs a thread its time,
also when nobody waits any more, and all of them together would be a scan of the network."""
NAT64 = ipaddress.IPv6Network("64:ff9b::/96")


class EgressRefused(Exception):
    """No address of the connection's host may be connected to. The message names the rule, never the address."""


@dataclass(frozen=True, slots=True)
class EgressPolicy:
    """Which addresses connections may have. Link-local and metadata addresses never, whatever is set here."""

    allow_loopback: bool = False
    """True for development: otherwise a connection could reach whatever else listens in the gateway's own pod."""
    allow_private: bool = True
    """RFC 1918, unique-local and shared addresses (RFC 6598: many a cluster's pods): customers' databases in peered
    networks."""
    denied: tuple[Network, ...] = ()
    """Further networks, such as the cluster's own pod and service ranges."""
    without_channel_binding: frozenset[tuple[str, int]] = frozenset()
    """Lower-case host and port of poolers that end TLS themselves and know no SCRAM-SHA-256-PLUS: PgBouncer is one."""

    def requires_channel_binding(self, connection: Connection) -> bool:
        """Whether the server must prove that it, and nobody between, holds both the certificate and the password's
        verifier. To do without it is not derived from what a server offers: whoever stands between would offer less.
        Where nothing verifies the certificate it is never done without."""
        if connection.sslmode not in (SslMode.VERIFY_FULL, SslMode.VERIFY_CA):
            return True
        return (connection.host.lower(), connection.port) not in self.without_channel_binding

    def check(self, address: Address, sslmode: SslMode) -> None:
        """Raises EgressRefused when the address is out of bounds."""
        reason = self._refusal(_embedded(address), sslmode)
        if reason:
            raise EgressRefused(reason)

    def _refusal(self, address: Address, sslmode: SslMode) -> str:
        if address in METADATA_ADDRESSES:
            return "a cloud metadata address"
        if address.is_link_local:
            return "a link-local address"
        if address.is_loopback:  # before is_reserved, which `::1` is as well
            return "" if self.allow_loopback else "a loopback address"
        if address.is_unspecified or address.is_multicast or address.is_reserved:
            return "no address of one host"
        if any(address in network for network in self.denied if network.version == address.version):
            return "an address of a denied network"
        if not (address.is_global or self.allow_private):
            return "a private address"
        if sslmode is SslMode.DISABLE and not address.is_private:
            return "plaintext to a public address"
        return ""


def resolve(connection: Connection, policy: EgressPolicy) -> tuple[str, ...]:
    """The first addresses that may be connected to, in the resolver's order. Blocks: call it in a thread.

    The caller connects to the returned address itself, never to the name again: a second look-up could answer with
    another address than the one that was checked. Raises OSError when the name does not resolve, EgressRefused when
    the policy leaves no address.
    """
    found = socket.getaddrinfo(connection.host, connection.port, type=socket.SOCK_STREAM)
    addresses = dict.fromkeys(str(entry[4][0]) for entry in found)
    allowed, refusal = [], ""
    for text in addresses:
        try:
            policy.check(ipaddress.ip_address(text), connection.sslmode)
        except EgressRefused as refused:
            refusal = str(refused)
        else:
            allowed.append(text)
    if not allowed:
        raise EgressRefused(refusal or "no address")
    return tuple(allowed[:MOST_ADDRESSES])


def _embedded(address: Address) -> Address:
    """The IPv4 address inside an IPv6 one: `::ffff:169.254.169.254` reaches the same place."""
    if isinstance(address, ipaddress.IPv6Address):
        if address in NAT64:
            return ipaddress.IPv4Address(int(address) & 0xFFFF_FFFF)
        return address.ipv4_mapped or address.sixtofour or address
    return address
