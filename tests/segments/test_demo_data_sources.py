"""The demo's data sources are settings that load, and hold the documented SQL as it is written."""

import tomllib
from pathlib import Path

import pytest
from directflow_segments.config import SegmentsSettings
from directflow_segments.data_sources import DataSource, Role

DEMO = Path(__file__).parents[2] / "examples" / "demo" / "segments.toml"
DOCUMENTED = [
    "SELECT id, community_name, user_count, plan_type FROM communities WHERE active = true ORDER BY user_count DESC",
    """SELECT u.id AS profile_id, u.email, u.phone, u.first_name, u.last_name
FROM users u JOIN memberships m ON u.id = m.user_id
WHERE m.community_id = '<%= community_id %>' AND u.email IS NOT NULL""",
    "SELECT plan_name, last_login_at, total_purchases, preferred_language FROM user_profiles "
    "WHERE user_id = '<%= profile_id %>'",
    """SELECT u.id AS profile_id, u.email, ROW_NUMBER() OVER (PARTITION BY u.plan_type ORDER BY u.created_at) as user_rank
FROM users u WHERE user_rank <= 100""",  # noqa: E501  written as documented
    """SELECT u.id AS profile_id, u.email, u.metadata->>'preferred_language' as language,
       (u.metadata->'settings'->>'notifications')::boolean as notifications_enabled
FROM users u WHERE u.metadata ? 'preferences'""",
    """SELECT u.id AS profile_id, u.email, DATE_TRUNC('month', u.last_login) as login_month
FROM users u WHERE u.last_login > NOW() - INTERVAL '3 months'""",
]


@pytest.fixture(scope="module")
def data_sources() -> dict[str, DataSource]:
    given = tomllib.loads(DEMO.read_text()) | {"gateway": {"target": "127.0.0.1:7400"}}
    sources = [item.data_source() for item in SegmentsSettings.model_validate(given).data_sources]
    return {source.name.rpartition("/")[2]: source for source in sources}


@pytest.mark.parametrize("sql", DOCUMENTED, ids=lambda sql: sql[:40])
def test_the_documented_sql_is_there_verbatim(sql: str, data_sources: dict[str, DataSource]) -> None:
    texts = [s for d in data_sources.values() for s in (d.discovery_sql, d.generator_sql, d.preload_sql)]
    assert sql in [text.strip() for text in texts]


def test_every_variable_of_the_demo_has_a_source(data_sources: dict[str, DataSource]) -> None:
    names = {
        key: [variable.name for variable in source.query(Role.GENERATOR).variables]
        for key, source in data_sources.items()
    }
    assert names == {
        "communities": ["community_id"],
        "members": ["community", "joined_after"],
        "first_of_each_plan": [],
        "with_preferences": [],
        "active_lately": [],
    }
