# ruff: noqa: E501 - one mistake a line
"""Every mistake in a definition file has a line, a column and a way out; all of them are told at once."""

import pytest
from directflow_cli.definitions.manifests import ManifestSet, read_all
from directflow_cli.definitions.places import Source
from directflow_cli.definitions.writing import document_of

from .texts import CONDITION, CONNECTION, DATA_SOURCE, EXPRESSION, joined


def read(text: str, workspace: str = "acme") -> ManifestSet:
    return read_all([Source("x.yaml", text)], workspace)


def complaints(text: str) -> list[str]:
    return [
        f"{one.place.line}:{one.place.column} {one.message} ({one.hint})" for one in read(text).findings if one.place
    ]


def connection(spec: str) -> str:
    return f"kind: Connection\nid: crm\nspec:\n  host: h\n  database: d\n{spec}"


def test_many_documents_of_one_file_keep_their_order() -> None:
    found = read(joined(CONNECTION, DATA_SOURCE, "# nothing in this one\n", CONDITION, EXPRESSION))
    assert found.findings == []
    assert [manifest.name for manifest in found.manifests] == [
        "workspaces/acme/connections/crm",
        "workspaces/acme/dataSources/members",
        "workspaces/acme/conditions/is_premium",
        "workspaces/acme/conditions/a_premium_reader",
    ]


def test_ids_become_names_in_the_workspace_of_the_document() -> None:
    found = read("workspace: other\n" + EXPRESSION)
    expression = found.manifests[0].message.expression  # type: ignore[attr-defined]
    assert expression.all_of.operands[0].condition == "workspaces/other/conditions/is_premium"
    assert expression.all_of.operands[1].negation.condition == "workspaces/other/conditions/has_left"


def test_json_is_read_as_well() -> None:
    text = '{"kind": "Connection", "name": "crm", "spec": {"host": "h", "database": "d", "limits": {"lock_timeout": "5s"}}}'
    assert read(text).findings == []
    assert read(text).manifests[0].name == "workspaces/acme/connections/crm"


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        (connection("  hots: x\n"), "6:3 there is no field hots (did you mean host?)"),
        (connection("  revision: 3\n"), "6:3 revision is written by the service (leave it out)"),
        (connection("  etag: x\n"), "6:3 etag is written by the service (leave it out)"),
        (connection("  name: crm\n"), "6:3 name is written by the service (write id beside kind)"),
        (connection("  host: other\n"), "6:3 host is set twice ()"),
        (connection("  user:\n"), "6:3 user has no value (give one, or leave the field out)"),
        (connection("  port: many\n"), "6:9 port is a whole number from -2,147,483,648 to 2,147,483,647 (digits, unquoted)"),
        (connection("  port: 0x10\n"), "6:9 port is a whole number from -2,147,483,648 to 2,147,483,647 (digits, unquoted)"),
        (connection("  tls: {mode: VERIFY_FUL}\n"), "6:15 mode cannot be VERIFY_FUL (did you mean VERIFY_FULL?)"),
        (connection("  tls: verify\n"), "6:8 fields are expected here, such as mode or ca_pem ()"),
        (connection("  limits: {lock_timeout: 5}\n"), "6:26 this is no duration (write 30s, 5m, 1h30m or 30d)"),
        (connection("  allowed_functions: f\n"), "6:22 allowed_functions is a list (put - before each element)"),
        ("kind: Connection\nid: crm\nspec: {host: h}\n", "3:7 database is missing ()"),
        ("kind: Connection\nid: crm\n", "1:1 spec is missing (its fields are those of the definition)"),
        ("kind: Connection\nspec: {host: h, database: d}\n", "1:1 id is missing (a letter, then letters, digits, - and _; at most 63 characters)"),
        ("kind: Datasource\nid: x\nspec: {connection: c, generator_sql: s}\n", "1:7 there is no kind Datasource (did you mean DataSource?)"),
        ("kind: Condition\nid: 7x\nspec: {sql: {connection: c, sql: s}}\n", "2:5 '7x' is no id (a letter, then letters, digits, - and _; at most 63 characters)"),
        ("kind: Condition\nid: x\nspec: {}\n", "3:7 one of sql, engagement or expression is missing ()"),
        ("kind: Condition\nid: x\nspec: {expression: a, sql: {connection: c, sql: s}}\n", "3:23 sql cannot stand beside expression: only one of them holds ()"),
        ("kind: Condition\nid: x\nspec: {expression: {none_of: [a]}}\n", "3:21 there is no operator none_of (did you mean any_of?)"),
        ("kind: Condition\nid: x\nspec: {expression: {all_of: []}}\n", "3:29 all_of takes a list of 1 to 64 conditions (all_of: [one, other])"),
        ("kind: Condition\nid: x\nspec: {expression: [a, b]}\n", "3:20 one condition or one operator is expected here (a condition's id, or all_of: [...], any_of: [...] or not: ...)"),
        ("kind: Condition\nid: x\nspec: {expression: workspaces/other/conditions/a}\n", "3:20 workspaces/other/conditions/a is in another workspace; this definition is in acme (a condition of workspaces/acme)"),
        ("kind: Condition\nid: x\nspec: {expression: workspaces/acme/dataSources/a}\n", "3:20 workspaces/acme/dataSources/a is no name of a condition (its id alone: a)"),
        ("kind: Condition\nid: x\nsepc: {}\nspec: {expression: a}\n", "3:1 there is no field sepc beside kind and spec (did you mean spec?)"),
        ("kind: Connection\nid: \x07\n", "2:5 U+0007 cannot stand in YAML (escape it in a quoted text)"),
        ("- just\n- a list\n", "1:1 a definition begins with kind, id and spec ()"),
        ("kind: Connection\n  id: x\n", "2:5 mapping values are not allowed in this context ()"),
    ],
)  # fmt: skip
def test_a_mistake_is_told_where_it_is(text: str, complaint: str) -> None:
    assert complaints(text) == [complaint]


