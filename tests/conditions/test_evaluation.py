"""One profile, one or several conditions: what is asked, what is decided, what is raised."""

import asyncio
from collections.abc import Mapping

import pytest
from directflow_conditions.condition import Condition, FixedDefinitions, SqlQuery, Value
from directflow_conditions.evaluation import Evaluator, Subject
from directflow_conditions.policies import Decision, Policy, Raw
from directflow_conditions.questions import Answer, Failure, Question
from directflow_runtime.errors import DirectFlowError, StatusCode

PREFIX = "workspaces/w/conditions/"
SQL = "SELECT plan = '<%= plan %>' AS result FROM users WHERE id = '<%= profile_id %>'"


def condition(name: str, sql: str = SQL, policy: Policy | None = None) -> Condition:
    query = SqlQuery("workspaces/w/connections/main", sql)
    return Condition(PREFIX + name, query, policy=policy or Policy(), revision=7)


def subject(**variables: Value) -> Subject:
    return Subject("42", variables)


class ScriptedAsker:
    """Answers by the condition's id; counts how many questions it holds at once."""

    def __init__(self, answers: Mapping[str, Answer | Exception], pause: float = 0.0) -> None:
        self._answers = answers
        self._pause = pause
        self.asked: list[Question] = []
        self.in_flight = 0
        self.most_in_flight = 0

    async def ask(self, question: Question) -> list[Answer]:
        self.asked.append(question)
        self.in_flight += 1
        self.most_in_flight = max(self.most_in_flight, self.in_flight)
        try:
            await asyncio.sleep(self._pause)
        finally:
            self.in_flight -= 1
        answer = self._answers[question.conditions[0].name.removeprefix(PREFIX)]
        if isinstance(answer, Exception):
            raise answer
        return [answer]


def evaluator(asker: ScriptedAsker, *conditions: Condition, max_in_flight: int = 4) -> Evaluator:
    return Evaluator(FixedDefinitions(conditions), asker, max_in_flight)


async def test_the_answer_is_decided_by_the_conditions_own_policy() -> None:
    asker = ScriptedAsker({"c": Answer(Raw.NO_ROW)})
    strict = condition("c", policy=Policy(on_no_row=Decision.ERROR))
    evaluation = await evaluator(asker, strict).evaluate(PREFIX + "c", subject(plan="premium"))
    assert (evaluation.raw, evaluation.decided, evaluation.revision) == (Raw.NO_ROW, Decision.ERROR, 7)
    assert asker.asked == [Question((strict,), "42", {"plan": "premium"})]


async def test_what_could_not_be_told_is_an_outcome_with_its_reason_and_no_exception() -> None:
    failure = Failure("DATA_ERROR", "stored data made the statement fail", "22012")
    asker = ScriptedAsker({"c": Answer(Raw.ERROR, failure)})
    evaluation = await evaluator(asker, condition("c")).evaluate(PREFIX + "c", subject(plan="x"))
    assert (evaluation.raw, evaluation.decided, evaluation.failure) == (Raw.ERROR, Decision.ERROR, failure)


@pytest.mark.parametrize("raw", Raw)
async def test_c_and_not_c_in_sql_are_never_both_true(raw: Raw) -> None:
    inverse = {Raw.TRUE: Raw.FALSE, Raw.FALSE: Raw.TRUE}  # NOT NULL is NULL, and no row stays no row
    asker = ScriptedAsker({"c": Answer(raw), "not_c": Answer(inverse.get(raw, raw))})
    both = evaluator(asker, condition("c"), condition("not_c"))
    c, not_c = await both.evaluate_all([PREFIX + "c", PREFIX + "not_c"], subject(plan="x"))
    assert not (c.decided is not_c.decided is Decision.TRUE)


async def test_unknown_conditions_are_not_found_all_named_and_nothing_is_asked() -> None:
    asker = ScriptedAsker({"c": Answer(Raw.TRUE)})
    with pytest.raises(DirectFlowError) as caught:
        await evaluator(asker, condition("c")).evaluate_all([PREFIX + "x", PREFIX + "c", PREFIX + "y"], subject())
    assert (caught.value.code, caught.value.reason) == (StatusCode.NOT_FOUND, "CONDITION_NOT_FOUND")
    assert [violation.description.rsplit("/")[-1] for violation in caught.value.violations] == ["x", "y"]
    assert asker.asked == []


async def test_answers_come_in_the_order_of_the_request_and_a_repeated_condition_is_asked_once() -> None:
    asker = ScriptedAsker({"a": Answer(Raw.TRUE), "b": Answer(Raw.NULL)})
    several = evaluator(asker, condition("a"), condition("b"))
    got = await several.evaluate_all([PREFIX + "b", PREFIX + "a", PREFIX + "b"], subject(plan="x"))
    assert [evaluation.raw for evaluation in got] == [Raw.NULL, Raw.TRUE, Raw.NULL]
    assert len(asker.asked) == 2


async def test_one_call_holds_no_more_questions_at_once_than_allowed() -> None:
    names = [f"c{number}" for number in range(12)]
    asker = ScriptedAsker({name: Answer(Raw.TRUE) for name in names}, pause=0.01)
    many = evaluator(asker, *(condition(name) for name in names), max_in_flight=3)
    await many.evaluate_all([PREFIX + name for name in names], subject(plan="x"))
    assert asker.most_in_flight == 3


async def test_a_broken_database_fails_the_call_and_ends_the_other_questions() -> None:
    away = DirectFlowError(StatusCode.UNAVAILABLE, "DATABASE_UNREACHABLE", "away", retry_after=1.0)
    asker = ScriptedAsker({"a": away, "b": Answer(Raw.TRUE)})
    both = evaluator(asker, condition("a"), condition("b"), max_in_flight=2)
    with pytest.raises(DirectFlowError) as caught:
        await both.evaluate_all([PREFIX + "a", PREFIX + "b"], subject(plan="x"))
    assert caught.value is away
    assert asker.in_flight == 0


async def test_a_defect_is_raised_before_an_error_of_the_customer() -> None:
    away = DirectFlowError(StatusCode.UNAVAILABLE, "DATABASE_UNREACHABLE", "away")
    asker = ScriptedAsker({"a": away, "b": ZeroDivisionError()})
    both = evaluator(asker, condition("a"), condition("b"))
    with pytest.raises(ZeroDivisionError):
        await both.evaluate_all([PREFIX + "a", PREFIX + "b"], subject(plan="x"))
