"""`make bench`, or one of

python -m benchmarks [--only audience|conditions|engagement|pools|telemetry] [--part premium ...] [--quick] [--rounds 3]
"""

import argparse
import asyncio
import time

from directflow_cli.dev.processes import ServiceFailed

from benchmarks import audience, conditions, engagement, pools, telemetry
from benchmarks.measuring import Pace, describe
from benchmarks.table import Line, Report

QUICK_ROWS = 100_000
QUICK_SECONDS = 0.4
PART_HELP = "of conditions or telemetry, with --only; may be repeated"


def main() -> int:
    """Runs the benchmarks asked for and prints their tables; 1 where a job has no figure. No target is asserted."""
    options = arguments()
    pace = Pace(options.rounds, QUICK_SECONDS if options.quick else Pace().seconds, options.quick)
    report = Report()
    todo = {
        "audience": lambda: audience.run(QUICK_ROWS if options.quick else options.rows, options.rounds),
        "conditions": lambda: conditions.run(pace, report, options.part),
        "engagement": lambda: engagement.run(pace, report),
        "pools": lambda: pools.run(pace, report),
        "telemetry": lambda: telemetry.run(pace, report, options.part),
    }
    began = time.monotonic()
    for name, benchmark in todo.items():
        if options.only in ("", name):
            try:
                asyncio.run(benchmark())
            except ServiceFailed as error:  # the others still have something to say
                report.lines(name, [Line("the services", failure=describe(error))])
    without = report.summary() if report.verdicts else 0
    print(f"{time.monotonic() - began:.0f} s")
    return 1 if without else 0


def arguments() -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(prog="benchmarks")
    parser.add_argument("--only", choices=["audience", "conditions", "engagement", "pools", "telemetry"], default="")
    parser.add_argument("--part", choices=[*conditions.PARTS, *telemetry.PARTS], action="append", help=PART_HELP)
    parser.add_argument("--quick", action="store_true", help="small tables and short rounds: to see that it works")
    parser.add_argument("--rows", type=int, default=1_000_000, help="of the audience")
    parser.add_argument("--rounds", type=int, default=3)
    return parser.parse_args()


if __name__ == "__main__":
    raise SystemExit(main())
