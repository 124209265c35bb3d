"""The printed result: one line a job, with its target and whether it was met."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from statistics import median

from benchmarks.measuring import Measured

BUSY_CORES = 0.15
BUSY = ", on a busy machine: only CPU is comparable there, measure again on an idle one"
MET, MISSED, UNKNOWN = "met", "MISSED", "?"


@dataclass(frozen=True, slots=True)
class Line:
    """One line; every cell is text already."""

    name: str
    figure: str = ""
    ratio: str = ""
    target: str = ""
    verdict: str = ""
    cpu: str = ""
    failure: str = ""


class Report:
    """Collects the verdicts of a run."""

    def __init__(self) -> None:
        self.verdicts: list[tuple[str, Line]] = []
        self.busy = False
        """True: others used the machine as well, and a peer of many processes got more of it than one of few."""

    def section(self, title: str, measured: Sequence[Measured], *, yardstick: str = "", unit: str = "/s") -> None:
        """Prints what was measured; ratios without a target of their own are to `yardstick` (default: the first)."""
        by_name = {one.job.name: one for one in measured}
        first = by_name[yardstick] if yardstick else measured[0]
        self.lines(title, [_line(one, by_name, first) for one in measured], unit)
        foreign = [cores for one in measured for cores in one.foreign]
        if foreign and median(foreign) > BUSY_CORES:
            self.busy = True
            print(f"the machine was busy: {median(foreign):.1f} cores went to processes that take no part", flush=True)

    def lines(self, title: str, lines: Sequence[Line], unit: str = "/s") -> None:
        """Prints ready lines."""
        print(f"\n{title}\n{'job':<44}{unit:>12}{'ratio':>9}  {'target':<36}{'verdict':<8} CPU us each", flush=True)
        for line in lines:
            self.verdicts.append((title, line))
            shown = line.failure or f"{line.figure:>12}{line.ratio:>9}  {line.target:<36}{line.verdict:<8} {line.cpu}"
            print(f"{line.name:<44}{shown}".rstrip(), flush=True)

    def summary(self) -> int:
        """Prints which targets were missed or could not be judged; returns how many jobs have no figure."""
        judged = [(title, line) for title, line in self.verdicts if line.target]
        met = sum(line.verdict == MET for _, line in judged)
        print(f"\n{met} of {len(judged)} targets met" + (BUSY if self.busy else ""))
        for title, line in judged:
            if line.verdict != MET:
                why = line.failure or f"{line.figure}, {line.ratio}"
                print(f"  {line.verdict}: {title.split(', ')[0]}: {line.name}: {line.target}; {why}")
        return sum(bool(line.failure) for _, line in self.verdicts)


def _line(one: Measured, by_name: Mapping[str, Measured], yardstick: Measured) -> Line:
    target = one.job.target
    words = str(target) if target else ""
    if not one.rates:
        return Line(one.job.name, target=words, verdict=UNKNOWN, failure=one.failure)
    other = by_name[target.of] if target and target.of else yardstick
    ratio = one.ratio(other) if other.rates else None
    verdict = ""
    if target:
        reached = ratio if target.of else one.rate
        verdict = UNKNOWN if reached is None else MET if reached >= target.least else MISSED
    told = "" if ratio is None else f"{ratio:.2f}"
    return Line(one.job.name, _figure(one.rate), told, words, verdict, _cpu(one.cpu_us))


def _figure(rate: float) -> str:
    return f"{rate:,.0f}" if rate >= 100 else f"{rate:,.2f}"


def _cpu(cpu_us: Mapping[str, Sequence[float]]) -> str:
    spent = {process: median(each) for process, each in cpu_us.items()}
    told = ", ".join(f"{process} {us:.1f}" for process, us in spent.items() if us >= 0.05)
    return f"{sum(spent.values()):.1f} = {told}"
