"""Does a verdict meet what the file says of its query?"""

from directflow_cli.commands.check.corpus import Expectation
from directflow_cli.commands.check.verdicts import SERVER_REFUSED, Outcome, Verdict


def is_met(expected: Expectation, outcome: Outcome) -> bool:
    """True where the outcome is what was expected, or one that the row's `also_ok` names.

    Without an `expect` the query is to run, with the rows, columns and digest that the row names.
    """
    return _is(expected.expect, expected, outcome) or any(_is(also, expected, outcome) for also in expected.also_ok)


def _is(kind: str, expected: Expectation, outcome: Outcome) -> bool:
    match kind:
        case "":
            return _ran_as_expected(expected, outcome)
        case "reject":
            return outcome.verdict is Verdict.REJECTED
        case "bind_safe":
            return _bound_safely(expected, outcome)
        case "timeout_or_limit":
            # A query that PostgreSQL happens to finish in time has done no harm either.
            return outcome.verdict in (Verdict.LIMIT, Verdict.OK)
        case "server_error_25006":
            return outcome.reason == SERVER_REFUSED
        case "server_error_at_registration":
            return outcome.verdict is Verdict.REJECTED
        case "allow_by_policy" | "onboarding_warning":
            return outcome.verdict is Verdict.OK
        case _:
            return False


def _bound_safely(expected: Expectation, outcome: Outcome) -> bool:
    if expected.anything:
        return True
    if expected.sqlstate is not None:
        return outcome.sqlstate == expected.sqlstate and outcome.verdict is not Verdict.OK
    return _ran_as_expected(expected, outcome) or (expected.rows is None and outcome.verdict is Verdict.VALUE_REJECTED)


def _ran_as_expected(expected: Expectation, outcome: Outcome) -> bool:
    return (
        outcome.verdict is Verdict.OK
        and expected.rows in (None, outcome.rows)
        and expected.columns in (None, outcome.columns)
        and expected.digest in (None, outcome.digest)
    )
