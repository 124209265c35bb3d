"""Why a person is in an audience or not: the ledger's verdict on each of their rows, and what WHERE says of them."""

from dataclasses import dataclass, field

import numpy as np
from directflow_runtime.errors import DirectFlowError, StatusCode

from directflow_segments.audience.contacts import ContactKind
from directflow_segments.audience.ledger import DELIVERED, INVALID, NO_CONTACT, Standings
from directflow_segments.audience.reachability import ContactCheck
from directflow_segments.audience.reader import KEY_COLUMN
from directflow_segments.data_sources import Role
from directflow_segments.explanation.questions import (
    Conjunct,
    ConjunctOutcome,
    ExplainedRow,
    ExplainingGateway,
    RowQuestion,
)
from directflow_segments.queries import QueryGateway
from directflow_segments.targets import Target, resolve

COLUMNS = (KEY_COLUMN, *(kind.value for kind in ContactKind))
_VERDICTS = {NO_CONTACT: "no_contact", INVALID: "invalid_contact", DELIVERED: "delivered"}
"""Lines of the ledger, by their names in the API."""
_DUPLICATE = "duplicates"
_NOT_IN_FROM = "No row of the generator's FROM has this profile_id: it is missing before WHERE looks at anything."


@dataclass(frozen=True, slots=True)
class Membership:
    """In or out, and why."""

    member: bool
    verdicts: tuple[str, ...]
    """The line of the ledger that each row of the person falls into, in the generator's order."""
    conjuncts: tuple[tuple[Conjunct, ConjunctOutcome], ...] = field(repr=False)
    note: str


async def explain_membership(
    gateway: QueryGateway, explaining: ExplainingGateway, target: Target, profile_id: str
) -> Membership:
    """Raises what a stream of the audience raises, and RESOURCE_EXHAUSTED where a person has more rows than are looked
    at and none of those has a contact point: then it cannot be told."""
    mapped = await resolve(gateway, target)
    query = target.data_source.query(Role.GENERATOR)
    explained = await explaining.explain(RowQuestion(query, mapped.values, KEY_COLUMN, profile_id, COLUMNS))
    check = ContactCheck(explained.rows.schema, target.data_source.contact_rules)
    standings = check.examine(explained.rows).standings
    member = bool(np.any(standings == DELIVERED))
    if explained.truncated and not member:
        raise _too_many_rows(explained.rows.num_rows)
    outcomes = explained.nearest[0] if explained.nearest else (ConjunctOutcome.UNKNOWN,) * len(explained.conjuncts)
    told = tuple(zip(explained.conjuncts, outcomes, strict=True))
    return Membership(member, _verdicts(standings), told, _note(explained))


def _verdicts(standings: Standings) -> tuple[str, ...]:
    """All rows are one person's: the first with a contact point is delivered, and further ones are duplicates."""
    verdicts = [_VERDICTS[standing] for standing in standings.tolist()]
    deliverable = np.flatnonzero(standings == DELIVERED).tolist()
    for index in deliverable[1:]:
        verdicts[index] = _DUPLICATE
    return tuple(verdicts)


def _note(explained: ExplainedRow) -> str:
    if explained.unexplained:
        return explained.unexplained
    if not explained.candidate_rows:
        return _NOT_IN_FROM
    if explained.candidate_rows > 1:
        return (
            f"Before WHERE there are {explained.candidate_rows} rows with this profile_id; the outcomes are those of "
            "the one that comes nearest."
        )
    return ""


def _too_many_rows(rows: int) -> DirectFlowError:
    return DirectFlowError(
        StatusCode.RESOURCE_EXHAUSTED,
        "GATEWAY_REFUSED",
        f"The generator returns more than {rows} rows with this profile_id, and none of the first has a contact point.",
        metadata={"gateway_reason": "ROW_LIMIT_EXCEEDED", "gateway_domain": "gateway.directflow"},
    )
