"""Property tests take as long as a busy machine makes them take: a deadline would only measure that."""

from hypothesis import settings

settings.register_profile("no deadline", deadline=None)
settings.load_profile("no deadline")
