"""Rejected: a clip that could not be turned into features, and why."""


class Rejected(Exception):  # noqa: N818 - an outcome, not an error
    """A clip that could not be turned into features.

    `reason` is one of empty, undecodable, too_large, too_long, silent, too_short, crashed; `detail` says more.
    """

    def __init__(self, reason: str, detail: str = ""):
        super().__init__(reason, detail)
        self.reason, self.detail = reason, detail
