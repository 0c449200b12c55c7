# SPDX-License-Identifier: GPL-2.0-or-later
"""What the bench makes of its measurements, and what it makes of our example; no lab is needed."""

import copy
import json
import subprocess
import sys
import xml.etree.ElementTree as ElementTree
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from bench import monitor, picture, table  # noqa: E402 - the path must be known first
from bench.heartbeat import Heartbeat, HeartbeatMoving  # noqa: E402
from bench.recording import curve, longest_gap  # noqa: E402
from bench.suite import Suite  # noqa: E402
from cluster.example import FOLDER  # noqa: E402

SVG = "{http://www.w3.org/2000/svg}"


@pytest.fixture
def sample():
    """Of a run of the bench, shortened."""
    return json.loads(Path(__file__).with_name("sample.json").read_text())


def script_of(kind):
    return kind.edit(kind.__new__(kind), (FOLDER / "cluster.pcs.sh").read_text())


def rows(results):
    """system -> cells of each line in which it stands first."""
    found = {}
    for line in table.markdown(results).splitlines():
        cells = [cell.strip() for cell in line.strip("|").split("|")]
        found.setdefault(cells[0], []).append(cells[1:])
    return found


def test_an_outage_is_the_longest_gap_after_the_last_write_before_the_fault():
    assert longest_gap([1.0, 2.0, 9.0, 9.5, 12.0, 12.1], 9.6, 12.2) == 2.5
    assert longest_gap([1.0, 2.0], 1.5, 9.0) == 7.0, "it lasts to the end"
    assert longest_gap([2.0, 3.0], 1.0, 3.1) == 1.0, "without a write before it, from the first one"


def test_the_curve_counts_writes_a_second_from_before_the_fault():
    drawn = curve([95.05, 95.07, 100.05, 100.95], 100.0, 101.0)

    assert drawn["from"] == -5.0 and len(drawn["rate"]) == 60
    assert (drawn["rate"][0], drawn["rate"][50], drawn["rate"][59], sum(drawn["rate"])) == (20, 10, 10, 40)


def test_the_table_has_median_extremes_and_ratio(sample):
    for run, outage in zip(table.runs_of(sample, "suite", "crash"), (0.5, 1.5)):
        run["outage_s"]["plain"], run["lost"]["plain"] = outage, 3
    for run, outage in zip(table.runs_of(sample, "standalone", "crash"), (2.0, 3.0)):
        run["outage_s"]["plain"] = outage

    ours, theirs = (rows(sample)[sample["systems"][name]][0] for name in ("suite", "standalone"))

    assert ours[:3] == ["2", "1.00 (0.50 to 1.50)", "1.0"] and ours[4].startswith("3 of ")
    assert theirs[:3] == ["2", "2.50 (2.00 to 3.00)", "2.5"]


def test_writes_that_did_not_come_back_make_a_lower_bound(sample):
    table.runs_of(sample, "standalone", "crash")[0]["came_back"]["plain"] = False

    assert rows(sample)[sample["systems"]["standalone"]][0][1].startswith(">= ")


def test_a_run_without_a_result_is_counted_and_spoils_no_other(sample):
    sample["runs"].append({"system": "suite", "scenario": "crash", "run": 3, "error": "the lab fell over"})
    assert rows(sample)[sample["systems"]["suite"]][0][0] == "2, 1 failed"

    sample["runs"] = [sample["runs"][-1]]
    assert rows(sample)[sample["systems"]["suite"]][0] == ["0, 1 failed", *["-"] * 6]
    assert picture.svg(sample) is None


def test_the_table_names_machine_date_and_versions(sample):
    text = table.markdown(sample)

    for word in (sample["host"]["date"], sample["host"]["kernel"], *sample["host"]["packages"]):
        assert word in text


def test_the_picture_is_well_formed_and_nothing_lies_outside(sample):
    sample["systems"]["suite"] = "ours & <theirs>"
    for run in table.runs_of(sample, "suite", "crash"):
        run["curve"]["rate"] += [100] * 100  # longer than what is shown

    drawn = ElementTree.fromstring(picture.svg(sample))

    width, height = (float(drawn.get(name)) for name in ("width", "height"))
    lines = drawn.findall(f"{SVG}polyline")
    assert len(lines) == len(sample["systems"])
    for x, y in (point.split(",") for line in lines for point in line.get("points").split()):
        assert 0 <= float(x) <= width and 0 <= float(y) <= height
    assert any("ours & <theirs>" in (text.text or "") for text in drawn.findall(f"{SVG}text"))


def test_the_picture_shows_the_run_of_median_outage(sample):
    run = table.runs_of(sample, "suite", "crash")[0]
    runs = [copy.deepcopy(run) for _ in range(3)]
    for one, outage in zip(runs, (9.0, 1.0, 2.0)):
        one["outage_s"]["plain"] = outage

    assert picture.typical(runs) is runs[2]


def test_our_example_is_changed_in_nothing_but_down_after():
    before = (FOLDER / "cluster.pcs.sh").read_text().splitlines()

    added = [line.strip() for line in script_of(Suite).splitlines() if line not in before]

    assert added == ["down_after=1000 \\"]


def test_heartbeat_redis_takes_the_place_of_our_agent_in_our_example():
    script = script_of(Heartbeat)

    assert "ocf:heartbeat:redis" in script and "ocf:redis-ha:haproxy" in script
    assert "ocf:redis-ha:redis" not in script and "sentinel-clone" not in script
    assert "migration-threshold=1 " in script_of(HeartbeatMoving)
    for text in (script, script_of(Suite), script_of(HeartbeatMoving)):
        subprocess.run(["sh", "-n"], input=text, text=True, check=True)


def test_the_probe_of_a_monitor_counts_what_it_runs():
    job = {"argv": ["/bin/sh", "-c", "(:); (:); exit 8"], "env": {}, "runs": 2}

    told = subprocess.run([sys.executable, "-", json.dumps(job)], input=monitor.PROBE.read_text(),
                          capture_output=True, text=True, check=True).stdout

    for run in json.loads(told):
        assert run["code"] == 8 and run["processes"] >= 3  # others on this machine start programs as well
        assert run["wall_ms"] > 0 and run["cpu_ms"] >= 0
