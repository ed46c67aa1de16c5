"""The streams: nothing lost, nothing twice, across a restart; the same markup as the pages."""

import asyncio
import json
import re
from collections.abc import AsyncIterator
from contextlib import aclosing, asynccontextmanager
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from litestar import Litestar
from litestar.testing import AsyncTestClient

from domain.events import EventKind
from tests.web.demo_app import NOW, DemoApp, EngineStep
from web.live.endpoints import _event_messages, _resume_seq
from web.live.event_follower import EventFollower
from web.live.fragments import FragmentRenderer
from web.live.stream import DashboardStream, StreamSubscription
from web.server import make_injector
from web.shell import stream_cursor


@dataclass
class StreamMessage:
    event: str
    id: str
    data: str

    @property
    def json(self) -> Any:
        return json.loads(self.data)


class StreamServer:
    """What a server runs behind its streams, started and stopped like one."""

    def __init__(self, demo_app: DemoApp) -> None:
        self.services = demo_app.services()
        injector = make_injector(self.services)
        self.fragments = injector.get(FragmentRenderer)
        self.event_follower = injector.get(EventFollower)

    def dashboard(self, topics: str, symbol: str = "", since: str = "") -> AsyncIterator[bytes]:
        view = StreamSubscription(frozenset(topics.split(",")), symbol)
        stream = DashboardStream(
            self.services.served_run.version,
            self.services.clock,
            self.event_follower,
            self.fragments,
            view,
        )
        return stream.run(since)

    def events(self, since: str = "") -> AsyncIterator[bytes]:
        return _event_messages(
            self.services.served_run.simulated,
            self.event_follower,
            since,
            _resume_seq(self.event_follower, since),
        )


@asynccontextmanager
async def running_server(demo_app: DemoApp) -> AsyncIterator[StreamServer]:
    server = StreamServer(demo_app)
    server.event_follower.start()
    yield server
    await server.event_follower.stop()


async def read_until(
    messages: AsyncIterator[bytes], until: str, seconds: float = 8
) -> list[StreamMessage]:
    """Messages up to the one whose event, id or data contains `until`."""
    messages_read: list[StreamMessage] = []
    async with asyncio.timeout(seconds):
        async for chunk in messages:
            for block in chunk.decode().split("\n\n"):
                lines = dict(line.split(": ", 1) for line in block.splitlines() if ": " in line)
                if "data" in lines:
                    messages_read.append(
                        StreamMessage(lines.get("event", ""), lines.get("id", ""), lines["data"])
                    )
            if any(until in (t.event, t.id) or until in t.data for t in messages_read):
                return messages_read
    raise AssertionError(f"{until} never came")


async def test_programs_resume_without_gap_or_duplicate_across_a_restart(demo_app: DemoApp) -> None:
    seen: list[StreamMessage] = []
    async with running_server(demo_app) as first:
        stream = first.events("0")
        half = demo_app.journal.last_seq() // 2
        seen += [
            t for t in await read_until(stream, f"{first.event_follower.epoch}-{half}") if t.id
        ]
    del seen[-3:]  # the connection broke before these arrived
    demo_app.run_cycle(NOW + timedelta(days=3))  # and this happened while no server was running
    async with running_server(demo_app) as second:
        last = f"{second.event_follower.epoch}-{demo_app.journal.last_seq()}"
        seen += [t for t in await read_until(second.events(seen[-1].id), last) if t.id]
    stored = demo_app.journal.events_after(0, 10_000)
    assert [t.id for t in seen] == [
        f"{second.event_follower.epoch}-{event.seq}" for event in stored
    ]
    assert [t.json["kind"] for t in seen] == [event.kind.value for event in stored]
    assert all(t.json["simulated"] for t in seen)


