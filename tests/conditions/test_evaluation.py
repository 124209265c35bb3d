"""One profile, one or several conditions: what is asked, what is decided, what is raised."""

import asyncio
from collections.abc import Mapping

import pytest
from directflow_conditions.definitions import Condition, FixedDefinitions
from directflow_conditions.evaluation import Answer, Evaluator, Failure, Question
from directflow_conditions.policies import Decision, Policy, Raw
from directflow_runtime.errors import DirectFlowError, StatusCode

PREFIX = "workspaces/w/conditions/"
SQL = "SELECT plan = '<%= plan %>' AS result FROM users WHERE id = '<%= profile_id %>'"


def condition(name: str, sql: str = SQL, policy: Policy | None = None) -> Condition:
    return Condition(PREFIX + name, "workspaces/w/connections/main", sql, policy=policy or Policy(), revision=7)


class ScriptedGateway:
    """Answers by the condition's id; counts how many questions it holds at once."""

    def __init__(self, answers: Mapping[str, Answer | Exception], pause: float = 0.0) -> None:
        self._answers = answers
        self._pause = pause
        self.asked: list[Question] = []
        self.in_flight = 0
        self.most_in_flight = 0

    async def ask(self, question: Question) -> Answer:
        self.asked.append(question)
        self.in_flight += 1
        self.most_in_flight = max(self.most_in_flight, self.in_flight)
        try:
            await asyncio.sleep(self._pause)
        finally:
            self.in_flight -= 1
        answer = self._answers[question.condition.name.removeprefix(PREFIX)]
        if isinstance(answer, Exception):
            raise answer
        return answer


def evaluator(gateway: ScriptedGateway, *conditions: Condition, max_in_flight: int = 4) -> Evaluator:
    return Evaluator(FixedDefinitions(conditions), gateway, max_in_flight)


async def test_the_answer_is_decided_by_the_conditions_own_policy() -> None:
    gateway = ScriptedGateway({"c": Answer(Raw.NO_ROW)})
    strict = condition("c", policy=Policy(on_no_row=Decision.ERROR))
    evaluation = await evaluator(gateway, strict).evaluate(PREFIX + "c", "42", {"plan": "premium"})
    assert (evaluation.raw, evaluation.decided, evaluation.revision) == (Raw.NO_ROW, Decision.ERROR, 7)
    assert gateway.asked == [Question(strict, "42", {"plan": "premium"})]


async def test_what_could_not_be_told_is_an_outcome_with_its_reason_and_no_exception() -> None:
    failure = Failure("DATA_ERROR", "stored data made the statement fail", "22012")
    gateway = ScriptedGateway({"c": Answer(Raw.ERROR, failure)})
    evaluation = await evaluator(gateway, condition("c")).evaluate(PREFIX + "c", "42", {"plan": "x"})
    assert (evaluation.raw, evaluation.decided, evaluation.failure) == (Raw.ERROR, Decision.ERROR, failure)


@pytest.mark.parametrize("raw", Raw)
async def test_c_and_not_c_in_sql_are_never_both_true(raw: Raw) -> None:
    inverse = {Raw.TRUE: Raw.FALSE, Raw.FALSE: Raw.TRUE}  # NOT NULL is NULL, and no row stays no row
    gateway = ScriptedGateway({"c": Answer(raw), "not_c": Answer(inverse.get(raw, raw))})
    both = evaluator(gateway, condition("c"), condition("not_c"))
    c, not_c = await both.evaluate_all([PREFIX + "c", PREFIX + "not_c"], "42", {"plan": "x"})
    assert not (c.decided is not_c.decided is Decision.TRUE)


async def test_unknown_conditions_are_not_found_all_named_and_nothing_is_asked() -> None:
    gateway = ScriptedGateway({"c": Answer(Raw.TRUE)})
    with pytest.raises(DirectFlowError) as caught:
        await evaluator(gateway, condition("c")).evaluate_all([PREFIX + "x", PREFIX + "c", PREFIX + "y"], "42", {})
    assert (caught.value.code, caught.value.reason) == (StatusCode.NOT_FOUND, "CONDITION_NOT_FOUND")
    assert [violation.description.rsplit("/")[-1] for violation in caught.value.violations] == ["x", "y"]
    assert gateway.asked == []


async def test_answers_come_in_the_order_of_the_request_and_a_repeated_condition_is_asked_once() -> None:
    gateway = ScriptedGateway({"a": Answer(Raw.TRUE), "b": Answer(Raw.NULL)})
    several = evaluator(gateway, condition("a"), condition("b"))
    got = await several.evaluate_all([PREFIX + "b", PREFIX + "a", PREFIX + "b"], "42", {"plan": "x"})
    assert [evaluation.raw for evaluation in got] == [Raw.NULL, Raw.TRUE, Raw.NULL]
    assert len(gateway.asked) == 2


async def test_one_call_holds_no_more_questions_at_once_than_allowed() -> None:
    names = [f"c{number}" for number in range(12)]
    gateway = ScriptedGateway({name: Answer(Raw.TRUE) for name in names}, pause=0.01)
    many = evaluator(gateway, *(condition(name) for name in names), max_in_flight=3)
    await many.evaluate_all([PREFIX + name for name in names], "42", {"plan": "x"})
    assert gateway.most_in_flight == 3


async def test_a_broken_database_fails_the_call_and_ends_the_other_questions() -> None:
    away = DirectFlowError(StatusCode.UNAVAILABLE, "DATABASE_UNREACHABLE", "away", retry_after=1.0)
    gateway = ScriptedGateway({"a": away, "b": Answer(Raw.TRUE)})
    both = evaluator(gateway, condition("a"), condition("b"), max_in_flight=2)
    with pytest.raises(DirectFlowError) as caught:
        await both.evaluate_all([PREFIX + "a", PREFIX + "b"], "42", {"plan": "x"})
    assert caught.value is away
    assert gateway.in_flight == 0


async def test_a_defect_is_raised_before_an_error_of_the_customer() -> None:
    away = DirectFlowError(StatusCode.UNAVAILABLE, "DATABASE_UNREACHABLE", "away")
    gateway = ScriptedGateway({"a": away, "b": ZeroDivisionError()})
    both = evaluator(gateway, condition("a"), condition("b"))
    with pytest.raises(ZeroDivisionError):
        await both.evaluate_all([PREFIX + "a", PREFIX + "b"], "42", {"plan": "x"})
