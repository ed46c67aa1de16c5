"""A whole training run as a stream of events: members one after another, then the judgement.

Nothing is written and nothing shown here; whoever asked for the run keeps its events. The same
arguments, market and checkpoints give the same bytes on the same machine, wherever a run was
interrupted. The test period is looked at once, at the end.
"""

from collections.abc import Iterator, Mapping

from envs.learning.arguments import Arguments
from envs.learning.events import Event
from envs.market_data import History


def learn(arguments: Arguments, market: History, kept: Mapping[str, bytes]) -> Iterator[Event]:
    """Train every member that `kept` (checkpoint by member; {} for a fresh run) does not hold
    as ended, an event a stage, then judge.

    Raises InputError for arguments or a market that cannot be trained on, and
    ConfigurationError for a checkpoint that is damaged or belongs to another run; both before
    anything is learnt.
    """
    raise NotImplementedError(arguments, market, kept)
