"""One program per SDK of Python; they run in an environment of their own, as modules."""
