"""No secret, token, path or address in an exception, a line, a span or a repr (T17), whatever went wrong."""

import asyncio
import io
import logging
import traceback
from collections.abc import Iterator
from pathlib import Path

import pytest
import structlog
from directflow_gateway.vault import Answer, VaultSettings
from directflow_gateway.vault.reply import Reply, interpret
from directflow_gateway.vault.request import Request
from directflow_runtime.secrets import Secret

from .scripted_vault import Answer as Scripted
from .scripted_vault import RawServer, Say, ScriptedVault, auth, error, trickling
from .sessions import Listened, app_role, opened, until

CANARY = "canary"
"""Within everything below that must not be seen."""
PATH = "canary-mount/data/canary-workspace/canary-connection"
WORDS = f"1 error occurred: {PATH}: canary-token"
FAULTS: dict[str, Scripted] = {
    "400": error(400, WORDS),
    "403": error(403, WORDS),
    "404": error(404, WORDS),
    "429": error(429, WORDS),
    "500": error(500, WORDS),
    "502": Say(502, f"<html>{WORDS}</html>".encode()),
    "sealed": error(503, "Vault is sealed", WORDS),
    "redirect": Say(307, b"", {"Location": f"http://127.0.0.1:1/v1/{PATH}"}),
    "truncated": Say(200, b'{"data": {"password": "canary-pass'),
    "cut": Say(200, b'{"data": {"password": "canary', {"Content-Length": "900", "Connection": "close"}),
    "no object": Say(200, ["canary"]),
    "wrong content": Say(200, {"data": "canary", "lease_id": "canary"}),
    "wrong lease": Say(200, {"data": {"password": "canary"}, "lease_duration": "canary"}),
    "too large": Say(200, b'{"data": "canary' + b"x" * 1_100_000),
}


@pytest.fixture
def vault() -> Iterator[ScriptedVault]:
    """A Vault whose every word is a canary."""
    with ScriptedVault() as scripted:
        scripted.on("auth/canary-login/login", auth("canary-token"))
        scripted.on("auth/token/lookup-self", Say(200, {"data": {"id": "canary-token", "ttl": 3600}}))
        yield scripted


@pytest.fixture
def settings(vault: ScriptedVault, tmp_path: Path) -> VaultSettings:
    return planted(vault.address.replace("127.0.0.1", "localhost"), tmp_path)


def planted(address: str, directory: Path) -> VaultSettings:
    directory = directory / "canary-directory"
    directory.mkdir()
    (directory / "role_id").write_text("canary-role-id")
    (directory / "secret_id").write_text("canary-secret-id")
    return app_role(
        address,
        directory,
        namespace="canary-namespace",
        request_timeout_s=1,
        allow_plaintext=True,
        login={"mount": "canary-login"},
    )


def told_by(error: BaseException) -> str:
    """Everything that a handler somewhere could print of an exception: its whole chain is followed, not only what
    Python would show of it."""
    texts: list[str] = []
    left: list[BaseException] = [error]
    while left:
        link = left.pop()
        texts += [repr(link), str(link), repr(link.args), repr(vars(link)), "".join(traceback.format_exception(link))]
        left.extend(behind for behind in (link.__cause__, link.__context__) if behind is not None)
    return "\n".join(texts)


def rendered(error: BaseException) -> str:
    """As structlog's own renderer writes it, which is not the one that we use."""
    stream = io.StringIO()
    log = structlog.wrap_logger(
        structlog.WriteLogger(stream),
        processors=[structlog.processors.format_exc_info, structlog.processors.JSONRenderer()],
    )
    log.error("failed", exc_info=error)
    return stream.getvalue()


def nothing_is_told(heard: Listened, *errors: BaseException) -> None:
    spans = "\n".join(span.to_json() for span in heard.spans())
    texts = [heard.stream.getvalue(), spans, *map(told_by, errors), *map(rendered, errors)]
    assert CANARY not in "\n".join(texts)
    assert "localhost" not in "\n".join(texts)


@pytest.mark.parametrize("fault", list(FAULTS))
async def test_a_read_that_fails_tells_nothing(fault: str, vault: ScriptedVault, settings: VaultSettings) -> None:
    vault.on(PATH, FAULTS[fault])
    async with opened(settings) as heard:
        failure = await heard.failure(PATH)
    assert vault.count(PATH) > 0
    assert (failure.__cause__, failure.__context__) == (None, None)
    nothing_is_told(heard, failure)


