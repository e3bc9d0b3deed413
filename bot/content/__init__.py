"""What people read and how conversations go: files in flows/ and locales/, checked before anything starts."""
