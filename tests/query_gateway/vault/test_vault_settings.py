"""`[vault]` names one login method and files, and refuses what would send secrets readable or elsewhere."""

from typing import Any

import pytest
from directflow_gateway.vault import VaultSettings
from pydantic import ValidationError

KUBERNETES = {"method": "kubernetes", "role": "gateway", "token_file": "/var/run/token"}
APPROLE = {"method": "approle", "role_id_file": "/a/role", "secret_id_file": "/a/secret"}


def settings(address: str = "https://vault:8200", login: dict[str, Any] | None = None, **more: Any) -> VaultSettings:
    return VaultSettings.model_validate({"address": address, "login": login or KUBERNETES, **more})


@pytest.mark.parametrize(
    ("login", "path"),
    [
        (KUBERNETES, "auth/kubernetes/login"),
        ({**KUBERNETES, "mount": "k8s/north"}, "auth/k8s/north/login"),
        (APPROLE, "auth/approle/login"),
        ({"method": "jwt", "role": "gateway", "token_file": "/t"}, "auth/jwt/login"),
    ],
)
def test_a_method_is_mounted_under_its_own_name_unless_told_otherwise(login: dict[str, Any], path: str) -> None:
    assert settings(login=login).login.path == path


@pytest.mark.parametrize(
    ("login", "complaint"),
    [
        ({"method": "kubernetes"}, "kubernetes needs role, token_file"),
        ({"method": "approle", "role_id_file": "/r"}, "approle needs secret_id_file"),
        ({"method": "token"}, "token needs token_file"),
        ({**APPROLE, "token_file": "/t"}, "approle takes no token_file"),
        ({**KUBERNETES, "token_file": "here"}, "an absolute path is needed: token_file"),
        ({**KUBERNETES, "mount": "../sys"}, "mount is no path of Vault"),
        ({"method": "token", "token_file": "/t", "mount": "x"}, "the method token has no mount"),
    ],
)
def test_a_login_is_exactly_one_method(login: dict[str, Any], complaint: str) -> None:
    with pytest.raises(ValidationError, match=complaint):
        settings(login=login)


@pytest.mark.parametrize(
    "address", ["vault:8200", "ftp://vault", "https://", "https://a:b@vault", "https://vault/?x=1", "https://vault:x"]
)
def test_an_address_is_a_plain_url(address: str) -> None:
    with pytest.raises(ValidationError, match="address"):
        settings(address)


def test_plaintext_beyond_loopback_needs_the_setting_with_the_honest_name() -> None:
    with pytest.raises(ValidationError, match="allow_plaintext"):
        settings("http://vault:8200")
    assert settings("http://vault:8200", allow_plaintext=True).address
    for loopback in ("http://127.0.0.1:8200", "http://localhost:8200", "http://[::1]:8200"):
        assert settings(loopback).address == loopback


def test_a_namespace_cannot_smuggle_a_header() -> None:
    assert settings(namespace="admin/north/").namespace
    with pytest.raises(ValidationError, match="namespace"):
        settings(namespace="admin\r\nX-Vault-Token: x")


def test_what_is_refused_is_not_shown() -> None:
    with pytest.raises(ValidationError) as refused:
        settings("https://user:canary@vault:8200")
    assert "canary" not in str(refused.value)
