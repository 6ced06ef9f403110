import os

from django.core.asgi import get_asgi_application

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "async_site.settings")
django = get_asgi_application()

# Behind the set-up of Django, as Channels asks.
from channels.routing import ProtocolTypeRouter, URLRouter  # noqa: E402
from channels.security.websocket import OriginValidator  # noqa: E402
from django.urls import re_path  # noqa: E402

from async_site.consumers import Chat  # noqa: E402

sockets = URLRouter([re_path(r"^chat/(?P<room>\w+)$", Chat.as_asgi())])
application = ProtocolTypeRouter({"http": django, "websocket": OriginValidator(sockets, ["*"])})
