"""An operation on Vault is one span with its final status; trouble is a line now and then, and its end is one."""

import asyncio
from dataclasses import replace
from pathlib import Path

from directflow_gateway.vault.periods import Periods
from opentelemetry.trace import SpanKind, StatusCode

from .scripted_vault import Say, ScriptedVault, auth, data, error
from .sessions import SHORT, app_role, opened

PATH = "secret/data/one"


async def test_an_operation_is_one_span_retries_included(tmp_path: Path) -> None:
    with ScriptedVault() as vault:
        vault.on(PATH, error(500), error(412), data())
        async with opened(app_role(vault.address, tmp_path)) as heard:
            await heard.session.read(PATH)
    login, read, revoke = heard.spans()
    assert [login.name, read.name, revoke.name] == ["vault login", "vault read", "vault revoke"]
    assert read.kind is SpanKind.CLIENT
    assert dict(read.attributes or {}) == {"http.response.status_code": 200}
    assert read.status.status_code is StatusCode.UNSET


async def test_a_failure_is_told_by_its_kind_and_the_last_status(tmp_path: Path) -> None:
    with ScriptedVault() as vault:
        vault.on(PATH, error(503, "Vault is sealed"))
        async with opened(app_role(vault.address, tmp_path)) as heard:
            await heard.failure(PATH)
    (read,) = heard.spans("vault read")
    assert dict(read.attributes or {}) == {"http.response.status_code": 503, "error.type": "SEALED"}
    assert (read.status.status_code, read.status.description) == (StatusCode.ERROR, "SEALED")
    assert read.events == ()


async def test_no_answer_is_no_status(tmp_path: Path) -> None:
    async with opened(app_role("http://127.0.0.1:1", tmp_path)) as heard:
        await heard.failure(PATH)
    (read,) = heard.spans("vault read")
    assert dict(read.attributes or {}) == {"error.type": "UNREACHABLE"}


async def test_a_login_is_told_with_its_life(tmp_path: Path) -> None:
    with ScriptedVault() as vault:
        vault.on(PATH, data())
        vault.on("auth/approle/login", auth(ttl_s=1200, renewable=False))
        async with opened(app_role(vault.address, tmp_path)) as heard:
            await heard.session.read(PATH)
    (line,) = heard.lines()
    told = {name: line[name] for name in ("event", "level", "method", "epoch", "token_ttl_s", "renewable")}
    assert told == {
        "event": "logged in to Vault",
        "level": "info",
        "method": "approle",
        "epoch": 1,
        "token_ttl_s": 1200,
        "renewable": False,
    }


async def test_trouble_is_told_once_and_so_is_its_end(tmp_path: Path) -> None:
    with ScriptedVault() as vault:
        vault.on(PATH, error(500))
        periods = replace(SHORT, quiet_s=3600)
        async with opened(app_role(vault.address, tmp_path), periods=periods) as heard:
            for _ in range(5):
                await heard.failure(PATH)
            vault.on(PATH, data())
            for _ in range(3):
                await heard.session.read(PATH)
    assert [(line["event"], line["operation"], line["failure"]) for line in heard.lines()[1:]] == [
        ("trouble with Vault", "read", "SERVER"),
        ("Vault is well again", "read", "SERVER"),
    ]


async def test_a_secret_that_is_not_there_is_no_trouble_with_vault(tmp_path: Path) -> None:
    with ScriptedVault() as vault:
        vault.on(PATH, error(404))
        async with opened(app_role(vault.address, tmp_path)) as heard:
            await heard.failure(PATH)
    assert heard.lines("trouble") == []


async def test_replicas_that_start_together_renew_apart(tmp_path: Path) -> None:
    """50 of them, whose tokens were all granted at the same time."""
    with ScriptedVault() as vault:
        vault.on(PATH, data())
        vault.on("auth/approle/login", auth(ttl_s=3600), auth(ttl_s=3600))
        due: list[float] = []
        for _ in range(50):
            async with opened(app_role(vault.address, tmp_path), periods=Periods()) as heard:
                await heard.session.read(PATH)
                token = heard.session._keeper.present
                assert token is not None
                assert token.expires_at is not None
                assert token.renew_at is not None
                assert token.replace_at is not None
                began = token.expires_at - 3600
                assert 0.6 * 3600 <= token.renew_at - began <= 2 / 3 * 3600
                assert 0.765 * 3600 <= token.replace_at - began <= 0.85 * 3600
                due.append(token.renew_at - began)
    assert max(due) - min(due) > 60


async def test_one_read_for_many_is_one_span(tmp_path: Path) -> None:
    """Reads of one path at the same time are one operation, and one span."""
    with ScriptedVault() as vault:
        vault.on(PATH, Say(200, {"data": {}}))
        async with opened(app_role(vault.address, tmp_path)) as heard:
            await asyncio.gather(*(heard.session.read(PATH) for _ in range(10)))
    assert len(heard.spans("vault read")) == vault.count(PATH) == 1
