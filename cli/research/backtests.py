"""`backtest`: the committee on history, and the stored results.

A page's job runs this command too: it reads its request from standard input and writes its progress
as lines of JSON. Leaves out the arithmetic (`research/`).
"""

import json
import sys
from collections.abc import Mapping, Sequence
from datetime import UTC, date, datetime, timedelta
from typing import Any

from rich.console import Console
from rich.markup import escape
from rich.table import Column, Table

from agents.registry import require_agent
from cli.market_data import parse_date, refuse_if_nothing_fetched
from cli.progress import progress_bar
from domain.errors import UnknownSymbolError, VerificationError
from domain.symbols import did_you_mean
from quant.performance.metrics import METRICS
from research.backtest.request import BacktestRequest, build_request
from research.backtest.results import BacktestSummary
from research.backtest.suite import ProgressCallback
from research.report.conclusions import implausible_strategies
from research.report.power import record_power
from settings import Settings
from wiring.account import trading_rules
from wiring.home import Home, open_home
from wiring.research import backtest_results, make_backtester
from wiring.stores import Log, open_stores, utc_now

DEFAULT_PERIOD = timedelta(days=5 * 365)
"""Length of a backtest if no dates are named."""
WARMUP_HISTORY = timedelta(days=365)
"""History left for the agents to warm up on if no first date is named."""

HEADLINE_METRICS = ("total_return", "cagr", "volatility", "sharpe", "max_drawdown", "turnover")
SUMMARY_METRICS = ("total_return", "sharpe", "max_drawdown")


def run_backtest(settings: Settings, requested: Mapping[str, Any], log: Log) -> dict[str, Any]:
    """Run the backtest that the command line requested (None: the default) and return the stored
    result.

    Raises InputError naming everything that is invalid; nothing is stored then.
    """
    with open_home(settings, log) as home:
        request = _complete_request(home, requested, log)
        with progress_bar() as on_progress:
            return _run(home, request, on_progress)


def run_requested_job(settings: Settings) -> dict[str, Any]:
    """Run the request on standard input, with its progress on standard error."""
    requested = BacktestRequest.model_validate_json(sys.stdin.read())

    def on_progress(what: str, done: int, total: int) -> None:
        progress = {"progress": {"what": what, "done": done, "total": total}}
        print(json.dumps(progress), file=sys.stderr, flush=True)

    with open_home(settings, lambda _: None) as home:
        return _run(home, requested, on_progress)


def list_results(settings: Settings) -> tuple[BacktestSummary, ...]:
    return backtest_results(settings).summaries()


def read_result(settings: Settings, identity: str) -> dict[str, Any]:
    return backtest_results(settings).read(identity)


def delete_result(settings: Settings, identity: str) -> None:
    backtest_results(settings).delete(identity)


def verify_result(settings: Settings, identity: str) -> None:
    """Run a stored backtest again from its receipt. Raises VerificationError if it differs."""
    with open_stores(settings) as stores, progress_bar() as on_progress:
        differences = make_backtester(settings, stores).verify(identity, on_progress)
    if differences:
        raise VerificationError(f"The backtest {identity} differs: {'; '.join(differences)}.")


def _run(home: Home, requested: BacktestRequest, on_progress: ProgressCallback) -> dict[str, Any]:
    return make_backtester(home.settings, home.stores).run(
        requested, simulated=home.market.simulated, now=utc_now(), on_progress=on_progress
    )


def _complete_request(home: Home, requested: Mapping[str, Any], log: Log) -> BacktestRequest:
    """Return the request with defaults for what was not named."""
    settings, stores, market = home.settings, home.stores, home.market
    timeframe = settings.market.timeframe
    symbols = tuple(requested["symbols"]) or tuple(stores.watchlist.symbols())
    if market.feed and not stores.market_data.symbols(market.name, timeframe):
        log(f"Fetching history of {', '.join(symbols)} first.")
        refuse_if_nothing_fetched(home.refresh(symbols, home.now()))
    spans = {symbol: stores.market_data.span(market.name, symbol, timeframe) for symbol in symbols}
    if not any(spans.values()):
        raise UnknownSymbolError(
            f"No {timeframe} history of {', '.join(symbols)} is stored in the market "
            f"{market.name!r}. Import or download some first."
            f"{did_you_mean(symbols[0], stores.market_data.symbols(market.name, timeframe))}"
        )
    stored_spans = {symbol: span for symbol, span in spans.items() if span}
    start, end = _period(requested["start"], requested["end"], list(stored_spans.values()))
    if not requested["symbols"]:
        with_history = {
            symbol: span for symbol, span in stored_spans.items() if span[0].date() <= end
        }
        if left_out := [symbol for symbol in symbols if symbol not in with_history]:
            log(f"Left out, for they have no history by {end}: {', '.join(left_out)}.")
        symbols = tuple(with_history)
    rules = trading_rules(settings, settings.account.profile)
    overrides = _specified(requested, "half_spread_bps", "commission_bps", "impact", "volume_cap")
    return build_request(
        market=market.name,
        timeframe=timeframe,
        horizon=settings.market.horizon,
        symbols=symbols,
        start=start,
        end=end,
        agents=tuple(map(require_agent, requested["agents"])) or settings.agents.names,
        committee=rules.committee.model_copy(
            update=_specified(requested, "weighting", "calibrated")
        ),
        costs={**settings.costs.model_dump(), **overrides},
        limits=rules.trading.limits,
        **{
            "capital": settings.account.capital,
            **_specified(requested, "capital", "delay", "walk_forward", "seed"),
        },
    )