@pytest.mark.parametrize("fault", list(FAULTS))
async def test_a_login_that_fails_tells_nothing(fault: str, vault: ScriptedVault, settings: VaultSettings) -> None:
    vault.on("auth/canary-login/login", FAULTS[fault])
    async with opened(settings, start=True) as heard:
        failure = await heard.failure(PATH)
        await until(lambda: heard.lines("trouble"))
    nothing_is_told(heard, failure)


@pytest.mark.parametrize("fault", list(FAULTS))
async def test_a_renewal_that_fails_tells_nothing(fault: str, vault: ScriptedVault, settings: VaultSettings) -> None:
    vault.on("auth/canary-login/login", auth("canary-token", ttl_s=0.3))
    vault.on("auth/token/renew-self", FAULTS[fault])
    async with opened(settings, start=True) as heard:
        await until(lambda: any(line["operation"] == "renewal" for line in heard.lines("trouble")))
    nothing_is_told(heard)


@pytest.mark.parametrize("how", ["refused", "no such name", "no http", "slow"])
async def test_a_network_that_fails_tells_nothing(how: str, tmp_path: Path) -> None:
    with RawServer(trickling(b"canary" * 100)) as slow, RawServer(trickling(b"SSH-canary\r\n", at_once=12)) as other:
        ports = {"refused": "localhost:1", "no such name": "canary.invalid:8200"}
        ports |= {"no http": f"localhost:{other.port}", "slow": f"localhost:{slow.port}"}
        settings = planted(f"http://{ports[how]}", tmp_path)
        async with opened(settings) as heard:
            failure = await heard.failure(PATH)
    nothing_is_told(heard, failure)


async def test_a_token_that_no_header_can_hold_tells_nothing(vault: ScriptedVault, settings: VaultSettings) -> None:
    vault.on("auth/canary-login/login", auth("canary\r\nX-Canary: \u20ac"))
    async with opened(settings) as heard:
        failure = await heard.failure(PATH)
    nothing_is_told(heard, failure)


async def test_files_that_cannot_be_read_tell_nothing(settings: VaultSettings) -> None:
    assert settings.login.secret_id_file is not None
    settings.login.secret_id_file.write_bytes(b"canary\xff")
    async with opened(settings) as heard:
        failure = await heard.failure(PATH)
    nothing_is_told(heard, failure)


async def test_what_works_tells_nothing_either(vault: ScriptedVault, settings: VaultSettings) -> None:
    lease = {"lease_id": "canary-lease", "lease_duration": 20, "renewable": True}
    vault.on(PATH, Say(200, {"data": {"password": "canary"}, **lease}))
    vault.on("sys/leases/renew", Say(200, {"data": None, **lease}))
    async with opened(settings, start=True) as heard:
        answer = await heard.session.read(PATH)
        again = await heard.session.write("sys/leases/renew", {"lease_id": "canary-lease"})
        shown = repr(answer) + str(again) + f"{answer}" + repr(heard.session) + repr(vars(heard.session._keeper))
        for task in asyncio.all_tasks():
            shown += repr(task)
    assert CANARY not in shown
    assert heard.spans("vault read")
    assert heard.spans("vault write")
    assert heard.spans("vault revoke")
    nothing_is_told(heard)


async def test_the_libraries_log_nothing_whatever_the_level(
    vault: ScriptedVault, settings: VaultSettings, caplog: pytest.LogCaptureFixture
) -> None:
    vault.on(PATH, error(500), Say(200, {"data": {}}))
    with caplog.at_level(logging.DEBUG):
        async with opened(settings) as heard:
            await heard.session.read(PATH)
    assert [record.name for record in caplog.records if record.name != "asyncio"] == []


def test_the_repr_of_a_request_and_of_an_answer_tells_nothing() -> None:
    request = Request("GET", "canary/path", Secret("canary"), {"password": "canary"})
    reply = interpret(200, {}, b'{"data": {"p": "canary"}, "auth": {"t": "canary"}, "lease_id": "canary"}')
    assert isinstance(reply, Reply)
    assert CANARY not in repr(request) + repr(reply) + repr(Answer({"p": "canary"}, Secret("canary"), 1, True, 1))


async def test_an_unexpected_error_in_the_background_is_told_by_type_and_place(
    vault: ScriptedVault, settings: VaultSettings, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with opened(settings) as heard:

        async def broken() -> None:
            raise KeyError(PATH)

        monkeypatch.setattr(heard.session._keeper, "log_in", broken)
        heard.session.start()
        await until(lambda: heard.lines("unexpected exception"))
        assert heard.lines("unexpected exception")[0]["exception_type"] == "KeyError"
    nothing_is_told(heard)
