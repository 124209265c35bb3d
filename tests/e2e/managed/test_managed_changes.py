"""A changed generator on its way: whom it adds and removes is told, then it is so, and then it is taken back."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from directflow.segments.v1 import audience_service_pb2 as pb
from directflow.segments.v1 import audience_service_pb2_grpc as stubs
from directflow_cli.app import build
from directflow_cli.definitions.kinds import DATA_SOURCE
from typer.testing import CliRunner, Result

BEFORE = "SELECT id AS profile_id, email FROM people WHERE id <= 1000"
AFTER = "SELECT id AS profile_id, email FROM people WHERE id BETWEEN 301 AND 1200"
NAME = DATA_SOURCE.full_name("a", "shifting")


@pytest.fixture
def directflow(system: Any, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Callable[..., Result]:
    """The command line in front of the second replica, whose gateway lets definers compare."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("DIRECTFLOW_STATE_DIR", str(tmp_path / "state"))
    monkeypatch.setenv("DIRECTFLOW_CONFIG", str(tmp_path / "config.toml"))
    monkeypatch.setenv("DIRECTFLOW_WORKSPACE", "a")
    for service in ("gateway", "segments", "conditions"):
        monkeypatch.setenv(f"DIRECTFLOW_{service.upper()}", system.processes[f"{service}-2"].address)
    return lambda *arguments: CliRunner().invoke(build(), list(arguments), catch_exceptions=False)


def counted(directflow: Callable[..., Result]) -> int:
    ran = directflow("audience", "count", "shifting", "-o", "json")
    assert ran.exit_code == 0, ran.output
    return int(json.loads(ran.stdout)["people"])


def definition(sql: str) -> str:
    return f"kind: DataSource\nid: shifting\nspec:\n  connection: customer\n  generator_sql: |\n    {sql}\n"


def test_the_numbers_of_the_diff_are_those_of_the_audience_before_and_after(directflow: Callable[..., Result]) -> None:
    Path("before.yaml").write_text(definition(BEFORE))
    Path("after.yaml").write_text(definition(AFTER))
    Path("after.sql").write_text(AFTER)
    assert directflow("apply", "-f", "before.yaml").exit_code == 0
    before = counted(directflow)
    assert before == 1000

    difference = directflow("audience", "diff", "shifting", "after.sql", "-o", "json")
    assert difference.exit_code == 1, difference.output
    told = json.loads(difference.stdout)
    assert (told["kept"], told["added"], told["removed"]) == (700, 200, 300)
    assert before == told["kept"] + told["removed"]
    assert all(1001 <= int(one) <= 1200 for one in told["added_profile_ids"])
    assert all(int(one) <= 300 for one in told["removed_profile_ids"])
    assert counted(directflow) == before  # a question changes nothing

    changed = directflow("diff", "-f", "after.yaml")
    assert changed.exit_code == 1
    assert "BETWEEN 301 AND 1200" in changed.stdout
    assert directflow("apply", "-f", "after.yaml").stdout.splitlines()[-1] == "1 updated"
    assert counted(directflow) == told["kept"] + told["added"]
    assert directflow("audience", "diff", "shifting", "after.sql").exit_code == 0  # nobody any more

    history = json.loads(directflow("revisions", "data-source", "shifting", "-o", "json").stdout)
    assert directflow("rollback", "data-source", "shifting", "--to", str(history[-1]["revision"])).exit_code == 0
    assert counted(directflow) == before
    assert directflow("diff", "-f", "before.yaml").exit_code == 0
    again = json.loads(directflow("audience", "diff", "shifting", "after.sql", "-o", "json").stdout)
    assert (again["kept"], again["added"], again["removed"]) == (700, 200, 300)


async def test_another_replica_counts_what_was_applied_and_then_what_was_rolled_back(
    clients: Any, eventually: Any
) -> None:
    stub: Any = stubs.AudienceServiceStub(clients.channels["segments-1"])
    request = pb.CountAudienceRequest(target=pb.Target(data_source=DATA_SOURCE.full_name("a", "moving")))

    async def count() -> int:
        return int((await stub.CountAudience(request, timeout=20)).people)

    first = await clients.create(DATA_SOURCE, "moving", clients.make_people("a", BEFORE), replica=2)
    name = DATA_SOURCE.full_name("a", "moving")
    for step, people in (("update", 900), ("rollback", 1000)):
        if step == "update":
            saved = await clients.update(DATA_SOURCE, clients.make_people("a", AFTER, name=name), 2)
        else:
            back = DATA_SOURCE.request("Rollback")(name=name, revision=first.revision, etag=saved.etag)
            saved = await clients.stub(DATA_SOURCE, 2).RollbackDataSource(back, timeout=20)
            assert saved.generator_sql == first.generator_sql
        await clients.everywhere(DATA_SOURCE, "moving", revision=saved.revision)
        assert await count() == people
