# needs: signals
"""A signal arrives in the middle of a loop that calls nothing."""
import signal


def arrived(number, frame):
    global done
    done = True


def run():
    i = 0
    while not done:  # breaks: poll
        i = (i + 1) & 1023
    return i < 1024


done = False
signal.signal(signal.SIGALRM, arrived)
signal.setitimer(signal.ITIMER_REAL, 0.2)
print(run())
