"""Planning: the marts' pick lines, compared with the outbox, give transitions and tasks. No I/O."""
