"""As small as a Django project gets: no database, no session, one view."""

import os
import secrets
import sys
from pathlib import Path

BASE_DIR = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(BASE_DIR.parent / "catserve"))  # the drawing, shared with the other forms

# Signs nothing that outlives the process; set CATSERVE_SECRET_KEY when that changes.
SECRET_KEY = os.environ.get("CATSERVE_SECRET_KEY") or secrets.token_urlsafe(50)
DEBUG = False
ALLOWED_HOSTS = ["*"]  # cats are for everybody
ROOT_URLCONF = "catserve_django.urls"
WSGI_APPLICATION = "catserve_django.wsgi.application"
MIDDLEWARE = ["django.middleware.security.SecurityMiddleware"]
INSTALLED_APPS: list[str] = []
DEFAULT_CHARSET = "utf-8"
USE_TZ = True
