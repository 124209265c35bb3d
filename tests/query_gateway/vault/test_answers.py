"""What Vault, or whoever stands in front of it, may answer, and what becomes of it."""

import gzip
import json
from pathlib import Path
from typing import Any

import pytest
from directflow_gateway.vault import FailureKind

from .scripted_vault import RawServer, Say, ScriptedVault, auth, data, error, trickling
from .sessions import app_role, opened

PATH = "secret/data/one"
HTML = b"<html><body>502 Bad Gateway</body></html>"
KIND = FailureKind


async def outcome(answer: Say, tmp_path: Path) -> tuple[FailureKind, int]:
    """The kind of failure of a read that is answered so for ever, and how often it was asked."""
    with ScriptedVault() as vault:
        vault.on(PATH, answer)
        async with opened(app_role(vault.address, tmp_path)) as heard:
            failure = await heard.failure(PATH)
        return failure.kind, vault.count(PATH)


@pytest.mark.parametrize(
    ("answer", "kind"),
    [
        (error(400, "unknown role"), KIND.REFUSED),
        (error(404), KIND.NOT_FOUND),
        (Say(404, {"data": {"data": None, "metadata": {}}}), KIND.NOT_FOUND),
        (error(405, "unsupported operation"), KIND.REFUSED),
    ],
)
async def test_a_no_of_vault_is_final(answer: Say, kind: FailureKind, tmp_path: Path) -> None:
    assert await outcome(answer, tmp_path) == (kind, 1)


@pytest.mark.parametrize("status", [400, 500])
async def test_a_wrong_secret_id_is_a_refusal_by_whatever_status(status: int, tmp_path: Path) -> None:
    with ScriptedVault() as vault:
        vault.on("auth/approle/login", error(status, "invalid secret id"))
        async with opened(app_role(vault.address, tmp_path)) as heard:
            failure = await heard.failure()
        assert (failure.kind, failure.detail) == (FailureKind.DENIED, "login refused")
        assert vault.count("auth/approle/login") == 1


@pytest.mark.parametrize("token", ["hvs.a\r\nX-Vault-Token: b", "hvs.\ud800", "hvs.ä", "", " \t"])
async def test_a_token_that_no_header_can_hold_is_no_login(token: str, tmp_path: Path) -> None:
    with ScriptedVault() as vault:
        vault.on("auth/approle/login", auth(token))
        vault.on(PATH, data())
        async with opened(app_role(vault.address, tmp_path)) as heard:
            failure = await heard.failure(PATH)
        assert (failure.kind, failure.detail) == (KIND.MALFORMED, "no token")
        assert vault.count(PATH) == 0


@pytest.mark.parametrize(
    ("answer", "kind"),
    [
        (error(412, "required index state not present"), KIND.BUSY),
        (error(429, "too many requests"), KIND.BUSY),
        (error(500, "internal error"), KIND.SERVER),
        (Say(502, HTML), KIND.SERVER),
        (error(503, "Vault is sealed"), KIND.SEALED),
        (Say(503, HTML), KIND.SERVER),
        (Say(307, b"", {"Location": "http://127.0.0.1:1/v1/secret/data/one"}), KIND.SERVER),
        (Say(404, HTML), KIND.MALFORMED),
        (Say(403, HTML), KIND.MALFORMED),
        (Say(200, HTML), KIND.MALFORMED),
        (Say(200, b""), KIND.MALFORMED),
        (Say(200, b'{"data": {"password": "x'), KIND.MALFORMED),
        (Say(200, b'{"data": ' + b"[" * 100_000), KIND.MALFORMED),
        (Say(200, [1, 2]), KIND.MALFORMED),
        (Say(200, {"data": "text"}), KIND.MALFORMED),
        (Say(200, {"data": {}, "lease_id": 7}), KIND.MALFORMED),
        (Say(200, b'{"data": {}, "lease_duration": Infinity}'), KIND.MALFORMED),
        (Say(200, {"data": {}, "lease_duration": -1}), KIND.MALFORMED),
        (Say(200, {"data": {}, "lease_duration": 10**400}), KIND.MALFORMED),
        (Say(200, {"data": {}, "lease_duration": True}), KIND.MALFORMED),
        (Say(200, {"data": {}, "renewable": "yes"}), KIND.MALFORMED),
    ],
)
async def test_what_may_pass_is_tried_again_before_it_is_told(answer: Say, kind: FailureKind, tmp_path: Path) -> None:
    assert await outcome(answer, tmp_path) == (kind, 4)


