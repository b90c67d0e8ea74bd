"""Recursion that was shallow when it was compiled goes beyond the limit."""
import sys


def down(n):
    return 1 if n == 0 else down(n - 1) + 1  # breaks: depth


for i in range(1000):
    down(5)
sys.setrecursionlimit(300)
reached = 0
for i in range(200, 400):
    try:
        down(i)
        reached = i
    except RecursionError as e:
        print(type(e).__name__, str(e)[:32])
        break
print(reached > 250, down(100))
