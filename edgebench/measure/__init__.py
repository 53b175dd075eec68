"""Plan sessions, drive an agent through them, and turn what came back into figures with intervals."""
