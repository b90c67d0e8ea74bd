# needs: signals
"""A bound loop that runs until somebody sends SIGINT."""

import psyco


def forever():
    n = 0
    while True:
        n = (n + 1) % 1000


psyco.bind(forever)
print("running", flush=True)
try:
    forever()
except KeyboardInterrupt:
    assert psyco.stats()["entered"] > 0 or not psyco.stats()["available"]
    print("interrupted")
