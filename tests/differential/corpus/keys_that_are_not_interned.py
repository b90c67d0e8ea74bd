"""Keys of an instance's dict that are equal to a name but not interned hide the class's attribute all the same."""
import ast


class Node:
    end = None


def total(nodes):
    result = 0
    for node in nodes:
        result += 1000 if node.end is None else node.end
    return result


def made(n):
    node = Node()
    node.__dict__["".join(["e", "nd"])] = n
    return node


def lines(nodes):
    result = 0
    for node in nodes:
        result += 1000 if node.end_lineno is None else node.end_lineno
    return result


nodes = [made(5)] * 50
calls = [n for n in ast.walk(ast.parse("f(x)")) if isinstance(n, ast.Call)] * 50
print([total(nodes) for _ in range(40)][-1], [lines(calls) for _ in range(40)][-1])
nodes[7] = Node()
print(total(nodes))
