"""`backtest`: the committee over history, and the results that are kept.

The verb is also what a page's job runs: told to take its request from standard input, it tells its
progress in lines of JSON. Leaves out the arithmetic (`research/`).
"""

import json
import sys
from collections.abc import Mapping, Sequence
from datetime import UTC, date, datetime, timedelta
from typing import Any

from rich.console import Console
from rich.table import Column, Table

from agents.registry import known
from cli.market_data import parse_date, refuse_if_nothing_came
from cli.progress import bar
from domain.errors import UnknownSymbolError, VerificationError
from quant.performance.metrics import METRICS
from research.backtest.request import Request, request
from research.backtest.results import Summary
from research.backtest.suite import Tell
from settings import Settings
from wiring.account import rules_of
from wiring.market import Market, choose_market, demo_present
from wiring.research import make_backtester, results_of
from wiring.stores import Say, Stores, open_stores, utc_now

USUAL_YEARS = timedelta(days=5 * 365)
"""How far back a backtest goes when it is not told."""
WARMING = timedelta(days=365)
"""History left for the agents to warm up on when no first date is named."""

HEADLINE = ("total_return", "cagr", "volatility", "sharpe", "max_drawdown", "turnover")
BRIEF = ("total_return", "sharpe", "max_drawdown")


def run(settings: Settings, asked: Mapping[str, Any], say: Say) -> dict[str, Any]:
    """Runs what the command line asked for (None: the usual) and returns the kept result.

    Raises InputError naming whatever cannot be, and keeps nothing then.
    """
    with open_stores(settings) as stores:
        market = _market(settings, stores, say)
        wanted = _completed(settings, stores, market, asked, say)
        with bar() as tell:
            return _run(settings, stores, market, wanted, tell)


def run_job(settings: Settings) -> dict[str, Any]:
    """Runs the request on standard input, telling its progress on standard error."""
    asked = Request.model_validate_json(sys.stdin.read())

    def tell(what: str, done: int, total: int) -> None:
        progress = {"progress": {"what": what, "done": done, "total": total}}
        print(json.dumps(progress), file=sys.stderr, flush=True)

    with open_stores(settings) as stores:
        market = _market(settings, stores, lambda _: None)
        return _run(settings, stores, market, asked, tell)


def kept(settings: Settings) -> tuple[Summary, ...]:
    return results_of(settings).summaries()


def read(settings: Settings, identity: str) -> dict[str, Any]:
    return results_of(settings).read(identity)


def delete(settings: Settings, identity: str) -> None:
    results_of(settings).delete(identity)


def verify(settings: Settings, identity: str) -> None:
    """Runs a kept backtest again from its receipt. Raises VerificationError where it differs."""
    with open_stores(settings) as stores, bar() as tell:
        differences = make_backtester(settings, stores).verify(identity, tell)
    if differences:
        raise VerificationError(f"The backtest {identity} differs: {'; '.join(differences)}.")


def _run(
    settings: Settings, stores: Stores, market: Market, asked: Request, tell: Tell
) -> dict[str, Any]:
    backtester = make_backtester(settings, stores)
    return backtester.run(asked, simulated=market.simulated, now=utc_now(), tell=tell)


def _market(settings: Settings, stores: Stores, say: Say) -> Market:
    present = demo_present(stores.journal)
    return choose_market(settings, stores.library, lambda: present, say)


def _completed(
    settings: Settings, stores: Stores, market: Market, asked: Mapping[str, Any], say: Say
) -> Request:
    """The request with the usual in place of what was not named."""
    timeframe = settings.market.timeframe
    symbols = tuple(asked["symbols"]) or tuple(stores.watchlist.symbols())
    if market.feed and not stores.library.symbols(market.name, timeframe):
        say(f"Fetching history of {', '.join(symbols)} first.")
        refuse_if_nothing_came(market.feed.refresh(symbols, timeframe, _now(stores, market)))
    spans = {symbol: stores.library.span(market.name, symbol, timeframe) for symbol in symbols}
    if not any(spans.values()):
        raise UnknownSymbolError(
            f"No {timeframe} history of {', '.join(symbols)} is stored in the market "
            f"{market.name!r}. Import or download some first."
        )
    there = {symbol: span for symbol, span in spans.items() if span}
    start, end = _period(asked["start"], asked["end"], list(there.values()))
    if not asked["symbols"]:
        begun = {symbol: span for symbol, span in there.items() if span[0].date() <= end}
        if left_out := [symbol for symbol in symbols if symbol not in begun]:
            say(f"Left out, for they have no history by {end}: {', '.join(left_out)}.")
        symbols = tuple(begun)
    rules = rules_of(settings, settings.account.profile)
    given = _given(asked, "half_spread_bps", "commission_bps", "impact", "volume_cap")
    return request(
        market=market.name,
        timeframe=timeframe,
        horizon=settings.market.horizon,
        symbols=symbols,
        start=start,
        end=end,
        agents=tuple(map(known, asked["agents"])) or settings.agents.names,
        committee=rules.committee.model_copy(update=_given(asked, "weighting", "calibrated")),
        costs={**settings.costs.model_dump(), **given},
        limits=rules.trading.limits,
        **{
            "capital": settings.account.capital,
            **_given(asked, "capital", "delay", "walk_forward", "seed"),
        },
    )


