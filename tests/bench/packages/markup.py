"""Texts that mean something: markup, templates, configuration. Packages are imported where they are used: a row is a process."""

PARAGRAPHS = """Title of all
============

A paragraph with *emphasis*, **strong** words and ``code``; a list follows.

- one item
- another item, longer than the first, which goes on
  in the next line

1. first
2. second

"""
HTML = "<!doctype html><html><head><title>Page</title></head><body>" + "".join(
    "<div class='row' id=r%d><p>Text <b>bold</b> &amp; <a href='/x?y=%d'>link<table><tr><td>%d<td>x</table></div>" % (i, i, i)
    for i in range(25)) + "</body></html>"
CONFIGURATION = "".join("""service%d:
  image: "repo/image:%d"
  ports: [80, %d]
  environment: {MODE: fast, LEVEL: 3, RATIO: 0.5}
  command: |
    run --fast
    again
  enabled: true
""" % (i, i, 8000 + i) for i in range(20))


def yaml_load(n=1):
    import yaml
    return sum(len(yaml.safe_load(CONFIGURATION)) for _ in range(n))


def yaml_dump(n=2):
    import yaml
    data = {"s%d" % i: {"image": "a/b:%d" % i, "ports": [80, i], "text": "two\nlines", "on": True} for i in range(30)}
    return sum(len(yaml.safe_dump(data)) for _ in range(n))


def jinja2_loop(n=8):
    import jinja2
    template = jinja2.Environment().from_string(
        "{% for u in users %}<li class='{{ loop.index }}'>{{ u.name|upper|e }}"
        "{% if u.age > 30 %} old{% else %} {{ u.age }}{% endif %}</li>{% endfor %}")
    users = [{"name": "n<%d>" % i, "age": i} for i in range(150)]
    return sum(len(template.render(users=users)) for _ in range(n))


def jinja2_compiled(n=4):
    import jinja2
    source = "{% macro field(name, value='') %}<input name='{{ name }}' value='{{ value|e }}'>{% endmacro %}" + "".join(
        "{%% if a%d %%}{{ field('f%d', a%d) }}{%% endif %%}" % (i, i, i) for i in range(15))
    return sum(len(jinja2.Environment().from_string(source).render(a1=1, a3="<")) for _ in range(n))


def mako(n=25):
    from mako.template import Template
    template = Template("% for i in range(n):\n<p>${i * 2} ${'even' if i % 2 == 0 else 'odd'}</p>\n% endfor\n")
    return sum(len(template.render(n=100)) for _ in range(n))


def django_template(n=6):
    import django
    from django.conf import settings
    if not settings.configured:
        settings.configure(TEMPLATES=[{"BACKEND": "django.template.backends.django.DjangoTemplates"}])
        django.setup()
    from django.template import Context, Template
    template = Template("{% for u in users %}<li>{{ u.name|upper }} {% if u.age > 30 %}old{% else %}{{ u.age }}{% endif %}</li>{% endfor %}")
    users = [{"name": "n<%d>" % i, "age": i} for i in range(80)]
    return sum(len(template.render(Context({"users": users}))) for _ in range(n))


def html5lib_parse(n=1):
    import html5lib
    return sum(len(html5lib.serialize(html5lib.parse(HTML))) for _ in range(n))


def soup_search(n=2):
    import bs4
    total = 0
    for _ in range(n):
        soup = bs4.BeautifulSoup(HTML, "html.parser")
        total += len(soup.find_all("a")) + len(soup.select("div.row > p")) + len(soup.get_text())
    return total


def markdown_page(n=3):
    import markdown
    return sum(len(markdown.markdown(PARAGRAPHS * 3)) for _ in range(n))


def mistune_page(n=8):
    import mistune
    return sum(len(mistune.html(PARAGRAPHS * 3)) for _ in range(n))


def docutils_page(n=1):
    from docutils.core import publish_parts
    return sum(len(publish_parts(PARAGRAPHS, writer_name="html5")["body"]) for _ in range(n))


def pygments_html(n=1):
    from pygments import highlight
    from pygments.formatters import HtmlFormatter
    from pygments.lexers import PythonLexer
    source = "class A:\n    '''Text.'''\n    def f(self, x: int = 3) -> str:\n        return f'{x!r} {self}' + \"a\" * 0x1F  # why\n\n" * 12
    return sum(len(highlight(source, PythonLexer(), HtmlFormatter())) for _ in range(n))


def rich_table(n=2):
    import io
    from rich.console import Console
    from rich.table import Table
    total = 0
    for _ in range(n):
        table = Table(title="Things")
        for name in ("id", "name", "value"):
            table.add_column(name)
        for i in range(25):
            table.add_row(str(i), "[bold]name %d[/bold]" % i, "%.2f" % (i * 1.5))
        out = io.StringIO()
        Console(file=out, width=80, color_system=None).print(table)
        total += len(out.getvalue())
    return total
