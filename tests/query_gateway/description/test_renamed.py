"""SQL for a DBA in which a user that nobody is to see is called by another name."""

import pytest
from directflow_gateway.description.names import renamed


@pytest.mark.parametrize(
    ("text", "old", "told"),
    [
        ('GRANT SELECT ON TABLES TO "v-role-x1";', "v-role-x1", "GRANT SELECT ON TABLES TO readonly;"),
        ("ALTER ROLE crm NOCREATEDB;", "crm", "ALTER ROLE readonly NOCREATEDB;"),
        (
            "REVOKE SELECT ON crm_orders, crm.t FROM crm;",
            "crm",
            "REVOKE SELECT ON crm_orders, readonly.t FROM readonly;",
        ),
        ('ALTER ROLE "a""b" NOSUPERUSER;', 'a"b', "ALTER ROLE readonly NOSUPERUSER;"),
        ("May create databases: crm.", "crm", "May create databases: readonly."),
        (r"GRANT a TO \1;", "a", r"GRANT readonly TO \1;"),
        ("Nothing of it.", "crm", "Nothing of it."),
    ],
)
def test_a_name_is_replaced_where_it_is_a_name(text: str, old: str, told: str) -> None:
    assert renamed(text, old, "readonly") == told
