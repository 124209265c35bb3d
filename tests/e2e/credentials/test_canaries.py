"""T17, T37: secrets, places and personal data are planted everywhere, everything works and fails, and no output has any
of them: lines, spans, errors, reports, printed text, settings, command lines and environments."""

import asyncio
import base64
import json
import os
import subprocess
import sys
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import grpc
import pytest
from directflow.sql.v1 import sql_pb2
from directflow_cli.dev.postgres_binaries import Installation
from directflow_cli.dev.processes import clean_environment
from directflow_gateway.config import GatewaySettings
from directflow_runtime.settings import SettingsError, load

from .canaries import found
from .clients import CALL_S, Clients
from .customers import FIRST_ROWS
from .planted import Planted, PlantedClients, planted, word
from .processes import WORKSPACE
from .site import Site

COMMAND_S = 60
EXPORTED_S = 1.0
UNUSABLE = ("missing", "empty", "unknown-role", "denied", "wrong", "down", "unresolved", "tls", "elsewhere")
THE_ASKERS_OWN = ("stranger", "database", "host", "address")
"""What a connection itself says: its user, its database, where it is."""
Output = tuple[str, bytes]


@pytest.fixture(scope="module")
def garden(
    stand_in_site: Site, postgres_installation: Installation, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Planted]:
    folder = tmp_path_factory.mktemp("garden")
    with planted(stand_in_site, postgres_installation.program("psql"), folder) as at:
        yield at


@pytest.fixture
async def clients(garden: Planted) -> AsyncIterator[PlantedClients]:
    async with PlantedClients(garden) as opened:
        yield opened  # type: ignore[misc]


# --- what is driven --------------------------------------------------------------------------------------------------


async def told(what: str, call: Any) -> Output:
    """All that a caller gets to see of a call's failure; of a report, the whole."""
    try:
        answer = await call
    except grpc.aio.AioRpcError as error:
        seen = [error.details() or "", str(error), *(f"{key}={value!r}" for key, value in error.trailing_metadata())]
        raw = [value for _, value in error.trailing_metadata() if isinstance(value, bytes)]
        return f"error of {what}", "\n".join(seen).encode() + b"\n".join(raw)
    return f"answer of {what}", answer.SerializeToString() if hasattr(answer, "SerializeToString") else b""


def statements(garden: Planted) -> dict[str, tuple[str, dict[str, str]]]:
    """SQL that works and SQL that fails, with words as literals and as values."""
    literal, value = garden.words.literal, garden.words.value
    return {
        "a value": ("SELECT id FROM people WHERE email = '<%= v %>'", {"v": value}),
        "a literal": (f"SELECT id FROM people WHERE email = '{literal}'", {}),
        "a value that is no number": ("SELECT id FROM people WHERE id = '<%= v %>'", {"v": value}),
        "a literal that is no number": (f"SELECT '{literal}'::int AS n", {}),
        "a value in an interval": ("SELECT now() - interval '<%= v %> days' AS t", {"v": value}),
        "a row that is no number": ("SELECT email::int AS n FROM people WHERE id <= 10", {}),
        "an unknown column": (f"SELECT nowhere, '{literal}' AS said FROM people", {}),
        "no SQL": (f"SELEC '{literal}'", {}),
        "two statements": (f"SELECT 1; SELECT '{literal}'", {}),
        "a function that is not allowed": (f"SELECT pg_read_file('{literal}')", {}),
    }


def value(text: str) -> sql_pb2.Value:
    return sql_pb2.Value(text=text)


async def statements_told(garden: Planted, clients: PlantedClients) -> list[Output]:
    outputs = []
    for id in ("good", "planted"):
        for what, (sql, values) in statements(garden).items():
            given = {name: value(text) for name, text in values.items()}
            outputs.append(await told(f"{what} on {id}", clients.rows(id, sql, **given)))
        outputs.append(await told(f"a profile on {id}", clients.decided(id, garden.words.profile)))
        slow = f"SELECT count(*) AS n FROM people a, people b WHERE a.pad < b.pad AND a.pad <> '{garden.words.literal}'"
        outputs.append(await told(f"a deadline on {id}", clients.rows(id, slow, timeout=0.5)))
        cancelled = clients.query(id, slow)
        asyncio.get_running_loop().call_later(0.3, cancelled.cancel)
        with pytest.raises(asyncio.CancelledError):
            await cancelled.read()
    return outputs


async def connections_told(clients: PlantedClients, *ids: str) -> list[Output]:
    outputs = []
    for id in ids:
        outputs.append(await told(f"a query on {id}", clients.rows(id)))
        outputs.append(await told(f"a test of {id}", clients.tested(id)))
    for id in ("good", "wrong", "planted"):
        outputs.append(await told(f"a condition on {id}", clients.decided(id, 2)))
        outputs.append(await told(f"an audience on {id}", streamed(clients.audience(id, CALL_S))))
    return outputs


async def streamed(call: Any) -> None:
    async for _ in call:
        pass