@pytest.mark.parametrize("trouble", [error(412), error(429), error(500), Say(502, HTML), Say(200, b'{"data": {')])
async def test_trouble_that_passes_is_not_noticed(trouble: Say, tmp_path: Path) -> None:
    with ScriptedVault() as vault:
        vault.on(PATH, trouble, trouble, data(password="x"))
        async with opened(app_role(vault.address, tmp_path)) as heard:
            assert (await heard.session.read(PATH)).data == {"password": "x"}


async def test_a_connection_that_ends_within_the_body_is_tried_again(tmp_path: Path) -> None:
    with ScriptedVault() as vault:
        cut = Say(200, b'{"data": {}', {"Content-Length": "4000", "Connection": "close"})
        vault.on(PATH, cut, data(password="x"))
        async with opened(app_role(vault.address, tmp_path)) as heard:
            assert (await heard.session.read(PATH)).data == {"password": "x"}


async def test_retry_after_is_kept_to(tmp_path: Path) -> None:
    with ScriptedVault() as vault:
        vault.on(PATH, error(429, Retry_After="1"), data())
        settings = app_role(vault.address, tmp_path)
        async with opened(settings) as heard:
            await heard.session.read(PATH)
            (span,) = heard.spans("vault read")
            assert span.end_time - span.start_time >= 1_000_000_000


async def test_a_retry_after_that_is_too_late_is_not_waited_for(tmp_path: Path) -> None:
    assert await outcome(error(429, Retry_After="3600"), tmp_path) == (FailureKind.BUSY, 1)
    assert await outcome(error(503, "Vault is sealed", Retry_After="60"), tmp_path) == (FailureKind.SEALED, 1)


async def test_an_answer_larger_than_a_mebibyte_is_refused(tmp_path: Path) -> None:
    filling = json.dumps({"data": {"password": "x" * (1024 * 1024)}}).encode()
    assert await outcome(Say(200, filling), tmp_path) == (FailureKind.MALFORMED, 1)


async def test_an_answer_without_an_end_is_refused(tmp_path: Path) -> None:
    def serve(connection: Any, ended: Any) -> None:
        connection.recv(65_536)
        connection.sendall(b"HTTP/1.1 200 OK\r\n\r\n" + b'{"data": "')
        while not ended.is_set():
            connection.sendall(b"x" * 65_536)

    with RawServer(serve) as server:
        async with opened(app_role(f"http://127.0.0.1:{server.port}", tmp_path)) as heard:
            failure = await heard.failure()
    assert (failure.kind, failure.detail) == (FailureKind.MALFORMED, "too large")


async def test_a_packed_answer_is_not_unpacked(tmp_path: Path) -> None:
    packed = gzip.compress(json.dumps({"data": {}}).encode())
    answer = Say(200, packed, {"Content-Encoding": "gzip"})
    assert (await outcome(answer, tmp_path))[0] is FailureKind.MALFORMED


async def test_something_that_speaks_no_http_is_unreachable(tmp_path: Path) -> None:
    with RawServer(trickling(b"SSH-2.0-OpenSSH_9.2\r\n", at_once=30)) as server:
        async with opened(app_role(f"http://127.0.0.1:{server.port}", tmp_path)) as heard:
            assert (await heard.failure()).kind is FailureKind.UNREACHABLE


async def test_nobody_listens(tmp_path: Path) -> None:
    with RawServer(trickling(b"")) as server:
        port = server.port
    async with opened(app_role(f"http://127.0.0.1:{port}", tmp_path)) as heard:
        failure = await heard.failure()
    assert (failure.kind, failure.detail) == (FailureKind.UNREACHABLE, "connection refused")


