"""Graph algorithms: Dijkstra with heapq, breadth and depth first, topological order, Kruskal, Floyd, components."""
import heapq
from collections import defaultdict, deque


def make_graph(nodes, edges, seed=5):
    graph = defaultdict(dict)
    state = seed
    for node in range(nodes):
        graph[node]
    for _ in range(edges):
        state = (state * 22695477 + 1) % (1 << 32)
        a, b = (state >> 16) % nodes, (state >> 7) % nodes
        if a != b:
            graph[a][b] = 1 + (state >> 11) % 50
    return graph


def dijkstra(graph, start):
    distances = {start: 0}
    previous = {}
    heap = [(0, start)]
    done = set()
    while heap:
        distance, node = heapq.heappop(heap)
        if node in done:
            continue
        done.add(node)
        for neighbour, weight in graph[node].items():
            through = distance + weight
            if neighbour not in distances or through < distances[neighbour]:
                distances[neighbour] = through
                previous[neighbour] = node
                heapq.heappush(heap, (through, neighbour))
    return distances, previous


def path_to(previous, start, goal):
    path = [goal]
    while path[-1] != start:
        path.append(previous[path[-1]])
    return path[::-1]


def floyd(graph):
    nodes = sorted(graph)
    far = float("inf")
    table = [[0 if a == b else graph[a].get(b, far) for b in nodes] for a in nodes]
    for k in nodes:
        for row in table:
            via = row[k]
            if via == far:
                continue
            for j, rest in enumerate(table[k]):
                if via + rest < row[j]:
                    row[j] = via + rest
    return table


def breadth_first(graph, start):
    depth = {start: 0}
    queue = deque([start])
    while queue:
        node = queue.popleft()
        for neighbour in graph[node]:
            if neighbour not in depth:
                depth[neighbour] = depth[node] + 1
                queue.append(neighbour)
    return depth


class UnionFind:
    def __init__(self, items):
        self.parent = {item: item for item in items}
        self.size = dict.fromkeys(self.parent, 1)

    def find(self, item):
        while self.parent[item] != item:
            self.parent[item] = item = self.parent[self.parent[item]]
        return item

    def union(self, a, b):
        a, b = self.find(a), self.find(b)
        if a == b:
            return False
        if self.size[a] < self.size[b]:
            a, b = b, a
        self.parent[b] = a
        self.size[a] += self.size[b]
        return True


def kruskal(graph):
    groups = UnionFind(graph)
    edges = sorted((weight, a, b) for a in graph for b, weight in graph[a].items())
    return [(weight, a, b) for weight, a, b in edges if groups.union(a, b)]


def topological(dependencies):
    state = {}
    order = []

    def visit(node, trail):
        if state.get(node) == "done":
            return
        if state.get(node) == "open":
            raise ValueError("cycle: " + " -> ".join(trail + [node]))
        state[node] = "open"
        for other in dependencies.get(node, ()):
            visit(other, trail + [node])
        state[node] = "done"
        order.append(node)

    for node in sorted(dependencies):
        visit(node, [])
    return order


def components(graph):
    """Tarjan's strongly connected components."""
    index, low, stack, on_stack, found = {}, {}, [], set(), []

    def connect(node):
        index[node] = low[node] = len(index)
        stack.append(node)
        on_stack.add(node)
        for other in graph[node]:
            if other not in index:
                connect(other)
                low[node] = min(low[node], low[other])
            elif other in on_stack:
                low[node] = min(low[node], index[other])
        if low[node] == index[node]:
            group = []
            while True:
                other = stack.pop()
                on_stack.discard(other)
                group.append(other)
                if other == node:
                    break
            found.append(sorted(group))

    for node in graph:
        if node not in index:
            connect(node)
    return sorted(found)


graph = make_graph(60, 260)
distances, previous = dijkstra(graph, 0)
print(len(distances), sum(distances.values()), max(distances.values()))
farthest = max(distances, key=lambda node: (distances[node], node))
print(path_to(previous, 0, farthest))
table = floyd(graph)
print(all(table[0][node] == distance for node, distance in distances.items()))
print(sum(1 for row in table for value in row if value == float("inf")))
depth = breadth_first(graph, 3)
print(sorted(depth.items())[:10], max(depth.values()))
tree = kruskal(graph)
print(len(tree), sum(weight for weight, _, _ in tree), tree[-1])
print([len(group) for group in components(make_graph(40, 55))])
print(topological({"app": ["lib", "log"], "lib": ["core"], "log": ["core", "fmt"], "fmt": []}))
try:
    topological({"a": ["b"], "b": ["c"], "c": ["a"]})
except ValueError as problem:
    print(problem)
