"""A Django project with the admin, sessions and CSRF, on SQLite; for test_real_apps.py."""
