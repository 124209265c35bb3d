"""A database URL of the user's own: read as libpq reads it, stricter about TLS, and never repeated."""

from pathlib import Path

import pytest
from directflow_cli.dev.customer import CustomerDatabase, UnusableUrl, from_url


def test_reads_every_part_and_decodes_it() -> None:
    found = from_url("postgresql://us%40er:p%2Fw%3A%40@db.example:6432/my%20db?sslmode=require")
    assert found == CustomerDatabase("db.example", 6432, "my db", "us@er", "p/w:@", "require")


@pytest.mark.parametrize(
    ("host", "sslmode"),
    [("localhost", "disable"), ("127.0.0.1", "disable"), ("[::1]", "disable"), ("db.example", "verify-full")],
)
def test_without_sslmode_only_this_machine_is_reached_in_plain_text(host: str, sslmode: str) -> None:
    found = from_url(f"postgres://u:p@{host}/d")
    assert (found.sslmode, found.port) == (sslmode, 5432)


def test_reads_the_authority_from_its_file(tmp_path: Path) -> None:
    (tmp_path / "ca.pem").write_text("PEM")
    assert from_url(f"postgresql://u:p@db.example/d?sslrootcert={tmp_path}/ca.pem").ca_pem == "PEM"


def test_user_and_database_default_as_with_libpq(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("directflow_cli.dev.customer.getpass.getuser", lambda: "me")
    found = from_url("postgresql://localhost")
    assert (found.user, found.database) == ("me", "me")
    assert from_url("postgresql://u:p@localhost").database == "u"


def test_a_server_that_asks_for_no_password_still_gets_one() -> None:
    """The gateway refuses an empty password, because libpq would go and look into ~/.pgpass."""
    assert from_url("postgresql://u@localhost/d").password != ""


@pytest.mark.parametrize(
    ("url", "complaint"),
    [
        ("mysql://u:s3cret@h/d", "postgresql://"),
        ("postgresql://u:s3cret@h:port/d", "port"),
        ("postgresql://u:s3cret@[::1/d", "address"),
        ("postgresql://u:s3cret@/d", "no host"),
        ("postgresql://u:s3cret@h/d?sslmode=prefer", "verify-full, verify-ca, require, disable"),
        ("postgresql://u:s3cret@h/d?options=-csearch_path%3Ds3cret", "options"),
        ("postgresql://u:s3cret@h/d?sslrootcert=/nowhere", "sslrootcert"),
    ],
)
def test_what_cannot_be_used_is_named_and_the_password_is_not(url: str, complaint: str) -> None:
    with pytest.raises(UnusableUrl, match=complaint) as caught:
        from_url(url)
    assert "s3cret" not in str(caught.value)
    assert caught.value.__cause__ is None


def test_the_password_is_not_in_its_repr_or_label() -> None:
    found = from_url("postgresql://u:s3cret@h/d")
    assert "s3cret" not in repr(found) + found.label
