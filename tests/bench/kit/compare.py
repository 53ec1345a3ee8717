"""./dev bench compare OLD NEW: what has changed between two files of `./dev bench … --json FILE`.

Of each row: ours then and now, and the same of the ratios to peer and limit, which hold where machine or load differ. A
change counts where the ranges of both runs do not touch. Exit code 1 where a row has become worse: by its own figure on
the same machine, by a ratio on another.
"""
import sys
from pathlib import Path

from kit.report import aligned, cell, read


def verdict(old, new, higher_is_better):
    """"better", "worse", "same", or "" where one of them has no figure."""
    if old is None or new is None:
        return ""
    up, down = new["low"] > old["high"], new["high"] < old["low"]
    if not up and not down:
        return "same"
    return "better" if up == higher_is_better else "worse"


def change(old, new):
    if old is None or new is None or old["median"] == 0:
        return "–"
    return f"{100 * (new['median'] / old['median'] - 1):+.1f} %"


def rows_of(document):
    return {(suite["suite"], suite["quick"], row["name"]): row for suite in document["suites"] for row in suite["rows"]}


def compared(old, new, judged):
    """Lines of the table, and how many rows are worse by one of the figures `judged`."""
    lines, worse = [["", "unit", "figure", "then", "now", "change", ""]], 0
    for key, row in new.items():
        if key not in old:
            continue
        was = old[key]
        for figure in ("ours", "ours_to_peer", "ours_to_limit"):
            if was[figure] is None or row[figure] is None:
                continue
            found = verdict(was[figure], row[figure], row["higher_is_better"] if figure == "ours" else True)
            lines.append([f"{key[0]}: {key[2]}", row["unit"] if figure == "ours" else "", figure.replace("_", " "),
                          cell(was[figure]), cell(row[figure]), change(was[figure], row[figure]), found])
            worse += found == "worse" and figure in judged
    return lines, worse


def compare(old_path, new_path):
    try:
        before, after = read(Path(old_path)), read(Path(new_path))
    except (ValueError, KeyError, TypeError) as error:
        sys.exit(f"bench compare: {error}")
    same = all(before["machine"].get(key) == after["machine"].get(key) for key in ("cpu", "cores"))
    old, new = rows_of(before), rows_of(after)
    lines, worse = compared(old, new, ("ours",) if same else ("ours_to_peer", "ours_to_limit"))
    if len(lines) == 1:
        sys.exit(f"bench compare: {old_path} and {new_path} share no row; compare files of the same suites, both with "
                 "--quick or both without")
    print(f"then: {before['machine'].get('version')} on {before['machine'].get('cpu')}, {before['machine'].get('when')}")
    print(f"now:  {after['machine'].get('version')} on {after['machine'].get('cpu')}, {after['machine'].get('when')}")
    if not same:
        print("another machine: only the ratios tell anything")
    print(aligned(lines))
    for name, only in ((old_path, old.keys() - new.keys()), (new_path, new.keys() - old.keys())):
        for key in sorted(only):
            print(f"  only in {name}: {key[0]}: {key[2]}{' (quick)' if key[1] else ''}")
    print(f"{worse} rows are worse")
    return 1 if worse else 0
