"""Memory of gateway and segments while a long audience streams, also to a slow reader.

    python -m benchmarks.memory --rows 5000000 [--slow]

Resident memory is sampled each second; growth is over the figure after the first 100,000 rows. The duplicate set of the
author's order (at most 24 bytes a person) is shown beside it, because it is not flat by nature.
"""

import argparse
import asyncio
import time

import grpc
from directflow.segments.v1 import audience_service_pb2 as pb
from directflow.segments.v1 import audience_service_pb2_grpc as stubs
from directflow.sql.v1 import sql_pb2

from benchmarks.stand import Stand, pid_of, rss_mib, stand

WARM_ROWS = 100_000
SET_BYTES = 24
MIB = 1024 * 1024
DEADLINE_S = 1800.0


async def sample(pids: dict[str, int], peaks: dict[str, float], rows_read: list[int]) -> None:
    """Watches the processes until it is cancelled; `peaks` begin once the first rows are through."""
    while True:
        if rows_read[0] >= WARM_ROWS:
            for name, pid in pids.items():
                peaks[name] = max(peaks.get(name, 0.0), rss_mib(pid))
        await asyncio.sleep(1.0)


async def stream(at: Stand, order: int, rows_per_s: float) -> tuple[int, dict[str, float], float]:
    """Rows delivered, MiB grown by process, seconds. `rows_per_s` holds the reader back; 0: as fast as it goes."""
    pids = {"gateway": pid_of(at.gateway), "segments": pid_of(at.segments)}
    rows, base, peaks = [0], {}, {}
    watching = asyncio.create_task(sample(pids, peaks, rows))
    started = time.monotonic()
    async with grpc.aio.insecure_channel(at.segments.address) as channel:
        target = pb.Target(
            data_source="workspaces/demo/dataSources/people", variables={"community_id": sql_pb2.Value(text="1")}
        )
        request = pb.StreamAudienceRequest(target=target, encoding=pb.ENCODING_ARROW, order=order)
        async for message in stubs.AudienceServiceStub(channel).StreamAudience(request, timeout=DEADLINE_S):
            rows[0] += message.batch.row_count
            if not base and rows[0] >= WARM_ROWS:
                base = {name: rss_mib(pid) for name, pid in pids.items()}
            if rows_per_s:
                await asyncio.sleep(max(0.0, started + rows[0] / rows_per_s - time.monotonic()))
    watching.cancel()
    return rows[0], {name: peaks.get(name, base[name]) - base[name] for name in pids}, time.monotonic() - started


async def run(rows: int, slow: bool) -> None:
    """Both orders at full speed, then with a reader ten times slower."""
    async with stand(rows) as at:
        for order, name in ((pb.AUDIENCE_ORDER_KEY, "key order"), (pb.AUDIENCE_ORDER_AUTHOR, "author's order")):
            pace = 0.0
            for reader in ("fast reader", "ten times slower") if slow else ("fast reader",):
                delivered, grown, seconds = await stream(at, order, pace)
                pace = delivered / seconds / 10
                allowed = delivered * SET_BYTES / MIB if order == pb.AUDIENCE_ORDER_AUTHOR else 0.0
                told = ", ".join(f"{process} {mib:+.0f} MiB" for process, mib in grown.items())
                print(f"{name}, {reader}: {delivered:,} rows in {seconds:.0f} s: {told} (set allowance {allowed:.0f})")


def main() -> None:
    """Reads the command line."""
    parser = argparse.ArgumentParser(prog="benchmarks.memory")
    parser.add_argument("--rows", type=int, default=5_000_000)
    parser.add_argument("--slow", action="store_true")
    options = parser.parse_args()
    asyncio.run(run(options.rows, options.slow))


if __name__ == "__main__":
    main()
