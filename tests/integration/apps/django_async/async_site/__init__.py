"""The site of test_asgi_frameworks.py, by Django's async views and Channels' consumers."""
