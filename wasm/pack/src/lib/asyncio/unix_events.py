"""The event loop of guests: coroutines, timers and queues. There are no sockets, pipes, processes or threads that it could
wait for, so whoever waits for nothing but them would wait for ever, and is told so."""

import time

from . import base_events
from . import events

__all__ = ("SelectorEventLoop", "EventLoop")


class _Clock:
    """In place of a selector: time is all that passes."""

    def select(self, timeout):
        if timeout is None:
            raise RuntimeError("everything waits, and nothing can happen any more")
        if timeout > 0:
            time.sleep(timeout)
        return ()


class _GuestEventLoop(base_events.BaseEventLoop):
    def __init__(self, selector=None):
        super().__init__()
        self._selector = _Clock()

    def _process_events(self, event_list):
        pass

    def _write_to_self(self):
        pass


class _GuestEventLoopPolicy(events._BaseDefaultEventLoopPolicy):
    _loop_factory = _GuestEventLoop


SelectorEventLoop = EventLoop = _GuestEventLoop
_DefaultEventLoopPolicy = _GuestEventLoopPolicy
