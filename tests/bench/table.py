# SPDX-License-Identifier: GPL-2.0-or-later
"""The results as Markdown: median, minimum, maximum, and each system as a multiple of this suite."""

from statistics import median

OURS = "suite"
NONE = "-"


def markdown(results):
    """All tables, and on what machine they were made."""
    parts = ["Each figure is the median (minimum to maximum) of the runs."]
    parts += [_table(results, scenario, text) for scenario, text in results["scenarios"].items()]
    parts += [_monitors(results), _origin(results)]
    return "\n\n".join(part for part in parts if part) + "\n"


def runs_of(results, system, scenario):
    """The runs that have a result."""
    return [run for run in results["runs"]
            if (run["system"], run["scenario"]) == (system, scenario) and "error" not in run]


def _table(results, scenario, text):
    head = ["system", "runs", "outage, s", "times ours", "confirmed again, s", "lost, no WAIT",
            "lost, WAIT 1", "two primaries, s"]
    rows = [_row(results, system, scenario) for system in results["systems"]]
    return f"**{text}**\n\n{_grid(head, [row for row in rows if row])}" if any(rows) else None


def _row(results, system, scenario):
    runs = runs_of(results, system, scenario)
    failed = [run for run in results["runs"]
              if (run["system"], run["scenario"]) == (system, scenario) and "error" in run]
    if not runs and not failed:
        return None
    count = f"{len(runs)}" + (f", {len(failed)} failed" if failed else "")
    title = results["systems"][system]
    if not runs:
        return [title, count, *[NONE] * 6]
    return [title, count, outages(runs, "plain"), _ratio(results, scenario, runs),
            outages(runs, "confirmed"), _lost(runs, "plain"), _lost(runs, "confirmed"),
            spread([run["two_primaries_s"] for run in runs], "{:.1f}")]


def outages(runs, writer):
    """A writer that did not get going again by itself makes its outage a lower bound."""
    sign = "" if all(run["came_back"][writer] for run in runs) else ">= "
    return sign + spread([run["outage_s"][writer] for run in runs], "{:.2f}")


def spread(values, form):
    """Median (minimum to maximum); one number where all are equal."""
    low, middle, high = (form.format(value) for value in (min(values), median(values), max(values)))
    return middle if low == high else f"{middle} ({low} to {high})"


def _lost(runs, writer):
    """Writes, and how many a run had in all, at the median."""
    lost = [run["lost"][writer] for run in runs]
    return f"{spread(lost, '{:.0f}')} of {median(run['acknowledged'][writer] for run in runs):.0f}"


def _ratio(results, scenario, runs):
    """Of the medians."""
    ours = runs_of(results, OURS, scenario)
    if not ours:
        return NONE
    theirs, own = (median(run["outage_s"]["plain"] for run in some) for some in (runs, ours))
    return f"{theirs / own:.1f}"


def _monitors(results):
    """One monitor of the promoted role."""
    head = ["one monitor of the primary", "wall, ms", "times ours", "user + system CPU, ms", "times ours",
            "processes and threads"]
    ours = results["monitors"].get(OURS)
    rows = [[results["systems"][system], spread(cost["wall_ms"], "{:.1f}"), _times(cost, ours, "wall_ms"),
             spread(cost["cpu_ms"], "{:.1f}"), _times(cost, ours, "cpu_ms"), f"{median(cost['processes']):.0f}"]
            for system, cost in results["monitors"].items()]
    return _grid(head, rows) if rows else ""


def _times(cost, ours, what):
    return f"{median(cost[what]) / median(ours[what]):.0f}" if ours else NONE


def _origin(results):
    host = results["host"]
    packages = ", ".join(f"{name} {version}" for name, version in host["packages"].items())
    return (f"Measured {host['date']} at commit {host['commit']}: {host['cores']} cores ({host['processor']}),"
            f" {host['memory_gb']:g} GB, {host['system']}, Linux {host['kernel']}; {packages}."
            " Three nodes, clients and servers share these cores.")


def _grid(head, rows):
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)
