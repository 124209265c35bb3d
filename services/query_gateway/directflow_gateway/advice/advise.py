"""All warnings on one statement."""

from dataclasses import dataclass, field

from directflow_runtime.errors import Problem

from directflow_gateway.advice.indexes import index_warnings
from directflow_gateway.advice.ordering import ordering_warnings
from directflow_gateway.advice.patterns import pattern_warnings
from directflow_gateway.advice.personal_data import personal_data_warnings
from directflow_gateway.advice.rights import rights_warnings
from directflow_gateway.advice.set_form import set_form_warnings
from directflow_gateway.advice.stars import star_warnings
from directflow_gateway.advice.subject import Subject
from directflow_gateway.description.exchange import Connection
from directflow_gateway.sql.set_form import Risks

PLANNING_S = 2.0
"""How long PostgreSQL may plan for the advice on indexes."""


@dataclass(frozen=True, slots=True)
class ForMany:
    """How the statement runs for many people."""

    reason: str = ""
    """Why it has no set form; "" where it has one."""
    remedy: str = ""
    risks: Risks = field(default_factory=Risks)


async def advise(conn: Connection, subject: Subject, for_many: ForMany | None, timeout_s: float) -> list[Problem]:
    """The warnings, by their place. The guard must have admitted everything that the statement reaches.

    `for_many` is None for a role that has no set form. Within the caller's open read-only transaction, which stays
    usable. Raises DirectFlowError when the server goes away.
    """
    found = [
        *pattern_warnings(subject),
        *ordering_warnings(subject),
        *personal_data_warnings(subject),
        *star_warnings(subject),
        *(set_form_warnings(subject, for_many.reason, for_many.remedy, for_many.risks) if for_many else ()),
        *await rights_warnings(conn, subject),
        *await index_warnings(conn, subject, min(PLANNING_S, timeout_s)),
    ]
    return sorted(found, key=lambda problem: (problem.line, problem.column))
