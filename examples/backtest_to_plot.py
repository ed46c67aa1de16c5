"""Draws the equity of a kept backtest beside buy and hold, as an SVG file.

    python examples/backtest_to_plot.py [--url http://127.0.0.1:8765] [--id ID] [equity.svg]

reads the list of results from the API and the equity table, as Parquet, from the downloads. Without
`--id` it takes the newest result. `quorum backtest` makes one.
"""

import argparse
import io
import json
from html import escape
from pathlib import Path
from typing import Any
from urllib.request import urlopen

import numpy as np
import pandas as pd
import pyarrow.parquet as pq

CURVES = {"committee": "#0969da", "buy and hold": "#9a6700"}
"""The curves that are drawn, each with its colour. The table has every agent's and benchmark's."""
WIDTH, HEIGHT, MARGIN = 900, 420, 60


def newest_result(url: str) -> dict[str, Any]:
    """Results are listed newest first."""
    with urlopen(f"{url}/api/v1/backtests") as answer:
        results: list[dict[str, Any]] = json.load(answer)["results"]
    if not results:
        raise SystemExit("There is no result yet. Run `quorum backtest`.")
    return results[0]


def read_equity(url: str, id: str) -> pd.DataFrame:
    """Equity at each close, a column each for the committee, the agents and the benchmarks."""
    with urlopen(f"{url}/backtests/{id}/files/equity.parquet") as answer:
        table = pq.read_table(io.BytesIO(answer.read()))
    equity: pd.DataFrame = table.to_pandas().set_index("known_at")
    return equity


def draw(growth: pd.DataFrame, title: str) -> str:
    """Lines of growth since the beginning, in percent, as the text of an SVG file."""
    low, high = float(np.nanmin(growth)), float(np.nanmax(growth))
    reach = (high - low) or 1.0

    def x(row: float) -> float:
        return MARGIN + (WIDTH - 2 * MARGIN) * row / max(len(growth) - 1, 1)

    def y(value: float) -> float:
        return HEIGHT - MARGIN - (HEIGHT - 2 * MARGIN) * (value - low) / reach

    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" '
        'font-family="sans-serif" font-size="12">',
        f'<title>{escape(title)}</title><rect width="100%" height="100%" fill="#fff"/>',
        f'<text x="{MARGIN}" y="24" font-size="16">{escape(title)}</text>',
    ]
    parts.extend(
        f'<path d="M{MARGIN} {y(value):.1f}H{WIDTH - MARGIN}" stroke="#d0d7de"/>'
        f'<text x="{MARGIN - 8}" y="{y(value) + 4:.1f}" text-anchor="end">{value:+.1%}</text>'
        for value in np.linspace(low, high, 5)
    )
    parts.extend(
        f'<text x="{x(row):.1f}" y="{HEIGHT - MARGIN + 20}" text-anchor="middle">'
        f"{growth.index[row]:%Y-%m-%d}</text>"
        for row in (0, len(growth) - 1)
    )
    for number, (name, values) in enumerate(growth.items()):
        points = (f"{x(row):.1f},{y(value):.1f}" for row, value in enumerate(values))
        colour = CURVES[str(name)]
        parts += [
            f'<polyline points="{" ".join(points)}" fill="none" stroke="{colour}"/>',
            f'<text x="{MARGIN + 150 * number}" y="{HEIGHT - 12}" fill="{colour}">{name}</text>',
        ]
    return "\n".join([*parts, "</svg>\n"])


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    parser.add_argument("--url", default="http://127.0.0.1:8765")
    parser.add_argument("--id")
    parser.add_argument("file", type=Path, nargs="?", default=Path("equity.svg"))
    args = parser.parse_args()
    id = args.id or newest_result(args.url)["id"]
    equity = read_equity(args.url, id)[list(CURVES)]
    args.file.write_text(draw(equity / equity.iloc[0] - 1.0, f"Backtest {id}"), "utf-8")
    print(args.file)


if __name__ == "__main__":
    main()
