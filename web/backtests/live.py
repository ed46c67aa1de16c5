"""Backtests that are under way, and the results that they end in."""

from collections.abc import Hashable, Iterator, Sequence

from web.backtests.views import HEADS, job_lines, result_lines
from web.live.parts import Fragment, MomentPart
from web.render import Renderer
from web.services import Backtests


class BacktestsLive:
    def __init__(self, backtests: Backtests, renderer: Renderer) -> None:
        self._backtests, self._renderer = backtests, renderer
        self._ended: Hashable = ()
        self._results: Sequence[Fragment] = ()

    def parts(self) -> Sequence[MomentPart]:
        return (
            MomentPart(topic="backtests", draw=self._draw_jobs),
            MomentPart(topic="results", draw=self._draw_results),
        )

    def _draw_jobs(self) -> Iterator[Fragment]:
        jobs = job_lines(self._backtests.jobs())
        yield Fragment("jobs", self._renderer.partial("backtests/jobs", jobs=jobs))

    def _draw_results(self) -> Sequence[Fragment]:
        """Draw them again only after a job has ended."""
        ended = tuple((job.id, job.state) for job in self._backtests.jobs())
        if ended != self._ended:
            results = result_lines(self._backtests.results())
            partial = self._renderer.partial("backtests/results", results=results, heads=HEADS)
            self._ended, self._results = ended, (Fragment("results", partial),)
        return self._results
