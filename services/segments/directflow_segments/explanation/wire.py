"""Between the messages of segments.v1 and explanations."""

from typing import Final

from directflow.segments.v1 import audience_service_pb2 as pb
from directflow_runtime.errors import FieldViolation

from directflow_segments.explanation.difference import Difference
from directflow_segments.explanation.membership import Membership
from directflow_segments.explanation.questions import ConjunctOutcome
from directflow_segments.values.wire import invalid

DEFAULT_SAMPLE: Final = 10
LARGEST_SAMPLE: Final = 100
_OUTCOMES: Final = {
    ConjunctOutcome.TRUE: pb.CONJUNCT_OUTCOME_TRUE,
    ConjunctOutcome.FALSE: pb.CONJUNCT_OUTCOME_FALSE,
    ConjunctOutcome.NULL: pb.CONJUNCT_OUTCOME_NULL,
    ConjunctOutcome.UNKNOWN: pb.CONJUNCT_OUTCOME_UNSPECIFIED,
}


def membership_message(membership: Membership, *, with_texts: bool) -> pb.ExplainMembershipResponse:
    """`with_texts`: the author's SQL is for those who may define; its places are for everybody."""
    return pb.ExplainMembershipResponse(
        member=membership.member,
        row_verdicts=membership.verdicts,
        conjuncts=[
            pb.Conjunct(
                text=conjunct.text if with_texts else "",
                outcome=_OUTCOMES[outcome],
                line=conjunct.line,
                column=conjunct.column,
            )
            for conjunct, outcome in membership.conjuncts
        ],
        note=membership.note,
    )


def sample_size(request: pb.DiffAudienceRequest) -> int:
    """How many keys to show of each side. INVALID_REQUEST beyond the range."""
    if not 0 <= request.sample_size <= LARGEST_SAMPLE:
        raise invalid([FieldViolation("sample_size", f"0 to {LARGEST_SAMPLE}", "OUT_OF_RANGE")])
    return request.sample_size or DEFAULT_SAMPLE


def difference_message(difference: Difference) -> pb.DiffAudienceResponse:
    """How many people are where, and some of them."""
    return pb.DiffAudienceResponse(
        kept=difference.kept,
        added=difference.added,
        removed=difference.removed,
        added_profile_ids=difference.added_ids,
        removed_profile_ids=difference.removed_ids,
    )
