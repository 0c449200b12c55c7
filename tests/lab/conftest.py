# SPDX-License-Identifier: GPL-2.0-or-later
"""For the lab's own tests: nodes without a cluster."""

import pytest

from .api import Lab
from .lab_kit import RUN


@pytest.fixture
def bare():
    with Lab(nodes=2, name=f"{RUN}-bare", bare=True) as nodes:
        yield nodes