def test_all_mistakes_of_all_documents_are_told_at_once() -> None:
    text = joined(
        "kind: Connection\nid: a\nspec: {hots: h, prot: 1}\n", "kind: Conditio\nid: b\nspec: {sql: {sqll: x}}\n"
    )
    assert [one.place.line for one in read(text).findings if one.place] == [3, 3, 3, 5, 7, 7]


def test_a_definition_that_stands_twice_is_refused_with_both_places() -> None:
    (finding,) = read(joined(CONNECTION, CONNECTION)).findings
    assert finding.place is not None
    assert finding.place.label == "x.yaml:9:5"
    assert "x.yaml:2:5" in finding.message


def test_without_any_workspace_it_is_asked_once() -> None:
    assert [one.message for one in read(joined(CONNECTION, DATA_SOURCE), "").findings] == ["in which workspace?"]


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        ("NO", "NO"),
        ("007", "007"),
        ("1.50", "1.50"),
        ("2024-02-29", "2024-02-29"),
        ("1_000", "1_000"),
        ("yes", "yes"),
        ('"30"', "30"),
        ("30", 30),
        ("-1.5", -1.5),
        ("true", True),
        ("null", None),
        ("[1, b]", [1, "b"]),
        ("99999999999999999999", "99999999999999999999"),
    ],
)
def test_a_value_is_what_its_author_wrote(written: str, meant: object) -> None:
    """Other readers of YAML make FALSE of NO, 7 of 007, and a date of a date."""
    text = f"{DATA_SOURCE}  variables:\n    - name: v\n      default_value: {written}\n"
    found = read(text)
    assert found.findings == []
    assert document_of(found.manifests[0].message)["spec"]["variables"][0]["default_value"] == meant


def test_an_unquoted_false_is_a_decision() -> None:
    found = read("kind: Condition\nid: x\nspec: {expression: a, policy: {on_null: FALSE, on_error: true}}\n")
    assert found.findings == []
    policy = found.manifests[0].message.policy  # type: ignore[attr-defined]
    assert (policy.on_null, policy.on_error) == (2, 1)


def test_a_variable_may_be_written_as_the_proto_nests_it() -> None:
    flat = read(f"{DATA_SOURCE}  variables: [{{name: v, kind: UUID, list: true, optional: true}}]\n")
    nested = read(f"{DATA_SOURCE}  variables: [{{variable: {{name: v, kind: UUID, list: true}}, optional: true}}]\n")
    assert flat.findings == nested.findings == []
    assert flat.manifests[0].message == nested.manifests[0].message


@pytest.mark.parametrize("text", ["[" * 100_000, "a: " + "{b: " * 5_000, "&a [*a]\n", "kind: &a [x, *a]\n"])
def test_a_file_that_nests_without_end_is_refused(text: str) -> None:
    assert [one.rule for one in read(text).findings] == ["YAML"]


def test_an_alias_is_refused_because_a_few_of_them_make_a_small_file_large() -> None:
    text = (
        f"{CONDITION.replace('sql: SELECT', 'sql: &q SELECT')}---\n{CONDITION.replace('SELECT true AS result', '*q')}"
    )
    assert complaints(text) == ["13:10 *q stands for something else: definitions have no aliases (write it out)"]


def test_an_expression_is_refused_before_it_is_too_deep() -> None:
    text = "kind: Condition\nid: x\nspec: {expression: " + "{not: " * 64 + "a" + "}" * 64 + "}\n"
    assert [one.rule for one in read(text).findings] == ["TOO_DEEP"]
