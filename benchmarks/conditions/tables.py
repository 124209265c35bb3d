"""The customer's tables, the conditions over them, and the settings that define these."""

from directflow_cli.dev.settings_files import CONNECTION as CONNECTION_ID
from directflow_cli.dev.settings_files import WORKSPACE as WORKSPACE_ID

WORKSPACE = f"workspaces/{WORKSPACE_ID}"
CONNECTION = f"{WORKSPACE}/connections/{CONNECTION_ID}"

PREMIUM_EVERY = 3
NO_CREDITS_EVERY = 20
"""Users whose credits are 0: dividing by them is an error."""
CUSTOMERS = 50_000
"""Of whom there are orders."""
BUYERS = 100_000
"""Of whom there are purchases."""
CROWDED_ACCOUNT = 1
"""10,000 visits; every other account has one."""
ACCOUNTS = 20_000

SCHEMA = f"""
CREATE TABLE users(id bigint PRIMARY KEY, email text, phone text, first_name text, last_name text,
  subscription_plan text, credits int);
INSERT INTO users SELECT g, 'user' || g || '@example.com', '+4930' || lpad(g::text, 8, '0'), 'First' || g % 1000,
  'Last' || g % 5000, CASE WHEN g % {PREMIUM_EVERY} = 0 THEN 'premium' ELSE 'free' END,
  CASE WHEN g % {NO_CREDITS_EVERY} = 0 THEN 0 ELSE g % 50 + 1 END FROM generate_series(1, {{rows}}) g;
CREATE TABLE orders(customer_ref bigint, amount numeric, status text);
INSERT INTO orders SELECT g % {CUSTOMERS} + 1, hashint4(g) & 127,
  CASE WHEN g % 1000 = 0 THEN 'open' ELSE 'closed' END FROM generate_series(1, 200000) g;
CREATE INDEX ON orders(status);
CREATE TABLE purchases(user_id bigint, amount numeric);
INSERT INTO purchases SELECT (hashint4(g) & 2147483647) % {BUYERS} + 1, g % 90 FROM generate_series(1, 600000) g;
CREATE INDEX ON purchases(user_id);
CREATE TABLE visits(account int, seconds int);
INSERT INTO visits SELECT {CROWDED_ACCOUNT}, g % 600 FROM generate_series(1, 10000) g
  UNION ALL SELECT g, g % 600 FROM generate_series(2, {ACCOUNTS}) g;
CREATE INDEX ON visits(account);
VACUUM ANALYZE;
"""

PREMIUM = (
    "SELECT CASE WHEN subscription_plan = 'premium' THEN true ELSE false END AS result "
    "FROM users WHERE id = '<%= profile_id %>' LIMIT 1"
)
ORDERED = (
    "SELECT EXISTS (SELECT 1 FROM orders o WHERE o.customer_ref = '<%= profile_id %>' AND o.amount > 100) AS result"
)
CREDIT = "SELECT 100 / credits > 10 AS result FROM users WHERE id = '<%= profile_id %>'"
PRELOAD = (
    "SELECT first_name, last_name, email, subscription_plan, credits FROM users WHERE id = '<%= profile_id %>' LIMIT 1"
)
CONDITIONS = {"premium": PREMIUM, "ordered": ORDERED, "credit": CREDIT}


def condition_name(condition: str) -> str:
    """Its resource name."""
    return f"{WORKSPACE}/conditions/{condition}"


def condition_settings() -> str:
    """The conditions as settings of the conditions service."""
    return "\n".join(
        f'[[conditions]]\nname = "{condition_name(name)}"\nconnection = "{CONNECTION}"\nsql = """{sql}"""\n'
        for name, sql in CONDITIONS.items()
    )


def data_source_settings() -> str:
    """A data source with a preload query, as settings of segments."""
    return (
        f'[[data_sources]]\nname = "{WORKSPACE}/dataSources/people"\nconnection = "{CONNECTION}"\n'
        'generator_sql = "SELECT id AS profile_id, email FROM users"\n'
        f'preload_sql = """{PRELOAD}"""\n'
    )


def with_placeholders(template: str, *variables: str) -> str:
    """The template for psycopg: `%s` for each tag, which must stand in the order of `variables`."""
    for variable in variables:
        template = template.replace(f"'<%= {variable} %>'", "%s", 1)
    assert "<%=" not in template
    return template
