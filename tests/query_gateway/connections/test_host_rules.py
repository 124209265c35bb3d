"""What a connection's host may look like."""

import pytest
from directflow_gateway.connections import HostRefused, check_host


@pytest.mark.parametrize(
    "host",
    [
        "db",
        "db.example.com",
        "DB-1.example.com",
        "my_service.docker",
        "1db.example.com",
        "a" * 63 + ".com",
        "192.0.2.7",
        "2001:db8::1",
        "::1",
        "3com",
    ],
)
def test_one_name_or_one_address_is_a_host(host: str) -> None:
    assert check_host(host) == host


@pytest.mark.parametrize(
    ("host", "why"),
    [
        ("", "1 to 253"),
        ("a." * 127, "1 to 253"),
        ("one,two", "not a list"),
        ("192.0.2.7,10.0.0.1", "not a list"),
        ("/var/run/postgresql", "socket path"),
        ("@abstract", "socket path"),
        ("db/../x", "socket path"),
        ("127.1", "four decimal numbers"),
        ("2130706433", "four decimal numbers"),
        ("0x7f000001", "four decimal numbers"),
        ("0x7f.0.0.0x1", "four decimal numbers"),
        ("0177.0.0.1", "four decimal numbers"),
        ("10.0.0.01", "four decimal numbers"),
        ("fe80::1%eth0", "zone"),
        ("[::1]", "DNS name"),
        ("db:5432", "DNS name"),
        ("user@db", "DNS name"),
        ("db .example", "DNS name"),
        ("-db", "DNS name"),
        ("db..example", "DNS name"),
        ("db.", "DNS name"),
        ("düb.example", "DNS name"),
        ("db\n", "DNS name"),
        ("db\0", "DNS name"),
        ("%2e", "DNS name"),
    ],
)
def test_everything_else_that_libpq_or_the_resolver_would_take_is_refused(host: str, why: str) -> None:
    with pytest.raises(HostRefused, match=why):
        check_host(host)
