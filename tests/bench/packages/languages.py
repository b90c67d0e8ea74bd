"""Packages that read or write programs."""

SOURCE = '''import os, sys
def function ( a,b = 1, *args, **kwargs ):
    """Doc."""
    if a>b and not args: return {'a':a,"b":b, **kwargs}
    for i,x in enumerate ( args ):
        result=[ y for y in range( x ) if y%2 ]
        print( "text %s"%result , file = sys.stderr )
    return some_function_with_a_long_name(argument_number_one, argument_number_two, argument_number_three=[1,2,3])
class Thing( object ):
    attribute : int=3
    def method(self): return lambda x : x+self.attribute
'''
QUERY = """SELECT a.id, b.name, COUNT(*) AS n FROM orders AS a JOIN users AS b ON a.user_id = b.id
WHERE a.total > 100 AND b.country IN ('FR', 'DE') GROUP BY a.id, b.name HAVING COUNT(*) > 2 ORDER BY n DESC LIMIT 10"""


def black_format(n=1):
    import black
    return sum(len(black.format_str(SOURCE, mode=black.Mode())) for _ in range(n))


def parso_parse(n=2):
    import parso
    grammar = parso.load_grammar(version="3.11")
    return sum(len(grammar.parse(SOURCE * 3).get_code()) for _ in range(n))


def sqlglot_transpile(n=4):
    import sqlglot
    return sum(len(sqlglot.transpile(QUERY, read="postgres", write="bigquery", pretty=True)[0]) for _ in range(n))


def sqlglot_optimize(n=1):
    import sqlglot
    from sqlglot.optimizer import optimize
    schema = {"orders": {"id": "int", "user_id": "int", "total": "int"}, "users": {"id": "int", "name": "text", "country": "text"}}
    return sum(len(optimize(sqlglot.parse_one(QUERY), schema=schema).sql()) for _ in range(n))


def sqlparse_format(n=3):
    import sqlparse
    return sum(len(sqlparse.format(QUERY, reindent=True, keyword_case="lower")) for _ in range(n))


def pyparsing_arithmetic(n=12):
    import pyparsing as pp
    number = pp.Word(pp.nums).set_parse_action(lambda t: int(t[0]))
    expression = pp.infix_notation(number, [(pp.one_of("* /"), 2, pp.OpAssoc.LEFT), (pp.one_of("+ -"), 2, pp.OpAssoc.LEFT)])
    return sum(len(str(expression.parse_string("1+2*(3-4)*5+6*(7+8*9)-10/2"))) for _ in range(n))


def lark_json(n=2):
    import lark
    parser = lark.Lark(r"""
        ?value: object | array | string | SIGNED_NUMBER | "true" | "false" | "null"
        array: "[" [value ("," value)*] "]"
        object: "{" [pair ("," pair)*] "}"
        pair: string ":" value
        string: ESCAPED_STRING
        %import common (ESCAPED_STRING, SIGNED_NUMBER, WS)
        %ignore WS
        """, start="value", parser="lalr")
    text = "[" + ",".join('{"a": %d, "b": [1, 2.5, "x"], "c": null}' % i for i in range(30)) + "]"
    return sum(len(list(parser.parse(text).iter_subtrees())) for _ in range(n))


def toolz_pipeline(n=6):
    import toolz
    total = 0
    for _ in range(n):
        groups = toolz.pipe(range(2000), lambda s: toolz.groupby(lambda x: x % 7, s), lambda d: toolz.valmap(sum, d))
        total += sum(groups.values()) + len(toolz.frequencies(str(i % 13) for i in range(1000)))
        total += toolz.reduce(lambda a, b: a + b, toolz.sliding_window(2, range(300)), ())[5]
    return total


def attrs_classes(n=3000):
    import attr

    @attr.s(auto_attribs=True, order=True)
    class Point:
        x: int = attr.ib(validator=attr.validators.instance_of(int))
        y: int = 0
        tags: list = attr.Factory(list)
    total = 0
    for i in range(n):
        p = Point(i % 100, y=2)
        total += p.x + (p < Point(50)) + len(attr.asdict(p))
    return total


def attrs_defined(n=6):
    import attr
    return sum(len(attr.fields(attr.make_class("C%d" % i, ["a", "b"]))) for i in range(n))
