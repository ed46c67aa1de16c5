"""A loopback server that answers as Yahoo does, with invented prices.

Tests change what it serves through its attributes. `failures` queues answers, (status, body), that
are given instead of the next ones to paths containing a text; a queue ending in None repeats its
last answer for ever.
"""

import json
import threading
from collections import Counter
from dataclasses import dataclass, field
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Self
from urllib.parse import parse_qs, unquote, urlsplit

import pandas as pd

NEW_YORK = "America/New_York"
HttpAnswer = tuple[int, str]


@dataclass
class FakeCompany:
    """An invented company: daily bars on NYSE dates, in unadjusted prices of their own day."""

    name: str = "Acme Industries, Inc."
    first: str = "2024-01-02"
    last: str = "2024-03-28"
    splits: dict[str, float] = field(default_factory=dict)
    dividends: dict[str, float] = field(default_factory=dict)

    def daily(self) -> pd.DataFrame:
        """As Yahoo gives it today: split-adjusted prices, `adj` also adjusted for dividends."""
        dates = pd.bdate_range(self.first, self.last)
        close = pd.Series([100.0 + (i * 7 % 11) for i in range(len(dates))], index=dates)
        factor = pd.Series(1.0, index=dates)
        for day, ratio in self.splits.items():
            close[dates >= day] /= ratio
            factor[dates < day] /= ratio
        frame = pd.DataFrame({"close": close * factor})
        frame["adj"] = frame["close"]
        for day, amount in self.dividends.items():
            before = frame["close"][dates < day]
            frame.loc[dates < day, "adj"] *= 1 - amount / before.iloc[-1]
        frame["open"], frame["high"] = frame["close"] * 0.99, frame["close"] * 1.02
        frame["low"], frame["volume"] = frame["close"] * 0.98, 1_000_000
        frame.index = (dates + pd.Timedelta(hours=9.5)).tz_localize(NEW_YORK)
        return frame

    def intraday(self, minutes: int) -> pd.DataFrame:
        opened = [
            day + pd.Timedelta(minutes=offset)
            for day in self.daily().index
            for offset in range(0, 390, minutes)
        ]
        frame = pd.DataFrame(index=pd.DatetimeIndex(opened), columns=["close"], data=50.0)
        return frame.assign(open=50.0, high=51.0, low=49.0, volume=1_000, adj=50.0)


