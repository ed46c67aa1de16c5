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
from tests.web.demo_app import NOW, Step, Town
from web.live.endpoints import _events, _seq
from web.live.event_follower import Tail
from web.live.fragments import Frames
from web.live.stream import Stream
from web.live.topics import View
from web.recent_prices import Prices
from web.render import Renderer
from web.shell import cursor
from web.static_files import Assets


@dataclass
class Told:
    event: str
    id: str
    data: str

    @property
    def json(self) -> Any:
        return json.loads(self.data)


class Server:
    """What a server runs behind its streams, started and stopped like one."""

    def __init__(self, town: Town) -> None:
        house = self.house = town.house()
        self.frames = Frames(house, Renderer(Assets()), Prices(house))
        self.tail = Tail(house, self.frames.take)

    def dashboard(self, topics: str, symbol: str = "", since: str = "") -> AsyncIterator[bytes]:
        view = View(frozenset(topics.split(",")), symbol)
        return Stream(self.house, self.tail, self.frames, view).run(since)

    def events(self, since: str = "") -> AsyncIterator[bytes]:
        return _events(self.house, self.tail, since, _seq(self.tail, since))


@asynccontextmanager
async def running(town: Town) -> AsyncIterator[Server]:
    server = Server(town)
    server.tail.start()
    yield server
    await server.tail.stop()


async def read(messages: AsyncIterator[bytes], until: str, seconds: float = 8) -> list[Told]:
    """Messages up to the one whose event, id or data contains `until`."""
    told: list[Told] = []
    async with asyncio.timeout(seconds):
        async for chunk in messages:
            for block in chunk.decode().split("\n\n"):
                lines = dict(line.split(": ", 1) for line in block.splitlines() if ": " in line)
                if "data" in lines:
                    told.append(Told(lines.get("event", ""), lines.get("id", ""), lines["data"]))
            if any(until in (t.event, t.id) or until in t.data for t in told):
                return told
    raise AssertionError(f"never told of {until}")


async def test_programs_resume_without_gap_or_duplicate_across_a_restart(town: Town) -> None:
    seen: list[Told] = []
    async with running(town) as first:
        stream = first.events("0")
        half = town.journal.last_seq() // 2
        seen += [t for t in await read(stream, f"{first.tail.epoch}-{half}") if t.id]
    del seen[-3:]  # the connection broke before these arrived
    town.decide(NOW + timedelta(days=3))  # and this happened while no server was running
    async with running(town) as second:
        last = f"{second.tail.epoch}-{town.journal.last_seq()}"
        seen += [t for t in await read(second.events(seen[-1].id), last) if t.id]
    stored = town.journal.events_after(0, 10_000)
    assert [t.id for t in seen] == [f"{second.tail.epoch}-{event.seq}" for event in stored]
    assert [t.json["kind"] for t in seen] == [event.kind.value for event in stored]
    assert all(t.json["simulated"] for t in seen)


async def test_what_happens_while_a_program_listens_arrives_once_and_in_order(town: Town) -> None:
    async with running(town) as server:
        start = server.tail.seq
        stream = server.events()
        assert (await read(stream, "sys.hello"))[0].json["simulated"] is True
        wanted = f"{server.tail.epoch}-{start + 40}"
        reading = asyncio.create_task(read(stream, wanted))
        for count in range(40):
            town.journal.append(EventKind.WATCHLIST_CHANGED, "live", None, {"count": count})
            if count % 3 == 0:
                town.bell.ring()
        told = await reading
        assert [t.json["payload"]["count"] for t in told] == list(range(40))


async def test_an_id_of_another_database_resets(town: Town) -> None:
    async with running(town) as server:
        for since in ("elsewhere-5", f"{server.tail.epoch}-{server.tail.seq + 1}"):
            told = await read(server.events(since), "sys.reset")
            assert told[-1].id == f"{server.tail.epoch}-{server.tail.seq}"
            told = await read(server.dashboard("votes", since=since), "sys.reset")
            assert told[-1].event == "sys.reset"


async def test_a_page_drawn_from_the_journal_before_the_tail_read_it_is_not_reset(
    town: Town,
) -> None:
    server = Server(town)  # its tail does not follow yet
    town.journal.append(EventKind.AGENT_CHANGED, "live", None, {})
    assert server.tail.seq < town.journal.last_seq()
    told = await read(server.dashboard("votes", since=cursor(server.house)), "sys.hello")
    assert told[0].id == ""
    assert _seq(server.tail, str(town.journal.last_seq())) == town.journal.last_seq()


async def test_the_dashboard_gets_what_changed_since_its_page_was_drawn(town: Town) -> None:
    before = f"{town.journal.epoch}-{town.journal.last_seq()}"
    town.decide(NOW + timedelta(days=3))
    async with running(town) as server:
        told = await read(server.dashboard("votes,why", "AAPL", before), "why-AAPL")
    text = "".join(t.data for t in told if not t.event)
    for agent in town.agents:
        assert f'hx-target="#vote-AAPL-{agent}"' in text
    assert 'hx-target="#decision-BTC-USD"' in text
    assert 'hx-target="#why-MSFT"' not in text
    newest = f"{town.journal.epoch}-{town.journal.last_seq()}"
    assert [t.id for t in told if t.id] == [newest] * len([t for t in told if t.id])


