"""A customer may take rights on the catalogue away from PUBLIC: then there is less advice, and still a report."""

import psycopg
from directflow_cli.dev.postgres import PostgresServer
from directflow_gateway.advice import ForMany, advise, subject_of
from directflow_gateway.description import describe
from directflow_gateway.sql import compile_template

TEMPLATE = "SELECT true AS result FROM shop.orders WHERE buyer = '<%= profile_id %>'"


async def test_what_the_role_may_not_look_up_is_left_out(postgres: PostgresServer, customer: str) -> None:
    role = postgres.create_role()
    postgres.psql("REVOKE SELECT ON pg_catalog.pg_stats FROM PUBLIC", database=customer)
    opened = await psycopg.AsyncConnection.connect(postgres.admin_dsn(customer), autocommit=True)
    async with opened as conn:
        await conn.execute(f'SET SESSION AUTHORIZATION "{role.name}"')
        await conn.execute("BEGIN READ ONLY")
        subject = subject_of(await describe(conn, compile_template(TEMPLATE)), "condition")
        assert await advise(conn, subject, ForMany(), 5.0) == []
        cursor = await conn.execute("SELECT 1")
        assert await cursor.fetchone() == (1,)
    postgres.psql("GRANT SELECT ON pg_catalog.pg_stats TO PUBLIC", database=customer)
