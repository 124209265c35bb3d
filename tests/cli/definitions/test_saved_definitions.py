"""`directflow get|list|describe|revisions|export|delete|rollback`: what is saved, and taking it back."""

from pathlib import Path

from directflow_cli.commands.exit_codes import ExitCode
from directflow_cli.definitions.manifests import read_all
from directflow_cli.definitions.places import Source
from directflow_runtime.errors import Problem, Severity

from .conftest import Directflow, Shelf
from .texts import CONDITION, CONNECTION, DATA_SOURCE, ENGAGEMENT, EXPRESSION, joined

EVERYTHING = joined(CONNECTION, DATA_SOURCE, CONDITION, ENGAGEMENT, EXPRESSION)


def save(shelf: Shelf, text: str = EVERYTHING) -> None:
    for manifest in read_all([Source("x.yaml", text)], "acme").manifests:
        shelf.put(manifest.message)


def test_get_prints_a_file_that_apply_takes(directflow: Directflow, shelf: Shelf) -> None:
    save(shelf)
    assert directflow("get", "data-source", "members").out == DATA_SOURCE
    assert directflow("get", "DataSource", "workspaces/acme/dataSources/members").out == DATA_SOURCE
    assert directflow("get", "condition", "has_left", "-o", "json").json["spec"]["engagement"] == {
        "subscription": {"channel": "email", "state": "UNSUBSCRIBED"}
    }


def test_get_shows_an_older_revision(directflow: Directflow, shelf: Shelf) -> None:
    save(shelf)
    save(shelf, DATA_SOURCE.replace("u.email", "u.phone"))
    assert directflow("get", "data-source", "members", "--revision", "1").out == DATA_SOURCE
    assert directflow("get", "data-source", "members", "--revision", "7").code == 3


def test_what_is_not_there_ends_with_its_own_code(directflow: Directflow) -> None:
    assert directflow("get", "condition", "nothing").code == 3
    assert directflow("get", "table", "nothing").code == 2
    assert directflow("get", "condition", "workspaces/other/conditions/x").code == 2


def test_list_turns_all_pages(directflow: Directflow, shelf: Shelf) -> None:
    save(shelf)
    assert [one["id"] for one in directflow("list", "conditions", "-o", "json").json] == [
        "a_premium_reader", "has_left", "is_premium",
    ]  # fmt: skip
    assert [one["id"] for one in directflow("list", "conditions", "--filter", "PREM", "-o", "jsonl").lines] == [
        "a_premium_reader", "is_premium",
    ]  # fmt: skip


def test_describe_shows_the_definition_its_problems_and_its_history(directflow: Directflow, shelf: Shelf) -> None:
    problem = Problem("NO_ORDER", "unordered", Severity.WARNING, "generator.sql", 1, 1, "SELECT", "ORDER BY something")
    shelf.judge = lambda _: [problem]
    save(shelf)
    save(shelf)
    ran = directflow("describe", "data-source", "members")
    assert (
        "data source members (workspaces/acme/dataSources/members)\nrevision 2, saved 2026-11-25T10:00:02Z\n" in ran.out
    )
    assert DATA_SOURCE in ran.out
    assert "  warning  NO_ORDER: unordered\n  at       line 1, column 1\n" in ran.out
    assert "           SELECT u.id AS profile_id, u.email\n           ^^^^^^\n" in ran.out
    assert "Revisions:\n  2  2026-11-25T10:00:00Z  ada\n  1  2026-11-25T10:00:00Z  ada\n" in ran.out
    machine = directflow("describe", "data-source", "members", "-o", "json").json
    assert (machine["etag"], machine["revision"], machine["problems"][0]["rule"]) == ("etag-2", 2, "NO_ORDER")


def test_an_export_applies_again_without_any_change(directflow: Directflow, shelf: Shelf) -> None:
    save(shelf)
    assert directflow("export", "-o", "out").code == 0
    assert sorted(str(path) for path in Path("out").rglob("*.yaml")) == [
        "out/conditions/a_premium_reader.yaml",
        "out/conditions/has_left.yaml",
        "out/conditions/is_premium.yaml",
        "out/connections/crm.yaml",
        "out/data-sources/members.yaml",
    ]
    assert directflow("apply", "-f", "out").out.splitlines()[-1] == "5 unchanged"
    text = directflow("export").out
    assert directflow("diff", "-f", "-", stdin=text).code == 0
    assert directflow("export", "condition", "is_premium").out == CONDITION


def test_delete_says_who_still_uses_it(directflow: Directflow, shelf: Shelf) -> None:
    save(shelf)
    ran = directflow("delete", "connection", "crm")
    assert ran.code == 4
    assert "workspaces/acme/dataSources/members uses it" in ran.err
    assert shelf.newest("workspaces/acme/connections/crm") is not None


def test_delete_of_files_takes_users_first_and_what_is_gone_is_no_error(directflow: Directflow, shelf: Shelf) -> None:
    save(shelf)
    Path("x.yaml").write_text(EVERYTHING)
    assert directflow("delete", "-f", "x.yaml").code == 0
    assert [name.rpartition("/")[2] for verb, name in shelf.calls if verb == "Delete"][-1] == "crm"
    again = directflow("delete", "-f", "x.yaml")
    assert (again.code, again.out.count("not there")) == (0, 5)


def test_rollback_makes_an_old_revision_the_newest_and_shows_what_that_changes(
    directflow: Directflow, shelf: Shelf
) -> None:
    save(shelf)
    save(shelf, DATA_SOURCE.replace("u.email", "u.phone"))
    ran = directflow("rollback", "data-source", "members", "--to", "1")
    assert ran.code == 0
    assert "-    SELECT u.id AS profile_id, u.phone\n+    SELECT u.id AS profile_id, u.email\n" in ran.out
    assert ran.out.endswith("data source members: revision 3 is what revision 1 was\n")
    rows = directflow("revisions", "data-source", "members", "-o", "json").json
    assert [one["revision"] for one in rows] == [3, 2, 1]


def test_a_dry_run_of_a_rollback_says_what_would_be_refused_and_saves_nothing(
    directflow: Directflow, shelf: Shelf
) -> None:
    save(shelf)
    save(shelf, DATA_SOURCE.replace("u.email", "u.phone"))
    shelf.judge = lambda resource: [
        Problem("UNDEFINED_COLUMN", "The column u.email does not exist.", field="generator_sql")
    ]
    ran = directflow("rollback", "data-source", "members", "--to", "1", "--dry-run")
    assert ran.code == ExitCode.INVALID
    assert "error: The column u.email does not exist. [UNDEFINED_COLUMN] in generator_sql" in ran.err
    assert len(directflow("revisions", "data-source", "members", "-o", "json").json) == 2
