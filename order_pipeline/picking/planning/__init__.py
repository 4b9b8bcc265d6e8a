"""Planning: what the marts say of each order, compared with the outbox, gives transitions and tasks. No I/O."""
