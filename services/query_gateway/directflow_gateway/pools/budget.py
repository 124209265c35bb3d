"""How many sessions this process may have: on one database server, and on all of them together.

A session counts from before its login until the server's side of it has ended: leased, idle, of an outgoing
credential, and of a connection that is only being tested. What is exhausted is shared out again: an idle session that
somebody else needs more is closed for him, least recently used first, and a workspace that holds more than another one
that waits gives its sessions up when they come back.
"""

import asyncio
import enum
import itertools
import time
from collections import Counter
from dataclasses import dataclass, field
from functools import partial
from typing import NamedTuple, Protocol

from directflow_gateway.connections import Connection
from directflow_gateway.pools.failures import saturated
from directflow_gateway.pools.permit import Permit

QUANTUM_S = 0.2
"""How long a session is used before it is given up for a workspace that has none, where there are more workspaces than
sessions: a login costs as much as many statements."""


class Address(NamedTuple):
    """A database server, or whatever stands before it."""

    host: str
    port: int

    @classmethod
    def of(cls, connection: Connection) -> "Address":
        """Host names know no letter case."""
        return cls(connection.host.lower(), connection.port)


class Cause(enum.Enum):
    """Which budget is exhausted: the `cause` of POOL_SATURATED."""

    DATABASE = "DATABASE_BUDGET"
    PROCESS = "PROCESS_BUDGET"


class Holder(Protocol):
    """Who has sessions: a pool, or a test of a connection."""

    @property
    def workspace(self) -> str: ...

    @property
    def address(self) -> Address: ...

    def oldest_idle(self) -> float | None:
        """When the idle session that was used least recently was used; None without idle sessions."""

    def close_oldest_idle(self) -> None:
        """Closes that one."""


@dataclass(frozen=True, slots=True, eq=False)
class Visitor:
    """Somebody with one session for a short time, and none that is idle."""

    workspace: str
    address: Address

    def oldest_idle(self) -> None:
        """None."""

    def close_oldest_idle(self) -> None:
        """There is none."""


@dataclass(slots=True)
class _Scope:
    cause: Cause
    limit: int
    """0: none."""
    held: int = 0
    parting: int = 0
    """Of those held: sessions that are being closed."""
    by_workspace: Counter[str] = field(default_factory=Counter)

    @property
    def is_full(self) -> bool:
        return 0 < self.limit <= self.held

    def add(self, workspace: str, number: int) -> None:
        self.held += number
        self.by_workspace[workspace] += number
        if not self.by_workspace[workspace]:
            del self.by_workspace[workspace]


@dataclass(slots=True, eq=False)
class Request:
    """Somebody's turn to open one session."""

    holder: Holder
    number: int
    granted: "asyncio.Future[Permit | None]"
    """None: it was withdrawn."""
    cause: Cause | None = None
    """Why it waits."""


