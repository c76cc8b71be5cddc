"""The core under a coverage-guided fuzzer; `docs/fuzzing.md` says what it looks for."""
