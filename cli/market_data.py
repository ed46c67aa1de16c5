"""`download` and `import`: fetch or read market data into the home's store."""

import json
from collections.abc import Sequence
from datetime import UTC, datetime, time
from typing import Any
from zoneinfo import ZoneInfo

from rich.console import Console
from rich.markup import escape
from rich.table import Table

from cli.progress import progress_bar
from domain.canonical import format_instant, to_json
from domain.errors import InputError, ProviderError
from market.feed import FetchOutcome, FetchState
from market.imports.batch_import import ImportResult, import_paths
from market.imports.file_import import ImportReport, TablePreview
from market.imports.normalise import ReadingOptions
from settings import Settings
from storage.paths import parse_path
from wiring.home import open_home
from wiring.stores import Log, open_stores

MAX_EXAMPLES = 3
MAX_PREVIEWED = 8
"""Symbols shown of a file that is only looked at."""


def download(
    settings: Settings, symbols: Sequence[str], since: str | None, log: Log
) -> list[FetchOutcome]:
    """Fetch what is missing of `symbols` (of the watchlist, if empty)."""
    start = parse_date(since) if since else None
    with open_home(settings, log) as home:
        feed = home.market.feed
        if feed is None:
            raise InputError(
                "The market 'files' has nothing to download from. Use `quorum import PATH`, or "
                "`quorum download --market yahoo`."
            )
        requested = list(symbols) or list(home.stores.watchlist.symbols())
        with progress_bar() as progress:
            outcomes = feed.refresh(
                requested, settings.market.timeframe, home.now(), progress, since=start
            )
    if requested and not outcomes:
        raise InputError(
            f"{', '.join(requested)} cannot be downloaded: market.by_class takes them from files. "
            "Use `quorum import PATH`, or change by_class."
        )
    return outcomes


def refuse_if_nothing_fetched(outcomes: Sequence[FetchOutcome]) -> None:
    """Raise ProviderError if no source of any symbol was fetched."""
    if outcomes and all(outcome.state is FetchState.FAILED for outcome in outcomes):
        raise ProviderError(f"Nothing could be downloaded. The first reason: {outcomes[0].reason}")


def outcomes_as_json(outcomes: Sequence[FetchOutcome]) -> list[dict[str, Any]]:
    """Return one JSON object an outcome; `why` is its reason."""
    return [
        {"why" if name == "reason" else name: value for name, value in to_json(outcome).items()}
        for outcome in outcomes
    ]


def show_outcomes(outcomes: Sequence[FetchOutcome], console: Console) -> None:
    table = Table("symbol", "source", "state", "rows", "why")
    for outcome in outcomes:
        table.add_row(
            outcome.symbol, outcome.source, outcome.state, str(outcome.rows), outcome.reason or ""
        )
    console.print(table)


def import_files(
    settings: Settings,
    paths: Sequence[str],
    options: ReadingOptions,
    *,
    replace: bool,
    dry_run: bool,
) -> ImportResult:
    """Store the contents of `paths`, as the market 'files'; with `dry_run` only look at them."""
    parsed = [parse_path(path) for path in paths]
    with open_stores(settings) as stores, progress_bar() as progress:
        return import_paths(
            parsed,
            stores.market_data,
            options=options,
            replace=replace,
            dry_run=dry_run,
            progress=progress,
        )


def parse_zone(name: str | None) -> ZoneInfo | None:
    """Return the time zone of a name such as Europe/Berlin."""
    try:
        return ZoneInfo(name) if name is not None else None
    except (KeyError, ValueError, OSError):
        raise InputError(
            f"{name!r} is not a time zone. Name one such as Europe/Berlin or UTC."
        ) from None


def refuse_if_refused(imported: ImportResult) -> None:
    """Raise InputError if anything was refused, with the reason and the number of rows."""
    if not imported.refused:
        return
    reason = imported.refused[0].refused_because
    if len(imported.reports) == 1:
        raise InputError(str(reason))
    raise InputError(
        f"{len(imported.refused)} of {len(imported.reports)} were refused, and nothing of them is "
        f"stored. The first: {reason}"
    )


def imported_json(imported: ImportResult) -> dict[str, Any]:
    return {
        "files": [report_json(report) for report in imported.reports],
        "skipped": [str(path) for path in imported.skipped],
    }


