# ruff: noqa: E501 - messages as they are printed
"""`directflow apply`: all of it checked before any of it is written, in order, under etags, and again until it is done."""

from pathlib import Path
from typing import Any

from directflow_runtime.errors import DirectFlowError, Problem, Severity, StatusCode

from .conftest import Directflow, Shelf, refuse
from .texts import CONDITION, CONNECTION, DATA_SOURCE, ENGAGEMENT, EXPRESSION, joined

EVERYTHING = joined(EXPRESSION, CONDITION, DATA_SOURCE, ENGAGEMENT, CONNECTION)
NEW_USER = CONNECTION.replace("directflow_readonly", "other")


def write(text: str, name: str = "x.yaml") -> None:
    Path(name).parent.mkdir(parents=True, exist_ok=True)
    Path(name).write_text(text)


def broken_where(text: str) -> Any:
    """A judge that points at `text` in any generator."""

    def judge(resource: Any) -> list[Problem]:
        sql = getattr(resource, "generator_sql", "")
        if text not in sql:
            return []
        line = sql[: sql.index(text)].count("\n") + 1
        column = sql.index(text) - sql.rfind("\n", 0, sql.index(text))
        message, hint = f'column "{text}" does not exist', "did you mean u.email?"
        return [
            Problem("UNDEFINED_COLUMN", message, field="generator.sql", line=line, column=column, token=text, hint=hint)
        ]

    return judge


def test_everything_from_an_empty_system_in_the_order_of_use(directflow: Directflow, shelf: Shelf) -> None:
    write(EVERYTHING)
    ran = directflow("apply", "-f", "x.yaml")
    assert ran.code == 0, ran.err
    assert shelf.written[:2] == ["crm", "members"]
    assert shelf.written.index("a_premium_reader") > max(map(shelf.written.index, ["is_premium", "has_left"]))
    assert "connection crm              created (revision 1)" in ran.out
    assert ran.out.splitlines()[-1] == "5 created"


def test_a_second_run_writes_nothing(directflow: Directflow, shelf: Shelf) -> None:
    write(EVERYTHING)
    directflow("apply", "-f", "x.yaml")
    shelf.calls.clear()
    assert directflow("apply", "-f", "x.yaml").out.splitlines()[-1] == "5 unchanged"
    assert shelf.calls == []


def test_only_what_changed_is_written(directflow: Directflow, shelf: Shelf) -> None:
    write(EVERYTHING)
    directflow("apply", "-f", "x.yaml")
    shelf.calls.clear()
    write(EVERYTHING.replace("channel: email", "channel: sms"))
    ran = directflow("apply", "-f", "x.yaml")
    assert shelf.written == ["has_left"]
    assert "condition has_left          updated (revision 2)" in ran.out


def test_a_folder_is_read_whole_and_in_order_and_stdin_as_well(directflow: Directflow, shelf: Shelf) -> None:
    write(CONNECTION, "defs/b/one.yml")
    write('{"kind": "Condition", "id": "z", "spec": {"engagement": {"bucket": {"salt": "s"}}}}', "defs/a.json")
    write("no: definition", "defs/.hidden/x.yaml")
    write("{}", "defs/x.schema.json")
    assert directflow("apply", "-f", "defs", "-f", "-", stdin=DATA_SOURCE).code == 0
    assert shelf.written == ["crm", "members", "z"]


def test_a_dry_run_checks_and_writes_nothing(directflow: Directflow, shelf: Shelf) -> None:
    write(joined(CONNECTION, ENGAGEMENT, EXPRESSION, CONDITION))
    ran = directflow("apply", "--dry-run", "-f", "x.yaml")
    assert ran.code == 0
    assert (shelf.written, sorted(shelf.checked)) == ([], ["crm", "has_left"])
    assert "connection crm              to be created\n" in ran.out
    assert "to be created: checked when it is written: it uses the connection crm, which is new" in ran.out


