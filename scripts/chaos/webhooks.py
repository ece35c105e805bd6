"""Webhooks of Stripe under kill -9: valid, repeated, out of order, changed on the way, too old, of another account. At the end every
valid one must have been interpreted exactly once, every acknowledged one be there, and every order's money be right."""

import collections
import hashlib
import hmac
import http.client
import json
import random
import threading
import time

from . import Broken
from .load import connect

SECRET = "whsec_kill_test_0123456789abcdef"
OURS, OTHERS = "acct_ours", "acct_others"
PATH = "/api/stripe/webhook"
# Of a hundred deliveries so many are repeats, changed on the way, too old, of another account; the others come once and are valid.
REPEATED, TAMPERED, LATE, FOREIGN = 25, 8, 5, 7
KILLS_AT = (0.3, 0.65)
WAIT_SECONDS_MAX = 240
SETTLED = ("handled", "superseded", "not_handled")


def settings(sandbox_port):
    return {"STRIPE_WEBHOOK_SECRET": SECRET, "STRIPE_SECRET_KEY": "sk_test_kill_test", "STRIPE_ACCOUNT": OURS,
            "STRIPE_API_URL": f"http://127.0.0.1:{sandbox_port}"}


class Order:
    """What a customer did at Stripe, and what must come out of it."""

    def __init__(self, number, dice):
        self.number, self.amount = number, dice.randrange(100, 1_000_000)
        self.session, self.payment, self.charge = f"cs_{number}", f"pi_{number}", f"ch_{number}"
        self.refunds = sorted(dice.randrange(1, self.amount) for _ in range(dice.choice([0, 0, 1, 2])))
        self.is_declined_first = dice.random() < 0.3
        self.began = int(time.time()) - 3_000 + dice.randrange(100)

    @property
    def refunded(self):
        return self.refunds[-1] if self.refunds else 0

    def events(self):
        """Some share their second, as Stripe's do."""
        payment = {"id": self.payment, "object": "payment_intent", "amount": self.amount, "currency": "eur"}
        if self.is_declined_first:
            yield "payment_intent.payment_failed", 0, {**payment, "status": "requires_payment_method", "last_payment_error": {"code": "card_declined"}}
        yield "payment_intent.succeeded", 1, {**payment, "status": "succeeded", "amount_received": self.amount}
        yield "checkout.session.completed", 1, {
            "id": self.session, "object": "checkout.session", "payment_intent": self.payment, "payment_status": "paid", "status": "complete",
            "amount_total": self.amount, "currency": "eur", "mode": "payment", "customer_details": {"email": f"buyer{self.number}@example.com"}}
        yield "customer.created", 1, {"id": f"cus_{self.number}", "object": "customer"}
        for place, refunded in enumerate(self.refunds):
            yield "charge.refunded", 60 + place, {
                "id": self.charge, "object": "charge", "payment_intent": self.payment, "amount": self.amount, "amount_refunded": refunded,
                "currency": "eur", "refunded": False}


class Delivery:
    """One webhook as it is sent. `expected` is the status that ends it."""

    def __init__(self, event, expected=200, tampered=False, age_s=0):
        self.id, self.body = event["id"], json.dumps(event, indent=2)
        self.expected, self.tampered, self.age_s = expected, tampered, age_s

    def signed(self):
        """Each attempt anew, as Stripe does."""
        at = int(time.time()) - self.age_s
        signature = hmac.new(SECRET.encode(), f"{at}.{self.body}".encode(), hashlib.sha256).hexdigest()
        body = self.body.replace('"livemode": false', '"livemode":  false') if self.tampered else self.body
        return body, {"Content-Type": "application/json", "Stripe-Signature": f"t={at},v1={signature}"}


