"""The four ways to log in, on the real server and on the stand-in; their files are read anew each time."""

import asyncio
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from directflow_gateway.vault import FailureKind, VaultSettings

from . import setups
from .faults import FaultyVault
from .identities import Issuer, TokenReviews
from .servers import Vault
from .sessions import opened, until

PATH = "secret/data/acme/crm"


class Stand:
    """A Vault with one secret, a policy to read it, and a file with whatever proves who we are."""

    def __init__(self, vault: Vault, directory: Path, issuer: Issuer, reviews: TokenReviews) -> None:
        self.vault, self.issuer, self.reviews = vault, issuer, reviews
        self.proof, self.role_id, self.secret_id = (directory / name for name in ("proof", "role_id", "secret_id"))
        setups.put_kv(vault, "acme/crm", {"password": "x"})
        self.policy = setups.gateway_policy(vault)

    def approle(self, **token: Any) -> VaultSettings:
        made = setups.approle(self.vault, self.policy, **token)
        self.role_id.write_text(made.role_id)
        self.secret_id.write_text(f"{made.secret_id}\n")
        return self._settings(method="approle", role_id_file=self.role_id, secret_id_file=self.secret_id)

    def kubernetes(self, **token: Any) -> VaultSettings:
        setups.kubernetes_login(self.vault, self.reviews, self.policy, mount="k8s/north", **token)
        self.proof.write_text(self.reviews.issue())
        return self._settings(method="kubernetes", mount="k8s/north", role="gateway", token_file=self.proof)

    def jwt(self, **token: Any) -> VaultSettings:
        setups.jwt_login(self.vault, self.issuer, self.policy, **token)
        self.proof.write_text(self.issuer.sign(aud="vault", sub="directflow-gateway"))
        return self._settings(method="jwt", role="gateway", token_file=self.proof)

    def token(self, **token: Any) -> VaultSettings:
        self.proof.write_text(setups.token(self.vault, self.policy, **token))
        return self._settings(method="token", token_file=self.proof)

    def _settings(self, **login: Any) -> VaultSettings:
        return VaultSettings.model_validate({"address": self.vault.address, "login": login})


@pytest.fixture
def stand(vault: Vault, tmp_path: Path, issuer: Issuer, token_reviews: TokenReviews) -> Stand:
    return Stand(vault, tmp_path, issuer, token_reviews)


@pytest.mark.parametrize("method", ["approle", "kubernetes", "jwt", "token"])
async def test_each_method_logs_in(method: str, stand: Stand) -> None:
    async with opened(getattr(stand, method)()) as heard:
        assert heard.session.epoch == 0
        assert (await heard.session.read(PATH)).data["data"] == {"password": "x"}
        assert heard.session.epoch == 1
        assert heard.session.ends_at() is not None
        (line,) = heard.lines("logged in")
        assert line["method"] == method


async def test_the_projected_token_is_read_again_at_the_next_login(stand: Stand) -> None:
    async with opened(stand.kubernetes()) as heard:
        await heard.session.read(PATH)
        stand.reviews.forget(stand.proof.read_text())
        stand.proof.write_text(stand.reviews.issue())
        stand.vault.ok("POST", "auth/token/revoke-self", {}, token=heard.token())
        await heard.session.read(PATH)
        assert heard.session.epoch == 2


@pytest.mark.parametrize("audience", ["vault", "postgres"])
async def test_a_token_for_another_audience_is_refused(audience: str, stand: Stand) -> None:
    settings = stand.kubernetes()
    stand.proof.write_text(stand.reviews.issue(audience=audience))
    async with opened(settings) as heard:
        if audience == "vault":
            assert (await heard.session.read(PATH)).epoch == 1
        else:
            assert (await heard.failure(PATH)).kind is FailureKind.DENIED


@pytest.mark.parametrize("method", ["approle", "kubernetes", "jwt", "token"])
async def test_a_proof_that_vault_does_not_take_is_denied_and_told(method: str, stand: Stand) -> None:
    settings = getattr(stand, method)()
    for file in (stand.proof, stand.secret_id):
        file.write_text("made-up")
    async with opened(settings) as heard:
        failure = await heard.failure(PATH)
        assert (failure.kind, failure.detail) == (FailureKind.DENIED, "login refused")
        assert heard.session.epoch == 0
        assert heard.lines("trouble")[0]["operation"] == "login"


@pytest.mark.parametrize("content", [None, b"", b"  \n", b"a\nb", b"\xff\xfe", b"x" * 70_000])
async def test_a_file_without_a_proof_asks_vault_nothing(
    content: bytes | None, stand: Stand, in_front_of: Callable[[Vault], FaultyVault]
) -> None:
    proxy = in_front_of(stand.vault)
    settings = stand.jwt().model_copy(update={"address": proxy.address})
    stand.proof.unlink()
    if content is not None:
        stand.proof.write_bytes(content)
    async with opened(settings) as heard:
        failure = await heard.failure(PATH)
        assert (failure.kind, failure.detail) == (FailureKind.DENIED, "login refused")
        assert heard.lines("trouble")[0]["detail"] == "token_file cannot be read"
    assert proxy.count("auth") == 0


async def test_refused_logins_are_kept_apart(stand: Stand, in_front_of: Callable[[Vault], FaultyVault]) -> None:
    proxy = in_front_of(stand.vault)
    settings = stand.approle().model_copy(update={"address": proxy.address})
    secret_id = stand.secret_id.read_text()
    stand.secret_id.write_text("made-up")
    async with opened(settings, start=True) as heard:
        for _ in range(50):
            assert (await heard.failure(PATH)).kind is FailureKind.DENIED
        assert proxy.count("auth/approle/login") <= 3
        stand.secret_id.write_text(secret_id)
        await until(lambda: heard.session.epoch == 1)  # the background goes on trying
        assert (await heard.session.read(PATH)).epoch == 1


async def test_many_at_once_are_one_login(stand: Stand, in_front_of: Callable[[Vault], FaultyVault]) -> None:
    proxy = in_front_of(stand.vault)
    for number in range(10):
        setups.put_kv(stand.vault, f"acme/{number}", {})
    async with opened(stand.approle().model_copy(update={"address": proxy.address}), start=True) as heard:
        await asyncio.gather(*(heard.session.read(f"secret/data/acme/{number}") for number in range(10)))
        assert proxy.count("auth/approle/login") == 1
