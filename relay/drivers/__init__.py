"""What carries a session, one chunk at a time: the reactor between sockets, the pump elsewhere."""
