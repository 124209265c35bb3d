"""The three services that keep definitions, as one."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Mapping
from typing import Any, Final, TypeVar

import grpc
from directflow_runtime.errors import DirectFlowError, StatusCode
from directflow_runtime.remote import remote_error

from directflow_cli.commands.endpoints import Service
from directflow_cli.definitions.kinds import Kind, kind_of

PAGE: Final = 200
AT_ONCE: Final = 8
"""Calls in flight: each validation runs Describe on a customer's server, whose connections are few."""

_In = TypeVar("_In")
_Out = TypeVar("_Out")


class Registry:
    """Saved definitions. Everything raises DirectFlowError as the service sent it."""

    def __init__(self, channels: Mapping[Service, Any], timeout: float) -> None:
        self._channels = channels
        self._timeout = timeout

    async def find(self, name: str) -> Any | None:
        """The newest revision; None where there is none."""
        try:
            return await self.get(name)
        except DirectFlowError as error:
            if error.code is StatusCode.NOT_FOUND:
                return None
            raise

    async def get(self, name: str) -> Any:
        """The newest revision. Raises NOT_FOUND."""
        kind = kind_of(name)
        return await self._call(kind, f"Get{kind.name}", kind.request("Get")(name=name))

    async def under(self, kind: Kind, workspace: str, text: str = "") -> AsyncIterator[Any]:
        """Those of a workspace whose id contains the text, by name."""
        request = kind.request("List", "s")(parent=f"workspaces/{workspace}", page_size=PAGE, filter=text)
        while True:
            page = await self._call(kind, f"List{kind.name}s", request)
            for resource in getattr(page, f"{kind.field}s"):
                yield resource
            if not page.next_page_token:
                return
            request.page_token = page.next_page_token

    async def save(self, resource: Any, before: Any | None, *, validate_only: bool = False) -> Any:
        """Creates it, or updates what `before` is. Raises ETAG_MISMATCH, ALREADY_EXISTS where somebody was faster."""
        kind = kind_of(resource.name)
        sent = type(resource)()
        sent.CopyFrom(resource)
        if before is None:
            workspace = resource.name.split("/")[1]
            request = kind.request("Create")(parent=f"workspaces/{workspace}", validate_only=validate_only)
            setattr(request, f"{kind.field}_id", resource.name.rpartition("/")[2])
        else:
            sent.etag = before.etag
            request = kind.request("Update")(validate_only=validate_only)
        getattr(request, kind.field).CopyFrom(sent)
        return await self._call(kind, f"{'Create' if before is None else 'Update'}{kind.name}", request)

    async def delete(self, name: str, etag: str = "", *, validate_only: bool = False) -> None:
        """Deletes it. Raises RESOURCE_IN_USE with its users."""
        kind = kind_of(name)
        request = kind.request("Delete")(name=name, etag=etag, validate_only=validate_only)
        await self._call(kind, f"Delete{kind.name}", request)

    async def revisions(self, name: str, limit: int) -> list[Any]:
        """The newest ones first, at most `limit`."""
        kind = kind_of(name)
        request = kind.request("List", "Revisions")(name=name, page_size=min(limit, PAGE))
        found: list[Any] = []
        while True:
            page = await self._call(kind, f"List{kind.name}Revisions", request)
            found += page.revisions
            if not page.next_page_token or len(found) >= limit:
                return found[:limit]
            request.page_token = page.next_page_token

    async def rollback(self, name: str, revision: int, etag: str, *, validate_only: bool = False) -> Any:
        """Makes an old revision the newest."""
        kind = kind_of(name)
        request = kind.request("Rollback")(name=name, revision=revision, etag=etag, validate_only=validate_only)
        return await self._call(kind, f"Rollback{kind.name}", request)

    async def test_connection(self, request: Any) -> Any:
        """The steps of a connection test."""
        return await self._call(kind_of("workspaces/-/connections/-"), "TestConnection", request)

    async def confirm_credential(self, request: Any) -> Any:
        """The connection, with its credential bound."""
        return await self._call(kind_of("workspaces/-/connections/-"), "ConfirmCredential", request)

    async def _call(self, kind: Kind, method: str, request: Any) -> Any:
        try:
            return await getattr(kind.stub(self._channels[kind.service]), method)(request, timeout=self._timeout)
        except grpc.aio.AioRpcError as error:
            raise remote_error(error) from None


async def each(things: Iterable[_In], work: Callable[[_In], Awaitable[_Out]]) -> list[_Out]:
    """`work` of each thing, a few at a time, in order. The first failure ends the others and is raised."""
    turns = asyncio.Semaphore(AT_ONCE)

    async def one(thing: _In) -> _Out:
        async with turns:
            return await work(thing)

    try:
        async with asyncio.TaskGroup() as group:
            tasks = [group.create_task(one(thing)) for thing in things]
    except BaseExceptionGroup as failed:
        raise failed.exceptions[0] from None
    return [task.result() for task in tasks]
