"""The native engine: programs as plans, run by C++."""
