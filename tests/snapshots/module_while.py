# Variables of the module that the loop only counts with are near zero when it begins, and so are their products.
# in the loop: mul, srem, add, poll
# not in the loop: mul_ovf, add_ovf, call_rt, dict_set_str
total = 0
i = 0
end = 5000
while i < end:
    total += i * i % 7
    i += 1
