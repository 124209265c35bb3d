"""Authorities and certificates of both sides are replaced again and again under load, and no call fails."""

import asyncio
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import grpc
import pytest
from directflow_runtime import renewed_channel
from directflow_runtime.channel import open_channel
from directflow_runtime.settings import CallerSettings, ChannelSettings, IdentitySettings
from google.protobuf.wrappers_pb2 import StringValue

from ..certificates import Authority, Mount

ROTATIONS = 6
STEP_S = 0.8
LIFE_S = 4.0
"""Of a certificate: shorter than the test, so that nobody gets through it without renewals."""
CONNECTION_AGE_S = 0.3
"""Each connection ends after this, and the next one needs a handshake."""
CALLERS = IdentitySettings(callers=(CallerSettings(name="client", peers=("spiffe://cluster/client",), services=("",)),))
FIXED = ("grpc.use_local_subchannel_pool", 1)


async def echo(request: Any, context: Any) -> StringValue:
    return StringValue(value=request.value)


async def ticks(request: Any, context: Any) -> AsyncIterator[StringValue]:
    number = 0
    while True:
        yield StringValue(value=str(number))
        number += 1
        await asyncio.sleep(0.01)


class Rotation:
    """Both sides' files. An authority is replaced in three steps, as cert-manager's trust bundles do: the new root is
    trusted beside the old one, then certificates of the new one are issued, then the old root goes."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._steps = 0
        self._trusted = [self._authority(0)]
        self.server, self.client = Mount(folder / "server"), Mount(folder / "client")
        self.put()

    def put(self) -> None:
        signer, roots = self._trusted[-1 if self._steps % 3 != 1 else 0], [one.root for one in self._trusted]
        self.server.put(signer.issue("DNS:localhost", lasts_s=LIFE_S), roots)
        self.client.put(signer.issue("URI:spiffe://cluster/client", lasts_s=LIFE_S), roots)

    def step(self) -> None:
        self._steps += 1
        match self._steps % 3:
            case 1:
                self._trusted.append(self._authority(self._steps))
            case 0:
                del self._trusted[0]
        self.put()

    def _authority(self, number: int) -> Authority:
        return Authority(self._folder / f"authority-{number}")


class Load:
    """Calls without a pause and without retries, and what became of them."""

    def __init__(self, call: Callable[[str], Any]) -> None:
        self._call = call
        self.succeeded = 0
        self.failures: list[str] = []

    async def run(self) -> None:
        while True:
            try:
                assert (await self._call("word")).value == "word"
                self.succeeded += 1
            except grpc.aio.AioRpcError as error:
                self.failures.append(f"{error.code().name} {error.details()}")
            await asyncio.sleep(0.005)


async def read(stream: Any, into: list[str]) -> None:
    async for message in stream:
        into.append(message.value)


@pytest.fixture(autouse=True)
def _look_often(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(renewed_channel, "LOOK_EVERY_S", 0.2)


async def test_no_call_fails_while_authorities_and_certificates_change(world: Any, tmp_path: Path, until: Any) -> None:
    rotation = Rotation(tmp_path)
    served = await world(
        echo, also={"Ticks": (ticks, "unary_stream")}, identity=CALLERS, tls=rotation.server.settings,
        max_connection_age_s=CONNECTION_AGE_S,
    )  # fmt: skip
    target, files = f"localhost:{served.server.port}", rotation.client.settings
    fixed = grpc.ssl_channel_credentials(
        files.ca_file.read_bytes(), files.key_file.read_bytes(), files.certificate_file.read_bytes()
    )
    read_by_the_stream: list[str] = []
    async with (
        open_channel(ChannelSettings(target=target, tls=files), served.tracer) as channel,
        grpc.aio.secure_channel(target, fixed, [FIXED]) as forgetful,
        asyncio.TaskGroup() as tasks,
    ):
        stub, other = (served.stub_of(one, "unary_unary") for one in (channel, forgetful))
        load = [Load(lambda word: stub(StringValue(value=word), timeout=10)) for _ in range(4)]
        without_renewal = Load(lambda word: other(StringValue(value=word), timeout=10))
        stream = served.stub_of(channel, "unary_stream", "Ticks")(StringValue(), timeout=60)
        running = [tasks.create_task(one.run()) for one in (*load, without_renewal)]
        reading = tasks.create_task(read(stream, read_by_the_stream))
        for _ in range(ROTATIONS):
            await asyncio.sleep(STEP_S)
            await asyncio.to_thread(rotation.step)
        await asyncio.sleep(STEP_S)
        assert not reading.done()
        before = len(read_by_the_stream)
        await until(lambda: len(read_by_the_stream) > before)
        for task in (*running, reading):
            task.cancel()
        await until(lambda: channel._inner.open_channels == 1)
    assert [failure for one in load for failure in one.failures] == []
    assert min(one.succeeded for one in load) > ROTATIONS
    assert read_by_the_stream == [str(number) for number in range(len(read_by_the_stream))]
    assert without_renewal.failures  # else this test proves nothing