def test_all_problems_of_all_definitions_are_told_before_anything_is_written(
    directflow: Directflow, shelf: Shelf
) -> None:
    write(CONNECTION)
    directflow("apply", "-f", "x.yaml")
    shelf.calls.clear()
    shelf.judge = broken_where("u.email")
    second = DATA_SOURCE.replace("members", "others").replace(
        "SELECT u.id AS profile_id, ", "SELECT u.id AS profile_id,\n      "
    )
    write(joined(DATA_SOURCE, second, ENGAGEMENT))
    ran = directflow("apply", "-f", "x.yaml")
    assert ran.code == 4
    assert ran.findings == [
        'x.yaml:6:32: error: column "u.email" does not exist [UNDEFINED_COLUMN]',
        'x.yaml:15:7: error: column "u.email" does not exist [UNDEFINED_COLUMN]',
    ]
    assert (
        "    6 |     SELECT u.id AS profile_id, u.email\n      |                                ^^^^^^^\n  hint: did you mean u.email?\n"
        in ran.err
    )
    assert ran.err.endswith("nothing was written\n")
    assert shelf.written == []


def test_a_broken_data_source_of_a_new_connection_leaves_the_connection_and_says_so(
    directflow: Directflow, shelf: Shelf
) -> None:
    shelf.judge = broken_where("u.email")
    write(joined(CONNECTION, DATA_SOURCE, ENGAGEMENT))
    ran = directflow("apply", "-f", "x.yaml")
    assert (ran.code, shelf.written) == (4, ["crm"])
    assert "1 of 3 were written; apply again when that is mended" in ran.err
    assert "data source members  not written\n" in ran.out
    assert "condition has_left   not written: held back: all of it is right before any of it is written\n" in ran.out
    shelf.judge = lambda _: []
    shelf.calls.clear()
    assert directflow("apply", "-f", "x.yaml").code == 0
    assert shelf.written == ["members", "has_left"]


def test_a_broken_definition_beside_a_new_connection_is_found_before_even_that_is_written(
    directflow: Directflow, shelf: Shelf
) -> None:
    shelf.judge = lambda resource: [Problem("CHANNEL", "no such channel", field="engagement.subscription.channel")] if (
        resource.name.endswith("has_left")
    ) else []  # fmt: skip
    write(joined(CONNECTION, ENGAGEMENT))
    ran = directflow("apply", "-f", "x.yaml")
    assert (ran.code, shelf.written) == (4, [])
    assert ran.findings == ["x.yaml:12:29: error: no such channel [CHANNEL]"]


def test_a_warning_is_told_and_keeps_nothing_from_being_written(directflow: Directflow, shelf: Shelf) -> None:
    shelf.judge = lambda resource: [Problem("NO_ORDER", "unordered", Severity.WARNING, field="connection")] if (
        hasattr(resource, "generator_sql")
    ) else []  # fmt: skip
    write(joined(CONNECTION, DATA_SOURCE))
    ran = directflow("apply", "-f", "x.yaml")
    assert ran.code == 0
    assert ran.findings == ["x.yaml:11:15: warning: unordered [NO_ORDER]"]


def test_what_somebody_saved_meanwhile_stays_and_is_told(directflow: Directflow, shelf: Shelf) -> None:
    write(EVERYTHING)
    directflow("apply", "-f", "x.yaml")
    name = "workspaces/acme/conditions/has_left"

    def another_editor(method: str, request: Any) -> None:
        if method == "UpdateCondition" and not request.validate_only and shelf.newest(name).revision == 1:
            shelf.put(shelf.newest(name))

    shelf.before = another_editor
    shelf.calls.clear()
    write(EVERYTHING.replace("channel: email", "channel: sms").replace("result", "other").replace("any", "all"))
    ran = directflow("apply", "-f", "x.yaml")
    assert ran.code == 9
    assert shelf.newest(name).revision == 2
    assert "condition has_left          conflict: somebody saved it since it was read; theirs stays" in ran.out
    assert "condition is_premium        updated (revision 2)" in ran.out
    assert directflow("apply", "-f", "x.yaml").code == 0
    assert shelf.newest(name).engagement.subscription.channel == "sms"


