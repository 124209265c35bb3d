"""T40: ten thousand random trees of conditions equal a plain reference, for one profile and in batches."""

import itertools
import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import pytest
from directflow_conditions.batches import BatchEvaluator
from directflow_conditions.condition import Condition, FixedDefinitions, SqlQuery
from directflow_conditions.evaluation import Evaluator, Subject
from directflow_conditions.expressions.expression import AllOf, AnyOf, Expression, Named, Negation
from directflow_conditions.policies import DECISION_CODES, RAW_CODES, Decision, Policy, Raw
from directflow_conditions.predicates.predicate import BucketPredicate
from directflow_conditions.profiles import Profiles
from directflow_conditions.questions import Alone, Failure, Outcomes, QuestionSet

TREES = 10_000
PROFILES = 3
PREFIX = "workspaces/w/conditions/"
SQL = SqlQuery("workspaces/w/connections/main", "SELECT true AS result FROM users WHERE id = <%= profile_id %>")
REASONS = ("DATA_ERROR", "STATEMENT_TIMEOUT", "VARIABLE_REJECTED")
ENGAGEMENT = {Raw.TRUE, Raw.FALSE}


@dataclass
class ScriptedGateway:
    """Every leaf's outcomes by profile; counts what it is asked."""

    outcomes: Mapping[str, Sequence[Raw]]
    asked: list[str]
    statements: int = 0

    async def ask(self, questions: QuestionSet, timeout: float | None = None) -> Sequence[Outcomes]:
        self.statements += 1
        self.asked += [condition.name for condition in questions.conditions]
        return [self._of(condition.name, questions) for condition in questions.conditions]

    def _of(self, name: str, questions: QuestionSet) -> Outcomes:
        raws = [self.outcomes[name][int(profile)] for profile in questions.profile_ids]
        failures = {
            index: Failure(REASONS[index % len(REASONS)], name) for index, raw in enumerate(raws) if raw is Raw.ERROR
        }
        return Outcomes(bytes(RAW_CODES[raw] for raw in raws), failures)


class World:
    """Some leaves with outcomes and policies, and expressions that name them and each other."""

    def __init__(self, seed: int) -> None:
        self.random = random.Random(seed)
        self.outcomes: dict[str, list[Raw]] = {}
        self.conditions: dict[str, Condition] = {}
        for number in range(self.random.randint(1, 5)):
            self._leaf(f"{PREFIX}leaf{number}")
        for number in range(self.random.randint(1, 4)):
            name = f"{PREFIX}tree{number}"
            tree = self._tree(self.random.randint(1, 4))
            self.conditions[name] = Condition(name, tree, self._policy())
        self.root = name

    def _leaf(self, name: str) -> None:
        engagement = self.random.random() < 0.3
        definition = BucketPredicate("s", 0, 1) if engagement else SQL
        raws = sorted(ENGAGEMENT, key=lambda raw: raw.name) if engagement else list(Raw)
        self.conditions[name] = Condition(name, definition, self._policy())
        self.outcomes[name] = [self.random.choice(raws) for _ in range(PROFILES)]

    def _policy(self) -> Policy:
        return Policy(*(self.random.choice(list(Decision)) for _ in range(4)))

    def _tree(self, depth: int) -> Expression:
        kind = self.random.choice(["named", "not", "and", "or"]) if depth else "named"
        match kind:
            case "not":
                return Negation(self._tree(depth - 1))
            case "and":
                return AllOf(self._operands(depth))
            case "or":
                return AnyOf(self._operands(depth))
            case _:
                return Named(self.random.choice(list(self.conditions)))

    def _operands(self, depth: int) -> tuple[Expression, ...]:
        return tuple(self._tree(depth - 1) for _ in range(self.random.randint(1, 4)))


def expected(world: World, name: str, profile: int) -> tuple[str, str]:
    """Raw and decided of a condition, by truth tables."""
    condition = world.conditions[name]
    raw = world.outcomes[name][profile].value if name in world.outcomes else truth(world, condition.definition, profile)
    policy = condition.policy
    decided = {
        "TRUE": "TRUE",
        "FALSE": "FALSE",
        "NULL": policy.on_null.value,
        "NO_ROW": policy.on_no_row.value,
        "MULTIPLE_ROWS": policy.on_multiple_rows.value,
        "ERROR": policy.on_error.value,
    }
    return raw, decided[raw]


def truth(world: World, tree: object, profile: int) -> str:
    """A tree by Kleene's tables, operand by operand."""
    if isinstance(tree, Named):
        return expected(world, tree.condition, profile)[1]
    if isinstance(tree, Negation):
        return {"TRUE": "FALSE", "FALSE": "TRUE", "ERROR": "ERROR"}[truth(world, tree.operand, profile)]
    assert isinstance(tree, AllOf | AnyOf)
    operands = [truth(world, operand, profile) for operand in tree.operands]
    decisive, neutral = ("FALSE", "TRUE") if isinstance(tree, AllOf) else ("TRUE", "FALSE")
    if decisive in operands:
        return decisive
    return "ERROR" if "ERROR" in operands else neutral


@pytest.mark.parametrize("part", range(4))
async def test_random_trees_equal_the_reference(part: int) -> None:
    for seed in range(part * TREES // 4, (part + 1) * TREES // 4):
        world = World(seed)
        gateway = ScriptedGateway(world.outcomes, [])
        definitions = FixedDefinitions(world.conditions.values())
        batches = BatchEvaluator(definitions, gateway, 8).start(world.root, {})
        batch = await batches.evaluate(Profiles([str(profile) for profile in range(PROFILES)]))
        wanted = [expected(world, world.root, profile) for profile in range(PROFILES)]
        assert list(batch.raw) == [RAW_CODES[Raw(raw)] for raw, _ in wanted], seed
        assert list(batch.decided) == [DECISION_CODES[Decision(decided)] for _, decided in wanted], seed
        assert sorted(batch.failures) == [index for index, (raw, _) in enumerate(wanted) if raw == "ERROR"], seed
        assert len(gateway.asked) == len(set(gateway.asked)), seed  # each distinct leaf once
        over_sql = sum(world.conditions[name].definition is SQL for name in gateway.asked)
        assert gateway.statements == over_sql + (len(gateway.asked) > over_sql), seed  # engagement in one
        one = await Evaluator(definitions, Alone(gateway), 8).evaluate(world.root, Subject("1"))
        assert (one.raw.value, one.decided.value) == wanted[1], seed


async def test_c_and_not_c_partition_the_profiles_under_every_policy() -> None:
    raws = list(Raw)
    for policy in itertools.starmap(Policy, itertools.product(Decision, repeat=4)):
        conditions = [
            Condition(PREFIX + "c", SQL, policy),
            Condition(PREFIX + "not_c", Negation(Named(PREFIX + "c"))),
        ]
        gateway = ScriptedGateway({PREFIX + "c": raws}, [])
        evaluator = BatchEvaluator(FixedDefinitions(conditions), gateway, 8)
        everybody = Profiles([str(profile) for profile in range(len(raws))])
        c = (await evaluator.start(PREFIX + "c", {}).evaluate(everybody)).decided
        not_c = (await evaluator.start(PREFIX + "not_c", {}).evaluate(everybody)).decided
        yes, no, undecided = (DECISION_CODES[decision] for decision in (Decision.TRUE, Decision.FALSE, Decision.ERROR))
        assert {*zip(c, not_c, strict=True)} <= {(yes, no), (no, yes), (undecided, undecided)}
        assert [one == undecided for one in c] == [policy.decide(raw) is Decision.ERROR for raw in raws]
