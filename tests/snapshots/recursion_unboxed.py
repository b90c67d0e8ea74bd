# Arguments and results of compiled calls are unboxed.
# contains: function compiled "fib" -> i64, call_fn
def fib(n):
    if n < 2:
        return n
    return fib(n - 1) + fib(n - 2)


fib(16)
