"""What instruments hold, and that neither customers nor defects can make it grow without end."""

import pytest
from directflow_runtime.metrics import OFF, Metrics
from directflow_runtime.metrics.instruments import MOST_SERIES
from directflow_runtime.metrics.names import (
    ADMISSION_REFUSED,
    ALL,
    BREAKER_OPEN,
    CREDENTIAL_NEXT,
    POOL_LIMIT,
    POOL_WAIT,
    STREAM_ROWS,
    CounterNamed,
)
from directflow_runtime.metrics.prometheus import prometheus_text
from prometheus_client.parser import text_string_to_metric_families


def scraped(metrics: Metrics) -> dict[str, float]:
    """ "name{label=value}" and the value, as Prometheus reads our text."""
    return {
        f"{sample.name}{dict(sorted(sample.labels.items()))}": sample.value
        for family in text_string_to_metric_families(prometheus_text(metrics.snapshot()).decode())
        for sample in family.samples
    }


def test_a_counter_adds_up_for_each_set_of_labels() -> None:
    metrics = Metrics(10, 10)
    for amount, workspace in ((2, "acme"), (3, "acme"), (5, "other-shop")):
        metrics.counter(STREAM_ROWS).add(amount, "S/Stream", workspace)
    assert scraped(metrics) == {
        "directflow_stream_rows_total{'rpc_method': 'S/Stream', 'workspace': 'acme'}": 5,
        "directflow_stream_rows_total{'rpc_method': 'S/Stream', 'workspace': 'other-shop'}": 5,
    }


def test_a_histogram_counts_by_upper_bound_the_last_one_open() -> None:
    metrics = Metrics(10, 10)
    for seconds in (0.0005, 0.0006, 1000.0):
        metrics.histogram(POOL_WAIT).record(seconds, "workspaces/a/connections/c")
    told = {
        name.removeprefix("directflow_pool_wait_duration_seconds"): value for name, value in scraped(metrics).items()
    }
    of = {"connection": "workspaces/a/connections/c"}
    buckets = {bound: told[f"_bucket{of | {'le': bound}}"] for bound in ("0.0005", "0.001", "30.0", "+Inf")}
    assert buckets == {"0.0005": 1, "0.001": 2, "30.0": 2, "+Inf": 3}
    assert (told[f"_count{of}"], told[f"_sum{of}"]) == (3, 1000.0011)


def test_workspaces_beyond_the_cap_share_other_and_nothing_is_lost() -> None:
    metrics = Metrics(workspaces=3, connections=0)
    for number in range(1000):
        metrics.counter(STREAM_ROWS).add(1, "S/Stream", f"w{number}")
    metrics.counter(STREAM_ROWS).add(1, "S/Stream", "w1")
    ((_, points),) = metrics.snapshot()
    assert points == {("S/Stream", "w0"): 1, ("S/Stream", "w1"): 2, ("S/Stream", "w2"): 1, ("S/Stream", "other"): 997}


def test_gauges_beyond_the_cap_are_merged_as_their_meaning_asks() -> None:
    metrics = Metrics(workspaces=0, connections=1)
    names = [f"workspaces/a/connections/c{number}" for number in range(3)]
    metrics.gauge(POOL_LIMIT, lambda: {(name,): 8 for name in names})
    metrics.gauge(BREAKER_OPEN, lambda: {(name,): float(name.endswith("c2")) for name in names})
    metrics.gauge(CREDENTIAL_NEXT, lambda: {(name, "file"): 10 - int(name[-1]) for name in names})
    told = {named.name: points for named, points in metrics.snapshot()}
    assert told[POOL_LIMIT.name] == {(names[0],): 8, ("other",): 16}
    assert told[BREAKER_OPEN.name] == {(names[0],): 0, ("other",): 1}
    assert told[CREDENTIAL_NEXT.name] == {(names[0], "file"): 10, ("other", "file"): 8}


def test_no_label_whatever_it_is_makes_more_series_than_the_most() -> None:
    metrics = Metrics(10, 10)
    for number in range(MOST_SERIES + 500):
        metrics.counter(ADMISSION_REFUSED).add(1, f"defect {number}")
    ((_, points),) = metrics.snapshot()
    assert len(points) == MOST_SERIES + 1
    assert points["other",] == 500


def test_a_gauge_that_cannot_be_read_hides_no_other_metric() -> None:
    metrics = Metrics(10, 10)

    def broken() -> dict[tuple[str, ...], float]:
        raise RuntimeError

    metrics.gauge(POOL_LIMIT, broken)
    metrics.counter(ADMISSION_REFUSED).add(1, "OVERLOADED")
    assert [named.name for named, _ in metrics.snapshot()] == [ADMISSION_REFUSED.name]


def test_labels_that_are_not_those_of_the_definition_are_a_defect() -> None:
    with pytest.raises(ValueError, match=r"directflow\.stream\.rows"):
        Metrics(1, 1).counter(STREAM_ROWS).add(1, "S/Stream")


def test_a_label_value_cannot_break_the_text() -> None:
    metrics = Metrics(10, 10)
    metrics.counter(STREAM_ROWS).add(1, 'm"\n}', "a\\")
    (labels,) = [
        sample.labels
        for family in text_string_to_metric_families(prometheus_text(metrics.snapshot()).decode())
        for sample in family.samples
    ]
    assert labels == {"rpc_method": 'm"\n}', "workspace": "a\\"}


def test_where_nobody_reads_metrics_nothing_is_kept() -> None:
    OFF.counter(STREAM_ROWS).add(1, "S/Stream", "acme")
    OFF.histogram(POOL_WAIT).record(1, "c")
    OFF.gauge(POOL_LIMIT, dict)
    assert OFF.snapshot() == []
    assert OFF.counter(STREAM_ROWS).totals == {}


def test_names_are_unique_and_prometheus_spelling_follows_the_unit() -> None:
    spelled = [named.prometheus for named in ALL]
    assert len(set(spelled)) == len(spelled)
    for named in ALL:
        assert named.prometheus.endswith("_total") == isinstance(named, CounterNamed)
        assert (named.unit == "s") == named.prometheus.endswith("_seconds")
