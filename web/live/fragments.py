"""From events to what a browser must redraw, and from there to bytes.

Promises that the same partials are drawn as in the page, once for each (key, version), whoever
watches. Leaves out which keys an event makes stale and which a page watches (`topics.py`).
"""

import asyncio
from collections.abc import Callable, Hashable, Iterable, Iterator, Sequence
from threading import Lock

from domain.events import Event
from web import formatting
from web.account.components import account_parts, guard_of
from web.account.suggestion_cache import Suggested
from web.components import dashboard_views
from web.lab.live_fragments import LabMoments
from web.live.latest_state import Board
from web.live.topics import Key, stale
from web.recent_prices import Prices
from web.render import Renderer
from web.services import House
from web.shell import banner_of, engine_view
from web.symbol_details import failure, filing_lines, history_lines, news_lines
from web.views.backtests import HEADS, job_lines, result_lines
from web.views.orders import MOST_OPEN, ORDERS, fill_rows, order_rows
from web.views.portfolio import position_lines
from web.views.votes import vote_cell


class Frames:
    """The board, the versions of its keys and the drawings made of them. Safe in threads."""

    def __init__(self, house: House, renderer: Renderer, prices: Prices) -> None:
        self._house, self._renderer, self._prices = house, renderer, prices
        self._board = Board(house)
        self._suggested = Suggested(house)
        self._lock = Lock()
        self._versions: dict[Key, int] = {}
        self._drawn: dict[Key, tuple[int, str]] = {}
        self._results: tuple[Hashable, str] = ((), "")
        self._lab = LabMoments(house, renderer)
        self.moments = self._draw_moments()

    def take(self, events: Sequence[Event]) -> None:
        """Brings the board up to date; without events only what is of the moment."""
        with self._lock:
            for event in filter(self._board.concerns, events):
                self._board.take(event)
                for key in stale(event):
                    self._versions[key] = event.seq
        if not events:
            self.moments = self._draw_moments()

    def concerns(self, event: Event) -> bool:
        return self._board.concerns(event)

    async def draw_all(self, keys: Iterable[Key]) -> str:
        """The keys' partials; what was drawn already for somebody else is not drawn again."""
        wanted = sorted(keys)
        if any(self._made(key) is None for key in wanted):
            return await asyncio.to_thread(lambda: "".join(map(self.draw, wanted)))
        return "".join(map(self.draw, wanted))

    def draw(self, key: Key) -> str:
        """The key's partials in `<hx-partial>`; empty where there is nothing to draw."""
        made = self._made(key)
        if made is None:
            with self._lock:
                made = self._made(key)
                if made is None:
                    version = self._versions.get(key, 0)
                    made = "".join(self._partials(key))
                    self._drawn[key] = (version, made)
        return made

    def _made(self, key: Key) -> str | None:
        version, drawn = self._drawn.get(key, (-1, ""))
        return drawn if version == self._versions.get(key, 0) else None

    def _draw_moments(self) -> dict[str, str]:
        """How the engine and its agents are doing, by topic; of no event, and so of no version."""
        status, progress = self._house.engine.status(), self._house.engine.progress()
        view = dashboard_views.progress_view(status, progress, not self._board.latest)
        engine, facts = engine_view(status.state), dashboard_views.engine_facts(status)
        agents = dashboard_views.agent_lines(self._house.engine.health())
        drawn = {
            "progress": self._renderer.partial("progress", progress=view),
            "engine": self._renderer.partial("engine", engine=engine, facts=facts),
            "agents": self._renderer.partial("agents", agents_health=agents),
        }
        moments = {topic: _partial(topic, partial) for topic, partial in drawn.items()}
        return moments | self._draw_backtests() | self._draw_lab()

    def _draw_backtests(self) -> dict[str, str]:
        """Jobs as they move; the results only after a job has ended."""
        bench = self._house.backtests
        jobs = bench.jobs()
        ended = tuple((job.id, job.state) for job in jobs)
        if ended != self._results[0]:
            names = {"results": result_lines(bench.results()), "heads": HEADS}
            self._results = (ended, self._renderer.partial("results", **names))
        drawn = self._renderer.partial("jobs", jobs=job_lines(jobs))
        return {
            "backtests": _partial("jobs", drawn),
            "results": _partial("results", self._results[1]) if self._results[1] else "",
        }

    def _draw_lab(self) -> dict[str, str]:
        """Each topic's elements together."""
        return {
            topic: "".join(_partial(target, partial) for target, partial in drawn.items())
            for topic, drawn in self._lab.draw().items()
        }

    def _partials(self, key: Key) -> Iterator[str]:
        match key:
            case ("votes", symbol, agent):
                yield from self._vote(symbol, agent)
            case ("votes", symbol):
                yield from self._decision(symbol)
            case (("why" | "standing") as topic, symbol):
                yield from self._of_symbol(topic, symbol)
            case ("facts", symbol):
                yield from self._facts(symbol)
            case ("prices", symbol):
                yield self._price(symbol)
            case ("shell",):
                yield from self._shell()
            case ("account",):
                yield from self._account()
            case ("positions",):
                lines = position_lines(self._house.floor.account())
                yield _partial("positions", self._renderer.partial("positions", positions=lines))
            case ("guard",):
                guard = guard_of(self._house)
                yield _partial("guard", self._renderer.partial("guard", guard=guard))
            case ("orders",):
                yield self._orders()
            case ("order-log",):
                yield from self._order_log()
            case (topic, *_) if topic in _SIMPLE:
                yield _partial(topic, _SIMPLE[topic](self))

    def _vote(self, symbol: str, agent: str) -> Iterator[str]:
        if vote := self._board.vote(symbol, agent):
            cell = vote_cell(vote)
            yield _partial(cell.id, self._renderer.partial("vote", cell=cell))

    def _decision(self, symbol: str) -> Iterator[str]:
        row = dashboard_views.symbol_row(self._house, self._board, self._prices, symbol)
        if row.decision:
            drawn = self._renderer.partial("decision", decision=row.decision)
            yield _partial(row.decision.id, drawn)
            yield _partial(row.price.id, self._renderer.partial("price", price=row.price))

    def _of_symbol(self, topic: str, symbol: str) -> Iterator[str]:
        why = dashboard_views.why(self._board, symbol)
        names = {"why": why} if topic == "why" else {"decision": why.decision, "slug": why.slug}
        yield _partial(f"{topic}-{why.slug}", self._renderer.partial(topic, **names))

    def _facts(self, symbol: str) -> Iterator[str]:
        recorded = self._board.latest.get(symbol)
        drawn: dict[str, object] = {
            "history": history_lines(self._house, symbol),
            "filings": filing_lines(self._house, self._board, symbol),
            "news": news_lines(self._house, self._board, symbol),
        }
        slug = formatting.slug(symbol)
        verdict = recorded.decision.verdict if recorded else None
        yield _partial(f"gate-{slug}", self._renderer.partial("gate", slug=slug, verdict=verdict))
        for noun, lines in drawn.items():
            names = {"slug": slug, noun: lines}
            if noun != "history":
                names[f"{noun}_failure"] = failure(self._house, symbol, noun)
            partial = self._renderer.partial(noun, **names)
            yield _partial(f"{noun}-{slug}", partial)

    def _price(self, symbol: str) -> str:
        row = dashboard_views.symbol_row(self._house, self._board, self._prices, symbol)
        return _partial(row.price.id, self._renderer.partial("price", price=row.price))

    def _shell(self) -> Iterator[str]:
        engine = engine_view(self._house.engine.state)
        yield _partial("engine-pill", self._renderer.partial("engine_pill", engine=engine))
        banner = banner_of(self._house, self._board.as_of)
        yield _partial("banner", self._renderer.partial("banner", banner=banner))

    def _account(self) -> Iterator[str]:
        account = account_parts(self._house, self._suggested)
        for noun, target in ACCOUNT.items():
            yield _partial(target, self._renderer.partial(noun, account=account))

    def _orders(self) -> str:
        rows = order_rows(self._house.blotter.orders(open_only=True, limit=MOST_OPEN))
        count = len(self._house.floor.account().orders)
        drawn = self._renderer.partial("orders", open_orders=rows, open_count=count, back="/orders")
        return _partial("open-orders", drawn)

    def _order_log(self) -> Iterator[str]:
        """The newest orders and fills of all."""
        blotter = self._house.blotter
        orders, fills = blotter.orders(limit=ORDERS), blotter.fills(limit=ORDERS)
        log = self._renderer.partial("order_log", orders=order_rows(orders))
        yield _partial("order-log", log)
        yield _partial("fills", self._renderer.partial("fills", fills=fill_rows(fills)))

    def _ranking(self) -> str:
        rows = dashboard_views.ranked(dashboard_views.rows(self._house, self._board, self._prices))
        return self._renderer.partial("ranking", rows=rows)

    def _feed(self) -> str:
        return self._renderer.partial("feed", feed=dashboard_views.feed(self._board))

    def _kpis(self) -> str:
        return self._renderer.partial("kpis", kpis=dashboard_views.kpis(self._house, self._board))


ACCOUNT = {
    "account_kpis": "account-kpis",
    "equity": "equity-past",
    "allocation": "allocation",
    "movers": "movers",
    "modes": "modes",
}
"""The partials of the portfolio page that follow the account, and the elements they draw."""

_SIMPLE: dict[str, Callable[[Frames], str]] = {
    "ranking": Frames._ranking,
    "feed": Frames._feed,
    "kpis": Frames._kpis,
}


def _partial(target: str, drawn: str) -> str:
    """One element for the stream; blank lines would end the message, so lines are joined."""
    body = " ".join(line.strip() for line in drawn.splitlines() if line.strip())
    return f'<hx-partial hx-target="#{target}" hx-swap="outerMorph">{body}</hx-partial>'
