# needs: signals
"""A bound loop that runs until somebody sends SIGINT, and says when compiled code is in it."""

import psyco
from support import ON


def forever():
    n = rounds = 0
    while True:
        n = (n + 1) % 1000000
        if n == 0 and rounds < 100:
            rounds += 1
            if not ON or psyco.stats()["entered"] > 0 or rounds == 100:
                print("running", flush=True)
                rounds = 100


psyco.bind(forever)
try:
    forever()
except KeyboardInterrupt:
    assert psyco.stats()["entered"] > 0 or not psyco.stats()["available"]
    print("interrupted")
