"""An operating system in miniature, in the spirit of the Richards benchmark: tasks of several classes pass
packets through queues under a scheduler with priorities. Method calls, inheritance, attributes, linked lists."""
import sys
from time import perf_counter

ROUNDS = 30

WORK, DEVICE = 0, 1
IDLE_ID, WORKER_ID, HANDLER_A_ID, HANDLER_B_ID, DEVICE_A_ID, DEVICE_B_ID = range(6)
PAYLOAD = 4


class Packet:
    def __init__(self, link, owner, kind):
        self.link = link
        self.owner = owner
        self.kind = kind
        self.position = 0
        self.data = [0] * PAYLOAD

    def append_to(self, queue):
        self.link = None
        if queue is None:
            return self
        last = queue
        while last.link is not None:
            last = last.link
        last.link = self
        return queue


class Task:
    def __init__(self, system, ident, priority, queue):
        self.system = system
        self.ident = ident
        self.priority = priority
        self.queue = queue
        self.held = False
        self.waiting = queue is None
        self.next_task = system.tasks
        system.tasks = self
        system.table[ident] = self

    def runnable(self):
        return not self.held and (not self.waiting or self.queue is not None)

    def step(self):
        packet = self.queue
        if packet is not None:
            self.queue = packet.link
            packet.link = None
        self.waiting = False
        return self.run(packet)

    def run(self, packet):
        raise NotImplementedError

    def wait(self):
        self.waiting = True
        return self

    def hold(self):
        self.system.holds += 1
        self.held = True
        return self.next_task

    def release(self, ident):
        other = self.system.table[ident]
        other.held = False
        if other.priority > self.priority:
            return other
        return self

    def send(self, packet):
        receiver = self.system.table[packet.owner]
        self.system.sent += 1
        packet.owner = self.ident
        if receiver.queue is None:
            receiver.queue = packet
            packet.link = None
            if receiver.priority > self.priority:
                return receiver
        else:
            receiver.queue = packet.append_to(receiver.queue)
        return self


class IdleTask(Task):
    def __init__(self, system, count):
        Task.__init__(self, system, IDLE_ID, 0, None)
        self.waiting = False
        self.control = 1
        self.count = count

    def run(self, packet):
        self.count -= 1
        if self.count == 0:
            return self.hold()
        if self.control & 1:
            self.control = self.control >> 1 ^ 0xD008
            return self.release(DEVICE_B_ID)
        self.control >>= 1
        return self.release(DEVICE_A_ID)


class WorkerTask(Task):
    def __init__(self, system, priority, queue):
        Task.__init__(self, system, WORKER_ID, priority, queue)
        self.target = HANDLER_A_ID
        self.letter = 0

    def run(self, packet):
        if packet is None:
            return self.wait()
        self.target = HANDLER_B_ID if self.target == HANDLER_A_ID else HANDLER_A_ID
        packet.owner = self.target
        packet.position = 0
        for i in range(PAYLOAD):
            self.letter += 1
            if self.letter > 26:
                self.letter = 1
            packet.data[i] = 64 + self.letter
        return self.send(packet)


class HandlerTask(Task):
    def __init__(self, system, ident, priority, queue, device):
        Task.__init__(self, system, ident, priority, queue)
        self.device = device
        self.work = None
        self.done = None

    def run(self, packet):
        if packet is not None:
            if packet.kind == WORK:
                self.work = packet.append_to(self.work)
            else:
                self.done = packet.append_to(self.done)
        work = self.work
        if work is not None:
            position = work.position
            if position >= PAYLOAD:
                self.work = work.link
                return self.send(work)
            done = self.done
            if done is not None:
                self.done = done.link
                done.data[0] = work.data[position]
                done.owner = self.device
                work.position = position + 1
                return self.send(done)
        return self.wait()


class DeviceTask(Task):
    def __init__(self, system, ident, priority):
        Task.__init__(self, system, ident, priority, None)
        self.pending = None

    def run(self, packet):
        if packet is None:
            packet = self.pending
            if packet is None:
                return self.wait()
            self.pending = None
            self.system.checksum = (self.system.checksum * 31 + packet.data[0]) % 1000003
            return self.send(packet)
        self.pending = packet
        return self.hold()


class System:
    def __init__(self):
        self.tasks = None
        self.table = [None] * 6
        self.holds = 0
        self.sent = 0
        self.steps = 0
        self.checksum = 0

    def schedule(self):
        task = self.tasks
        while task is not None:
            if task.runnable():
                self.steps += 1
                task = task.step()
            else:
                task = task.next_task


def packets(owner, kind, count):
    queue = None
    for _ in range(count):
        queue = Packet(queue, owner, kind)
    return queue


def run(rounds):
    totals = [0, 0, 0, 0]
    for _ in range(rounds):
        system = System()
        IdleTask(system, 3000)
        WorkerTask(system, 1000, packets(WORKER_ID, WORK, 2))
        HandlerTask(system, HANDLER_A_ID, 2000, packets(DEVICE_A_ID, DEVICE, 3), DEVICE_A_ID)
        HandlerTask(system, HANDLER_B_ID, 3000, packets(DEVICE_B_ID, DEVICE, 3), DEVICE_B_ID)
        DeviceTask(system, DEVICE_A_ID, 4000)
        DeviceTask(system, DEVICE_B_ID, 5000)
        system.schedule()
        totals[0] += system.holds
        totals[1] += system.sent
        totals[2] += system.steps
        totals[3] += system.checksum
    return totals


def main():
    for _ in range(int(sys.argv[1]) if len(sys.argv) > 1 else 1):
        start = perf_counter()
        check = run(ROUNDS)
        print("iter %.6f" % (perf_counter() - start), file=sys.stderr)
        print("richards", check)


if __name__ == "__main__":
    main()