class Budgets:
    """One for the process, built in app.py, closed by `close`. `per_server` and `together`: 0 for no limit."""

    def __init__(self, per_server: int = 0, together: int = 0) -> None:
        self._per_server = per_server
        self._process = _Scope(Cause.PROCESS, together)
        self._servers: dict[Address, _Scope] = {}
        self._holders: Counter[Holder] = Counter()
        self._waiting: list[Request] = []
        self._numbers = itertools.count()
        self._permits: set[Permit] = set()
        self._is_balancing = self._has_changed = False

    # --- for whoever opens sessions ------------------------------------------------------------------------------

    def ask(self, holder: Holder) -> Request:
        """A request, granted as soon as there is room; `withdraw` it when it is needed no more."""
        granted: asyncio.Future[Permit | None] = asyncio.get_running_loop().create_future()
        request = Request(holder, next(self._numbers), granted)
        self._waiting.append(request)
        self._balance()
        return request

    def withdraw(self, request: Request) -> None:
        """Nobody waits for it any more; a permit that came in the same moment is given back."""
        if request in self._waiting:
            self._waiting.remove(request)
            self._forget_server(request.holder.address)
            if not request.granted.done():
                request.granted.set_result(None)
        elif request.granted.cancelled():
            return
        elif (permit := request.granted.result()) is not None:
            permit.release()

    async def visit(self, connection: Connection, within_s: float) -> Permit:
        """For one session beside the pools'. Raises POOL_SATURATED."""
        request = self.ask(Visitor(connection.workspace, Address.of(connection)))
        try:
            async with asyncio.timeout(within_s):
                permit = await asyncio.shield(request.granted)
        except TimeoutError:
            self.withdraw(request)
            raise saturated(request.cause.value if request.cause is not None else "") from None
        except asyncio.CancelledError:
            self.withdraw(request)
            raise
        assert permit is not None  # nobody else withdraws it
        return permit

    def owes(self, holder: Holder, opened_at: float) -> bool:
        """True when a session of `holder`'s that has come back should be closed, because others have fewer."""
        if not self._waiting:
            return False
        served: Counter[Cause] = Counter()
        for request in self._in_order():
            scope = self._lacking(request)
            if scope is None or scope not in self._scopes(holder) or request.holder is holder:
                continue
            served[scope.cause] += 1
            if served[scope.cause] > scope.parting and self._has_more(holder, request.holder, scope, opened_at):
                return True
        return False

    def idle_appeared(self) -> None:
        """A session has come back that nobody of its own pool waits for."""
        if self._waiting:
            self._balance()

    @property
    def held(self) -> int:
        """Sessions of this process."""
        return self._process.held

    def figures(self) -> dict[str, tuple[int, int]]:
        """By scope what is held and what may be; of the database servers the one that most is held of."""
        most_held = max((scope.held for scope in self._servers.values()), default=0)
        return {"process": (self._process.held, self._process.limit), "database": (most_held, self._per_server)}

    def close(self) -> None:
        """Waits for no server any more. After everybody who has sessions."""
        for permit in list(self._permits):
            permit.end()

    # --- the narrow part -----------------------------------------------------------------------------------------

    def _scopes(self, holder: Holder) -> tuple[_Scope, _Scope]:
        """The narrow one first."""
        if holder.address not in self._servers:
            self._servers[holder.address] = _Scope(Cause.DATABASE, self._per_server)
        return self._servers[holder.address], self._process

    def _lacking(self, request: Request) -> _Scope | None:
        return next((scope for scope in self._scopes(request.holder) if scope.is_full), None)

    def _in_order(self) -> list[Request]:
        """Whose turn it is: whoever holds least, then whoever came first."""

        def turn(request: Request) -> tuple[int, int, int]:
            scope = self._lacking(request) or self._process
            return scope.by_workspace[request.holder.workspace], self._holders[request.holder], request.number

        return sorted(self._waiting, key=turn)

    def _has_more(self, one: Holder, other: Holder, scope: _Scope, opened_at: float) -> bool:
        """Whether a session of `one`'s would be in better hands: not, when it would be asked back at once."""
        if one.workspace == other.workspace:
            mine, yours = self._holders[one], self._holders[other]
        else:
            mine, yours = scope.by_workspace[one.workspace], scope.by_workspace[other.workspace]
        return mine > yours + 1 or (not yours and time.monotonic() - opened_at >= QUANTUM_S)

    def _balance(self) -> None:
        """Gives what is free to those who wait, and has idle sessions closed for the others."""
        self._has_changed = True
        if self._is_balancing:  # a session that is closed at once brings us here again
            return
        self._is_balancing = True
        try:
            while self._has_changed:
                self._has_changed = False
                self._grant_all()
                claimed: Counter[Cause] = Counter()
                for request in self._in_order():
                    self._make_room(request, claimed)
        finally:
            self._is_balancing = False

    def _grant_all(self) -> None:
        while (request := next((one for one in self._in_order() if self._lacking(one) is None), None)) is not None:
            holder = request.holder
            self._waiting.remove(request)
            self._count(holder, 1)
            permit = Permit(partial(self._parting, holder), partial(self._ended, holder))
            self._permits.add(permit)
            request.granted.set_result(permit)

    def _make_room(self, request: Request, claimed: Counter[Cause]) -> None:
        scope = self._lacking(request)
        if scope is None:
            return
        request.cause = scope.cause
        claimed[scope.cause] += 1
        if claimed[scope.cause] <= scope.parting:
            return  # one is on its way already
        victim = self._least_recently_used(scope, request.holder)
        if victim is not None:
            victim.close_oldest_idle()

    def _least_recently_used(self, scope: _Scope, but: Holder) -> Holder | None:
        idle = [
            (used_at, number, holder)
            for number, holder in enumerate(self._holders)
            if holder is not but and scope in self._scopes(holder) and (used_at := holder.oldest_idle()) is not None
        ]
        return min(idle)[2] if idle else None

    def _count(self, holder: Holder, number: int) -> None:
        for scope in self._scopes(holder):
            scope.add(holder.workspace, number)
        self._holders[holder] += number
        if not self._holders[holder]:
            del self._holders[holder]
        self._forget_server(holder.address)

    def _forget_server(self, address: Address) -> None:
        if not self._servers[address].held and not any(r.holder.address == address for r in self._waiting):
            del self._servers[address]

    def _parting(self, holder: Holder, number: int) -> None:
        for scope in self._scopes(holder):
            scope.parting += number

    def _ended(self, holder: Holder, permit: Permit) -> None:
        self._permits.discard(permit)
        self._count(holder, -1)
        self._balance()
