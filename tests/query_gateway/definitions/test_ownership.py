"""Whose a collection is: one identity saves in it, others may be allowed to read and follow it, and nobody else."""

import math

import pytest
from directflow_gateway.definitions.checks import Ownership
from directflow_runtime.calls import Call, call_scope
from directflow_runtime.errors import DirectFlowError

OWNERSHIP = Ownership(
    {"dataSources": ("segments",)}, {"dataSources": ("segments-streaming",), "conditions": ("segments",)}
)


def allowed(identity: str, collection: str, *, to_read: bool) -> bool:
    with call_scope(Call(math.inf, identity, frozenset({"*"}), "", "", "")):
        try:
            OWNERSHIP.require(collection, to_read=to_read)
        except DirectFlowError as error:
            return error.reason != "IDENTITY_NOT_ALLOWED"
    return True


@pytest.mark.parametrize(
    ("identity", "reads", "saves"),
    [
        ("segments", True, True),
        ("development", True, True),
        ("segments-streaming", True, False),
        ("conditions", False, False),
    ],
)
def test_the_owner_saves_and_reads_and_a_reader_only_reads(identity: str, reads: bool, saves: bool) -> None:
    assert allowed(identity, "dataSources", to_read=True) is reads
    assert allowed(identity, "dataSources", to_read=False) is saves


def test_a_collection_without_an_owner_is_nobodys_whoever_may_read_it() -> None:
    assert not allowed("segments", "conditions", to_read=True)


def test_a_reader_may_not_describe_statements_either() -> None:
    assert "segments-streaming" not in OWNERSHIP.identities
