# needs: threads
"""Threads: a queue of work, locks, events, conditions, thread-locals, daemon threads, exceptions, hot loops in several."""
import queue
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor


def work(n):
    total = 0
    for i in range(n):
        total += i * i % 7
    return total


# Hot before there are threads, and the same function in all of them.
print(work(5000))
tasks, results = queue.Queue(), queue.Queue()


def worker():
    while True:
        task = tasks.get()
        if task is None:
            break
        results.put((task, work(task)))
        tasks.task_done()


threads = [threading.Thread(target=worker, name="worker-%d" % i) for i in range(3)]
for thread in threads:
    thread.start()
for task in range(100, 1300, 100):
    tasks.put(task)
tasks.join()
for _ in threads:
    tasks.put(None)
for thread in threads:
    thread.join()
print(sorted(results.queue), [thread.is_alive() for thread in threads])
print(work(5000), threading.active_count())


class Account:
    def __init__(self):
        self.balance = 0
        self.lock = threading.Lock()

    def deposit(self, times):
        for _ in range(times):
            with self.lock:
                self.balance += 1


account = Account()
account.deposit(2000)
threads = [threading.Thread(target=account.deposit, args=(1500,)) for _ in range(4)]
for thread in threads:
    thread.start()
account.deposit(1000)
for thread in threads:
    thread.join()
print(account.balance)

flag = False
spins = 0


def set_flag():
    global flag
    time.sleep(0.02)
    flag = True


# A loop on a global that only another thread changes: a register must not hide the change.
thread = threading.Thread(target=set_flag)
thread.start()
while not flag:
    spins += 1
thread.join()
print("flag seen", spins > 0)


class Box:
    stop = False


def spin_on_attribute(box):
    n = 0
    while not box.stop:
        n += 1
    return n > 0


box = Box()
timer = threading.Timer(0.02, setattr, (box, "stop", True))
timer.start()
print(spin_on_attribute(box))
timer.join()

event = threading.Event()
log = []


def waiter(number):
    event.wait(5)
    log.append(number)


threads = [threading.Thread(target=waiter, args=(i,)) for i in range(3)]
for thread in threads:
    thread.start()
event.set()
for thread in threads:
    thread.join()
print(sorted(log), event.is_set())

buffer = []
condition = threading.Condition()


def producer(n):
    for i in range(n):
        with condition:
            buffer.append(i)
            condition.notify()


def consumer(n, out):
    while len(out) < n:
        with condition:
            while not buffer:
                condition.wait(1)
            out.append(buffer.pop(0))


out = []
pair = [threading.Thread(target=consumer, args=(300, out)), threading.Thread(target=producer, args=(300,))]
for thread in pair:
    thread.start()
for thread in pair:
    thread.join()
print(out == list(range(300)))

local = threading.local()
seen = {}


def use_local(name):
    local.value = 0
    for i in range(1500):
        local.value += i
    seen[name] = local.value, hasattr(local, "other")


local.other = 1
threads = [threading.Thread(target=use_local, args=("t%d" % i,)) for i in range(2)]
for thread in threads:
    thread.start()
for thread in threads:
    thread.join()
use_local("main")
print(sorted(seen.items()))

failures = []
threading.excepthook = lambda args: failures.append((args.exc_type.__name__, str(args.exc_value), args.thread.name))


def fail(n):
    for i in range(n):
        if i == n - 1:
            raise ValueError("in thread %d" % i)


thread = threading.Thread(target=fail, args=(2000,), name="failing")
thread.start()
thread.join()
print(failures)
with ThreadPoolExecutor(max_workers=3) as pool:
    futures = [pool.submit(work, n) for n in (500, 1000, 1500)]
    print([future.result() for future in futures], list(pool.map(lambda n: n * n, range(6))))
    bad = pool.submit(fail, 5)
    print(type(bad.exception()).__name__, bad.done())
try:
    queue.Queue(maxsize=1).get(timeout=0.01)
except queue.Empty:
    print("empty")
full = queue.Queue(maxsize=1)
full.put(1)
try:
    full.put_nowait(2)
except queue.Full:
    print("full")
ordered = queue.PriorityQueue()
for x in (5, 1, 4):
    ordered.put(x)
stack = queue.LifoQueue()
for x in (5, 1, 4):
    stack.put(x)
print([ordered.get() for _ in range(3)], [stack.get() for _ in range(3)])
barrier = threading.Barrier(2)
order = []
thread = threading.Thread(target=lambda: (order.append("a"), barrier.wait(), order.append("c")))
thread.start()
while not order:
    pass
barrier.wait()
thread.join()
print(order, threading.current_thread().name, threading.main_thread() is threading.current_thread())
lock = threading.RLock()
with lock, lock:
    print(lock.acquire(blocking=False))
lock.release()
semaphore = threading.Semaphore(2)
print(semaphore.acquire(), semaphore.acquire(), semaphore.acquire(blocking=False), work(5000), sys.getswitchinterval() > 0)