async def everything(garden: Planted, clients: PlantedClients) -> list[Output]:
    """Works, fails, and fails without Vault."""
    outputs = await statements_told(garden, clients)
    outputs += await connections_told(clients, "good", "planted", *UNUSABLE)
    await asyncio.to_thread(garden.remember)
    await asyncio.to_thread(garden.vault.seal)
    outputs += await connections_told(clients, "good", "planted", "wrong", "missing")
    await asyncio.to_thread(garden.vault.unseal)
    await asyncio.to_thread(garden.vault.stop)
    await asyncio.sleep(6)  # the leases end
    outputs += await connections_told(clients, "good", "planted", "wrong", "missing")
    await asyncio.to_thread(garden.vault.start)
    outputs.append(await told("a query after it all", clients.rows("good")))
    await asyncio.to_thread(garden.remember)
    await asyncio.sleep(EXPORTED_S)
    return outputs


# --- what is searched ------------------------------------------------------------------------------------------------


def lines_and_spans(at: Site) -> list[Output]:
    """Of every process of the site, whatever made them."""
    logs = [(f"lines of {name}", at.log(name).encode()) for name in at.processes]
    return logs + [(f"export {number}", export) for number, export in enumerate(at.receiver.exported())]


def of_the_kernel(at: Site, names: tuple[str, ...]) -> list[Output]:
    """What every user of the machine may read of a process, and what its own user may."""
    return [
        (f"{what} of {name}", Path(f"/proc/{at.announced(name)['pid']}/{what}").read_bytes())
        for name in names
        for what in ("cmdline", "environ")
    ]


def printed(garden: Planted, *arguments: str) -> Output:
    """By the command line, as a developer."""
    environment = {
        **clean_environment(),
        "DIRECTFLOW_TLS_DIRECTORY": str(garden.mounts["developer"].folder),
        "DIRECTFLOW_GATEWAY": garden.at.processes["gateway-planted"].address,
        "DIRECTFLOW_WORKSPACE": WORKSPACE,
        "NO_COLOR": "1",
    }
    done = subprocess.run(
        [sys.executable, "-m", "directflow_cli", *arguments],
        env=environment, stdin=subprocess.DEVNULL, capture_output=True, timeout=COMMAND_S, check=False,
    )  # fmt: skip
    return f"directflow {' '.join(arguments)[:40]}", done.stdout + done.stderr


async def test_no_planted_word_is_in_any_output(garden: Planted, clients: PlantedClients) -> None:
    outputs = await everything(garden, clients)
    for command in (
        ("connection", "test", "planted"),
        ("connection", "test", "wrong"),
        ("query", "describe", "-c", "good", "--sql", "SELECT nowhere FROM people"),
    ):
        outputs.append(await asyncio.to_thread(printed, garden, *command))
    outputs += lines_and_spans(garden.at) + of_the_kernel(garden.at, garden.NAMES)
    assert sum(name.startswith("error") for name, _ in outputs) > 30, "too little failed"
    asked = [one for one in outputs if is_asked_about_a_connection(one)]
    exports = [one for one in outputs if one[0].startswith("export")]
    nothing_of(garden.words_but(), [one for one in outputs if one not in asked and one not in exports])
    nothing_of(garden.words_but("database"), exports)  # OpenTelemetry's db.namespace
    nothing_of(garden.words_but(*THE_ASKERS_OWN), asked)


def is_asked_about_a_connection(output: Output) -> bool:
    """A report is for whoever may define the connection, and has written into it what the SQL for a DBA repeats."""
    return output[0].startswith(("answer of a test", "directflow connection test"))


def nothing_of(words: dict[str, str], outputs: list[Output]) -> None:
    hits = found(words, outputs)
    assert hits == [], "\n".join(map(repr, hits))


async def test_no_secret_that_ever_passed_is_in_what_the_services_wrote(site: Site) -> None:
    """Every token, lease, login and path between the other gateways and Vault, in whatever tests ran so far."""
    async with Clients(site) as others:
        for id in ("stored", "brief", "static", "filed"):
            assert await others.rows(id) == FIRST_ROWS
    await asyncio.sleep(EXPORTED_S)
    heard = {f"heard {number}": word for number, word in enumerate(sorted(site.proxy.heard()))}
    assert len(heard) > 12, "nothing passed"
    nothing_of(heard, lines_and_spans(site) + of_the_kernel(site, ("gateway", "segments", "conditions")))


def test_settings_show_no_secret_and_no_place_of_one(garden: Planted) -> None:
    file = garden.at.processes["gateway-planted"].plan.config
    settings = load(GatewaySettings, file, "DIRECTFLOW_GATEWAY__", {})
    sections = [settings, settings.vault, settings.credentials, settings.credentials.vault_kv, *settings.connections]
    nothing_of(garden.words_but(), [(type(one).__name__, f"{one!r} {one}".encode()) for one in sections])
    nothing_of(garden.secrets(), [("the file", file.read_bytes())])


