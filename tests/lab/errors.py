# SPDX-License-Identifier: GPL-2.0-or-later
"""What can go wrong in a lab: one line each, written for whoever runs it."""


class LabError(Exception):
    """Something could not be done; the text says what and, where known, the remedy."""


class LabTimeout(LabError):
    """A condition did not come true by its deadline; `dump` is the folder of evidence."""

    def __init__(self, text, dump=None):
        super().__init__(text)
        self.dump = dump