def test_what_somebody_deleted_meanwhile_is_told_and_created_by_the_next_run(
    directflow: Directflow, shelf: Shelf
) -> None:
    write(ENGAGEMENT)
    directflow("apply", "-f", "x.yaml")
    name = "workspaces/acme/conditions/has_left"

    def another_editor(method: str, request: Any) -> None:
        if method == "UpdateCondition" and shelf.newest(name) is not None:
            shelf.revisions[name].append(None)

    shelf.before = another_editor
    write(ENGAGEMENT.replace("email", "sms"))
    ran = directflow("apply", "-f", "x.yaml")
    assert ran.code == 9
    assert "condition has_left  conflict: somebody deleted it since it was read: apply again to create it\n" in ran.out
    assert directflow("apply", "-f", "x.yaml").out.splitlines()[-1] == "1 created"


def test_a_conflict_that_the_check_finds_holds_everything_back(directflow: Directflow, shelf: Shelf) -> None:
    write(EVERYTHING)
    directflow("apply", "-f", "x.yaml")
    name = "workspaces/acme/conditions/has_left"

    def another_editor(method: str, request: Any) -> None:
        if method == "UpdateCondition" and shelf.newest(name).revision == 1:
            shelf.put(shelf.newest(name))

    shelf.before = another_editor
    shelf.calls.clear()
    write(EVERYTHING.replace("channel: email", "channel: sms").replace("u.email", "u.phone"))
    ran = directflow("apply", "-f", "x.yaml")
    assert (ran.code, shelf.written) == (9, [])
    assert "condition has_left          conflict: somebody saved it since it was read" in ran.out
    assert "data source members         not written: held back" in ran.out


def test_who_uses_what_was_not_written_waits(directflow: Directflow, shelf: Shelf) -> None:
    def somebody_else_created_it(method: str, request: Any) -> None:
        if method == "CreateCondition" and request.condition_id == "has_left" and not request.validate_only:
            raise refuse(StatusCode.ALREADY_EXISTS, "ALREADY_EXISTS", "it is there already")

    shelf.before = somebody_else_created_it
    write(EVERYTHING)
    ran = directflow("apply", "-f", "x.yaml")
    assert ran.code == 9
    assert "not written: it uses the condition has_left, which was not written" in ran.out
    assert "a_premium_reader" not in shelf.written


def test_a_service_that_goes_away_ends_it_and_a_second_run_completes_it(directflow: Directflow, shelf: Shelf) -> None:
    def away(method: str, request: Any) -> None:
        if method == "CreateDataSource" and not request.validate_only:
            raise DirectFlowError(StatusCode.UNAVAILABLE, "GATEWAY_UNAVAILABLE", "the gateway is away", retry_after=1)

    shelf.before = away
    write(EVERYTHING)
    ran = directflow("apply", "-f", "x.yaml")
    assert (ran.code, shelf.written) == (5, ["crm"])
    assert "data source members         failed: the gateway is away" in ran.out
    assert "not written: not tried after the data source members" in ran.out
    shelf.before = lambda _method, _request: None
    assert directflow("apply", "-f", "x.yaml").out.splitlines()[-1] == "1 unchanged, 4 created"


def test_a_check_that_could_not_be_made_is_no_mistake_of_the_author(directflow: Directflow, shelf: Shelf) -> None:
    def away(method: str, _request: Any) -> None:
        if method == "CreateCondition":
            raise DirectFlowError(StatusCode.UNAVAILABLE, "DATABASE_UNREACHABLE", "the database is away", retry_after=1)

    shelf.before = away
    write(ENGAGEMENT)
    ran = directflow("apply", "-f", "x.yaml")
    assert ran.code == 5
    assert ran.findings == [
        "x.yaml:2:5: unchecked: the condition has_left could not be checked: the database is away [DATABASE_UNREACHABLE]"
    ]


