"""The work of eight.scn as Locust's FastHttpUser does it; with PEER_GAP a bare GET, one of it in each so many seconds.

Prints one line of JSON when it ends. Its CPU time counts from the start of the test, so that loading Python and Locust
costs nothing.
"""

import json
import os
import time

from locust import FastHttpUser, constant_pacing, events

GAP = float(os.environ.get("PEER_GAP", "0"))
started = 0.0


class User(FastHttpUser):
    """One that makes requests as fast as it can, or one in each GAP."""

    wait_time = constant_pacing(GAP)

    def two_requests(self, name):
        with self.client.get(f"/api/{name}", catch_response=True) as answer:
            if answer.status_code != 200:
                return answer.failure("no 200")
            state = answer.json()["status"]
            if state != "healthy":
                return answer.failure("status is not healthy")
        path = f"/api/{name}/{state}"
        with self.client.get(path, name=f"/api/{name}/:state", catch_response=True) as answer:
            if answer.status_code != 200:
                return answer.failure("no 200")
            if answer.json()["status"] != state:
                answer.failure("status is another")


def work(name):
    return lambda user: user.two_requests(name)


if GAP:
    User.tasks = [lambda user: user.client.get("/api/health")]
else:
    weights = {
        "health": 5,
        "status": 4,
        "snapshot": 3,
        "config": 3,
        "scope": 3,
        "items": 2,
        "orders": 1,
        "people": 1,
    }
    User.tasks = {work(name): weight for name, weight in weights.items()}


@events.test_start.add_listener
def start(**_):
    global started
    started = time.process_time()


@events.quitting.add_listener
def tell(environment, **_):
    total = environment.stats.total
    said = {
        "requests": total.num_requests,
        "failures": total.num_failures,
        "cpu": time.process_time() - started,
        "mean": total.avg_response_time,
    }
    for part in (50, 90, 95, 99):
        said[f"p{part}"] = total.get_response_time_percentile(part / 100)
    print(json.dumps(said))
