# SPDX-License-Identifier: GPL-2.0-or-later
"""Writes a second over time when the primary is killed, a lane for each system, as one SVG."""

from statistics import median
from xml.sax.saxutils import escape

from .table import runs_of

SCENARIO = "crash"
WIDTH, LEFT, RIGHT, TOP, LANE, GAP, BOTTOM = 900, 20, 20, 46, 56, 40, 40
BEFORE, AFTER = 2.0, 20.0        # seconds shown
EVERY = 2                        # a line for so many of them
COLOURS = ("#0b7a4b", "#b3541e", "#8a6d00", "#2f5d9b", "#6b4a9b")
AXIS, GRID, TEXT = "#444444", "#dddddd", "#222222"


def svg(results):
    """The run of median outage of each system; None where nobody was measured in this scenario."""
    shown = {system: typical(runs_of(results, system, SCENARIO)) for system in results["systems"]}
    shown = {system: run for system, run in shown.items() if run}
    if not shown:
        return None
    height = TOP + len(shown) * (LANE + GAP) + BOTTOM
    scale = Scale(max(max(run["curve"]["rate"]) for run in shown.values()) or 1)
    parts = [text(LEFT, 24, "Writes a second when the primary's process is killed at 0 s", 16),
             *axis(scale, height)]
    for number, (system, run) in enumerate(shown.items()):
        parts += lane(scale, TOP + number * (LANE + GAP) + GAP, results["systems"][system], run,
                      COLOURS[number % len(COLOURS)])
    body = "\n".join(parts)
    return (f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height}" width="{WIDTH}"'
            f' height="{height}" font-family="sans-serif">\n'
            f'<rect width="100%" height="100%" fill="#ffffff"/>\n{body}\n</svg>\n')


def typical(runs):
    """The run whose outage is nearest to the median; None without any."""
    if not runs:
        return None
    middle = median(run["outage_s"]["plain"] for run in runs)
    return min(runs, key=lambda run: abs(run["outage_s"]["plain"] - middle))


class Scale:
    """Seconds and writes a second to places in the picture."""

    def __init__(self, most):
        self.most = most

    @staticmethod
    def x(second):
        return LEFT + (second + BEFORE) / (AFTER + BEFORE) * (WIDTH - LEFT - RIGHT)

    def up(self, rate):
        return rate / self.most * LANE


def axis(scale, height):
    """Lines from top to bottom, with their second below."""
    bottom = height - BOTTOM
    for second in range(-int(BEFORE), int(AFTER) + 1, EVERY):
        x = scale.x(second)
        colour = AXIS if second == 0 else GRID
        yield f'<line x1="{x:.1f}" y1="{TOP}" x2="{x:.1f}" y2="{bottom}" stroke="{colour}"/>'
        yield text(x, bottom + 18, f"{second} s", 12, "middle")


def lane(scale, top, title, run, colour):
    """One system: its name with the numbers of this run, and the curve."""
    base = top + LANE
    points = [f"{scale.x(second):.1f},{base - scale.up(rate):.1f}" for second, rate in steps(run["curve"])]
    yield text(LEFT + 4, top - 8, f"{title}: {said(run)}", 13)
    yield (f'<path d="M{points[0].split(",")[0]},{base} L{" L".join(points)} L{points[-1].split(",")[0]},{base} Z"'
           f' fill="{colour}" fill-opacity="0.25"/>')
    yield f'<polyline points="{" ".join(points)}" fill="none" stroke="{colour}" stroke-width="1.5"/>'
    yield f'<line x1="{LEFT}" y1="{base}" x2="{WIDTH - RIGHT}" y2="{base}" stroke="{AXIS}"/>'


def said(run):
    lost = run["lost"]
    return (f"{run['outage_s']['plain']:.1f} s without a write, {lost['plain']} lost,"
            f" {lost['confirmed']} of those that WAIT 1 had confirmed")


def steps(curve):
    """The corners of the curve, within what is shown."""
    for number, rate in enumerate(curve["rate"]):
        begin = curve["from"] + number * curve["step"]
        end = begin + curve["step"]
        if begin > -BEFORE - curve["step"] / 2 and end < AFTER + curve["step"] / 2:
            yield begin, rate
            yield end, rate


def text(x, y, words, size, anchor="start"):
    return (f'<text x="{x:.1f}" y="{y:.1f}" font-size="{size}" text-anchor="{anchor}" fill="{TEXT}"'
            f' stroke="#ffffff" stroke-width="4" paint-order="stroke">'
            f"{escape(words)}</text>")
