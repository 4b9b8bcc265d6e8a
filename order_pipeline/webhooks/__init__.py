"""The webhook receiver. It writes to the operations store's inbox and never touches the lake."""
