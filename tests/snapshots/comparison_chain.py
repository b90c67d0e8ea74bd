# Each comparison of the chain is a branch.
# in the loop: icmp, add
# not in the loop: add_ovf, compare, call_rt
def f(n):
    i = 0
    while 0 <= i < n:
        i = i + 3
    return i


f(9000)
