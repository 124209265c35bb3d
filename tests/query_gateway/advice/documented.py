"""The queries of the product's documentation, exactly as they are written there, by what they are for."""
# ruff: noqa: E501

DISCOVERY = """\
SELECT id, community_name, user_count, plan_type FROM communities WHERE active = true ORDER BY user_count DESC"""
GENERATOR = """\
SELECT u.id AS profile_id, u.email, u.phone, u.first_name, u.last_name
FROM users u JOIN memberships m ON u.id = m.user_id
WHERE m.community_id = '<%= community_id %>' AND u.email IS NOT NULL"""
PRELOAD = """\
SELECT plan_name, last_login_at, total_purchases, preferred_language FROM user_profiles WHERE user_id = '<%= profile_id %>'"""
CONDITION = """\
SELECT CASE WHEN subscription_plan = 'premium' THEN true ELSE false END AS result FROM users WHERE id = '<%= profile_id %>' LIMIT 1"""
WINDOW = """\
SELECT u.id AS profile_id, u.email, ROW_NUMBER() OVER (PARTITION BY u.plan_type ORDER BY u.created_at) as user_rank
FROM users u WHERE user_rank <= 100"""
JSON = """\
SELECT u.id AS profile_id, u.email, u.metadata->>'preferred_language' as language,
       (u.metadata->'settings'->>'notifications')::boolean as notifications_enabled
FROM users u WHERE u.metadata ? 'preferences'"""
DATES = """\
SELECT u.id AS profile_id, u.email, DATE_TRUNC('month', u.last_login) as login_month
FROM users u WHERE u.last_login > NOW() - INTERVAL '3 months'"""

DOCUMENTED = (
    ("discovery", DISCOVERY), ("generator", GENERATOR), ("preload", PRELOAD), ("condition", CONDITION),
    ("generator", WINDOW), ("generator", JSON), ("generator", DATES),
)  # fmt: skip
