"""The error that a user can mend."""


class InputError(ValueError):
    """Something the user gave is missing, damaged or of the wrong kind.

    The message says what is wrong and what to do about it, in one or two sentences; the entry
    points in `experiments` print it without a traceback.
    """