def _specified(requested: Mapping[str, Any], *names: str) -> dict[str, Any]:
    return {name: requested[name] for name in names if requested[name] is not None}


def _period(
    start: str | None, end: str | None, spans: Sequence[tuple[datetime, datetime]]
) -> tuple[date, date]:
    """Return the requested period; without dates the last years up to the end, less the warm-up."""
    oldest = min(first for first, _ in spans).astimezone(UTC).date()
    newest = max(last for _, last in spans).astimezone(UTC).date()
    last = parse_date(end).date() if end else newest
    until = min(last, newest)
    default_start = max(min(oldest + WARMUP_HISTORY, until), until - DEFAULT_PERIOD)
    return (parse_date(start).date() if start else default_start), last


def print_result(result: Mapping[str, Any], console: Console) -> None:
    """Print the main figures of every compared strategy, each with its interval."""
    table = Table(Column("", no_wrap=True), *_titles(HEADLINE_METRICS), title=_title(result))
    rows = {"committee": result["committee"]}
    rows |= {f"{name} alone": metrics for name, metrics in result["agents"].items()}
    rows |= result["benchmarks"]
    for name, metrics in rows.items():
        table.add_row(name, *(_figure(metrics, metric) for metric in HEADLINE_METRICS))
    console.print(table)
    for warning in implausible_strategies(result):
        console.print(f"[bold red]{escape(warning)}[/]", highlight=False)
    committee = result["forecasts"]["forecasters"][0]
    power = record_power(committee, result["horizon"])
    for note in (f"Committee: {power}" if power else "", *result["notes"]):
        if note:
            console.print(f"· {note}")
    timing = result["timing"]
    console.print(
        f"{timing['bars']:,} bars; votes {timing['vote_s']:.2f} s, decisions and fills "
        f"{timing['fold_s']:.3f} s, everything {timing['total_s']:.1f} s. Kept as {result['id']}."
    )


def print_summaries(summaries: Sequence[BacktestSummary], console: Console) -> None:
    if not summaries:
        console.print("No backtest is kept yet. `quorum backtest` runs one.")
        return
    table = Table(Column("id", no_wrap=True), "what", "who votes", *_titles(SUMMARY_METRICS))
    for each in summaries:
        figures = (_figure(each.headline, metric, brief=True) for metric in SUMMARY_METRICS)
        table.add_row(each.id, each.label, ", ".join(each.agents), *figures)
    console.print(table)


def print_comparison(results: Sequence[Mapping[str, Any]], console: Console) -> None:
    """Print every figure of the committees, a column each."""
    table = Table("", *(f"{result['id']}\n{result['label']}" for result in results))
    for metric in results[0]["committee"]:
        figures = (_figure(result["committee"], metric) for result in results)
        table.add_row(METRICS[metric].title, *figures)
    console.print(table)


def _titles(metrics: Sequence[str]) -> list[str]:
    return [METRICS[name].title for name in metrics]


def _title(result: Mapping[str, Any]) -> str:
    simulated = " (SIMULATED market)" if result["simulated"] else ""
    return f"{result['label']}{simulated}"


def _figure(figures: Mapping[str, Any], metric: str, brief: bool = False) -> str:
    """Return text such as `12.3% (-1.0 to 20.4)`, a dash if nothing is known."""
    estimate = figures.get(metric)
    if estimate is None or estimate["value"] is None:
        return "–"
    scale, unit = (100.0, "%") if METRICS[metric].unit == "%" else (1.0, "")
    value = f"{estimate['value'] * scale:.2f}{unit}"
    if brief or estimate["low"] is None or estimate["high"] is None:
        return value
    return f"{value} ({estimate['low'] * scale:.2f} to {estimate['high'] * scale:.2f})"
