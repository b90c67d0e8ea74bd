"""asyncio: coroutines, tasks, gather, queues, cancellation, timeouts, async generators, context managers, hot loops inside."""
import asyncio


async def compute(n, factor=1):
    total = 0
    for i in range(n):
        total += i * factor
        if i % 500 == 0:
            await asyncio.sleep(0)
    return total


async def countdown(n):
    while n > 0:
        yield n
        n -= 1
        if n % 100 == 0:
            await asyncio.sleep(0)


class Resource:
    log = []

    def __init__(self, name):
        self.name = name

    async def __aenter__(self):
        await asyncio.sleep(0)
        self.log.append("open " + self.name)
        return self

    async def __aexit__(self, kind, value, traceback):
        self.log.append("close %s %s" % (self.name, kind.__name__ if kind else None))
        return kind is ValueError


class Ticker:
    def __init__(self, limit):
        self.i, self.limit = 0, limit

    def __aiter__(self):
        return self

    async def __anext__(self):
        if self.i >= self.limit:
            raise StopAsyncIteration
        self.i += 1
        return self.i


class Ready:
    """An awaitable by hand, which suspends twice."""

    def __init__(self, value):
        self.value = value

    def __await__(self):
        yield
        yield
        return self.value


async def producer(queue, n):
    for i in range(n):
        await queue.put(i)
    await queue.put(None)


async def consumer(queue):
    total = 0
    while True:
        item = await queue.get()
        if item is None:
            return total
        total += item


async def failing(n):
    for i in range(n):
        if i == n - 1:
            raise KeyError(i)
        await asyncio.sleep(0)


async def forever(log):
    try:
        while True:
            await asyncio.sleep(0)
            log.append(1)
    except asyncio.CancelledError:
        log.append("cancelled")
        raise
    finally:
        log.append("finally")


async def main():
    print(await compute(2000), await asyncio.gather(compute(600), compute(1500, 0.5), compute(3, "ab") if False else compute(10, 2 ** 62)))
    total = 0
    async for value in countdown(1500):
        total += value
    async for value in Ticker(1200):
        total -= value
    print(total, [x async for x in countdown(5) if x % 2], {x: y async for x, y in pairs(3)})
    async with Resource("a"), Resource("b") as b:
        Resource.log.append("in " + b.name)
        raise ValueError("swallowed")
    try:
        async with Resource("c"):
            raise KeyError("kept")
    except KeyError as problem:
        print(problem, Resource.log)

    queue = asyncio.Queue(maxsize=10)
    results = await asyncio.gather(producer(queue, 400), consumer(queue))
    print(results)
    print([repr(r) for r in await asyncio.gather(failing(5), compute(5), failing(3), return_exceptions=True)])
    try:
        await asyncio.gather(failing(4), compute(100))
    except KeyError as problem:
        print("KeyError:", problem)

    log = []
    task = asyncio.create_task(forever(log))
    for _ in range(20):
        await asyncio.sleep(0)
    task.cancel()
    try:
        await task
    except asyncio.CancelledError:
        print("cancelled", log[-2:], log.count(1) > 10, task.cancelled())
    try:
        await asyncio.wait_for(asyncio.sleep(10), 0.01)
    except asyncio.TimeoutError:
        print("timeout")
    print(await Ready("value"), sum([await Ready(i) for i in range(50)]))

    lock, shared = asyncio.Lock(), {"n": 0}

    async def add(times):
        for _ in range(times):
            async with lock:
                n = shared["n"]
                await asyncio.sleep(0)
                shared["n"] = n + 1

    await asyncio.gather(*(add(30) for _ in range(5)))
    print(shared)
    event = asyncio.Event()
    order = []

    async def waiting(name):
        await event.wait()
        order.append(name)

    tasks = [asyncio.create_task(waiting(name)) for name in "xyz"]
    await asyncio.sleep(0)
    event.set()
    done, pending = await asyncio.wait(tasks)
    print(order, len(done), len(pending))
    loop = asyncio.get_running_loop()
    future = loop.create_future()
    loop.call_soon(future.set_result, 7)
    print(await future, future.done())
    generator = countdown(3)
    print(await generator.__anext__(), await generator.asend(None))
    await generator.aclose()
    try:
        await generator.__anext__()
    except StopAsyncIteration:
        print("closed")
    return "end"


async def pairs(n):
    for i in range(n):
        yield i, i * i


print(asyncio.run(main()))

# Coroutines without a loop: driven by send.
c = compute(1200)
steps = 0
try:
    while True:
        c.send(None)
        steps += 1
except StopIteration as stop:
    print(steps, stop.value)


async def inner_loop(n):
    s = 0.0
    for i in range(n):
        s = s + i / 2 if i < n - 10 else str(s)
        if i >= n - 10:
            return s


def drive(coroutine):
    try:
        coroutine.send(None)
    except StopIteration as stop:
        return stop.value


print(drive(inner_loop(3000)), [drive(inner_loop(20)) for _ in range(3)])