async def test_page_and_stream_draw_the_same_cell(town: Town) -> None:
    from web.server import create_app

    before = f"{town.journal.epoch}-{town.journal.last_seq()}"
    town.decide(NOW + timedelta(days=3))
    async with running(town) as server:
        told = await read(server.dashboard("votes", "", before), "#decision-XOM")
    app: Litestar = create_app(town.house())
    async with AsyncTestClient(app, base_url="http://localhost") as client:
        page = _flat((await client.get("/insights")).text)
    partial = re.search(r'#vote-XOM-technical"[^>]*>(.*?)</hx-partial>', _html(told))
    assert partial is not None
    assert _flat(partial[1]) in page


async def test_the_page_of_a_symbol_and_its_stream_tell_the_same_facts(town: Town) -> None:
    from web.server import create_app

    before = f"{town.journal.epoch}-{town.journal.last_seq()}"
    town.decide(NOW + timedelta(days=3))
    async with running(town) as server:
        told = await read(server.dashboard("facts", "AAPL", before), "#news-AAPL")
    app: Litestar = create_app(town.house())
    async with AsyncTestClient(app, base_url="http://localhost") as client:
        page = _flat((await client.get("/symbols/AAPL")).text)
    for noun in ("history", "gate", "filings", "news"):
        partial = re.search(rf'#{noun}-AAPL"[^>]*>(.*?)</hx-partial>', _html(told))
        assert partial is not None, noun
        assert _flat(partial[1]) in page
    assert "#news-MSFT" not in _html(told)


async def test_a_slow_reader_gets_the_newest_of_each_cell_and_not_every_one(town: Town) -> None:
    vote = town.journal.events_after(0, 1)[0]
    async with running(town) as server:
        stream = server.dashboard("votes")
        async with aclosing(stream):  # type: ignore[type-var]
            await read(stream, "sys.hello")
            for count in range(200):
                payload = {**vote.payload, "p_up": 0.3 + count / 1000}
                town.journal.append(EventKind.VOTE_CAST, "live", vote.symbol, payload)
            town.bell.ring()
            last = f"{server.tail.epoch}-{town.journal.last_seq()}"
            told = await read(stream, last)
    cells = [t for t in told if f"vote-{vote.symbol}-" in t.data]
    assert len(cells) <= 4
    assert ">50<" in cells[-1].data


async def test_progress_has_no_id_for_it_is_of_the_moment_only(town: Town) -> None:
    async with running(town) as server:
        stream = server.dashboard("progress")
        await read(stream, "#progress")
        town.engine.step = Step("asking five agents", 2, 5)
        town.bell.ring()
        told = await read(stream, "asking five agents")
    assert told[-1].id == ""


async def test_trouble_is_seen_live_and_so_is_its_end(town: Town) -> None:
    async with running(town) as server:
        stream = server.dashboard("progress,engine")
        await read(stream, "#progress")
        town.engine.error = "Nobody answers. Check the network."
        town.bell.ring()
        assert "Check the network." in (await read(stream, "keeps trying"))[-1].data
        town.engine.error = None
        town.engine.halt("tired of it")
        town.bell.ring()
        told = _html(await read(stream, "tired of it"))
        assert 'id="progress"> </div>' in told


async def test_a_changed_engine_or_watchlist_is_told_everywhere(town: Town) -> None:
    async with running(town) as server:
        stream = server.dashboard("log")
        await read(stream, "sys.hello")
        town.engine.pause()
        town.bell.ring()
        assert "Paused" in (await read(stream, "engine-pill"))[-1].data
        town.watchlist.add("TSLA")
        town.bell.ring()
        assert "sys.reset" in [t.event for t in await read(stream, "sys.reset")]


async def test_a_chart_hears_of_new_bars_and_decisions_on_its_symbol_only(town: Town) -> None:
    async with running(town) as server:
        stream = server.dashboard("chart", "AAPL")
        await read(stream, "sys.hello")
        town.decide(NOW + timedelta(days=3))
        told = await read(stream, "chart.bar")
    marks = [t.json for t in told if t.event == "chart.marker"]
    assert [mark["symbol"] for mark in marks] == ["AAPL"]
    assert any(t.event == "a11y.announce" for t in told)


def _html(told: list[Told]) -> str:
    return "".join(t.data for t in told if not t.event)


def _flat(html: str) -> str:
    return re.sub(r">\s+<", "><", re.sub(r"\s+", " ", html)).strip()


async def test_a_tail_that_is_rung_as_it_is_stopped_ends(town: Town) -> None:
    house = town.house()
    for turns in range(6):
        tail = Tail(house, lambda _: None)
        tail.start()
        await asyncio.sleep(0.05)
        house.bell.ring()
        for _ in range(turns):
            await asyncio.sleep(0)
        async with asyncio.timeout(5):
            await tail.stop()
