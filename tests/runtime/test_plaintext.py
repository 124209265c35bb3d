"""Plaintext stays on this machine, unless a setting says otherwise by its name."""

from pathlib import Path
from typing import Any

import pytest
from directflow_runtime.loopback import is_loopback_host, is_loopback_target
from directflow_runtime.settings import ChannelSettings, ServerSettings, ServiceSettings, SettingsError, load

ALLOWED = "allow_plaintext_beyond_loopback"
TLS = {"directory": "/etc/directflow/tls"}


@pytest.mark.parametrize("host", ["127.0.0.1", "127.3.2.1", "::1", "[::1]", "localhost", "LOCALHOST"])
def test_hosts_on_loopback(host: str) -> None:
    assert is_loopback_host(host)


@pytest.mark.parametrize(
    "host", ["", "0.0.0.0", "::", "10.0.0.7", "localhost.example", "127.0.0.1.example", "gateway", "::ffff:10.0.0.7"]
)
def test_hosts_beyond(host: str) -> None:
    assert not is_loopback_host(host)


@pytest.mark.parametrize(
    "target",
    [
        "127.0.0.1:7400",
        "localhost:7400",
        "[::1]:7400",
        "dns:///localhost:7400",
        "dns:localhost:7400",
        "ipv4:127.0.0.1:1,127.0.0.2:2",
        "ipv6:[::1]:1",
        "unix:/run/gateway",
        "unix:///run/gateway",
        "unix-abstract:gateway",
    ],
)
def test_targets_on_loopback(target: str) -> None:
    assert is_loopback_target(target)


@pytest.mark.parametrize(
    "target",
    [
        "gateway:7400",
        "0.0.0.0:7400",
        "dns:///gateway:7400",
        "dns://127.0.0.1/localhost:7400",
        "ipv4:127.0.0.1:1,10.0.0.7:2",
        "[2001:db8::1]:7400",
        "xds:///localhost:1",
        "passthrough:///127.0.0.1:1",
        "localhost@gateway:7400",
        "",
    ],
)
def test_targets_beyond(target: str) -> None:
    assert not is_loopback_target(target)


def test_a_server_beyond_loopback_needs_tls_or_the_setting(tmp_path: Path) -> None:
    file = tmp_path / "settings.toml"
    file.write_text('[server]\nhost = "0.0.0.0"\n')
    with pytest.raises(SettingsError, match=f"server: .*{ALLOWED} = true"):
        load(ServiceSettings, file, "X__", {})
    assert load(ServiceSettings, file, "X__", {f"X__SERVER__{ALLOWED.upper()}": "true"}).server.host == "0.0.0.0"
    assert ServerSettings.model_validate({"host": "0.0.0.0", "tls": TLS}).tls is not None


@pytest.mark.parametrize("more", [{"tls": TLS}, {ALLOWED: True}])
def test_a_channel_beyond_loopback_needs_tls_or_the_setting(more: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=f"{ALLOWED} = true"):
        ChannelSettings(target="gateway:7400")
    assert ChannelSettings.model_validate({"target": "gateway:7400", **more}).target == "gateway:7400"


def test_health_alone_is_for_everybody_in_plaintext() -> None:
    assert ServerSettings(health_host="0.0.0.0").health_host == "0.0.0.0"
