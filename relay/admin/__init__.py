"""The admin listener: what the operator and Prometheus ask of a relay that runs.

Loaded only where ``[admin]`` stands in the configuration, and apart from the data plane: a fault in
here is logged and ends a request, a connection or the listener, never a session.
"""
