"""The scripts behind the Makefile; the Python ones run as `python -m tools.NAME`."""