def report_json(report: ImportReport) -> dict[str, Any]:
    return {
        "path": str(report.path),
        "kind": report.kind,
        "timeframe": report.timeframe,
        "read": report.read,
        "stored": report.stored,
        "unchanged": report.unchanged,
        "replaced": report.replaced,
        "refused": [
            {"reason": refusal.reason, "rows": refusal.rows, "examples": list(refusal.examples)}
            for refusal in report.refused
        ],
        "symbols": list(report.symbols),
        "span": [format_instant(at) for at in report.span] if report.span else None,
        "refused_because": report.refused_because,
        "notes": list(report.notes),
        "preview": _preview_json(report.preview) if report.preview else None,
    }


def show_imported(imported: ImportResult, console: Console) -> None:
    """Print what was imported. A single refused path is left to `refuse_if_refused`, which says all
    of it."""
    if imported.skipped:
        names = ", ".join(map(str, imported.skipped))
        console.print(f"Skipped, no tables by their names: {names}", markup=False)
    for report in imported.reports if len(imported.reports) > 1 or not imported.refused else ():
        console.print(str(report.path), style="bold", markup=False)
        if report.refused_because:
            console.print(f"  refused: {report.refused_because}", markup=False)
            continue
        if report.preview:
            _show_preview(report, report.preview, console)
            _show_counts(report, console)
            continue
        span = f", {_span(report)}" if report.span else ""
        frame = f" {report.timeframe}" if report.timeframe else ""
        console.print(f"  {report.kind}{frame} of {len(report.symbols)} symbols{span}")
        _show_counts(report, console)


def _show_counts(report: ImportReport, console: Console) -> None:
    """Print what became of a file's rows, what is to be known of its bars, and why rows of it were
    refused."""
    would = "would be " if report.preview else ""
    console.print(
        f"  {report.read:,} rows read: {report.stored:,} {would}stored, "
        f"{report.unchanged:,} already there, {report.replaced:,} {would}replaced"
    )
    for note in report.notes:
        console.print(f"  {note}", markup=False)
    for refusal in report.refused:
        examples = "; ".join(refusal.examples[:MAX_EXAMPLES])
        line = f"  {refusal.rows:,} refused: {refusal.reason} ({examples})"
        console.print(line, markup=False)


def _span(report: ImportReport) -> str:
    return f"{report.span[0]:%Y-%m-%d} to {report.span[1]:%Y-%m-%d}" if report.span else ""


def _preview_json(preview: TablePreview) -> dict[str, Any]:
    return {
        "calendars": preview.calendars,
        "zone": preview.zone,
        "adjustment": preview.adjustment,
        "rows": json.loads(preview.rows.to_json(orient="records", date_format="iso")),
    }


def _show_preview(report: ImportReport, preview: TablePreview, console: Console) -> None:
    """Print how a file is understood; nothing of it is stored."""
    named = list(preview.calendars.items())
    symbols = ", ".join(f"{symbol} ({calendar})" for symbol, calendar in named[:MAX_PREVIEWED])
    more = f" and {len(named) - MAX_PREVIEWED} more" if len(named) > MAX_PREVIEWED else ""
    lines = {
        "kind": f"{report.kind} {report.timeframe or ''}".strip(),
        "symbols": f"{symbols}{more}",
        "times": ", ".join(filter(None, (_span(report), preview.zone))),
        "adjusted": preview.adjustment,
    }
    for name, value in lines.items():
        if value:
            console.print(f"  {name:9} {value}", markup=False)
    is_daily = report.timeframe is not None and not report.timeframe.intraday
    table = Table(*map(str, preview.rows.columns))
    for row in preview.rows.itertuples(index=False):
        table.add_row(*(escape(_cell(value, is_daily)) for value in row))
    console.print(table)


def _cell(value: Any, is_daily: bool) -> str:
    if isinstance(value, datetime):
        return f"{value:%Y-%m-%d}" if is_daily else f"{value:%Y-%m-%d %H:%M}"
    return f"{value:.10g}" if isinstance(value, float) else str(value)


def parse_date(text: str) -> datetime:
    """Return midnight UTC of a date such as 2020-02-03."""
    try:
        return datetime.combine(datetime.strptime(text, "%Y-%m-%d").date(), time(), UTC)
    except ValueError:
        raise InputError(f"{text!r} is not a date. Write it as 2020-02-03.") from None