class Plan:
    """All deliveries, in the order in which they are begun."""

    def __init__(self, count, seed):
        self.dice, self.orders, self.valid, self.foreign, self.forged = random.Random(seed), [], set(), set(), set()
        self.deliveries, numbers = [], iter(range(10**9))
        while len(self.deliveries) < count:
            order = Order(next(numbers), self.dice)
            self.orders.append(order)
            for place, (kind, after_s, thing) in enumerate(order.events()):
                self.plan(order, f"evt_{order.number}_{place}", kind, after_s, thing)
        self.dice.shuffle(self.deliveries)

    def plan(self, order, name, kind, after_s, thing):
        event = {"id": name, "object": "event", "type": kind, "created": order.began + after_s, "livemode": False, "data": {"object": thing}}
        if self.dice.random() < 0.5:
            event["account"] = OURS
        self.valid.add(name)
        self.deliveries.append(Delivery(event))
        share = lambda of_hundred: self.dice.random() * 100 < of_hundred / (100 - REPEATED - TAMPERED - LATE - FOREIGN) * 100
        if share(REPEATED):
            self.deliveries.append(Delivery(event))
        if share(LATE):
            self.deliveries.append(Delivery(event, expected=401, age_s=400))
        # Both say that far more was paid: were one of them believed, a sum would be wrong.
        false = {**thing, **{key: 99_999_999 for key in ("amount", "amount_total", "amount_received", "amount_refunded") if key in thing}}
        if share(TAMPERED):
            forged = {**event, "id": "forged_" + name, "data": {"object": false}}
            self.forged.add(forged["id"])
            self.deliveries.append(Delivery(forged, expected=401, tampered=True))
        if share(FOREIGN):
            foreign = {**event, "id": "foreign_" + name, "account": OTHERS, "data": {"object": false}}
            self.foreign.add(foreign["id"])
            self.deliveries.append(Delivery(foreign))


class Senders:
    """Clients that send what is planned, each until it is answered as it must be."""

    def __init__(self, port, plan, clients):
        self.port, self.waiting = port, collections.deque(plan.deliveries)
        self.done, self.duplicates, self.cut, self.acknowledged, self.odd = 0, 0, 0, {}, []
        self.lock, self.stopping = threading.Lock(), threading.Event()
        self.threads = [threading.Thread(target=self.client, daemon=True) for _ in range(clients)]
        for thread in self.threads:
            thread.start()

    def client(self):
        connection = None
        while not self.stopping.is_set():
            try:
                delivery = self.waiting.popleft()
            except IndexError:
                return
            while not self.stopping.is_set():
                connection, is_over = self.attempt(connection, delivery)
                if is_over:
                    break
                time.sleep(0.05)

    def attempt(self, connection, delivery):
        body, headers = delivery.signed()
        try:
            if connection is None:
                connection = connect(self.port)
            connection.request("POST", PATH, body, headers)
            answer = connection.getresponse()
            text = answer.read()
        except (OSError, http.client.HTTPException):
            # It may or may not have been taken: it is sent again.
            with self.lock:
                self.cut += 1
            if connection:
                connection.close()
            return None, False
        return (None if answer.will_close else connection), self.note(delivery, answer, text)

    def note(self, delivery, answer, text):
        with self.lock:
            if answer.status == 503 and answer.headers.get("Retry-After"):
                return False
            self.done += 1
            if answer.status != delivery.expected:
                self.odd.append(f"{delivery.id} was answered {answer.status} instead of {delivery.expected}: {text[:200]}")
            elif answer.status == 200:
                told = json.loads(text)
                self.acknowledged.setdefault(delivery.id, set()).add(told["receipt"])
                self.duplicates += bool(told["duplicate"])
            return True

    def wait_for(self, count):
        until = time.monotonic() + WAIT_SECONDS_MAX
        while self.done < count:
            if time.monotonic() > until:
                raise Broken(f"only {self.done} of {count} webhooks were answered within {WAIT_SECONDS_MAX} s")
            time.sleep(0.02)


def run(programs, database, options):
    seed = random.randrange(10**9)
    plan = Plan(options.webhooks, seed)
    print(f"  {len(plan.deliveries)} webhooks about {len(plan.orders)} orders, seed {seed}", flush=True)
    began = time.monotonic()
    senders = Senders(programs.port, plan, options.clients)
    try:
        for place, share in enumerate(KILLS_AT):
            senders.wait_for(int(len(plan.deliveries) * share))
            programs.web.kill()
            programs.web.start()
            print(f"  kill {place + 1} of {len(KILLS_AT)}: {senders.done} webhooks answered so far", flush=True)
        senders.wait_for(len(plan.deliveries))
    finally:
        senders.stopping.set()
    took_s = time.monotonic() - began
    if senders.odd:
        raise Broken(f"{len(senders.odd)} webhooks were answered wrongly, for example {senders.odd[0]}")
    wait_until_interpreted(database)
    check_receipts(plan, senders, database)
    check_orders(plan, database)
    print(f"  all answered after {took_s:.0f} s, interpreted after {time.monotonic() - began:.0f} s: {len(plan.valid)} valid ones once each, "
          f"{senders.duplicates} repeats counted, {len(plan.forged)} forged and {len(plan.foreign)} of another account without effect, {senders.cut} cut off")


