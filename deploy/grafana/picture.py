"""Draws the first rows of the dashboard from the answers of its queries, in Grafana's layout and colours: docs/dashboard.png."""
import logging
import math
import time

import matplotlib

matplotlib.use("Agg")
import matplotlib.pyplot as plt  # noqa: E402
from matplotlib.font_manager import get_font_names  # noqa: E402
from matplotlib.patches import FancyBboxPatch  # noqa: E402
from matplotlib.ticker import FuncFormatter, MaxNLocator  # noqa: E402

ROWS = 2  # so many rows of panels
# In pixels: the width of the page, its margin, the gap between panels, the height of one unit of the grid, what is above.
WIDTH, MARGIN, GAP, UNIT, HEAD = 1600, 16, 8, 34, 96
BACK, CARD, EDGE, GRID, INK, FAINT = "#111217", "#181b1f", "#24272d", "#272a30", "#d5d6e0", "#8e8f9c"
NAMED = {"green": "#73bf69", "red": "#f2495c", "orange": "#ff9830", "blue": "#5794f2"}
PALETTE = ["#73bf69", "#f2cc0c", "#8ab8ff", "#ff780a", "#f2495c", "#5794f2", "#b877d9", "#705da0", "#37872d", "#fade2a",
           "#447ebc", "#c15c17", "#ff9aa6", "#82b5d8", "#d683ce", "#e0b400", "#56a64b", "#3274d9", "#a352cc", "#ffcb7d", "#6ed0e0",
           "#fa6400", "#96d98d", "#c4162a"]


def draw(board, answers, began, file):
    shown = rows(board["panels"])
    page = Page(shown[-1]["gridPos"]["y"] + shown[-1]["gridPos"]["h"], (began / 60, time.time() / 60))
    page.text(MARGIN + 4, 30, board["title"], size=19, weight="semibold")
    chosen = [("Data source", "Prometheus"), *((variable["label"], "All") for variable in board["templating"]["list"][1:])]
    left = MARGIN + 4
    for label, value in chosen:
        left = page.text(left, 70, label, size=11, color=FAINT) + 8
        left = page.text(left, 70, value, size=11, weight="medium") + 28
    for panel in shown:
        if panel["type"] == "row":
            left, top, *_ = page.place(panel)
            page.text(left + 4, top + UNIT / 2, f"▾  {panel['title']}", size=13, weight="medium")
        else:
            card(page, panel, answers.get(panel["title"], []))
    page.figure.savefig(file, facecolor=BACK)


def rows(panels):
    """The panels of the first rows."""
    shown, count = [], 0
    for panel in panels:
        count += panel["type"] == "row"
        if count <= ROWS:
            shown.append(panel)
    return shown


class Page:
    """Places things by pixels from the top left corner."""

    def __init__(self, units, times):
        self.times = times
        self.height = HEAD + units * UNIT + MARGIN - GAP
        logging.getLogger("matplotlib.font_manager").setLevel(logging.ERROR)  # DejaVu has fewer weights, which is no matter
        fonts = [font for font in ("Inter", "DejaVu Sans") if font in get_font_names()]  # Grafana has the first
        plt.rcParams.update({"font.family": fonts, "text.color": INK})
        self.figure = plt.figure(figsize=(WIDTH / 72, self.height / 72), dpi=96, facecolor=BACK)  # a point is a pixel here
        self.renderer = self.figure.canvas.get_renderer()

    def place(self, panel):
        """Left, top, width and height."""
        grid, column = panel["gridPos"], (WIDTH - 2 * MARGIN + GAP) / 24
        return MARGIN + grid["x"] * column, HEAD + grid["y"] * UNIT, grid["w"] * column - GAP, grid["h"] * UNIT - GAP

    def text(self, left, middle, text, **style):
        """Returns where it ends."""
        drawn = self.figure.text(left / WIDTH, 1 - middle / self.height, text, va="center", **style)
        return drawn.get_window_extent(self.renderer).x1 / self.figure.dpi * 72

    def box(self, left, top, width, height, color, **style):
        self.figure.add_artist(FancyBboxPatch(
            (left / WIDTH, 1 - (top + height) / self.height), width / WIDTH, height / self.height, mutation_aspect=WIDTH / self.height,
            boxstyle=f"round,pad=0,rounding_size={2 / WIDTH}", facecolor=color, **{"edgecolor": color, "linewidth": 1, **style}))

    def axes(self, left, top, width, height):
        axes = self.figure.add_axes([left / WIDTH, 1 - (top + height) / self.height, width / WIDTH, height / self.height])
        axes.set_facecolor(CARD)
        axes.set_xlim(self.times)
        for side in axes.spines.values():
            side.set_visible(False)
        axes.grid(axis="y", color=GRID, linewidth=1)
        axes.set_axisbelow(True)
        axes.tick_params(length=0, labelsize=10, labelcolor=FAINT, pad=6)
        axes.xaxis.set_major_locator(MaxNLocator(6, steps=[1, 2, 3, 6, 10], prune="both"))
        axes.xaxis.set_major_formatter(FuncFormatter(lambda at, _: time.strftime("%H:%M", time.gmtime(at * 60))))
        return axes


