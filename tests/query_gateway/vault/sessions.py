"""A session as app.py builds it, with an ear on its lines and its spans."""

import asyncio
import io
import json
import threading
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import structlog
from directflow_gateway.vault import VaultFailure, VaultSession, VaultSettings
from directflow_gateway.vault.periods import Periods
from directflow_runtime.log_lines import Finish, Lines, NamedLines
from directflow_runtime.logging import describe_exception
from directflow_runtime.metrics import OFF, Metrics
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

SHORT = Periods(
    first_pause_s=0.01,
    longest_pause_s=0.02,
    start_jitter_s=0.0,
    away_pause_s=0.05,
    refused_pause_s=0.2,
    renew_pause_s=0.1,
    round_s=0.02,
    quiet_s=0.2,
    renew_share=0.25,
    replace_share=0.5,
)
"""Waits of a test. Vault's own shortest life is a second, so that shares of it are small as well."""
WAIT_S = 15.0


@dataclass
class Listened:
    """A session, its lines and its spans."""

    session: VaultSession
    stream: io.StringIO = field(default_factory=io.StringIO)
    exporter: InMemorySpanExporter = field(default_factory=InMemorySpanExporter)

    def lines(self, event: str = "") -> list[dict[str, Any]]:
        read = [json.loads(line) for line in self.stream.getvalue().splitlines()]
        return [line for line in read if event in line["event"]]

    def spans(self, name: str = "") -> list[ReadableSpan]:
        return [span for span in self.exporter.get_finished_spans() if name in span.name]

    def token(self) -> str:
        """The present token itself, to ask Vault about it."""
        token = self.session._keeper.present
        assert token is not None
        return token.secret.reveal()

    async def failure(self, path: str = "secret/data/one") -> VaultFailure:
        """The failure of a read, which has to fail."""
        try:
            await self.session.read(path)
        except VaultFailure as failure:
            return failure
        raise AssertionError("the read worked")


def app_role(address: str, directory: Path, **settings: Any) -> VaultSettings:
    """Settings with an AppRole login, whose files are made."""
    for name in ("role_id", "secret_id"):
        if not (directory / name).exists():
            (directory / name).write_text(f"{name}-value\n")
    login = {
        "method": "approle",
        "role_id_file": directory / "role_id",
        "secret_id_file": directory / "secret_id",
        **settings.pop("login", {}),
    }
    return VaultSettings(address=address, login=login, **settings)


@asynccontextmanager
async def opened(
    settings: VaultSettings, *, start: bool = False, periods: Periods = SHORT, metrics: Metrics = OFF
) -> AsyncIterator[Listened]:
    """A session, closed afterwards. Not started: it logs in at the first read."""
    stream, exporter, traces = io.StringIO(), InMemorySpanExporter(), TracerProvider()
    traces.add_span_processor(SimpleSpanProcessor(exporter))
    log = structlog.wrap_logger(
        NamedLines(Lines(stream), "directflow_gateway"),
        processors=[Finish("gateway", describe_exception)],
        wrapper_class=structlog.make_filtering_bound_logger(0),
    )
    session = VaultSession(settings, traces.get_tracer("test"), log, periods, metrics)
    if start:
        session.start()
    try:
        yield Listened(session, stream, exporter)
    finally:
        await session.aclose()
        traces.shutdown()


async def until(condition: Callable[[], object], within_s: float = WAIT_S) -> None:
    """Returns once it holds; AssertionError after a time that is no measurement."""
    ends_at = time.monotonic() + within_s
    while not condition():
        assert time.monotonic() < ends_at, "it never came to that"
        await asyncio.sleep(0.01)


def vault_threads() -> int:
    return sum(thread.name == "directflow-vault" for thread in threading.enumerate())
