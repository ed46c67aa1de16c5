"use strict";
// <px-chart>: candles, volume, two averages, the decisions on one symbol and what was traded of it,
// and under them the committee's chance of a gain beside the base rate. Its children are its own:
// morphing skips them.
customElements.define("px-chart", class extends HTMLElement {
  connectedCallback() {
    this.aborter = new AbortController();
    const { signal } = this.aborter;
    const redraw = () => this.refresh().catch((error) => this.fail(error));
    document.addEventListener("chart.bar", redraw, { signal });
    new MutationObserver(() => this.chart && this.paint())
      .observe(document.documentElement, { attributes: true, attributeFilter: ["data-theme", "data-palette"] });
    matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => this.paint(), { signal });
    this.build();
    redraw();
  }

  disconnectedCallback() {
    this.aborter.abort();
    this.chart?.remove();
    this.chart = null;
  }

  build() {
    const lib = LightweightCharts;
    this.replaceChildren();
    this.legend = document.createElement("div");
    this.legend.className = "chart-legend";
    this.append(this.legend);
    this.chart = lib.createChart(this, {
      autoSize: true,
      layout: { attributionLogo: false, fontFamily: "Inter, sans-serif", fontSize: 11, panes: { enableResize: false } },
      rightPriceScale: { borderVisible: false },
      timeScale: { borderVisible: false, timeVisible: false, rightOffset: 3 },
      crosshair: { mode: 0 },
    });
    const quiet = { priceLineVisible: false, lastValueVisible: false, crosshairMarkerVisible: false };
    this.candles = this.chart.addSeries(lib.CandlestickSeries, { borderVisible: false });
    this.volume = this.chart.addSeries(lib.HistogramSeries, { ...quiet, priceScaleId: "volume", priceFormat: { type: "volume" } });
    this.volume.priceScale().applyOptions({ scaleMargins: { top: 0.84, bottom: 0 } });
    this.candles.priceScale().applyOptions({ scaleMargins: { top: 0.08, bottom: 0.2 } });
    this.fast = this.chart.addSeries(lib.LineSeries, { ...quiet, lineWidth: 1.5 });
    this.slow = this.chart.addSeries(lib.LineSeries, { ...quiet, lineWidth: 1.5 });
    const share = { type: "custom", minMove: 0.1, formatter: (value) => `${value.toFixed(1)} %` };
    this.chance = this.chart.addSeries(lib.LineSeries, { ...quiet, lastValueVisible: true, lineWidth: 2, priceFormat: share }, 1);
    this.base = this.chart.addSeries(lib.LineSeries, { ...quiet, lineWidth: 1, lineStyle: 2, priceFormat: share }, 1);
    this.markers = lib.createSeriesMarkers(this.candles, []);
    this.chart.panes()[0].setStretchFactor(3);
    this.chart.panes()[1].setStretchFactor(1);
    this.chart.subscribeCrosshairMove((at) => this.showLegend(at.seriesData?.get(this.candles)));
    this.chart.subscribeClick((at) => {
      if (at.hoveredObjectId) location.assign(at.hoveredObjectId);
    });
  }

  async refresh() {
    const read = async (url) => {
      const answer = await fetch(url, { signal: this.aborter.signal });
      if (!answer.ok) throw new Error((await answer.json()).detail);
      return answer.json();
    };
    const [prices, decided, traded] = await Promise.all(
      ["bars", "votes", "fills"].map((what) => read(this.dataset[what])));
    this.bars = prices.bars.filter((bar) => !bar.left_out).map((bar) => ({ ...bar, time: Date.parse(bar.at) / 1000 }));
    this.votes = decided.votes.map((vote) => ({ ...vote, time: this.barOf(vote.as_of) })).filter((vote) => vote.time);
    this.fills = traded.fills.map((fill) => ({ ...fill, time: this.barOf(fill.at, fill.moment === "open") }))
      .filter((fill) => fill.time);
    this.chart.applyOptions({ timeScale: { timeVisible: prices.timeframe !== "1d" } });
    this.draw();
    if (!this.drawn) {
      const bars = this.bars.length;
      this.chart.timeScale().setVisibleLogicalRange({ from: Math.max(0, bars - 110), to: bars + 3 });
      this.drawn = true;
    }
    this.dataset.drawn = String(this.bars.length);
  }

  draw() {
    this.candles.setData(this.bars);
    this.fast.setData(average(this.bars, 20));
    this.slow.setData(average(this.bars, 50));
    const points = (of) => distinct(this.votes.filter((vote) => vote[of] !== null)
      .map((vote) => ({ time: vote.time, value: vote[of] * 100 })));
    this.chance.setData(points("p_up"));
    this.base.setData(points("base_rate"));
    this.paint();
    this.showLegend(this.bars.at(-1));
  }

  paint() {
    const up = this.colour("--up"), down = this.colour("--down"), line = this.colour("--line");
    this.chart.applyOptions({
      layout: { background: { color: this.colour("--surface") }, textColor: this.colour("--text-3"), panes: { separatorColor: line } },
      grid: { vertLines: { color: line, style: 1 }, horzLines: { color: line } },
    });
    this.candles.applyOptions({ upColor: up, downColor: down, wickUpColor: up, wickDownColor: down });
    this.fast.applyOptions({ color: this.colour("--warn") });
    this.slow.applyOptions({ color: this.colour("--flat") });
    this.chance.applyOptions({ color: this.colour("--accent") });
    this.base.applyOptions({ color: this.colour("--text-3") });
    this.volume.setData((this.bars ?? []).map((bar) => ({
      time: bar.time, value: bar.volume, color: faint(bar.close >= bar.open ? up : down),
    })));
    const decided = (this.votes ?? []).filter((vote) => vote.action !== "hold").map((vote) => {
      const buy = vote.action.endsWith("buy");
      return {
        id: `/decisions/${encodeURIComponent(vote.receipt)}`, time: vote.time, size: vote.action.startsWith("strong") ? 1.6 : 1,
        position: buy ? "belowBar" : "aboveBar", shape: buy ? "arrowUp" : "arrowDown", color: buy ? up : down,
      };
    });
    const traded = (this.fills ?? []).map((fill) => ({
      id: `/orders/${encodeURIComponent(fill.order)}`, time: fill.time, size: 0.8, shape: "circle",
      position: fill.units > 0 ? "belowBar" : "aboveBar", color: this.colour("--accent"),
    }));
    this.markers.setMarkers([...decided, ...traded].sort((one, other) => one.time - other.time));
  }

  showLegend(bar) {
    const shown = bar ?? this.bars?.at(-1);
    if (!shown) return;
    const tone = shown.close >= shown.open ? "tone-up" : "tone-down";
    this.legend.replaceChildren(...["open", "high", "low", "close"].map((name) => {
      const part = document.createElement("span");
      const figure = document.createElement("b");
      figure.className = tone;
      figure.textContent = shown[name].toLocaleString("en-US", { minimumFractionDigits: 2, maximumFractionDigits: 2 });
      part.append(`${name[0].toUpperCase()} `, figure);
      return part;
    }));
  }

  /** Time of the last bar that had opened before the instant at which a bar closed, or at it. */
  barOf(at, opening = false) {
    const limit = Date.parse(at) / 1000;
    return this.bars.findLast((bar) => (opening ? bar.time <= limit : bar.time < limit))?.time;
  }

  /** The token's colour as the browser resolves it for the present theme. */
  colour(token) {
    this.legend.style.color = `var(${token})`;
    const resolved = getComputedStyle(this.legend).color;
    this.legend.style.color = "";
    return resolved;
  }

  fail(error) {
    if (error.name === "AbortError") return;
    this.legend.textContent = `The chart could not be drawn: ${error.message}`;
  }
});

function average(bars, length) {
  let sum = 0;
  return bars.flatMap((bar, i) => {
    sum += bar.close - (i >= length ? bars[i - length].close : 0);
    return i >= length - 1 ? [{ time: bar.time, value: sum / length }] : [];
  });
}

/** One point a bar, the newest: a bar may have been decided on more than once. */
function distinct(points) {
  return [...new Map(points.map((point) => [point.time, point])).values()];
}

function faint(colour) {
  return colour.replace("rgb(", "rgba(").replace(")", ", 0.4)");
}