def card(page, panel, queries):
    left, top, width, height = page.place(panel)
    page.box(left, top, width, height, CARD, edgecolor=EDGE, zorder=-1)
    page.text(left + 12, top + 20, panel["title"], size=12, weight="medium")
    if panel["type"] == "stat":
        return number(page, panel, queries)
    series = [(named(legend, one["metric"]), minutes(one)) for legend, result in queries for one in result]
    series = [(name, pairs) for name, pairs in series if pairs]
    if panel["type"] == "heatmap":
        return heat(page.axes(left + 62, top + 44, width - 78, height - 80), series, unit_of(panel))
    colours = {one["matcher"]["options"]: NAMED[one["properties"][0]["value"]["fixedColor"]] for one in panel["fieldConfig"]["overrides"]}
    series = [(name, pairs, colours.get(name, PALETTE[number % len(PALETTE)])) for number, (name, pairs) in enumerate(series)]
    table = panel["options"]["legend"]["displayMode"] == "table"
    beside = 270 if table else 0
    lines = [] if table else wrapped(page, [name for name, *_ in series], width - 28)
    axes = page.axes(left + 62, top + 44, width - 78 - beside, height - 80 - len(lines) * 22)
    chart(axes, panel, series)
    if table:
        totals(page, left + width - beside, top + 48, beside - 16, height - 60, series)
    else:
        legend(page, left + 14, top + height - 20, lines, {name: colour for name, _, colour in series})


def number(page, panel, queries):
    left, top, width, height = page.place(panel)
    value = next((pairs[-1][1] for _, result in queries for one in result if (pairs := minutes(one))), None)
    if value is None:
        text, colour = "No data", FAINT
    else:
        steps = panel["fieldConfig"]["defaults"]["thresholds"]["steps"]
        colour = [step["color"] for step in steps if step["value"] is None or value >= step["value"]][-1]
        text = told(round(value) if unit_of(panel) == "short" else value, unit_of(panel))
    page.text(left + width / 2, top + height * 0.6, text, size=30, weight="semibold", color=NAMED.get(colour, colour), ha="center")


def chart(axes, panel, series):
    defaults, unit = panel["fieldConfig"]["defaults"], unit_of(panel)
    if defaults["custom"]["drawStyle"] == "bars":
        times = sorted({at for _, pairs, _ in series for at, _ in pairs})
        step = min((after - before for before, after in zip(times, times[1:])), default=1)
        base = dict.fromkeys(times, 0.0)
        for _, pairs, colour in series:
            axes.bar([at for at, _ in pairs], [value for _, value in pairs], step * 0.8, [base[at] for at, _ in pairs], color=colour, alpha=0.85, linewidth=0)
            for at, value in pairs:
                base[at] += value
    else:
        for _, pairs, colour in series:
            axes.plot([at for at, _ in pairs], [value for _, value in pairs], color=colour, linewidth=1.7, solid_joinstyle="round")
        lowest = defaults.get("min", 0)
        if len(series) <= 3 and "max" not in defaults:
            for _, pairs, colour in series:
                axes.fill_between([at for at, _ in pairs], [value for _, value in pairs], lowest, color=colour, alpha=0.06, linewidth=0)
    bottom, top = axes.get_ylim()
    custom = defaults["custom"]
    axes.set_ylim(defaults.get("min", min(bottom, custom.get("axisSoftMin", bottom))), defaults.get("max", max(top, custom.get("axisSoftMax", top) * 1.02)))
    for step in defaults.get("thresholds", {}).get("steps", [])[1:]:
        axes.axhline(step["value"], color=NAMED[step["color"]], linestyle=(0, (5, 4)), linewidth=1.2, alpha=0.9)
    axes.yaxis.set_major_locator(MaxNLocator(5, steps=[1, 2, 2.5, 5, 10]))
    axes.yaxis.set_major_formatter(FuncFormatter(lambda value, _: told(value, unit)))