WRONG = (
    '[vault]\naddress = "http://{0}:8200"\n[vault.login]\nmethod = "token"\ntoken_file = "/{0}"\n',
    '[vault]\naddress = "https://{0}:secret@vault"\n[vault.login]\nmethod = "{0}"\n',
    '[vault]\naddress = "https://vault"\n[vault.login]\nmethod = "approle"\nsecret_id = "{0}"\n',
    '[credentials]\npath = "{0}/{{workspace}}"\n[credentials.vault_kv]\npath = "{0}/{{role}}"\nmount = "/{0}/"\n',
    '[credentials.vault_dynamic]\nrole = "{0}-{{workspace}}-{{connection}}"\nmount = 7\n',
    '[[connections]]\nworkspace = "{0} "\nid = "{0}!"\nhost = "{0} {0}"\ndatabase = "{0}"\npassword = "{0}"\n',
    '[[connections]]\nworkspace = "a"\nid = "b"\nhost = "h"\ndatabase = "d"\nport = "{0}"\nca_pem = "{0}"\n',
    '[directflow_database]\nhost = "{0}"\npassword = "{0}"\n',
    '[vault]\naddress = "{0}\n',
)
VARIABLES = ("VAULT__LOGIN__METHOD", "CONNECTIONS", "CREDENTIALS__VAULT_KV__MOUNT", "VAULT")


@pytest.mark.parametrize("text", WRONG)
def test_settings_that_are_refused_repeat_no_value(text: str, tmp_path: Path) -> None:
    planted_word, file = word("setting"), tmp_path / "gateway.toml"
    file.write_text(text.format(planted_word))
    with pytest.raises(SettingsError) as refused:
        load(GatewaySettings, file, "DIRECTFLOW_GATEWAY__", {})
    nothing_of({"setting": planted_word}, [("what is told", str(refused.value).encode())])


@pytest.mark.parametrize("variable", VARIABLES)
def test_variables_that_are_refused_repeat_no_value(variable: str, tmp_path: Path) -> None:
    planted_word, file = word("variable"), tmp_path / "gateway.toml"
    file.touch()
    with pytest.raises(SettingsError) as refused:
        load(GatewaySettings, file, "DIRECTFLOW_GATEWAY__", {f"DIRECTFLOW_GATEWAY__{variable}": f"/{planted_word}/"})
    nothing_of({"variable": planted_word}, [("what is told", str(refused.value).encode())])


def test_a_gateway_that_does_not_start_prints_no_value(tmp_path: Path) -> None:
    planted_word, file = word("setting"), tmp_path / "gateway.toml"
    file.write_text(WRONG[3].format(planted_word) + WRONG[5].format(planted_word))
    done = subprocess.run(
        [sys.executable, "-m", "directflow_gateway", "--config", str(file)],
        env=clean_environment(), capture_output=True, timeout=COMMAND_S, check=False,
    )  # fmt: skip
    output = done.stdout + done.stderr
    assert (done.returncode, b"connections" in output) == (2, True)
    nothing_of({"setting": planted_word}, [("what it printed", output)])


# --- the search itself ------------------------------------------------------------------------------------------------


def test_the_search_finds_a_word_in_every_shape() -> None:
    planted_word = word("shape")
    for content in (
        f"before {planted_word} behind".encode(),
        json.dumps({"a": f'{planted_word}"'}).encode(),
        base64.b64encode(f"user:{planted_word}".encode()),
        base64.b64encode(f"users:{planted_word}:x".encode()),
        planted_word.encode().hex().encode(),
    ):
        assert [hit.output for hit in found({"word": planted_word}, [("here", content)])] == ["here"]


def says(at: Site, line: str) -> None:
    """One more line at the gateway's own end of its standard error."""
    Path(f"/proc/{at.announced('gateway')['pid']}/fd/2").write_text(line + "\n")


async def test_the_search_finds_what_a_service_writes_into_a_line_and_into_a_span(site: Site) -> None:
    """Through the same pipes: a label that spans show, and a line."""
    label, line = word("label"), word("line")
    async with Clients(site) as clients:
        await clients.rows("filed", definition=f"workspaces/{WORKSPACE}/conditions/{label}")
    says(site, json.dumps({"event": "on purpose", "password": line}))
    await asyncio.sleep(EXPORTED_S)
    hits = found({"label": label, "line": line}, lines_and_spans(site))
    assert {hit.word for hit in hits} == {"label", "line"}
    assert {hit.output.split()[0] for hit in hits} >= {"lines", "export"}


def test_the_search_finds_what_is_on_a_command_line_and_in_an_environment() -> None:
    argument, variable = word("argument"), word("variable")
    command = ["sh", "-c", "echo here; read -r _", argument]
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE}
    with subprocess.Popen(command, env={**os.environ, "SOME": variable}, **pipes) as process:
        assert process.stdout is not None
        process.stdout.readline()  # before, it is a copy of this process
        outputs = [(what, Path(f"/proc/{process.pid}/{what}").read_bytes()) for what in ("cmdline", "environ")]
        process.communicate(b"\n")
    assert {(hit.word, hit.output) for hit in found({"argument": argument, "variable": variable}, outputs)} == {
        ("argument", "cmdline"),
        ("variable", "environ"),
    }
