"""Where connections may lead: decided on the address, not on the text."""

import ipaddress

import pytest
from directflow_gateway.connections import Connection, EgressPolicy, EgressRefused, SslMode, resolve

OPEN = EgressPolicy(allow_loopback=True)


@pytest.mark.parametrize(
    ("address", "why"),
    [
        ("169.254.169.254", "metadata"),
        ("fd00:ec2::254", "metadata"),
        ("fd00:ec2::23", "metadata"),
        ("fd20:ce::254", "metadata"),
        ("100.100.100.200", "metadata"),
        ("168.63.129.16", "metadata"),
        ("192.0.0.192", "metadata"),
        ("169.254.0.1", "link-local"),
        ("fe80::1", "link-local"),
        ("::ffff:169.254.169.254", "metadata"),
        ("64:ff9b::a9fe:a9fe", "metadata"),
        ("2002:a9fe:a9fe::", "metadata"),
        ("0.0.0.0", "no address of one host"),
        ("::", "no address of one host"),
        ("224.0.0.1", "no address of one host"),
        ("255.255.255.255", "no address of one host"),
        ("ff02::1", "no address of one host"),
    ],
)
def test_some_addresses_are_refused_whatever_is_allowed(address: str, why: str) -> None:
    with pytest.raises(EgressRefused, match=why):
        OPEN.check(ipaddress.ip_address(address), SslMode.VERIFY_FULL)


@pytest.mark.parametrize("address", ["127.0.0.1", "127.8.9.10", "::1", "::ffff:127.0.0.1"])
def test_loopback_is_for_development(address: str) -> None:
    OPEN.check(ipaddress.ip_address(address), SslMode.DISABLE)
    with pytest.raises(EgressRefused, match="loopback"):
        EgressPolicy().check(ipaddress.ip_address(address), SslMode.VERIFY_FULL)


@pytest.mark.parametrize("address", ["10.1.2.3", "192.168.1.1", "100.64.0.1", "fd12::1"])
def test_private_addresses_are_allowed_until_they_are_forbidden(address: str) -> None:
    EgressPolicy().check(ipaddress.ip_address(address), SslMode.VERIFY_FULL)
    with pytest.raises(EgressRefused, match="private"):
        EgressPolicy(allow_private=False).check(ipaddress.ip_address(address), SslMode.VERIFY_FULL)


def test_further_networks_can_be_denied() -> None:
    policy = EgressPolicy(denied=(ipaddress.ip_network("10.96.0.0/12"), ipaddress.ip_network("fd12::/16")))
    policy.check(ipaddress.ip_address("10.1.2.3"), SslMode.VERIFY_FULL)
    for address in ("10.100.0.1", "fd12::1"):
        with pytest.raises(EgressRefused, match="denied network"):
            policy.check(ipaddress.ip_address(address), SslMode.VERIFY_FULL)


def test_plaintext_does_not_leave_private_networks() -> None:
    OPEN.check(ipaddress.ip_address("10.1.2.3"), SslMode.DISABLE)
    OPEN.check(ipaddress.ip_address("93.184.216.34"), SslMode.VERIFY_FULL)
    with pytest.raises(EgressRefused, match="plaintext"):
        OPEN.check(ipaddress.ip_address("93.184.216.34"), SslMode.DISABLE)


def connection(host: str) -> Connection:
    return Connection(workspace="acme", id="main", host=host, database="app", sslmode=SslMode.DISABLE)


def test_a_name_is_judged_by_what_it_resolves_to() -> None:
    assert "127.0.0.1" in resolve(connection("localhost"), OPEN)
    with pytest.raises(EgressRefused, match="loopback") as refused:
        resolve(connection("localhost"), EgressPolicy())
    assert "127.0.0.1" not in str(refused.value)


def test_a_literal_address_is_judged_as_well() -> None:
    with pytest.raises(EgressRefused, match="metadata"):
        resolve(connection("169.254.169.254"), OPEN)


def test_of_a_name_with_thousands_of_addresses_a_few_are_tried(monkeypatch: pytest.MonkeyPatch) -> None:
    found = [(2, 1, 6, "", (f"10.0.{n // 256}.{n % 256}", 5432)) for n in range(4_000)]
    monkeypatch.setattr("socket.getaddrinfo", lambda *_, **__: found)
    addresses = resolve(connection("db.example.com"), OPEN)
    assert (len(addresses), addresses[0], addresses[-1]) == (16, "10.0.0.0", "10.0.0.15")
