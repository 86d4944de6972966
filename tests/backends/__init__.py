"""What is peculiar to one kind of database."""
