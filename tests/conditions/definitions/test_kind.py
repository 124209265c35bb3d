"""What the store is told of a condition beside its body: what it uses, and what it allows to run."""

from typing import Any

import pytest
from directflow_conditions.condition import Condition, SqlQuery, Variable
from directflow_conditions.definitions.catalogue import SavedConditions
from directflow_conditions.definitions.definition import CachedDefinitions, Definition
from directflow_conditions.definitions.gateway import GrpcDescriber
from directflow_conditions.definitions.kind import ConditionKind
from directflow_conditions.definitions.no_store import NoStore
from directflow_conditions.definitions.wire import CONTENT_TYPE, definition_in, fixed_definition
from directflow_conditions.expressions.expression import AllOf, Expression, Named, Negation
from directflow_conditions.gateway import statement_message
from directflow_conditions.predicates.predicate import BucketPredicate, Predicate
from directflow_gateway.definitions.provenance import digest_of
from directflow_gateway.queries.wire import statement_of
from directflow_runtime.definitions.cache import DefinitionCache
from directflow_runtime.definitions.document import Document, SnapshotEnd
from directflow_runtime.logging import get_logger
from directflow_runtime.variable_kinds import Kind

PREFIX = "workspaces/acme/conditions/"
CONNECTION = "workspaces/acme/connections/main"


class Channel:
    """Nothing is asked of the gateway here."""

    def unary_unary(self, *args: Any, **options: Any) -> None:
        return None

    unary_stream = stream_unary = stream_stream = unary_unary


def definition(of: SqlQuery | Predicate | Expression, id: str = "c") -> Definition:
    return fixed_definition(Condition(PREFIX + id, of))


@pytest.fixture
def cache() -> DefinitionCache[Definition]:
    fixed = definition(BucketPredicate("x", 0, 1), "fixed")
    return DefinitionCache(definition_in, get_logger("test"), {fixed.condition.name: fixed})


@pytest.fixture
def kind(cache: DefinitionCache[Definition]) -> ConditionKind:
    channel: Any = Channel()
    return ConditionKind(cache, SavedConditions(cache, NoStore()), GrpcDescriber(channel))


def test_a_condition_over_sql_uses_its_connection(kind: ConditionKind) -> None:
    assert list(kind.references(definition(SqlQuery(CONNECTION, "SELECT true AS result")))) == [CONNECTION]


def test_an_expression_uses_the_saved_conditions_that_it_names(kind: ConditionKind) -> None:
    expression = AllOf((Named(PREFIX + "a"), Negation(Named(PREFIX + "b")), Named(PREFIX + "fixed")))
    assert list(kind.references(definition(expression))) == [PREFIX + "a", PREFIX + "b"]
    assert list(kind.statements(definition(expression))) == []


def test_a_condition_on_engagement_uses_nothing_and_runs_nothing_of_its_own(kind: ConditionKind) -> None:
    bucket = definition(BucketPredicate("x", 0, 1))
    assert (list(kind.references(bucket)), list(kind.statements(bucket))) == ([], [])


@pytest.mark.parametrize(
    "declared",
    [
        (),
        (Variable("plan", Kind.TEXT),),
        (Variable("plan", Kind.UUID), Variable("profile_id", Kind.INTEGER)),
        (Variable("plan", Kind.INTEGER, is_list=True), Variable("unused", Kind.DATE)),
    ],
)
def test_the_gateway_takes_the_statement_that_is_sent_for_the_one_that_was_saved(
    kind: ConditionKind, declared: tuple[Variable, ...]
) -> None:
    sql = "SELECT plan = ANY ('<%= plan %>') AS result FROM users WHERE id = '<%= profile_id %>'"
    saved = definition(SqlQuery(CONNECTION, sql, declared))
    sent = statement_of(statement_message(saved.condition))
    assert list(kind.statements(saved)) == [digest_of(sent)]


def test_evaluation_finds_the_same_object_until_a_new_revision_comes(cache: DefinitionCache[Definition]) -> None:
    """Single calls share a statement when they ask about one object, and only then."""
    body = definition(BucketPredicate("x", 0, 1)).written
    cache.accept(Document(PREFIX + "c", body, CONTENT_TYPE, revision=1))
    cache.accept(SnapshotEnd(1))
    definitions = CachedDefinitions(cache)
    first = definitions.find(PREFIX + "c")
    assert first is not None
    cache.accept(Document(PREFIX + "c", body, CONTENT_TYPE, revision=1))  # told twice
    assert definitions.find(PREFIX + "c") is first
    cache.accept(Document(PREFIX + "c", body, CONTENT_TYPE, revision=2))
    second = definitions.find(PREFIX + "c")
    assert second is not None
    assert (second is first, second.revision) == (False, 2)
    assert definitions.find(PREFIX + "fixed") is definitions.find(PREFIX + "fixed")


def test_a_revision_that_cannot_be_read_leaves_the_one_before_in_use(cache: DefinitionCache[Definition]) -> None:
    body = definition(BucketPredicate("x", 0, 1)).written
    cache.accept(Document(PREFIX + "c", body, CONTENT_TYPE, revision=1))
    cache.accept(Document(PREFIX + "c", b"\xff", CONTENT_TYPE, revision=2))
    found = CachedDefinitions(cache).find(PREFIX + "c")
    assert found is not None
    assert found.revision == 1
