"""Starts floor 2: python serve_environ.py FOLDER_OF_THE_EXTENSION PORT. Run by bench/run."""

import io
import sys


def main(folder: str, port: int) -> None:
    sys.path.insert(0, folder)
    import floor_environ  # type: ignore[import-not-found]  # built by bench/run
    from hello import application  # on PYTHONPATH, as for every server

    environ = {
        "REQUEST_METHOD": "GET",
        "SCRIPT_NAME": "",
        "PATH_INFO": "/",
        "QUERY_STRING": "",
        "SERVER_NAME": "127.0.0.1",
        "SERVER_PORT": str(port),
        "SERVER_PROTOCOL": "HTTP/1.1",
        "HTTP_HOST": f"127.0.0.1:{port}",
        "wsgi.version": (1, 0),
        "wsgi.url_scheme": "http",
        "wsgi.input": io.BytesIO(),
        "wsgi.errors": sys.stderr,
    }
    floor_environ.serve(port, application, environ)


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]))
