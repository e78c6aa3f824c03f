"""The exceptions of the package. `_native` raises them by name."""


class OrigamiError(Exception):
    """Any error of the library.

    `path` is the file or directory concerned, `place` the place in it ("byte 128", "tile 9/3_4"); None where there is none.
    """

    path: str | None = None
    place: str | None = None


class FileError(OrigamiError, OSError):
    """The operating system refused something. `errno` is its code."""


class MissingFileError(FileError, FileNotFoundError):
    """A file or directory that is not there."""


class DamagedError(OrigamiError, ValueError):
    """Data that is damaged or incomplete."""


class ParameterError(OrigamiError, ValueError):
    """Parameters that are out of range, or contradict each other or the input."""


class UnsupportedFormatError(OrigamiError, ValueError):
    """A file of a kind that cannot be read here; the message says what can be done."""
