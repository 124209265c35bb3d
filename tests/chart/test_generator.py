"""What the comments of values.yaml have to say, and what the generator says of one that does not."""

import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.chart.rendering import ROOT

sys.path.insert(0, str(ROOT / "scripts"))
from chart_docs import settings
from chart_docs.comments import CommentError, Value, values
from chart_docs.schema import schema
from chart_docs.table import BEGIN, END, table, with_table

Read = Callable[[str], tuple[Value, ...]]


@pytest.fixture
def read(tmp_path: Path) -> Read:
    """The values of such a values.yaml."""

    def from_text(text: str) -> tuple[Value, ...]:
        (tmp_path / "values.yaml").write_text(text)
        return values(tmp_path / "values.yaml")

    return from_text


def described(found: tuple[Value, ...]) -> dict[str, Any]:
    properties: dict[str, Any] = schema(found, "1.29.0")["properties"]
    return properties


def test_a_comment_goes_on_until_the_schema_or_the_key(read: Read) -> None:
    (value,) = read('# Not of the value.\n# -- How many\n# there are.\n# @schema {"minimum": 1}\nreplicas: 2\n')
    assert value.description == "How many there are."
    assert described((value,))["replicas"] == {"description": "How many there are.", "type": "integer", "minimum": 1}


def test_a_comment_belongs_to_the_key_that_it_stands_directly_above(read: Read) -> None:
    with pytest.raises(CommentError, match="b has no comment"):
        read("# -- Of a.\na: 1\n\nb: 2\n")


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("section:\n  key: 1\n", "section.key has no comment"),
        ("# -- A.\n# @schema {minimum: 1}\na: 1\n", "a: what follows `@schema` is no JSON"),
        ("# -- A.\n# @schema [1]\na: 1\n", "a: what follows `@schema` is no JSON object"),
        ("# -- A.\na: []\n", "a is a list: say what is in it"),
        ("# -- A.\na: {}\n", "a is a mapping: say what is in it"),
        ("# -- A.\na:\n", "a has no default that tells its type"),
        ('# -- A.\n# @schema {"$ref": "k9s:Pod"}\na: {}\n', "refers to k9s:Pod, which nobody knows"),
    ],
)
def test_a_value_that_says_too_little_is_named(read: Read, text: str, told: str) -> None:
    with pytest.raises(CommentError, match=told):
        described(read(text))


def test_sections_are_closed_at_every_level(read: Read) -> None:
    outer = described(read("a:\n  b:\n    # -- C.\n    c: text\n"))["a"]
    assert outer["additionalProperties"] is outer["properties"]["b"]["additionalProperties"] is False


def test_types_of_kubernetes_come_with_all_that_they_refer_to(read: Read) -> None:
    whole = schema(read('# -- A.\n# @schema {"items": {"$ref": "k8s:NetworkPolicyPeer"}}\na: []\n'), "1.29.0")
    assert whole["properties"]["a"]["items"] == {"$ref": "#/definitions/k8s.NetworkPolicyPeer"}
    assert {"k8s.NetworkPolicyPeer", "k8s.IPBlock", "k8s.LabelSelector"} <= whole["definitions"].keys()


@pytest.mark.parametrize("service", settings.MODELS)
def test_settings_are_those_of_the_service_but_for_the_charts_own(service: str) -> None:
    found = settings.definitions({f"settings:{service}"})
    top = found[f"settings.{service}"]["properties"]
    whole = {section for section, keys in settings.OWNED[service].items() if not keys}
    assert top.keys() == settings.MODELS[service].model_fields.keys() - whole
    server = "GatewayServerSettings" if service == "gateway" else "ServerSettings"
    assert "port" not in found[f"{service}.{server}"]["properties"]
    assert "max_unary_deadline_s" in found[f"{service}.{server}"]["properties"]


def test_a_setting_of_the_chart_that_the_service_no_longer_has_is_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(settings.OWNED["gateway"], "server", frozenset({"hosts"}))
    with pytest.raises(KeyError, match="hosts"):
        settings.definitions({"settings:gateway"})


def test_the_table_has_a_line_for_each_value_and_leaves_the_rest_of_the_readme_alone(read: Read) -> None:
    found = read("# -- One | two, `<a>` and <b>.\na: x\n")
    line = '| `a` | `"x"` | One \\| two, `<a>` and &lt;b>. |\n'
    assert table(found).endswith(line)
    assert with_table(f"before\n{BEGIN}old\n{END}after\n", found) == f"before\n{BEGIN}{table(found)}{END}after\n"
    with pytest.raises(CommentError, match="no place for the table"):
        with_table("before\n", found)
