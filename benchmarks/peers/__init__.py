"""What a user would pick: forge-jobs and its peers, all behind one small interface so that all are measured alike."""
