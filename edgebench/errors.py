"""What goes wrong in ways a user can act on; each class carries the exit code of the command line."""


class EdgebenchError(Exception):
    """Say in one sentence what was found, what was expected and what to do; printed without a traceback."""

    exit_code = 2


class UsageError(EdgebenchError):
    """A name, option or file that the user gave cannot be used."""

    exit_code = 2


class LostTrialError(EdgebenchError):
    """Something that should have been measured was lost: crash, timeout, out of memory, full disk."""

    exit_code = 3


class DeviceUnreachableError(EdgebenchError):
    """The measuring side could not be started or did not answer."""

    exit_code = 4