async def test_a_redirect_is_followed_nowhere(tmp_path: Path) -> None:
    with ScriptedVault() as elsewhere, ScriptedVault() as vault:
        vault.on(PATH, Say(307, b"", {"Location": f"{elsewhere.address}/v1/{PATH}"}))
        async with opened(app_role(vault.address, tmp_path)) as heard:
            assert (await heard.failure(PATH)).kind is FailureKind.SERVER
        assert elsewhere.asked == []


async def test_a_lease_is_handed_on(tmp_path: Path) -> None:
    lease = {"data": {"username": "u"}, "lease_id": "database/creds/x/1", "lease_duration": 20, "renewable": True}
    with ScriptedVault() as vault:
        vault.on("database/creds/x", Say(200, lease))
        vault.on("sys/leases/renew", Say(200, {**lease, "data": None}))
        async with opened(app_role(vault.address, tmp_path)) as heard:
            answer = await heard.session.read("database/creds/x")
            assert answer.lease_id is not None
            assert (answer.lease_id.reveal(), answer.lease_duration_s) == ("database/creds/x/1", 20.0)
            assert (answer.renewable, answer.epoch) == (True, 1)
            body = {"lease_id": answer.lease_id.reveal()}
            assert (await heard.session.write("sys/leases/renew", body)).data == {}
            assert vault.requests("sys/leases/renew")[0].body == body


@pytest.mark.parametrize(
    "path", ["", "/secret", "secret/../sys/seal", "secret/.", "a?b", "a#b", "a/%2e%2e/b", "a//b", "a\nb"]
)
async def test_a_path_leads_where_it_says(path: str, tmp_path: Path) -> None:
    with ScriptedVault() as vault:
        async with opened(app_role(vault.address, tmp_path)) as heard:
            with pytest.raises(ValueError, match="not a path of Vault"):
                await heard.session.read(path)
        assert vault.asked == []


@pytest.mark.parametrize("granted", [Say(200, {"auth": None}), Say(204), Say(200, {"auth": {"client_token": ""}})])
async def test_a_login_without_a_token_is_malformed(granted: Say, tmp_path: Path) -> None:
    with ScriptedVault() as vault:
        vault.on("auth/approle/login", granted)
        async with opened(app_role(vault.address, tmp_path)) as heard:
            assert (await heard.failure()).kind is FailureKind.MALFORMED


async def test_environment_and_home_have_no_say(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / ".vault-token").write_text("hvs.of-somebody")
    (tmp_path / ".netrc").write_text("default login somebody password canary")
    told = {"HOME": str(tmp_path), "VAULT_TOKEN": "hvs.env", "VAULT_ADDR": "http://127.0.0.1:1", "VAULT_NAMESPACE": "x"}
    proxies = dict.fromkeys(("http_proxy", "https_proxy", "HTTP_PROXY", "ALL_PROXY"), "http://127.0.0.1:1")
    for name, value in {**told, **proxies, "VAULT_CACERT": "/none", "REQUESTS_CA_BUNDLE": "/none"}.items():
        monkeypatch.setenv(name, value)
    with ScriptedVault() as vault:
        vault.on(PATH, data())
        vault.on("auth/approle/login", auth("hvs.made-here"))
        async with opened(app_role(vault.address, tmp_path)) as heard:
            await heard.session.read(PATH)
        login, read = vault.requests("auth/approle/login")[0], vault.requests(PATH)[0]
    assert "X-Vault-Token" not in login.headers
    assert "Authorization" not in login.headers
    assert read.headers["X-Vault-Token"] == "hvs.made-here"
    assert "X-Vault-Namespace" not in read.headers


async def test_the_namespace_goes_with_every_request(tmp_path: Path) -> None:
    with ScriptedVault() as vault:
        vault.on(PATH, data())
        async with opened(app_role(vault.address, tmp_path, namespace="admin/north")) as heard:
            await heard.session.read(PATH)
        assert {asked.headers["X-Vault-Namespace"] for asked in vault.asked} == {"admin/north"}
        assert {asked.headers["X-Vault-Request"] for asked in vault.asked} == {"true"}
