"""Records of sessions: written while they live, kept off the event loop, and said in words."""
