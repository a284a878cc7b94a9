"""Applications that shadow themselves, for the servers of `test_inside.py`: `HTTPTEE_B` names B."""
