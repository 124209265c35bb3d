"""Streaming an audience: psql's \\copy, the gateway alone, and both hops, alternating in one run."""

import asyncio
import statistics
import subprocess
import time
from collections.abc import Awaitable, Callable

import grpc
from directflow.gateway.v1 import query_service_pb2 as gateway_pb
from directflow.gateway.v1 import query_service_pb2_grpc as gateway_grpc
from directflow.segments.v1 import audience_service_pb2 as segments_pb
from directflow.segments.v1 import audience_service_pb2_grpc as segments_grpc
from directflow.sql.v1 import sql_pb2 as sql_pb

from benchmarks.stand import GENERATOR, LITERAL, Stand, Stopwatch, pid_of, stand

DEADLINE_S = 600.0
UNLIMITED = [("grpc.max_receive_message_length", -1)]


async def copy_with_psql(at: Stand) -> int:
    """psql \\copy of the same query with literals, to nowhere. The rows come from its command tag."""
    psql = at.postgres.psql_as(at.role)
    script = f"\\copy ({' '.join(LITERAL.split())}) TO '/dev/null'\n"

    def run() -> int:
        command = [part for part in psql.command(at.database) if part != "--quiet"]
        done = subprocess.run(
            command,
            input=script,
            env=psql.environment(),
            text=True,
            capture_output=True,
            timeout=DEADLINE_S,
            check=True,
        )
        return int(done.stdout.split()[-1])

    return await asyncio.to_thread(run)


async def stream_from_gateway(at: Stand) -> int:
    """StreamQuery, Arrow, one hop."""
    async with grpc.aio.insecure_channel(at.gateway.address, options=UNLIMITED) as channel:
        request = gateway_pb.StreamQueryRequest(
            statement=gateway_pb.Statement(
                connection="workspaces/demo/connections/customer",
                template=GENERATOR,
                role=gateway_pb.STATEMENT_ROLE_GENERATOR,
            ),
            values={"community_id": sql_pb.Value(text="1")},
        )
        rows = 0
        async for message in gateway_grpc.QueryServiceStub(channel).StreamQuery(request, timeout=DEADLINE_S):
            rows += message.batch.row_count
        return rows


async def stream_audience(at: Stand, encoding: int, order: int) -> int:
    """StreamAudience, both hops."""
    async with grpc.aio.insecure_channel(at.segments.address, options=UNLIMITED) as channel:
        request = segments_pb.StreamAudienceRequest(
            target=segments_pb.Target(
                data_source="workspaces/demo/dataSources/people", variables={"community_id": sql_pb.Value(text="1")}
            ),
            encoding=encoding,
            order=order,
        )
        rows = 0
        async for message in segments_grpc.AudienceServiceStub(channel).StreamAudience(request, timeout=DEADLINE_S):
            rows += message.batch.row_count
        return rows


def jobs(at: Stand) -> dict[str, Callable[[], Awaitable[int]]]:
    """What is measured, the yardstick first."""
    author, key = segments_pb.AUDIENCE_ORDER_AUTHOR, segments_pb.AUDIENCE_ORDER_KEY
    arrow, columns = segments_pb.ENCODING_ARROW, segments_pb.ENCODING_COLUMNS
    return {
        "psql \\copy": lambda: copy_with_psql(at),
        "gateway, Arrow": lambda: stream_from_gateway(at),
        "both hops, Arrow": lambda: stream_audience(at, arrow, author),
        "both hops, Arrow, key order": lambda: stream_audience(at, arrow, key),
        "both hops, columns": lambda: stream_audience(at, columns, author),
    }


async def run(rows: int, rounds: int) -> None:
    """Measures and prints."""
    async with stand(rows) as at:
        pids = {"gateway": pid_of(at.gateway), "segments": pid_of(at.segments)}
        work = jobs(at)
        walls: dict[str, list[float]] = {name: [] for name in work}
        cpus: dict[str, dict[str, list[float]]] = {name: {p: [] for p in (*pids, "client")} for name in work}
        for turn in range(rounds + 1):
            for name, job in work.items():
                own = time.process_time()
                with Stopwatch(pids) as watch:
                    counted = await job()
                if counted != rows:
                    raise SystemExit(f"{name}: {counted} rows instead of {rows}")
                if turn == 0:  # warms caches, prepares statements
                    continue
                walls[name].append(watch.wall_s)
                cpus[name]["client"].append(time.process_time() - own)
                for process, seconds in watch.cpu_s.items():
                    cpus[name][process].append(seconds)
        report(rows, walls, cpus)


def report(rows: int, walls: dict[str, list[float]], cpus: dict[str, dict[str, list[float]]]) -> None:
    """One line a job: median rows a second, ratio to psql, CPU microseconds a row of each process."""
    yardstick = statistics.median(walls["psql \\copy"])
    rounds = len(next(iter(walls.values())))
    print(f"\nAudience stream, {rows:,} rows of 5 columns, medians of {rounds} alternating rounds")
    print(f"{'job':<30}{'k rows/s':>10}{'of psql':>9}   CPU us/row")
    for name, seconds in walls.items():
        wall = statistics.median(seconds)
        spent = ", ".join(
            f"{process} {statistics.median(each) / rows * 1e6:.2f}" for process, each in cpus[name].items()
        )
        print(f"{name:<30}{rows / wall / 1000:>10.0f}{yardstick / wall:>9.2f}   {spent}")
