"""The webhook receiver. It stores every event in the inbox of the operations store, and never touches the lake."""
