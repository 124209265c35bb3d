"""The team's corpus against the layers that need no database: every verdict but those that the catalogue gives."""

from typing import Any

from directflow_gateway.sql import bind, compile_template
from directflow_runtime.errors import DirectFlowError

OF_THE_CATALOGUE = {"EV-006", "EV-039", "EV-049", "EV-050", "EV-052"}
"""Refused for what a name means in that database: an attribute, an operator, an overload, a view, a foreign table."""


def refusal(row: dict[str, Any]) -> str:
    """The reason why the text or its values are refused, or ""."""
    allowed = {"full_label"} if row.get("policy") == "function_allowlist" else set()
    try:
        compiled = compile_template(row["sql"], allowed_functions=allowed)
        if all(parameter.is_settled for parameter in compiled.parameters):
            bind(compiled, row["variables"])
    except DirectFlowError as error:
        return error.reason
    return ""


def test_an_attack_gets_its_verdict_before_any_server_sees_it(attack: dict[str, Any]) -> None:
    refused = refusal(attack)
    if attack["expect"] == "reject" and attack["id"] not in OF_THE_CATALOGUE:
        assert refused in ("STATEMENT_REFUSED", "VARIABLE_REJECTED")
    elif "reject" not in attack.get("also_ok", ()):
        assert refused == ""


def test_a_legitimate_query_passes(legitimate: dict[str, Any]) -> None:
    assert refusal(legitimate) == ""
