"""Plaintext stays on this machine, unless a setting says otherwise by its name."""

from pathlib import Path
from typing import Any

import grpc
import pytest
from directflow_runtime.channel import open_channel
from directflow_runtime.loopback import is_loopback_host, is_loopback_target
from directflow_runtime.settings import ChannelSettings, ServerSettings, ServiceSettings, SettingsError, load
from opentelemetry.trace import NoOpTracer

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
        "[::1]gateway:7400",
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


@pytest.mark.parametrize(
    ("server", "accepted"),
    [
        ({}, True),
        ({"host": "0.0.0.0", "tls": TLS}, True),
        ({"host": "0.0.0.0", ALLOWED: True}, False),
    ],
)
def test_development_is_for_loopback_where_plaintext_comes_from_elsewhere_as_well(
    server: dict[str, Any], accepted: bool
) -> None:
    """Behind a sidecar every peer's address is one of loopback, and would be "development", which may do everything."""
    settings = {"server": server, "identity": {"allow_development": True}}
    if accepted:
        assert ServiceSettings.model_validate(settings).identity.allow_development
    else:
        with pytest.raises(ValueError, match="allow_development is for a server that listens on loopback"):
            ServiceSettings.model_validate(settings)


async def served(call: bytes, context: Any) -> bytes:
    return b"served"


@pytest.mark.parametrize(
    "form", ["{}:{}", "ipv4:{}:{}", "ipv4:{0}:{1},{0}:{1}", "dns:{}:{}", "dns:///{}:{}", "unix:{2}"]
)
async def test_every_form_of_a_loopback_target_leads_there(form: str, tmp_path: Path) -> None:
    server = grpc.aio.server()
    handlers = {"Do": grpc.unary_unary_rpc_method_handler(served)}
    server.add_generic_rpc_handlers((grpc.method_handlers_generic_handler("a.B", handlers),))
    port, path = server.add_insecure_port("127.0.0.1:0"), tmp_path / "socket"
    server.add_insecure_port(f"unix:{path}")
    await server.start()
    try:
        settings = ChannelSettings(target=form.format("127.0.0.1", port, path))
        async with open_channel(settings, NoOpTracer()) as channel:
            assert await channel.unary_unary("/a.B/Do")(b"", timeout=10) == b"served"
    finally:
        await server.stop(0)
