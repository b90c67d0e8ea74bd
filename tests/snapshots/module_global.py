# A module variable of the loop lives in a register and is written back on the ways out.
# Its sum fits in 64 bits, as so few numbers below 2^30 are added to it.
# in the loop: add, poll
# not in the loop: add_ovf, call_rt, dict_set_str
total = 0
for i in range(5000):
    total += i
