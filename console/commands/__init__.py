"""The commands: each reads its arguments, calls an operation and shows what came back."""
