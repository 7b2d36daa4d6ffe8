"""Finds a simple rule that tells which customers leave. Run it: hookline run examples/quickstart/churn.py"""

import random

from hookline import Seed, log_metric, step, workflow


@step
def customers(number: int, seed: Seed = Seed(0)) -> list[dict]:
    """Make up customers; the more they complain and the longer they are silent, the likelier they have left."""
    draw = random.Random(seed)
    rows = []
    for _ in range(number):
        row = {"complaints": draw.randrange(6), "silent_months": draw.randrange(24), "orders": draw.randrange(50)}
        row["left"] = row["silent_months"] + 3 * row["complaints"] + draw.gauss(0, 4) > 20
        rows.append(row)
    return rows


@step
def train(rows: list[dict], column: str) -> dict:
    """Find the limit on one column that is right about most customers."""
    limits = sorted({row[column] for row in rows})
    share = {limit: sum((row[column] >= limit) == row["left"] for row in rows) / len(rows) for limit in limits}
    best = max(limits, key=share.__getitem__)
    log_metric("accuracy", share[best])
    return {"column": column, "limit": best, "accuracy": share[best]}


@step
def pick(rules: list[dict]) -> dict:
    """Take the rule that is right most often."""
    return max(rules, key=lambda rule: rule["accuracy"])


@workflow
def churn(number: int = 1000, columns: list[str] = ["complaints", "silent_months", "orders"]):
    """Find the rule that tells best who leaves.

    Args:
        number: How many customers to make up.
        columns: What a rule may look at.
    """
    rows = customers(number)
    return pick(train.partial(rows).map(column=columns))


if __name__ == "__main__":
    print(churn.run().result)
