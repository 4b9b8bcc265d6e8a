"""Alerts: what is wrong is told once, when it begins and when it is over (docs/decisions/0031-alerts.md).

`looks/` finds what is wrong now, in plain functions that also feed `doctor`; `watch` compares it with the incidents of
the operations store; `messengers` bring the messages to people.
"""
