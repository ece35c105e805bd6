"""What must hold at the end: all that was acknowledged is in the database, and once in the sandbox's ledger."""

import collections
import time

from . import Broken

DRAIN_SECONDS_MAX = 240


def wait_until_delivered(programs, load):
    """Nobody helps: what a dead process held is rescued when its lease runs out. Only a wait of minutes is shortened."""
    until, missing, before = time.monotonic() + DRAIN_SECONDS_MAX, set(), None
    while time.monotonic() < until:
        delivered = {record.get("Email") for record in programs.ledger()}
        missing = set(load.acknowledged) - delivered
        if not missing:
            return
        if before == len(missing):
            programs.sweep()
        before = len(missing)
        time.sleep(1)
    raise Broken(f"{len(missing)} acknowledged leads did not reach the sandbox within {DRAIN_SECONDS_MAX} s, for example {next(iter(missing))}")


def check(programs, load, database):
    stored = database.leads()
    lost = [address for address, lead in load.acknowledged.items() if stored.get(address, (None,))[0] != lead]
    if lost:
        raise Broken(f"{len(lost)} leads were answered 201 and are not in the database, for example {lost[0]}")
    wait_until_delivered(programs, load)
    records = programs.ledger()
    times = collections.Counter(record.get("Email") for record in records)
    doubled = [address for address, count in times.items() if count > 1]
    if doubled:
        raise Broken(f"{len(doubled)} leads stand twice in the sandbox, for example {doubled[0]}")
    strangers = [address for address in times if address not in stored]
    if strangers:
        raise Broken(f"{len(strangers)} records in the sandbox belong to no lead, for example {strangers[0]}")
    if load.odd:
        raise Broken(f"{len(load.odd)} answers were neither 201 nor 503 with Retry-After, for example {load.odd[0]}")
    every_job_must_end(programs, database)
    again = sum(1 for record in records if record.get("accepted", 1) > 1)
    latencies = sorted(load.latencies)
    p99 = latencies[int(len(latencies) * 0.99)] * 1000
    print(f"  {len(load.acknowledged)} leads answered 201: all in the database, each once in the sandbox ({again} of its {len(records)} "
          f"records were written more than once, {database.rescues()} attempts rescued); p99 {p99:.0f} ms")


def every_job_must_end(programs, database):
    """The ledger has them all; the rows must learn of it too. Given up or uncertain would be a promise broken: the sandbox
    keeps our id in a unique field, so that every call can be repeated."""
    until, states = time.monotonic() + DRAIN_SECONDS_MAX, {}
    while time.monotonic() < until:
        states = database.counts_by_state()
        if set(states) <= {"succeeded"}:
            return
        time.sleep(1)
        programs.sweep()
    raise Broken(f"jobs did not all end within {DRAIN_SECONDS_MAX} s: {states}")