class YahooServer:
    """`with YahooServer() as yahoo:` serves at `yahoo.url`; `yahoo.request_counts` counts by kind."""

    def __init__(self) -> None:
        self.companies: dict[str, FakeCompany] = {"ACME": FakeCompany()}
        self.articles: list[dict[str, Any]] = []
        self.statements: dict[str, dict[str, dict[str, float]]] = {"annual": {}, "quarterly": {}}
        self.earnings_page = "<html>No earnings found</html>"
        self.failures: dict[str, list[HttpAnswer | None]] = {}
        self.request_counts: Counter[str] = Counter()
        self.ranges: list[tuple[str, datetime, datetime]] = []
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), self._handler())
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}"

    def __enter__(self) -> Self:
        threading.Thread(target=self._server.serve_forever, args=(0.02,), daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()

    def add_article(self, title: str, published: str, **content: Any) -> None:
        self.articles.append({
            "id": str(len(self.articles)),
            "content": {
                "title": title,
                "summary": "",
                "pubDate": published,
                "provider": {"displayName": "Daily Example"},
                "canonicalUrl": {"url": "https://example.com/story"},
                **content,
            },
        })  # fmt: skip

    def add_earnings(self, *rows: tuple[str, str, str]) -> None:
        """Earnings: when (`October 30, 2023 at 4 PM EDT`), estimate and reported."""
        cells = "".join(
            f"<tr><td>ACME</td><td>Acme</td><td>{when}</td><td>{estimate}</td><td>{actual}</td>"
            "<td>-</td></tr>"
            for when, estimate, actual in rows
        )
        head = "".join(
            f"<th>{name}</th>"
            for name in (
                "Symbol", "Company", "Earnings Date", "EPS Estimate", "Reported EPS", "Surprise (%)"
            )
        )  # fmt: skip
        self.earnings_page = f"<table><thead><tr>{head}</tr></thead><tbody>{cells}</tbody></table>"

    def respond(self, path: str, query: dict[str, str]) -> HttpAnswer:
        for text, queue in self.failures.items():
            if text in path and queue:
                self.request_counts[f"failed {text}"] += 1
                first = queue[0] if len(queue) > 1 and queue[1] is None else queue.pop(0)
                assert first is not None
                return first
        if path.startswith("/v8/finance/chart/"):
            return self._chart(unquote(path.rsplit("/", 1)[1]), query)
        if path == "/v1/test/getcrumb":
            return 200, "crumb"
        if path == "/xhr/ncp":
            self.request_counts["news"] += 1
            return 200, json.dumps({"data": {"tickerStream": {"stream": self.articles}}})
        if "/fundamentals-timeseries/" in path:
            self.request_counts["filings"] += 1
            return self._fundamentals(query["type"])
        if path == "/calendar/earnings":
            self.request_counts["earnings"] += 1
            return 200, self.earnings_page
        return 404, "<html>no such page</html>"

    def _chart(self, symbol: str, query: dict[str, str]) -> HttpAnswer:
        interval = query["interval"]
        self.request_counts[f"chart {interval}"] += 1
        company = self.companies.get(symbol)
        if company is None:
            error = {"code": "Not Found", "description": "No data found, symbol may be delisted"}
            return 404, json.dumps({"chart": {"result": None, "error": error}})
        minutes = {"1m": 1, "5m": 5, "15m": 15, "1h": 60}.get(interval)
        frame = company.intraday(minutes) if minutes else company.daily()
        if "period1" in query:
            start, end = (
                datetime.fromtimestamp(int(query[k]), UTC) for k in ("period1", "period2")
            )
            self.ranges.append((interval, start, end))
            frame = frame[(frame.index >= start) & (frame.index < end)]
        result = {"meta": _meta(symbol, company, interval), "indicators": {"quote": [{}]}}
        if len(frame):
            prices = {c: frame[c].tolist() for c in ("open", "high", "low", "close", "volume")}
            result["timestamp"] = [int(at.timestamp()) for at in frame.index]
            result["indicators"] = {"quote": [prices]}
            if not minutes:
                result["indicators"]["adjclose"] = [{"adjclose": frame["adj"].tolist()}]
                result["events"] = _events(company)
        return 200, json.dumps({"chart": {"result": [result], "error": None}})

    def _fundamentals(self, types: str) -> HttpAnswer:
        timescale = "annual" if types.startswith("annual") else "quarterly"
        result: list[dict[str, Any]] = [{"meta": {}}]  # as for a fund, which files nothing
        for key, values in self.statements[timescale].items():
            points = [
                {"asOfDate": day, "reportedValue": {"raw": value}} for day, value in values.items()
            ]
            stamps = [int(pd.Timestamp(day).timestamp()) for day in values]
            result.append({"meta": {}, "timestamp": stamps, f"{timescale}{key}": points})
        return 200, json.dumps({"timeseries": {"result": result, "error": None}})

    def _handler(self) -> type[BaseHTTPRequestHandler]:
        server = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                parts = urlsplit(self.path)
                query = {name: values[0] for name, values in parse_qs(parts.query).items()}
                status, body = server.respond(parts.path, query)
                self.send_response(status)
                self.end_headers()
                self.wfile.write(body.encode())

            def do_POST(self) -> None:
                self.rfile.read(int(self.headers.get("Content-Length", 0)))
                self.do_GET()

            def log_message(self, *_: object) -> None:
                pass

        return Handler


def _meta(symbol: str, company: FakeCompany, interval: str) -> dict[str, Any]:
    daily = company.daily()
    sessions = [[_period(day, day + pd.Timedelta(hours=6.5))] for day in daily.index]
    return {
        "symbol": symbol, "currency": "USD", "instrumentType": "EQUITY", "longName": company.name,
        "exchangeTimezoneName": NEW_YORK, "timezone": "EST", "gmtoffset": -18000,
        "dataGranularity": interval, "priceHint": 2, "validRanges": ["1d", "5d", "1y", "max"],
        "regularMarketPrice": float(daily["close"].iloc[-1]),
        "regularMarketTime": int((daily.index[-1] + pd.Timedelta(hours=6.5)).timestamp()),
        "currentTradingPeriod": {
            name: _period(daily.index[-1], daily.index[-1] + pd.Timedelta(hours=6.5))
            for name in ("pre", "regular", "post")
        },
        "tradingPeriods": sessions,
    }  # fmt: skip


def _period(start: pd.Timestamp, end: pd.Timestamp) -> dict[str, Any]:
    return {
        "timezone": "EST", "gmtoffset": -18000,
        "start": int(start.timestamp()), "end": int(end.timestamp()),
    }  # fmt: skip


def _events(company: FakeCompany) -> dict[str, Any]:
    def stamp(day: str) -> int:
        return int((pd.Timestamp(day) + pd.Timedelta(hours=9.5)).tz_localize(NEW_YORK).timestamp())

    return {
        "dividends": {
            str(stamp(day)): {"amount": amount, "date": stamp(day)}
            for day, amount in company.dividends.items()
        },
        "splits": {
            str(stamp(day)): {
                "date": stamp(day), "numerator": ratio, "denominator": 1.0,
                "splitRatio": f"{ratio:g}:1",
            }
            for day, ratio in company.splits.items()
        },
    }  # fmt: skip
