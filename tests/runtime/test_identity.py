"""Who may call what: the policy by itself, and asked on every call."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import grpc
import pytest
import structlog
from directflow_runtime.calls import Call, call_scope, current_call
from directflow_runtime.channel import open_channel
from directflow_runtime.errors import DirectFlowError, StatusCode
from directflow_runtime.identity import IdentityPolicy, is_loopback, require_may_define, require_workspace
from directflow_runtime.remote import remote_error
from directflow_runtime.settings import CallerSettings, ChannelSettings, IdentitySettings, TlsSettings
from google.protobuf.wrappers_pb2 import StringValue

from ..certificates import Authority

METHOD = "directflow.gateway.v1.QueryService/StreamQuery"
PLAINTEXT = {"transport_security_type": [b"insecure"]}
SEGMENTS = CallerSettings(
    name="segments",
    peers=("spiffe://cluster/ns/directflow/sa/segments", "segments.example"),
    services=("directflow.gateway.v1.QueryService/",),
    workspaces=("acme",),
)


def tls(*uris: bytes, dns: Sequence[bytes] = (), email: Sequence[bytes] = ()) -> dict[str, list[bytes]]:
    """What gRPC tells of a peer; the common name is that of somebody who may do everything."""
    return {
        "transport_security_type": [b"ssl"],
        "x509_common_name": [SEGMENTS.peers[0].encode()],
        "x509_subject_alternative_name": [*uris, *dns, *email],
        "peer_uri": list(uris),
        "peer_dns": list(dns),
        "peer_email": list(email),
    }


def policy(allow_development: bool = False) -> IdentityPolicy:
    return IdentityPolicy(IdentitySettings(allow_development=allow_development, callers=(SEGMENTS,)))


def test_a_certificates_name_is_the_identity() -> None:
    admitted = policy().admit(
        METHOD, "ipv4:10.0.0.7:4000", tls(b"other", b"spiffe://cluster/ns/directflow/sa/segments")
    )
    assert (admitted.identity, admitted.workspaces, admitted.may_define) == ("segments", {"acme"}, False)


OTHER = CallerSettings(name="other", peers=("spiffe://cluster/ns/directflow/sa/other", "other.example"))
SPIFFE = SEGMENTS.peers[0].encode()
NOBODY = [
    tls(b"spiffe://cluster/ns/directflow/sa/segments2"),
    tls(b"SPIFFE://cluster/ns/directflow/sa/segments"),
    tls(b"\xff"),
    tls(b""),
    tls(),  # the common name alone
    tls(email=[SPIFFE]),
    tls(dns=[SPIFFE]),
    tls(b"segments.example"),
    tls(dns=[b"*.example"]),
    tls(dns=[b"x.segments.example"]),
    tls(SPIFFE, b"spiffe://cluster/ns/directflow/sa/other"),
    tls(SPIFFE, b"spiffe://elsewhere/a"),
    tls(dns=[b"segments.example", b"other.example"]),
]


@pytest.mark.parametrize("proof", NOBODY)
def test_a_certificate_with_no_name_of_ours_or_with_two_is_nobody(proof: dict[str, list[bytes]]) -> None:
    asked = IdentityPolicy(IdentitySettings(allow_development=True, callers=(SEGMENTS, OTHER)))
    with pytest.raises(DirectFlowError) as caught:
        asked.admit(METHOD, "ipv4:127.0.0.1:4000", proof)
    assert (caught.value.code, caught.value.reason) == (StatusCode.UNAUTHENTICATED, "IDENTITY_UNKNOWN")


@pytest.mark.parametrize(
    "proof",
    [
        tls(SPIFFE),
        tls(b"https://elsewhere.example", SPIFFE),
        tls(SPIFFE, dns=[b"other.example"]),
        tls(dns=[b"unknown.example", b"Segments.Example"]),
        tls(b"spiffe://elsewhere/a", dns=[b"segments.example"]),
    ],
)
def test_a_uri_counts_before_a_dns_name(proof: dict[str, list[bytes]]) -> None:
    asked = IdentityPolicy(IdentitySettings(callers=(SEGMENTS, OTHER)))
    assert asked.admit(METHOD, "ipv4:10.0.0.7:4000", proof).identity == "segments"


def test_who_is_nobody_is_told_to_the_operator_by_the_names_of_the_certificate() -> None:
    with structlog.testing.capture_logs() as lines, pytest.raises(DirectFlowError):
        policy().admit(METHOD, "ipv4:10.0.0.7:4000", tls(b"spiffe://elsewhere/a", dns=[b"b.example"]))
    assert lines[0]["names"] == ["spiffe://elsewhere/a", "b.example"]


def test_behind_a_mesh_a_plaintext_peer_is_the_caller_that_the_settings_name() -> None:
    meshed = IdentitySettings(plaintext_peers_are="segments", callers=(SEGMENTS,))
    assert IdentityPolicy(meshed).admit(METHOD, "ipv4:10.0.0.7:4000", PLAINTEXT).identity == "segments"
    with_development = meshed.model_copy(update={"allow_development": True})
    asked = IdentityPolicy(with_development)
    assert asked.admit(METHOD, "ipv4:127.0.0.1:4000", PLAINTEXT).identity == "development"
    assert asked.admit(METHOD, "ipv4:10.0.0.7:4000", PLAINTEXT).identity == "segments"


@pytest.mark.parametrize(
    ("given", "told"),
    [
        ({"callers": [{"name": "a", "peers": ["spiffe://cluster/*"]}]}, "wildcards"),
        ({"callers": [{"name": "a", "peers": ["*.example"]}]}, "wildcards"),
        ({"callers": [{"name": "a", "peers": [""]}]}, "in full"),
        ({"callers": [{"name": "a"}, {"name": "a"}]}, "same name"),
        ({"callers": [{"name": "a", "peers": ["x"]}, {"name": "b", "peers": ["x"]}]}, "same peer"),
        ({"callers": [{"name": "a", "peers": ["x.y"]}, {"name": "b", "peers": ["X.Y"]}]}, "same peer"),
        ({"callers": [{"name": "development", "peers": ["x"]}]}, "has no peers"),
        ({"callers": [{"name": "a"}], "plaintext_peers_are": "b"}, "one of the callers"),
        ({"callers": [{"name": "development"}], "plaintext_peers_are": "development"}, "one of the callers"),
    ],
)
def test_settings_that_prove_nothing_are_refused(given: dict[str, Any], told: str) -> None:
    with pytest.raises(ValueError, match=told):
        IdentitySettings.model_validate(given)


@pytest.mark.parametrize(
    "method", ["directflow.gateway.v1.QueryService2/X", "directflow.gateway.v1.ConnectionService/X"]
)
def test_an_identity_may_call_its_services_only(method: str) -> None:
    with pytest.raises(DirectFlowError) as caught:
        policy().admit(method, "ipv4:10.0.0.7:4000", tls(SEGMENTS.peers[0].encode()))
    assert (caught.value.code, caught.value.reason) == (StatusCode.PERMISSION_DENIED, "IDENTITY_NOT_ALLOWED")


def test_a_plaintext_peer_on_loopback_is_development_where_that_is_allowed() -> None:
    admitted = policy(allow_development=True).admit(METHOD, "ipv4:127.0.0.1:4000", PLAINTEXT)
    assert (admitted.identity, admitted.workspaces, admitted.may_define) == ("development", {"*"}, True)


@pytest.mark.parametrize(("allowed", "peer"), [(False, "ipv4:127.0.0.1:4000"), (True, "ipv4:10.0.0.7:4000")])
def test_any_other_plaintext_peer_is_nobody(allowed: bool, peer: str) -> None:
    with pytest.raises(DirectFlowError) as caught:
        policy(allow_development=allowed).admit(METHOD, peer, PLAINTEXT)
    assert caught.value.code is StatusCode.UNAUTHENTICATED


def test_an_entry_for_development_narrows_it() -> None:
    narrow = CallerSettings(name="development", services=("directflow.",), workspaces=("demo",))
    admitted = IdentityPolicy(IdentitySettings(allow_development=True, callers=(narrow,))).admit(
        METHOD, "ipv6:%5B::1%5D:4000", PLAINTEXT
    )
    assert (admitted.workspaces, admitted.may_define) == ({"demo"}, False)


@pytest.mark.parametrize(
    ("peer", "expected"),
    [
        ("ipv4:127.0.0.1:4000", True),
        ("ipv4:127.8.8.8:4000", True),
        ("ipv6:%5B::1%5D:4000", True),
        ("ipv6:[::1]:4000", True),
        ("unix:/tmp/socket", True),
        ("ipv4:10.0.0.1:4000", False),
        ("ipv6:%5B2001:db8::1%5D:4000", False),
        ("ipv4:127.0.0.1.example.com:4000", False),
        ("", False),
        ("unknown", False),
    ],
)
def test_loopback_is_told_from_the_address_alone(peer: str, expected: bool) -> None:
    assert is_loopback(peer) is expected


def caller(*workspaces: str, may_define: bool = False) -> Call:
    return Call(1e12, "segments", frozenset(workspaces), "0" * 32, "0" * 16, METHOD, may_define)


def test_a_resource_of_a_workspace_of_ones_own_is_admitted() -> None:
    with call_scope(caller("acme")):
        assert require_workspace("workspaces/acme/connections/main") == "acme"
    with call_scope(caller("*")):
        assert require_workspace("workspaces/other") == "other"


def test_a_foreign_workspace_is_denied_whether_or_not_it_exists() -> None:
    with call_scope(caller("acme")), pytest.raises(DirectFlowError) as caught:
        require_workspace("workspaces/other/connections/main")
    assert (caught.value.code, caught.value.reason) == (StatusCode.PERMISSION_DENIED, "IDENTITY_NOT_ALLOWED")


@pytest.mark.parametrize("name", ["", "acme", "workspaces", "workspaces/", "connections/acme", "/workspaces/acme"])
def test_what_is_no_resource_name_is_the_callers_fault(name: str) -> None:
    with call_scope(caller("*")), pytest.raises(DirectFlowError) as caught:
        require_workspace(name, "parent")
    assert (caught.value.reason, caught.value.violations[0].field) == ("INVALID_REQUEST", "parent")


def test_defining_is_for_those_who_may() -> None:
    with call_scope(caller("*", may_define=True)):
        require_may_define("describe a query")
    with call_scope(caller("*")), pytest.raises(DirectFlowError) as caught:
        require_may_define("describe a query")
    assert caught.value.reason == "IDENTITY_NOT_ALLOWED"


async def test_every_call_is_asked_before_its_request_is_parsed(world: Any) -> None:
    async def handler(request: Any, context: Any) -> StringValue:
        raise AssertionError("must not be reached")

    served = await world(handler, identity=IdentitySettings(allow_development=False))
    with pytest.raises(grpc.aio.AioRpcError) as caught:
        await served.channel.unary_unary("/directflow.test.v1.TestService/Do")(b"\xff\xff", timeout=5)
    assert remote_error(caught.value).reason == "IDENTITY_UNKNOWN"
    assert (await served.line())["code"] == "UNAUTHENTICATED"


async def test_a_handler_sees_its_call_and_names_its_resource_in_the_log(world: Any) -> None:
    calls: list[Call] = []

    async def handler(request: Any, context: Any) -> StringValue:
        calls.append(current_call())
        require_workspace(request.value)
        return StringValue()

    served = await world(handler)
    await served.stub("unary_unary")(StringValue(value="workspaces/acme/connections/main"), timeout=5)
    line = await served.line()
    assert (calls[0].identity, calls[0].method) == ("development", "directflow.test.v1.TestService/Do")
    assert 4 < calls[0].remaining() < 5
    assert (line["identity"], line["resource"]) == ("development", "workspaces/acme/connections/main")


@pytest.fixture
def certificates(tmp_path: Path) -> dict[str, TlsSettings]:
    """A throw-away authority, a server's and two clients' certificates."""
    authority = Authority(tmp_path / "authority")
    names = {
        "server": ("DNS:localhost", "IP:127.0.0.1"),
        "segments": ("URI:spiffe://cluster/ns/directflow/sa/segments",),
        "stranger": ("URI:spiffe://cluster/ns/directflow/sa/stranger",),
    }
    return {name: authority.mount(tmp_path / name, *found).settings for name, found in names.items()}


@pytest.mark.parametrize(("client", "expected"), [("segments", "segments"), ("stranger", "IDENTITY_UNKNOWN")])
async def test_mutual_tls_proves_the_identity(
    world: Any, certificates: dict[str, TlsSettings], client: str, expected: str
) -> None:
    async def whoami(request: Any, context: Any) -> StringValue:
        return StringValue(value=current_call().identity)

    known = SEGMENTS.model_copy(update={"services": ("directflow.test.",)})
    identity = IdentitySettings(allow_development=True, callers=(known,))
    served = await world(whoami, identity=identity, tls=certificates["server"])
    settings = ChannelSettings(target=f"localhost:{served.server.port}", tls=certificates[client])
    async with open_channel(settings, served.tracer) as channel:
        try:
            answer = (await served.stub_of(channel, "unary_unary")(StringValue(), timeout=5)).value
        except grpc.aio.AioRpcError as error:
            answer = remote_error(error).reason
    assert answer == expected


async def test_without_a_certificate_there_is_no_connection(world: Any, certificates: dict[str, TlsSettings]) -> None:
    async def handler(request: Any, context: Any) -> StringValue:
        raise AssertionError("must not be reached")

    served = await world(handler, tls=certificates["server"])
    with pytest.raises(grpc.aio.AioRpcError) as caught:
        await served.stub("unary_unary")(StringValue(), timeout=5)
    assert caught.value.code() is grpc.StatusCode.UNAVAILABLE
