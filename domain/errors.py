"""The exceptions of Quorum, named for whoever must act.

Every message names the refused value and the remedy. The command line turns `exit_code` into
its exit status and the web server turns `status` into a response; nothing else translates them.
"""


class QuorumError(Exception):
    """Base of all errors that Quorum raises on purpose. `exit_code` and `status` are stable and
    documented."""

    exit_code = 1
    status = 500


class InputError(QuorumError):
    """The user's input is not valid: a date, a file, a quantity. `field` is the name of the refused
    field where the input has several."""

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
    """A file of a run or a model is corrupt, or was written by another program: restore a complete
    copy or create it again."""

    status = 409


class ProviderError(QuorumError):
    """A provider failed or gave an invalid response; trying again later may help."""

    exit_code = 4
    status = 503


class RateLimitedError(ProviderError):
    """The provider's rate limit is exceeded: an immediate retry makes it worse."""


class StorageError(QuorumError):
    """The database or the disk failed: full, locked, unreadable, or newer than this program."""

    exit_code = 5
    status = 503


class VerificationError(QuorumError):
    """A recomputed value does not equal the stored one."""

    exit_code = 6
    status = 409
