"""Trying a connection: each way to fail is a step of its own, with advice and the SQL that mends it."""

import asyncio
import os
import socket
import threading
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from directflow_gateway.connection_service.step import Outcome
from directflow_gateway.connection_service.steps import server
from directflow_gateway.connection_service.tester import AT_ONCE_A_WORKSPACE
from directflow_gateway.connections import EgressPolicy, RolePolicy, SslMode

ALL = ["resolve", "tcp", "tls", "login", "server", "role", "future_tables", "round_trip"]


async def test_the_documented_role_passes_every_step(customer: Any, step_of: Callable[..., Any]) -> None:
    report = await customer.test()
    assert [step.name.value for step in report.steps] == ALL
    assert {step.outcome for step in report.steps if step.name.value != "tls"} <= {Outcome.OK, Outcome.WARNING}
    assert report.server_version == customer.server.psql("SHOW server_version").split(" ")[0]
    assert not report.replica
    assert 0 < report.round_trip_s < 5
    assert "one table or view in public" in step_of(report, "role").message
    assert step_of(report, "future_tables").outcome is Outcome.OK
    customer.nothing_leaks(report)


async def test_a_session_of_a_test_is_gone_after_it(customer: Any) -> None:
    await customer.test()
    sessions = f"SELECT count(*) FROM pg_stat_activity WHERE usename = '{customer.role.name}'"
    for _ in range(100):
        if (left := customer.sql(sessions)) == "0":
            break
        await asyncio.sleep(0.02)
    assert left == "0"


# --- the network ------------------------------------------------------------------------------------------------------


async def test_a_name_that_does_not_resolve(customer: Any, failing_at: Callable[..., Any]) -> None:
    step = failing_at(await customer.test(host="no-such-host.invalid"))
    assert (step.name.value, step.message) == ("resolve", "The host name does not resolve.")


@pytest.mark.parametrize("host", ["169.254.169.254", "100.100.100.200", "fd00:ec2::254"])
async def test_a_metadata_address_is_refused_before_anything_is_sent(
    customer: Any, failing_at: Callable[..., Any], host: str
) -> None:
    step = failing_at(await customer.test(host=host))
    assert step.name.value == "resolve"
    assert "a cloud metadata address" in step.message
    assert host not in step.message


async def test_the_egress_policy_holds_for_what_a_name_resolves_to(
    make_customer: Callable[..., Any], postgres: Any, failing_at: Callable[..., Any]
) -> None:
    customer = make_customer(postgres, policy=EgressPolicy(allow_loopback=False))
    step = failing_at(await customer.test(host="localhost"))
    assert (step.name.value, "a loopback address" in step.message) == ("resolve", True)


async def test_a_port_where_nobody_listens(customer: Any, failing_at: Callable[..., Any]) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    step = failing_at(await customer.test(port=port))
    assert (step.name.value, step.message) == ("tcp", f"Nothing listens on port {port}.")
    assert "listen_addresses" in step.advice


