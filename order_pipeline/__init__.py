"""The road from sales channels to the warehouse floor.

One direction only: channel API -> raw -> staging -> core -> marts -> outbox -> ScanOrders. Nothing downstream calls a
channel's API; nothing upstream knows ScanOrders.
"""
