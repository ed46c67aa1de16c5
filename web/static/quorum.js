"use strict";
// The page's own script: the state of the stream, announcements, parts that are held back, and charts
// where there are any. Everything that matters works without it.
(() => {
  const SILENCE_MS = 15000;
  const stream = () => document.querySelector(".stream");
  const connection = () => stream()?._htmx?.sse;
  let lastMessageAt = Date.now();
  let tries = 0;
  let retry = 0;

  // How the stream is doing -----------------------------------------------------------------
  const WORDS = { connecting: "Connecting", live: "Live", offline: "Reconnecting" };
  function show(state) {
    const chip = document.getElementById("live");
    if (!chip || chip.dataset.state === state) return;
    chip.dataset.state = state;
    chip.querySelector("[data-live-text]").textContent = WORDS[state];
  }
  function onMessage() {
    lastMessageAt = Date.now();
    tries = 0;
    show("live");
  }
  function reconnect() {
    show("offline");
    clearTimeout(retry);
    retry = setTimeout(() => {
      const source = stream();
      if (source && !connection()) htmx.trigger(source, "stream:retry");
    }, Math.min(1000 * 2 ** tries++, 15000));
  }
  document.addEventListener("htmx:sse:after:connection", onMessage);
  document.addEventListener("htmx:sse:error", () => show("offline"));
  document.addEventListener("htmx:sse:close", (event) => {
    if (event.target === stream() && event.detail.reason !== "removed") reconnect();
  });
  for (const name of ["htmx:error", "htmx:response:error"]) {
    document.addEventListener(name, (event) => {
      if (event.target === stream() && !connection()) reconnect();
    });
  }
  setInterval(() => {
    if (document.hidden) return void (lastMessageAt = Date.now());
    if (Date.now() - lastMessageAt < SILENCE_MS) return;
    lastMessageAt = Date.now();
    show("offline");
    connection()?.reader?.cancel(); // half open: the extension connects again and resumes
  }, 1000);

  // Messages -------------------------------------------------------------------------------
  // What would move under whoever points at it, or is about to act on it, waits: all of a feed, the
  // buttons of a list.
  const HELD_SELECTOR = "[data-hold]:is(:hover, :focus-within)";
  const isHeld = (id) => {
    const part = document.getElementById(id);
    return part && (part.matches(HELD_SELECTOR) || part.querySelector(HELD_SELECTOR) || part.querySelector("ol")?.scrollTop > 0);
  };
  const waiting = new Set();
  let releasing = 0;
  document.addEventListener("htmx:sse:before:message", (event) => {
    onMessage();
    const { message } = event.detail;
    const part = !message.event && message.data.match(/^<hx-partial hx-target="#([^"]+)"/)?.[1];
    if (!part || !isHeld(part)) return;
    waiting.add(part);
    releasing = releasing || setInterval(release, 400);
    event.preventDefault();
  });
  function release() {
    for (const part of waiting) {
      if (isHeld(part)) continue;
      waiting.delete(part);
      htmx.ajax("GET", location.href, { target: `#${part}`, select: `#${part}`, swap: "outerMorph" });
    }
    if (waiting.size) return;
    clearInterval(releasing);
    releasing = 0;
  }
  const onEvent = (name, handle) =>
    document.addEventListener(name, (event) => handle(JSON.parse(event.detail.data)));
  onEvent("sys.reset", () =>
    htmx.ajax("GET", location.href, { target: "#main", select: "#main", swap: "outerMorph" }));
  // Scores move when something settles, the journal when a trade is closed: that part of the page is
  // read again, at most every few seconds and not while somebody writes in it, and what the reader
  // has opened stays open.
  for (const part of ["record", "trips"]) {
    let due = 0;
    const read = async () => {
      const all = () => [...document.querySelectorAll(`#${part} details`)];
      if (document.querySelector(`#${part} :is(input, textarea, select):focus`)) return void (due = setTimeout(read, 3000));
      due = 0;
      const opened = new Map(all().map((each, k) => [each.id || k, each.open]));
      await htmx.ajax("GET", location.href, { target: `#${part}`, select: `#${part}`, swap: "outerMorph" });
      all().forEach((each, k) => { each.open = Boolean(opened.get(each.id || k)); });
    };
    onEvent(`${part}.moved`, () => { due = due || setTimeout(read, 3000); });
  }
  // What the reader has opened or closed stays so in parts that the stream draws anew.
  const folded = new Map();
  const nameOf = (details) => details.id || details.closest("[id]").id;
  document.addEventListener("click", (event) => {
    const details = event.target.closest?.("[data-live] summary")?.parentElement;
    if (details) folded.set(nameOf(details), !details.open);
  });
  function unfold() {
    for (const details of document.querySelectorAll("[data-live] details")) {
      const open = folded.get(nameOf(details));
      if (open !== undefined && details.open !== open) details.open = open;
    }
  }
  document.addEventListener("htmx:after:swap", unfold);
  onEvent("a11y.announce", ({ text }) => {
    document.getElementById("announcer").textContent = text;
  });

  // Small conveniences ----------------------------------------------------------------------
  document.addEventListener("keydown", (event) => {
    const typing = event.target.closest?.("input, textarea, select, [contenteditable]");
    if (event.key !== "/" || typing || event.ctrlKey || event.metaKey || event.altKey) return;
    event.preventDefault();
    document.getElementById("search").focus();
  });
  document.addEventListener("click", (event) => {
    const opener = event.target.closest?.("[data-opens]");
    if (opener) document.getElementById(opener.dataset.opens).showModal();
    if (event.target.closest?.("[data-prints]")) print();
  });

  // Where all is in one column, whoever chooses a symbol is taken to its reasons, and whoever asks
  // for a preview to what it says.
  const SCROLL_TARGETS = { ".matrix a.symbol": ".insights .why", "#ticket button": "#preview .asks" };
  let chosen;
  document.addEventListener("click", (event) => {
    chosen = Object.keys(SCROLL_TARGETS).find((from) => event.target.closest?.(from));
  });
  function scrollToTarget() {
    const target = chosen && document.querySelector(SCROLL_TARGETS[chosen])?.closest("section");
    chosen = undefined;
    if (target && target.getBoundingClientRect().top > innerHeight / 2) target.scrollIntoView();
  }

  // A quote runs out ------------------------------------------------------------------------
  let running = null;
  function startQuoteTimer() {
    const preview = document.querySelector("[data-quote]");
    if (!preview || preview.dataset.quote === running?.quote) return;
    clearInterval(running?.timer);
    const ends = Date.now() + preview.dataset.seconds * 1000;
    running = { quote: preview.dataset.quote, timer: setInterval(tick, 250) };
    function tick() {
      const left = Math.max(0, Math.ceil((ends - Date.now()) / 1000));
      if (!preview.isConnected || preview.dataset.quote !== running.quote) return clearInterval(running.timer);
      preview.querySelector("[data-left]").textContent = left;
      if (left) return;
      clearInterval(running.timer);
      preview.dataset.expired = "";
    }
  }

  // Times in the viewer's zone, charts where the page has one -------------------------------
  const clock = new Intl.DateTimeFormat(undefined, {
    year: "numeric", month: "short", day: "numeric", hour: "2-digit", minute: "2-digit",
    timeZoneName: "short",
  });
  function localise() {
    for (const time of document.querySelectorAll("time[datetime]")) {
      if (!time.title) time.title = clock.format(new Date(time.dateTime));
    }
  }
  // On a narrow screen the pages are a strip: the present one is brought into sight.
  function showCurrentPage() {
    const side = document.querySelector(".side");
    const current = side?.querySelector("[aria-current]");
    if (current) side.scrollLeft = current.offsetLeft - (side.clientWidth - current.offsetWidth) / 2;
  }
  let charts = null;
  function enhance() {
    localise();
    startQuoteTimer();
    showCurrentPage();
    const chart = document.querySelector("px-chart");
    if (!chart || charts) return;
    charts = [chart.dataset.library, chart.dataset.script].reduce(
      (before, url) => before.then(() => load(url)), Promise.resolve());
  }
  function load(url) {
    return new Promise((resolve, reject) => {
      const script = document.createElement("script");
      script.src = url;
      script.addEventListener("load", resolve);
      script.addEventListener("error", reject);
      document.head.append(script);
    });
  }
  document.addEventListener("htmx:after:swap", enhance);
  document.addEventListener("htmx:after:swap", scrollToTarget);
  if (document.readyState === "loading") document.addEventListener("DOMContentLoaded", enhance);
  else enhance();
})();
