"""What cannot be run on this machine."""


class Skipped(Exception):
    """Says what is missing. Not a failure: the machine lacks it, not the server."""
