"""The error that a user can mend."""


class InputError(ValueError):
    """Something the user gave is missing, damaged or of the wrong kind.

    The message says what is wrong and what to do about it, in one or two sentences. Parameters
    stand in it as in Python, between backticks: `batch_size`, `batch_size=3`. The entry points in
    `experiments` print it without a traceback, and what they know as a flag with its dashes.
    """


def brief(error: BaseException) -> str:
    """What a library says of damaged bytes, in one line: some quote the bytes themselves."""
    return one_line(str(error)) or type(error).__name__


def one_line(text: str, most: int = 200) -> str:
    """Text out of a file, for a message: in one line, cut off behind so many characters."""
    text = " ".join(text.split())
    return text if len(text) <= most else f"{text[:most]}..."
