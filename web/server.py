"""The web application over one house: pages, API, live streams, one door around them."""

from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from functools import partial
from typing import Any

from litestar import Litestar, Router
from litestar.config.compression import CompressionConfig
from litestar.di import Provide
from litestar.openapi import OpenAPIConfig
from litestar.openapi.plugins import JsonRenderPlugin

from domain.events import Event
from web import probes, problems
from web.account.suggestion_cache import Suggested
from web.agents.score_cache import Scored
from web.api import (
    account_api,
    backtests_api,
    decisions_api,
    lab_api,
    orders_api,
    record_api,
    symbols_api,
    system_api,
)
from web.api.schemas import Json
from web.live import endpoints
from web.live.event_follower import Tail
from web.live.fragments import Frames
from web.number_input import number_style
from web.pages import (
    agents,
    backtest,
    backtests,
    decisions,
    engine,
    insights,
    lab,
    lab_models,
    orders,
    overview,
    portfolio,
    preferences,
    symbol,
    trade,
    trades,
)
from web.recent_prices import Prices
from web.render import Renderer
from web.security import Door
from web.services import House
from web.static_files import Assets, static_file

PAGES = (
    overview.overview,
    insights.insights,
    decisions.decisions,
    decisions.decision,
    decisions.verify,
    symbol.find,
    symbol.symbol_page,
    trade.trade,
    trade.preview_order,
    trade.place_order,
    orders.orders,
    orders.order,
    orders.amend_order,
    orders.cancel_order,
    orders.cancel_orders,
    orders.orders_csv,
    orders.fills_csv,
    agents.agents,
    agents.agent,
    backtests.backtests,
    backtests.start_backtest,
    backtests.cancel_backtest,
    backtests.delete_backtest,
    backtest.backtest,
    backtest.compare,
    backtest.tearsheet,
    backtest.backtest_file,
    lab.lab,
    lab.start_run,
    lab.run,
    lab.move_run,
    lab.delete_run,
    lab_models.model,
    lab_models.compare,
    lab_models.promote,
    lab_models.roll_back,
    lab_models.delete_model,
    portfolio.portfolio,
    portfolio.move_account,
    trades.trades,
    trades.trades_file,
    trades.annotate_trade,
    engine.engine,
    engine.move_engine,
    engine.watch,
    engine.unwatch,
    engine.ray,
    preferences.prefer,
    endpoints.dashboard_stream,
    probes.health,
    probes.ready,
    static_file,
    problems.nowhere,
)
API = (
    system_api.schema,
    system_api.status,
    system_api.engine,
    system_api.move_engine,
    system_api.agents,
    system_api.watchlist,
    system_api.replace_watchlist,
    system_api.add_to_watchlist,
    system_api.remove_from_watchlist,
    symbols_api.bars,
    symbols_api.votes,
    symbols_api.news,
    symbols_api.filings,
    decisions_api.latest,
    decisions_api.feed,
    decisions_api.by_receipt,
    decisions_api.verify,
    record_api.record,
    record_api.agent_record,
    orders_api.preview,
    orders_api.place,
    orders_api.orders,
    orders_api.cancel_all,
    orders_api.order,
    orders_api.amend,
    orders_api.cancel,
    orders_api.fills,
    backtests_api.backtests,
    backtests_api.start,
    backtests_api.backtest,
    backtests_api.cancel,
    lab_api.runs,
    lab_api.start,
    lab_api.run,
    lab_api.move_run,
    lab_api.delete_run,
    lab_api.models,
    lab_api.model,
    lab_api.promote,
    lab_api.roll_back,
    lab_api.delete_model,
    lab_api.drift,
    account_api.account,
    account_api.suggestions,
    account_api.positions,
    account_api.equity,
    account_api.trades,
    account_api.annotate,
    account_api.deposit,
    account_api.withdraw,
    account_api.reset,
    account_api.mode,
    account_api.profile,
    account_api.stop,
    account_api.resume,
    account_api.audit,
    endpoints.events,
)


def create_app(house: House) -> Litestar:
    """The pages, the API and the streams of `house`, as an ASGI application.

    Raises ConfigurationError if the browser's libraries were not laid.
    """
    assets = Assets()
    renderer, prices = Renderer(assets), Prices(house)
    frames, scored = Frames(house, renderer, prices), Scored(house)

    def take(events: Sequence[Event]) -> None:
        frames.take(events)
        scored.take(events)

    tail = Tail(house, take)
    parts = {
        "house": house,
        "assets": assets,
        "renderer": renderer,
        "prices": prices,
        "frames": frames,
        "scored": scored,
        "suggested": Suggested(house),
        "tail": tail,
    }
    app = Litestar(
        # Routers also for the pages: on the application itself a second handler of one path would
        # wrap the first one's thread twice.
        route_handlers=[
            Router("/", route_handlers=PAGES),
            Router("/api/v1", route_handlers=API, response_class=Json),
        ],
        dependencies={
            name: Provide(_always(part), sync_to_thread=False) for name, part in parts.items()
        }
        | {"style": Provide(number_style, sync_to_thread=False)},
        compression_config=CompressionConfig("gzip", gzip_compress_level=5, exclude=["/static/"]),
        exception_handlers={
            Exception: lambda request, error: problems.answer(request, error, house, renderer)
        },
        lifespan=[partial(_following, tail)],
        logging_config=None,
        openapi_config=OpenAPIConfig(
            title="Quorum",
            version=house.version,
            path="/api",
            render_plugins=[JsonRenderPlugin(path="/openapi.json")],
        ),
        request_max_body_size=256 * 1024,
    )
    # Around the routing too: a middleware never sees what the router refuses by itself.
    app.asgi_handler = Door(app.asgi_handler, house.hosts)
    return app


def _always(part: Any) -> Callable[[], Any]:
    return lambda: part


@asynccontextmanager
async def _following(tail: Tail, app: Litestar) -> AsyncIterator[None]:  # noqa: ARG001
    tail.start()
    try:
        yield
    finally:
        await tail.stop()
