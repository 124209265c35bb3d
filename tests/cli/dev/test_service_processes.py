"""Services as processes: awaited, drained, and their end never overlooked. A small stand-in keeps the same promises."""

import asyncio
import json
import os
from pathlib import Path

import pytest
from directflow_cli.dev import processes
from directflow_cli.dev.processes import ServiceFailed, ServicePlan, ServiceProcess
from directflow_cli.dev.service_log import BoundedLog

STAND_IN = """
import json, os, pathlib, signal, sys, time
config = json.loads(pathlib.Path(sys.argv[sys.argv.index("--config") + 1]).read_text())
signal.signal(signal.SIGTERM, signal.SIG_IGN if config["stubborn"] else lambda *_: sys.exit(0))
print("environment", sorted(name for name in os.environ if name.startswith(("DIRECTFLOW_", "PG"))), flush=True)
if config["fails"]:
    sys.exit("cannot serve: no such thing")
draft = pathlib.Path(config["announce"] + ".new")
draft.write_text(json.dumps({"service": "x", "pid": os.getpid(), "port": 4711, "health_port": 4712}))
draft.replace(config["announce"])
time.sleep(config["serves"])
"""


@pytest.fixture
def plan(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> ServicePlan:
    (tmp_path / "stand_in_service.py").write_text(STAND_IN)
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    configure(tmp_path)
    return ServicePlan("stand-in", "stand_in_service", tmp_path / "stand-in.toml", tmp_path / "stand-in.json")


def configure(directory: Path, **values: object) -> None:
    settings = {"announce": str(directory / "stand-in.json"), "stubborn": False, "fails": False, "serves": 60, **values}
    (directory / "stand-in.toml").write_text(json.dumps(settings))


def process_of(service: ServiceProcess) -> asyncio.subprocess.Process:
    assert service._process is not None
    return service._process


async def test_serves_inside_the_block_and_is_drained_after_it(plan: ServicePlan) -> None:
    async with ServiceProcess(plan) as service:
        assert service.address == "127.0.0.1:4711"
        assert process_of(service).returncode is None
    assert process_of(service).returncode == 0


async def test_one_that_does_not_start_is_reported_with_what_it_said(plan: ServicePlan, tmp_path: Path) -> None:
    configure(tmp_path, fails=True)
    with pytest.raises(ServiceFailed, match=r"exit code 1:(?s:.*)no such thing"):
        async with ServiceProcess(plan):
            pytest.fail("it never served")


async def test_one_that_never_announces_is_stopped_at_the_deadline(
    plan: ServicePlan, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    configure(tmp_path, announce=str(tmp_path / "elsewhere.json"))
    monkeypatch.setattr(processes, "READY_SECONDS", 0.3)
    service = ServiceProcess(plan)
    with pytest.raises(ServiceFailed, match="did not serve"):
        await service.__aenter__()
    assert process_of(service).returncode is not None


async def test_the_announcement_of_an_older_run_is_not_believed(plan: ServicePlan, tmp_path: Path) -> None:
    plan.announce.write_text('{"service": "x", "pid": 1, "port": 1, "health_port": 2}')
    async with ServiceProcess(plan) as service:
        assert service.port == 4711


async def test_one_that_will_not_drain_is_killed(plan: ServicePlan, tmp_path: Path) -> None:
    configure(tmp_path, stubborn=True)
    service = ServiceProcess(plan)
    await service.__aenter__()
    await service.stop(grace=0.2)
    assert process_of(service).returncode == -9


async def test_an_end_by_itself_is_noticed(plan: ServicePlan, tmp_path: Path) -> None:
    configure(tmp_path, serves=0.1)
    async with ServiceProcess(plan) as service:
        with pytest.raises(ServiceFailed, match="stand-in ended with exit code 0"):
            await asyncio.wait_for(service.ended(), 10)


async def test_settings_in_the_users_environment_do_not_reach_it(
    plan: ServicePlan, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DIRECTFLOW_GATEWAY__SERVER__PORT", "1")
    monkeypatch.setenv("PGSERVICE", "x")
    async with ServiceProcess(plan) as service:
        pass
    assert "environment []" in service.log.tail()
    assert "PATH" in os.environ


def test_a_log_never_grows_past_twice_its_limit(tmp_path: Path) -> None:
    log = BoundedLog(tmp_path / "x.log", max_bytes=1000)
    for number in range(300):
        log.append(f"line {number}\n".encode())
    assert sum(file.stat().st_size for file in tmp_path.iterdir()) <= 2000
    assert log.tail().endswith("line 299")
