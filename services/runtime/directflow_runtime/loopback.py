"""What stays on this machine: addresses to listen on, targets to call, and peers as gRPC names them."""

import ipaddress
import urllib.parse
from typing import Final

_DEFAULT_SCHEME: Final = "dns"
_ADDRESSES: Final = ("ipv4", "ipv6")
_SOCKETS: Final = ("unix", "unix-abstract")


def is_loopback_host(host: str) -> bool:
    """True for "127.0.0.1", "::1", "[::1]" and "localhost"; any other name may lead anywhere, today or tomorrow."""
    if host.lower() == "localhost":
        return True
    try:
        return ipaddress.ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return False


def is_loopback_target(target: str) -> bool:
    """True where every address of a gRPC target is one: "localhost:7400", "ipv4:127.0.0.1:1,127.0.0.1:2", "unix:x"."""
    scheme, rest = _scheme_of(target)
    if scheme in _SOCKETS:
        return True
    if scheme == _DEFAULT_SCHEME or scheme in _ADDRESSES:
        return all(is_loopback_host(_host_of(address)) for address in rest.split(","))
    return False


def spelled_out(target: str) -> str:
    """The target with its scheme, for "name:80" is one to gRPC as well, with "name" as the scheme."""
    scheme, rest = _scheme_of(target)
    return f"{scheme}:///{rest}" if scheme == _DEFAULT_SCHEME and not rest.startswith("//") else target


def is_loopback(peer: str) -> bool:
    """True for "ipv4:127.0.0.1:4711", "ipv6:%5B::1%5D:4711" and Unix sockets; peers as gRPC names them."""
    kind, _, address = urllib.parse.unquote(peer).partition(":")
    if kind == "unix":
        return True
    host = address.rpartition(":")[0].strip("[]")
    try:
        return kind in _ADDRESSES and ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def _scheme_of(target: str) -> tuple[str, str]:
    """Scheme and addresses; "dns://authority/host:port" asks a name server that may say anything."""
    scheme, colon, rest = target.partition(":")
    if scheme in (*_SOCKETS, *_ADDRESSES):
        return scheme, rest
    if scheme == _DEFAULT_SCHEME and colon:
        return scheme, rest.removeprefix("///")
    return ("", rest) if "://" in target else (_DEFAULT_SCHEME, target)


def _host_of(address: str) -> str:
    """ "::1" of "[::1]:80"; "name" of "name:80" and of "name"."""
    if address.startswith("["):
        host, _, port = address.partition("]")
        return host.strip("[") if not port or port.startswith(":") else address
    return address.rpartition(":")[0] if address.count(":") == 1 else address
