"""The outbox: the states of pick lines, their storage, the tasks, and the copy for analysts."""
