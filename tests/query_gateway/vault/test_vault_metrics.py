"""Operations on Vault are counted once, retries included, by what came of them; no path and no token is a label."""

from pathlib import Path

from directflow_runtime.metrics import Metrics
from directflow_runtime.metrics.names import VAULT_LOGIN_EXPIRES, VAULT_OPERATIONS

from .scripted_vault import ScriptedVault, auth, data, error
from .sessions import app_role, opened

PATH = "secret/data/one"


def expires_in(metrics: Metrics) -> float | None:
    told = {named.name: points for named, points in metrics.snapshot()}
    found = told.get(VAULT_LOGIN_EXPIRES.name)
    return None if found is None else float(str(found[()]))


async def test_operations_are_counted_by_outcome(tmp_path: Path) -> None:
    metrics = Metrics(1, 1)
    with ScriptedVault() as vault:
        vault.on(PATH, error(500), error(412), data(), error(503, "Vault is sealed"))
        async with opened(app_role(vault.address, tmp_path), metrics=metrics) as heard:
            await heard.session.read(PATH)
            await heard.failure(PATH)
    assert metrics.counter(VAULT_OPERATIONS).totals == {
        ("login", "ok"): 1,
        ("read", "ok"): 1,
        ("read", "SEALED"): 1,
        ("revoke", "ok"): 1,
    }


async def test_the_end_of_the_login_is_known_while_there_is_one(tmp_path: Path) -> None:
    metrics = Metrics(1, 1)
    with ScriptedVault() as vault:
        vault.on(PATH, data())
        vault.on("auth/approle/login", auth(ttl_s=1200, renewable=False))
        async with opened(app_role(vault.address, tmp_path), metrics=metrics) as heard:
            assert expires_in(metrics) is None
            await heard.session.read(PATH)
            left = expires_in(metrics)
            assert left is not None
            assert 1100 < left <= 1200
    assert expires_in(metrics) is None
