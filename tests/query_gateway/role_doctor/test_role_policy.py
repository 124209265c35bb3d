"""Which roles a connection's policy admits, at the door of the pools."""

from collections.abc import Awaitable, Callable
from typing import Any

import pytest
from directflow_cli.dev.postgres import PostgresServer
from directflow_gateway.connections import RolePolicy
from directflow_gateway.role_doctor import RoleDoctor
from directflow_runtime.errors import DirectFlowError, StatusCode

Knock = Callable[[str, RolePolicy], Awaitable[None]]


class Notes:
    """A log that remembers."""

    def __init__(self) -> None:
        self.warnings: list[dict[str, Any]] = []

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
