"""Running trials: the worker, the session that feeds it, and two executors, here and on Ray Tune."""
