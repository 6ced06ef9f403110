"""WSGI apps that echo, on the libraries that speak WebSocket themselves and by uWSGI's calls. For
`given`: sources; each leaves the code by which its WebSocket ended as shared["reason"]."""

from __future__ import annotations

ECHO = {
    "simple-websocket": """
        from simple_websocket import ConnectionClosed, Server

        def app(environ, start_response):
            ws = Server.accept(environ)
            try:
                while True:
                    ws.send(ws.receive())
            except ConnectionClosed as error:
                shared["reason"] = error.reason
            return []
        """,
    "with pings": """
        from simple_websocket import ConnectionClosed, Server

        def app(environ, start_response):
            ws = Server(environ, ping_interval=0.2)
            try:
                while True:
                    ws.send(ws.receive())
            except ConnectionClosed as error:
                shared["reason"] = error.reason
            raise StopIteration
        """,
    "flask-sock": """
        from flask import Flask
        from flask_sock import Sock
        from simple_websocket import ConnectionClosed

        app = Flask("given")

        @Sock(app).route("/")
        def echo(ws):
            try:
                while True:
                    ws.send(ws.receive())
            except ConnectionClosed as error:
                shared["reason"] = error.reason
                raise
        """,
    "gevent-websocket": """
        def app(environ, start_response):
            ws = environ["wsgi.websocket"]
            while not ws.closed:
                message = ws.receive()
                if message is not None:
                    ws.send(message)
            shared["reason"] = 1000
            return []
        """,
    "uwsgi": r"""
        import re
        import uwsgi

        def app(environ, start_response):
            uwsgi.websocket_handshake()
            try:
                while True:
                    text, message = uwsgi.request_context().receive(wait=True)
                    (uwsgi.websocket_send if text else uwsgi.websocket_send_binary)(message)
            except IOError as error:
                shared["reason"] = int(re.search(r"\((\d+)\)", str(error))[1])
            return []
        """,
}
