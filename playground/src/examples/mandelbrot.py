"""The Mandelbrot set. The program writes a picture file; the page shows every .ppm file that a program leaves."""

WIDTH, HEIGHT, LIMIT = 480, 360, 250


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


def palette(limit):
    colours = []
    for n in range(limit):
        t = (n / limit) ** 0.4
        colours.append((int(9 * (1 - t) * t ** 3 * 255), int(15 * (1 - t) ** 2 * t ** 2 * 255), int(8.5 * (1 - t) ** 3 * t * 255)))
    return colours + [(0, 0, 0)]


def draw(width, height, limit):
    colours = palette(limit)
    pixels = bytearray()
    for y in range(height):
        ci = 2.4 * y / height - 1.2
        for x in range(width):
            pixels.extend(colours[escape_time(3.2 * x / width - 2.2, ci, limit)])
    return pixels


with open("mandelbrot.ppm", "wb") as file:
    file.write(b"P6 %d %d 255\n" % (WIDTH, HEIGHT))
    file.write(draw(WIDTH, HEIGHT, LIMIT))
print(WIDTH, "x", HEIGHT, "points, up to", LIMIT, "steps each")
