"""`docs/metrics.md` lists what the services have: every metric once, with its unit and its labels, and nothing else."""

import re
from pathlib import Path

from directflow_runtime.metrics.names import ALL, CounterNamed, GaugeNamed, HistogramNamed
from directflow_runtime.settings import MetricsSettings

PAGE = (Path(__file__).parents[3] / "docs/metrics.md").read_text()
KINDS = {CounterNamed: "counter", GaugeNamed: "gauge", HistogramNamed: "histogram"}


def rows() -> list[tuple[str, ...]]:
    """The cells of each row that begins with a metric's two names."""
    lines = [line for line in PAGE.splitlines() if re.match(r"\| `\w+` \| `[\w.]+` \|", line)]
    return [tuple(cell.strip() for cell in line.strip("|").split(" | ")) for line in lines]


def test_the_page_and_the_code_list_the_same_metrics() -> None:
    labels = {named: ", ".join(f"`{label.replace('.', '_')}`" for label in named.labels) or "none" for named in ALL}
    listed = [
        (f"`{named.prometheus}`", f"`{named.name}`", f"{KINDS[type(named)]}, {named.unit}", labels[named], named.tells)
        for named in ALL
    ]
    assert sorted(rows()) == sorted(listed)


def test_the_page_asks_for_no_metric_that_does_not_exist() -> None:
    known = {named.prometheus + suffix for named in ALL for suffix in ("", "_bucket", "_sum", "_count")}
    asked = set(re.findall(r"\b(?:directflow|rpc_server)_[a-z_]+\b", PAGE))
    assert not asked - known


def test_every_setting_is_on_the_page() -> None:
    section = PAGE.partition("[metrics]")[2].partition("```")[0]
    assert set(re.findall(r"^(\w+) =", section, re.MULTILINE)) == set(MetricsSettings.model_fields)
