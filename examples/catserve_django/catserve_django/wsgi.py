"""Cats as a Service with Django (pip install django):

mewsgi --chdir examples/catserve_django catserve_django.wsgi
"""

import os

from django.core.wsgi import get_wsgi_application

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "catserve_django.settings")
application = get_wsgi_application()
