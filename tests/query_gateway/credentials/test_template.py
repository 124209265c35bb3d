"""Where credentials lie: each connection has a place of its own, whatever the names."""

import pytest
from directflow_gateway.credentials.template import Template

from .scripted_source import connection


def test_names_are_put_in() -> None:
    assert Template("a/{workspace}/b.{connection}").of(connection("acme", id="crm")) == "a/acme/b.crm"


@pytest.mark.parametrize(
    "text", ["{workspace}", "{connection}", "fixed", "{workspace}/{connection}/{user}", "{workspace}/{}/{connection}"]
)
def test_both_names_and_no_other_are_needed(text: str) -> None:
    with pytest.raises(ValueError, match=r"\{workspace\} and \{connection\}"):
        Template(text)


@pytest.mark.parametrize("between", ["", "-", "x", "-of-"])
def test_what_an_id_could_hold_keeps_nothing_apart(between: str) -> None:
    with pytest.raises(ValueError, match="apart"):
        Template(f"{{workspace}}{between}{{connection}}")


@pytest.mark.parametrize("between", ["/", ".", "_", "/x/", "_-"])
def test_connections_never_meet(between: str) -> None:
    template = Template(f"{{workspace}}{between}{{connection}}")
    names = [("a", "b-c"), ("a-b", "c"), ("a", "b"), ("b", "a"), ("a-b-c", "d"), ("a", "b-c-d")]
    assert len({template.of(connection(workspace, id=id)) for workspace, id in names}) == len(names)


def test_it_knows_what_it_may_give() -> None:
    template = Template("secret/data/{workspace}/{connection}")
    assert template.may_give("secret/data/directflow/owner")
    assert not template.may_give("secret/data/directflow/a/owner")
    assert not template.may_give("secret/data/directflow/OWNER")
