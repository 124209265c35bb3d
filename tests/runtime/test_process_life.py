"""A real process and real signals: NOT_SERVING first, drain, clean-up in order, exit code, and no orphan."""

import asyncio
import json
import os
import signal
import sys
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

import grpc
import pytest
from google.protobuf.wrappers_pb2 import DoubleValue
from grpc_health.v1 import health_pb2, health_pb2_grpc

SAMPLE = Path(__file__).with_name("sample_service.py")
SERVICE = "directflow.test.v1.SampleService"
SERVING = health_pb2.HealthCheckResponse.SERVING
NOT_SERVING = health_pb2.HealthCheckResponse.NOT_SERVING


class Sample:
    """The running process."""

    def __init__(self, process: asyncio.subprocess.Process, announce: Path, log: Path) -> None:
        self.process = process
        self.announce = announce
        self.log = log

    async def announced(self) -> dict[str, Any]:
        async with asyncio.timeout(20):
            while not self.announce.exists():
                assert self.process.returncode is None, self.log.read_text()
                await asyncio.sleep(0.01)
        said: dict[str, Any] = json.loads(self.announce.read_text())
        return said

    async def channel(self) -> grpc.aio.Channel:
        return grpc.aio.insecure_channel(f"127.0.0.1:{(await self.announced())['port']}")

    async def exit_code(self) -> int:
        async with asyncio.timeout(20):
            return await self.process.wait()

    def lines(self) -> list[dict[str, Any]]:
        # grpc's core writes lines of its own to stderr, and they are not JSON.
        lines = self.log.read_text().splitlines(keepends=True)
        return [json.loads(line) for line in lines if line.startswith("{") and line.endswith("\n")]

    def events(self) -> list[str]:
        return [line["event"] for line in self.lines()]

    async def says(self, event: str) -> dict[str, Any]:
        async with asyncio.timeout(20):
            while event not in self.events():  # noqa: ASYNC110  another process has no event of ours
                await asyncio.sleep(0.01)
        return next(line for line in self.lines() if line["event"] == event)


Start = Callable[..., Awaitable[Sample]]


@pytest.fixture
async def start(tmp_path: Path) -> AsyncIterator[Start]:
    """`await start(server_line, ..., top=[...])` starts the sample service; what still runs at the end is killed."""
    async with AsyncExitStack() as stack:

        async def started(*server: str, top: tuple[str, ...] = ()) -> Sample:
            announce, config, log = tmp_path / "announce.json", tmp_path / "sample.toml", tmp_path / "sample.log"
            lines = (
                *top,
                "[identity]",
                "allow_development = true",
                "[server]",
                f"announce_file = '{announce}'",
                *server,
            )
            config.write_text("\n".join(lines))
            with log.open("wb") as written:
                process = await asyncio.create_subprocess_exec(
                    sys.executable, str(SAMPLE), "--config", str(config), stdout=written, stderr=written
                )
            stack.push_async_callback(kill, process)
            return Sample(process, announce, log)

        yield started


async def kill(process: asyncio.subprocess.Process) -> None:
    if process.returncode is None:
        process.kill()
        await process.wait()


def sleeping(channel: grpc.aio.Channel, seconds: float) -> Any:
    sleep = channel.unary_unary(f"/{SERVICE}/Sleep", DoubleValue.SerializeToString, DoubleValue.FromString)
    return sleep(DoubleValue(value=seconds), timeout=30)


async def status(channel: grpc.aio.Channel, service: str = "") -> int:
    request = health_pb2.HealthCheckRequest(service=service)
    answer = await health_pb2_grpc.HealthStub(channel).Check(request, timeout=5)
    return int(answer.status)


async def test_sigterm_drains_in_order_and_exits_with_zero(start: Start) -> None:
    sample = await start("lame_duck_s = 1.0", "drain_grace_s = 20")
    said = await sample.announced()
    assert (said["service"], said["pid"]) == ("directflow-sample", sample.process.pid)
    async with (
        await sample.channel() as channel,
        grpc.aio.insecure_channel(f"127.0.0.1:{said['health_port']}") as health,
    ):
        assert [await status(health), await status(health, SERVICE)] == [SERVING, SERVING]
        watch = health_pb2_grpc.HealthStub(health).Watch(health_pb2.HealthCheckRequest())
        assert (await watch.read()).status == SERVING
        running = sleeping(channel, 1.5)
        await sample.says("sleeping")
        sample.process.terminate()
        asked = time.monotonic()
        assert (await watch.read()).status == NOT_SERVING
        assert time.monotonic() - asked < 0.9, "NOT_SERVING must come before the lame duck is over"
        assert (await sleeping(channel, 0)).value == 0, "a lame duck still serves new calls"
        assert await status(health, "alive") == SERVING, "a liveness probe would kill the running call"
        assert (await running).value == 1.5, "a running call is finished"
        watch.cancel()
    assert await sample.exit_code() == 0
    events = sample.events()
    assert events.index("draining") < events.index("drained") < events.index("pool closed")
    assert max(index for index, event in enumerate(events) if event == "cleaned up") < events.index("drained")
    assert not sample.announce.exists()


