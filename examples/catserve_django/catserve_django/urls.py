"""Every address goes to the one view; catserve.site tells them apart."""

from __future__ import annotations

from django.http import HttpRequest, HttpResponse
from django.urls import re_path
from django.views.decorators.http import require_safe


@require_safe
def cats(request: HttpRequest) -> HttpResponse:
    from catserve.site import answer

    reply = answer(request.path_info, "Django")
    code, reason = reply.status.split(" ", 1)
    response = HttpResponse(reply.body, status=int(code), reason=reason)
    for name, value in reply.headers:
        response[name] = value
    return response


urlpatterns = [re_path("", cats)]
