"""The settings files of the chart are loaded by the services' own loader."""

from pathlib import Path

import pytest
from directflow_conditions.config import ConditionsSettings
from directflow_gateway.config import GatewaySettings
from directflow_runtime.boot import environment_prefix
from directflow_runtime.settings import ServiceSettings, load
from directflow_segments.config import SegmentsSettings

from tests.chart.cases import CASES
from tests.chart.rendering import Engine

MODELS: dict[str, type[ServiceSettings]] = {
    "gateway": GatewaySettings,
    "segments": SegmentsSettings,
    "conditions": ConditionsSettings,
}
SERVICE_LINKS = {
    "DIRECTFLOW_GATEWAY_PORT": "tcp://10.0.0.1:7400",
    "DIRECTFLOW_GATEWAY_PORT_7400_TCP_ADDR": "10.0.0.1",
    "DIRECTFLOW_GATEWAY_SERVICE_PORT_GRPC": "7400",
}
"""What Kubernetes puts into every pod beside a Service `directflow-gateway`, unless that is switched off."""


@pytest.mark.parametrize("case", CASES)
def test_each_service_loads_its_file(helm: Engine, case: str, tmp_path: Path) -> None:
    manifests = helm.render(CASES[case])
    for component, model in MODELS.items():
        file = tmp_path / f"{component}.toml"
        file.write_text(manifests.one("ConfigMap", component)["data"][file.name])
        settings = load(model, file, environment_prefix(f"directflow-{component}"), SERVICE_LINKS)
        assert settings.server.tls is not None
