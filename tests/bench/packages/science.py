"""Graphs, algebra, games, simulations, made-up data."""


def networkx_paths(n=2):
    import networkx as nx
    graph = nx.Graph()
    for i in range(150):
        graph.add_edge(i, i * 37 % 150, weight=i % 9 + 1)
        graph.add_edge(i, (i + 1) % 150, weight=3)
    return sum(sum(nx.single_source_dijkstra_path_length(graph, k).values()) for k in range(n * 3))


def networkx_structure(n=1):
    import networkx as nx
    graph = nx.gnm_random_graph(120, 400, seed=5)
    total = 0
    for _ in range(n):
        total += len(list(nx.connected_components(graph))) + sum(nx.core_number(graph).values())
        total += round(1000 * nx.average_clustering(graph)) + len(nx.minimum_spanning_tree(graph).edges)
    return total


def sympy_expand(n=2):
    import sympy
    x, y = sympy.symbols("x y")
    return sum(len(str(sympy.expand((x + y + i) ** 6))) for i in range(n))


def sympy_integrate(n=1):
    import sympy
    from sympy.core.cache import clear_cache
    clear_cache()
    x = sympy.Symbol("x")
    return sum(len(str(sympy.integrate(x ** 2 * sympy.exp(x) + sympy.sin(x) * i, x))) for i in range(1, n + 1))


def mpmath_pi_and_zeta(n=3):
    import mpmath
    mpmath.mp.dps = 50
    return str(sum(mpmath.zeta(mpmath.mpf(k) + 1.5) + mpmath.gamma(k + 0.25) for k in range(2, n + 8)))[:40]


def mpmath_quadrature(n=1):
    import mpmath
    mpmath.mp.dps = 20
    return str(sum(mpmath.quad(lambda t: mpmath.exp(-t * t) * k, [0, 2]) for k in range(1, n + 1)))[:18]


def chess_moves(n=1):
    import chess

    def perft(board, depth):
        if not depth:
            return 1
        total = 0
        for move in board.legal_moves:
            board.push(move)
            total += perft(board, depth - 1)
            board.pop()
        return total
    return sum(perft(chess.Board("r3k2r/p1ppqpb1/bn2pnp1/3PN3/1p2P3/2N2Q1p/PPPBBPPP/R3K2R w KQkq - 0 1"), 2) for _ in range(n))


def chess_game(n=1):
    import chess
    total = 0
    for game in range(n):
        board = chess.Board()
        for ply in range(60):
            moves = sorted(board.legal_moves, key=lambda move: move.uci())
            if not moves:
                break
            board.push(moves[(ply * 7 + game) % len(moves)])
            total += len(board.fen()) + board.is_check()
    return total


def simpy_queue(n=1):
    import simpy
    env = simpy.Environment()
    desk, log = simpy.Resource(env, 2), []

    def customer(i):
        yield env.timeout(i % 5)
        with desk.request() as turn:
            yield turn
            yield env.timeout(2)
            log.append(env.now)
    for i in range(400 * n):
        env.process(customer(i))
    env.run()
    return sum(log)


def simpy_events(n=1):
    import simpy
    env, seen = simpy.Environment(), []
    store = simpy.Store(env, capacity=5)

    def producer():
        for i in range(400 * n):
            yield store.put(i)
            yield env.timeout(1)

    def consumer():
        while True:
            item = yield store.get()
            seen.append(item)
            yield env.timeout(2)
    env.process(producer())
    env.process(consumer())
    env.process(consumer())
    env.run(until=500 * n)
    return len(seen)


def faker_people(n=60):
    import faker
    fake = faker.Faker()
    fake.seed_instance(7)
    return sum(len(fake.name()) > 3 and len(fake.address()) > 5 for _ in range(n))


def rdflib_turtle(n=1):
    import rdflib
    text = "@prefix ex: <http://example.org/> .\n" + "".join(
        "ex:p%d ex:knows ex:p%d ; ex:name \"Name %d\" ; ex:age %d .\n" % (i, i * 7 % 60, i, i) for i in range(60))
    total = 0
    for _ in range(n):
        graph = rdflib.Graph().parse(data=text, format="turtle")
        total += len(graph) + len(list(graph.query(
            "PREFIX ex: <http://example.org/> SELECT ?n WHERE { ?p ex:age ?a ; ex:name ?n . FILTER(?a > 40) }")))
    return total


def dateutil_rules(n=12):
    import datetime
    from dateutil import parser, rrule
    start = datetime.datetime(2024, 1, 31)
    total = 0
    for i in range(n):
        days = list(rrule.rrule(rrule.WEEKLY, count=30, byweekday=(rrule.MO, rrule.FR), dtstart=start))
        total += len(days) + days[-1].toordinal() + parser.parse("2024-03-%02d 10:20:30 +0200" % (i % 28 + 1)).minute
    return total
