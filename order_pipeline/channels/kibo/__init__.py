"""Kibo/Shopatron orders, read through Order Search v2 (docs/apis/kibo.md). The API has orders only, no invoices.

The record id is the vendor's `orderID` as text. It is unique across manufacturers (documented), so the orders of
several manufacturers share one id space; which one an order belongs to stands in its payload as `manufacturerID`.
Nothing here calls an endpoint that changes something (`/action/...`, `createOrder`).
"""
