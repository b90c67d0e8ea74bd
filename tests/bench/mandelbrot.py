"""The Mandelbrot set with a pair of floats per point: unboxed float arithmetic and an early loop exit."""
import sys
from time import perf_counter

WIDTH, HEIGHT, LIMIT = 480, 360, 200


def escape_time(cr, ci, limit):
    zr = zi = 0.0
    for step in range(limit):
        rr = zr * zr
        ii = zi * zi
        if rr + ii > 4.0:
            return step
        zi = 2.0 * zr * zi + ci
        zr = rr - ii + cr
    return limit


def mandelbrot(width, height, limit):
    inside = 0
    steps = 0
    for y in range(height):
        ci = 2.4 * y / height - 1.2
        for x in range(width):
            n = escape_time(3.2 * x / width - 2.2, ci, limit)
            steps += n
            if n == limit:
                inside += 1
    return inside, steps


def main():
    for _ in range(int(sys.argv[1]) if len(sys.argv) > 1 else 1):
        start = perf_counter()
        check = mandelbrot(WIDTH, HEIGHT, LIMIT)
        print("iter %.6f" % (perf_counter() - start), file=sys.stderr)
        print("mandelbrot", check)


if __name__ == "__main__":
    main()