@pytest.fixture
def full_port() -> Iterator[int]:
    """A port that swallows everything: its queue is full, so not even a connection is made."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen(0)
        waiting = [socket.socket() for _ in range(3)]
        for one in waiting:
            one.setblocking(False)
            one.connect_ex(listener.getsockname())
        yield listener.getsockname()[1]
        for one in waiting:
            one.close()


async def test_a_black_hole_is_told_within_the_deadline(
    customer: Any, failing_at: Callable[..., Any], full_port: int
) -> None:
    step = failing_at(await customer.test(port=full_port, within_s=1))
    assert (step.name.value, step.message) == ("tcp", f"Nothing answers on port {full_port}: packets are lost.")


@pytest.mark.parametrize(("sslmode", "name"), [(SslMode.REQUIRE, "tls"), (SslMode.DISABLE, "login")])
async def test_a_server_that_accepts_and_says_nothing(
    customer: Any, silent: Any, failing_at: Callable[..., Any], sslmode: SslMode, name: str
) -> None:
    step = failing_at(await customer.test(port=silent.port, sslmode=sslmode, within_s=1))
    assert step.name.value == name


async def test_something_that_is_no_postgresql(customer: Any, failing_at: Callable[..., Any]) -> None:
    with socket.create_server(("127.0.0.1", 0)) as web:

        def talk() -> None:
            opened, _ = web.accept()
            with opened:
                opened.recv(100)
                opened.sendall(b"HTTP/1.1 400 Bad Request\r\n\r\n")

        talking = asyncio.create_task(asyncio.to_thread(talk))
        step = failing_at(await customer.test(port=web.getsockname()[1], sslmode=SslMode.REQUIRE))
        await talking
    assert step.message == "What answers on this port is no PostgreSQL server."


# --- TLS --------------------------------------------------------------------------------------------------------------


@pytest.fixture
def tls_customer(make_customer: Callable[..., Any], tls_server: Any) -> Any:
    return make_customer(tls_server)


async def test_the_right_authority_and_name(tls_customer: Any, authority: Any, step_of: Callable[..., Any]) -> None:
    report = await tls_customer.test(host="localhost", sslmode=SslMode.VERIFY_FULL, ca_pem=authority.pem)
    assert step_of(report, "tls").outcome is Outcome.OK
    assert step_of(report, "round_trip").outcome is Outcome.OK


async def test_another_authority(
    tls_customer: Any, make_authority: Callable[..., Any], failing_at: Callable[..., Any]
) -> None:
    ca_pem = make_authority().pem
    step = failing_at(await tls_customer.test(host="localhost", sslmode=SslMode.VERIFY_FULL, ca_pem=ca_pem))
    assert step.name.value == "tls"
    assert "authority that is not among those given" in step.message


async def test_the_systems_authorities(tls_customer: Any, failing_at: Callable[..., Any]) -> None:
    step = failing_at(await tls_customer.test(host="localhost", sslmode=SslMode.VERIFY_FULL))
    assert (step.name.value, "tls.ca_pem" in step.advice) == ("tls", True)


async def test_another_name(tls_customer: Any, authority: Any, failing_at: Callable[..., Any]) -> None:
    step = failing_at(await tls_customer.test(sslmode=SslMode.VERIFY_FULL, ca_pem=authority.pem))
    assert step.message == "The server's certificate is for another address."


async def test_less_than_the_name_is_a_warning(tls_customer: Any, authority: Any, step_of: Callable[..., Any]) -> None:
    unnamed = await tls_customer.test(sslmode=SslMode.VERIFY_CA, ca_pem=authority.pem)
    anyone = await tls_customer.test(sslmode=SslMode.REQUIRE)
    for report, words in ((unnamed, "was not looked at"), (anyone, "any server would be believed")):
        assert step_of(report, "tls").outcome is Outcome.WARNING
        assert words in step_of(report, "tls").message
        assert step_of(report, "round_trip").outcome is Outcome.OK


async def test_a_server_without_tls(customer: Any, failing_at: Callable[..., Any]) -> None:
    step = failing_at(await customer.test(sslmode=SslMode.REQUIRE))
    assert step.message == "The server does not speak TLS."
    assert "ALTER SYSTEM SET ssl = on" in step.mending_sql


# --- the login --------------------------------------------------------------------------------------------------------


async def test_a_wrong_password(customer: Any, failing_at: Callable[..., Any]) -> None:
    customer.write_secret("wrong-and-secret")
    report = await customer.test()
    step = failing_at(report)
    assert step.name.value == "login"
    assert f"ALTER USER \"{customer.role.name}\" WITH PASSWORD '<password>';" in step.mending_sql
    assert "wrong-and-secret" not in str(report)
    customer.nothing_leaks(report)


async def test_a_role_that_is_not_there_is_made_by_the_sql_of_its_step(
    customer: Any, failing_at: Callable[..., Any], step_of: Callable[..., Any]
) -> None:
    name = f'{customer.role.name} "new"'  # a name that has to be quoted
    step = failing_at(await customer.test(user=name))
    creating = step.mending_sql.split("-- where it is")[0].replace("<password>", customer.role.password)
    customer.sql(creating)
    report = await customer.test(user=name)
    assert step_of(report, "future_tables").outcome is Outcome.OK


async def test_no_credential(customer: Any, failing_at: Callable[..., Any]) -> None:
    (customer.secrets / "acme" / "main").unlink()
    report = await customer.test()
    step = failing_at(report)
    assert step.name.value == "login"
    assert "workspace acme, connection main" in step.advice
    assert "CREATE USER" in step.mending_sql
    customer.nothing_leaks(report)


async def test_a_missing_database(customer: Any, failing_at: Callable[..., Any]) -> None:
    step = failing_at(await customer.test(database="Not There"))
    assert "no database of this name" in step.message


@pytest.mark.parametrize(
    ("broken", "message"),
    [
        ('REVOKE CONNECT ON DATABASE "{database}" FROM PUBLIC, "{role}"', "may not enter this database"),
        ('ALTER ROLE "{role}" NOLOGIN', "may not log in"),
    ],
)
async def test_a_right_that_is_missing_is_granted_by_the_sql_of_its_step(
    customer: Any, failing_at: Callable[..., Any], step_of: Callable[..., Any], broken: str, message: str
) -> None:
    customer.sql(broken)
    step = failing_at(await customer.test())
    assert message in step.message
    customer.sql(step.mending_sql)
    assert step_of(await customer.test(), "round_trip").outcome is Outcome.OK


async def test_a_session_too_many(customer: Any, failing_at: Callable[..., Any]) -> None:
    customer.sql('ALTER ROLE "{role}" CONNECTION LIMIT 0')
    assert "is in use" in failing_at(await customer.test()).message


async def test_a_server_that_wants_the_password_in_another_way(
    make_customer: Callable[..., Any], private_postgres: Callable[..., Any], failing_at: Callable[..., Any]
) -> None:
    customer = make_customer(private_postgres())
    hba = customer.server.data / "pg_hba.conf"
    hba.write_text("host all postgres 127.0.0.1/32 scram-sha-256\nhost all all 127.0.0.1/32 password\n")
    customer.sql("SELECT pg_reload_conf()")
    step = failing_at(await customer.test())
    assert "in another way than SCRAM" in step.message
    hba.write_text("host all postgres 127.0.0.1/32 scram-sha-256\n")
    customer.sql("SELECT pg_reload_conf()")
    step = failing_at(await customer.test())
    assert "pg_hba.conf" in step.message


async def test_a_withheld_credential_is_not_sent(customer: Any, silent: Any) -> None:
    report = await customer.test("It is another host's.", port=silent.port)
    told = {step.name.value: (step.outcome, step.message) for step in report.steps}
    assert told["tcp"][0] is Outcome.OK
    assert told["login"] == (Outcome.SKIPPED, "It is another host's.")
    assert {told[name][0] for name in ALL[3:]} == {Outcome.SKIPPED}
    assert silent.received() == b""


async def test_a_server_that_asks_for_millions_of_rounds_gets_one_thread(
    customer: Any, failing_at: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    ended = threading.Event()
    entered: list[int] = []

    def endless(*_: Any) -> Any:
        entered.append(1)
        ended.wait(20)
        raise TimeoutError

    monkeypatch.setattr("directflow_gateway.pools.login.connect", endless)
    for _ in range(3):
        step = failing_at(await customer.test(within_s=0.4))
        assert step.message == "The server did not finish the login in time."
    assert len(entered) == 1
    ended.set()


# --- the role ---------------------------------------------------------------------------------------------------------


async def test_a_superuser_is_refused_and_not_told_to_disarm_itself(
    make_customer: Callable[..., Any], postgres: Any, failing_at: Callable[..., Any], step_of: Callable[..., Any]
) -> None:
    customer = make_customer(postgres, role=postgres.create_role("LOGIN SUPERUSER"))
    step = failing_at(await customer.test())
    assert (step.name.value, "superuser" in step.message) == ("role", True)
    assert 'CREATE USER "directflow_readonly"' in step.mending_sql
    assert "NOSUPERUSER" not in step.mending_sql
    developer = await customer.test(role_policy=RolePolicy.DEV)
    assert step_of(developer, "role").outcome is Outcome.WARNING


async def test_a_role_that_can_write_is_a_warning_and_under_strict_refused(
    customer: Any, failing_at: Callable[..., Any], step_of: Callable[..., Any]
) -> None:
    customer.sql('GRANT INSERT ON users TO "{role}"')
    step = step_of(await customer.test(), "role")
    assert step.outcome is Outcome.WARNING
    assert "users" in step.message
    refused = failing_at(await customer.test(role_policy=RolePolicy.STRICT))
    assert refused.name.value == "role"
    customer.sql(step.mending_sql)
    assert "may write" not in step_of(await customer.test(), "role").message


async def test_a_role_that_reads_nothing_is_told_how(customer: Any, step_of: Callable[..., Any]) -> None:
    customer.sql('REVOKE SELECT ON users FROM "{role}"')
    step = step_of(await customer.test(), "role")
    assert step.outcome is Outcome.WARNING
    assert "may read no table" in step.message
    customer.sql(step.mending_sql)
    assert "one table or view in public" in step_of(await customer.test(), "role").message


async def test_tables_of_tomorrow_are_covered_by_the_sql_of_the_step(
    customer: Any, step_of: Callable[..., Any]
) -> None:
    customer.sql(
        'CREATE ROLE "{role}_migrations"; CREATE SCHEMA "Crm";'
        'GRANT USAGE, CREATE ON SCHEMA "Crm" TO "{role}_migrations";'
        'SET ROLE "{role}_migrations"; CREATE TABLE "Crm".deals (id int); GRANT SELECT ON "Crm".deals TO "{role}";'
        'RESET ROLE; GRANT USAGE ON SCHEMA "Crm" TO "{role}"'
    )
    step = step_of(await customer.test(), "future_tables")
    assert step.outcome is Outcome.WARNING
    assert f"{customer.role.name}_migrations in Crm" in step.message
    customer.sql(step.mending_sql)
    assert step_of(await customer.test(), "future_tables").outcome is Outcome.OK
    customer.sql('SET ROLE "{role}_migrations"; CREATE TABLE "Crm".tomorrow (id int)')
    readable = customer.sql("SELECT has_table_privilege('{role}', '\"Crm\".tomorrow', 'SELECT')")
    assert readable == "t"


async def test_a_role_that_reads_everything_reads_what_comes_too(customer: Any, step_of: Callable[..., Any]) -> None:
    customer.sql('ALTER DEFAULT PRIVILEGES IN SCHEMA public REVOKE SELECT ON TABLES FROM "{role}"')
    assert step_of(await customer.test(), "future_tables").outcome is Outcome.WARNING
    customer.sql('GRANT pg_read_all_data TO "{role}"')
    assert step_of(await customer.test(), "future_tables").outcome is Outcome.OK


# --- bounds -----------------------------------------------------------------------------------------------------------


async def test_a_workspace_that_waits_for_black_holes_waits_for_itself(customer: Any, silent: Any) -> None:
    waiting = [asyncio.create_task(customer.test(port=silent.port, within_s=1.5)) for _ in range(AT_ONCE_A_WORKSPACE)]
    await asyncio.sleep(0.1)
    crowded = await customer.test(within_s=0.3)
    assert {step.outcome for step in crowded.steps} == {Outcome.SKIPPED}
    neighbour = await customer.test(workspace="other", withheld="no credential there")
    assert outcomes_of(neighbour)["tls"] is not Outcome.SKIPPED
    await asyncio.gather(*waiting)
    assert (await customer.test()).server_version


def outcomes_of(report: Any) -> dict[str, Outcome]:
    return {step.name.value: step.outcome for step in report.steps}


# --- the server -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("oldest", "newest", "outcome"), [(99, 99, Outcome.FAILED), (14, 14, Outcome.WARNING), (14, 99, Outcome.OK)]
)
async def test_the_version_of_the_server_decides(
    customer: Any, step_of: Callable[..., Any], monkeypatch: pytest.MonkeyPatch, oldest: int, newest: int,
    outcome: Outcome,
) -> None:  # fmt: skip
    monkeypatch.setattr("directflow_gateway.connection_service.steps.server.OLDEST", oldest)
    monkeypatch.setattr("directflow_gateway.connection_service.steps.server.NEWEST", newest)
    report = await customer.test()
    assert step_of(report, "server").outcome is outcome
    assert step_of(report, "server").message.startswith(f"PostgreSQL {report.server_version}")


async def test_a_pooler_in_front_is_recognised(
    customer: Any, step_of: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its numbers of sessions are its own: here the server tells another one than the login did."""
    facts = server._FACTS.replace("pg_catalog.pg_backend_pid()", "pg_catalog.pg_backend_pid() + 1")
    monkeypatch.setattr("directflow_gateway.connection_service.steps.server._FACTS", facts)
    report = await customer.test()
    assert "behind a pooler" in step_of(report, "server").message
    assert step_of(report, "round_trip").outcome is Outcome.OK


async def test_a_read_replica_is_told_and_how_it_keeps_its_streams(
    make_customer: Callable[..., Any], private_postgres: Callable[..., Any], step_of: Callable[..., Any]
) -> None:
    customer = make_customer(private_postgres(wal_level="replica"))
    customer.server.stop()
    signal = customer.server.data / "standby.signal"
    signal.touch()
    os.chown(signal, customer.server.data.stat().st_uid, customer.server.data.stat().st_gid)
    customer.server.start()
    report = await customer.test()
    assert report.replica
    step = step_of(report, "server")
    assert (step.outcome, "a read replica" in step.message) == (Outcome.WARNING, True)
    assert "hot_standby_feedback" in step.mending_sql
    assert step_of(report, "round_trip").outcome is Outcome.OK
