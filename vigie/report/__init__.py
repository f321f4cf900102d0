"""Documents for people, made from a plan. Pure: no network, no file but the templates beside this one."""

from vigie.report.page import render_page

__all__ = ["render_page"]
