"""Hot code is compiled while it runs: press Ctrl-Enter and compare the times below."""


def count_primes(limit):
    sieve = [True] * limit
    sieve[0] = sieve[1] = False
    n = 2
    while n * n < limit:
        if sieve[n]:
            for multiple in range(n * n, limit, n):
                sieve[multiple] = False
        n += 1
    return sum(sieve)


total = 0
for i in range(3_000_000):
    total += i * i % 7
print("sum", total)
print(count_primes(300_000), "primes below 300000")
