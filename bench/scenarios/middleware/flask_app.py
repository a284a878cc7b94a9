"""A small shop in Flask, for gunicorn. With `BENCH_B` it shadows itself."""

import os
import sqlite3

from flask import Flask, Response, jsonify, render_template
from jinja2 import DictLoader

app = Flask(__name__)
PAGE = """<html><body><h1>{{ title }}</h1><table>
{% for row in rows %}<tr><td><a href="{{ url_for('page', item=row[0]) }}">{{ row[1]|title }}</a></td>
<td>{{ "%.2f"|format(row[2]) }}</td></tr>
{% endfor %}</table></body></html>"""
app.jinja_loader = DictLoader({"page.html": PAGE})

shop = sqlite3.connect(":memory:", check_same_thread=False)
shop.execute("create table items (id integer primary key, name text, price real)")
shop.executemany("insert into items values (?, ?, ?)", [(n, f"item {n}", n * 1.25) for n in range(500)])
shop.commit()


@app.get("/")
def hello() -> str:
    """The smallest answer."""
    return "hello, world\n"


@app.get("/page")
def page() -> str:
    """A page with a table from the database."""
    rows = shop.execute("select id, name, price from items where id % 6 = 3 order by name").fetchall()
    return render_template("page.html", title="Shop", rows=rows)


@app.get("/items")
def items() -> Response:
    """Most of the shop as JSON, 20 KB."""
    rows = shop.execute("select id, name, price from items where id < 450 order by price desc").fetchall()
    return jsonify([{"id": number, "name": name.title(), "price": price} for number, name, price in rows])


if os.environ.get("BENCH_B"):
    import httptee

    shadowed = httptee.Shadowed(app.wsgi_app, f"{os.environ['BENCH_B']} name=b")
    app.wsgi_app = shadowed  # type: ignore[method-assign]

    @app.get("/ledger")
    def ledger() -> Response:
        """The only B's account over all processes."""
        (statement,) = shadowed.ledger.statements()
        return jsonify(
            seen=statement.seen,
            delivered=statement.delivered,
            failed=statement.failed,
            dropped=statement.dropped,
            in_flight=statement.in_flight,
        )
