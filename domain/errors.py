"""One small tree of errors, named for whoever must act.

Every message names the refused value and the remedy. The command line turns `exit_code` into
its exit status and the web server turns `status` into a response; nobody else translates.
"""


class QuorumError(Exception):
    """Anything Quorum refuses on purpose. `exit_code` and `status` are stable and documented."""

    exit_code = 1
    status = 500


class InputError(QuorumError):
    """The user asked for something that cannot be: a date, a file, a quantity. `field` is the name
    of what was refused, where it is one field of several."""

    exit_code = 2
    status = 422

    def __init__(self, message: str = "", *, field: str = "") -> None:
        super().__init__(message)
        self.field = field


class UnknownSymbolError(InputError):
    """No provider knows the symbol, or nothing is stored for it."""

    status = 404


class NotFoundError(InputError):
    """A receipt, decision, agent or page that does not exist."""

    status = 404


class ConfigurationError(QuorumError):
    """The operator must change `quorum.toml`, the environment, a port or an address."""

    exit_code = 3


class CorruptFileError(ConfigurationError):
    """A file of a run or a model is not what was written, or of another program: bring a whole
    copy, or make it again."""

    status = 409


class ProviderError(QuorumError):
    """The outside world did not answer as hoped; trying again later may help."""

    exit_code = 4
    status = 503


class RateLimitedError(ProviderError):
    """The provider said that it was asked too often: asking again at once makes it worse."""


class StorageError(QuorumError):
    """The database or the disk refused: full, newer than this program, locked, unreadable."""

    exit_code = 5
    status = 503


class VerificationError(QuorumError):
    """Something recomputed does not equal what was stored."""

    exit_code = 6
    status = 409
