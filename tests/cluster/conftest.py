# SPDX-License-Identifier: GPL-2.0-or-later
"""One lab with the pcs example for all scenarios, healthy again before each; an observer for those
that break something.  Evidence of a failure goes into one folder, named in the failure.
"""

import os
import random
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
from lab import Lab, LabError  # noqa: E402


TOLD = pytest.StashKey()


def pytest_addoption(parser):
    parser.addoption("--install-dir", default=os.environ.get("RHA_INSTALL_DIR", TESTS.parent / "build/root"),
                     help="what `make install DESTDIR=` wrote (default: $RHA_INSTALL_DIR, else build/root)")
    parser.addoption("--rounds", type=int, default=1,
                     help="how often each scenario with a random instant in it is played (default: 1)")
    parser.addoption("--evidence", default=None,
                     help="folder for what the nodes said when something failed (default: in /tmp)")


@contextmanager
def seed(config, name, **options):
    """A lab, and the example with its addresses; not deployed."""
    folder = tempfile.mkdtemp(prefix=f"redis-ha-{name}-")
    try:
        with Lab(nodes=3, name=f"{name}-{os.getpid()}", install_dir=config.getoption("--install-dir"),
                 dump_dir=config.getoption("--evidence"), **options) as lab:
            yield Seed(lab, Example(lab, folder))
    finally:
        shutil.rmtree(folder)


@pytest.fixture
def bare_seed(pytestconfig):
    with seed(pytestconfig, "bare") as made:
        yield made


@pytest.fixture
def machines(pytestconfig):
    """Three of them, without a cluster."""
    with seed(pytestconfig, "readme", bare=True) as made:
        yield made


@pytest.fixture(scope="session")
def _by_pcs(pytestconfig):
    with seed(pytestconfig, "pcs") as made:
        made.example.deploy("pcs")
        made.wait_healthy()
        yield made


@pytest.fixture
def cluster(_by_pcs):
    """The pcs example; what the scenario before did to it is taken back, if that did not do so itself."""
    try:
        untouched = _by_pcs.trouble() is None and _by_pcs.failures() == []
    except LabError:
        untouched = False
    if not untouched:
        _by_pcs.restore()
    return _by_pcs


@pytest.fixture
def observed(cluster):
    """An observer at work. The scenario asks for its verdict."""
    with cluster.observer() as observer:
        observer.wait_writes_after(0, 30)
        yield observer


@pytest.fixture
def unfenced(cluster):
    """No fencing: what keeps the promises is the ring, the lease and the ranks alone."""
    cluster.pcs("property", "set", "stonith-enabled=false")
    yield cluster
    cluster.pcs("property", "set", "stonith-enabled=true")  # also where the next finds nothing to restore


@pytest.fixture
def rounds(pytestconfig):
    return pytestconfig.getoption("--rounds")


@pytest.fixture
def tell(request):
    """tell(LINE): a figure for the end of the report, whether the scenario passes or not."""
    def note(line):
        request.config.stash.setdefault(TOLD, []).append(line)
    return note


def pytest_terminal_summary(terminalreporter, config):
    told = config.stash.get(TOLD, [])
    if told:
        terminalreporter.section("figures")
        for line in told:
            terminalreporter.write_line(f"figure: {line}")


@pytest.fixture
def instant():
    """instant(FROM, TO): a random time in seconds; a failure shows what was drawn."""
    def draw(least, most):
        drawn = random.uniform(least, most)
        print(f"instant: {drawn:.3f} s")
        return drawn
    return draw


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_makereport(item, call):
    """What every node said when a scenario failed; a lab's time-out has written it already."""
    outcome = yield
    report = outcome.get_result()
    lab = next((item.funcargs[name].lab for name in ("cluster", "bare_seed", "machines")
                if name in item.funcargs), None)
    if report.failed and lab and call.excinfo and not getattr(call.excinfo.value, "dump", None):
        parent = item.config.getoption("--evidence") or tempfile.gettempdir()
        Path(parent).mkdir(parents=True, exist_ok=True)
        try:
            where = lab.dump(tempfile.mkdtemp(prefix=f"redis-ha-{item.name}-", dir=parent))
        except LabError as failure:  # the last scenario's fixtures ended with the lab
            where = failure
        report.sections.append(("evidence", str(where)))
