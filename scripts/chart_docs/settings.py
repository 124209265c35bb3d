"""What of a service's settings may be given as `<service>.settings`: all that its pydantic model has, but for what the
chart sets itself."""

from typing import Any

from directflow_conditions import surface as conditions
from directflow_conditions.config import ConditionsSettings
from directflow_gateway import surface as gateway
from directflow_gateway.config import GatewaySettings
from directflow_runtime.settings import CallerSettings, ServiceSettings
from directflow_segments import surface as segments
from directflow_segments.config import SegmentsSettings

from chart_docs.definitions import Definitions, closure, trimmed

SETTINGS, CALLERS = "settings:", "callers:"
MODELS: dict[str, type[ServiceSettings]] = {
    "gateway": GatewaySettings,
    "segments": SegmentsSettings,
    "conditions": ConditionsSettings,
}
METHODS = {
    "gateway": gateway.METHODS,
    "segments": segments.SURFACE.methods,
    "conditions": conditions.SURFACE.methods,
}
KNOWN = frozenset(prefix + service for prefix in (SETTINGS, CALLERS) for service in MODELS)
CERTIFICATES = "^([^-]*-----(BEGIN|END) CERTIFICATE-----)*[^-]*$"
"""PEM in which there is no private key, such as of whoever pastes a whole file."""
PLACES = {
    "host": r"^[A-Za-z0-9_.:-]+$",
    "database": r"^[^=@\x00-\x1f]+$",
}
"""Of a connection: neither a URI nor a list of libpq's options, in which a password could be."""
_SERVER = frozenset(
    {
        *("host", "port", "health_host", "health_port", "tls", "allow_plaintext_beyond_loopback", "announce_file"),
        *("parent_pid", "max_connection_age_s", "max_stream_deadline_s", "lame_duck_s", "drain_grace_s"),
    }
)
_ALL: dict[str, frozenset[str]] = {
    "server": _SERVER,
    "telemetry": frozenset({"otlp_endpoint"}),
    "metrics": frozenset({"prometheus_port"}),
    "identity": frozenset(),
}
_TARGET = frozenset({"target", "tls", "server_name", "allow_plaintext_beyond_loopback"})
OWNED: dict[str, dict[str, frozenset[str]]] = {
    "gateway": {**_ALL, "vault": frozenset(), "directflow_database": frozenset(), "pools": frozenset()},
    "segments": {**_ALL, "gateway": _TARGET, "audience": frozenset()},
    "conditions": {**_ALL, "gateway": _TARGET},
}
"""The chart's own keys by section; a section without keys is the chart's as a whole."""
_OF_THE_WHOLE = frozenset({"$defs", "required"})
"""What a service needs, the chart gives it."""
_EXPRESSION: dict[str, Any] = {
    "oneOf": [
        {"type": "string"},
        *(
            {"type": "object", "additionalProperties": False, "required": [word], "properties": {word: operands}}
            for word, operands in (
                ("all_of", {"type": "array", "minItems": 1, "items": {"$ref": "#/definitions/conditions.Expression"}}),
                ("any_of", {"type": "array", "minItems": 1, "items": {"$ref": "#/definitions/conditions.Expression"}}),
                ("negation", {"$ref": "#/definitions/conditions.Expression"}),
            )
        ),
    ]
}
"""An expression nests, which its pydantic model leaves to a parser of its own (`expressions/settings.py`)."""


def definitions(names: set[str]) -> Definitions:
    """Of `settings:gateway`, `callers:gateway` and the like. Raises KeyError for a name that is not among KNOWN."""
    found: Definitions = {}
    for name in sorted(names):
        kind, service = name.split(":")
        found |= {f"{kind}.{service}": _callers(service)} if f"{kind}:" == CALLERS else _settings(service)
    return found


def _callers(service: str) -> dict[str, Any]:
    """What only the loader says of callers would else be found out by a pod that does not start."""
    caller = trimmed(CallerSettings.model_json_schema(), str)
    roles = sorted(frozenset[str]().union(*METHODS[service].values()))
    caller["properties"]["role"] = {"enum": ["", *roles]}
    caller["properties"]["peers"]["items"] = {"type": "string", "pattern": "^[^*]+$"}
    return {"type": "array", "items": caller}


def _settings(service: str) -> Definitions:
    schema = MODELS[service].model_json_schema()
    known = {**schema["$defs"], service: {name: value for name, value in schema.items() if name not in _OF_THE_WHOLE}}
    for section, keys in OWNED[service].items():
        _take(known, service, section, keys)
    if service == "gateway":
        for name, pattern in {**PLACES, "ca_pem": CERTIFICATES}.items():
            known["ConnectionSettings"]["properties"][name]["pattern"] = pattern
    if service == "conditions":
        known["ConditionSettings"]["properties"]["expression"] = {"$ref": "#/$defs/Expression"}
        known["Expression"] = {}

    def renamed(name: str) -> str:
        return f"settings.{name}" if name == service else f"{service}.{name}"

    found = {renamed(name): trimmed(value, renamed) for name, value in closure([service], known).items()}
    return found | ({"conditions.Expression": _EXPRESSION} if service == "conditions" else {})


def _take(known: Definitions, service: str, section: str, keys: frozenset[str]) -> None:
    """Removes the chart's keys. Raises KeyError for one that the model does not have."""
    if not keys:
        known[service]["properties"].pop(section)
        return
    name = known[service]["properties"][section]["$ref"].rsplit("/", 1)[1]
    for key in keys:
        known[name]["properties"].pop(key)
    if "required" in known[name]:
        known[name]["required"] = [key for key in known[name]["required"] if key not in keys]
