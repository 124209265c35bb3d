"""The breaker of one database, with a clock of its own."""

import pytest
from directflow_gateway.pools.breaker import FAILURES, LONGEST_REFUSED_S, PROBE_S, REFUSED_S, Breaker
from directflow_runtime.errors import DirectFlowError, StatusCode

from tests.clock import Clock

DOWN = DirectFlowError(StatusCode.UNAVAILABLE, "DATABASE_UNREACHABLE", "down", retry_after=1.0)
REFUSED = DirectFlowError(StatusCode.FAILED_PRECONDITION, "CREDENTIALS_REJECTED", "refused")


@pytest.fixture
def time() -> Clock:
    return Clock()


@pytest.fixture
def breaker(time: Clock) -> Breaker:
    return Breaker(time)


def is_open(breaker: Breaker) -> bool:
    try:
        breaker.check()
    except DirectFlowError:
        return True
    return False


def test_it_opens_after_five_failures_in_a_row(breaker: Breaker) -> None:
    for _ in range(FAILURES - 1):
        breaker.failed(DOWN)
    assert not is_open(breaker)
    breaker.failed(DOWN)
    assert is_open(breaker)


def test_a_success_in_between_starts_the_count_again(breaker: Breaker) -> None:
    for _ in range(FAILURES - 1):
        breaker.failed(DOWN)
    breaker.closed()
    breaker.failed(DOWN)
    assert not is_open(breaker)


def test_one_attempt_a_second_is_let_through(breaker: Breaker, time: Clock) -> None:
    for _ in range(FAILURES):
        breaker.failed(DOWN)
    passed = 0
    for _ in range(100):  # ten seconds
        time.now += 0.1
        passed += not is_open(breaker)
    assert 8 <= passed * PROBE_S <= 11


def test_one_success_closes_it(breaker: Breaker, time: Clock) -> None:
    for _ in range(FAILURES):
        breaker.failed(DOWN)
    time.now += PROBE_S
    assert not is_open(breaker)
    breaker.closed()
    assert not any(is_open(breaker) for _ in range(10))


def test_a_refusal_opens_it_at_once_and_longer_each_time(breaker: Breaker, time: Clock) -> None:
    assert not breaker.refusing
    pause = REFUSED_S
    for _ in range(8):
        breaker.refused(REFUSED)
        assert breaker.refusing
        time.now += pause - 0.1
        assert is_open(breaker)
        time.now += 0.2
        assert not is_open(breaker)
        pause = min(LONGEST_REFUSED_S, pause * 2)
    breaker.closed()
    assert not breaker.refusing


def test_each_caller_gets_an_error_of_its_own(breaker: Breaker) -> None:
    breaker.refused(REFUSED)
    raised = []
    for _ in range(2):
        with pytest.raises(DirectFlowError) as error:
            breaker.check()
        raised.append(error.value)
    assert raised[0] is not raised[1]
    assert (raised[0].code, raised[0].reason, raised[0].message) == (REFUSED.code, REFUSED.reason, REFUSED.message)