def wait_until_interpreted(database):
    until, left = time.monotonic() + WAIT_SECONDS_MAX, None
    while time.monotonic() < until:
        left = int(database.rows("SELECT count(*) FROM receipts WHERE state = 'received'")[0][0])
        states = {row[0] for row in database.rows("SELECT DISTINCT state FROM jobs WHERE kind = 'inbox.interpret'")}
        if left == 0 and states <= {"succeeded"}:
            return
        time.sleep(0.5)
    raise Broken(f"after {WAIT_SECONDS_MAX} s {left} webhooks are not interpreted; jobs stand in {states}")


def check_receipts(plan, senders, database):
    rows = {row[1]: row for row in database.rows("SELECT id, event_id, state, duplicates FROM receipts")}
    for event, receipts in senders.acknowledged.items():
        if event not in rows or {str(receipt) for receipt in receipts} != {rows[event][0]}:
            raise Broken(f"{event} was acknowledged as receipt {receipts} and stands as {rows.get(event)}")
    wrong = [rows[event] for event in plan.valid if rows[event][2] not in SETTLED] + [rows[event] for event in plan.foreign if rows[event][2] != "refused"]
    strangers = set(rows) - plan.valid - plan.foreign
    if wrong or strangers:
        raise Broken(f"{len(wrong)} receipts stand wrong, for example {wrong[:1]}; {len(strangers)} should not be there, for example {list(strangers)[:1]}")
    counted = sum(int(row[3]) for row in rows.values())
    if not senders.duplicates <= counted <= senders.duplicates + senders.cut:
        raise Broken(f"{senders.duplicates} repeats were acknowledged, {senders.cut} attempts cut off, and {counted} repeats counted")
    jobs = collections.Counter(row[0] for row in database.rows("SELECT subject FROM jobs WHERE kind = 'inbox.interpret'"))
    expected = collections.Counter("receipt:" + rows[event][0] for event in plan.valid)
    if jobs != expected:
        raise Broken(f"jobs to interpret: {sum(jobs.values())} for {len(jobs)} receipts; expected one for each of {len(expected)}")
    effects = collections.Counter(row[0] for row in database.rows("SELECT source_event_id FROM events WHERE source = 'stripe'"))
    if any(count != 1 for count in effects.values()) or not set(effects) <= plan.valid:
        raise Broken(f"what happened is told {effects.most_common(1)} times, or by webhooks that are not ours")
    untold = [event for event in plan.valid if rows[event][2] != "not_handled" and event not in effects]
    if untold:
        raise Broken(f"{len(untold)} events were interpreted and left nothing on the timeline, for example {untold[0]}")


def check_orders(plan, database):
    stand = database.rows("SELECT o.object_id, r.id, r.state, r.total_minor, r.paid_minor, r.refunded_minor, r.attention "
                          "FROM stripe_objects o JOIN orders r ON r.id = o.order_id WHERE o.kind = 'session'")
    found, count = {row[0]: row[1:] for row in stand}, int(database.rows("SELECT count(*) FROM orders")[0][0])
    if count != len(plan.orders) or len({row[1] for row in stand}) != len(plan.orders):
        raise Broken(f"{count} orders stand for {len(plan.orders)} purchases")
    for order in plan.orders:
        state = "paid" if order.refunded == 0 else "partly_refunded"
        expected = [state, str(order.amount), str(order.amount), str(order.refunded), None]
        if list(found[order.session][1:]) != expected:
            raise Broken(f"the order of {order.session} stands as {found[order.session][1:]}, expected {expected}")
    sums = [int(value) for value in database.rows("SELECT sum(paid_minor), sum(refunded_minor) FROM orders")[0]]
    if sums != [sum(order.amount for order in plan.orders), sum(order.refunded for order in plan.orders)]:
        raise Broken(f"the sums over all orders are {sums}")
