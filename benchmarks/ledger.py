"""What the ledger of an audience costs alone: `python -m benchmarks.ledger --people 5000000 --keys text`.

Batches of 4,000 rows (key, e-mail, phone, two names), every person new: the dear case. It prints nanoseconds of wall
and CPU time a row, and resident bytes a person over the figure after the first 100,000.
"""

import argparse
import resource
import tempfile
import time
from pathlib import Path

import numpy as np
import pyarrow as pa
from directflow_segments.audience.reachability import ContactRules
from directflow_segments.audience.reader import AudienceReader
from directflow_segments.audience.scratch import Scratch

BATCH = 4_000
WARM = 100_000
TYPES = {"bigint": pa.int64(), "uuid": pa.string(), "text": pa.string()}
MIB = 1 << 20


def main() -> None:
    """Reads the options, runs once, prints one line."""
    parser = argparse.ArgumentParser(prog="benchmarks.ledger")
    parser.add_argument("--people", type=int, default=1_000_000)
    parser.add_argument("--keys", choices=sorted(TYPES), default="bigint")
    parser.add_argument("--order", choices=["author", "key"], default="author")
    parser.add_argument("--memory-mib", type=int, default=4096, help="beyond it the set spills to a scratch directory")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as directory:
        scratch = Scratch(memory_bytes=options.memory_mib * MIB, disk_bytes=64 << 30, directory=Path(directory))
        run(options.people, options.keys, options.order, scratch)


def run(people: int, keys: str, order: str, scratch: Scratch) -> None:
    """One audience of `people` different people."""
    schema = schema_of(keys)
    rules = ContactRules()
    by_key = order == "key"
    reader = (
        AudienceReader.in_key_order(schema, rules)
        if by_key
        else AudienceReader.in_authors_order(schema, rules, scratch)
    )
    contacts = contact_columns()
    wall = cpu = worst_bytes = slowest = 0.0
    base = 0
    for start in range(0, people, BATCH):
        batch = pa.record_batch([ids(keys, start, by_key), *contacts], schema=schema)
        began, began_cpu = time.perf_counter(), time.process_time()
        reader.read(batch)
        took = time.perf_counter() - began
        wall, cpu, slowest = wall + took, cpu + time.process_time() - began_cpu, max(slowest, took)
        if start == WARM:
            base = resident() - 24 * WARM
        if start >= MIB and start % (25 * BATCH) == 0:
            worst_bytes = max(worst_bytes, (resident() - base) / start)
    reader.close()
    assert reader.ledger().delivered.people == -(-people // BATCH) * BATCH
    print(
        f"{people:>11,} people by {keys:<6} {order:<6} {wall / people * 1e9:6.0f} ns/row wall "
        f"{cpu / people * 1e9:6.0f} ns/row CPU {worst_bytes:6.1f} bytes/person at worst "
        f"{slowest * 1e3:6.0f} ms for the slowest batch"
    )


def schema_of(keys: str) -> pa.Schema:
    """A generator's columns."""
    key = pa.field("profile_id", TYPES[keys], metadata={"pg_type": keys})
    return pa.schema([key, *(pa.field(name, pa.string()) for name in ("email", "phone", "first_name", "last_name"))])


def contact_columns() -> list[pa.Array]:
    """E-mail, phone, two names."""
    numbers = range(BATCH)
    return [
        pa.array([f"user{n * 7919}@example{n % 100}.com" for n in numbers]),
        pa.array([f"+49170{n * 1777:07d}" for n in numbers]),
        pa.array([f"First{n}" for n in numbers]),
        pa.array([f"Last{n}" for n in numbers]),
    ]


def ids(keys: str, start: int, ascending: bool) -> pa.Array:
    """BATCH ids that no other batch has."""
    numbers = np.arange(start, start + BATCH)
    if keys == "bigint":
        return pa.array(numbers if ascending else numbers * 7919 % 2**40)
    if keys == "text":
        return pa.array(np.char.mod("cus_%012d", numbers).tolist())
    return pa.array(np.char.mod("00000000-0000-4000-8000-%012d", numbers).tolist())


def resident() -> int:
    """Bytes of memory that this process holds now."""
    return int(Path("/proc/self/statm").read_text().split()[1]) * resource.getpagesize()


if __name__ == "__main__":
    main()
