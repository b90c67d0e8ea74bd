"""What `run.py` is made of: `measure` runs and times, `native` and `wasm` know the peers and the requirements of one table each."""
