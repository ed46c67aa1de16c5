"""An agent in a fresh process of its own, which has seen no panels but those it was sent.

Panels travel by value: no view into a longer array, no caller's frame and no earlier vote of
another process can be reached. One vote on invented prices comes first, in which compilers and
models may open their files; from then on what lies outside the panel is refused (`outside.py`).
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from multiprocessing import get_context
from multiprocessing.connection import Connection
from types import TracebackType
from typing import Any, Self

from agents.base import agent_scope
from domain.errors import InputError
from domain.panel import Panel
from domain.timeframe import Timeframe
from domain.votes import Agent, AgentScope, Votes
from research.lookahead.outside import OutsideAccessError, OutsideWatch
from research.lookahead.random_panel import unrelated_panel

AgentConstructor = Callable[[], Agent]

CLOSE_SECONDS = 5.0
"""How long a process may take to end by itself."""


class AgentFailureError(Exception):
    """The agent raised, or its process ended: the error's name and text."""


class AgentRefusedError(AgentFailureError):
    """The agent failed because what lies outside its panel was refused."""


@dataclass(frozen=True, slots=True)
class _Declared:
    name: str
    version: str
    warmup: int
    scope: AgentScope


@dataclass(frozen=True, slots=True)
class _Answer:
    votes: Votes | None
    failure: AgentFailureError | None
    opened: tuple[str, ...]
    touched: tuple[str, ...]


class AgentProcess:
    """An agent that votes in another process; a context manager, which ends that process.

    `make_agent` travels there: a class at the top level of a module, or a partial of one.
    """

    def __init__(self, make_agent: AgentConstructor, seed: int) -> None:
        """`seed` is that of the invented prices: what an agent keeps of them for later votes shows
        beside a process of another seed. Raises InputError where `make_agent` cannot be sent."""
        context = get_context("spawn")
        self._connection, theirs = context.Pipe()
        self._process = context.Process(target=_serve, args=(theirs, seed), daemon=True)
        self._process.start()
        theirs.close()
        try:
            self._connection.send(make_agent)
        except Exception as error:
            self.close()
            raise InputError(
                f"The agent cannot be sent to another process: {error}. Define its class, and "
                "everything it holds, at the top level of a module that can be imported."
            ) from None
        self._declared_once: _Declared | None = None
        self.opened: tuple[str, ...] = ()
        """Files other than code that the vote on invented prices opened."""
        self.touched: tuple[str, ...] = ()
        """What was refused since."""

    @property
    def name(self) -> str:
        return self._declared.name

    @property
    def version(self) -> str:
        return self._declared.version

    @property
    def warmup(self) -> int:
        return self._declared.warmup

    @property
    def scope(self) -> AgentScope:
        return self._declared.scope

    def vote(self, panel: Panel, since: int = 0) -> Votes:
        """Raises AgentFailureError where the agent raises or cannot be made."""
        self._declared  # noqa: B018 the first answer is what the agent declares
        with suppress(OSError):  # a process that ended is found out by what it does not answer
            self._connection.send((panel, since))
        answer: _Answer = self._receive()
        self.opened, self.touched = answer.opened, answer.touched
        if answer.votes is None:
            raise answer.failure or AgentFailureError("it answered None")
        return answer.votes

    def close(self) -> None:
        with suppress(OSError):
            self._connection.send(None)
        self._process.join(CLOSE_SECONDS)
        if self._process.is_alive():
            self._process.kill()
            self._process.join()
        self._connection.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        error_type: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()

    @property
    def _declared(self) -> _Declared:
        if self._declared_once is None:
            self._declared_once = self._receive()
        return self._declared_once

    def _receive(self) -> Any:
        try:
            answer = self._connection.recv()
        except (EOFError, OSError):
            self._process.join(CLOSE_SECONDS)
            raise AgentFailureError(
                f"its process ended with exit code {self._process.exitcode}"
            ) from None
        if isinstance(answer, AgentFailureError):
            raise answer
        return answer


@dataclass(frozen=True, slots=True)
class AgentPair:
    """The same agent in two processes: `whole` is sent whole panels, `heads` votes on the heads of
    a panel in ascending order and never sees more than it was given."""

    heads: AgentProcess
    whole: AgentProcess


@contextmanager
def agent_pair(make_agent: AgentConstructor) -> Iterator[AgentPair]:
    """Start the two processes and end them afterwards. Raises as `AgentProcess` does."""
    with AgentProcess(make_agent, seed=1) as heads, AgentProcess(make_agent, seed=2) as whole:
        yield AgentPair(heads, whole)


def _serve(connection: Connection, seed: int) -> None:
    """Make the agent that is sent first and answer with what it declares; then answer panels with
    votes, until None comes."""
    watch = OutsideWatch()
    try:
        make_agent = connection.recv()
        if make_agent is None:
            return
        agent: Agent = make_agent()
        connection.send(_Declared(agent.name, agent.version, agent.warmup, agent_scope(agent)))
    except Exception as error:
        connection.send(_failure(error))
        return
    watch.forget()  # settings and models are read while an agent is made
    warm: set[Timeframe] = set()
    while (request := connection.recv()) is not None:
        panel, since = request
        if panel.timeframe not in warm:
            warm.add(panel.timeframe)
            with suppress(Exception):  # a failure that matters shows on the panel too
                agent.vote(unrelated_panel(seed, panel))
        votes, failure = None, None
        try:
            with watch.refusing():
                votes = agent.vote(panel, since)
        except Exception as error:
            failure = _failure(error)
        connection.send(_Answer(votes, failure, watch.opened, watch.touched))


def _failure(error: Exception) -> AgentFailureError:
    refused = isinstance(error, OutsideAccessError)
    kind = AgentRefusedError if refused else AgentFailureError
    return kind(f"{type(error).__name__}: {error}")
