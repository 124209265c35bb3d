"""What trying a connection says, step by step."""

import enum
from dataclasses import dataclass, field
from typing import Final


class StepName(enum.StrEnum):
    """The steps, in the order in which they are tried."""

    RESOLVE = "resolve"
    TCP = "tcp"
    TLS = "tls"
    LOGIN = "login"
    SERVER = "server"
    ROLE = "role"
    FUTURE_TABLES = "future_tables"
    ROUND_TRIP = "round_trip"


class Outcome(enum.Enum):
    """How a step went."""

    OK = "ok"
    WARNING = "warning"
    """It works, and somebody should know."""
    FAILED = "failed"
    SKIPPED = "skipped"


LONGEST_TEXT: Final = 8_000
"""Characters of one text: a role that may write everywhere needs no list of 50,000 tables."""
SKIPPED_AFTER_FAILURE: Final = "Not tried, because a step before failed."


@dataclass(frozen=True, slots=True)
class Step:
    """One step. It names objects of the customer's database; neither a host, nor an address, nor a secret."""

    name: StepName
    outcome: Outcome
    message: str
    """One sentence."""
    advice: str = ""
    mending_sql: str = ""
    """For the customer's DBA; the password in it is a placeholder."""

    def __post_init__(self) -> None:
        for text in ("message", "advice", "mending_sql"):
            if len(getattr(self, text)) > LONGEST_TEXT:
                object.__setattr__(self, text, getattr(self, text)[: LONGEST_TEXT - 3] + "...")


class StepFailed(Exception):
    """Ends a test: the step that it holds failed."""

    def __init__(self, step: Step) -> None:
        super().__init__(step.message)
        self.step = step


def failed(name: StepName, message: str, advice: str = "", mending_sql: str = "") -> StepFailed:
    """To raise."""
    return StepFailed(Step(name, Outcome.FAILED, message, advice, mending_sql))


@dataclass(slots=True)
class TestReport:
    """What is known so far; complete once every step is in it."""

    __test__ = False  # the name is the API's, and no pytest class

    steps: list[Step] = field(default_factory=list)
    server_version: str = ""
    """"15.4"; empty where the server was not reached."""
    replica: bool = False
    round_trip_s: float | None = None

    def add(self, step: Step) -> None:
        """The next step."""
        self.steps.append(step)

    def skip_rest(self, reason: str = SKIPPED_AFTER_FAILURE) -> None:
        """Every step that is not there yet, as skipped; `reason` is the first one's."""
        done = {step.name for step in self.steps}
        for name in StepName:
            if name not in done:
                self.add(Step(name, Outcome.SKIPPED, reason))
                reason = SKIPPED_AFTER_FAILURE if reason == SKIPPED_AFTER_FAILURE else "Not tried without a login."
