import os

import uwsgi


def app(environ, start_response):
    told = [
        environ["SCRIPT_NAME"],
        environ["PATH_INFO"],
        environ["QUERY_STRING"],
        environ["wsgi.url_scheme"],
        environ["REMOTE_ADDR"],
        os.environ.get("DJANGO_SETTINGS_MODULE", ""),
        uwsgi.opt.get("master") is not None,
    ]
    start_response("200 OK", [("Content-Type", "text/plain")])
    return [repr(told).encode()]


application = app