async def test_what_happens_while_a_program_listens_arrives_once_and_in_order(
    demo_app: DemoApp,
) -> None:
    async with running_server(demo_app) as server:
        start = server.event_follower.seq
        stream = server.events()
        assert (await read_until(stream, "sys.hello"))[0].json["simulated"] is True
        last_id = f"{server.event_follower.epoch}-{start + 40}"
        reading = asyncio.create_task(read_until(stream, last_id))
        for count in range(40):
            demo_app.journal.append(EventKind.WATCHLIST_CHANGED, "live", None, {"count": count})
            if count % 3 == 0:
                demo_app.notifier.notify()
        messages = await reading
        assert [t.json["payload"]["count"] for t in messages] == list(range(40))


async def test_an_id_of_another_database_resets(demo_app: DemoApp) -> None:
    async with running_server(demo_app) as server:
        for since in (
            "elsewhere-5",
            f"{server.event_follower.epoch}-{server.event_follower.seq + 1}",
        ):
            messages = await read_until(server.events(since), "sys.reset")
            assert messages[-1].id == f"{server.event_follower.epoch}-{server.event_follower.seq}"
            messages = await read_until(server.dashboard("votes", since=since), "sys.reset")
            assert messages[-1].event == "sys.reset"


async def test_a_page_drawn_from_the_journal_before_the_tail_read_it_is_not_reset(
    demo_app: DemoApp,
) -> None:
    server = StreamServer(demo_app)  # its tail does not follow yet
    demo_app.journal.append(EventKind.AGENT_CHANGED, "live", None, {})
    assert server.event_follower.seq < demo_app.journal.last_seq()
    messages = await read_until(
        server.dashboard("votes", since=stream_cursor(server.services.journal)), "sys.hello"
    )
    assert messages[0].id == ""
    assert (
        _resume_seq(server.event_follower, str(demo_app.journal.last_seq()))
        == demo_app.journal.last_seq()
    )


async def test_the_dashboard_gets_what_changed_since_its_page_was_drawn(demo_app: DemoApp) -> None:
    before = f"{demo_app.journal.epoch}-{demo_app.journal.last_seq()}"
    demo_app.run_cycle(NOW + timedelta(days=3))
    async with running_server(demo_app) as server:
        messages = await read_until(server.dashboard("votes,why", "AAPL", before), "why-AAPL")
    text = "".join(t.data for t in messages if not t.event)
    for agent in demo_app.agents:
        assert f'hx-target="#vote-AAPL-{agent}"' in text
    assert 'hx-target="#decision-BTC-USD"' in text
    assert 'hx-target="#why-MSFT"' not in text
    newest = f"{demo_app.journal.epoch}-{demo_app.journal.last_seq()}"
    assert [t.id for t in messages if t.id] == [newest] * len([t for t in messages if t.id])


async def test_page_and_stream_draw_the_same_cell(demo_app: DemoApp) -> None:
    from web.server import create_app

    before = f"{demo_app.journal.epoch}-{demo_app.journal.last_seq()}"
    demo_app.run_cycle(NOW + timedelta(days=3))
    async with running_server(demo_app) as server:
        messages = await read_until(server.dashboard("votes", "", before), "#decision-XOM")
    app: Litestar = create_app(demo_app.services())
    async with AsyncTestClient(app, base_url="http://localhost") as client:
        page = _flat((await client.get("/insights")).text)
    partial = re.search(r'#vote-XOM-technical"[^>]*>(.*?)</hx-partial>', _html(messages))
    assert partial is not None
    assert _flat(partial[1]) in page


async def test_the_page_of_a_symbol_and_its_stream_tell_the_same_facts(demo_app: DemoApp) -> None:
    from web.server import create_app

    before = f"{demo_app.journal.epoch}-{demo_app.journal.last_seq()}"
    demo_app.run_cycle(NOW + timedelta(days=3))
    async with running_server(demo_app) as server:
        messages = await read_until(server.dashboard("facts", "AAPL", before), "#news-AAPL")
    app: Litestar = create_app(demo_app.services())
    async with AsyncTestClient(app, base_url="http://localhost") as client:
        page = _flat((await client.get("/symbols/AAPL")).text)
    for noun in ("history", "gate", "filings", "news"):
        partial = re.search(rf'#{noun}-AAPL"[^>]*>(.*?)</hx-partial>', _html(messages))
        assert partial is not None, noun
        assert _flat(partial[1]) in page
    assert "#news-MSFT" not in _html(messages)


