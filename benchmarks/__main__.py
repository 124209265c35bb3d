"""`make bench`, or `python -m benchmarks [--rows 1000000] [--rounds 3]`."""

import argparse
import asyncio

from benchmarks import audience


def main() -> None:
    """Runs every benchmark and prints its table."""
    parser = argparse.ArgumentParser(prog="benchmarks")
    parser.add_argument("--rows", type=int, default=1_000_000)
    parser.add_argument("--rounds", type=int, default=3)
    options = parser.parse_args()
    asyncio.run(audience.run(options.rows, options.rounds))


main()