def test_nothing_is_asked_while_a_file_cannot_be_read(directflow: Directflow, shelf: Shelf) -> None:
    write(joined(CONNECTION, DATA_SOURCE.replace("generator_sql", "generatr_sql")))
    ran = directflow("apply", "-f", "x.yaml")
    assert ran.code == 4
    assert ran.findings == ["x.yaml:12:3: error: there is no field generatr_sql [UNKNOWN_FIELD]"]
    assert shelf.calls == []


def test_a_name_that_nothing_has_is_told_where_it_is_used(directflow: Directflow) -> None:
    write(joined(CONNECTION, CONDITION, EXPRESSION.replace("is_premium", "is_premum")))
    ran = directflow("apply", "-f", "x.yaml")
    assert ran.code == 4
    assert ran.findings == [
        "x.yaml:19:14: error: there is no condition is_premum, neither saved nor in these files [REFERENCE_NOT_FOUND]",
        "x.yaml:19:31: error: there is no condition has_left, neither saved nor in these files [REFERENCE_NOT_FOUND]",
    ]
    assert "hint: did you mean is_premium?" in ran.err


def test_a_circle_of_expressions_is_told_without_asking_anybody(directflow: Directflow, shelf: Shelf) -> None:
    first = "kind: Condition\nid: a\nspec:\n  expression: {not: b}\n"
    write(joined(first, first.replace("id: a", "id: b").replace("not: b", "not: a")))
    ran = directflow("apply", "-f", "x.yaml")
    assert ran.code == 4
    (finding,) = ran.findings
    assert "the condition uses itself: " in finding
    assert shelf.calls == []


def test_for_machines_everything_is_one_document(directflow: Directflow, shelf: Shelf) -> None:
    shelf.judge = broken_where("u.email")
    write(joined(CONNECTION, DATA_SOURCE))
    ran = directflow("apply", "-f", "x.yaml", "-o", "json")
    assert ran.code == 4
    assert [one["outcome"] for one in ran.json["resources"]] == ["created", "not written"]
    (problem,) = ran.json["problems"]
    assert (problem["file"], problem["line"], problem["column"], problem["rule"]) == (
        "x.yaml",
        13,
        32,
        "UNDEFINED_COLUMN",
    )
    assert problem["resource"] == "workspaces/acme/dataSources/members"


def test_validate_checks_what_is_unchanged_as_well(directflow: Directflow, shelf: Shelf) -> None:
    write(joined(CONNECTION, DATA_SOURCE))
    directflow("apply", "-f", "x.yaml")
    shelf.calls.clear()
    shelf.judge = broken_where("u.email")
    ran = directflow("validate", "-f", "x.yaml")
    assert (ran.code, sorted(shelf.checked), shelf.written) == (4, ["crm", "members"], [])
    assert ran.out == "2 definitions: 1 error\n"


def test_validate_offline_asks_nobody(directflow: Directflow, shelf: Shelf) -> None:
    write(EVERYTHING)
    assert directflow("validate", "--offline", "-f", "x.yaml").out == "5 definitions: nothing to complain about\n"
    assert shelf.calls == []


def test_diff_shows_saved_against_file_and_says_so_with_its_exit_code(directflow: Directflow) -> None:
    write(joined(CONNECTION, DATA_SOURCE))
    directflow("apply", "-f", "x.yaml")
    assert directflow("diff", "-f", "x.yaml").code == 0
    write(joined(CONNECTION, DATA_SOURCE.replace("u.email", "u.phone"), ENGAGEMENT))
    ran = directflow("diff", "-f", "x.yaml")
    assert ran.code == 1
    assert "--- data source members (revision 1)\n+++ x.yaml\n" in ran.out
    assert "-    SELECT u.id AS profile_id, u.email\n+    SELECT u.id AS profile_id, u.phone\n" in ran.out
    assert "--- /dev/null\n+++ x.yaml\n" in ran.out
