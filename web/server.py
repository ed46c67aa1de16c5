"""The web application: pages, API and live streams behind one security middleware."""

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
from web.account.suggestion_cache import SuggestionCache
from web.agents.score_cache import ScoreCache
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
from web.api.schemas import JsonResponse
from web.live import endpoints
from web.live.event_follower import EventFollower
from web.live.fragments import FragmentRenderer
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
from web.render import Renderer
from web.security import SecurityMiddleware
from web.services import AppServices
from web.state.recent_prices import RecentPrices
from web.static_files import Assets, static_file

PAGES = (
    overview.overview,
    insights.insights,
    decisions.decisions,
    decisions.decision,
    decisions.verify,
    symbol.find_symbol,
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
    lab.post_run_action,
    lab.delete_run,
    lab_models.model,
    lab_models.compare,
    lab_models.promote,
    lab_models.roll_back,
    lab_models.delete_model,
    portfolio.portfolio,
    portfolio.post_account_action,
    trades.trades,
    trades.trades_file,
    trades.annotate_trade,
    engine.engine,
    engine.post_engine_action,
    engine.add_to_watchlist,
    engine.remove_from_watchlist,
    engine.open_ray_dashboard,
    preferences.set_preferences,
    endpoints.dashboard_stream,
    probes.health,
    probes.ready,
    static_file,
    problems.not_found,
)
API = (
    system_api.schema,
    system_api.status,
    system_api.engine,
    system_api.post_engine_action,
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
    lab_api.post_run_action,
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


def create_app(services: AppServices) -> Litestar:
    """The pages, the API and the streams of `services`, as an ASGI application.

    Raises ConfigurationError if the browser's libraries are missing.
    """
    assets = Assets()
    renderer, prices = Renderer(assets), RecentPrices(services)
    fragments, score_cache = FragmentRenderer(services, renderer, prices), ScoreCache(services)

    def on_events(events: Sequence[Event]) -> None:
        fragments.on_events(events)
        score_cache.on_events(events)

    event_follower = EventFollower(services, on_events)
    dependencies = {
        "services": services,
        "assets": assets,
        "renderer": renderer,
        "prices": prices,
        "fragments": fragments,
        "score_cache": score_cache,
        "suggestion_cache": SuggestionCache(services),
        "event_follower": event_follower,
    }
    app = Litestar(
        # Routers also for the pages: on the application itself a second handler of one path would
        # wrap the first one's thread twice.
        route_handlers=[
            Router("/", route_handlers=PAGES),
            Router("/api/v1", route_handlers=API, response_class=JsonResponse),
        ],
        dependencies={
            name: Provide(_provide(part), sync_to_thread=False)
            for name, part in dependencies.items()
        }
        | {"style": Provide(number_style, sync_to_thread=False)},
        compression_config=CompressionConfig("gzip", gzip_compress_level=5, exclude=["/static/"]),
        exception_handlers={
            Exception: lambda request, error: problems.error_response(
                request, error, services, renderer
            )
        },
        lifespan=[partial(_follow_events, event_follower)],
        logging_config=None,
        openapi_config=OpenAPIConfig(
            title="Quorum",
            version=services.version,
            path="/api",
            render_plugins=[JsonRenderPlugin(path="/openapi.json")],
        ),
        request_max_body_size=256 * 1024,
    )
    # Around the routing too: a middleware never sees what the router refuses by itself.
    app.asgi_handler = SecurityMiddleware(app.asgi_handler, services.allowed_hosts)
    return app


def _provide(part: Any) -> Callable[[], Any]:
    return lambda: part


@asynccontextmanager
async def _follow_events(event_follower: EventFollower, app: Litestar) -> AsyncIterator[None]:  # noqa: ARG001
    event_follower.start()
    try:
        yield
    finally:
        await event_follower.stop()
