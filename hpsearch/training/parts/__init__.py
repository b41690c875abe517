"""Parts of a training: schedules, losses, mixing, optimisers, initialisation, averaging."""
