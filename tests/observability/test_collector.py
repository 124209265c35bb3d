"""The Collector's configuration: what runs in which order, and that it keeps what an SRE will look for.

No Collector is at hand in these tests; `otelcol-contrib validate --config` of version 0.161 is what to run beside them.
"""

import re
from typing import Any

import grpc
import pytest
import yaml
from directflow_gateway import telemetry_names as of_gateway
from directflow_runtime import telemetry_names as of_runtime

from tests.observability import deployment

CONFIGURATION = yaml.safe_load((deployment.DEPLOYMENT / "collector.yaml").read_text())
PIPELINES = CONFIGURATION["service"]["pipelines"]
POLICIES = {policy["name"]: policy for policy in CONFIGURATION["processors"]["tail_sampling"]["policies"]}
PARTS = ("receivers", "processors", "exporters")


def test_every_part_is_defined_and_used() -> None:
    for part in PARTS:
        used = {name for pipeline in PIPELINES.values() for name in pipeline[part]}
        assert used == set(CONFIGURATION[part]), part


@pytest.mark.parametrize("pipeline", PIPELINES.values(), ids=PIPELINES)
def test_memory_is_guarded_first_and_batches_are_made_last(pipeline: dict[str, Any]) -> None:
    assert pipeline["processors"][0] == "memory_limiter"
    assert pipeline["processors"][-1] == "batch"


def test_traces_are_sampled_before_they_are_batched() -> None:
    assert PIPELINES["traces"]["processors"].index("tail_sampling") == 1
    assert "tail_sampling" not in PIPELINES["metrics"]["processors"]


def test_where_it_all_goes_is_told_by_the_environment() -> None:
    for exporter in CONFIGURATION["exporters"].values():
        assert re.fullmatch(r"\$\{env:[A-Z_]+\}", exporter["endpoint"])


def test_every_policy_brings_the_settings_of_its_kind() -> None:
    inner = POLICIES["still-running"]["not"]["not_sub_policy"]
    for policy in (*POLICIES.values(), inner):
        assert set(policy) == {"name", "type", policy["type"]}


def test_errors_of_the_service_and_slow_calls_are_kept() -> None:
    assert POLICIES["errors"]["status_code"] == {"status_codes": ["ERROR"]}
    assert POLICIES["slow"]["latency"]["threshold_ms"] <= 1000


def test_the_codes_are_those_of_grpc_on_the_attribute_that_our_spans_have() -> None:
    reasons = POLICIES["reasons"]["string_attribute"]
    assert reasons["key"] == of_runtime.RPC_RESPONSE_STATUS_CODE
    assert set(reasons["values"]) <= {code.name for code in grpc.StatusCode}


def test_other_attributes_of_the_policies_are_on_our_spans_too() -> None:
    text = (deployment.DEPLOYMENT / "collector.yaml").read_text()
    known = {value for module in (of_runtime, of_gateway) for value in vars(module).values() if isinstance(value, str)}
    named = set(re.findall(r'attributes\["([^"]+)"\]|key: ([a-z_.]+)$', text, flags=re.MULTILINE))
    assert {first or second for first, second in named} <= known


def test_a_call_from_outside_ends_a_trace_and_one_from_service_to_gateway_does_not() -> None:
    ended, _ = POLICIES["still-running"]["not"]["not_sub_policy"]["ottl_condition"]["span"]
    (pattern,) = re.findall(r'not IsMatch\(attributes\["rpc\.method"\], "([^"]+)"\)', ended)
    inner = re.compile(pattern.replace("\\\\", "\\"))  # a string of OTTL escapes its backslashes
    assert inner.search("directflow.gateway.v1.QueryService/StreamQuery")
    assert not inner.search("directflow.segments.v1.AudienceService/StreamAudience")
