"""Working on a log file with regular expressions and string methods: code that lives in the C or Rust of the
implementation, where a compiler has little to win and must not lose."""
import re
import sys
from time import perf_counter

LINES = 45000

HOSTS = ["alpha", "beta", "gamma-1", "gamma-2", "delta.example.org"]
PATHS = ["/", "/index.html", "/img/logo.png", "/api/v1/items?id=%d", "/search?q=psyco+%d&page=2", "/~user/notes.txt"]
AGENTS = ["Mozilla/5.0 (X11; Linux)", "curl/7.88.1", "Crawler (+http://example.com/bot)"]

ENTRY = re.compile(r'^(\S+) - \[(\d+):(\d\d):(\d\d)\] "(GET|POST|PUT) (\S+)" (\d{3}) (\d+) "([^"]*)"$')
QUERY = re.compile(r"[?&](\w+)=([^&]*)")
NUMBER = re.compile(r"\d+")
WORD = re.compile(r"[A-Za-z]+")


def make_log(lines):
    state = 99
    log = []
    for i in range(lines):
        state = (state * 69069 + 1) % 4294967296
        pick = state >> 10
        path = PATHS[pick % 6]
        if "%d" in path:
            path = path % (pick % 977)
        log.append('%s - [%d:%02d:%02d] "%s %s" %d %d "%s"' % (
            HOSTS[pick % 5], i // 3600, i // 60 % 60, i % 60, "POST" if pick % 7 == 0 else "GET", path,
            200 if pick % 11 else 404, pick % 5000, AGENTS[pick % 3]))
    return log


def analyse(log):
    by_host = {}
    agents = set()
    parameters = {}
    size = 0
    missing = 0
    for line in log:
        match = ENTRY.match(line.strip())
        if match is None:
            continue
        host, _, _, _, method, path, status, length, agent = match.groups()
        by_host[host.upper()] = by_host.get(host.upper(), 0) + 1
        size += int(length)
        if status.startswith("4"):
            missing += 1
        agents.add(agent.partition("/")[0].lower())
        for name, value in QUERY.findall(path):
            parameters[name] = parameters.get(name, 0) + len(value)
    return sorted(by_host.items()), size, missing, sorted(agents), sorted(parameters.items())


def rewrite(log):
    length = 0
    titles = 0
    for line in log:
        line = NUMBER.sub("#", line)
        line = line.replace("http://", "https://").replace('"', "'")
        length += len(line)
        fields = line.split()
        if fields[-1].endswith("'") and fields[0].isalpha():
            length += len("|".join(fields))
        for word in WORD.findall(line):
            if word.istitle():
                titles += 1
    return length, titles


def main():
    log = make_log(LINES)
    for _ in range(int(sys.argv[1]) if len(sys.argv) > 1 else 1):
        start = perf_counter()
        check = analyse(log), rewrite(log)
        print("iter %.6f" % (perf_counter() - start), file=sys.stderr)
        print("text", check)


if __name__ == "__main__":
    main()
