"""A saved definition, written as YAML and read again, is the same definition: whatever its SQL looks like."""

import pytest
import yaml
from directflow.conditions.v1 import condition_service_pb2 as conditions
from directflow.gateway.v1 import connection_service_pb2 as connections
from directflow.segments.v1 import data_source_service_pb2 as data_sources
from directflow_cli.definitions.defaults import definition_of
from directflow_cli.definitions.manifests import read_all
from directflow_cli.definitions.places import Source
from directflow_cli.definitions.scalars import duration_from, duration_text
from directflow_cli.definitions.writing import yaml_of
from hypothesis import example, given
from hypothesis import strategies as st

from .texts import CONDITION, CONNECTION, DATA_SOURCE, ENGAGEMENT, EXPRESSION

LINES = st.text(st.sampled_from("aé美😀 \t\n'\"\\:#-|>%@&*!{}[],?<=$"), max_size=60)
TEXTS = LINES | st.text(st.characters(exclude_categories=["Cs"]), max_size=30)


def again(message: object) -> object:
    text = yaml_of(message)
    found = read_all([Source("x.yaml", text)], "acme")
    assert found.findings == [], text
    return definition_of(found.manifests[0].message)


@given(TEXTS.filter(bool))
@example("SELECT 1\n")
@example("SELECT 1")
@example("\n\n  SELECT 1  \n\n\n")
@example("\tSELECT\t1 \n -- tab\n")
@example("SELECT ':'\n---\n...\n")
@example("a\r\nb")
@example("\u2028a\nb")
@example("\ufeffSELECT 1\nb")
def test_every_sql_survives(sql: str) -> None:
    source = data_sources.DataSource(
        name="workspaces/acme/dataSources/x", connection="workspaces/acme/connections/c", generator_sql=sql
    )
    source.bindings["a.b"] = sql
    source.variables.add(description=sql).variable.name = "v"
    source.variables[0].default_value.text = sql
    assert again(source) == definition_of(source)


@pytest.mark.parametrize("text", [CONNECTION, DATA_SOURCE, CONDITION, ENGAGEMENT, EXPRESSION])
def test_what_a_person_wrote_survives(text: str) -> None:
    message = read_all([Source("x.yaml", text)], "acme").manifests[0].message
    assert again(message) == definition_of(message)


@pytest.mark.parametrize("text", [CONNECTION, DATA_SOURCE, CONDITION, ENGAGEMENT, EXPRESSION])
def test_other_readers_of_yaml_read_the_same(text: str) -> None:
    message = read_all([Source("x.yaml", text)], "acme").manifests[0].message
    loaded = yaml.safe_load(yaml_of(message))
    assert list(loaded) == ["kind", "id", "spec"]
    if isinstance(message, data_sources.DataSource):
        assert loaded["spec"]["generator_sql"] == message.generator_sql


def test_nothing_that_the_service_writes_is_in_the_file() -> None:
    saved = connections.Connection(
        name="workspaces/acme/connections/c", host="h", database="d", etag="e", revision=3, credential_binding=1
    )
    saved.update_time.GetCurrentTime()
    saved.validation_report.problems.add(rule="R")
    assert yaml_of(saved) == "kind: Connection\nid: c\nspec:\n  host: h\n  database: d\n"


def test_saying_a_default_is_saying_nothing() -> None:
    said = connections.Connection(name="workspaces/acme/connections/c", host="h", port=5432, credential_kind=1)
    said.tls.mode = 1
    said.limits.pool_size = 8
    said.limits.statement_timeout.FromSeconds(60)
    silent = connections.Connection(name=said.name, host="h")
    assert definition_of(said) == definition_of(silent)
    said.limits.statement_timeout.FromSeconds(61)
    assert definition_of(said) != definition_of(silent)


def test_an_empty_part_of_a_one_of_is_not_dropped() -> None:
    condition = conditions.Condition(name="workspaces/acme/conditions/c")
    condition.engagement.bucket.SetInParent()
    assert definition_of(condition).engagement.WhichOneof("predicate") == "bucket"


@given(st.integers(0, 2**62))
def test_a_duration_is_written_exactly(nanoseconds: int) -> None:
    assert duration_from(duration_text(nanoseconds)) == nanoseconds


@pytest.mark.parametrize(
    ("text", "nanoseconds"),
    [("30s", 30 * 10**9), ("1h30m", 5400 * 10**9), ("1500ms", 15 * 10**8), ("0.1s", 10**8), ("30d", 2592000 * 10**9)],
)
def test_durations_are_read_as_people_write_them(text: str, nanoseconds: int) -> None:
    assert duration_from(text) == nanoseconds


@pytest.mark.parametrize("text", ["", "30", "s", "-5s", "5 m", "1y", "1e3s", "٣s"])
def test_what_is_no_duration_is_refused(text: str) -> None:
    assert duration_from(text) is None