async def test_a_slow_reader_gets_the_newest_of_each_cell_and_not_every_one(
    demo_app: DemoApp,
) -> None:
    vote = demo_app.journal.events_after(0, 1)[0]
    async with running_server(demo_app) as server:
        stream = server.dashboard("votes")
        async with aclosing(stream):  # type: ignore[type-var]
            await read_until(stream, "sys.hello")
            for count in range(200):
                payload = {**vote.payload, "p_up": 0.3 + count / 1000}
                demo_app.journal.append(EventKind.VOTE_CAST, "live", vote.symbol, payload)
            demo_app.notifier.notify()
            last = f"{server.event_follower.epoch}-{demo_app.journal.last_seq()}"
            messages = await read_until(stream, last)
    cells = [t for t in messages if f"vote-{vote.symbol}-" in t.data]
    assert len(cells) <= 4
    assert ">50<" in cells[-1].data


async def test_progress_has_no_id_for_it_is_of_the_moment_only(demo_app: DemoApp) -> None:
    async with running_server(demo_app) as server:
        stream = server.dashboard("progress")
        await read_until(stream, "#progress")
        demo_app.engine.step = EngineStep("asking five agents", 2, 5)
        demo_app.notifier.notify()
        messages = await read_until(stream, "asking five agents")
    assert messages[-1].id == ""


async def test_trouble_is_seen_live_and_so_is_its_end(demo_app: DemoApp) -> None:
    async with running_server(demo_app) as server:
        stream = server.dashboard("progress,engine")
        await read_until(stream, "#progress")
        demo_app.engine.error = "Nobody answers. Check the network."
        demo_app.notifier.notify()
        assert "Check the network." in (await read_until(stream, "keeps trying"))[-1].data
        demo_app.engine.error = None
        demo_app.engine.halt("tired of it")
        demo_app.notifier.notify()
        html = _html(await read_until(stream, "tired of it"))
        assert 'id="progress"> </div>' in html


async def test_a_changed_engine_or_watchlist_is_told_everywhere(demo_app: DemoApp) -> None:
    async with running_server(demo_app) as server:
        stream = server.dashboard("log")
        await read_until(stream, "sys.hello")
        demo_app.engine.pause()
        demo_app.notifier.notify()
        assert "Paused" in (await read_until(stream, "engine-pill"))[-1].data
        demo_app.watchlist.add("TSLA")
        demo_app.notifier.notify()
        assert "sys.reset" in [t.event for t in await read_until(stream, "sys.reset")]


async def test_a_chart_hears_of_new_bars_and_decisions_on_its_symbol_only(
    demo_app: DemoApp,
) -> None:
    async with running_server(demo_app) as server:
        stream = server.dashboard("chart", "AAPL")
        await read_until(stream, "sys.hello")
        demo_app.run_cycle(NOW + timedelta(days=3))
        messages = await read_until(stream, "chart.bar")
    marks = [t.json for t in messages if t.event == "chart.marker"]
    assert [mark["symbol"] for mark in marks] == ["AAPL"]
    assert any(t.event == "a11y.announce" for t in messages)


def _html(messages: list[StreamMessage]) -> str:
    return "".join(t.data for t in messages if not t.event)


def _flat(html: str) -> str:
    return re.sub(r">\s+<", "><", re.sub(r"\s+", " ", html)).strip()


async def test_a_tail_that_is_rung_as_it_is_stopped_ends(demo_app: DemoApp) -> None:
    services = demo_app.services()
    for turns in range(6):
        tail = EventFollower(services, lambda _: None)
        tail.start()
        await asyncio.sleep(0.05)
        services.notifier.notify()
        for _ in range(turns):
            await asyncio.sleep(0)
        async with asyncio.timeout(5):
            await tail.stop()