async def test_what_outlives_the_grace_is_cancelled_and_cleans_up_before_the_pools_close(start: Start) -> None:
    sample = await start("lame_duck_s = 0", "drain_grace_s = 0.2")
    async with await sample.channel() as channel:
        running = sleeping(channel, 25)
        await sample.says("sleeping")
        sample.process.terminate()
        with pytest.raises(grpc.aio.AioRpcError) as caught:
            await running
        assert caught.value.code() is grpc.StatusCode.UNAVAILABLE
    assert await sample.exit_code() == 0
    events = sample.events()
    assert events.index("cleaned up") < events.index("pool closed")


async def test_a_second_signal_ends_it_at_once(start: Start) -> None:
    sample = await start("lame_duck_s = 60", "drain_grace_s = 60")
    async with await sample.channel() as channel:
        running = sleeping(channel, 25)
        await sample.says("sleeping")
        sample.process.terminate()
        await asyncio.sleep(0.2)
        sample.process.terminate()
        with pytest.raises(grpc.aio.AioRpcError):
            await running
    assert await sample.exit_code() == 0


async def test_at_a_terminal_nobody_waits_for_the_lame_duck(start: Start) -> None:
    sample = await start("lame_duck_s = 60")
    await sample.announced()
    sample.process.send_signal(signal.SIGINT)
    assert await sample.exit_code() == 0


async def test_an_open_watch_does_not_hold_up_the_drain(start: Start) -> None:
    sample = await start("lame_duck_s = 0", "drain_grace_s = 60")
    async with await sample.channel() as channel:
        method = channel.unary_stream(f"/{SERVICE}/WatchSleep", DoubleValue.SerializeToString, DoubleValue.FromString)
        watch = method(DoubleValue(value=1))
        await watch.read()
        sample.process.terminate()
        assert await sample.exit_code() == 0


async def test_until_it_is_ready_it_is_not_serving_and_may_be_stopped(start: Start) -> None:
    sample = await start(top=("ready_after_s = 60",))
    port = (await sample.says("starting"))["health_port"]
    async with grpc.aio.insecure_channel(f"127.0.0.1:{port}") as health:
        assert [await status(health), await status(health, "alive")] == [NOT_SERVING, SERVING]
    assert not sample.announce.exists()
    sample.process.terminate()
    assert await sample.exit_code() == 0
    assert "serving" not in sample.events()


@pytest.mark.parametrize(
    ("server", "top", "code", "event"),
    [
        (("prot = 1",), (), 2, "settings cannot be used"),
        ((), ("fail = true",), 1, "the service ended unexpectedly"),
        (("health_host = '203.0.113.9'",), (), 1, "the service did not start"),
    ],
)
async def test_what_keeps_it_from_starting_is_told_in_one_line(
    start: Start, server: tuple[str, ...], top: tuple[str, ...], code: int, event: str
) -> None:
    sample = await start(*server, top=top)
    assert await sample.exit_code() == code
    assert sample.events()[-1] == event
    assert "hush" not in sample.log.read_text()


async def test_it_ends_when_its_parent_is_gone(tmp_path: Path) -> None:
    """A parent that is killed cannot stop its children: they notice by themselves."""
    announce, config = tmp_path / "announce.json", tmp_path / "sample.toml"
    parent_script = (
        "import os, subprocess, sys, pathlib, time\n"
        "config = pathlib.Path(sys.argv[2])\n"
        "config.write_text(config.read_text() + f'parent_pid = {os.getpid()}\\n')\n"
        "child = subprocess.Popen([sys.executable, sys.argv[1], '--config', str(config)])\n"
        "time.sleep(60)\n"
    )
    config.write_text(f"[server]\nannounce_file = '{announce}'\nlame_duck_s = 0\n")
    parent = await asyncio.create_subprocess_exec(
        sys.executable, "-c", parent_script, str(SAMPLE), str(config), stderr=asyncio.subprocess.DEVNULL
    )
    sample = Sample(parent, announce, tmp_path / "none")
    child = (await sample.announced())["pid"]
    parent.kill()
    await parent.wait()
    try:
        async with asyncio.timeout(15):
            while _runs(child):  # noqa: ASYNC110  another process has no event of ours
                await asyncio.sleep(0.05)
    except TimeoutError:
        os.kill(child, signal.SIGKILL)
        raise
    assert not announce.exists(), "it drained, rather than being killed"


def _runs(pid: int) -> bool:
    """Not gone, and not a zombie that waits for an init process to notice."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False


@pytest.mark.parametrize(
    ("line", "told"),
    [
        ('host = "0.0.0.0"', "allow_plaintext_beyond_loopback = true"),
        ('tls = { directory = "/nowhere" }', "tls: /nowhere/tls.crt: No such file or directory"),
    ],
)
async def test_a_service_does_not_start_where_nobody_would_prove_who_he_is(start: Start, line: str, told: str) -> None:
    sample = await start(line)
    assert await sample.exit_code() == 2
    assert told in (await sample.says("settings cannot be used"))["problem"]
