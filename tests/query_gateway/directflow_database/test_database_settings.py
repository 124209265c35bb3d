"""`[directflow_database]`."""

from pathlib import Path
from typing import Any

import pytest
from directflow_gateway.config import GatewaySettings
from directflow_gateway.directflow_database import DatabaseRole, DirectFlowDatabaseSettings
from pydantic import ValidationError

SECTION: dict[str, Any] = {
    "host": "postgres.directflow.svc",
    "database": "directflow",
    "owner_credential": "/run/owner.json",
    "writer_credential": "/run/writer.json",
    "reader_credential": "/run/reader.json",
}


def test_the_section_may_be_absent() -> None:
    assert GatewaySettings().directflow_database is None


def test_defaults_verify_the_server_and_keep_four_hundred_days() -> None:
    settings = DirectFlowDatabaseSettings.model_validate(SECTION)
    connection = settings.connection(DatabaseRole.READER)
    assert (settings.port, settings.retention_days) == (5432, 400)
    assert (connection.sslmode.value, connection.require_scram) == ("verify-full", True)
    assert settings.credential(DatabaseRole.OWNER) == Path("/run/owner.json")


@pytest.mark.parametrize(
    "wrong",
    [
        {"owner_credential": "owner.json"},
        {"host": "a,b"},
        {"host": "/tmp"},
        {"database": ""},
        {"retention_days": 0},
        {"port": 0},
        {"password": "x"},
    ],
)
def test_what_cannot_be_used_is_refused_without_its_value(wrong: dict[str, Any]) -> None:
    with pytest.raises(ValidationError) as raised:
        DirectFlowDatabaseSettings.model_validate({**SECTION, **wrong})
    assert "owner.json" not in str(raised.value)


@pytest.mark.parametrize("missing", SECTION)
def test_everything_without_a_default_is_required(missing: str) -> None:
    with pytest.raises(ValidationError, match=missing):
        DirectFlowDatabaseSettings.model_validate({name: SECTION[name] for name in SECTION if name != missing})
