"""Classification of moving objects: a model inspects regions around tracks, several frames vote on a label."""
