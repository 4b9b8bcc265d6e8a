"""The outbox: the states of pick lines, their storage, the tasks for people, and the copy for analysts."""
