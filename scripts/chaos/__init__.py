"""The parts of scripts/kill-test: real programs, clients that load them, what is done to them, and the verdict."""


class Broken(Exception):
    """The promise that was broken, in a sentence."""
