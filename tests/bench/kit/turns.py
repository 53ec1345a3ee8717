"""Measured values in rows, taken in turns, and the ratios of each turn.

A row is one figure of ours, of the peer and of the limit that the same run has measured. Its ratios are formed round for
round, because a machine that others use too changes between rounds more than it does within one; above 1, ours is better,
whichever way the unit points.
"""
import dataclasses
import statistics

OURS, PEER, LIMIT = "ours", "peer", "limit"
WHO = (OURS, PEER, LIMIT)


@dataclasses.dataclass
class Goal:
    """Ours has reached it where its ratio to `against` (or, where that is OURS, its median) is good enough."""
    against: str
    value: float


class Row:
    def __init__(self, name, unit, higher_is_better=True, goal=None):
        self.name, self.unit, self.higher_is_better, self.goal = name, unit, higher_is_better, goal
        self.samples = {who: {} for who in WHO}  # who → round → values

    def note(self, who, number, value):
        self.samples[who].setdefault(number, []).append(value)

    def of(self, who):
        """The median of each round, in the order of the rounds."""
        return {number: statistics.median(values) for number, values in sorted(self.samples[who].items())}

    def spread(self, who):
        return spread(self.of(who).values())

    def ratios(self, other):
        mine, others = self.of(OURS), self.of(other)
        both = [(mine[number], others[number]) for number in mine if number in others]
        pairs = both if self.higher_is_better else [(b, a) for a, b in both]
        return spread(a / b for a, b in pairs if b > 0)

    def reached(self):
        """None where there is no goal, or nothing to tell by."""
        if self.goal is None:
            return None
        if self.goal.against != OURS:
            found = self.ratios(self.goal.against)
            return found and found["median"] >= self.goal.value
        found = self.spread(OURS)
        if found is None:
            return None
        return found["median"] >= self.goal.value if self.higher_is_better else found["median"] <= self.goal.value


def spread(values):
    values = list(values)
    if not values:
        return None
    return {"median": statistics.median(values), "low": min(values), "high": max(values), "rounds": len(values)}


def in_turns(rounds, contestants, failed):
    """Calls each of `contestants` (who → function of the round) once a round, in an order that turns round with each. One that
    raises RuntimeError is told to `failed` (who, error), which raises again or lets the others go on without it."""
    left = dict(contestants)
    for number in range(rounds):
        names = list(left) if number % 2 == 0 else list(reversed(left))
        for who in names:
            try:
                left[who](number)
            except RuntimeError as error:
                failed(who, error)
                del left[who]
