# A module variable of the loop lives in a register and is written back on the ways out.
# in the loop: add_ovf
# not in the loop: call_rt, dict_set_str
total = 0
for i in range(5000):
    total += i
