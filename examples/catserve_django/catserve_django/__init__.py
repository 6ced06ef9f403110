"""Cats as a Service as a Django project."""
