"""The command line: one file a command family, and ``show`` for what they say."""
