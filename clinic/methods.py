"""What becomes of an address that only takes what is sent, when somebody merely opens it."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import Any

from django.http import HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import redirect
from django.urls import reverse
from django.views.decorators.http import require_POST

View = Callable[..., HttpResponseBase]


def post_or_back(page: str, *parts: str) -> Callable[[View], View]:
    """Let a view take POST only, and lead whoever opens its address to the page that it belongs to.

    A refused form stays at the address it was sent to: a reload from the address bar, or another language,
    asks for it with GET. By ``request.page_home`` the page it is answered with knows where it belongs,
    so that what was typed is found again there.

    Parameters
    ----------
    page
        Name of the address of the page.
    parts
        Parts of the view's own address that the page's address is made of, in their order.
    """

    def decorate(view: View) -> View:
        only_post = require_POST(view)

        @wraps(view)
        def answer(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase | HttpResponse:
            if request.method in ("GET", "HEAD"):
                return redirect(page, *(kwargs[part] for part in parts))
            request.page_home = reverse(page, args=[kwargs[part] for part in parts])
            return only_post(request, *args, **kwargs)

        return answer

    return decorate
