# SPDX-License-Identifier: GPL-2.0-or-later
"""One lab with the pcs example for all scenarios, healthy again before each; an observer for those
that break something.  Evidence of a failure goes into one folder, named in the failure.
"""

import os
import shutil
import sys
import tempfile
from contextlib import contextmanager
from pathlib import Path

import pytest

TESTS = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(TESTS))

from cluster.example import Example  # noqa: E402 - the path must be known first
from cluster.seed import Seed  # noqa: E402
from lab import Lab  # noqa: E402


def pytest_addoption(parser):
    parser.addoption("--install-dir", default=str(TESTS.parent / "build" / "root"),
                     help="what `make install DESTDIR=` wrote (default: build/root)")
    parser.addoption("--evidence", default=None,
                     help="folder for what the nodes said when something failed (default: in /tmp)")


@contextmanager
def deployed(config, name, tool):
    """A lab with the example deployed by that tool, healthy."""
    folder = tempfile.mkdtemp(prefix=f"redis-ha-{name}-")
    try:
        with Lab(nodes=3, name=f"{name}-{os.getpid()}", install_dir=config.getoption("--install-dir"),
                 dump_dir=config.getoption("--evidence")) as lab:
            seed = Seed(lab, Example(lab, folder))
            seed.example.deploy(tool)
            seed.wait_healthy()
            yield seed
    finally:
        shutil.rmtree(folder)


@pytest.fixture(scope="session")
def _by_pcs(pytestconfig):
    with deployed(pytestconfig, "pcs", "pcs") as seed:
        yield seed


@pytest.fixture(scope="module")
def by_crmsh(pytestconfig):
    with deployed(pytestconfig, "crmsh", "crmsh") as seed:
        yield seed


@pytest.fixture
def cluster(_by_pcs):
    """The pcs example, healthy; whatever the scenario does to it is taken back before the next."""
    if _by_pcs.trouble() is not None or _by_pcs.failures():
        _by_pcs.restore()
    return _by_pcs


@pytest.fixture
def observed(cluster):
    """An observer at work; a scenario that does not ask for its verdict gets it asked here."""
    with cluster.observer() as observer:
        observer.wait_writes_after(0, 10)
        yield observer


@pytest.hookimpl(wrapper=False, hookwrapper=True)
def pytest_runtest_makereport(item, call):
    outcome = yield
    report = outcome.get_result()
    seed = item.funcargs.get("cluster") or item.funcargs.get("by_crmsh")
    if report.when == "call" and report.failed and seed and not getattr(call.excinfo.value, "dump", None):
        report.sections.append(("evidence", str(seed.lab._dump_for_timeout())))
