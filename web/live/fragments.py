"""From events to what a browser must redraw, and from there to bytes.

Promises that the same partials are drawn as in the page, once for each (key, version), whoever
watches. Leaves out which keys an event makes stale and which a page watches (`topics.py`).
"""

import asyncio
from collections.abc import Callable, Hashable, Iterable, Iterator, Sequence
from threading import Lock

from domain.events import Event
from web import formatting
from web.account.components import account_components, load_trading_state
from web.account.suggestion_cache import SuggestionCache
from web.components import dashboard_views
from web.components.symbol_details import fetch_error, filing_lines, history_lines, news_lines
from web.lab.live_fragments import LabFragments
from web.live.topics import FragmentKey, stale_keys
from web.render import Renderer
from web.services import AppServices
from web.shell import build_banner, engine_view
from web.state.latest_state import LatestState
from web.state.recent_prices import RecentPrices
from web.views.backtests import HEADS, job_lines, result_lines
from web.views.orders import MAX_OPEN_ORDERS, PAGE_SIZE, fill_rows, order_rows
from web.views.portfolio import position_lines
from web.views.votes import vote_cell


class FragmentRenderer:
    """The latest state, the versions of its keys and the HTML made of them. Safe in threads."""

    def __init__(self, services: AppServices, renderer: Renderer, prices: RecentPrices) -> None:
        self._services, self._renderer, self._prices = services, renderer, prices
        self._latest_state = LatestState(services)
        self._suggestion_cache = SuggestionCache(services)
        self._lock = Lock()
        self._versions: dict[FragmentKey, int] = {}
        self._cache: dict[FragmentKey, tuple[int, str]] = {}
        self._backtest_results: tuple[Hashable, str] = ((), "")
        self._lab_fragments = LabFragments(services, renderer)
        self.volatile = self._render_volatile()

    def on_events(self, events: Sequence[Event]) -> None:
        """Brings the latest state up to date; without events only what is of the moment."""
        with self._lock:
            for event in filter(self._latest_state.is_relevant, events):
                self._latest_state.apply(event)
                for key in stale_keys(event):
                    self._versions[key] = event.seq
        if not events:
            self.volatile = self._render_volatile()

    def is_relevant(self, event: Event) -> bool:
        return self._latest_state.is_relevant(event)

    async def render_all(self, keys: Iterable[FragmentKey]) -> str:
        """The keys' partials; what was drawn already for somebody else is not drawn again."""
        sorted_keys = sorted(keys)
        if any(self._cached(key) is None for key in sorted_keys):
            return await asyncio.to_thread(lambda: "".join(map(self.render, sorted_keys)))
        return "".join(map(self.render, sorted_keys))

    def render(self, key: FragmentKey) -> str:
        """The key's partials in `<hx-partial>`; empty where there is nothing to draw."""
        html = self._cached(key)
        if html is None:
            with self._lock:
                html = self._cached(key)
                if html is None:
                    version = self._versions.get(key, 0)
                    html = "".join(self._render_key(key))
                    self._cache[key] = (version, html)
        return html

    def _cached(self, key: FragmentKey) -> str | None:
        version, html = self._cache.get(key, (-1, ""))
        return html if version == self._versions.get(key, 0) else None

    def _render_volatile(self) -> dict[str, str]:
        """How the engine and its agents are doing, by topic; of no event, and so of no version."""
        status, progress = self._services.engine.status(), self._services.engine.progress()
        view = dashboard_views.progress_view(status, progress, not self._latest_state.decisions)
        engine, facts = engine_view(status.state), dashboard_views.engine_facts(status)
        agents = dashboard_views.agent_health_lines(self._services.engine.health())
        partials = {
            "progress": self._renderer.partial("progress", progress=view),
            "engine": self._renderer.partial("engine", engine=engine, facts=facts),
            "agents": self._renderer.partial("agents", agents_health=agents),
        }
        volatile = {topic: _hx_partial(topic, partial) for topic, partial in partials.items()}
        return volatile | self._render_backtests() | self._render_lab()

    def _render_backtests(self) -> dict[str, str]:
        """Jobs as they move; the results only after a job has ended."""
        backtests = self._services.backtests
        jobs = backtests.jobs()
        ended = tuple((job.id, job.state) for job in jobs)
        if ended != self._backtest_results[0]:
            names = {"results": result_lines(backtests.results()), "heads": HEADS}
            self._backtest_results = (ended, self._renderer.partial("results", **names))
        html = self._renderer.partial("jobs", jobs=job_lines(jobs))
        return {
            "backtests": _hx_partial("jobs", html),
            "results": _hx_partial("results", self._backtest_results[1])
            if self._backtest_results[1]
            else "",
        }

    def _render_lab(self) -> dict[str, str]:
        """Each topic's elements together."""
        return {
            topic: "".join(_hx_partial(target, partial) for target, partial in drawn.items())
            for topic, drawn in self._lab_fragments.render().items()
        }

    def _render_key(self, key: FragmentKey) -> Iterator[str]:
        match key:
            case ("votes", symbol, agent):
                yield from self._vote(symbol, agent)
            case ("votes", symbol):
                yield from self._decision(symbol)
            case (("why" | "standing") as topic, symbol):
                yield from self._symbol_partial(topic, symbol)
            case ("facts", symbol):
                yield from self._facts(symbol)
            case ("prices", symbol):
                yield self._price(symbol)
            case ("shell",):
                yield from self._shell()
            case ("account",):
                yield from self._account()
            case ("positions",):
                lines = position_lines(self._services.account_service.account())
                yield _hx_partial("positions", self._renderer.partial("positions", positions=lines))
            case ("guard",):
                trading_state = load_trading_state(self._services)
                yield _hx_partial(
                    "guard", self._renderer.partial("trading_state", trading_state=trading_state)
                )
            case ("orders",):
                yield self._orders()
            case ("order-log",):
                yield from self._order_log()
            case (topic, *_) if topic in _SINGLE_PARTIALS:
                yield _hx_partial(topic, _SINGLE_PARTIALS[topic](self))

    def _vote(self, symbol: str, agent: str) -> Iterator[str]:
        if vote := self._latest_state.vote(symbol, agent):
            cell = vote_cell(vote)
            yield _hx_partial(cell.id, self._renderer.partial("vote", cell=cell))

    def _decision(self, symbol: str) -> Iterator[str]:
        row = dashboard_views.symbol_row(self._services, self._latest_state, self._prices, symbol)
        if row.decision:
            html = self._renderer.partial("decision", decision=row.decision)
            yield _hx_partial(row.decision.id, html)
            yield _hx_partial(row.price.id, self._renderer.partial("price", price=row.price))

    def _symbol_partial(self, topic: str, symbol: str) -> Iterator[str]:
        why = dashboard_views.explain_symbol(self._latest_state, symbol)
        names = {"why": why} if topic == "why" else {"decision": why.decision, "slug": why.slug}
        yield _hx_partial(f"{topic}-{why.slug}", self._renderer.partial(topic, **names))

    def _facts(self, symbol: str) -> Iterator[str]:
        recorded = self._latest_state.decisions.get(symbol)
        contexts: dict[str, object] = {
            "history": history_lines(self._services, symbol),
            "filings": filing_lines(self._services, self._latest_state, symbol),
            "news": news_lines(self._services, self._latest_state, symbol),
        }
        slug = formatting.slug(symbol)
        verdict = recorded.decision.verdict if recorded else None
        yield _hx_partial(
            f"gate-{slug}", self._renderer.partial("gate", slug=slug, verdict=verdict)
        )
        for noun, lines in contexts.items():
            names = {"slug": slug, noun: lines}
            if noun != "history":
                names[f"{noun}_failure"] = fetch_error(self._services, symbol, noun)
            partial = self._renderer.partial(noun, **names)
            yield _hx_partial(f"{noun}-{slug}", partial)

    def _price(self, symbol: str) -> str:
        row = dashboard_views.symbol_row(self._services, self._latest_state, self._prices, symbol)
        return _hx_partial(row.price.id, self._renderer.partial("price", price=row.price))

    def _shell(self) -> Iterator[str]:
        engine = engine_view(self._services.engine.state)
        yield _hx_partial("engine-pill", self._renderer.partial("engine_pill", engine=engine))
        banner = build_banner(self._services, self._latest_state.as_of)
        yield _hx_partial("banner", self._renderer.partial("banner", banner=banner))

    def _account(self) -> Iterator[str]:
        account = account_components(self._services, self._suggestion_cache)
        for noun, target in ACCOUNT_PARTIALS.items():
            yield _hx_partial(target, self._renderer.partial(noun, account=account))

    def _orders(self) -> str:
        rows = order_rows(self._services.blotter.orders(open_only=True, limit=MAX_OPEN_ORDERS))
        count = len(self._services.account_service.account().orders)
        html = self._renderer.partial("orders", open_orders=rows, open_count=count, back="/orders")
        return _hx_partial("open-orders", html)

    def _order_log(self) -> Iterator[str]:
        """The newest orders and fills of all."""
        blotter = self._services.blotter
        orders, fills = blotter.orders(limit=PAGE_SIZE), blotter.fills(limit=PAGE_SIZE)
        log = self._renderer.partial("order_log", orders=order_rows(orders))
        yield _hx_partial("order-log", log)
        yield _hx_partial("fills", self._renderer.partial("fills", fills=fill_rows(fills)))

    def _ranking(self) -> str:
        rows = dashboard_views.rank_by_edge(
            dashboard_views.symbol_rows(self._services, self._latest_state, self._prices)
        )
        return self._renderer.partial("ranking", rows=rows)

    def _feed(self) -> str:
        return self._renderer.partial(
            "feed", feed=dashboard_views.decision_feed(self._latest_state)
        )

    def _kpis(self) -> str:
        return self._renderer.partial(
            "kpis", kpis=dashboard_views.overview_kpis(self._services, self._latest_state)
        )


ACCOUNT_PARTIALS = {
    "account_kpis": "account-kpis",
    "equity": "equity-past",
    "allocation": "allocation",
    "movers": "movers",
    "modes": "modes",
}
"""The partials of the portfolio page that follow the account, and the elements they draw."""

_SINGLE_PARTIALS: dict[str, Callable[[FragmentRenderer], str]] = {
    "ranking": FragmentRenderer._ranking,
    "feed": FragmentRenderer._feed,
    "kpis": FragmentRenderer._kpis,
}


def _hx_partial(target: str, html: str) -> str:
    """One element for the stream; blank lines would end the message, so lines are joined."""
    body = " ".join(line.strip() for line in html.splitlines() if line.strip())
    return f'<hx-partial hx-target="#{target}" hx-swap="outerMorph">{body}</hx-partial>'
