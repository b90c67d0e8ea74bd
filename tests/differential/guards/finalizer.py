"""What the loop drops has a `__del__`, which writes what the loop reads."""


class Witness:
    def __del__(self):
        global finalized
        finalized += 1


finalized = 0
s = 0
for i in range(3000):
    w = Witness()
    s += finalized  # breaks: finalizer
print(s, finalized)
