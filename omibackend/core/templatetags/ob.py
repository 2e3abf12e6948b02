"""`{% load ob %}`: the figures of core.human and the marks that every page shares."""

from typing import Any

from django import template
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString

from omibackend.core.show import human

register = template.Library()

register.filter("count", human.count)
register.filter("size", human.size)
register.filter("span", human.span)
register.filter("lasting", human.length)
register.filter("ago", human.ago)
register.filter("moment", human.moment)
register.filter("clock", human.clock)
register.filter("minutes", human.minutes)
register.filter("initials", human.initials)


@register.filter
def ms(milliseconds: float) -> str:
    return human.span(milliseconds / 1000)


@register.simple_tag
def symbol(name: str) -> SafeString:
    """A glyph of the icon font. It is never the only bearer of a meaning."""
    return format_html(
        '<span class="material-symbols-outlined ob-icon" aria-hidden="true">{}</span>', name
    )


def cell(name: Any, *more: Any) -> SafeString:
    """A row by its name, and beside it what tells it from others."""
    second = format_html_join(" · ", "{}", ([each] for each in more))
    return format_html(
        '<span class="ob-what"><b>{}</b> <span class="ob-second">{}</span></span>', name, second
    )


@register.simple_tag
def chip(tone: str, icon: str, words: str) -> SafeString:
    """A status: word, icon and colour, always all three."""
    return format_html('<span class="ob-chip ob-{}">{}{}</span>', tone, symbol(icon), words)
