"""What a customer's DBA reads in pg_stat_activity leads back to the trace."""

import pytest
from directflow_gateway.queries.application_name import MAX_BYTES, application_name

TRACE_ID = "0af7651916cd43dd8448eb211c80319c"


@pytest.mark.parametrize(
    ("definition", "name"),
    [
        ("workspaces/acme/segments/weekly", f"directflow/{TRACE_ID}/weekly"),
        ("weekly_2.v-1", f"directflow/{TRACE_ID}/weekly_2.v-1"),
        ("", f"directflow/{TRACE_ID}"),
        ("segments/a b'é\n", f"directflow/{TRACE_ID}/a_b___"),
    ],
)
def test_it_is_ours_the_trace_and_the_definitions_last_part(definition: str, name: str) -> None:
    assert application_name(TRACE_ID, definition) == name


def test_a_long_definition_is_cut_and_the_trace_id_is_not() -> None:
    name = application_name(TRACE_ID, "segments/" + "é" * 200)
    assert len(name.encode()) == MAX_BYTES == 63
    assert name.startswith(f"directflow/{TRACE_ID}/_")
