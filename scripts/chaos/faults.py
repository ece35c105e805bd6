"""What is done to the running program. Each fault ends by itself; afterwards leads are accepted again without a hand."""

import os
import random
import shlex
import sqlite3
import subprocess
import time

from . import Broken, postgres
from .programs import call

# A group of leads before each fault, so that it strikes a program at work.
WARM_UP = 200


def kill_in_turn(programs, load, number):
    """SIGKILL. In a fleet the workers go in turn, now and then the web server; the others must not notice."""
    load.wait_for_more(WARM_UP)
    time.sleep(random.uniform(0, 1.5))
    in_turn = programs.workers + programs.workers + [programs.web] if len(programs.processes) > 1 else programs.processes
    process = in_turn[number % len(in_turn)]
    process.kill()
    process.start()
    return process.name


def terminate(programs, load, database):
    """SIGTERM to every process, one after the other."""
    for process in programs.processes:
        load.wait_for_more(WARM_UP)
        load.forget_broken()
        took_s = process.terminate()
        time.sleep(0.5)
        broken = load.broken_so_far()
        taken = [address for address in database.leads() if address in broken]
        if taken:
            raise Broken(f"at SIGTERM {len(taken)} leads were taken whose clients saw a broken answer ({broken[taken[0]]})")
        print(f"  SIGTERM to {process.name}: ended in {took_s:.1f} s, {len(broken)} requests cut, none of them taken", flush=True)
        process.start()


def stop_database(programs, load, mode):
    """PostgreSQL stops, and starts again."""
    load.wait_for_more(WARM_UP)
    control = shlex.split(os.environ["THROUGHLINE_TEST_PG_CTL"])
    load.forget_broken()
    refused = load.refused()
    subprocess.run(control + ["stop", "-m", mode], check=True, stdout=subprocess.DEVNULL, cwd="/")
    # Whoever was inside a COMMIT waits until its fate is known, at most 10 s; all others are refused at once.
    wait_for_refusals(load, refused, "PostgreSQL was stopped", seconds=15)
    time.sleep(2)
    status = call(programs.port, "GET", "/readyz")[0]
    if status != 503:
        raise Broken(f"/readyz answered {status} without a database")
    if call(programs.port, "GET", "/livez")[0] != 200:
        raise Broken("/livez needs the database")
    subprocess.run(control + ["start"], check=True, stdout=subprocess.DEVNULL, stdin=subprocess.DEVNULL, cwd="/")
    again_s = load.wait_for_more(100, seconds=30)
    programs.all_must_run()
    load.none_may_be_broken("while PostgreSQL was stopped")
    print(f"  outage ({mode}): {load.refused() - refused} times 503 with Retry-After, accepting again {again_s:.1f} s after the start", flush=True)


def kill_backends(programs, load, database):
    """Connections are ended at random, by the server, under load."""
    load.wait_for_more(WARM_UP)
    load.forget_broken()
    killed, until, before = 0, time.monotonic() + 4, load.count()
    control = postgres.Connection(database.url)
    while time.monotonic() < until:
        backends = control.query("SELECT pid FROM pg_stat_activity WHERE application_name = 'throughline' AND datname = current_database()")
        for (pid,) in random.sample(backends, min(len(backends), random.randint(1, 3))):
            control.query(f"SELECT pg_terminate_backend({pid})")
            killed += 1
        time.sleep(random.uniform(0.02, 0.3))
    control.close()
    during = load.count() - before
    again_s = load.wait_for_more(100, seconds=30)
    programs.all_must_run()
    load.none_may_be_broken("while connections were ended")
    print(f"  {killed} backends killed in 4 s: {during} leads taken meanwhile, 100 more {again_s:.1f} s later", flush=True)


def black_hole(programs, load, database, seconds):
    """Bytes vanish both ways while every socket stays open. What was swallowed never comes back; new connections work."""
    load.wait_for_more(WARM_UP)
    refused, swallowed = load.refused(), database.proxy.swallowed
    database.proxy.open_hole()
    time.sleep(seconds)
    if call(programs.port, "GET", "/livez", timeout=10)[0] != 200:
        raise Broken("/livez needs the database")
    database.proxy.close_hole()
    again_s = load.wait_for_more(100, seconds=90)
    programs.all_must_run()
    print(f"  black hole of {seconds} s: {database.proxy.swallowed - swallowed} connections swallowed, {load.refused() - refused} times 503, "
          f"100 leads accepted {again_s:.1f} s after it closed", flush=True)


def exhaust_connections(programs, load, database):
    """Idle clients take every connection of the server, and the program loses its own."""
    load.wait_for_more(WARM_UP)
    load.forget_broken()
    refused, idle = load.refused(), [postgres.Connection(database.url)]
    try:
        # The program and the idle clients race for each place that comes free; it may win for a while.
        began = time.monotonic()
        while time.monotonic() < began + (6 if load.refused() > refused else 30):
            try:
                while True:
                    idle.append(postgres.Connection(database.url))
            except postgres.Refused:
                pass
            idle[0].query("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'throughline'")
        if load.refused() == refused:
            raise Broken("every connection was taken, and nobody was answered 503")
    finally:
        for connection in idle:
            connection.close()
    again_s = load.wait_for_more(100, seconds=30)
    programs.all_must_run()
    load.none_may_be_broken("while no connection was to be had")
    print(f"  {len(idle)} idle clients took every connection: {load.refused() - refused} times 503 with Retry-After, accepting again {again_s:.1f} s after", flush=True)


def lock_sqlite(programs, load, database, seconds):
    """Another program holds SQLite's write lock."""
    load.wait_for_more(WARM_UP)
    load.forget_broken()
    refused = load.refused()
    other = sqlite3.connect(database.path, timeout=10, isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    before = load.count()
    time.sleep(seconds)
    if load.count() > before + 200:
        raise Broken("leads were acknowledged while another program held the write lock")
    other.execute("ROLLBACK")
    other.close()
    again_s = load.wait_for_more(100, seconds=30)
    programs.all_must_run()
    load.none_may_be_broken("while another program held the lock")
    print(f"  SQLite locked by another program for {seconds} s: {load.refused() - refused} times 503 with Retry-After, accepting again {again_s:.1f} s after", flush=True)


def wait_for_refusals(load, before, what, seconds):
    until = time.monotonic() + seconds
    while load.refused() == before:
        if time.monotonic() > until:
            raise Broken(f"{what}, and nobody was answered 503")
        time.sleep(0.1)