def heat(axes, series, unit):
    """A bucket holds what is below its bound; a cell shows what is new in it."""
    bounds = sorted(((float(name.replace("+Inf", "inf")), dict(pairs)) for name, pairs in series), key=lambda one: one[0])
    times = sorted({at for _, values in bounds for at in values})
    step = min((after - before for before, after in zip(times, times[1:])), default=1)
    cells, below = [], dict.fromkeys(times, 0.0)
    for _, values in bounds:
        cells.append([math.sqrt(new) if (new := values.get(at, 0) - below[at]) > 0.01 else float("nan") for at in times])
        below = {at: values.get(at, 0) for at in times}
    axes.grid(visible=False)
    axes.pcolormesh([at - step for at in times] + [times[-1]], range(len(cells) + 1), cells, cmap="inferno", edgecolors=CARD, linewidth=0.8)
    axes.set_yticks([n + 1 for n in range(len(cells))][::2], [told(bound, unit) for bound, _ in bounds][::2])


SPACE = 36  # of the mark of a name, and between names


def wrapped(page, names, width):
    """The names in lines, with where each begins."""
    lines, at = [[]], 0
    for name in names:
        ends = page.text(0, 0, name, size=10.5, alpha=0)
        if at + ends > width and lines[-1]:
            lines.append([])
            at = 0
        lines[-1].append((at, name))
        at += ends + SPACE
    return lines


def legend(page, left, bottom, lines, colours):
    for number, line in enumerate(reversed(lines)):
        for at, name in line:
            page.box(left + at, bottom - number * 20 - 2, 14, 4, colours[name])
            page.text(left + at + 20, bottom - number * 20, name, size=10.5)


def totals(page, left, top, width, height, series):
    """Names and sums, the largest first, as many as fit."""
    page.text(left, top, "Name", size=10, color=FAINT)
    page.text(left + width, top, "Total", size=10, color=FAINT, ha="right")
    sums = sorted(((sum(value for _, value in pairs), name, colour) for name, pairs, colour in series), reverse=True)
    for number, (total, name, colour) in enumerate(sums[:int(height // 22)]):
        middle = top + (number + 1) * 22
        page.box(left, middle - 2, 14, 4, colour)
        page.text(left + 22, middle, name if len(name) < 34 else name[:33] + "…", size=10.5)
        page.text(left + width, middle, f"{total:.0f}", size=10.5, ha="right")


def named(legend, metric):
    for label, value in metric.items():
        legend = legend.replace("{{" + label + "}}", value)
    return legend


def minutes(series):
    """Samples, in minutes since 1970: its multiples are good ticks."""
    pairs = series.get("values") or [series["value"]]
    return [(at / 60, float(value)) for at, value in pairs if value not in ("NaN", "+Inf", "-Inf")]


def unit_of(panel):
    return panel["fieldConfig"]["defaults"]["unit"]


def told(value, unit):
    if unit == "percentunit":
        return f"{value * 100:.3g}%" if value < 1 else "100%"
    if unit == "s":
        if math.isinf(value):
            return "∞"
        size, word = next((one for one in ((3600, "h"), (60, "min"), (1, "s"), (0.001, "ms")) if value >= one[0]), (1, "s"))
        return f"{value / size:.3g} {word}"
    return f"{value:.3g}x" if unit == "suffix:x" else f"{value:.0f}" if value >= 10 or value == int(value) else f"{value:.2g}"
