"""Pictures of every page, wide and narrow, light, dark and colour-blind:
`python -m tests.web.browser.screenshots FOLDER --url http://127.0.0.1:8765 [--symbol AAPL]`."""

import argparse
from pathlib import Path
from typing import Any

from tests.web.browser.chromium import launch_browser

LOOKS = (("light", "default"), ("dark", "default"), ("dark", "safe"))
WIDTHS = (1440, 390)


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("folder", type=Path)
    parser.add_argument("--url", default="http://127.0.0.1:8765")
    parser.add_argument("--symbol", default="AAPL")
    parser.add_argument("--only", default="")
    args = parser.parse_args()
    args.folder.mkdir(parents=True, exist_ok=True)
    take_screenshots(args.folder, args.url.rstrip("/"), args.symbol, args.only)


def take_screenshots(folder: Path, url: str, symbol: str, only: str = "") -> None:
    with launch_browser() as chromium:
        for theme, palette in LOOKS:
            for width in WIDTHS:
                size = {"width": width, "height": 900}
                context = chromium.new_context(viewport=size, device_scale_factor=1)
                cookies = {"theme": theme, "palette": palette}
                context.add_cookies(
                    [{"name": name, "value": v, "url": url} for name, v in cookies.items()]
                )
                page = context.new_page()
                receipt = page.request.get(f"{url}/api/v1/symbols/{symbol}/votes?limit=1").json()
                pages = {
                    "overview": "/",
                    "insights": f"/insights?symbol={symbol}",
                    "symbol": f"/symbols/{symbol}",
                    "decisions": "/decisions",
                    "decision": f"/decisions/{receipt['votes'][-1]['receipt']}",
                    "engine": "/engine",
                    "agents": "/agents",
                    "agent": "/agents/risk",
                    "backtests": "/backtests",
                    "lab": "/lab",
                    "lab-model": "/lab/models/shipped",
                    "portfolio": "/portfolio",
                    "trades": "/trades",
                    "orders": "/orders",
                    "trade": f"/trade?symbol={symbol}",
                }
                backtest_ids = [
                    each["id"] for each in _results(page.request.get(f"{url}/api/v1/backtests"))
                ]
                if backtest_ids:
                    pages["backtest"] = f"/backtests/{backtest_ids[0]}"
                    pages["compare"] = f"/backtests/compare?ids={','.join(backtest_ids[:2])}"
                trained = page.request.get(f"{url}/api/v1/lab/runs").json()["runs"]
                if trained:
                    pages["lab-run"] = f"/lab/runs/{trained[0]['id']}"
                for name, path in pages.items():
                    if only and only != name:
                        continue
                    page.goto(url + path)
                    page.wait_for_selector("#live[data-state=live]")
                    if name == "symbol":
                        page.wait_for_selector("px-chart[data-drawn]")
                    page.wait_for_timeout(400)
                    look = theme if palette == "default" else f"{theme}-cb"
                    page.screenshot(path=folder / f"{name}-{width}-{look}.png", full_page=True)
                context.close()


def _results(answer: Any) -> list[Any]:
    return list(answer.json()["results"]) if answer.ok else []


if __name__ == "__main__":
    main()