def _given(asked: Mapping[str, Any], *names: str) -> dict[str, Any]:
    return {name: asked[name] for name in names if asked[name] is not None}


def _period(
    start: str | None, end: str | None, spans: Sequence[tuple[datetime, datetime]]
) -> tuple[date, date]:
    """What was asked for; else the last years up to the end, less what warming up takes."""
    oldest = min(first for first, _ in spans).astimezone(UTC).date()
    newest = max(last for _, last in spans).astimezone(UTC).date()
    last = parse_date(end).date() if end else newest
    until = min(last, newest)
    usual = max(min(oldest + WARMING, until), until - USUAL_YEARS)
    return (parse_date(start).date() if start else usual), last


def _now(stores: Stores, market: Market) -> datetime:
    return demo_present(stores.journal) if market.simulated else utc_now()


def print_result(result: Mapping[str, Any], console: Console) -> None:
    """The headline of everybody in the contest, each figure with its interval."""
    table = Table(Column("", no_wrap=True), *_titles(HEADLINE), title=_title(result))
    rows = {"committee": result["committee"]}
    rows |= {f"{name} alone": metrics for name, metrics in result["agents"].items()}
    rows |= result["benchmarks"]
    for name, metrics in rows.items():
        table.add_row(name, *(_figure(metrics, metric) for metric in HEADLINE))
    console.print(table)
    for note in result["notes"]:
        console.print(f"· {note}")
    timing = result["timing"]
    console.print(
        f"{timing['bars']:,} bars; votes {timing['vote_s']:.2f} s, decisions and fills "
        f"{timing['fold_s']:.3f} s, everything {timing['total_s']:.1f} s. Kept as {result['id']}."
    )


def print_summaries(found: Sequence[Summary], console: Console) -> None:
    if not found:
        console.print("No backtest is kept yet. `quorum backtest` runs one.")
        return
    table = Table(Column("id", no_wrap=True), "what", "who votes", *_titles(BRIEF))
    for each in found:
        figures = (_figure(each.headline, metric, brief=True) for metric in BRIEF)
        table.add_row(each.id, each.label, ", ".join(each.agents), *figures)
    console.print(table)


def print_comparison(kept: Sequence[Mapping[str, Any]], console: Console) -> None:
    """Every figure of the committees, a column each."""
    table = Table("", *(f"{result['id']}\n{result['label']}" for result in kept))
    for metric in kept[0]["committee"]:
        figures = (_figure(result["committee"], metric) for result in kept)
        table.add_row(METRICS[metric].title, *figures)
    console.print(table)


def _titles(metrics: Sequence[str]) -> list[str]:
    return [METRICS[name].title for name in metrics]


def _title(result: Mapping[str, Any]) -> str:
    simulated = " (SIMULATED market)" if result["simulated"] else ""
    return f"{result['label']}{simulated}"


def _figure(figures: Mapping[str, Any], metric: str, brief: bool = False) -> str:
    """`12.3% (-1.0 to 20.4)`, a dash where nothing is known."""
    told = figures.get(metric)
    if told is None or told["value"] is None:
        return "–"
    scale, unit = (100.0, "%") if METRICS[metric].unit == "%" else (1.0, "")
    value = f"{told['value'] * scale:.2f}{unit}"
    if brief or told["low"] is None or told["high"] is None:
        return value
    return f"{value} ({told['low'] * scale:.2f} to {told['high'] * scale:.2f})"
