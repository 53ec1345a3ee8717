"""What a run has found: printed as a table, and written as JSON for `./dev bench compare`.

The file: {"format": 1, "machine": {…}, "suites": [{"suite", "quick", "options", "skipped", "rows"}]}. A row has "name",
"unit", "higher_is_better", "ours", "peer" and "limit" (median, low, high over so many rounds; null where it was not
measured), "ours_to_peer" and "ours_to_limit" (the same of the rounds' ratios; above 1 ours is better), "goal" and "reached".
"""
import json

from kit.turns import LIMIT, OURS, PEER, WHO, Goal, Row

FORMAT = 1
SPREAD_KEYS = {"median", "low", "high", "rounds"}


class Report:
    """Of one suite. `peer` and `limit` say in a few words what those are; small models have no goals."""

    def __init__(self, suite, peer, limit, has_goals=True):
        self.suite, self.peer, self.limit, self.has_goals = suite, peer, limit, has_goals
        self.rows, self.skipped, self.remarks = {}, [], []

    def row(self, name, unit, higher_is_better=True, goal=None):
        return self.rows.setdefault(name, Row(name, unit, higher_is_better, Goal(*goal) if goal and self.has_goals else None))

    def skip(self, what, why):
        self.skipped.append(f"{what}: {why}")
        print(f"left out: {what}: {why}", flush=True)

    def remark(self, text):
        self.remarks.append(text)

    def remark_on_bf16(self, fp32, bf16, goal=None):
        """What the narrower format gains, over ours and over the peer in fp32: the names of two rows."""
        narrow = self.rows[bf16].spread(OURS) if bf16 in self.rows else None
        wide = [(who, self.rows[fp32].spread(who)) for who in (OURS, PEER)] if fp32 in self.rows else []
        found = [f"{narrow['median'] / base['median']:.2f} × {who} in fp32" for who, base in wide if narrow and base]
        if found:
            self.remark(f"{bf16}: {', '.join(found)}{f' (goal: {goal} × ours)' if goal else ''}")

    def document(self, options):
        return {"suite": self.suite, "quick": options.quick, "options": plain(vars(options)), "peer": self.peer,
                "limit": self.limit, "skipped": self.skipped, "remarks": self.remarks,
                "rows": [row_document(row) for row in self.rows.values()]}

    def text(self):
        lines = [f"{self.suite}: medians over the rounds (lowest–highest); ratios round for round, above 1 ours is better",
                 f"  peer:  {self.peer}", f"  limit: {self.limit}", aligned(self.cells())]
        lines += [f"  {remark}" for remark in self.remarks]
        return "\n".join(lines + [f"  left out: {text}" for text in self.skipped])

    def cells(self):
        yield ["", "unit", "ours", "peer", "limit", "ours : peer", "ours : limit", "goal"]
        for row in self.rows.values():
            yield [row.name, row.unit, *(cell(row.spread(who)) for who in WHO), cell(row.ratios(PEER), 2),
                   cell(row.ratios(LIMIT), 2), goal_cell(row)]


def row_document(row):
    return {"name": row.name, "unit": row.unit, "higher_is_better": row.higher_is_better,
            **{who: row.spread(who) for who in WHO}, "ours_to_peer": row.ratios(PEER), "ours_to_limit": row.ratios(LIMIT),
            "goal": row.goal and {"against": row.goal.against, "value": row.goal.value}, "reached": row.reached()}


def number(value, digits=None):
    if digits is not None:
        return f"{value:.{digits}f}"
    size = abs(value)
    return f"{value:.0f}" if size >= 100 else f"{value:.1f}" if size >= 10 else f"{value:.2f}" if size >= 1 else f"{value:.3f}"


def cell(found, digits=None):
    if found is None:
        return "–"
    if found["rounds"] == 1:
        return number(found["median"], digits)
    return f"{number(found['median'], digits)} ({number(found['low'], digits)}–{number(found['high'], digits)})"


def goal_cell(row):
    if row.goal is None:
        return ""
    wanted = f"{'≥' if row.higher_is_better or row.goal.against != OURS else '≤'} {row.goal.value:g}"
    of = "" if row.goal.against == OURS else f" × {row.goal.against}"
    state = {None: "not measured", True: "reached", False: "missed"}[row.reached()]
    return f"{wanted}{of}: {state}"


def aligned(rows):
    rows = [[str(text) for text in row] for row in rows]
    widths = [max(len(row[at]) for row in rows) for at in range(len(rows[0]))]
    return "\n".join(("  " + "  ".join(text.ljust(width) for text, width in zip(row, widths))).rstrip() for row in rows)


def plain(options):
    return {name: value if isinstance(value, (bool, int, float, str, list, type(None))) else str(value)
            for name, value in options.items() if not callable(value)}


def write(path, machine, suites):
    path.write_text(json.dumps({"format": FORMAT, "machine": machine, "suites": suites}, indent=1, ensure_ascii=False) + "\n")


def read(path):
    """Checked; ValueError says what is wrong with it."""
    try:
        document = json.loads(path.read_text())
    except (OSError, ValueError) as error:
        raise ValueError(f"{path}: expected JSON of `./dev bench … --json FILE`, found: {error}") from error
    if not isinstance(document, dict) or document.get("format") != FORMAT:
        raise ValueError(f"{path}: expected a file of format {FORMAT}, as `./dev bench … --json FILE` writes it; measure again")
    for suite in document.get("suites", []):
        for row in suite["rows"]:
            check_row(path, suite["suite"], row)
    return document


def check_row(path, suite, row):
    for key in (*WHO, "ours_to_peer", "ours_to_limit"):
        found = row[key]
        if found is not None and (set(found) != SPREAD_KEYS or not found["low"] <= found["median"] <= found["high"]):
            raise ValueError(f"{path}: {suite}, {row['name']}: {key} has no median between its lowest and its highest; "
                             "measure again")
