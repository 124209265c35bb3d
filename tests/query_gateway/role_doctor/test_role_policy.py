"""Which roles a connection's policy admits, at the door of the pools."""

import re
from collections.abc import Awaitable, Callable
from typing import Any

import pytest
from directflow_cli.dev.postgres import PostgresServer
from directflow_gateway.connections import RolePolicy
from directflow_gateway.role_doctor import Finding, RoleDoctor, Weight
from directflow_gateway.role_doctor.finding import TEMPORARY_TABLES
from directflow_runtime.errors import DirectFlowError, StatusCode

Knock = Callable[[str, RolePolicy], Awaitable[None]]


class Notes:
    """A log that remembers."""

    def __init__(self) -> None:
        self.warnings: list[dict[str, Any]] = []
        self.infos: list[dict[str, Any]] = []

    def info(self, event: str, **fields: Any) -> None:
        self.infos.append({"event": event, **fields})

    def warning(self, event: str, **fields: Any) -> None:
        self.warnings.append({"event": event, **fields})


@pytest.fixture
def log() -> Notes:
    return Notes()


@pytest.fixture
def knock(make_stand: Callable[..., Any], postgres: PostgresServer, log: Notes) -> Knock:
    """Opens a session as a role with these attributes, under this policy."""

    async def run(attributes: str, policy: RolePolicy) -> None:
        role = postgres.create_role(attributes)
        stand = make_stand(postgres, role=role, examine=RoleDoctor(log).admit, connection={"role_policy": policy})
        async with stand.lease():
            pass

    return run


@pytest.mark.parametrize(
    ("attributes", "policy", "admitted"),
    [
        ("LOGIN", RolePolicy.REPORT, True),
        ("LOGIN CREATEROLE", RolePolicy.REPORT, True),
        ("LOGIN SUPERUSER", RolePolicy.REPORT, False),
        ("LOGIN", RolePolicy.STRICT, False),
        ("LOGIN SUPERUSER", RolePolicy.STRICT, False),
        ("LOGIN SUPERUSER", RolePolicy.DEV, True),
    ],
)
async def test_who_is_admitted(knock: Knock, attributes: str, policy: RolePolicy, admitted: bool) -> None:
    if admitted:
        await knock(attributes, policy)
        return
    with pytest.raises(DirectFlowError) as refused:
        await knock(attributes, policy)
    assert (refused.value.code, refused.value.reason) == (StatusCode.FAILED_PRECONDITION, "ROLE_REFUSED")
    assert all(problem.hint for problem in refused.value.problems), "each finding comes with the SQL that mends it"


async def test_an_admitted_superuser_is_warned_about(knock: Knock, log: Notes) -> None:
    await knock("LOGIN SUPERUSER", RolePolicy.DEV)
    assert [warning["findings"] for warning in log.warnings] == [["SUPERUSER"]]


async def test_the_log_names_rules_and_no_object_of_the_customers(knock: Knock, log: Notes) -> None:
    await knock("LOGIN CREATEROLE", RolePolicy.REPORT)
    [warning] = log.warnings
    assert "CREATEROLE" in warning["findings"]
    assert set(warning) == {"event", "connection", "findings"}
    assert warning["connection"] == "workspaces/acme/connections/main"


async def test_a_refusal_says_how_to_mend_it_to_those_who_may_define_alone(knock: Knock) -> None:
    with pytest.raises(DirectFlowError, match=r"\(SUPERUSER\)") as refused:
        await knock("LOGIN SUPERUSER", RolePolicy.REPORT)
    assert "role_" not in str(refused.value)
    assert any(re.search(r"ALTER ROLE role_[0-9a-f]+ NOSUPERUSER;", p.hint) for p in refused.value.problems)


def test_what_every_fresh_server_gives_is_only_a_note() -> None:
    rules = ["SUPERUSER", "BYPASSRLS", "NOT_EXAMINED", TEMPORARY_TABLES]
    weights = [Weight.DANGER, Weight.WARNING, Weight.WARNING, Weight.NOTE]
    assert [Finding(rule, "").weight for rule in rules] == weights


async def test_notes_alone_are_no_warning(
    make_stand: Callable[..., Any], postgres: PostgresServer, log: Notes, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def only_a_note(_: object) -> tuple[Finding, ...]:
        return (Finding(TEMPORARY_TABLES, "", ""),)

    monkeypatch.setattr("directflow_gateway.role_doctor.admission.examine", only_a_note)
    async with make_stand(postgres, examine=RoleDoctor(log).admit).lease():
        pass
    assert log.warnings == []
    assert [info["findings"] for info in log.infos] == [[TEMPORARY_TABLES]]


@pytest.mark.parametrize("policy", RolePolicy)
async def test_a_role_that_cannot_be_examined_is_refused_by_strict_only(
    make_stand: Callable[..., Any],
    postgres: PostgresServer,
    log: Notes,
    monkeypatch: pytest.MonkeyPatch,
    policy: RolePolicy,
) -> None:
    """The examination fails on the server; the session is as good as new afterwards."""
    monkeypatch.setattr("directflow_gateway.role_doctor.examination._SETTINGS", "SELECT pg_catalog.missing()")
    stand = make_stand(postgres, examine=RoleDoctor(log).admit, connection={"role_policy": policy})
    if policy is RolePolicy.STRICT:
        with pytest.raises(DirectFlowError) as refused:
            async with stand.lease():
                pass
        assert refused.value.sqlstate == "42883"
        assert log.warnings == []
        return
    async with stand.transaction() as session:
        assert await (await session.execute("SELECT 1")).fetchone() is not None
    [warning] = log.warnings
    assert (warning["event"], warning["sqlstate"]) == ("role could not be examined", "42883")
